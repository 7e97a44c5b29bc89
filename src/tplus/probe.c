/*-------------------------------------------------------------------------
 *
 * probe.c
 *		A question to the server, and the records of its answer as witnesses.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/probe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/error.h"
#include "tplus/convert.h"
#include "tplus/decode.h"
#include "tplus/lookup.h"
#include "tplus/probe.h"
#include "tplus/record.h"
#include "tplus/secrets.h"

/* A server that overlooks PageSize may send everything. */
#define MAX_WITNESSES	20000

/* Deepest place of rows that is looked for in a reply. */
#define MAX_SHAPE_DEPTH	3

/* Bytes of foreign text that a fact repeats. */
#define MAX_SHOWN	64

/* The fields of a witness. */
typedef enum WitnessField
{
	WITNESS_KEY,
	WITNESS_VERSION,
	WITNESS_FLAG,
	WITNESS_CODE,
	WITNESS_NAME,
	WITNESS_DATE
} WitnessField;

#define NWITNESSFIELDS	(WITNESS_DATE + 1)

struct TplusProbe
{
	const TplusCalibrateSpec *spec;
	MemoryContext context;
	TplusTableOptions table;	/* with what only a probe may take lightly */
	TplusQuery	query;
	TplusCallStats stats;
	TplusLearned learned[TPLUS_NOPERATIONS];
	List	   *fixed;			/* parameters of each request */
	StringInfoData envelope;
	int			requests;
	TplusTally	holds;			/* see tplus_probe_holds() */
	TplusJsonArena *arena;
	pg_tz	   *zone;			/* of the server */
	const char *names[NWITNESSFIELDS];	/* NULL: there is none */
	const char *name_param;		/* that filters by WITNESS_NAME */
	TplusLookup *lookups[NWITNESSFIELDS];
	TplusLookup *columns;
	int			ncolumns;
	const char **column_fields;
	bool	   *column_seen;
	int			nfilters;
	int		   *filter_columns; /* the column that shows the filter's field */
};

/* The field whose equality finds one record, and whose value is a text. */
static const char *
find_code(const TplusResource *resource)
{
	int			i;

	for (i = 0; i < resource->nfields; i++)
	{
		if (resource->fields[i].filter == TPLUS_FILTER_KIND_TEXT &&
			(resource->fields[i].flags & TPLUS_FIELD_UNIQUE))
			return resource->fields[i].name;
	}
	return NULL;
}

/* A text that T+ filters by, beside the code. */
static const TplusFilter *
find_name(const TplusCalibrateSpec *spec, const char *code)
{
	ListCell   *lc;

	foreach(lc, spec->filters)
	{
		const TplusFilter *filter = lfirst(lc);

		if (filter->kind == TPLUS_FILTER_KIND_TEXT &&
			(code == NULL || strcmp(filter->field, code) != 0))
			return filter;
	}
	return NULL;
}

static void
add_name(StringInfo list, const char *name)
{
	if (name == NULL)
		return;
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	appendStringInfoString(list, name);
}

/* What SelectFields asks for, as the table's option has it. */
static void
make_select(TplusProbe *probe)
{
	const char *declared = probe->spec->table->select_fields;
	StringInfoData list;
	int			i;
	int			k;

	if (strcmp(declared, "none") == 0)
		return;
	probe->query.key_fields = probe->query.select_fields = declared;
	if (strcmp(declared, "auto") != 0)
		return;
	initStringInfo(&list);
	for (i = 0; i < NWITNESSFIELDS; i++)
		add_name(&list, probe->names[i]);
	probe->query.key_fields = pstrdup(list.data);
	for (i = 0; i < probe->ncolumns; i++)
	{
		bool		known = false;

		for (k = 0; k < NWITNESSFIELDS; k++)
			known |= probe->names[k] &&
				pg_strcasecmp(probe->names[k], probe->column_fields[i]) == 0;
		if (!known)
			add_name(&list, probe->column_fields[i]);
	}
	probe->query.select_fields = list.data;
}

/* The column that shows a field; -1: none does. */
static int
find_column(const TplusProbe *probe, const char *field)
{
	int			i;

	for (i = 0; i < probe->ncolumns; i++)
	{
		if (strcmp(probe->column_fields[i], field) == 0)
			return i;
	}
	return -1;
}

