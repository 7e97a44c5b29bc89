/*-------------------------------------------------------------------------
 *
 * lookup.h
 *		Finding a field's value in a record, however the server spells it.
 *
 * A reference such as InventoryClass.Code comes nested, flat
 * (InventoryClassCode) or with a literal dot; a custom field may come in the
 * parallel arrays DynamicPropertyKeys and DynamicPropertyValues; Ts may be
 * TS (protocol, section 3.3).  Exact spellings win over a unique match
 * without regard to case.
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

/* A field, prepared; remembers where the previous record had it. */
typedef struct TplusLookup TplusLookup;

/* Prepares a lookup of field ("Code", "InventoryClass.Code"), in context. */
extern TplusLookup *tplus_lookup_create(const char *field,
										MemoryContext context);

/*
 * The value in this record, which is an object; NULL if the record lacks the
 * field (a JSON null is a node).  Throws 22030 if the record has the key
 * twice with this spelling: no value would be the right one.
 */
extern TplusJson *tplus_lookup_find(TplusLookup *lookup,
									const TplusJson *record);

/* The field as given to create. */
extern const char *tplus_lookup_field(const TplusLookup *lookup);

#endif							/* TPLUS_LOOKUP_H */
