/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between the PostgreSQL versions that we build on.
 *
 * Nothing else belongs here: a room that needs one of these spellings
 * includes this header and stays free of version numbers.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_COMPAT_H
#define TPLUS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "tplus_fdw needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"

/* Input functions can report what they refuse without an error. */
#define TPLUS_HAVE_SOFT_INPUT
#endif

#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#include "utils/wait_event.h"

/* Shared memory can be had when it is needed, by name. */
#define TPLUS_HAVE_DSM_REGISTRY

/* An extension can name what it waits for. */
#define TPLUS_HAVE_WAIT_EVENTS
#endif

/* EXPLAIN's parts of commands/explain.h are headers of their own. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/*
 * create_foreignscan_path() got restrictinfos of joins (17) and the number of
 * disabled nodes (18).
 */
#if PG_VERSION_NUM >= 180000
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, keys, \
							outer, outerpath, NIL, priv)
#elif PG_VERSION_NUM >= 170000
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, \
							outer, outerpath, NIL, priv)
#else
#define tplus_create_foreignscan_path(root, rel, rows, startup, total, keys, \
									  outer, outerpath, priv) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, keys, \
							outer, outerpath, priv)
#endif

/* How many elements an array is likely to have; 17 looks at statistics. */
#if PG_VERSION_NUM >= 170000
#define tplus_array_length(root, node)	estimate_array_length(root, node)
#else
#define tplus_array_length(root, node)	((double) estimate_array_length(node))
#endif

/* The check of rights on an object is one function for all kinds since 16. */
#if PG_VERSION_NUM >= 160000
#define tplus_server_aclcheck(serverid, roleid, mode) \
	object_aclcheck(ForeignServerRelationId, serverid, roleid, mode)
#else
#define tplus_server_aclcheck(serverid, roleid, mode) \
	pg_foreign_server_aclcheck(serverid, roleid, mode)
#endif

#if PG_VERSION_NUM >= 160000
#define tplus_owns_table(relid, roleid) \
	object_ownercheck(RelationRelationId, relid, roleid)
#else
#define tplus_owns_table(relid, roleid) \
	pg_class_ownercheck(relid, roleid)
#endif

/* 17 asks whether a stronger lock will do; there is none here. */
#if PG_VERSION_NUM >= 170000
#define tplus_lock_held(tag, mode)	LockHeldByMe(tag, mode, false)
#else
#define tplus_lock_held(tag, mode)	LockHeldByMe(tag, mode)
#endif

/*
 * What an operator means to ordered indexes, and the strategy number of the
 * first such meaning.  18 numbers them alike, and <> too is one of them.
 */
#if PG_VERSION_NUM >= 180000
#define tplus_op_meanings(opno) get_op_index_interpretation(opno)
#define tplus_first_strategy(meanings) \
	((int) ((OpIndexInterpretation *) linitial(meanings))->cmptype)
#else
#define tplus_op_meanings(opno) get_op_btree_interpretation(opno)
#define tplus_first_strategy(meanings) \
	(((OpBtreeInterpretation *) linitial(meanings))->strategy)
#endif

/* Whose rights a scan of one relation uses; InvalidOid: the current user's. */
#if PG_VERSION_NUM >= 160000
#define tplus_check_as_user(node) \
	(((ForeignScan *) (node)->ss.ps.plan)->checkAsUser)
#else
#define tplus_check_as_user(node) \
	(exec_rt_fetch(((ForeignScan *) (node)->ss.ps.plan)->scan.scanrelid, \
				   (node)->ss.ps.state)->checkAsUser)
#endif

/* Lets a range table entry ask for no right; 16 keeps rights apart. */
#if PG_VERSION_NUM >= 160000
#define tplus_drop_permissions(rte) ((rte)->perminfoindex = 0)
#else
#define tplus_drop_permissions(rte) ((rte)->requiredPerms = 0)
#endif

/* ExecutorRun() and its hook lost a parameter in 18. */
#if PG_VERSION_NUM >= 180000
#define TPLUS_EXECUTOR_RUN_PARAMS \
	QueryDesc *query, ScanDirection direction, uint64 count
#define TPLUS_EXECUTOR_RUN_ARGS		query, direction, count
#else
#define TPLUS_EXECUTOR_RUN_PARAMS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define TPLUS_EXECUTOR_RUN_ARGS		query, direction, count, execute_once
#endif

/* Puts a table's size into pg_class; 18 counts frozen pages as well. */
#if PG_VERSION_NUM >= 180000
#define tplus_update_relstats(rel, pages, tuples) \
	vac_update_relstats(rel, pages, tuples, (rel)->rd_rel->relallvisible, \
						(rel)->rd_rel->relallfrozen, \
						(rel)->rd_rel->relhasindex, InvalidTransactionId, \
						InvalidMultiXactId, NULL, NULL, true)
