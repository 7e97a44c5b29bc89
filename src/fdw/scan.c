/*-------------------------------------------------------------------------
 *
 * scan.c
 *		Begin, iterate, rescan, end.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "fdw/plan.h"
#include "fdw/progress.h"
#include "fdw/scan.h"
#include "fdw/told.h"
#include "fdw/validate.h"
#include "tplus/meter.h"

/*
 * A field that so many records of one page lack is missing, not just empty in
 * each of them.
 */
#define MISSING_MIN_RECORDS	10

/* The user whose mapping the scan uses. */
static Oid
scan_user(ForeignScanState *node)
{
	Oid			userid = tplus_check_as_user(node);

	return OidIsValid(userid) ? userid : GetUserId();
}

static Bitmapset *
list_to_bitmapset(List *list)
{
	Bitmapset  *set = NULL;
	ListCell   *lc;

	foreach(lc, list)
		set = bms_add_member(set, lfirst_int(lc));
	return set;
}

/* Columns to decode; also notes the key's column and the generated ones. */
static TplusDecodeSpec *
make_decode_spec(TplusScanState *state)
{
	TplusDecodeSpec *spec = palloc0(sizeof(TplusDecodeSpec));
	TplusDecodeColumn *columns;
	int			attnum = -1;

	columns = palloc0(sizeof(TplusDecodeColumn) *
					  (bms_num_members(state->columns) + 1));
	while ((attnum = bms_next_member(state->columns, attnum)) >= 0)
	{
		const TplusColumn *column = &state->table->columns[attnum - 1];

		if (column->generated)
		{
			Expr	   *expr = (Expr *) build_column_default(state->relation,
															 attnum);

			state->generated = lappend_int(state->generated, attnum);
			state->generated_states = lappend(state->generated_states,
											  ExecPrepareExpr(expr, state->node->ss.ps.state));
			continue;
		}
		columns[spec->ncolumns].attnum = attnum;
		columns[spec->ncolumns].field = column->field;
		spec->ncolumns++;
		if (strcmp(column->field, state->table->key) == 0)
			state->key_attnum = attnum;
	}
	spec->relname = state->table->options->name;
	spec->account = state->account;
	spec->tupdesc = RelationGetDescr(state->relation);
	spec->columns = columns;
	spec->timezone = state->account->server.timezone;
	spec->error_is_null = state->table->options->error_is_null;
	return spec;
}

/*
 * The fields that clauses rest on and that the catalog knows to be in each
 * record: where one is missing, the recheck would drop rows in silence.
 */
static List *
make_required(TplusScanState *state, const Scan *plan)
{
	Bitmapset  *offsets = NULL;
	List	   *required = NIL;
	int			attnum = -1;

	pull_varattnos((Node *) plan->plan.qual, plan->scanrelid, &offsets);
	while ((attnum = bms_next_member(state->columns, attnum)) >= 0)
	{
		const TplusColumn *column = &state->table->columns[attnum - 1];
		TplusRequired *item;

		if (!bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
						   offsets) ||
			column->known == NULL ||
			(column->known->flags & TPLUS_FIELD_ALWAYS) == 0)
			continue;
		item = palloc(sizeof(TplusRequired));
		item->lookup = tplus_lookup_create(column->field, CurrentMemoryContext);
		item->field = column->field;
		required = lappend(required, item);
	}
	return required;
}

/* Nothing more will be asked of the scan. */
static void
stop_read(void *arg)
{
	TplusScanState *state = arg;

	if (state->read)
		tplus_read_stop(state->read);
}

