/*-------------------------------------------------------------------------
 *
 * option_table.c
 *		The one table of options, and the structs that it fills.
 *
 * Validator, hints, readers and the test of the documentation derive from it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/option_table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"

#include "base/option_table.h"

const char *const tplus_option_kinds[] = {
	[TPLUS_KIND_STRING] = "string",
	[TPLUS_KIND_BOOL] = "boolean",
	[TPLUS_KIND_INT] = "integer",
	[TPLUS_KIND_REAL] = "number",
	[TPLUS_KIND_ENUM] = "one of a list",
	[TPLUS_KIND_CHOICE] = "one of a list",
	[TPLUS_KIND_TIMEZONE] = "time zone",
	[TPLUS_KIND_JSON_OBJECT] = "JSON object",
	[TPLUS_KIND_VARIANTS] = "JSON array",
	[TPLUS_KIND_FILE] = "file name",
};

const char *const tplus_auth_values[] = {
	[TPLUS_AUTH_AUTO] = "auto",
	[TPLUS_AUTH_OPEN_TOKEN] = "open_token",
	[TPLUS_AUTH_REFRESH_TOKEN] = "refresh_token",
	[TPLUS_AUTH_SELF_BUILT] = "self_built",
	NULL
};

static const char *const paging_values[] = {
	[TPLUS_PAGING_AUTO] = "auto",
	[TPLUS_PAGING_TS] = "ts",
	[TPLUS_PAGING_PAGE] = "page",
	[TPLUS_PAGING_NONE] = "none",
	NULL
};

static const char *const filter_op_values[] = {
	[TPLUS_FILTER_AUTO] = "auto",
	[TPLUS_FILTER_EQ] = "eq",
	[TPLUS_FILTER_GE] = "ge",
	[TPLUS_FILTER_LE] = "le",
	[TPLUS_FILTER_GT] = "gt",
	[TPLUS_FILTER_LIKE] = "like",
	[TPLUS_FILTER_NONE] = "none",
	NULL
};

static const char *const page_filter_op_values[] = {
	[TPLUS_FILTER_AUTO] = "auto",
	[TPLUS_FILTER_EQ] = "eq",
	[TPLUS_FILTER_GE] = "ge",
	[TPLUS_FILTER_LE] = "le",
	[TPLUS_FILTER_GT] = "gt",
	[TPLUS_FILTER_LIKE] = "like",
	[TPLUS_FILTER_NONE] = "none",
	[TPLUS_FILTER_SAME] = "same",
	NULL
};

static const char *const ts_compare_values[] = {
	[TPLUS_TS_AUTO] = "auto",
	[TPLUS_TS_GT] = "gt",
	[TPLUS_TS_GE] = "ge",
	NULL
};

static const char *const encoding_values[] = {
	[TPLUS_ENCODING_AUTO] = "auto",
	[TPLUS_ENCODING_JSON] = "json",
	[TPLUS_ENCODING_TEXT] = "text",
	[TPLUS_ENCODING_01] = "01",
	[TPLUS_ENCODING_TRUEFALSE] = "TrueFalse",
	NULL
};

static const char *const page_encoding_values[] = {
	[TPLUS_ENCODING_AUTO] = "auto",
	[TPLUS_ENCODING_JSON] = "json",
	[TPLUS_ENCODING_TEXT] = "text",
	[TPLUS_ENCODING_01] = "01",
	[TPLUS_ENCODING_TRUEFALSE] = "TrueFalse",
	[TPLUS_ENCODING_SAME] = "same",
	NULL
};

static const char *const verify_values[] = {"off", "on", NULL};
static const char *const missing_key_values[] = {"error", "generate", NULL};
static const char *const empty_reply_values[] = {"error", "zero", NULL};
static const char *const total_count_values[] = {"auto", "whole", NULL};
static const char *const on_error_values[] = {"error", "null", NULL};
static const char *const tls_values[] = {"1.0", "1.1", "1.2", "1.3", NULL};

/* Nobody shall wait longer for a server, whoever sets the options. */
#define MAX_WAIT_MS		3600000

/* A request an hour: who waits for its turn does not wait longer, either. */
#define MIN_RATE		(1.0 / 3600)

/* Some months of pages. */
#define MAX_PAGES		10000000

