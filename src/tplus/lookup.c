/*-------------------------------------------------------------------------
 *
 * lookup.c
 *		Finding a field's value in a record, however the server spells it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/lookup.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "tplus/lookup.h"
#include "tplus/lookup_scan.h"

/* Parallel arrays of custom fields: docs/protocol.md, section 3.3 no. 11. */
#define DYNAMIC_KEYS	"DynamicPropertyKeys"
#define DYNAMIC_VALUES	"DynamicPropertyValues"

/*
 * How a field with dots is spelled as a member of the record, best first.  A
 * field without dots has the first way only.
 */
typedef enum LookupWay
{
	WAY_LITERAL,				/* "InventoryClass.Code": ... */
	WAY_NESTED,					/* "InventoryClass": {"Code": ...} */
	WAY_FLAT,					/* "InventoryClassCode": ... */
	NWAYS
} LookupWay;

typedef struct LookupField
{
	const char *name;			/* as given */
	const char *utf8;			/* the same as T+ spells it */
	int			npath;			/* 1: has no dots */
	char	  **path;			/* utf8, cut at the dots */
	int			spelling;		/* of WAY_LITERAL; the others follow */
	int			nspellings;
} LookupField;

struct TplusLookup
{
	TplusLookupScan scan;
	int			nfields;		/* without the two arrays */
	LookupField *fields;		/* the two arrays come last */
	bool		scanned_deep;	/* does the next one tell? */
	bool		is_deep;		/* the record has an object or a dotted key */
};

/*
 * Prepares one field, but for its spellings.
 */
static void
init_field(LookupField *field, const char *name)
{
	char	   *rest;
	char	   *dot;

	field->name = pstrdup(name);
	rest = pg_server_to_any(field->name, strlen(name), PG_UTF8);
	field->utf8 = rest;
	field->npath = 1;
	for (const char *p = rest; *p; p++)
		field->npath += *p == '.';
	field->path = palloc(sizeof(char *) * field->npath);
	rest = pstrdup(rest);
	for (int i = 0; i < field->npath; i++)
	{
		field->path[i] = rest;
		dot = strchr(rest, '.');
		if (dot != NULL)
		{
			*dot = '\0';
			rest = dot + 1;
		}
	}
	field->nspellings = field->npath == 1 ? 1 : NWAYS;
}

static const char *
without_dots(const LookupField *field)
{
	StringInfoData flat;

	initStringInfo(&flat);
	for (int i = 0; i < field->npath; i++)
		appendStringInfoString(&flat, field->path[i]);
	return flat.data;
}

TplusLookup *
tplus_lookup_create(const char *field, MemoryContext context)
{
	return tplus_lookup_create_set(&field, 1, context);
}

TplusLookup *
tplus_lookup_create_set(const char *const *fields, int nfields,
						MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	TplusLookup *lookup = palloc0(sizeof(TplusLookup));
	int			nspellings = 0;

	lookup->nfields = nfields;
	lookup->fields = palloc0(sizeof(LookupField) * (nfields + 2));
	for (int i = 0; i < nfields; i++)
		init_field(&lookup->fields[i], fields[i]);
	init_field(&lookup->fields[nfields], DYNAMIC_KEYS);
	init_field(&lookup->fields[nfields + 1], DYNAMIC_VALUES);
	for (int i = 0; i < nfields + 2; i++)
		nspellings += lookup->fields[i].nspellings;

	tplus_lookup_scan_init(&lookup->scan, nspellings);
	for (int i = 0; i < nfields + 2; i++)
	{
		LookupField *field = &lookup->fields[i];

		field->spelling = lookup->scan.nspellings;
		tplus_lookup_scan_add(&lookup->scan, field->utf8);
		if (field->nspellings == 1)
			continue;
		tplus_lookup_scan_add(&lookup->scan, field->path[0]);
		tplus_lookup_scan_add(&lookup->scan, without_dots(field));
	}
	MemoryContextSwitchTo(caller);
	return lookup;
}

void
tplus_lookup_scan(TplusLookup *lookup, const TplusJson *record)
{
	tplus_lookup_scan_begin(&lookup->scan, record);
	lookup->scanned_deep = false;
}

static void
fail_duplicate(const LookupField *field, bool loose)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_JSON_OBJECT_KEY_VALUE),
			 errmsg("record has field \"%s\" more than once", field->name),
			 loose ?
			 errdetail("No key has exactly this spelling, and several differ from it in case alone.") :
			 errdetail("More than one key stands for it.")));
}

/*
 * The member of an object with this key: the exact one, or with loose also
 * the only one that equals it without regard to case.
 */
