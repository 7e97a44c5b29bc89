/*-------------------------------------------------------------------------
 *
 * resource.h
 *		The catalog of T+ operations, as const tables.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/resource.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RESOURCE_H
#define TPLUS_RESOURCE_H

#include "postgres.h"

#include "base/option.h"

/* The operations of a resource, each with its own way to read parameters. */
typedef enum TplusOperation
{
	TPLUS_OPERATION_QUERY,		/* without page numbers */
	TPLUS_OPERATION_PAGE		/* with page numbers */
} TplusOperation;

#define TPLUS_NOPERATIONS	(TPLUS_OPERATION_PAGE + 1)

/* The type that IMPORT FOREIGN SCHEMA gives a column. */
typedef enum TplusFieldType
{
	TPLUS_TYPE_BIGINT,
	TPLUS_TYPE_TEXT,
	TPLUS_TYPE_BOOLEAN,
	TPLUS_TYPE_NUMERIC,
	TPLUS_TYPE_DATE,
	TPLUS_TYPE_TIMESTAMPTZ,
	TPLUS_TYPE_JSONB
} TplusFieldType;

#define TPLUS_NFIELDTYPES	(TPLUS_TYPE_JSONB + 1)

/* Each record has it; so a page that lacks it is wrong. */
#define TPLUS_FIELD_ALWAYS	0x01
/* No two records share a value. */
#define TPLUS_FIELD_UNIQUE	0x02
/* Imported by IMPORT FOREIGN SCHEMA. */
#define TPLUS_FIELD_IMPORT	0x04
/* May be named in SelectFields. */
#define TPLUS_FIELD_SELECT	0x08

/*
 * How a filter parameter takes its value and compares (docs/protocol.md,
 * section 3.2).
 */
typedef enum TplusFilterKind
{
	TPLUS_FILTER_KIND_NONE,		/* no parameter of this name is known */
	TPLUS_FILTER_KIND_TEXT,		/* string; equality, %text% as LIKE */
	TPLUS_FILTER_KIND_ID,		/* the internal id, string or number */
	TPLUS_FILTER_KIND_BOOL,
	TPLUS_FILTER_KIND_DATE,		/* "YYYY-MM-DD", comparator unproven */
	TPLUS_FILTER_KIND_REFERENCE,	/* {"Code": "..."} */
	TPLUS_FILTER_KIND_VERSION	/* row version, strict > */
} TplusFilterKind;

typedef struct TplusField
{
	const char *name;			/* T+'s spelling, dots included */
	TplusFieldType type;
	unsigned	flags;			/* TPLUS_FIELD_... */
	TplusFilterKind filter;
	const char *label;			/* Chinese, UTF-8 */
} TplusField;

typedef struct TplusResource
{
	const char *name;			/* "inventory" */
	const char *label;			/* "存货" */
	const char *path;			/* the operation without page numbers */
	const char *page_path;		/* the one with them; NULL: none */
	const char *body_key;		/* "param" */
	const char *key;			/* "ID" */
	const char *version;		/* "Ts"; NULL: no row version */
	const char *disabled;		/* "Disabled"; NULL: no such flag */
	int			max_page_size;
	const TplusField *fields;
	int			nfields;
} TplusResource;

/* The resource of this name; NULL if there is none. */
extern const TplusResource *tplus_resource_find(const char *name);

/* The i-th resource, from 0; NULL after the last. */
extern const TplusResource *tplus_resource_at(int index);

/*
 * The field of a resource: its exact name, or the one whose name without dots
 * equals name without regard to case ("inventoryclassname").  NULL if the
 * catalog does not know it.
 */
extern const TplusField *tplus_resource_field(const TplusResource *resource,
											  const char *name);

/* The column name of a field: its name without dots.  Palloc'd. */
extern char *tplus_resource_column_name(const TplusField *field);

/* SQL name of a type, for IMPORT FOREIGN SCHEMA. */
extern const char *tplus_resource_type_name(TplusFieldType type);

#endif							/* TPLUS_RESOURCE_H */