void
tplusBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState	   *estate = node->ss.ps.state;
	TplusScanState *state = palloc0(sizeof(TplusScanState));
	Relation	relation = node->ss.ss_currentRelation;
	Oid			serverid = GetForeignServerIdByRelId(RelationGetRelid(relation));

	node->fdw_state = state;
	state->node = node;
	state->relation = relation;
	state->socket = PGINVALID_SOCKET;
	state->table = tplus_table_open(relation);
	state->what = psprintf("foreign table \"%s\"", state->table->options->name);
	state->pushed = list_nth(plan->fdw_private, TPLUS_PLAN_PUSHED);
	state->columns = list_to_bitmapset(list_nth(plan->fdw_private,
												TPLUS_PLAN_COLUMNS));
	state->only_bound = boolVal(list_nth(plan->fdw_private,
										 TPLUS_PLAN_ONLY_BOUND));
	state->limit = intVal(list_nth(plan->fdw_private, TPLUS_PLAN_LIMIT));
	state->value_states = ExecInitExprList(plan->fdw_exprs, &node->ss.ps);
	state->read_context = AllocSetContextCreate(estate->es_query_cxt,
												"tplus_fdw scan",
												ALLOCSET_DEFAULT_SIZES);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
	{
		/* A plan can be looked at without a right to read. */
		state->account = palloc0(sizeof(TplusAccount));
		state->account->server = *tplus_option_server(serverid);
		return;
	}
	state->account = tplus_option_account(serverid, scan_user(node));
	tplus_validate_transport(&state->account->server);
	tplus_table_warn(state->table);
	state->decoder = tplus_decode_create(make_decode_spec(state));
	state->required = make_required(state, &plan->scan);
	if (tplus_kept_wanted(node, eflags))
		state->kept = tplus_kept_create(RelationGetDescr(relation),
										estate->es_query_cxt);
	tplus_pause_watch(&state->pause, estate, stop_read, state);
}

/*
 * What is asked of T+, as a text that tells it from anything else.  An
 * operation may be asked for what the other is not.
 */
static char *
query_key(const TplusQuery *query)
{
	TplusRequest request = {0};
	StringInfoData key;
	ListCell   *lc;

	initStringInfo(&key);
	appendStringInfo(&key, "%s", query->bound ? query->bound : "");
	foreach(lc, query->arms)
	{
		request.arm = lfirst(lc);
		request.path = query->resource->path;
		request.page_index = -1;
		appendStringInfo(&key, "\n%s", tplus_query_body(query, &request));
		request.path = query->resource->page_path;
		request.page_index = 0;
		if (request.path)
			appendStringInfo(&key, "\n%s", tplus_query_body(query, &request));
	}
	return key.data;
}

static void
begin_read(TplusScanState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->read_context);

	tplus_scan_prepare(state);
	state->bound = 0;
	if (state->query.bound)
		(void) tplus_version_parse(state->query.bound, &state->bound);
	state->page = 0;
	state->page_rows = 0;
	if (state->kept)
	{
		char	   *key = query_key(&state->query);

		state->replay = tplus_kept_find(state->kept, key);
		if (state->replay)
			state->replays++;
		else
			tplus_kept_begin(state->kept, key);
	}
	if (state->replay == NULL)
		state->read = tplus_read_create(&state->query, state->read_context);
	MemoryContextSwitchTo(old);
}

/* A page is over: were there fields that none of its records had? */
static void
end_page(TplusScanState *state)
{
	StringInfoData news;
	const char *field;
	int			index = 0;

	if (state->page_rows < MISSING_MIN_RECORDS)
		return;
	initStringInfo(&news);
	while ((field = tplus_decode_missing(state->decoder, &index)) != NULL)
	{
		MemoryContext old;
		ListCell   *lc;
		bool		known = false;

		foreach(lc, state->missing)
			known |= strcmp(lfirst(lc), field) == 0;
		if (known)
			continue;
		old = MemoryContextSwitchTo(state->node->ss.ps.state->es_query_cxt);
		state->missing = lappend(state->missing, pstrdup(field));
		MemoryContextSwitchTo(old);
		if (tplus_told_first(RelationGetRelid(state->relation), field))
			appendStringInfo(&news, "%s\"%s\"", news.len > 0 ? ", " : "",
							 field);
	}
	if (news.len > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("no record of a page of %s has %s", state->what,
						news.data),
				 errdetail("The columns are null there."),
				 errhint("Check the option \"field\" of the columns and the rights of the application.")));
	pfree(news.data);
}

