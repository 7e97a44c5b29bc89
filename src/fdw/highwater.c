/*-------------------------------------------------------------------------
 *
 * highwater.c
 *		The row version up to which the last statement returned everything.
 *
 * Whoever reads on from there never sees again what a statement dropped.  So
 * each statement that mentions a table leaves a mark for it, or that there is
 * none; the former only if each record came out of the one scan of the table,
 * the scan was read to its end, and every row of it arrived.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/highwater.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "fdw/highwater.h"
#include "fdw/proof.h"
#include "fdw/scan.h"

typedef struct Mark
{
	Oid			relid;
	int			open;			/* mentions in statements under way */
	bool		overlapped;		/* there was more than one at a time */
	uint64		version;		/* of the last statement; 0: none */
} Mark;

/* A statement under way that mentions a foreign table; in its own context. */
typedef struct Statement
{
	dlist_node	node;
	MemoryContextCallback callback;
	EState	   *estate;
	List	   *mentioned;		/* of Oid, as often as they are mentioned */
	TplusProof	proof;
	int			running;		/* calls of ExecutorRun() on the stack */
	bool		changes_data;
	bool		at_end;			/* there are no more rows */
	bool		broken;			/* rows are known not to have arrived */
	bool		settled;		/* the marks have been left */
	bool		released;		/* others do not overlap with it any more */
} Statement;

static planner_hook_type previous_planner = NULL;
static ExecutorStart_hook_type previous_start = NULL;
static ExecutorRun_hook_type previous_run = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

static HTAB *marks = NULL;
static dlist_head statements = DLIST_STATIC_INIT(statements);
static uint64 begun = 0;		/* statements since the session began */

static void
forget_marks(void)
{
	HASH_SEQ_STATUS status;
	Mark	   *mark;

	if (marks == NULL)
		return;
	hash_seq_init(&status, marks);
	while ((mark = hash_seq_search(&status)) != NULL)
		mark->version = 0;
}

/*
 * What a statement returned whose work was undone was never received; nor was
 * what a cursor returned within work that was undone.  An INSERT goes on where
 * a trigger of it has undone something of its own.
 */
static void
forget_undone(void)
{
	dlist_iter	iter;

	forget_marks();
	dlist_foreach(iter, &statements)
	{
		Statement  *statement = dlist_container(Statement, node, iter.cur);

		if (statement->running == 0 || !statement->changes_data)
			statement->broken = true;
	}
}

static void
end_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		forget_marks();
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subid,
				   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_undone();
}

static Mark *
get_mark(Oid relid)
{
	Mark	   *mark;
	bool		found;

	if (marks == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Mark);
		ctl.hcxt = TopMemoryContext;
		marks = hash_create("tplus_fdw high water", 16, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	mark = hash_search(marks, &relid, HASH_ENTER, &found);
	if (!found)
	{
		mark->open = 0;
		mark->overlapped = false;
		mark->version = 0;
	}
	return mark;
}

/* The version that one scan of the table left; 0 if it is not that simple. */
static uint64
version_of(const TplusProof *proof, Oid relid)
{
	ListCell   *lc;

	foreach(lc, proof->scans)
	{
		ForeignScanState *scan = lfirst(lc);

		if (RelationGetRelid(scan->ss.ss_currentRelation) == relid)
			return tplus_scan_version(scan);
	}
	return 0;
}

/* The statement is over: leaves a mark, or none, for each table. */
static void
settle(Statement *statement, bool proven)
{
	ListCell   *lc;

	if (statement->settled)
		return;
	statement->settled = true;
	foreach(lc, statement->mentioned)
	{
		Mark	   *mark = get_mark(lfirst_oid(lc));

		mark->version = !proven || mark->overlapped ? 0 :
			version_of(&statement->proof, mark->relid);
	}
}

/* Nothing more will happen within the statement. */
static void
release(Statement *statement)
{
	ListCell   *lc;

	if (statement->released)
		return;
	statement->released = true;
	foreach(lc, statement->mentioned)
		get_mark(lfirst_oid(lc))->open--;
}

/* The statement's memory goes, in whatever way. */
static void
forget_statement(void *arg)
{
	Statement  *statement = arg;

	settle(statement, false);
	release(statement);
	dlist_delete(&statement->node);
}

/* The table and its children, as far as they have a mark. */
static List *
marked_children(Oid relid)
{
	HASH_SEQ_STATUS status;
	Mark	   *mark;
	List	   *marked = NIL;
	List	   *children = NIL;

	if (marks == NULL)
		return NIL;
	hash_seq_init(&status, marks);
	while ((mark = hash_seq_search(&status)) != NULL)
	{
		if (mark->version == 0)
			continue;
		if (children == NIL)
			children = find_all_inheritors(relid, NoLock, NULL);
		if (list_member_oid(children, mark->relid))
			marked = lappend_oid(marked, mark->relid);
	}
	return marked;
}

/*
 * The foreign tables that a plan mentions, also where it does not read them
 * because it knows that it need not.
 */
static List *
mentioned_tables(const PlannedStmt *plan)
{
	List	   *mentioned = NIL;
	List	   *marked = NIL;
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION)
			continue;
		if (rte->relkind == RELKIND_FOREIGN_TABLE)
			mentioned = lappend_oid(mentioned, rte->relid);
		if (rte->inh)
			marked = list_concat_unique_oid(marked,
											marked_children(rte->relid));
	}
	return list_concat_unique_oid(mentioned, marked);
}

/* The tables of a query, and of all queries within. */
static bool
collect_tables(Node *node, List **tables)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_VIEW)
			*tables = lappend(*tables, rte);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_tables, tables,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_tables, tables);
}

