/*-------------------------------------------------------------------------
 *
 * option.h
 *		The table of options, their validation, and the resolved values.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPTION_H
#define TPLUS_OPTION_H

#include "postgres.h"

#include "foreign/foreign.h"
#include "nodes/pg_list.h"

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
	TPLUS_FILTER_NONE
} TplusFilterOp;

/* How a boolean or a number is spelled in a request. */
typedef enum TplusEncoding
{
	TPLUS_ENCODING_AUTO,
	TPLUS_ENCODING_JSON,		/* true, 15 */
	TPLUS_ENCODING_TEXT,		/* "true", "15" */
	TPLUS_ENCODING_01,			/* "1" */
	TPLUS_ENCODING_TRUEFALSE	/* "True" */
} TplusEncoding;

/*
 * Options of a foreign server, resolved.  Strings are never changed after
 * they were read; NULL means "not set".
 */
typedef struct TplusServerOptions
{
	Oid			serverid;
	char	   *name;			/* of the server, for messages */
	char	   *base_url;		/* without trailing slash */
	int			auth;			/* TplusAuth */
	char	   *timezone;
	int			connect_timeout_ms;
	int			request_timeout_ms;
	int			stall_timeout_ms;
	int			max_retries;
	double		requests_per_second;	/* 0: unlimited */
	int			burst;
	int			max_concurrency;
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

/* A server together with the mapping of one user. */
typedef struct TplusAccount
{
	TplusServerOptions server;
	TplusMappingOptions mapping;
	TplusAuth	auth;			/* never TPLUS_AUTH_AUTO */
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
	char	   *select_fields;
	char	   *fixed_params;	/* text of a JSON object */
	char	   *variants;		/* "auto", "none", text of a JSON array */
	bool		error_is_null;	/* on_error = 'null' */
	double		rows;			/* 0: not told */
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
} TplusColumnOptions;

/*
 * Checks the options of one object as the validator of the wrapper: catalog
 * is the object's catalog, as PostgreSQL passes it.  Throws HV00D for an
 * option that does not belong there (with the closest one as a hint), 22023
 * for a value out of its domain, 42501 for an option that only a superuser
 * may set.  Never repeats the value of a secret.
 */
extern void tplus_option_validate(List *options, Oid catalog);

/*
 * The four readers.  Results are palloc'd in the current context; values that
 * are not set have their defaults.  They throw if an option was stored by a
 * version that knew other values, or if a *_file cannot be read.
 */
extern TplusServerOptions *tplus_option_server(Oid serverid);
extern TplusTableOptions *tplus_option_table(Oid relid);
extern TplusColumnOptions *tplus_option_column(Oid relid, int attnum);

/*
 * The server and the mapping that userid uses on it (his own, or PUBLIC's).
 * Throws 42704 if there is no mapping, 28000 if it lacks what its way to
 * authenticate needs, HV00J... if the server lacks base_url.
 */
extern TplusAccount *tplus_option_account(Oid serverid, Oid userid);

/*
 * One row of the option table at a time, for documentation and tests: returns
 * false after the last.  Strings are constants.
 */
typedef struct TplusOptionInfo
{
	const char *object;			/* "server", "user mapping", ... */
	const char *name;
	const char *kind;
	const char *default_value;	/* NULL: none */
	bool		secret;
	bool		superuser;
	const char *help;
} TplusOptionInfo;

extern bool tplus_option_info(int index, TplusOptionInfo *info);

#endif							/* TPLUS_OPTION_H */
