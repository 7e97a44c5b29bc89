/*-------------------------------------------------------------------------
 *
 * twins.h
 *		Records without identity, as a multiset of their contents.
 *
 * Two records that nothing tells apart are both there, so each is numbered
 * within the sweep that brings it.  Whether two sweeps brought equal multisets
 * is told by sums over what they brought.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/twins.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TWINS_H
#define TPLUS_TWINS_H

#include "postgres.h"

typedef struct TplusTwins TplusTwins;

/* Of one read of what, as messages name it; in context. */
extern TplusTwins *tplus_twins_create(const char *what, MemoryContext context);

/*
 * A round of all arms begins; a sweep of one arm; a page of the sweep, for a
 * second time if the call had to be repeated.  What a sweep had that did not
 * come to its end is forgotten when the next one begins.  by_page: whatever
 * equals a record of an earlier page is that record come again, so numbers
 * begin anew with each page.
 */
extern void tplus_twins_begin_round(TplusTwins *twins);
extern void tplus_twins_begin_sweep(TplusTwins *twins, bool by_page);
extern void tplus_twins_begin_page(TplusTwins *twins, bool repeated);

/*
 * The number of a record among those of the sweep with this content, from 1,
 * given a hash of the content in two independent parts.
 */
extern uint32 tplus_twins_number(TplusTwins *twins, const uint64 content[2]);

/*
 * The sweep has come to its end.  What it brought is added to the round, unless
 * another arm has brought the same and no more: then the server overlooks in
 * what the two differ.  Throws if the two share some of their records: they
 * may be the same ones, or others that nothing tells apart.
 */
extern void tplus_twins_end_sweep(TplusTwins *twins);

/*
 * All arms have had their turn.  Is what the read has returned known to be
 * all?  It is if the round brought the same, and so did the round before, or
 * no other round is needed: proven says so.  Throws if that cannot come to
 * pass, because what was returned is there no more.
 */
extern bool tplus_twins_end_round(TplusTwins *twins, bool proven);

/*
 * Has the round brought nothing, though one page of the read, and only one,
 * brought records?
 */
extern bool tplus_twins_are_gone(const TplusTwins *twins);

/* Bytes of memory used. */
extern int64 tplus_twins_bytes(const TplusTwins *twins);

#endif							/* TPLUS_TWINS_H */
