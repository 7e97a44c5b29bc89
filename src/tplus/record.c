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
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/error.h"
#include "tplus/decode.h"
#include "tplus/lookup.h"
#include "tplus/record.h"
#include "tplus/seen.h"

struct TplusIntake
{
	const TplusQuery *query;
	MemoryContext context;
	TplusJsonArena *arena;
	TplusLookup *key;
	TplusLookup *version;		/* NULL: the resource has none */
	TplusLookup *disabled;		/* NULL: the resource has none */
	TplusLookup *unique;		/* NULL: no clause pins a field */
	TplusSeen  *seen;
	uint32		stamp;			/* of the page that is being read */
	uint32		page_stamp;		/* of its first attempt */
	uint32		sweep_stamp;	/* of the sweep's first page */
	char		made_key[37];	/* the key of a record without one */
	uint64		max_version;
	uint64		left_out;
	char	   *edited_key;
	uint64		edited_version;
	bool		all_versioned;
};

static TplusLookup *
lookup_or_null(const char *field, MemoryContext context)
{
	return field ? tplus_lookup_create(field, context) : NULL;
}

TplusIntake *
tplus_intake_create(const TplusQuery *query, MemoryContext context)
{
	TplusIntake *intake = MemoryContextAllocZero(context, sizeof(TplusIntake));

	intake->query = query;
	intake->context = context;
	intake->arena = tplus_json_arena_create(context);
	intake->key = tplus_lookup_create(query->key, context);
	intake->version = lookup_or_null(query->version, context);
	intake->disabled = lookup_or_null(query->disabled, context);
	intake->unique = lookup_or_null(query->unique_field, context);
	intake->seen = tplus_seen_create(context);
	intake->all_versioned = true;
	return intake;
}

void
tplus_intake_begin_sweep(TplusIntake *intake)
{
	intake->sweep_stamp = intake->stamp + 1;
}

void
tplus_intake_begin_page(TplusIntake *intake, bool repeated)
{
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
	size_t		len = strlen(text);

	if (len == 0 || len > 16 ||
		strspn(text, "0123456789abcdefABCDEF") != len)
		return false;
	*version = strtou64(text, NULL, 16);
	return true;
}

/* A UUID (version 8, made by hashing) for a record that has no key. */
static const char *
make_key(TplusIntake *intake, const char *text, size_t len)
{
	uint64		a = hash_bytes_extended((const unsigned char *) text, len, 1);
	uint64		b = hash_bytes_extended((const unsigned char *) text, len, 2);

	snprintf(intake->made_key, sizeof(intake->made_key),
			 "%08x-%04x-8%03x-%04x-%012llx",
			 (uint32) (a >> 32), (uint32) (a >> 16) & 0xffff,
			 (uint32) a & 0xfff,
			 ((uint32) (b >> 48) & 0x3fff) | 0x8000,
			 (unsigned long long) (b & UINT64CONST(0xffffffffffff)));
	return intake->made_key;
}

static char *
show(const char *text, size_t len)
{
	return tplus_error_clip(text, len, 200, NULL, 0);
}

/* The key of a record, or of its content. */
static void
find_key(TplusIntake *intake, const char *text, size_t len,
		 TplusRecord *record)
{
	TplusJson  *node = tplus_lookup_find(intake->key, record->json);
	const char *key = tplus_json_text(node);

	record->generated = false;
	if (node && key && *key && tplus_json_kind(node) != TPLUS_JSON_NULL)
	{
		record->key = key;
		return;
	}
	if (!intake->query->table->generate_key)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("a record of %s has no \"%s\"",
						intake->query->what, intake->query->key),
				 errdetail_internal("The record begins with \"%s\".",
									show(text, len)),
				 errhint("Name another field with the option \"key\" of the foreign table, or set \"on_missing_key\" to \"generate\".")));
	record->key = make_key(intake, text, len);
	record->generated = true;
}

static void
find_version(TplusIntake *intake, TplusRecord *record)
{
	TplusJson  *node;
	const char *text;

	record->version = 0;
	record->version_text = NULL;
	if (intake->version == NULL)
		return;
	node = tplus_lookup_find(intake->version, record->json);
	text = tplus_json_text(node);
	if (node && text && tplus_json_kind(node) == TPLUS_JSON_STRING &&
		tplus_version_parse(text, &record->version))
		record->version_text = text;
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
	find_key(intake, text, len, record);
	find_version(intake, record);
	if (intake->disabled)
		record->disabled_known =
			tplus_decode_bool(tplus_lookup_find(intake->disabled, record->json),
							  &record->disabled);
}

static void
parse_record(TplusIntake *intake, const char *text, size_t len,
			 TplusRecord *record)
{
	const char *problem = "it is no object";
	size_t		offset = 0;

	tplus_json_arena_reset(intake->arena);
	record->json = tplus_json_parse(intake->arena, text, len, &problem,
									&offset);
	if (tplus_json_kind(record->json) != TPLUS_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a record of %s is malformed", intake->query->what),
				 errdetail_internal("At byte %zu of the record: %s. It begins with \"%s\".",
									offset, record->json ? "it is no object" : problem,
									show(text, len))));
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
								show(record->key, strlen(record->key)), how),
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

void
tplus_intake_take(TplusIntake *intake, const char *text, size_t len,
				  int source, bool keys_only, TplusRecord *record)
{
	TplusSeenKey *entry;
	bool		found;
	uint32		content = 0;

	memset(record, 0, sizeof(*record));
	parse_record(intake, text, len, record);
	find_key(intake, text, len, record);
	find_version(intake, record);
	if (intake->disabled)
		record->disabled_known =
			tplus_decode_bool(tplus_lookup_find(intake->disabled, record->json),
							  &record->disabled);
	if (intake->unique)
		record->unique_value = tplus_json_text(tplus_lookup_find(intake->unique,
																 record->json));
	if (!keys_only)
		content = hash_bytes((const unsigned char *) text, len) | 1;

	entry = tplus_seen_enter(intake->seen, record->key, &found);
	if (found)
		compare_known(intake, entry, content, source, record);
	record->again = found && entry->stamp >= intake->sweep_stamp &&
		entry->stamp < intake->page_stamp;

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
	return tplus_seen_bytes(intake->seen);
}
