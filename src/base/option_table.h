/*-------------------------------------------------------------------------
 *
 * option_table.h
 *		The one table of options, and the structs that it fills.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option_table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPTION_TABLE_H
#define TPLUS_OPTION_TABLE_H

#include "postgres.h"

typedef enum TplusAuth
{
	TPLUS_AUTH_AUTO,			/* by what the mapping holds */
	TPLUS_AUTH_OPEN_TOKEN,
	TPLUS_AUTH_REFRESH_TOKEN,
	TPLUS_AUTH_SELF_BUILT
} TplusAuth;

typedef enum TplusPaging
{
	TPLUS_PAGING_AUTO,
	TPLUS_PAGING_TS,
	TPLUS_PAGING_PAGE,
	TPLUS_PAGING_NONE
} TplusPaging;

typedef enum TplusFilterOp
{
	TPLUS_FILTER_AUTO,
	TPLUS_FILTER_EQ,
	TPLUS_FILTER_GE,
	TPLUS_FILTER_LE,
	TPLUS_FILTER_GT,
	TPLUS_FILTER_LIKE,
	TPLUS_FILTER_NONE,
	TPLUS_FILTER_SAME			/* at the other operation: no other */
} TplusFilterOp;

/* How the operation without page numbers compares row versions. */
typedef enum TplusTsCompare
{
	TPLUS_TS_AUTO,				/* not known */
	TPLUS_TS_GT,				/* it brings those above */
	TPLUS_TS_GE					/* and the one that is asked for */
} TplusTsCompare;

/* How a boolean or a number is spelled in a request. */
typedef enum TplusEncoding
{
	TPLUS_ENCODING_AUTO,
	TPLUS_ENCODING_JSON,		/* true, 15 */
	TPLUS_ENCODING_TEXT,		/* "true", "15" */
	TPLUS_ENCODING_01,			/* "1" */
	TPLUS_ENCODING_TRUEFALSE,	/* "True" */
	TPLUS_ENCODING_SAME			/* at the other operation: no other */
} TplusEncoding;

/*
 * Options of a foreign server, resolved.  Strings are never changed after
 * they were read; NULL means "not set".
 */
typedef struct TplusServerOptions
{
	Oid			serverid;
	char	   *name;			/* of the server, for messages */
	char	   *base_url;		/* trimmed, see base/address.h */
	int			auth;			/* TplusAuth */
	char	   *timezone;
	int			connect_timeout_ms;
	int			request_timeout_ms;
	int			stall_timeout_ms;
	int			max_retries;
	double		requests_per_second;	/* 0: unlimited */
	int			burst;
	int			max_concurrency;
	int			monthly_requests;	/* 0: no limit */
	int			page_size;
	int			max_response_mb;
	int			latency_ms;
	bool		async_capable;
	char	   *ca_file;
	char	   *client_cert;
	char	   *client_key;
	char	   *min_tls;		/* "1.0" .. "1.3" */
	char	   *proxy;
	bool		allow_plain_http;
	char	   *extra_query;	/* query string of every business call */
	char	   *token_path;
	char	   *auth_error_codes;	/* comma-separated T+ codes */
} TplusServerOptions;

/* Options of a user mapping, resolved; *_file options are read already. */
typedef struct TplusMappingOptions
{
	Oid			userid;			/* InvalidOid: the mapping for PUBLIC */
	char	   *app_key;
	char	   *app_secret;
	char	   *open_token;
	char	   *refresh_token;
	char	   *certificate;
	char	   *app_ticket;
	char	   *proxy_password;
} TplusMappingOptions;

/* While a token is replaced, replies to the one before may still come. */
#define TPLUS_USED_TOKENS	2

/* A server together with the mapping of one user. */
typedef struct TplusAccount
{
	TplusServerOptions server;
	TplusMappingOptions mapping;
	TplusAuth	auth;			/* never TPLUS_AUTH_AUTO */
	char	  **used_tokens;	/* where the last TPLUS_USED_TOKENS access
								 * tokens that T+ was told are kept, the
								 * newest first, NULL at first; secret */
} TplusAccount;

typedef struct TplusTableOptions
{
	Oid			relid;
	char	   *name;			/* of the table, for messages */
	char	   *resource;
	char	   *path;
	char	   *body_key;
	int			paging;			/* TplusPaging */
	bool		verify;
	int			page_base;
	int			page_size;		/* 0: the server's */
	char	   *key;
	bool		generate_key;	/* on_missing_key = 'generate' */
	char	   *rows_path;
	bool		empty_is_zero;	/* empty_reply = 'zero' */
	int			ts_compare;		/* TplusTsCompare */
	bool		total_is_whole; /* total_count = 'whole' */
	int			page_rows;		/* records that one page had, 0: not known */
	int			page_bytes;		/* bytes of records that one page had */
	char	   *select_fields;
	char	   *fixed_params;	/* text of a JSON object */
	char	   *variants;		/* "auto", "none", text of a JSON array */
	bool		error_is_null;	/* on_error = 'null' */
	double		rows;			/* 0: not told */
	int			max_rows;		/* of one read; 0: no limit */
	int			max_pages;		/* of one sweep */
	int			max_filter_requests;
	int			date_horizon_days;	/* -1: none */
	bool		pushdown;
} TplusTableOptions;

typedef struct TplusColumnOptions
{
	char	   *field;			/* NULL: by the column's name */
	char	   *label;
	char	   *filter;			/* parameter name, NULL: the field's */
	int			filter_op;		/* TplusFilterOp */
	int			filter_encoding;	/* TplusEncoding */
	int			page_filter_op; /* at the operation with page numbers */
	int			page_filter_encoding;
} TplusColumnOptions;

typedef enum TplusOptionKind
{
	TPLUS_KIND_STRING,
	TPLUS_KIND_BOOL,
	TPLUS_KIND_INT,
	TPLUS_KIND_REAL,
	TPLUS_KIND_ENUM,			/* value: index into values, as int */
	TPLUS_KIND_CHOICE,			/* value: is it the second of two, as bool */
	TPLUS_KIND_TIMEZONE,
	TPLUS_KIND_JSON_OBJECT,
	TPLUS_KIND_VARIANTS,		/* "auto", "none" or a JSON array */
	TPLUS_KIND_FILE				/* the string's value stands in this file */
} TplusOptionKind;

typedef struct TplusOption
{
	const char *name;
	Oid			catalog;		/* of the object that it belongs to */
	TplusOptionKind kind;
	size_t		offset;			/* of its value in the resolved struct */
	double		min;			/* for INT and REAL */
	double		max;
	double		former_max;		/* of an earlier version; 0: the same */
	double		least;			/* above zero */
	const char *const *values;	/* for ENUM and CHOICE, NULL-terminated */
	const char *default_value;	/* NULL: none */
	bool		secret;
	bool		superuser;		/* only a superuser may set it */
	const char *help;
} TplusOption;

/* The table, and how many rows it has. */
extern const TplusOption tplus_options[];
extern const int tplus_noptions;

/* Names of kinds, for documentation; indexed by TplusOptionKind. */
extern const char *const tplus_option_kinds[];

/* The values of option auth, indexed by TplusAuth. */
extern const char *const tplus_auth_values[];

/* "server", "user mapping", ...: whose options a catalog holds. */
extern const char *tplus_option_object(Oid catalog);

/* The option of this object with exactly this name, or NULL. */
extern const TplusOption *tplus_option_find(const char *name, Oid catalog);

#endif							/* TPLUS_OPTION_TABLE_H */