static bool
names_table(const List *rtable, Oid relid)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relid == relid)
			return true;
	}
	return false;
}

/*
 * Lets a plan name all tables of its query, also those of a subquery that
 * turned out not to be needed.  Nobody looks at their entries but we, and who
 * waits for changes of the tables.
 */
static PlannedStmt *
plan_query(TPLUS_PLANNER_PARAMS)
{
	List	   *tables = NIL;
	PlannedStmt *plan;
	ListCell   *lc;

	(void) collect_tables((Node *) query, &tables);
	plan = previous_planner ? previous_planner(TPLUS_PLANNER_ARGS) :
		standard_planner(TPLUS_PLANNER_ARGS);
	foreach(lc, tables)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (names_table(plan->rtable, rte->relid))
			continue;
		rte = copyObject(rte);
		rte->securityQuals = NIL;
		tplus_drop_permissions(rte);
		plan->rtable = lappend(plan->rtable, rte);
		plan->relationOids = lappend_oid(plan->relationOids, rte->relid);
	}
	return plan;
}

/* Follows a statement from now on; the list is in its context. */
static void
follow(QueryDesc *query, List *mentioned)
{
	MemoryContext context = query->estate->es_query_cxt;
	MemoryContext old = MemoryContextSwitchTo(context);
	Statement  *statement = palloc0(sizeof(Statement));
	ListCell   *lc;

	statement->estate = query->estate;
	statement->changes_data = query->operation != CMD_SELECT;
	tplus_proof_make(query, &statement->proof);
	foreach(lc, mentioned)
	{
		Mark	   *mark;

		/* Scans that overlap count as one statement's: nothing is said then. */
		mark = get_mark(lfirst_oid(lc));
		mark->overlapped = mark->open > 0;
		mark->open++;
		statement->mentioned = lappend_oid(statement->mentioned, mark->relid);
	}
	statement->callback.func = forget_statement;
	statement->callback.arg = statement;
	dlist_push_tail(&statements, &statement->node);
	MemoryContextRegisterResetCallback(context, &statement->callback);
	MemoryContextSwitchTo(old);
	begun++;
}

static void
start_query(QueryDesc *query, int eflags)
{
	List	   *mentioned = NIL;

	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 && !IsParallelWorker())
		mentioned = mentioned_tables(query->plannedstmt);
	if (previous_start)
		previous_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (mentioned != NIL)
		follow(query, mentioned);
	list_free(mentioned);
}

static Statement *
find_statement(const EState *estate)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		Statement  *statement = dlist_container(Statement, node, iter.cur);

		if (statement->estate == estate)
			return statement;
	}
	return NULL;
}

/*
 * A run is over.  Is everything out?  A loop of a function takes rows in
 * batches, and may leave the last one half way; that it came to its end shows
 * when it asks for more and there is none.
 */
static void
end_run(Statement *statement, QueryDesc *query, ScanDirection direction,
		uint64 count)
{
	uint64		rows = query->estate->es_processed;
	bool		in_batches = count > 0 || statement->at_end;

	if (ScanDirectionIsNoMovement(direction))
		rows = 0;
	else if (!ScanDirectionIsForward(direction) ||
			 !tplus_proof_holds(query, &statement->proof))
		statement->broken = true;
	else
		statement->at_end = count == 0 ||
			(query->operation == CMD_SELECT &&
			 (rows < count || statement->proof.one_row));
	if (!statement->at_end || statement->broken)
		return;
	if (in_batches && rows > 0 && query->dest->mydest == DestSPI &&
		ActivePortal && ActivePortal->queryDesc == query)
		return;
	settle(statement, true);

	/* After the run of one that changes data come its triggers. */
	if (!statement->changes_data)
		release(statement);
}

static void
run_query(TPLUS_EXECUTOR_RUN_PARAMS)
{
	Statement  *statement = find_statement(query->estate);

	if (statement)
		statement->running++;
	PG_TRY();
	{
		if (previous_run)
			previous_run(TPLUS_EXECUTOR_RUN_ARGS);
		else
			standard_ExecutorRun(TPLUS_EXECUTOR_RUN_ARGS);
	}
	PG_FINALLY();
	{
		if (statement)
			statement->running--;
	}
	PG_END_TRY();
	if (statement && !statement->settled)
		end_run(statement, query, direction, count);
}

/* Will the statement perhaps not run the query that it is about? */
static bool
may_leave_out_query(const Node *node)
{
	if (IsA(node, CreateTableAsStmt))
		return ((const CreateTableAsStmt *) node)->if_not_exists ||
			((const CreateTableAsStmt *) node)->into->skipData;
	return IsA(node, RefreshMatViewStmt) &&
		((const RefreshMatViewStmt *) node)->skipData;
}

static void
run_utility(PlannedStmt *plan, const char *text, bool read_only,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	bool		may_leave_out = may_leave_out_query(plan->utilityStmt);
	uint64		begun_before = begun;

	if (previous_utility)
		previous_utility(plan, text, read_only, context, params, env, dest, qc);
	else
		standard_ProcessUtility(plan, text, read_only, context, params, env,
								dest, qc);
	if (may_leave_out && begun == begun_before)
		forget_marks();
}

uint64
tplus_highwater_get(Oid relid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		Statement  *statement = dlist_container(Statement, node, iter.cur);

		if (!statement->settled && statement->running == 0 &&
			list_member_oid(statement->mentioned, relid))
			return 0;
	}
	return get_mark(relid)->version;
}

void
tplus_highwater_install(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_query;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = start_query;
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = run_query;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = run_utility;
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_subtransaction, NULL);
}
