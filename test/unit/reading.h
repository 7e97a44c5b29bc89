/*-------------------------------------------------------------------------
 *
 * reading.h
 *		Reads a body with the splitter and writes down what it yields.
 *
 * As one text: each record on a line of its own, then how the scan ended,
 * whether there were rows, and the envelope.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/reading.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_READING_H
#define TPLUS_READING_H

#include "net/json_text.c"
#include "net/places.c"
#include "net/records_scan.c"
#include "net/records_scan_record.c"
#include "net/records.c"

#include "tap.h"

#define CAP		100000

/* A text that grows. */
typedef struct Text
{
	char		data[400000];
	size_t		len;
} Text;

static void
put(Text *text, const char *bytes, size_t len)
{
	if (len >= sizeof(text->data) - text->len)
		abort();
	memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

static void
put_string(Text *text, const char *string)
{
	put(text, string, strlen(string));
}

/* A body, how it is looked at, and where it is cut. */
typedef struct Reading
{
	const char *rows_path;
	size_t		max_record;
	size_t		max_envelope;
	const char *body;
	size_t		len;
} Reading;

/* Takes all that is there to be had. */
static TplusRecordsStatus
pull(TplusRecords *records, Text *outcome)
{
	TplusRecordsStatus status;
	const char *text;
	size_t		len;

	while ((status = tplus_records_next(records, &text, &len)) ==
		   TPLUS_RECORDS_RECORD)
	{
		put(outcome, text, len);
		put_string(outcome, "\n");
	}
	return status;
}

/* Writes how it ended. */
static void
conclude(TplusRecords *records, TplusRecordsStatus status, Text *outcome)
{
	char		line[200];
	const char *envelope;
	size_t		len;
	size_t		offset = 0;

	if (status == TPLUS_RECORDS_BROKEN)
	{
		const char *problem = tplus_records_problem(records, &offset);

		snprintf(line, sizeof(line), "%s at %zu", problem, offset);
		put_string(outcome, line);
	}
	else
		put_string(outcome, status == TPLUS_RECORDS_END ? "end" : "MORE");
	put_string(outcome, tplus_records_found(records) ? ", rows: " :
			   ", no rows: ");
	envelope = tplus_records_envelope(records, &len);
	put(outcome, envelope, len);
}

/*
 * Reads a body in pieces that end at the given cuts.  Each piece is handed
 * over in memory of its own, freed at once, so that a stale pointer shows.
 */
static void
read_cut(const Reading *reading, const size_t *cuts, size_t ncuts,
		 Text *outcome)
{
	TplusRecords *records = tplus_records_create(reading->rows_path,
												 reading->max_record,
												 reading->max_envelope);
	TplusRecordsStatus status;
	size_t		from = 0;

	outcome->len = 0;
	outcome->data[0] = '\0';
	for (size_t i = 0; i <= ncuts; i++)
	{
		size_t		to = i < ncuts ? cuts[i] : reading->len;
		char	   *piece = malloc(to - from + 1);

		memcpy(piece, reading->body + from, to - from);
		tplus_records_feed(records, piece, to - from);
		free(piece);
		pull(records, outcome);
		from = to;
	}
	tplus_records_finish(records);
	status = pull(records, outcome);
	if (pull(records, outcome) != status)
		put_string(outcome, "the end does not last");
	conclude(records, status, outcome);
	tplus_records_free(records);
}

#endif							/* TPLUS_READING_H */
