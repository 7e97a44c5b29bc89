/*-------------------------------------------------------------------------
 *
 * records.c
 *		Bytes in, whole records out, while the body still arrives.
 *
 * The scan of the body is in records_scan.c.  Here is what is not grammar:
 * where the rows are looked for, what the caller sees, and strings.
 *
 * Where rows are looked for, a string may stand whose text is JSON.  Its
 * characters, unescaped, go to a second splitter (the inner one) as if the
 * text stood there itself.  That is known to hold the rows once it yields a
 * record or its text is complete; then the inner envelope takes the string's
 * place in ours.  If it breaks before, it was just a string.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/records.c
 *
 *-------------------------------------------------------------------------
 */
#include "net/records.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/records_scan.h"

struct TplusRecords
{
	TplusScan	scan;
	bool		finished;		/* no bytes will follow */

	/* The one place given by the caller, if it was not "auto". */
	TplusPlaces own_places;
	char	   *own_path;

	/* The text of the string that the scan is in, or NULL. */
	TplusRecords *inner;
	bool		inner_closed;	/* the closing quote was seen */
	size_t		inner_offset;	/* in the body: of the opening quote */
	size_t		inner_envelope; /* length of our envelope before it */
};

/* A splitter that looks nowhere yet. */
static TplusRecords *
new_records(size_t max_record, size_t max_envelope)
{
	TplusRecords *records = calloc(1, sizeof(TplusRecords));

	if (records == NULL)
		return NULL;
	records->scan.max_record = max_record;
	records->scan.max_envelope = max_envelope;
	records->scan.state = TPLUS_SCAN_START;
	return records;
}

TplusRecords *
tplus_records_create(const char *rows_path, size_t max_record,
					 size_t max_envelope)
{
	TplusRecords *records = new_records(max_record, max_envelope);

	if (records == NULL)
		return NULL;
	records->scan.places = &tplus_places_known;
	if (strcmp(rows_path, "auto") != 0)
	{
		records->own_path = strdup(rows_path);
		if (records->own_path == NULL)
		{
			tplus_records_free(records);
			return NULL;
		}
		records->own_places.paths = (const char *const *) &records->own_path;
		records->own_places.npaths = 1;
		records->scan.places = &records->own_places;
	}
	records->scan.way = tplus_places_all(records->scan.places);
	return records;
}

void
tplus_records_free(TplusRecords *records)
{
	if (records == NULL)
		return;
	tplus_records_free(records->inner);
	tplus_scan_release(&records->scan);
	free(records->own_path);
	free(records);
}

void
tplus_records_feed(TplusRecords *records, const char *bytes, size_t len)
{
	TplusScan  *scan = &records->scan;

	assert(!records->finished);
	if (scan->state != TPLUS_SCAN_BROKEN)
		tplus_scan_feed(scan, bytes, len);
	else if (!scan->found)
		tplus_scan_append(scan, bytes, len, 0);
}

void
tplus_records_finish(TplusRecords *records)
{
	records->finished = true;
}

/* Looks into the string whose opening quote was just passed. */
static TplusScanStep
begin_inner(TplusRecords *records)
{
	TplusScan  *scan = &records->scan;
	TplusRecords *inner = new_records(scan->max_record, scan->max_envelope);

	if (inner == NULL)
		return tplus_scan_no_memory(scan);
	inner->scan.places = scan->places;
	inner->scan.way = scan->way;
	inner->scan.level = scan->level + scan->depth;
	inner->scan.is_inner = true;
	records->inner = inner;
	records->inner_closed = false;
	records->inner_offset = scan->base + scan->pos - 1;
	records->inner_envelope = scan->envelope.len;
	return TPLUS_STEP_ON;
}

/* The string holds no rows, or is over; the scan goes on with it or after it. */
static TplusScanStep
end_inner(TplusRecords *records)
{
	tplus_records_free(records->inner);
	records->inner = NULL;
	records->scan.muted = false;
	if (records->inner_closed)
		records->scan.state = TPLUS_SCAN_AFTER_VALUE;
	return TPLUS_STEP_ON;
}

/* The string holds the rows: it does not go into the envelope as it is. */
static void
adopt_inner(TplusRecords *records)
{
	TplusScan  *scan = &records->scan;

	scan->found = true;
	scan->place = records->inner->scan.place;
	scan->muted = true;
	scan->envelope.len = records->inner_envelope;
	if (scan->overflow_offset >= records->inner_offset)
		scan->overflow = false;
	tplus_scan_keep(scan);
}

