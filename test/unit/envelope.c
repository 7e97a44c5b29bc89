/*-------------------------------------------------------------------------
 *
 * envelope.c
 *		Tests of what is envelope and what is content, without a server.
 *
 * Each body is split as a reply is; the verdict is on what is left of it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/envelope.c
 *
 *-------------------------------------------------------------------------
 */
#include <strings.h>

#include "parsing.h"

/* Both rooms have a function or text of their own by these names. */
#define unexpected_character unexpected_in_scan
#define open_bracket open_scan_bracket
#define close_bracket close_scan_bracket

#include "net/places.c"
#include "net/records_scan.c"
#include "net/records_scan_record.c"
#include "net/records.c"
#include "tplus/envelope.c"

#define CAP		100000

int
pg_strcasecmp(const char *a, const char *b)
{
	return strcasecmp(a, b);
}

int
pg_strncasecmp(const char *a, const char *b, size_t len)
{
	return strncasecmp(a, b, len);
}

/* What the first record lets out: the opening is an object that is read. */
static void
read_opening(const TplusRecords *records, bool *held_back)
{
	size_t		len = tplus_records_opening_size(records);
	char	   *text = malloc(len + 1);
	TplusEnvelope envelope;

	tplus_records_opening(records, text);
	tplus_envelope_read(parse_bytes(text, len), tplus_records_place(records),
						true, &envelope);
	*held_back = envelope.is_certain;
	free(text);
}

/*
 * Says "N rows", "no rows", or "error CODE: MESSAGE", with "early " before it
 * if what stands before the first row is enough to know.
 */
static const char *
verdict(const char *rows_path, const char *body)
{
	static char line[500];
	TplusRecords *records = tplus_records_create(rows_path, CAP, CAP);
	TplusRecordsStatus status;
	TplusEnvelope envelope;
	const char *text;
	size_t		len;
	bool		held_back = false;
	TplusJson  *root;

	tplus_records_feed(records, body, strlen(body));
	tplus_records_finish(records);
	while ((status = tplus_records_next(records, &text, &len)) ==
		   TPLUS_RECORDS_RECORD)
	{
		if (tplus_records_count(records) == 1)
			read_opening(records, &held_back);
	}
	text = tplus_records_envelope(records, &len);
	root = parse_bytes(text, len);
	tplus_envelope_read(root, tplus_records_place(records),
						tplus_records_count(records) > 0, &envelope);
	if (status != TPLUS_RECORDS_END || root == NULL)
		snprintf(line, sizeof(line), "broken");
	else if (envelope.is_error)
		snprintf(line, sizeof(line), "%serror %s: %s",
				 held_back ? "early " : "",
				 envelope.code ? envelope.code : "-",
				 envelope.message ? envelope.message : "-");
	else if (held_back)
		snprintf(line, sizeof(line), "held back without an error");
	else if (tplus_records_found(records))
		snprintf(line, sizeof(line), "%zu rows",
				 tplus_records_count(records));
	else
		snprintf(line, sizeof(line), "no rows");
	tplus_records_free(records);
	tplus_json_arena_reset(arena);
	return line;
}

typedef struct Case
{
	const char *rows_path;
	const char *body;
	const char *expected;
} Case;
/* INDENT OFF */

