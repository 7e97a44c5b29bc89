/*-------------------------------------------------------------------------
 *
 * sweep_told.c
 *		Counts that a server tells beside its records, against what comes.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/sweep_told.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/sweep.h"

/*
 * So many times what the server counts may come, and so many records more:
 * counts are wrong, and records come meanwhile, but not without an end.
 */
#define MAX_TIMES_COUNT		2
#define MAX_BEYOND_COUNT	1000

void
tplus_sweep_note_told(TplusSweep *sweep, int64 total)
{
	if (sweep->query->bound == NULL && sweep->pages == 1 &&
		(sweep->way == TPLUS_WAY_PLAIN ||
		 (sweep->way == TPLUS_WAY_CURSOR && sweep->rounds == 1)))
	{
		sweep->told = total;
		sweep->told_is_whole = total > sweep->page_rows;
	}
}

void
tplus_sweep_check_count(const TplusSweep *sweep, int64 count)
{
	int64		distinct = sweep->rows - sweep->repeats;

	if (count < 0 || !sweep->query->table->verify ||
		(distinct - MAX_BEYOND_COUNT) / MAX_TIMES_COUNT <= count)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read to its end", sweep->query->what),
			 errdetail("The server counts " INT64_FORMAT " records, but has sent " INT64_FORMAT " so far.",
					   count, distinct),
			 errhint("If the count is wrong, set the option \"verify\" of the foreign table to \"off\".")));
}

void
tplus_sweep_check_told(TplusSweep *sweep)
{
	const TplusQuery *query = sweep->query;
	int64		distinct = sweep->rows - sweep->repeats;
	TplusRequest request = {0};
	TplusAnswer answer;

	if (sweep->told <= distinct || !query->table->verify ||
		sweep->found_unique)
		return;
	request.path = query->resource->path;
	request.arm = &sweep->arm;
	request.keys_only = true;
	request.page_size = query->page_size;
	request.page_index = -1;
	if (sweep->arm.has_disabled)
		request.encoding = tplus_flag_encoding(&sweep->flag, request.path);
	tplus_query_ask(query, &request, &answer);
	if (answer.refused || answer.total <= distinct)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read to its end", query->what),
			 errdetail("The server counts " INT64_FORMAT " records, but sent only " INT64_FORMAT ".",
					   answer.total, distinct),
			 errhint("If the count is wrong, set the option \"verify\" of the foreign table to \"off\".")));
}