static void
make_lookups(TplusProbe *probe)
{
	ListCell   *lc;
	int			i;

	for (i = 0; i < NWITNESSFIELDS; i++)
	{
		if (probe->names[i])
			probe->lookups[i] = tplus_lookup_create(probe->names[i],
													probe->context);
	}
	probe->column_fields = palloc(sizeof(char *) *
								  (list_length(probe->spec->fields) + 1));
	foreach(lc, probe->spec->fields)
		probe->column_fields[probe->ncolumns++] = lfirst(lc);
	probe->column_seen = palloc0(probe->ncolumns + 1);
	probe->filter_columns = palloc(sizeof(int) *
								   (list_length(probe->spec->filters) + 1));
	foreach(lc, probe->spec->filters)
		probe->filter_columns[probe->nfilters++] =
		find_column(probe, ((const TplusFilter *) lfirst(lc))->field);
	if (probe->ncolumns > 0)
		probe->columns = tplus_lookup_create_set(probe->column_fields,
												 probe->ncolumns,
												 probe->context);
}

TplusProbe *
tplus_probe_create(const TplusCalibrateSpec *spec)
{
	TplusProbe *probe = palloc0(sizeof(TplusProbe));
	TplusQuery *query = &probe->query;
	const TplusFilter *name;

	probe->spec = spec;
	probe->context = CurrentMemoryContext;
	probe->table = *spec->table;

	/* Nothing is lost by an answer without rows: it proves nothing. */
	probe->table.empty_is_zero = true;
	if (spec->table->fixed_params)
		probe->fixed = tplus_encode_object(spec->table->fixed_params);
	probe->names[WITNESS_KEY] = spec->key;
	probe->names[WITNESS_VERSION] = spec->resource->version;
	probe->names[WITNESS_FLAG] = spec->resource->disabled;
	probe->names[WITNESS_CODE] = find_code(spec->resource);
	name = find_name(spec, probe->names[WITNESS_CODE]);
	if (name)
	{
		probe->names[WITNESS_NAME] = name->field;
		probe->name_param = name->param;
	}
	probe->names[WITNESS_DATE] = spec->date;
	probe->arena = tplus_json_arena_create(probe->context);
	probe->zone = tplus_convert_zone(spec->account->server.timezone);
	initStringInfo(&probe->envelope);
	make_lookups(probe);

	query->account = spec->account;
	query->table = &probe->table;
	query->resource = spec->resource;
	query->what = spec->what;
	query->key = spec->key;
	query->version = spec->resource->version;
	query->disabled = spec->resource->disabled;
	query->stats = &probe->stats;
	query->learned = probe->learned;
	query->envelope = &probe->envelope;
	make_select(probe);
	return probe;
}

static char *
copy_value(TplusProbe *probe, const TplusJson *node)
{
	const char *text = tplus_json_text(node);

	if (text == NULL || *text == '\0' ||
		tplus_json_kind(node) == TPLUS_JSON_NULL)
		return NULL;
	return MemoryContextStrdup(probe->context, text);
}

static char *
copy_text(TplusProbe *probe, TplusLookup *lookup, const TplusJson *record)
{
	return copy_value(probe,
					  lookup ? tplus_lookup_find(lookup, record) : NULL);
}

/* Foreign text for a fact. */
static char *
show(const TplusProbe *probe, const char *text)
{
	return tplus_secrets_clip(probe->query.account, text, strlen(text),
							  MAX_SHOWN);
}

/* The flag as it stands in a record. */
static const char *
flag_spelling(TplusProbe *probe, const TplusJson *node)
{
	MemoryContext old;
	char	   *result;

	if (node == NULL || tplus_json_text(node) == NULL)
		return NULL;
	old = MemoryContextSwitchTo(probe->context);
	result = show(probe, tplus_json_text(node));
	if (tplus_json_kind(node) == TPLUS_JSON_STRING)
		result = psprintf("\"%s\"", result);
	MemoryContextSwitchTo(old);
	return result;
}

/* A value to ask for, as SQL would have it; NULL if no text can hold it. */
static const char *
copy_asked(TplusProbe *probe, const TplusJson *node)
{
	char	   *utf8 = copy_value(probe, node);
	MemoryContext old = MemoryContextSwitchTo(probe->context);
	char	   *result = utf8 ? tplus_convert_foreign(utf8) : NULL;

	MemoryContextSwitchTo(old);
	return result;
}

