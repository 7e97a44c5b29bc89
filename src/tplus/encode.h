/*-------------------------------------------------------------------------
 *
 * encode.h
 *		Parameters and their values to the JSON body of a request.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/encode.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_ENCODE_H
#define TPLUS_ENCODE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "base/option.h"

/*
 * One parameter.  A dot in the name makes a nested object: InventoryClass.Code
 * is sent as {"InventoryClass": {"Code": ...}} (docs/protocol.md, section 3.2
 * no. 5).
 */
typedef struct TplusParam
{
	const char *name;
	const char *json;			/* its value as JSON text, database encoding;
								 * NULL: not sent without page numbers */
	const char *page_json;		/* the same for the operation with page
								 * numbers */
} TplusParam;

extern TplusParam *tplus_encode_param(const char *name, const char *json);
extern TplusParam *tplus_encode_text(const char *name, const char *value);
extern TplusParam *tplus_encode_int(const char *name, int64 value);

/* The boolean in this spelling; AUTO is JSON's. */
extern TplusParam *tplus_encode_bool(const char *name, bool value,
									 TplusEncoding encoding);

/*
 * Is it a parameter that a read sets for itself: where a page begins, how long
 * it is, what its records hold (docs/protocol.md, sections 3.1 and 3.2 no. 10)?
 * In any case, and with whatever behind a dot.
 */
extern bool tplus_encode_is_reserved(const char *name);

/* Are they names of members, or of parts of members, of the same name? */
extern bool tplus_encode_same_root(const char *a, const char *b);

/*
 * Do two names set the same member, be it that one of them sets all of an
 * object of which the other sets a part?
 */
extern bool tplus_encode_collide(const char *a, const char *b);

/*
 * The members of a JSON object (text), each as a parameter, or the parameter
 * sets of a JSON array of objects: a List of Lists.  All that are there.
 */
extern List *tplus_encode_all(const char *json);
extern List *tplus_encode_all_sets(const char *json);

/* The same without those that a read sets for itself. */
extern List *tplus_encode_object(const char *json);
extern List *tplus_encode_array(const char *json);

/*
 * The parameter of this name, regardless of ASCII case as T+ binds them
 * (docs/protocol.md, section 1.3 no. 8), or NULL.
 */
extern TplusParam *tplus_encode_find(List *params, const char *name);

/*
 * The body {"<body_key>": {...}} in UTF-8.  Of two parameters that collide the
 * later one wins, and parts of one object become one member, as no two may have
 * the same name.  An empty body_key puts the parameters at the top.
 */
extern char *tplus_encode_body(const char *body_key, List *params);

#endif							/* TPLUS_ENCODE_H */
