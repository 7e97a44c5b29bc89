/*-------------------------------------------------------------------------
 *
 * query.c
 *		What a scan asks for, whatever the way it is paged.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/query.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tplus/query.h"

TplusOperation
tplus_query_operation(const TplusQuery *query, const char *path)
{
	return strcmp(path, query->resource->path) == 0 ? TPLUS_OPERATION_QUERY :
		TPLUS_OPERATION_PAGE;
}

TplusLearned *
tplus_query_learned(const TplusQuery *query, const char *path)
{
	return &query->learned[tplus_query_operation(query, path)];
}

bool
tplus_query_asks_flag(const TplusQuery *query, const TplusArm *arm,
					  const char *path)
{
	return arm->has_disabled &&
		!arm->overlooked[tplus_query_operation(query, path)];
}

void
tplus_query_declare(const TplusQuery *query)
{
	const TplusTableOptions *table = query->table;

	TplusLearned *learned = tplus_query_learned(query, query->resource->path);

	if (table->ts_compare != TPLUS_TS_AUTO)
		learned->ts_compare = table->ts_compare;
	learned->page_holds.rows = table->page_rows;
	learned->page_holds.bytes = table->page_bytes;
	if (table->total_is_whole && query->resource->page_path)
		tplus_query_learned(query, query->resource->page_path)->total_is_whole =
			true;
}

/* The parameters of an arm as this request sends them. */
static List *
arm_params(const TplusRequest *request)
{
	List	   *params = NIL;
	ListCell   *lc;

	foreach(lc, request->arm->params)
	{
		TplusParam *param = lfirst(lc);
		const char *json = request->page_index >= 0 ? param->page_json :
		param->json;

		if (json)
			params = lappend(params, json == param->json ? param :
							 tplus_encode_param(param->name, json));
	}
	return params;
}

char *
tplus_query_body(const TplusQuery *query, const TplusRequest *request)
{
	List	   *params = arm_params(request);
	const char *select = request->keys_only ? query->key_fields :
	query->select_fields;

	if (tplus_query_asks_flag(query, request->arm, request->path))
		params = lappend(params,
						 tplus_encode_bool(query->disabled,
										   request->arm->disabled,
										   request->encoding));
	if (request->cursor)
		params = lappend(params, tplus_encode_text(query->version,
												   request->cursor));
	if (request->page_index >= 0)
		params = lappend(params, tplus_encode_int("PageIndex",
												  request->page_index));
	if (request->page_size > 0)
		params = lappend(params, tplus_encode_int("PageSize",
												  request->page_size));
	if (select)
		params = lappend(params, tplus_encode_text("SelectFields", select));
	return tplus_encode_body(query->resource->body_key, params);
}

TplusCall *
tplus_query_call(const TplusQuery *query, const TplusRequest *request,
				 bool quiet, MemoryContext context)
{
	TplusCallSpec *spec;
	MemoryContext old = MemoryContextSwitchTo(context);

	spec = palloc0(sizeof(TplusCallSpec));
	spec->account = query->account;
	spec->relid = query->table->relid;
	spec->what = query->what;
	spec->path = request->path;
	spec->body = tplus_query_body(query, request);
	spec->rows_path = query->table->rows_path;
	spec->empty_is_zero = query->table->empty_is_zero;
	spec->retry_after_rows = query->table->paging != TPLUS_PAGING_NONE;
	spec->is_filtered = request->arm->is_filtered || query->bound != NULL;
	spec->quiet = quiet;
	spec->stats = query->stats;
	spec->envelope = query->envelope;
	MemoryContextSwitchTo(old);
	return tplus_call_create(spec, context);
}

/* Makes a request; quiet: a refusal is an answer, otherwise it throws. */
static void
ask(const TplusQuery *query, const TplusRequest *request, bool quiet,
	TplusAnswer *answer)
{
	MemoryContext context;
	TplusCall  *call;
	TplusCallStatus status;
	const char *text;
	size_t		len;

	context = AllocSetContextCreate(CurrentMemoryContext, "tplus_fdw ask",
									ALLOCSET_SMALL_SIZES);
	answer->refused = false;
	answer->total = -1;
	answer->rows = 0;
	answer->records = NIL;

	call = tplus_query_call(query, request, quiet, context);
	while ((status = tplus_call_next(call, &text, &len)) != TPLUS_CALL_END)
	{
		if (status != TPLUS_CALL_RECORD)
		{
			answer->refused = status == TPLUS_CALL_REFUSED;
			answer->rows = 0;
			answer->records = NIL;
			if (answer->refused)
				break;
		}
		else if (answer->rows++ < TPLUS_ANSWER_RECORDS)
			answer->records = lappend(answer->records, pnstrdup(text, len));
	}
	if (!answer->refused)
		answer->total = tplus_call_total(call);
	MemoryContextDelete(context);
}

void
tplus_query_ask(const TplusQuery *query, const TplusRequest *request,
				TplusAnswer *answer)
{
	ask(query, request, true, answer);
}

void
tplus_query_sample(const TplusQuery *query, TplusRequest *request,
				   bool quiet, TplusAnswer *answer)
{
	request->page_size = TPLUS_ANSWER_RECORDS;
	request->page_index = strcmp(request->path, query->resource->path) == 0 ?
		-1 : query->table->page_base;
	ask(query, request, quiet || request->page_index == 1, answer);
	if (answer->records == NIL && request->page_index == 1)
	{
		request->page_index = 0;
		ask(query, request, quiet || !answer->refused, answer);
	}
}

int64
tplus_query_count(const TplusQuery *query, const TplusArm *arm,
				  TplusEncoding encoding, TplusAnswer *answer)
{
	TplusRequest request = {0};
	TplusLearned *learned;

	memset(answer, 0, sizeof(*answer));
	if (query->resource->page_path == NULL)
		return -1;
	learned = tplus_query_learned(query, query->resource->page_path);
	request.path = query->resource->page_path;
	request.arm = arm;
	request.encoding = encoding;
	request.keys_only = true;
	request.page_size = 1;
	request.page_index = query->table->page_base;
	tplus_query_ask(query, &request, answer);
	if (answer->refused || answer->total < 0)
		return -1;

	/* A number above that of the rows beside it does not count the page. */
	if (answer->total > answer->rows)
		learned->total_is_whole = true;
	return learned->total_is_whole ? answer->total : -1;
}
