/*-------------------------------------------------------------------------
 *
 * record.c
 *		Taking a record in: its key, its version, and whether it is new.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/record.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_crc32c.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/error.h"
#include "tplus/decode.h"
#include "tplus/lookup.h"
#include "tplus/record.h"
#include "tplus/secrets.h"
#include "tplus/seen.h"

/* Room for one spelling of a value after the other. */
typedef struct Spelling
{
	char	   *text;
	size_t		size;
} Spelling;

struct TplusIntake
{
	const TplusQuery *query;
	MemoryContext context;
	TplusJsonArena *arena;
	TplusLookup *lookup;		/* of what follows */
	int			version;		/* number in the lookup; -1: there is none */
	int			disabled;
	int			unique;
	TplusSeen  *seen;
	TplusTwins *twins;			/* of the records without a key */
	uint32		stamp;			/* of the page that is being read */
	uint32		page_stamp;		/* of its first attempt */
	uint32		sweep_stamp;	/* of the sweep's first page */
	char		made_key[37];	/* the key of a record without one */
	uint64		made_hash[2];	/* of its content */
	Spelling	key_spelling;	/* of the record under way */
	Spelling	unique_spelling;
	uint64		max_version;
	uint64		left_out;
	char	   *edited_key;
	uint64		edited_version;
	bool		all_versioned;
};

/* Number of the key in the lookup of what is taken in. */
#define KEY		0

static int
add_field(const char **fields, int *nfields, const char *field)
{
	if (field == NULL)
		return -1;
	fields[*nfields] = field;
	return (*nfields)++;
}

TplusIntake *
tplus_intake_create(const TplusQuery *query, MemoryContext context)
{
	TplusIntake *intake = MemoryContextAllocZero(context, sizeof(TplusIntake));
	const char *fields[4] = {query->key};
	int			nfields = 1;

	intake->query = query;
	intake->context = context;
	intake->arena = tplus_json_arena_create(context);
	intake->version = add_field(fields, &nfields, query->version);
	intake->disabled = add_field(fields, &nfields, query->disabled);
	intake->unique = add_field(fields, &nfields, query->unique_field);
	intake->lookup = tplus_lookup_create_set(fields, nfields, context);
	intake->seen = tplus_seen_create(context);
	intake->twins = tplus_twins_create(query->what, context);
	intake->all_versioned = true;
	return intake;
}

void
tplus_intake_begin_sweep(TplusIntake *intake, bool by_version)
{
	tplus_twins_begin_sweep(intake->twins, by_version);
	intake->sweep_stamp = intake->stamp + 1;
}

void
tplus_intake_begin_page(TplusIntake *intake, bool repeated)
{
	tplus_twins_begin_page(intake->twins, repeated);
	intake->stamp++;
	if (!repeated)
		intake->page_stamp = intake->stamp;
}

char *
tplus_version_text(uint64 version)
{
	return psprintf("%016llx", (unsigned long long) version);
}

bool
tplus_version_parse(const char *text, uint64 *version)
{
	uint64		result = 0;
	int			n = 0;

	for (; text[n] != '\0'; n++)
	{
		unsigned char c = text[n];

		if (n == 16)
			return false;
		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (c | 0x20) - 'a' + 10;
		else
			return false;
		result = result << 4 | c;
	}
	*version = result;
	return n > 0;
}

/* A UUID (version 8, made by hashing) for a record that has no key. */
static const char *
make_key(TplusIntake *intake, const uint64 hash[2])
{
	uint64		a = hash[0];
	uint64		b = hash[1];

	snprintf(intake->made_key, sizeof(intake->made_key),
			 "%08x-%04x-8%03x-%04x-%012llx",
			 (uint32) (a >> 32), (uint32) (a >> 16) & 0xffff,
			 (uint32) a & 0xfff,
			 ((uint32) (b >> 48) & 0x3fff) | 0x8000,
			 (unsigned long long) (b & UINT64CONST(0xffffffffffff)));
	return intake->made_key;
}

/*
 * Of the n-th record with this content.  Each has two seeds of its own; the
 * first has those that version 1.0 used, so that keys that were stored stay.
 */
static void
hash_twin(const char *text, size_t len, uint32 twin, uint64 hash[2])
{
	uint64		seed = (uint64) twin * 2;

	hash[0] = hash_bytes_extended((const unsigned char *) text, len, seed - 1);
	hash[1] = hash_bytes_extended((const unsigned char *) text, len, seed);
}

static char *
show(const TplusIntake *intake, const char *text, size_t len)
{
	return tplus_secrets_clip(intake->query->account, text, len, 200);
}

