/*-------------------------------------------------------------------------
 *
 * decode.c
 *		Fuzzes the conversion of records, inside a backend of PostgreSQL.
 *
 * The first byte of an input chooses a column, the rest is a record.  It is
 * decoded as with on_error 'error' and 'null', which must agree: on what the
 * value is, and on whether there is one.  What takes a shortcut past the type's
 * input function must come to the same value as that.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/fuzz/decode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "base/error.h"
#include "tplus/convert.h"
#include "tplus/decode.h"

/* Of the driver of libFuzzer, which is linked to this module. */
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*callback) (const uint8 *data, size_t size));

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_decode);

#define TIMEZONE	"Asia/Shanghai"

/* A secret of the account, which no message may repeat; it is in the dictionary. */
#define SECRET	"k9Qsecret"

/* What is kept for good may grow by this much, after so many inputs. */
#define WARM_UP		2000
#define MAX_GROWTH	(4 * 1024 * 1024)

/* A column in both modes; the soft one has the last column, $error, beside. */
typedef struct Column
{
	Form_pg_attribute attribute;
	TplusConverter converter;
	TplusDecoder *strict;
	TplusDecoder *soft;
} Column;

/* What became of a record. */
typedef struct Outcome
{
	ErrorData  *error;			/* NULL: none was thrown */
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
} Outcome;

static TplusAccount account = {.mapping.app_secret = SECRET};
static int	ncolumns;			/* without $error, which is behind them */
static Column *columns;
static TplusJsonArena *arena;
static MemoryContext long_lived;
static MemoryContext per_input;
static uint64 ninputs = 0;
static Size warm_size = 0;

static void
require(bool condition, const char *what, const Outcome *outcome)
{
	if (condition)
		return;
	write_stderr("%s\n", what);
	if (outcome != NULL && outcome->error != NULL)
		write_stderr("%s: %s\n",
					 unpack_sql_state(outcome->error->sqlerrcode),
					 outcome->error->message);
	abort();
}

static TplusDecoder *
make_decoder(TupleDesc desc, const char *field, int attnum, bool soft)
{
	TplusDecodeSpec *spec = palloc0(sizeof(TplusDecodeSpec));
	TplusDecodeColumn *wanted = palloc(2 * sizeof(TplusDecodeColumn));

	wanted[0].attnum = attnum;
	wanted[0].field = field;
	wanted[1].attnum = desc->natts;
	wanted[1].field = TPLUS_FIELD_ERROR;
	spec->relname = "fuzz";
	spec->account = &account;
	spec->tupdesc = desc;
	spec->ncolumns = soft ? 2 : 1;
	spec->columns = wanted;
	spec->timezone = TIMEZONE;
	spec->error_is_null = soft;
	return tplus_decode_create(spec);
}

/* Columns take the field "v", but for the one that takes all and one path. */
static const char *
field_of(const char *name)
{
	if (strcmp(name, "record") == 0)
		return TPLUS_FIELD_RECORD;
	return strcmp(name, "path") == 0 ? "a.b" : "v";
}

static void
prepare(Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(relation));

	table_close(relation, NoLock);
	ncolumns = desc->natts - 1;
	columns = palloc0(ncolumns * sizeof(Column));
	for (int i = 0; i < ncolumns; i++)
	{
		Column	   *column = &columns[i];
		char	   *name;
		const char *field;

		column->attribute = TupleDescAttr(desc, i);
		name = NameStr(column->attribute->attname);
		field = field_of(name);
		tplus_convert_init(&column->converter, name,
						   column->attribute->atttypid,
						   column->attribute->atttypmod,
						   tplus_convert_zone(TIMEZONE));
		column->strict = make_decoder(desc, field, i + 1, false);
		column->soft = make_decoder(desc, field, i + 1, true);
	}
	long_lived = CurrentMemoryContext;
	arena = tplus_json_arena_create(CurrentMemoryContext);
	per_input = AllocSetContextCreate(CurrentMemoryContext, "one input",
									  ALLOCSET_DEFAULT_SIZES);
}

/*
 * Decodes in a subtransaction, as one who catches errors must.  Everything is
 * in the current context, also the error.
 */
static void
decode(TplusDecoder *decoder, TplusJson *record, Outcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	memset(outcome, 0, sizeof(Outcome));
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		tplus_decode_record(decoder, record, "key", 1, outcome->values,
							outcome->nulls);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		outcome->error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* An error that is about the value, and that a log can take. */
static void
check_error(const Outcome *outcome)
{
	const ErrorData *error = outcome->error;
	bool		is_data = ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
	ERRCODE_DATA_EXCEPTION;

	require(is_data || error->sqlerrcode == ERRCODE_CHECK_VIOLATION ||
			error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION,
			"an error of another kind", outcome);
	require(!is_data || strlen(error->message) <= TPLUS_ERROR_SNIPPET,
			"a long message", outcome);
	require(pg_verify_mbstr(PG_UTF8, error->message, strlen(error->message),
							true),
			"a message that is no text", outcome);
	require(strstr(error->message, SECRET) == NULL &&
			(error->detail == NULL || strstr(error->detail, SECRET) == NULL) &&
			(error->context == NULL || strstr(error->context, SECRET) == NULL),
			"an error that repeats a secret", outcome);
	require(error->context != NULL &&
			strstr(error->context, "of foreign table \"fuzz\"") != NULL,
			"an error without its place", outcome);
}

/* What $error tells keeps secrets, too. */
static void
check_problem(Datum problems)
{
	Jsonb	   *jsonb = DatumGetJsonbP(problems);
	char	   *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));

	require(strstr(text, SECRET) == NULL, text, NULL);
}

