/*-------------------------------------------------------------------------
 *
 * lookup.h
 *		Finding a field's value in a record, however the server spells it.
 *
 * A reference such as InventoryClass.Code comes nested, flat
 * (InventoryClassCode) or with a literal dot, also when its flat name was
 * asked for; a custom field may come in the parallel arrays
 * DynamicPropertyKeys and DynamicPropertyValues; Ts may be TS
 * (docs/protocol.md, section 3.3 no. 1, 5 and 11).  Exact spellings win over a
 * unique match without regard to case.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/lookup.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_LOOKUP_H
#define TPLUS_LOOKUP_H

#include "postgres.h"

#include "net/json.h"

/* Fields to find, prepared; holds what the record scanned last had. */
typedef struct TplusLookup TplusLookup;

/*
 * Prepares a lookup of field ("Code", "InventoryClass.Code"), in context; or
 * of several, which are numbered from 0.  Fields are in the database encoding.
 */
extern TplusLookup *tplus_lookup_create(const char *field,
										MemoryContext context);
extern TplusLookup *tplus_lookup_create_set(const char *const *fields,
											int nfields,
											MemoryContext context);

/*
 * Walks once over the members of a record and notes which of them belong to
 * which field.  Throws 53200 only.
 */
extern void tplus_lookup_scan(TplusLookup *lookup, const TplusJson *record);

/*
 * The value of a field in the record scanned last; NULL if the record lacks
 * the field (a JSON null is a node, also where a whole reference is null).
 * Throws 22030 if the record has the key twice with this spelling, or twice
 * but for case and never exactly: no value would be the right one.  Throws
 * 22000 if DynamicPropertyKeys names the field and its length is not that of
 * DynamicPropertyValues.
 */
extern TplusJson *tplus_lookup_get(TplusLookup *lookup, int index);

/* Both at once, for a lookup of one field. */
extern TplusJson *tplus_lookup_find(TplusLookup *lookup,
									const TplusJson *record);

/* The field as given to create. */
extern const char *tplus_lookup_field(const TplusLookup *lookup);

#endif							/* TPLUS_LOOKUP_H */