/* The one spelling of a value; NULL if there is none. */
static const char *
spell(TplusIntake *intake, TplusKeyKind kind, TplusJson *node,
	  Spelling *spelling)
{
	const char *text = tplus_json_text(node);
	size_t		needed;

	if (text == NULL)
		return NULL;
	needed = strlen(text) + TPLUS_KEY_SLACK;

	if (needed > spelling->size)
	{
		if (spelling->text)
			pfree(spelling->text);
		spelling->text = NULL;
		spelling->size = 0;
		spelling->text = MemoryContextAlloc(intake->context, needed);
		spelling->size = needed;
	}
	tplus_key_spell(kind, tplus_json_kind(node) == TPLUS_JSON_NUMBER, text,
					spelling->text);
	return spelling->text;
}

/* The key of a record, or of its content. */
static void
find_key(TplusIntake *intake, const char *text, size_t len,
		 TplusRecord *record)
{
	TplusJson  *node = tplus_lookup_get(intake->lookup, KEY);
	const char *key = tplus_json_text(node);

	record->generated = false;
	if (node && key && *key && tplus_json_kind(node) != TPLUS_JSON_NULL)
	{
		record->key = spell(intake, intake->query->key_kind, node,
							&intake->key_spelling);
		return;
	}
	if (!intake->query->table->generate_key)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("a record of %s has no \"%s\"",
						intake->query->what, intake->query->key),
				 errdetail_internal("The record begins with \"%s\".",
									show(intake, text, len)),
				 errhint("Name another field with the option \"key\" of the foreign table, or set \"on_missing_key\" to \"generate\".")));
	hash_twin(text, len, 1, intake->made_hash);
	record->key = make_key(intake, intake->made_hash);
	record->generated = true;
}

/* Numbers a record without a key, whose key that number is part of. */
static void
number_twin(TplusIntake *intake, const char *text, size_t len,
			TplusRecord *record)
{
	uint64		hash[2];

	record->twin = tplus_twins_number(intake->twins, intake->made_hash);
	if (record->twin == 1)
		return;
	hash_twin(text, len, record->twin, hash);
	record->key = make_key(intake, hash);
}

static void
find_version(TplusIntake *intake, TplusRecord *record)
{
	TplusJson  *node;
	const char *text;

	record->version = 0;
	record->version_text = NULL;
	if (intake->version < 0)
		return;
	node = tplus_lookup_get(intake->lookup, intake->version);
	text = tplus_json_text(node);
	if (node && text && tplus_json_kind(node) == TPLUS_JSON_STRING &&
		tplus_version_parse(text, &record->version))
		record->version_text = text;
}

/* What the intake needs to know of a record. */
static void
find_parts(TplusIntake *intake, const char *text, size_t len,
		   TplusRecord *record)
{
	tplus_lookup_scan(intake->lookup, record->json);
	find_key(intake, text, len, record);
	find_version(intake, record);
	if (intake->disabled >= 0)
		record->disabled_known =
			tplus_decode_bool(tplus_lookup_get(intake->lookup,
											   intake->disabled),
							  &record->disabled);
}

void
tplus_intake_peek(TplusIntake *intake, const char *text, TplusRecord *record)
{
	size_t		len = strlen(text);
	const char *problem;
	size_t		offset;

	memset(record, 0, sizeof(*record));
	tplus_json_arena_reset(intake->arena);
	record->json = tplus_json_parse(intake->arena, text, len, &problem,
									&offset);
	if (tplus_json_kind(record->json) != TPLUS_JSON_OBJECT)
		return;
	find_parts(intake, text, len, record);
}

uint64
tplus_intake_version(TplusIntake *intake, const char *text, size_t len)
{
	TplusRecord record = {0};
	const char *problem;
	size_t		offset;

	tplus_json_arena_reset(intake->arena);
	record.json = tplus_json_parse(intake->arena, text, len, &problem,
								   &offset);
	if (tplus_json_kind(record.json) == TPLUS_JSON_OBJECT)
	{
		tplus_lookup_scan(intake->lookup, record.json);
		find_version(intake, &record);
	}
	return record.version;
}

void
tplus_intake_malformed(TplusIntake *intake, const char *text, size_t len)
{
	const char *problem;
	size_t		offset = 0;
	TplusJson  *json;

	tplus_json_arena_reset(intake->arena);
	json = tplus_json_parse(intake->arena, text, len, &problem, &offset);
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("a record of %s is malformed", intake->query->what),
			 errdetail_internal("At byte %zu of the record: %s. It begins with \"%s\".",
								offset, json ? "it is no object" : problem,
								show(intake, text, len))));
}

