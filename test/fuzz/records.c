/*-------------------------------------------------------------------------
 *
 * records.c
 *		Fuzzes the splitter of responses.
 *
 * The first three bytes of an input choose the options and the cuts, the rest
 * is the body.  Held against each other: the body read whole, byte by byte,
 * and in random pieces; and what the splitter makes of it with what the strict
 * scan of JSON texts says about the body, the records and the envelope.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/fuzz/records.c
 *
 *-------------------------------------------------------------------------
 */
#include "reading.h"

#include "net/json_scan.h"

#define MAX_BODY	20000

extern int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static bool
is_json(const char *text, size_t len)
{
	static char copy[CAP];
	static char lexemes[CAP];
	TplusJsonScan scan = {.copy = copy,.lexemes = lexemes};

	return tplus_json_scan(text, len, &scan);
}

static void
require(bool condition, const char *what, const Text *one, const Text *other)
{
	if (condition)
		return;
	printf("%s\n", what);
	diag("one", one->data);
	if (other != NULL)
		diag("other", other->data);
	fflush(stdout);
	abort();
}

/* Is the problem one that a text may have although it is JSON? */
static bool
is_ours(const char *problem)
{
	static const char *const ours[] = {
		"more than one array of rows", "record larger than the limit",
		"text around the rows larger than the limit", "key too long",
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
	{
		if (strcmp(problem, ours[i]) == 0)
			return true;
	}
	return false;
}

/*
 * A complete document whose parts are JSON is JSON, and a JSON text is not
 * called damaged, unless for what is in one of its strings.
 */
static void
check_grammar(const Reading *reading, const Text *outcome)
{
	TplusRecords *records = tplus_records_create(reading->rows_path,
												 reading->max_record,
												 reading->max_envelope);
	TplusRecordsStatus status;
	bool		whole = is_json(reading->body, reading->len);
	bool		parts = true;
	const char *text;
	size_t		len;

	tplus_records_feed(records, reading->body, reading->len);
	tplus_records_finish(records);
	while ((status = tplus_records_next(records, &text, &len)) ==
		   TPLUS_RECORDS_RECORD)
		parts = is_json(text, len) && parts;
	if (status == TPLUS_RECORDS_END)
	{
		text = tplus_records_envelope(records, &len);
		if (parts && !records->scan.overflow && is_json(text, len))
			require(whole, "its parts are JSON, it is not", outcome, NULL);
		if (whole && !records->scan.overflow)
			require(is_json(text, len), "its envelope is not JSON", outcome,
					NULL);
	}
	else if (whole)
	{
		const char *problem = tplus_records_problem(records, &len);

		require(is_ours(problem) || reading->body[len] == '"',
				"it is JSON, and called damaged", outcome, NULL);
	}
	tplus_records_free(records);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const paths[] = {"auto", "auto", ".", "a.b"};
	static const size_t caps[] = {CAP, CAP, 10, 3};
	static Text whole;
	static Text pieces;
	static size_t cuts[MAX_BODY];
	Reading		reading;
	size_t		n = 0;

	if (size < 3 || size > MAX_BODY)
		return -1;
	reading.rows_path = paths[data[0] & 3];
	reading.max_record = caps[(data[0] >> 2) & 3];
	reading.max_envelope = caps[(data[0] >> 4) & 3];
	reading.body = (const char *) data + 3;
	reading.len = size - 3;

	read_cut(&reading, NULL, 0, &whole);
	for (size_t at = data[1]; at < reading.len; at += 1 + data[2] % 31)
		cuts[n++] = at;
	read_cut(&reading, cuts, n, &pieces);
	require(whole.len == pieces.len &&
			memcmp(whole.data, pieces.data, whole.len) == 0,
			"pieces matter", &whole, &pieces);
	for (n = 0; n < reading.len; n++)
		cuts[n] = n;
	read_cut(&reading, cuts, n, &pieces);
	require(whole.len == pieces.len &&
			memcmp(whole.data, pieces.data, whole.len) == 0,
			"bytes matter", &whole, &pieces);
	check_grammar(&reading, &whole);
	return 0;
}
