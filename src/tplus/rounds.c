/*-------------------------------------------------------------------------
 *
 * rounds.c
 *		When the arms of a read have been asked often enough.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/rounds.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/rounds.h"

static bool
all_are_known(TplusSweep *const *sweeps, int narms)
{
	int			i;

	for (i = 0; i < narms; i++)
	{
		if (!tplus_sweep_is_known(sweeps[i]))
			return false;
	}
	return true;
}

/*
 * Where nothing has come, only what was edited since the last read, and once
 * more between two arms of this one, can have moved.
 */
bool
tplus_rounds_one_is_enough(const TplusQuery *query, TplusSweep *const *sweeps,
						   int narms, const TplusIntake *intake)
{
	uint64		bound;

	if (!all_are_known(sweeps, narms))
		return false;
	(void) tplus_version_parse(query->bound, &bound);
	return tplus_intake_max_version(intake) <= bound + 1;
}

/*
 * What has moved into the last arm was elsewhere when that was read, so only
 * what has moved twice is there and has not come.
 */
bool
tplus_rounds_last_is_needless(TplusSweep *const *sweeps, int narms,
							  int current)
{
	int			i;

	if (current < narms - 1 || !all_are_known(sweeps, narms))
		return false;
	for (i = 0; i < current; i++)
	{
		if (!sweeps[i]->found_unique &&
			(sweeps[i]->round_fresh > 0 || !sweeps[i]->settled))
			return false;
	}
	return true;
}

/*
 * A record came again with a higher version.  Was it edited, or do two
 * records share the key?  In the second case the first one is still there
 * with its own version.
 */
void
tplus_rounds_check_edited(const TplusSweep *sweep)
{
	const char *key;
	uint64		version;
	TplusRequest request = {0};
	TplusAnswer answer;
	ListCell   *lc;

	if (!sweep->query->table->verify ||
		!tplus_intake_edited(sweep->intake, &key, &version))
		return;
	request.path = sweep->query->resource->path;
	request.arm = &sweep->arm;
	request.encoding = tplus_flag_encoding(&sweep->flag, request.path);
	request.keys_only = true;
	request.page_size = TPLUS_ANSWER_RECORDS;
	request.page_index = -1;
	request.cursor = tplus_version_text(version - 1);
	tplus_query_ask(sweep->query, &request, &answer);
	foreach(lc, answer.records)
	{
		TplusRecord record;

		tplus_intake_peek(sweep->intake, lfirst(lc), &record);
		if (record.version == version && record.key &&
			strcmp(record.key, key) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("\"%s\" does not identify the records of %s",
							sweep->query->key, sweep->query->what),
					 errdetail("Two records with row versions of their own share a value."),
					 errhint("Name a field that does with the option \"key\" of the foreign table.")));
	}
}

bool
tplus_rounds_can_defer(const TplusSweep *sweep, const TplusTally *page)
{
	const TplusQuery *query = sweep->query;

	return query->table->paging == TPLUS_PAGING_TS && query->table->verify &&
		!query->table->generate_key && query->repeat &&
		query->bound == NULL && list_length(query->arms) > 1 &&
		sweep->rounds == 1 && sweep->step == TPLUS_STEP_FIRST &&
		!sweep->by_count && page->rows > 1 && sweep->told <= page->rows;
}

void
tplus_rounds_defer(TplusSweep *sweep)
{
	if (tplus_sweep_needs_restart(sweep))
		return;
	sweep->deferred = true;
	tplus_sweep_finish(sweep, false);
}