static TplusJson *
find_member(const LookupField *field, const TplusJson *object,
			const char *key, bool loose)
{
	TplusJson  *found = NULL;
	bool		duplicate = false;

	found = tplus_json_get(object, key, &duplicate);
	if (duplicate)
		fail_duplicate(field, false);
	if (found != NULL || !loose)
		return found;

	for (TplusJson *member = tplus_json_first(object); member != NULL;
		 member = tplus_json_next(member))
	{
		if (!tplus_lookup_equal(tplus_json_key(member), key))
			continue;
		if (found != NULL)
			fail_duplicate(field, true);
		found = member;
	}
	return found;
}

/*
 * Follows the rest of a field's path from its first member down.  *null is
 * set if a null, or the empty string that T+ also sends for one, stands where
 * the path goes on.
 */
static TplusJson *
follow(const LookupField *field, TplusJson *node, bool loose, TplusJson **null)
{
	for (int i = 1; i < field->npath && node != NULL; i++)
	{
		TplusJsonKind kind = tplus_json_kind(node);

		if (kind == TPLUS_JSON_NULL ||
			(kind == TPLUS_JSON_STRING && *tplus_json_text(node) == '\0'))
			*null = node;
		node = kind == TPLUS_JSON_OBJECT ?
			find_member(field, node, field->path[i], loose) : NULL;
	}
	return node;
}

/*
 * The field among the members of the record; *null is set if there is a null
 * for the whole of a reference.  Should the reference also come in another
 * spelling, that one tells more.
 */
static TplusJson *
find_spelled(TplusLookup *lookup, const LookupField *field, bool loose,
			 TplusJson **null)
{
	const TplusSpelling *spelling = &lookup->scan.spellings[field->spelling];

	tplus_lookup_scan_members(&lookup->scan);

	for (int way = 0; way < field->nspellings; way++, spelling++)
	{
		TplusJson  *node = NULL;

		if (spelling->stamp != lookup->scan.stamp)
			continue;
		if (spelling->nexact > 0)
		{
			if (spelling->nexact > 1)
				fail_duplicate(field, false);
			node = spelling->exact;
		}
		else if (loose && spelling->nloose > 0)
		{
			if (spelling->nloose > 1)
				fail_duplicate(field, true);
			node = spelling->loose;
		}
		if (way == WAY_NESTED)
			node = follow(field, node, loose, null);
		if (node != NULL)
			return node;
	}
	return NULL;
}

/*
 * The same in a regular record, for exact spellings.
 */
static TplusJson *
find_numbered(const TplusLookup *lookup, const LookupField *field,
			  TplusJson **null)
{
	const TplusSpelling *spelling = &lookup->scan.spellings[field->spelling];

	for (int way = 0; way < field->nspellings; way++, spelling++)
	{
		TplusJson  *node = tplus_json_names_member(lookup->scan.names,
												   spelling->number);

		if (way == WAY_NESTED && node != NULL)
			node = follow(field, node, false, null);
		if (node != NULL)
			return node;
	}
	return NULL;
}

static TplusJson *
child_at(const TplusJson *array, int index)
{
	TplusJson  *child = tplus_json_first(array);

	while (child != NULL && index-- > 0)
		child = tplus_json_next(child);
	return child;
}

/*
 * Where a name stands in an array of names: the exact one, or with loose the
 * only one that equals it without regard to case; -1 if nowhere.
 */
static int
find_name(const LookupField *field, const TplusJson *names, bool loose)
{
	int			found = -1;
	int			index = 0;

	for (TplusJson *name = tplus_json_first(names); name != NULL;
		 name = tplus_json_next(name), index++)
	{
		const char *text;

		if (tplus_json_kind(name) != TPLUS_JSON_STRING)
			continue;
		text = tplus_json_text(name);
		if (loose ? !tplus_lookup_equal(text, field->utf8) :
			strcmp(text, field->utf8) != 0)
			continue;
		if (found >= 0)
			fail_duplicate(field, loose);
		found = index;
	}
	return found;
}

/*
 * The field in the parallel arrays of custom fields.
 */
static TplusJson *
find_dynamic(TplusLookup *lookup, const LookupField *field)
{
	const LookupField *arrays = &lookup->fields[lookup->nfields];
	TplusJson  *null = NULL;
	TplusJson  *names = find_spelled(lookup, &arrays[0], true, &null);
	TplusJson  *values;
	int			index;

	if (tplus_json_kind(names) != TPLUS_JSON_ARRAY)
		return NULL;
	index = find_name(field, names, false);
	if (index < 0)
		index = find_name(field, names, true);
	if (index < 0)
		return NULL;

	values = find_spelled(lookup, &arrays[1], true, &null);
	if (tplus_json_kind(values) != TPLUS_JSON_ARRAY ||
		tplus_json_length(values) != tplus_json_length(names))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("could not find the value of field \"%s\" in \"%s\"",
						field->name, DYNAMIC_VALUES),
				 errdetail("\"%s\" names %d fields, and there are %d values.",
						   DYNAMIC_KEYS, tplus_json_length(names),
						   tplus_json_kind(values) == TPLUS_JSON_ARRAY ?
						   tplus_json_length(values) : 0)));
	return child_at(values, index);
}