/* Tells what the page brought that is over, and what it cost. */
static void
tell_progress(TplusScanState *state, int pages)
{
	tplus_progress_add(state->stats.requests - state->told_requests, pages,
					   state->page_rows);
	state->told_requests = state->stats.requests;
}

static void
begin_page(TplusScanState *state)
{
	end_page(state);
	tell_progress(state, 1);
	state->page = tplus_read_page(state->read);
	state->page_rows = 0;
	tplus_decode_begin_page(state->decoder);
}

static void
check_required(TplusScanState *state, const TplusRecord *record)
{
	ListCell   *lc;

	foreach(lc, state->required)
	{
		TplusRequired *item = lfirst(lc);

		if (tplus_lookup_find(item->lookup, record->json) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("a record of %s has no \"%s\"", state->what,
							item->field),
					 errdetail("A clause of the query rests on it, so rows could be missing."),
					 errhint("Check the rights of the application.")));
	}
}

/* A record without a key shows the one that was made for it. */
static void
fill_generated_key(TplusScanState *state, const TplusRecord *record,
				   TupleTableSlot *slot)
{
	Form_pg_attribute attr;
	Oid			input;
	Oid			ioparam;

	if (!record->generated || state->key_attnum == 0)
		return;
	attr = TupleDescAttr(slot->tts_tupleDescriptor, state->key_attnum - 1);
	getTypeInputInfo(attr->atttypid, &input, &ioparam);
	slot->tts_values[state->key_attnum - 1] =
		OidInputFunctionCall(input, (char *) record->key, ioparam,
							 attr->atttypmod);
	slot->tts_isnull[state->key_attnum - 1] = false;
}

/*
 * A row version is shown in one spelling, that in which texts sort as versions
 * do, whatever the server's.
 */
static void
spell_versions(TplusScanState *state, const TplusRecord *record,
			   TupleTableSlot *slot)
{
	int			attnum = -1;
	char	   *text;

	if (record->version_text == NULL)
		return;
	text = tplus_version_text(record->version);

	if (strcmp(text, record->version_text) == 0)
		return;
	while ((attnum = bms_next_member(state->columns, attnum)) >= 0)
	{
		const TplusColumn *column = &state->table->columns[attnum - 1];
		Form_pg_attribute attr;
		Oid			input;
		Oid			ioparam;

		if (column->filter.kind != TPLUS_FILTER_KIND_VERSION ||
			(column->type != TEXTOID && column->type != VARCHAROID))
			continue;
		attr = TupleDescAttr(slot->tts_tupleDescriptor, attnum - 1);
		getTypeInputInfo(attr->atttypid, &input, &ioparam);
		slot->tts_values[attnum - 1] =
			OidInputFunctionCall(input, text, ioparam, attr->atttypmod);
	}
}

static void
fill_generated_columns(TplusScanState *state, TupleTableSlot *slot)
{
	ExprContext *econtext = state->node->ss.ps.ps_ExprContext;
	TupleTableSlot *saved = econtext->ecxt_scantuple;
	ListCell   *lc;
	ListCell   *lc2;

	econtext->ecxt_scantuple = slot;
	forboth(lc, state->generated, lc2, state->generated_states)
	{
		int			i = lfirst_int(lc) - 1;

		slot->tts_values[i] = ExecEvalExpr((ExprState *) lfirst(lc2), econtext,
										   &slot->tts_isnull[i]);
	}
	econtext->ecxt_scantuple = saved;
}

/*
 * Everything has been returned: up to which row version?  0 if a clause that
 * is looked at here only has left something out, or might have.
 */
static uint64
version_reached(TplusScanState *state)
{
	uint64		version;
	ListCell   *lc;

	if (!state->only_bound)
		return 0;
	foreach(lc, state->conditions)
	{
		if (((TplusCondition *) lfirst(lc))->local)
			return 0;
	}
	return tplus_read_high_water(state->read, &version) ? version : 0;
}