#define SERVER(opt, field) \
	.name = opt, .catalog = ForeignServerRelationId, \
	.offset = offsetof(TplusServerOptions, field)
#define MAPPING(opt, field) \
	.name = opt, .catalog = UserMappingRelationId, \
	.offset = offsetof(TplusMappingOptions, field)
#define TABLE(opt, field) \
	.name = opt, .catalog = ForeignTableRelationId, \
	.offset = offsetof(TplusTableOptions, field)
#define COLUMN(opt, field) \
	.name = opt, .catalog = AttributeRelationId, \
	.offset = offsetof(TplusColumnOptions, field)

const TplusOption tplus_options[] = {
	{SERVER("base_url", base_url),.kind = TPLUS_KIND_STRING,
	.help = "Scheme, host, port and what stands before /tplus/api/v2; required."},
	{SERVER("auth", auth),.kind = TPLUS_KIND_ENUM,.values = tplus_auth_values,.default_value = "auto",
	.help = "How to authenticate; auto goes by what the user mapping holds."},
	{SERVER("timezone", timezone),.kind = TPLUS_KIND_TIMEZONE,.default_value = "Asia/Shanghai",
	.help = "Time zone of times that the server sends without one."},
	{SERVER("connect_timeout_ms", connect_timeout_ms),.kind = TPLUS_KIND_INT,.min = 1,.max = MAX_WAIT_MS,.former_max = INT_MAX,.default_value = "5000",
	.help = "Milliseconds until a connection must stand."},
	{SERVER("request_timeout_ms", request_timeout_ms),.kind = TPLUS_KIND_INT,.min = 1,.max = MAX_WAIT_MS,.former_max = INT_MAX,.default_value = "60000",
	.help = "Milliseconds that one request may keep us waiting."},
	{SERVER("stall_timeout_ms", stall_timeout_ms),.kind = TPLUS_KIND_INT,.min = 1,.max = MAX_WAIT_MS,.former_max = INT_MAX,.default_value = "20000",
	.help = "Milliseconds without a byte until a request is given up."},
	{SERVER("max_retries", max_retries),.kind = TPLUS_KIND_INT,.min = 0,.max = 100,.default_value = "4",
	.help = "How often a transient failure is asked again."},
	{SERVER("requests_per_second", requests_per_second),.kind = TPLUS_KIND_REAL,.min = 0,.max = 100000,.least = MIN_RATE,.default_value = "5",
	.help = "Requests a second of all backends together; 0 is unlimited."},
	{SERVER("burst", burst),.kind = TPLUS_KIND_INT,.min = 1,.max = 100000,.default_value = "10",
	.help = "Requests that may leave at once after a quiet time."},
	{SERVER("max_concurrency", max_concurrency),.kind = TPLUS_KIND_INT,.min = 1,.max = 1000,.default_value = "4",
	.help = "Requests under way at a time, of all backends together."},
	{SERVER("monthly_requests", monthly_requests),.kind = TPLUS_KIND_INT,.min = 1,.max = INT_MAX,
	.help = "Requests a month of all backends together before syncs stop; default: no limit."},
	{SERVER("page_size", page_size),.kind = TPLUS_KIND_INT,.min = 1,.max = 100000,.default_value = "500",
	.help = "Records to ask for in one page."},
	{SERVER("max_response_mb", max_response_mb),.kind = TPLUS_KIND_INT,.min = 1,.max = 1000000,.default_value = "256",
	.help = "Megabytes that one response may have, decompressed."},
	{SERVER("latency_ms", latency_ms),.kind = TPLUS_KIND_INT,.min = 0,.max = 1000000,.default_value = "300",
	.help = "Milliseconds of one request, for the planner."},
	{SERVER("async_capable", async_capable),.kind = TPLUS_KIND_BOOL,.default_value = "true",
	.help = "Whether scans of several foreign tables may overlap."},
	{SERVER("ca_file", ca_file),.kind = TPLUS_KIND_STRING,.superuser = true,
	.help = "File of the certificate authorities to trust."},
	{SERVER("client_cert", client_cert),.kind = TPLUS_KIND_STRING,.superuser = true,
	.help = "File of the client certificate."},
	{SERVER("client_key", client_key),.kind = TPLUS_KIND_STRING,.superuser = true,
	.help = "File of the client certificate's key."},
	{SERVER("min_tls", min_tls),.kind = TPLUS_KIND_STRING,.values = tls_values,.default_value = "1.2",
	.help = "Oldest TLS version to accept."},
	{SERVER("proxy", proxy),.kind = TPLUS_KIND_STRING,
	.help = "URL of an HTTP proxy; the environment's proxies are not used."},
	{SERVER("allow_plain_http", allow_plain_http),.kind = TPLUS_KIND_BOOL,.default_value = "false",
	.help = "Whether secrets may travel over http to other hosts."},
	{SERVER("extra_query", extra_query),.kind = TPLUS_KIND_STRING,
	.help = "Query string of every call, such as idMarketingOrgan=1."},
	{SERVER("token_path", token_path),.kind = TPLUS_KIND_STRING,
	.help = "Path of the call that renews a token."},
	{SERVER("auth_error_codes", auth_error_codes),.kind = TPLUS_KIND_STRING,
	.help = "More T+ codes, comma-separated, that mean a dead token."},

	{MAPPING("app_key", app_key),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "Key of the application."},
	{MAPPING("app_secret", app_secret),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "Secret of the application."},
	{MAPPING("open_token", open_token),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "A static access token."},
	{MAPPING("refresh_token", refresh_token),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "The refresh token to begin with; its successors are kept."},
	{MAPPING("certificate", certificate),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "Certificate of a self-built application."},
	{MAPPING("app_ticket", app_ticket),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "Latest ticket of a self-built application."},
	{MAPPING("proxy_password", proxy_password),.kind = TPLUS_KIND_STRING,.secret = true,
	.help = "Password for the proxy."},
	{MAPPING("app_key_file", app_key),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds app_key."},
	{MAPPING("app_secret_file", app_secret),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds app_secret."},
	{MAPPING("open_token_file", open_token),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds open_token."},
	{MAPPING("refresh_token_file", refresh_token),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds refresh_token."},
	{MAPPING("certificate_file", certificate),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds certificate."},
	{MAPPING("app_ticket_file", app_ticket),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds app_ticket, read again for each renewal."},
	{MAPPING("proxy_password_file", proxy_password),.kind = TPLUS_KIND_FILE,.superuser = true,
	.help = "File that holds proxy_password."},

	{TABLE("resource", resource),.kind = TPLUS_KIND_STRING,
	.help = "Name of the resource in the catalog of the wrapper."},
	{TABLE("path", path),.kind = TPLUS_KIND_STRING,
	.help = "Path of an operation that the catalog does not have."},
	{TABLE("body_key", body_key),.kind = TPLUS_KIND_STRING,
	.help = "Member of the request that holds the parameters (param)."},
	{TABLE("paging", paging),.kind = TPLUS_KIND_ENUM,.values = paging_values,.default_value = "auto",
	.help = "How to get all pages: auto proves it on the way."},
	{TABLE("verify", verify),.kind = TPLUS_KIND_CHOICE,.values = verify_values,.default_value = "on",
	.help = "Whether a scan by page numbers is confirmed by a second one."},
	{TABLE("page_base", page_base),.kind = TPLUS_KIND_INT,.min = 0,.max = 1,.default_value = "1",
	.help = "Number of the first page."},
	{TABLE("page_size", page_size),.kind = TPLUS_KIND_INT,.min = 1,.max = 100000,
	.help = "Records to ask for in one page; default: the server's page_size."},
	{TABLE("max_pages", max_pages),.kind = TPLUS_KIND_INT,.min = 1,.max = MAX_PAGES,.default_value = "100000",
	.help = "Most pages until a server is taken to have no end."},
	{TABLE("max_rows", max_rows),.kind = TPLUS_KIND_INT,.min = 1,.max = INT_MAX,
	.help = "Most records until a server is taken to have no end; default: no limit."},
	{TABLE("key", key),.kind = TPLUS_KIND_STRING,
	.help = "Field that identifies a record (ID)."},
	{TABLE("on_missing_key", generate_key),.kind = TPLUS_KIND_CHOICE,.values = missing_key_values,.default_value = "error",
	.help = "What to do about a record without its key."},
	{TABLE("rows_path", rows_path),.kind = TPLUS_KIND_STRING,.default_value = "auto",
	.help = "Where the response has its rows, such as data.Rows."},
	{TABLE("empty_reply", empty_is_zero),.kind = TPLUS_KIND_CHOICE,.values = empty_reply_values,.default_value = "error",
	.help = "What null, an empty string or an empty body means."},
	{TABLE("ts_compare", ts_compare),.kind = TPLUS_KIND_ENUM,.values = ts_compare_values,.default_value = "auto",
	.help = "How the operation without page numbers compares Ts."},
	{TABLE("total_count", total_is_whole),.kind = TPLUS_KIND_CHOICE,.values = total_count_values,.default_value = "auto",
	.help = "Whether TotalCount is known to count all that matches."},
	{TABLE("page_rows", page_rows),.kind = TPLUS_KIND_INT,.min = 1,.max = INT_MAX,
	.help = "Records that the operation without page numbers was seen to send at a time."},
	{TABLE("page_bytes", page_bytes),.kind = TPLUS_KIND_INT,.min = 1,.max = INT_MAX,
	.help = "Bytes of records that it was seen to send at a time."},
	{TABLE("select_fields", select_fields),.kind = TPLUS_KIND_STRING,.default_value = "auto",
	.help = "SelectFields of the request: auto, none, or a list."},
	{TABLE("fixed_params", fixed_params),.kind = TPLUS_KIND_JSON_OBJECT,
	.help = "Parameters that every request carries."},
	{TABLE("variants", variants),.kind = TPLUS_KIND_VARIANTS,.default_value = "auto",
	.help = "Parameter sets whose results are united."},
	{TABLE("on_error", error_is_null),.kind = TPLUS_KIND_CHOICE,.values = on_error_values,.default_value = "error",
	.help = "What to do about a value that does not fit its column."},
	{TABLE("rows", rows),.kind = TPLUS_KIND_REAL,.min = 1,.max = 1e12,
	.help = "Estimated number of records before the first ANALYZE."},
	{TABLE("max_filter_requests", max_filter_requests),.kind = TPLUS_KIND_INT,.min = 1,.max = 10000,.default_value = "31",
	.help = "Most requests that one WHERE clause may turn into."},
	{TABLE("date_horizon_days", date_horizon_days),.kind = TPLUS_KIND_INT,.min = 0,.max = 100000,
	.help = "Days into the future that a filing date can lie."},
	{TABLE("pushdown", pushdown),.kind = TPLUS_KIND_BOOL,.default_value = "true",
	.help = "Whether WHERE clauses become parameters of requests."},

	{COLUMN("field", field),.kind = TPLUS_KIND_STRING,
	.help = "Field of T+; * is the whole record, $error what did not fit."},
	{COLUMN("label", label),.kind = TPLUS_KIND_STRING,
	.help = "Chinese name of the field, for tools."},
	{COLUMN("filter", filter),.kind = TPLUS_KIND_STRING,
	.help = "Parameter that filters by this column."},
	{COLUMN("filter_op", filter_op),.kind = TPLUS_KIND_ENUM,.values = filter_op_values,.default_value = "auto",
	.help = "How T+ compares the parameter."},
	{COLUMN("filter_encoding", filter_encoding),.kind = TPLUS_KIND_ENUM,.values = encoding_values,.default_value = "auto",
	.help = "How the parameter spells its value."},
	{COLUMN("page_filter_op", page_filter_op),.kind = TPLUS_KIND_ENUM,.values = page_filter_op_values,.default_value = "same",
	.help = "How QueryPage compares the parameter; same: as filter_op."},
	{COLUMN("page_filter_encoding", page_filter_encoding),.kind = TPLUS_KIND_ENUM,.values = page_encoding_values,.default_value = "same",
	.help = "How QueryPage spells its value; same: as filter_encoding."},
};

const int	tplus_noptions = lengthof(tplus_options);

const char *
tplus_option_object(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return "server";
		case UserMappingRelationId:
			return "user mapping";
		case ForeignTableRelationId:
			return "foreign table";
		case AttributeRelationId:
			return "column";
		default:
			return "foreign-data wrapper";
	}
}

const TplusOption *
tplus_option_find(const char *name, Oid catalog)
{
	int			i;

	for (i = 0; i < tplus_noptions; i++)
	{
		if (tplus_options[i].catalog == catalog &&
			strcmp(tplus_options[i].name, name) == 0)
			return &tplus_options[i];
	}
	return NULL;
}