/*
 * How many bytes of a flat name a member's key makes up, whose dots do not
 * count; 0 if the name does not begin with it.
 */
static size_t
matched_length(const char *name, const char *key, bool loose)
{
	size_t		length = 0;

	for (; *key; key++)
	{
		if (*key == '.')
			continue;
		if (name[length] != *key &&
			!(loose && pg_ascii_tolower((unsigned char) name[length]) ==
			  pg_ascii_tolower((unsigned char) *key)))
			return 0;
		length++;
	}
	return length;
}

/*
 * May the scanned record hold a reference in another way than flat?  Most
 * servers have one way, so this spares the search below.
 */
static bool
record_is_deep(TplusLookup *lookup)
{
	TplusJson  *member = NULL;

	if (lookup->scanned_deep)
		return lookup->is_deep;
	if (tplus_json_kind(lookup->scan.record) == TPLUS_JSON_OBJECT)
		member = tplus_json_first(lookup->scan.record);
	while (member != NULL &&
		   tplus_json_kind(member) != TPLUS_JSON_OBJECT &&
		   strchr(tplus_json_key(member), '.') == NULL)
		member = tplus_json_next(member);
	lookup->scanned_deep = true;
	lookup->is_deep = member != NULL;
	return lookup->is_deep;
}

/*
 * A reference that was asked for by its flat name and came in another way:
 * "ExpiredUnitName" as "ExpiredUnit": {"Name": ...} or "ExpiredUnit.Name".
 */
static TplusJson *
find_split(TplusLookup *lookup, const LookupField *field, bool loose)
{
	TplusJson  *found = NULL;

	if (field->npath > 1 || !record_is_deep(lookup))
		return NULL;
	for (TplusJson *member = tplus_json_first(lookup->scan.record);
		 member != NULL; member = tplus_json_next(member))
	{
		size_t		length = matched_length(field->utf8,
											tplus_json_key(member), loose);
		const char *rest = field->utf8 + length;
		TplusJson  *node = NULL;

		if (length == 0)
			continue;
		if (*rest == '\0')
			node = member;
		else if (tplus_json_kind(member) == TPLUS_JSON_OBJECT)
			node = find_member(field, member, rest, loose);
		if (node != NULL && found != NULL)
			fail_duplicate(field, loose);
		if (node != NULL)
			found = node;
	}
	return found;
}

/* The field, however it is spelled. */
static TplusJson *
find_field(TplusLookup *lookup, const LookupField *field)
{
	TplusJson  *null = NULL;
	TplusJson  *node;

	node = tplus_lookup_scan_is_regular(&lookup->scan) ?
		find_numbered(lookup, field, &null) :
		find_spelled(lookup, field, false, &null);
	if (node != NULL)
		return node;
	node = find_spelled(lookup, field, true, &null);
	if (node == NULL)
		node = find_dynamic(lookup, field);
	if (node == NULL && null == NULL)
		node = find_split(lookup, field, false);
	if (node == NULL && null == NULL)
		node = find_split(lookup, field, true);
	return node != NULL ? node : null;
}

TplusJson *
tplus_lookup_get(TplusLookup *lookup, int index)
{
	const LookupField *field = &lookup->fields[index];
	const TplusJsonNames *names = lookup->scan.names;
	const TplusSpelling *spelling = &lookup->scan.spellings[field->spelling];
	TplusJson  *node;

	Assert(index >= 0 && index < lookup->nfields);

	/* Most records are regular, and most members are values themselves. */
	if (!tplus_lookup_scan_is_regular(&lookup->scan))
		return find_field(lookup, field);
	node = tplus_json_names_member(names, spelling->number);
	if (node == NULL && field->nspellings > 1 &&
		tplus_json_names_member(names, spelling[WAY_NESTED].number) == NULL)
		node = tplus_json_names_member(names, spelling[WAY_FLAT].number);
	return node != NULL ? node : find_field(lookup, field);
}

TplusJson *
tplus_lookup_find(TplusLookup *lookup, const TplusJson *record)
{
	Assert(lookup->nfields == 1);

	tplus_lookup_scan(lookup, record);
	return tplus_lookup_get(lookup, 0);
}

const char *
tplus_lookup_field(const TplusLookup *lookup)
{
	return lookup->fields[0].name;
}