/* Hands the next characters of the string to the inner splitter. */
static TplusScanStep
feed_inner(TplusRecords *records)
{
	TplusScan  *scan = &records->scan;
	const char *piece = scan->input.data + scan->pos;
	const char *end = scan->input.data + scan->input.len;
	const char *stop = tplus_json_string_stop(piece, end);
	char		plain[4];
	int			plain_len;
	int			used;

	if (piece == end)
		return TPLUS_STEP_MORE;
	if (*piece == '"')
	{
		scan->pos++;
		records->inner_closed = true;
		tplus_records_finish(records->inner);
		return TPLUS_STEP_ON;
	}
	if (*piece != '\\')
	{
		/* A NUL byte stops a run, and is for the inner one to judge. */
		size_t		run = stop > piece ? (size_t) (stop - piece) : 1;

		tplus_records_feed(records->inner, piece, run);
		scan->pos += run;
		return TPLUS_STEP_ON;
	}
	used = tplus_json_unescape(piece, (size_t) (end - piece), plain,
							   &plain_len);
	if (used == 0)
		return TPLUS_STEP_MORE;
	if (used < 0)
		return scan->found ?
			tplus_scan_broken(scan, "invalid escape", scan->pos) :
			end_inner(records);
	tplus_records_feed(records->inner, plain, (size_t) plain_len);
	scan->pos += (size_t) used;
	return TPLUS_STEP_ON;
}

/* Within a string that is looked into. */
static TplusScanStep
step_inner(TplusRecords *records)
{
	TplusScan  *scan = &records->scan;
	TplusScan  *inner = &records->inner->scan;
	TplusRecordsStatus status;
	bool		has_rows;

	status = tplus_records_next(records->inner, &scan->text, &scan->len);
	has_rows = inner->count > 0 ||
		(inner->found && status == TPLUS_RECORDS_END);
	if (has_rows && !scan->found)
	{
		adopt_inner(records);
		if (scan->state == TPLUS_SCAN_BROKEN)
			return TPLUS_STEP_BROKEN;
	}
	switch (status)
	{
		case TPLUS_RECORDS_RECORD:
			scan->count++;
			return TPLUS_STEP_RECORD;
		case TPLUS_RECORDS_MORE:
			return feed_inner(records);
		case TPLUS_RECORDS_BROKEN:
			if (inner->out_of_memory)
				return tplus_scan_no_memory(scan);
			if (has_rows)
				return tplus_scan_fail(scan, inner->problem,
									   records->inner_offset);
			if (strcmp(inner->problem, TPLUS_JSON_TOO_DEEP) == 0)
				return tplus_scan_broken(scan, inner->problem,
										 records->inner_offset - scan->base);
			return end_inner(records);
		case TPLUS_RECORDS_END:
			break;
	}
	if (has_rows)
	{
		tplus_scan_append(scan, inner->envelope.data, inner->envelope.len,
						  records->inner_offset);
		scan->kept = scan->pos;
		if (scan->state == TPLUS_SCAN_BROKEN)
			return TPLUS_STEP_BROKEN;
	}
	return end_inner(records);
}

TplusRecordsStatus
tplus_records_next(TplusRecords *records, const char **text, size_t *len)
{
	TplusScan  *scan = &records->scan;
	TplusScanStep step;

	do
	{
		if (scan->state == TPLUS_SCAN_IN_STRING && records->inner != NULL)
			step = step_inner(records);
		else
			step = tplus_scan_step(scan);
		if (step == TPLUS_STEP_STRING)
			step = begin_inner(records);
	} while (step == TPLUS_STEP_ON);

	if (step == TPLUS_STEP_RECORD)
	{
		*text = scan->text;
		*len = scan->len;
		return TPLUS_RECORDS_RECORD;
	}
	tplus_scan_keep(scan);
	if (scan->state == TPLUS_SCAN_BROKEN)
		return TPLUS_RECORDS_BROKEN;
	if (!records->finished)
		return TPLUS_RECORDS_MORE;
	return tplus_scan_end(scan) ? TPLUS_RECORDS_END : TPLUS_RECORDS_BROKEN;
}

size_t
tplus_records_count(const TplusRecords *records)
{
	return records->scan.count;
}

bool
tplus_records_found(const TplusRecords *records)
{
	return records->scan.found;
}

const char *
tplus_records_place(const TplusRecords *records)
{
	return records->scan.found ? records->scan.place : records->own_path;
}

const char *
tplus_records_envelope(const TplusRecords *records, size_t *len)
{
	*len = records->scan.envelope.len;
	return *len > 0 ? records->scan.envelope.data : "";
}

size_t
tplus_records_opening_size(const TplusRecords *records)
{
	size_t		size = records->scan.envelope.len + (size_t) records->scan.depth;

	return records->inner == NULL ? size :
		size + tplus_records_opening_size(records->inner);
}

void
tplus_records_opening(const TplusRecords *records, char *to)
{
	const TplusScan *scan = &records->scan;

	if (scan->envelope.len > 0)
		memcpy(to, scan->envelope.data, scan->envelope.len);
	to += scan->envelope.len;
	if (records->inner != NULL)
	{
		tplus_records_opening(records->inner, to);
		to += tplus_records_opening_size(records->inner);
	}
	for (int depth = scan->depth - 1; depth >= 0; depth--)
		*to++ = (scan->arrays >> depth) & 1 ? ']' : '}';
}

const char *
tplus_records_problem(const TplusRecords *records, size_t *offset)
{
	*offset = records->scan.problem_offset;
	return records->scan.problem;
}
