/*-------------------------------------------------------------------------
 *
 * analyze.c
 *		ANALYZE of a foreign table, within a cap of requests.
 *
 * The sample comes out of the first pages, read as any query reads them.  If
 * they are not all, the server's own count tells how many records there are.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/analyze.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/sampling.h"

#include "base/compat.h"
#include "fdw/analyze.h"
#include "fdw/arms.h"
#include "fdw/statistics.h"
#include "tplus/operation.h"

/* Pages that a sample may take: ten thousand records of the usual size. */
#define SAMPLE_PAGES	20

static int
page_size_of(const TplusTable *table, Oid serverid)
{
	return table->options->page_size > 0 ? table->options->page_size :
		tplus_option_server(serverid)->page_size;
}

/* How many records the server counts; -1 if it does not tell. */
static double
count_records(Relation relation, const TplusTable *table)
{
	Oid			serverid = GetForeignServerIdByRelId(RelationGetRelid(relation));
	TplusLearned learned[TPLUS_NOPERATIONS] = {0};
	TplusQuery	query = {0};
	double		total = 0;
	ListCell   *lc;

	query.account = tplus_option_account(serverid, GetUserId());
	query.table = table->options;
	query.resource = table->resource;
	query.what = psprintf("foreign table \"%s\"", table->options->name);
	query.key = table->key;
	query.key_kind = tplus_table_kind(table, table->key);
	query.disabled = table->resource->disabled;
	query.stats = palloc0(sizeof(TplusCallStats));
	query.learned = learned;
	tplus_query_declare(&query);
	tplus_arms_make(table, query.account->server.timezone, NIL, &query);
	query.key_fields = tplus_table_select(table, NULL, false);
	foreach(lc, query.arms)
	{
		TplusAnswer answer;
		int64		count = tplus_query_count(&query, lfirst(lc),
											  query.bool_encoding[TPLUS_OPERATION_PAGE],
											  &answer);

		if (count < 0)
			return -1;
		total += count;
	}
	return total;
}

/* A row of "SELECT *" as one of the table, whose dropped columns are null. */
static HeapTuple
table_row(HeapTuple row, TupleDesc source, TupleDesc target)
{
	Datum	   *values = palloc0(sizeof(Datum) * target->natts);
	bool	   *nulls = palloc(sizeof(bool) * target->natts);
	int			from = 0;
	int			i;

	for (i = 0; i < target->natts; i++)
	{
		nulls[i] = TupleDescAttr(target, i)->attisdropped;
		if (!nulls[i])
			values[i] = heap_getattr(row, ++from, source, &nulls[i]);
	}
	row = heap_form_tuple(target, values, nulls);
	pfree(values);
	pfree(nulls);
	return row;
}

/* Keeps the i-th row, or not, so that each has the same chance. */
static void
keep_row(HeapTuple row, uint64 i, ReservoirState reservoir,
		 MemoryContext context, TupleDesc tupdesc, HeapTuple *rows,
		 int targrows, int *nrows)
{
	MemoryContext old;
	uint64		place = *nrows;

	if (*nrows == targrows)
		place = (uint64) (sampler_random_fract(&reservoir->randstate) * (i + 1));
	if (place >= (uint64) targrows)
		return;
	if (*nrows < targrows)
		(*nrows)++;
	else
		heap_freetuple(rows[place]);
	old = MemoryContextSwitchTo(context);
	rows[place] = table_row(row, SPI_tuptable->tupdesc, tupdesc);
	MemoryContextSwitchTo(old);
}

/* Reads the sample; rows go into the current context. */
static int
read_sample(Relation relation, HeapTuple *rows, int targrows,
			double *totalrows)
{
	TplusTable *table = tplus_table_open(relation);
	MemoryContext context = CurrentMemoryContext;
	ReservoirStateData reservoir;
	char	   *sql;
	int64		limit;
	int			nrows = 0;
	uint64		i;

	limit = (int64) SAMPLE_PAGES *
		page_size_of(table, GetForeignServerIdByRelId(RelationGetRelid(relation)));
	sql = psprintf("SELECT * FROM ONLY %s.%s LIMIT " INT64_FORMAT,
				   quote_identifier(get_namespace_name(RelationGetNamespace(relation))),
				   quote_identifier(RelationGetRelationName(relation)), limit);
	reservoir_init_selection_state(&reservoir, targrows);
	if (SPI_connect() != SPI_OK_CONNECT ||
		SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read a sample of \"%s\"",
			 RelationGetRelationName(relation));
	for (i = 0; i < SPI_processed; i++)
		keep_row(SPI_tuptable->vals[i], i, &reservoir, context,
				 RelationGetDescr(relation), rows, targrows, &nrows);
	*totalrows = SPI_processed;
	if ((int64) SPI_processed == limit)
		*totalrows = Max(*totalrows, count_records(relation, table));
	SPI_finish();
	return nrows;
}

/* Is the error none of T+, so that the whole command has to end? */
static bool
is_serious(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_OPERATOR_INTERVENTION ||
		category == ERRCODE_INTERNAL_ERROR ||
		sqlstate == ERRCODE_OUT_OF_MEMORY;
}

/* Says that there is no sample, and why. */
static void
warn(Relation relation, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not read a sample of foreign table \"%s\", so the statistics stay as they were: %s",
					RelationGetRelationName(relation), error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

/*
 * The sample, or none: an ANALYZE of many tables goes on where one T+ cannot
 * be asked, and an autovacuum worker asks none.
 */
static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int nrows = 0;
	ErrorData  *volatile error = NULL;

	*totaldeadrows = 0;
	*totalrows = Max(relation->rd_rel->reltuples, 0);
	if (tplus_is_autovacuum())
	{
		tplus_statistics_keep(relation);
		return 0;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		nrows = read_sample(relation, rows, targrows, totalrows);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error == NULL)
		return nrows;
	if (is_serious(error->sqlerrcode))
		ReThrowError(error);
	tplus_statistics_keep(relation);
	warn(relation, error);
	FreeErrorData(error);
	return 0;
}

bool
tplusAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
						 BlockNumber *totalpages)
{
	TplusTableOptions *options = tplus_option_table(RelationGetRelid(relation));

	/* Nobody can read it, and ANALYZE goes on with the next table. */
	if (options->path && tplus_operation_writes(options->path))
		return false;
	*func = acquire_sample;
	*totalpages = 1;			/* zero would mean that it is empty */
	return true;
}
