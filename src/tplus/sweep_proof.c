/*-------------------------------------------------------------------------
 *
 * sweep_proof.c
 *		What has to be shown where pages by row version have come to their end.
 *
 * Each of these makes a request or two whose answers are evidence, not rows.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep_proof.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "tplus/sweep.h"

/* Has the record a row version that we can read? */
static bool
has_version(TplusSweep *sweep, const char *text)
{
	TplusRecord record;

	tplus_intake_peek(sweep->intake, text, &record);
	return record.version_text != NULL;
}

bool
tplus_proof_cursor_is_blind(TplusSweep *sweep)
{
	const TplusLearned *learned = tplus_query_learned(sweep->query,
													  tplus_sweep_path(sweep));
	TplusRequest request;
	TplusAnswer answer;
	bool		quiet;

	if (learned->cursor_pages || learned->cursor_answers)
		return false;
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	if (sweep->query->bound)
	{
		request.cursor = TPLUS_ZERO_CURSOR;
		tplus_query_ask(sweep->query, &request, &answer);
		if (answer.records != NIL)
			return !has_version(sweep, linitial(answer.records));
	}
	request.cursor = NULL;
	tplus_query_ask(sweep->query, &request, &answer);
	return answer.records != NIL;
}

/*
 * Are there records by number that did not come by version?  Asked where one
 * record came in all.
 */
static bool
has_others(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	TplusRecord record;
	int			i;

	request.path = query->resource->page_path;
	request.arm = &arm;
	request.keys_only = true;
	request.page_size = 1;
	for (i = 0; request.path && i < 2; i++)
	{
		request.page_index = query->table->page_base + i;
		tplus_query_ask(query, &request, &answer);
		if (answer.records == NIL)
			continue;
		tplus_intake_peek(sweep->intake, linitial(answer.records), &record);
		if (!tplus_intake_knows(sweep->intake, &record))
			return true;
	}
	return false;
}

/*
 * Pages came in order, but a server that sorts by something else may have had
 * them so by chance, in particular where the last record of a page was edited
 * and no other.  Then asking from the record before it brings what the cursor
 * has jumped over.
 */
static bool
nothing_is_skipped(TplusSweep *sweep)
{
	TplusRequest request;
	TplusAnswer answer;
	TplusRecord record;
	bool		quiet;
	ListCell   *lc;

	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	request.keys_only = true;
	request.cursor = tplus_version_text(sweep->gap_low);
	tplus_query_ask(sweep->query, &request, &answer);
	foreach(lc, answer.records)
	{
		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version <= sweep->mark &&
			!tplus_intake_knows(sweep->intake, &record))
			return false;
	}
	return answer.records != NIL;
}

bool
tplus_proof_of_order(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	TplusRecord record;
	uint64		version = 0;
	bool		rises = false;
	ListCell   *lc;

	if (tplus_query_learned(query, query->resource->path)->cursor_pages)
		return true;
	if (sweep->ordered)
		return sweep->gap_checked || nothing_is_skipped(sweep);
	request.path = query->resource->path;
	request.arm = &arm;
	request.keys_only = true;
	request.page_size = TPLUS_MIN_CURSOR_PAGE;
	request.page_index = -1;
	request.cursor = TPLUS_ZERO_CURSOR;
	tplus_query_ask(query, &request, &answer);
	foreach(lc, answer.records)
	{
		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version < version)
			return false;
		rises |= version > 0 && record.version > version;
		version = record.version;
	}
	if (answer.rows > 1)
		return rises;
	return version == sweep->highest && !has_others(sweep);
}

/* The keys of the records above a version; how many come at a time. */
static int64
look_from(TplusSweep *sweep, uint64 version, TplusAnswer *answer)
{
	TplusTally *hold;
	TplusRequest request;
	bool		quiet;

	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	request.keys_only = true;
	request.cursor = tplus_version_text(version);
	tplus_query_ask(sweep->query, &request, answer);
	hold = &tplus_query_learned(sweep->query, request.path)->cursor_pages_hold;
	hold->rows = Max(hold->rows, answer->rows);
	return answer->rows;
}

bool
tplus_proof_of_cursor(TplusSweep *sweep)
{
	TplusAnswer answer;

	return look_from(sweep, Max(sweep->mark_page, 1) - 1, &answer) > 0;
}

static const TplusTally *
largest_page(const TplusSweep *sweep)
{
	return &tplus_query_learned(sweep->query, sweep->query->resource->path)->cursor_pages_hold;
}

/*
 * Does the server send more than so many records at a time, where there are
 * more than the arm asks for?
 */
static bool
sends_more(TplusSweep *sweep, int64 rows)
{
	TplusArm	arm = {0};
	TplusRequest request;
	TplusAnswer answer;
	bool		quiet;

	if (!sweep->arm.is_filtered)
		return false;
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	if (sweep->query->table->fixed_params)
		arm.params = tplus_encode_object(sweep->query->table->fixed_params);
	request.arm = &arm;
	request.keys_only = true;
	request.cursor = TPLUS_ZERO_CURSOR;
	tplus_query_ask(sweep->query, &request, &answer);
	return answer.rows > rows;
}

bool
tplus_proof_of_mark(TplusSweep *sweep)
{
	TplusAnswer answer;
	TplusAnswer first;
	TplusRecord record;
	ListCell   *lc;
	int64		most = largest_page(sweep)->rows;

	/* Without their content, more of them fit into a page. */
	(void) look_from(sweep, tplus_cursor_around(sweep), &answer);
	foreach(lc, answer.records)
	{
		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version > sweep->mark)
			return true;
		if (!tplus_intake_knows(sweep->intake, &record))
			return false;
	}
	if (answer.rows < sweep->page.rows ||
		answer.rows > list_length(answer.records))
		return false;
	if (answer.rows < most && answer.rows < sweep->asked)
		return true;

	/* Do more come at a time, where there are more?  Are there more at all? */
	if (sweep->query->bound)
		return look_from(sweep, 0, &first) > answer.rows;
	if (sweep->query->table->paging != TPLUS_PAGING_TS || sweep->uneven)
		return false;
	return tplus_sweep_count(sweep) == sweep->rows - sweep->repeats ||
		sends_more(sweep, answer.rows);
}

bool
tplus_proof_of_one(TplusSweep *sweep)
{
	TplusAnswer answer;
	TplusRecord record;

	if (largest_page(sweep)->rows > 1)
		return true;
	if (sweep->query->bound)
	{
		if (look_from(sweep, 0, &answer) != 1)
			return true;
		tplus_intake_peek(sweep->intake, linitial(answer.records), &record);
		if (!tplus_intake_knows(sweep->intake, &record))
			return false;
	}
	return (tplus_sweep_count(sweep) <= 1 && !sweep->stranger) ||
		sends_more(sweep, 1);
}