/* What the record has for the filters, and which columns it has at all. */
static void
take_columns(TplusProbe *probe, const TplusJson *record, bool all_fields,
			 TplusWitness *witness)
{
	int			i;

	tplus_lookup_scan(probe->columns, record);
	for (i = 0; i < probe->ncolumns; i++)
		probe->column_seen[i] |= tplus_lookup_get(probe->columns, i) != NULL;
	if (!all_fields)
		return;
	witness->values = MemoryContextAllocZero(probe->context,
											 sizeof(char *) * (probe->nfilters + 1));
	for (i = 0; i < probe->nfilters; i++)
	{
		if (probe->filter_columns[i] >= 0)
			witness->values[i] =
				copy_asked(probe, tplus_lookup_get(probe->columns,
												   probe->filter_columns[i]));
	}
}

static void
take_witness(TplusProbe *probe, const char *text, size_t len, bool all_fields,
			 TplusFinding *finding)
{
	TplusWitness *witness = &finding->witnesses[finding->nwitnesses];
	const char *problem;
	size_t		offset;
	TplusJson  *json;
	char	   *value;

	memset(witness, 0, sizeof(*witness));
	tplus_json_arena_reset(probe->arena);
	json = tplus_json_parse(probe->arena, text, len, &problem, &offset);
	if (tplus_json_kind(json) != TPLUS_JSON_OBJECT)
		return;
	witness->id = copy_text(probe, probe->lookups[WITNESS_KEY], json);
	witness->code = copy_text(probe, probe->lookups[WITNESS_CODE], json);
	witness->name = copy_text(probe, probe->lookups[WITNESS_NAME], json);
	value = copy_text(probe, probe->lookups[WITNESS_VERSION], json);
	if (value && !tplus_version_parse(value, &witness->version))
		witness->version = 0;
	witness->key = witness->id ? witness->id :
		witness->code ? witness->code : value;
	value = copy_text(probe, probe->lookups[WITNESS_DATE], json);
	witness->has_day = value &&
		tplus_convert_day(value, probe->zone, &witness->day,
						  &witness->has_time);
	if (probe->lookups[WITNESS_FLAG])
	{
		TplusJson  *node = tplus_lookup_find(probe->lookups[WITNESS_FLAG],
											 json);

		witness->disabled_known = tplus_decode_bool(node, &witness->disabled);
		if (finding->flag == NULL)
			finding->flag = flag_spelling(probe, node);
	}
	finding->nwitnesses++;
	if (probe->columns)
		take_columns(probe, json, all_fields, witness);
}

/* The path of the rows in a reply; rows are left out of it as an empty array. */
static bool
find_rows(const TplusJson *node, StringInfo path, int depth)
{
	const TplusJson *child;
	int			len = path->len;

	if (tplus_json_kind(node) == TPLUS_JSON_ARRAY)
		return tplus_json_length(node) == 0;
	if (tplus_json_kind(node) != TPLUS_JSON_OBJECT || depth > MAX_SHAPE_DEPTH)
		return false;
	for (child = tplus_json_first(node); child; child = tplus_json_next(child))
	{
		if (len > 0)
			appendStringInfoChar(path, '.');
		appendStringInfoString(path, tplus_json_key(child));
		if (find_rows(child, path, depth + 1))
			return true;
		path->len = len;
		path->data[len] = '\0';
	}
	return false;
}

static const char *
reply_shape(TplusProbe *probe)
{
	StringInfoData path;
	const char *problem;
	size_t		offset;
	TplusJson  *json;

	tplus_json_arena_reset(probe->arena);
	json = tplus_json_parse(probe->arena, probe->envelope.data,
							probe->envelope.len, &problem, &offset);
	if (tplus_json_kind(json) == TPLUS_JSON_ARRAY)
		return "array";
	initStringInfo(&path);
	return find_rows(json, &path, 0) ? show(probe, path.data) : NULL;
}

static void
note_page(TplusTally *holds, const TplusTally *page)
{
	holds->rows = Max(holds->rows, page->rows);
	holds->bytes = Max(holds->bytes, page->bytes);
	holds->longest = Max(holds->longest, page->longest);
}