/* Are two values the same?  The headers of texts may differ in length. */
static bool
same(const Column *column, Datum one, Datum other)
{
	if (column->attribute->attlen == -1)
	{
		struct varlena *a = PG_DETOAST_DATUM_PACKED(one);
		struct varlena *b = PG_DETOAST_DATUM_PACKED(other);

		return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
			memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
	}
	return datumIsEqual(one, other, column->attribute->attbyval,
						column->attribute->attlen);
}

/* Is the value what the input function makes of this text, if it takes it? */
static void
check_input(const Column *column, const char *text, Datum value)
{
	TplusConverter converter = column->converter;
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool refused = true;
	volatile Datum expected = (Datum) 0;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		expected = InputFunctionCall(&converter.input, pstrdup(text),
									 converter.ioparam, converter.typmod);
		refused = false;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	require(refused || same(column, expected, value),
			"not what the input function says", NULL);
}

/* Holds what shortcuts yield against the input function. */
static void
check_shortcuts(const Column *column, const TplusJson *node, Datum value)
{
	const char *text = tplus_json_text(node);
	Datum		taken;

	if (text == NULL || (*text == '\0' && !column->converter.is_string))
		return;
	switch (column->attribute->atttypid)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
			check_input(column, text, value);
			break;
		default:
			break;
	}
}

/* No setting of the session may change what a value means. */
static void
check_settings(const Column *column, TplusJson *record, const Outcome *expected)
{
	Outcome    *other = palloc(sizeof(Outcome));
	pg_tz	   *zone = session_timezone;
	int			index = column->attribute->attnum - 1;

	session_timezone = tplus_convert_zone("America/Chicago");
	DateOrder = DATEORDER_DMY;
	IntervalStyle = INTSTYLE_SQL_STANDARD;
	decode(column->soft, record, other);
	session_timezone = zone;
	DateOrder = DATEORDER_YMD;
	IntervalStyle = INTSTYLE_POSTGRES;
	require(other->error == NULL && other->nulls[index] == expected->nulls[index] &&
			(other->nulls[index] ||
			 same(column, other->values[index], expected->values[index])),
			"a value that depends on a setting", other);
}

static void
check_record(const Column *column, TplusJson *record)
{
	Outcome    *strict = palloc(sizeof(Outcome));
	Outcome    *soft = palloc(sizeof(Outcome));
	int			index = column->attribute->attnum - 1;
	bool		problem;

	decode(column->strict, record, strict);
	decode(column->soft, record, soft);
	if (strict->error != NULL)
		check_error(strict);
	if (soft->error != NULL)
	{
		/* A domain that refuses null refuses it in any case. */
		require(strict->error != NULL, "only on_error 'null' throws", soft);
		check_error(soft);
		return;
	}
	check_settings(column, record, soft);
	problem = !soft->nulls[ncolumns];
	require(problem == (strict->error != NULL), problem ?
			"a problem that is no error" : "an error that is no problem",
			strict);
	if (problem)
	{
		require(soft->nulls[index], "a value with a problem", strict);
		check_problem(soft->values[ncolumns]);
		return;
	}
	require(strict->nulls[index] == soft->nulls[index] &&
			(soft->nulls[index] ||
			 same(column, strict->values[index], soft->values[index])),
			"two values", NULL);
	if (!soft->nulls[index] &&
		strcmp(field_of(NameStr(column->attribute->attname)), "v") == 0)
		check_shortcuts(column, tplus_json_get(record, "v", NULL),
						soft->values[index]);
}

static void
check_memory(void)
{
	Size		size;

	if (++ninputs < WARM_UP || ninputs % 1000 != 0)
		return;

	/* The server itself keeps each time zone that was ever spelled. */
	size = MemoryContextMemAllocated(TopMemoryContext, false) +
		MemoryContextMemAllocated(long_lived, true);
	if (warm_size == 0)
		warm_size = size;
	require(size < warm_size + MAX_GROWTH, "memory is never given back", NULL);
}

static int
fuzz_one_input(const uint8 *data, size_t size)
{
	MemoryContext old = MemoryContextSwitchTo(per_input);
	const char *problem;
	size_t		offset;
	TplusJson  *record = NULL;
	bool		is_record;

	if (size > 0)
		record = tplus_json_parse(arena, (const char *) data + 1, size - 1,
								  &problem, &offset);
	is_record = tplus_json_kind(record) == TPLUS_JSON_OBJECT;
	if (is_record)
		check_record(&columns[data[0] % ncolumns], record);
	tplus_json_arena_reset(arena);
	MemoryContextSwitchTo(old);
	MemoryContextReset(per_input);
	check_memory();
	return is_record ? 0 : -1;
}

/* fuzz_decode(regclass, VARIADIC text[]): runs libFuzzer with its arguments. */
Datum
fuzz_decode(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	Datum	   *words;
	int			argc;
	char	  **argv;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, NULL,
					  &argc);
	argv = palloc((argc + 2) * sizeof(char *));
	argv[0] = "decode";
	for (int i = 0; i < argc; i++)
		argv[i + 1] = TextDatumGetCString(words[i]);
	argv[++argc] = NULL;

	prepare(PG_GETARG_OID(0));
	/* As tplus/convert calls input functions: what is compared must match. */
	session_timezone = tplus_convert_zone(TIMEZONE);
	DateOrder = DATEORDER_YMD;
	IntervalStyle = INTSTYLE_POSTGRES;
	PG_RETURN_INT32(LLVMFuzzerRunDriver(&argc, &argv, fuzz_one_input));
}