#else
#define tplus_update_relstats(rel, pages, tuples) \
	vac_update_relstats(rel, pages, tuples, (rel)->rd_rel->relallvisible, \
						(rel)->rd_rel->relhasindex, InvalidTransactionId, \
						InvalidMultiXactId, NULL, NULL, true)
#endif

/* Is this a worker of autovacuum?  The question got another name in 17. */
#if PG_VERSION_NUM >= 170000
#define tplus_is_autovacuum()	AmAutoVacuumWorkerProcess()
#else
#define tplus_is_autovacuum()	IsAutoVacuumWorkerProcess()
#endif

/* The planner and its hook take what EXPLAIN wants to know since 19. */
#if PG_VERSION_NUM >= 190000
#define TPLUS_PLANNER_PARAMS \
	Query *query, const char *text, int options, ParamListInfo params, \
	ExplainState *explain
#define TPLUS_PLANNER_ARGS			query, text, options, params, explain
#else
#define TPLUS_PLANNER_PARAMS \
	Query *query, const char *text, int options, ParamListInfo params
#define TPLUS_PLANNER_ARGS			query, text, options, params
#endif

/*
 * A tranche of locks gets its name in each process that meets it, or, since
 * 19, once and for all when it is made.
 */
#if PG_VERSION_NUM >= 190000
#define tplus_new_tranche(name)			LWLockNewTrancheId(name)
#define tplus_name_tranche(id, name)	((void) (id))
#else
#define tplus_new_tranche(name)			LWLockNewTrancheId()
#define tplus_name_tranche(id, name)	LWLockRegisterTranche(id, name)
#endif

/* What is called to fill a new segment of shared memory. */
#if PG_VERSION_NUM >= 190000
#define TPLUS_SEGMENT_PARAMS		void *area, void *arg
#define tplus_named_segment(name, size, callback, found) \
	GetNamedDSMSegment(name, size, callback, found, NULL)
#elif PG_VERSION_NUM >= 170000
#define TPLUS_SEGMENT_PARAMS		void *area
#define tplus_named_segment(name, size, callback, found) \
	GetNamedDSMSegment(name, size, callback, found)
#endif

/* Publications FOR ALL TABLES may leave tables out since 19. */
#if PG_VERSION_NUM >= 190000
#define tplus_relation_publications(relid) \
	GetRelationIncludedPublications(relid)
#define tplus_all_tables_publications(relid) \
	list_difference_oid(GetAllTablesPublications(), \
						GetRelationExcludedPublications(relid))
#else
#define tplus_relation_publications(relid)		GetRelationPublications(relid)
#define tplus_all_tables_publications(relid)	GetAllTablesPublications()
#endif

/* Deletes a row that nobody can have changed; options come earlier in 19. */
#if PG_VERSION_NUM >= 190000
#define tplus_tuple_delete(rel, tid, cid, failure) \
	table_tuple_delete(rel, tid, cid, 0, InvalidSnapshot, InvalidSnapshot, \
					   false, failure)
#else
#define tplus_tuple_delete(rel, tid, cid, failure) \
	table_tuple_delete(rel, tid, cid, InvalidSnapshot, InvalidSnapshot, \
					   false, failure, false)
#endif

/*
 * The instant that a date or a timestamp is in the time zone of the session;
 * false if there is none.  Soft errors took the place of a flag in 19.
 */
#if PG_VERSION_NUM >= 190000
#include "nodes/miscnodes.h"

#define TPLUS_INSTANT_STATE \
	ErrorSaveContext state = {T_ErrorSaveContext}
#define TPLUS_INSTANT_FAILED	(state.error_occurred)
#define tplus_date_to_instant(value) \
	date2timestamptz_safe(value, (Node *) &state)
#define tplus_timestamp_to_instant(value) \
	timestamp2timestamptz_safe(value, (Node *) &state)
#else
#define TPLUS_INSTANT_STATE		int state = 0
#define TPLUS_INSTANT_FAILED	(state != 0)
#define tplus_date_to_instant(value) \
	date2timestamptz_opt_overflow(value, &state)
#define tplus_timestamp_to_instant(value) \
	timestamp2timestamptz_opt_overflow(value, &state)
#endif

/* gcc believes no comments about falling through to the next case. */
#ifndef pg_fallthrough
#define pg_fallthrough	__attribute__((fallthrough))
#endif

/* 19 gives its signal handlers another type than C does. */
#ifndef PG_SIG_IGN
#define PG_SIG_IGN	SIG_IGN
#endif

/* 18 has pg_noreturn instead, which stands before the declaration. */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* Has transaction_timeout passed?  It came in 17. */
#if PG_VERSION_NUM >= 170000
#define tplus_transaction_timeout_pending()	(TransactionTimeoutPending != 0)
#else
#define tplus_transaction_timeout_pending()	false
#endif

/* InitMaterializedSRF() had another name in early versions of 15. */
#define tplus_init_srf(fcinfo)	InitMaterializedSRF(fcinfo, 0)

#endif							/* TPLUS_COMPAT_H */
