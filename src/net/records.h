/*-------------------------------------------------------------------------
 *
 * records.h
 *		Bytes in, whole records out, while the body still arrives.
 *
 * An incremental scanner that knows just enough of JSON's grammar to find the
 * array of rows in a response and the end of each record in it.  Where the
 * rows are: the server may answer with a bare array, {"TotalCount", "Data"},
 * {"data": {"Columns", "Rows"}}, {"result": ...}, {"value": ...},
 * {"DataSource": {"Rows"}} (docs/protocol.md, sections 3.1, 4.2, 5.3, 5.4 and
 * 7 no. 4), and any of these may be JSON text in a string.  Everything else of
 * the document, the envelope, is kept (up to a cap), with the array of rows
 * emptied.
 *
 * Brackets, commas and colons around and between the records are checked, so
 * that a damaged or truncated body ends as BROKEN.  What is within a record
 * is for its parser to judge.  A second array at a place where rows may be is
 * an error: nobody could tell which are the rows.
 *
 * Compiles without a running server: memory comes from malloc behind the
 * functions below, and nothing here throws.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RECORDS_H
#define TPLUS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct TplusRecords TplusRecords;

typedef enum TplusRecordsStatus
{
	TPLUS_RECORDS_MORE,			/* feed more bytes */
	TPLUS_RECORDS_RECORD,		/* *text and *len tell a whole record */
	TPLUS_RECORDS_END,			/* the document is complete */
	TPLUS_RECORDS_BROKEN		/* see tplus_records_problem */
} TplusRecordsStatus;

/*
 * rows_path is where the rows are: "auto" (the first array found at one of
 * the known places), "." (the document itself is the array), or a dotted path
 * ("data.Rows").  max_record and max_envelope are caps in bytes.  Returns
 * NULL when out of memory.
 */
extern TplusRecords *tplus_records_create(const char *rows_path,
										  size_t max_record,
										  size_t max_envelope);
extern void tplus_records_free(TplusRecords *records);

/*
 * Hands over the next bytes of the body.  They are copied.  Call next() until
 * it returns MORE before feeding again.  After BROKEN more may be fed, for the
 * sake of the envelope.
 */
extern void tplus_records_feed(TplusRecords *records, const char *bytes,
							   size_t len);

/* Says that the body is complete: MORE from next() is an error from now on. */
extern void tplus_records_finish(TplusRecords *records);

/*
 * The next record.  *text stays valid until the next call of a function here.
 * A record is the exact bytes of one element of the array of rows, without
 * white space around it.
 */
extern TplusRecordsStatus tplus_records_next(TplusRecords *records,
											 const char **text, size_t *len);

/* How many records were found so far. */
extern size_t tplus_records_count(const TplusRecords *records);

/* Has the array of rows begun?  (False at the end: there was none.) */
extern bool tplus_records_found(const TplusRecords *records);

/*
 * Where it is, as a dotted path, "." for the document itself; if there was
 * none, where the caller said it would be (NULL: "auto").
 */
extern const char *tplus_records_place(const TplusRecords *records);

/*
 * After END: the document without its rows (the array is left as "[]", and a
 * string that held them as the JSON in it); if there were no rows, the
 * document as it came, or its first max_envelope bytes if it is longer.  An
 * empty or blank body leaves an empty envelope.
 *
 * After BROKEN: what there was of it; if no rows had begun, the first bytes of
 * the body, whatever they are, for a message.
 */
extern const char *tplus_records_envelope(const TplusRecords *records,
										  size_t *len);

/*
 * After a RECORD: how long the document up to the rows is, its open brackets
 * closed, and its text.  What may follow the rows is not in it.
 */
extern size_t tplus_records_opening_size(const TplusRecords *records);
extern void tplus_records_opening(const TplusRecords *records, char *to);

/*
 * After BROKEN: a constant English phrase ("unexpected end", "record larger
 * than the limit", "out of memory", ...), and the offset in the body.
 */
extern const char *tplus_records_problem(const TplusRecords *records,
										 size_t *offset);

#endif							/* TPLUS_RECORDS_H */