/* Receives the answer; the call lives in a context of its own. */
static void
receive(TplusProbe *probe, const TplusRequest *request,
		const TplusQuestion *question, TplusFinding *finding)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "tplus_fdw probe",
												  ALLOCSET_SMALL_SIZES);
	TplusCall  *call = tplus_query_call(&probe->query, request,
										!question->loud, context);
	int			room = 0;
	TplusCallStatus status;
	const char *text;
	size_t		len;

	while ((status = tplus_call_next(call, &text, &len)) != TPLUS_CALL_END)
	{
		if (status == TPLUS_CALL_REFUSED)
		{
			finding->refused = true;
			break;
		}
		if (status == TPLUS_CALL_RESTARTED)
		{
			finding->rows = finding->nwitnesses = 0;
			continue;
		}
		finding->rows++;
		if (finding->nwitnesses >= MAX_WITNESSES)
			continue;
		if (finding->nwitnesses == room)
		{
			room = Max(room * 2, 64);
			finding->witnesses = finding->witnesses ?
				repalloc(finding->witnesses, sizeof(TplusWitness) * room) :
				palloc(sizeof(TplusWitness) * room);
		}
		take_witness(probe, text, len, question->all_fields, finding);
	}
	if (finding->refused)
		finding->rows = finding->nwitnesses = 0;
	else
	{
		if (question->operation == TPLUS_OPERATION_QUERY)
			note_page(&probe->holds, tplus_call_tally(call));
		finding->total = tplus_call_total(call);
		finding->shape = reply_shape(probe);
	}
	MemoryContextDelete(context);
}

void
tplus_probe_ask(TplusProbe *probe, const TplusQuestion *question,
				TplusFinding *finding)
{
	TplusArm	arm = {0};
	TplusRequest request = {0};
	MemoryContext old;

	memset(finding, 0, sizeof(*finding));
	finding->total = -1;
	finding->size = question->size;
	if (probe->requests >= probe->spec->max_requests)
		return;
	finding->asked = true;
	probe->requests++;

	old = MemoryContextSwitchTo(probe->context);
	resetStringInfo(&probe->envelope);
	arm.params = list_copy(probe->fixed);
	if (question->day)
		arm.params = lappend(arm.params,
							 tplus_encode_text(probe->spec->date_param,
											   question->day));
	arm.params = list_concat(arm.params, question->params);
	arm.has_disabled = question->has_flag;
	arm.disabled = question->flag;
	request.path = question->operation == TPLUS_OPERATION_PAGE ?
		probe->spec->resource->page_path : probe->spec->resource->path;
	request.arm = &arm;
	request.encoding = question->encoding;
	request.keys_only = !question->all_fields;
	request.page_size = question->size;
	request.page_index = question->operation == TPLUS_OPERATION_PAGE ?
		question->page_index : -1;
	request.cursor = question->cursor;
	receive(probe, &request, question, finding);
	MemoryContextSwitchTo(old);
}

void
tplus_probe_ask_surely(TplusProbe *probe, const TplusQuestion *question,
					   TplusFinding *finding)
{
	tplus_probe_ask(probe, question, finding);
	if (finding->refused)
		tplus_probe_ask(probe, question, finding);
}

int
tplus_probe_requests(const TplusProbe *probe)
{
	return probe->requests;
}

bool
tplus_probe_has_room(const TplusProbe *probe)
{
	return probe->requests < probe->spec->max_requests;
}

const TplusTally *
tplus_probe_holds(const TplusProbe *probe)
{
	return &probe->holds;
}

const char *
tplus_probe_version(const TplusProbe *probe)
{
	return probe->names[WITNESS_VERSION];
}

const char *
tplus_probe_flag(const TplusProbe *probe)
{
	return probe->names[WITNESS_FLAG];
}

const char *
tplus_probe_code(const TplusProbe *probe)
{
	return probe->names[WITNESS_CODE];
}

const char *
tplus_probe_name(const TplusProbe *probe)
{
	return probe->name_param;
}

bool
tplus_probe_is_fixed(const TplusProbe *probe, const char *param)
{
	return tplus_encode_find(probe->fixed, param) != NULL;
}

List *
tplus_probe_missing(const TplusProbe *probe)
{
	List	   *result = NIL;
	int			i;

	for (i = 0; i < probe->ncolumns; i++)
	{
		if (!probe->column_seen[i])
			result = lappend(result, unconstify(char *, probe->column_fields[i]));
	}
	return result;
}