static void
end_read(TplusScanState *state)
{
	end_page(state);
	tell_progress(state, 0);
	state->page_rows = 0;
	if (state->kept)
		tplus_kept_complete(state->kept);
	state->version = version_reached(state);
}

/* The record as a row of the table. */
static void
fill_slot(TplusScanState *state, const TplusRecord *record,
		  TupleTableSlot *slot)
{
	memset(slot->tts_isnull, true,
		   slot->tts_tupleDescriptor->natts * sizeof(bool));
	check_required(state, record);
	tplus_decode_record(state->decoder, record->json, record->key, state->page,
						slot->tts_values, slot->tts_isnull);
	fill_generated_key(state, record, slot);
	spell_versions(state, record, slot);
	ExecStoreVirtualTuple(slot);
}

/*
 * The next record; false at the end, or if it would have to be waited for and
 * the caller does that by itself.
 */
static bool
next_record(TplusScanState *state, TplusRecord *record)
{
	if (state->is_polled)
	{
		TplusReadStatus status = tplus_read_poll(state->read, record);

		state->would_wait = status == TPLUS_READ_WAIT;
		if (status != TPLUS_READ_END)
			return status == TPLUS_READ_RECORD;
	}
	else if (tplus_read_next(state->read, record))
		return true;
	end_read(state);
	return false;
}

/* The next row, without what is computed from it; false as of next_record(). */
static bool
fetch_row(TplusScanState *state, TupleTableSlot *slot)
{
	TplusRecord record;

	if (!next_record(state, &record))
		return false;
	if (tplus_read_page(state->read) != state->page)
		begin_page(state);
	fill_slot(state, &record, slot);
	if (record.version_text && record.version > state->bound)
		state->wanted++;
	return true;
}

TupleTableSlot *
tplusIterateForeignScan(ForeignScanState *node)
{
	TplusScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	bool		found;

	ExecClearTuple(slot);
	if (state->read == NULL && state->replay == NULL)
		begin_read(state);
	if (state->replay)
	{
		(void) tplus_kept_next(state->kept, state->replay, slot);
		return slot;
	}
	PG_TRY();
	{
		found = fetch_row(state, slot);
	}
	PG_CATCH();
	{
		tplus_meter_failure(state->account, RelationGetRelid(state->relation),
							&state->stats, state->read_context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!found)
		return slot;
	if (state->generated)
		fill_generated_columns(state, slot);
	if (state->kept)
		tplus_kept_put(state->kept, slot);
	state->page_rows++;
	state->returned++;
	return slot;
}

/* Ends the read under way; what it cost stays in the sums. */
static void
forget_read(TplusScanState *state)
{
	if (state->read)
	{
		state->way = tplus_read_way(state->read);
		state->key_bytes = Max(state->key_bytes,
							   tplus_read_key_bytes(state->read));
	}
	state->read = NULL;
	state->conditions = NIL;
	state->replay = NULL;
	if (state->kept)
		tplus_kept_abandon(state->kept);
	MemoryContextReset(state->read_context);
}

void
tplusReScanForeignScan(ForeignScanState *node)
{
	TplusScanState *state = node->fdw_state;

	forget_read(state);
	state->version = 0;

	/* Behind a node that has our parameters, nothing announces a rescan. */
	if (state->kept == NULL)
		state->kept = tplus_kept_create(RelationGetDescr(state->relation),
										node->ss.ps.state->es_query_cxt);
}

uint64
tplus_scan_version(const ForeignScanState *node)
{
	return ((const TplusScanState *) node->fdw_state)->version;
}

uint64
tplus_scan_wanted(const ForeignScanState *node)
{
	return ((const TplusScanState *) node->fdw_state)->wanted;
}

void
tplusEndForeignScan(ForeignScanState *node)
{
	TplusScanState *state = node->fdw_state;

	if (state)
		forget_read(state);
	if (state && state->kept)
		tplus_kept_free(state->kept);
}
