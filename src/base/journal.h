/*-------------------------------------------------------------------------
 *
 * journal.h
 *		The last requests of the cluster, in a ring in shared memory.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/journal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JOURNAL_H
#define TPLUS_JOURNAL_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* One request.  Texts are cut to fit, at the end of a character. */
typedef struct TplusJournalEntry
{
	uint64		number;			/* 1, 2, 3, ...; set by tplus_journal_add */
	TimestampTz at;				/* when it was sent */
	int			pid;
	Oid			database;
	Oid			server;
	Oid			table;			/* InvalidOid: none */
	int			status;			/* of HTTP; 0: none came */
	int			attempt;		/* 1 is the first */
	int64		rows;
	int64		bytes;			/* on the wire */
	int64		us;				/* from its start to its end */
	int			encoding;		/* of code and error: of the writer's database */
	char		code[16];		/* T+'s own; "" if none; in encoding */
	char		path[80];		/* ASCII */
	char		params[192];	/* the body, in UTF-8 */
	char		error[224];		/* "" if it ended well */
} TplusJournalEntry;

/* As tplus_stats_attach(). */
extern void tplus_journal_attach(void);

/*
 * Keeps a copy of the entry in the place of the oldest one.  Never throws but
 * for memory, the first time; holds a lock for about a microsecond.
 */
extern void tplus_journal_add(const TplusJournalEntry *entry);

/*
 * Copies the entry in the next place and returns true, or false after the
 * last; *position begins at 0.  The order is that of places, not of time.
 * Takes no lock.
 */
extern bool tplus_journal_next(int *position, TplusJournalEntry *entry);

/* How many entries are kept, and whether all backends share them. */
extern int	tplus_journal_room(bool *shared);

#endif							/* TPLUS_JOURNAL_H */
