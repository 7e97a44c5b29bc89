/*-------------------------------------------------------------------------
 *
 * flag.h
 *		Does the server understand how we spell the flag of stopped records?
 *
 * How a boolean filter must be spelled is open (docs/protocol.md, section 7
 * no. 8), and a spelling that the server does not match, or overlooks, would
 * hide records.  So the spelling is proven by what comes back.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/flag.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_FLAG_H
#define TPLUS_FLAG_H

#include "postgres.h"

#include "tplus/record.h"

/* What is known of the flag in one arm of a query, for each operation. */
typedef struct TplusFlag
{
	const TplusQuery *query;
	TplusIntake *intake;
	TplusArm   *arm;			/* it is noted there who overlooks the flag */
	TplusEncoding encoding[TPLUS_NOPERATIONS];	/* AUTO: what was learned, or
												 * the first */
	bool		refused[TPLUS_NOPERATIONS]; /* every spelling was: then it is
											 * another's fault */
	bool		matched;		/* a record of the sweep had the flag as asked */
	bool		mismatched;		/* a record had it otherwise */
} TplusFlag;

typedef enum TplusSettled
{
	TPLUS_SETTLED,				/* what came counts */
	TPLUS_SETTLED_AGAIN,		/* the sweep has to be made again: with
								 * another spelling, or without the flag */
	TPLUS_SETTLED_BLIND			/* this operation understands no spelling, and
								 * may hide records */
} TplusSettled;

/* The spelling to use for requests to this path. */
extern TplusEncoding tplus_flag_encoding(const TplusFlag *flag,
										 const char *path);

/* Is it open whether the server understands the spelling? */
extern bool tplus_flag_is_open(const TplusFlag *flag, const char *path);

/*
 * T+ refused a request with the flag while that was open: another spelling is
 * tried, and when there is none left, the next refusal is an error.
 */
extern void tplus_flag_refused(TplusFlag *flag, const char *path);

/* A record of a request with the flag. */
extern void tplus_flag_take(TplusFlag *flag, const TplusRecord *record);

/*
 * Looks at what a finished sweep with the flag brought from this operation,
 * and asks a question or two if that proves nothing.
 */
extern TplusSettled tplus_flag_settle(TplusFlag *flag, const char *path);

/* Throws HV000: no operation is left that might understand the flag. */
extern void tplus_flag_report_blind(const TplusFlag *flag)
			pg_attribute_noreturn();

#endif							/* TPLUS_FLAG_H */