static const Case cases[] = {
	/* Nothing speaks. */
	{"auto", "[]", "0 rows"},
	{"auto", "[{\"code\":\"500\",\"message\":\"x\"}]", "1 rows"},
	{"auto", "{\"Data\":[]}", "0 rows"},
	{"auto", "{\"code\":\"0\",\"message\":\"ok\",\"Data\":[1]}", "1 rows"},
	{"auto", "{\"code\":200,\"Message\":\"\xE6\x88\x90\xE5\x8A\x9F\",\"Data\":[]}", "0 rows"},
	{"auto", "{\"code\":\"200\",\"msg\":\"ok\",\"exception\":null,\"data\":{\"Rows\":[],\"Columns\":[]}}", "0 rows"},
	{"auto", "{\"code\":null,\"error\":null,\"success\":null,\"Data\":[]}", "0 rows"},
	{"auto", "{\"code\":\"\",\"error\":\"\",\"ErrorMessage\":\" \",\"ErrorCode\":0,\"Data\":[]}", "0 rows"},
	{"auto", "{\"code\":\"0 \",\"errcode\":\" 0\\n\",\"Data\":[]}", "0 rows"},
	{"auto", "{\"errcode\":0,\"errmsg\":\"ok\",\"Success\":\"True\",\"Data\":[]}", "0 rows"},
	{"auto", "{\"success\":1,\"error\":false,\"Exception\":[],\"Data\":[]}", "0 rows"},
	{"auto", "{\"result\":[],\"error\":null}", "0 rows"},
	{"auto", "{\"result\":true,\"value\":[]}", "0 rows"},
	{"auto", "{\"result\":0,\"value\":[]}", "0 rows"},
	{"auto", "{\"Data\":[],\"error\":\" \"}", "0 rows"},
	{"auto", "{\"Data\":[],\"success\":false,\"msg\":\" \",\"message\":\"m\"}", "error -: m"},
	{"auto", "{\"Data\":[],\"code\":\"0x0\"}", "error 0x0: -"},
	{"auto", "{\"DataSource\":{\"Rows\":[]},\"ErrorMessage\":\"\",\"ErrorCode\":\"\",\"Status\":0}", "0 rows"},
	{"auto", "{\"DataSource\":{\"Rows\":[]},\"ErrorMessage\":null,\"ErrorCode\":null,\"Status\":\"0\"}", "0 rows"},
	{"auto", "{\"DataSource\":{\"Rows\":[]},\"Status\":\"done\"}", "0 rows"},
	{"auto", "{\"Status\":3,\"StatusCode\":200,\"Data\":[]}", "0 rows"},
	/* What does not stand on the way says nothing. */
	{"auto", "{\"other\":{\"success\":false},\"list\":[{\"code\":\"1\"}],\"Data\":[]}", "0 rows"},
	{"auto", "{\"ColumnSource\":{\"Rows\":[{\"Code\":\"1\"}],\"Code\":\"1\"},\"DataSource\":{\"Rows\":[]}}", "0 rows"},

	/* An error beside an empty list, and beside some rows. */
	{"auto", "{\"DataSource\":{\"Rows\":[]},\"ErrorMessage\":\"bad\",\"ErrorCode\":\"\"}", "error -: bad"},
	{"auto", "{\"DataSource\":{\"Rows\":[1]},\"ErrorMessage\":\"bad\",\"ErrorCode\":\"E1\"}", "error E1: bad"},
	{"auto", "{\"ErrorMessage\":\"bad\",\"DataSource\":{\"Rows\":[1]}}", "early error -: bad"},
	{"auto", "{\"DataSource\":{\"Rows\":[1],\"ErrorMessage\":\"bad\"}}", "error -: bad"},
	{"auto", "{\"Status\":1,\"DataSource\":{\"Rows\":[]}}", "error -: -"},
	{"auto", "{\"data\":{\"Status\":\"-1\",\"DataSource\":{\"Rows\":[1]}}}", "early error -: -"},
	{"auto", "{\"success\":false,\"Data\":[]}", "error -: -"},
	{"auto", "{\"Data\":[],\"success\":false,\"message\":\"no\"}", "error -: no"},
	{"auto", "{\"Success\":\"False\",\"Data\":[{}]}", "early error -: -"},
	{"auto", "{\"Success\":\"false\",\"code\":\"200\",\"message\":\"ok\",\"Data\":[{}]}", "early error -: ok"},
	{"auto", "{\"IsSuccess\":false,\"data\":[]}", "error -: -"},
	{"auto", "{\"success\":0,\"data\":[]}", "error -: -"},
	{"auto", "{\"success\":\" False \",\"data\":[]}", "error -: -"},
	{"auto", "{\"success\":\"\xE5\x90\xA6\",\"data\":[]}", "error -: -"},
	{"auto", "{\"success\":\"falsehood\",\"data\":[]}", "0 rows"},
	{"auto", "{\"errcode\":40001,\"errmsg\":\"invalid\",\"data\":[]}", "error 40001: invalid"},
	{"auto", "{\"errcode\":200,\"data\":[]}", "error 200: -"},
	{"auto", "{\"ErrCode\":\"-1\",\"data\":[1]}", "early error -1: -"},
	{"auto", "{\"Data\":[{},{}],\"code\":\"EXSV0011\",\"message\":\"m\"}", "error EXSV0011: m"},
	{"auto", "{\"Code\":\"X-1\",\"Rows\":[]}", "error X-1: -"},
	{"auto", "{\"CODE\":500,\"Rows\":[]}", "error 500: -"},
	{"auto", "{\"code\":\"200.5\",\"Rows\":[]}", "error 200.5: -"},
	{"auto", "{\"code\":2e2,\"Rows\":[]}", "0 rows"},
	{"auto", "{\"error\":\"down\",\"Rows\":[]}", "error -: down"},
	{"auto", "{\"error\":{\"code\":\"50000\",\"msg\":\"m\"},\"message\":\"ok\",\"value\":[]}", "error 50000: m"},
	{"auto", "{\"error\":true,\"value\":[]}", "error -: -"},
	{"auto", "{\"value\":[],\"result\":false}", "error -: -"},
	{"auto", "{\"value\":[],\"result\":\"False\"}", "error -: -"},
	{"auto", "{\"Data\":[],\"Exception\":{\"Message\":\"m\"}}", "error -: m"},
	{"auto", "{\"Data\":[],\"result\":{\"Exception\":{\"Code\":\"E\",\"Message\":\"m\"}}}", "error E: m"},
	{"auto", "{\"Data\":[],\"RestException\":null}", "error -: -"},
	{"auto", "{\"RestException\":\"m\",\"Data\":[]}", "error -: m"},
	{"auto", "{\"code\":\"0\",\"exception\":\"at line 1\",\"data\":{\"Rows\":[]}}", "error -: at line 1"},

	/* At any depth of the envelope, in any order, and the second of two. */
	{"auto", "{\"code\":\"0\",\"data\":{\"Rows\":[1],\"Code\":\"E\"}}", "error E: -"},
	{"auto", "{\"result\":{\"success\":false,\"DataSource\":{\"Rows\":[1]}}}", "early error -: -"},
	{"auto", "{\"result\":{\"data\":{\"Rows\":[1],\"success\":false}}}", "error -: -"},
	{"auto", "{\"code\":\"0\",\"code\":\"500\",\"Data\":[]}", "error 500: -"},
	{"auto", "{\"code\":\"500\",\"code\":\"0\",\"Data\":[]}", "error 500: -"},
	{"auto", "{\"data\":{\"success\":false},\"data\":{\"Rows\":[]}}", "error -: -"},
	{"auto", "{\"c\\u006fde\":\"500\",\"Data\":[1]}", "early error 500: -"},
	{"auto", "{\"result\":\"{\\\"success\\\":false,\\\"Data\\\":[{}]}\"}", "early error -: -"},
	{"auto", "{\"result\":\"{\\\"Data\\\":[{}],\\\"success\\\":false}\"}", "error -: -"},
	{"auto", "{\"success\":false,\"result\":\"[{}]\"}", "early error -: -"},

	/* No rows at all. */
	{"auto", "{\"code\":\"E\",\"message\":\"m\",\"data\":{\"Code\":\"E2\",\"StatusCode\":400}}", "error E: m"},
	{"auto", "{\"data\":{\"Code\":\"E2\",\"StatusCode\":400}}", "error E2: -"},
	{"auto", "{\"data\":{\"Code\":\"E2\",\"Message\":\"m\"}}", "error E2: m"},
	{"auto", "{\"code\":\"0\",\"data\":{\"Code\":\"X-1\",\"Message\":\"m\"}}", "no rows"},
	{"auto", "{\"code\":\"0\",\"data\":null}", "no rows"},
	{"auto", "{\"result\":false,\"error\":{\"code\":\"50000\",\"msg\":\"m\"},\"value\":null}", "error 50000: m"},
	{"auto", "{\"result\":{\"Exception\":{\"Message\":\"m\"}}}", "error -: m"},
	{"Details", "{\"Code\":\"X-1\",\"Details\":null}", "no rows"},
	{"Details", "{\"Code\":\"50000\",\"Message\":\"refreshToken invalid\",\"Details\":null}", "error 50000: refreshToken invalid"},
	{"Details", "{\"result\":{\"Exception\":{\"Message\":\"m\"}}}", "error -: m"},
	{"data.Details", "{\"code\":\"0\",\"data\":{\"Code\":\"X-1\"}}", "no rows"},
	{"data.Details", "{\"code\":\"E\",\"data\":null}", "error E: -"},
	{"data.Details", "{\"data\":{\"Value\":{\"success\":false},\"Details\":[{\"ID\":1}]}}", "1 rows"},

	/* A document has a code of its own. */
	{"Details", "{\"Code\":\"X-1\",\"Details\":[{\"ID\":1}]}", "1 rows"},
	{"Details", "{\"Details\":[{\"ID\":1}],\"Code\":\"X-1\",\"Status\":2,\"StatusCode\":500}", "1 rows"},
	{"Details", "{\"Code\":500,\"Details\":[]}", "0 rows"},
	{"data.Details", "{\"code\":\"0\",\"data\":{\"Code\":\"X-1\",\"Details\":[{\"ID\":1}]}}", "1 rows"},
	{"data.Details", "{\"data\":{\"Code\":\"X-1\",\"Message\":\"m\",\"Details\":[{\"ID\":1}]}}", "1 rows"},
	{"data.Details", "{\"data\":{\"Code\":\"X-1\",\"Details\":[]}}", "0 rows"},
	{"data.Details", "{\"data\":{\"code\":\"X-1\",\"Details\":[1]}}", "1 rows"},
	{"data.Head.Rows", "{\"data\":{\"Code\":\"X-1\",\"Head\":{\"Code\":\"X-2\",\"Rows\":[1]}}}", "1 rows"},
	{"Details", "{\"Code\":\"X-1\",\"Details\":[1],\"data\":{\"Code\":\"X-2\"}}", "1 rows"},
	/* What is around it speaks, and so does what no document has. */
	{"Details", "{\"Code\":\"50000\",\"Message\":\"m\",\"Details\":[]}", "error 50000: m"},
	{"Details", "{\"Code\":\"50000\",\"Message\":\"m\",\"Details\":[1]}", "error 50000: m"},
	{"Details", "{\"Code\":\"X-1\",\"Message\":\"m\",\"Details\":[1],\"code\":\"0\"}", "1 rows"},
	{"Details", "{\"code\":\"500\",\"message\":\"m\",\"Details\":[]}", "error 500: m"},
	{"Details", "{\"Code\":\"X-1\",\"Details\":[1],\"ErrorMessage\":\"m\"}", "error X-1: m"},
	{"Details", "{\"Code\":\"X-1\",\"success\":false,\"Details\":[1]}", "early error X-1: -"},
	{"data.Details", "{\"code\":\"500\",\"message\":\"m\",\"data\":{\"Code\":\"X-1\",\"Details\":[{\"ID\":1}]}}", "early error 500: m"},
	{"data.Details", "{\"data\":{\"Code\":\"X-1\",\"Details\":[{\"ID\":1}]},\"code\":\"500\"}", "error 500: -"},
	{"data.Details", "{\"data\":{\"Code\":\"50000\",\"Message\":\"m\",\"Details\":[]}}", "error 50000: m"},
	{"Body.Rows", "{\"code\":\"500\",\"Body\":{\"Rows\":[]}}", "error 500: -"},
	{"Body.Rows", "{\"success\":false,\"Body\":{\"Rows\":[1]}}", "early error -: -"},

	/* What is no JSON beside rows is no envelope. */
	{"auto", "{\"Data\":[],\"code\":5OO}", "broken"},
	{"auto", "{\"Data\":[1],\"success\":fals}", "broken"},
};

/* INDENT ON */

int
main(void)
{
	arena = tplus_json_arena_create(NULL);
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		name[300];

		snprintf(name, sizeof(name), "%s: %s", cases[i].rows_path,
				 cases[i].body);
		is(verdict(cases[i].rows_path, cases[i].body), cases[i].expected,
		   name);
	}
	heap_reset();
	return done();
}
