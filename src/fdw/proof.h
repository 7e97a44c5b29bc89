/*-------------------------------------------------------------------------
 *
 * proof.h
 *		Which scans of a plan pass each of their rows on to the result.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/proof.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PROOF_H
#define TPLUS_PROOF_H

#include "postgres.h"

#include "executor/execdesc.h"

typedef struct TplusProof
{
	List	   *scans;			/* of ForeignScanState, all of T+ */
	bool		countable;		/* rows of the result are theirs, one by one */
	bool		one_row;		/* the result always is one row */
} TplusProof;

/*
 * Looks at a query that ExecutorStart() has prepared.  Between its top and
 * scans[] there is nothing that can drop a row for reasons of its own; what is
 * above the top is for tplus_proof_holds().  The list is palloc'd in the
 * current context, the scans are the query's.
 */
extern void tplus_proof_make(QueryDesc *query, TplusProof *proof);

/*
 * Has everything that the scans returned in the run that is over arrived:
 * in the table that an INSERT fills, or at the receiver of rows?  For the rows
 * of a cursor, the caller sees to it that no run was left out.
 */
extern bool tplus_proof_holds(QueryDesc *query, const TplusProof *proof);

#endif							/* TPLUS_PROOF_H */
