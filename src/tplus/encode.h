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
 * is sent as {"InventoryClass": {"Code": ...}} (protocol, section 3.2).
 */
typedef struct TplusParam
{
	const char *name;
	const char *json;			/* its value as JSON text, database encoding */
} TplusParam;

extern TplusParam *tplus_encode_param(const char *name, const char *json);
extern TplusParam *tplus_encode_text(const char *name, const char *value);
extern TplusParam *tplus_encode_int(const char *name, int64 value);

/* The boolean in this spelling; AUTO is JSON's. */
extern TplusParam *tplus_encode_bool(const char *name, bool value,
									 TplusEncoding encoding);

/* The members of a JSON object (text), each as a parameter. */
extern List *tplus_encode_object(const char *json);

/* The parameter sets of a JSON array of objects (text): a List of Lists. */
extern List *tplus_encode_array(const char *json);

/*
 * The parameter of this name, regardless of ASCII case as T+ binds them
 * (protocol, section 1.3), or NULL.
 */
extern TplusParam *tplus_encode_find(List *params, const char *name);

/*
 * The body {"<body_key>": {...}} in UTF-8.  Of two parameters with the same
 * name the later one wins.  An empty body_key puts the parameters at the top.
 */
extern char *tplus_encode_body(const char *body_key, List *params);

#endif							/* TPLUS_ENCODE_H */
