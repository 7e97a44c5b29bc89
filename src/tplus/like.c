/*-------------------------------------------------------------------------
 *
 * like.c
 *		Does the server take %text% as a pattern?
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/like.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "tplus/like.h"
#include "tplus/lookup.h"
#include "tplus/pattern.h"

/* A plain piece of some record's text; NULL if none has one. */
static char *
find_sample(const TplusQuery *query, TplusIntake *intake, const List *records)
{
	TplusLookup *lookup = tplus_lookup_create(query->like_field,
											  CurrentMemoryContext);
	const ListCell *lc;

	foreach(lc, records)
	{
		TplusRecord record;
		const char *text;
		char	   *local;
		char	   *run;

		tplus_intake_peek(intake, lfirst(lc), &record);
		text = tplus_json_text(tplus_lookup_find(lookup, record.json));
		if (text == NULL || !pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
			continue;
		local = pg_any_to_server(text, strlen(text), PG_UTF8);
		run = tplus_pattern_run(local, false, false);
		if (run)
			return run;
	}
	return NULL;
}

/* Is the operation at this path asked for the pattern? */
static bool
is_sent(const TplusQuery *query, const TplusArm *arm, const char *path)
{
	const TplusParam *param = tplus_encode_find(arm->params, arm->like_param);

	return param == NULL ||
		(tplus_query_operation(query, path) == TPLUS_OPERATION_PAGE ?
		 param->page_json : param->json) != NULL;
}

bool
tplus_like_settle(const TplusQuery *query, TplusIntake *intake, TplusArm *arm,
				  const char *path, TplusEncoding encoding, bool found)
{
	TplusLearned *learned = tplus_query_learned(query, path);
	TplusArm	probe = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	MemoryContext old;
	char	   *run;

	if (arm->like_param == NULL || learned->patterns ||
		!is_sent(query, arm, path))
		return false;
	learned->patterns = found;
	if (found)
		return false;

	if (query->table->fixed_params)
		probe.params = tplus_encode_object(query->table->fixed_params);
	/* With the flag: the records that match may all be stopped ones. */
	probe.has_disabled = tplus_query_asks_flag(query, arm, path);
	probe.disabled = arm->disabled;
	request.encoding = encoding;
	request.path = path;
	request.arm = &probe;
	tplus_query_sample(query, &request, false, &answer);
	if (answer.records == NIL)
		return false;			/* there is nothing to match */
	run = find_sample(query, intake, answer.records);
	if (run)
	{
		probe.params = lappend(probe.params,
							   tplus_encode_text(arm->like_param,
												 psprintf("%%%s%%", run)));
		tplus_query_sample(query, &request, true, &answer);
		learned->patterns = answer.records != NIL;
		if (learned->patterns)
			return false;
	}
	old = MemoryContextSwitchTo(GetMemoryChunkContext(arm->params));
	arm->params = list_delete_ptr(list_copy(arm->params),
								  tplus_encode_find(arm->params,
													arm->like_param));
	MemoryContextSwitchTo(old);
	arm->like_param = NULL;
	return true;
}