static void
pg_attribute_noreturn()
report_shared_key(TplusIntake *intake, const TplusRecord *record,
				  const char *how)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("\"%s\" does not identify the records of %s",
					intake->query->key, intake->query->what),
			 errdetail_internal("The value \"%s\" %s.",
								show(intake, record->key,
									 strlen(record->key)), how),
			 errhint("Name a field that does with the option \"key\" of the foreign table.")));
}

/* A record whose key is known: is it the same one? */
static void
compare_known(TplusIntake *intake, TplusSeenKey *entry, uint32 content,
			  int source, TplusRecord *record)
{
	if (record->generated)
		return;
	if (entry->stamp == intake->stamp)
		report_shared_key(intake, record, "stands twice in one page");
	if (entry->version == 0 || record->version == 0)
		return;
	if (record->version > entry->version)
	{
		if (intake->left_out == 0 || record->version < intake->left_out)
			intake->left_out = record->version;
		if (intake->edited_key == NULL)
		{
			intake->edited_key = MemoryContextStrdup(intake->context,
													 record->key);
			intake->edited_version = entry->version;
		}
	}
	else if (record->version < entry->version)
		report_shared_key(intake, record,
						  "came with a row version, and then with a lower one");
	else if (content != 0 && entry->content != 0 &&
			 entry->source == source && entry->content != content)
		report_shared_key(intake, record,
						  "came with two different records of the same version");
}

/* Another content has another one, but for once in four billion. */
static uint32
hash_content(const char *text, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, text, len);
	FIN_CRC32C(crc);
	return crc;
}

bool
tplus_intake_take(TplusIntake *intake, const char *text, size_t len,
				  int source, bool keys_only, TplusRecord *record)
{
	TplusSeenKey *entry;
	const char *problem;
	size_t		offset;
	bool		found;
	uint32		content = 0;

	memset(record, 0, sizeof(*record));
	tplus_json_arena_reset(intake->arena);
	record->json = tplus_json_parse(intake->arena, text, len, &problem,
									&offset);
	if (tplus_json_kind(record->json) != TPLUS_JSON_OBJECT)
		return false;
	find_parts(intake, text, len, record);
	if (intake->unique >= 0)
		record->unique_value = spell(intake, intake->query->unique_kind,
									 tplus_lookup_get(intake->lookup,
													  intake->unique),
									 &intake->unique_spelling);
	if (record->generated)
		number_twin(intake, text, len, record);
	if (!keys_only)
		content = hash_content(text, len) | 1;

	record->len = len;
	entry = tplus_seen_enter(intake->seen, record->key, &found);
	if (found)
		compare_known(intake, entry, content, source, record);

	/* What an earlier attempt of this page has noted holds for this one. */
	if (entry->stamp < intake->page_stamp)
		entry->carried = found && entry->stamp >= intake->sweep_stamp;
	record->again = entry->carried;

	/* A key that only a sweep for keys has seen has yet to go out. */
	record->fresh = !found || entry->content == 0;
	if (record->fresh && !keys_only)
	{
		entry->version = record->version;
		entry->content = content;
		entry->source = source;
	}
	entry->stamp = intake->stamp;
	if (record->version == 0)
		intake->all_versioned = false;
	intake->max_version = Max(intake->max_version, record->version);
	return true;
}

bool
tplus_intake_knows(TplusIntake *intake, const TplusRecord *record)
{
	return record->key && tplus_seen_find(intake->seen, record->key);
}

bool
tplus_intake_sweep_knows(TplusIntake *intake, const TplusRecord *record)
{
	const TplusSeenKey *entry = record->key ?
	tplus_seen_find(intake->seen, record->key) : NULL;

	return entry && entry->stamp >= intake->sweep_stamp;
}

TplusTwins *
tplus_intake_twins(TplusIntake *intake)
{
	return intake->twins;
}

int64
tplus_intake_count(const TplusIntake *intake)
{
	return tplus_seen_count(intake->seen);
}

uint64
tplus_intake_max_version(const TplusIntake *intake)
{
	return intake->max_version;
}

uint64
tplus_intake_left_out(const TplusIntake *intake)
{
	return intake->left_out;
}

bool
tplus_intake_edited(const TplusIntake *intake, const char **key,
					uint64 *version)
{
	*key = intake->edited_key;
	*version = intake->edited_version;
	return intake->edited_key != NULL;
}

bool
tplus_intake_all_versioned(const TplusIntake *intake)
{
	return intake->all_versioned;
}

int64
tplus_intake_bytes(const TplusIntake *intake)
{
	return tplus_seen_bytes(intake->seen) + tplus_twins_bytes(intake->twins);
}
