/*-------------------------------------------------------------------------
 *
 * ahead.h
 *		The calls of a read: the one whose turn it is, and those sent ahead.
 *
 * What is sent ahead is only foreseen: when its turn comes, it counts if it
 * is exactly the request that is needed then.  Otherwise it is given up, with
 * all that was sent behind it.  So looking ahead never changes what is asked,
 * in which order replies are taken, or what is made of them.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/ahead.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_AHEAD_H
#define TPLUS_AHEAD_H

#include "postgres.h"

#include "tplus/query.h"

typedef struct TplusAhead TplusAhead;

/* For one read of query; in context. */
extern TplusAhead *tplus_ahead_create(const TplusQuery *query,
									  MemoryContext context);

/*
 * The call that makes this request, which is needed now: one that was sent
 * ahead, or a new one.  It lives until done() or the next take().
 */
extern TplusCall *tplus_ahead_take(TplusAhead *ahead,
								   const TplusRequest *request, bool quiet);
extern void tplus_ahead_done(TplusAhead *ahead);

/* Gives up those that were sent ahead. */
extern void tplus_ahead_give_up(TplusAhead *ahead);

/* How many calls were sent ahead, and have not had their turn. */
extern int	tplus_ahead_count(const TplusAhead *ahead);

/* Has one of them brought less than a full page? */
extern bool tplus_ahead_ends(const TplusAhead *ahead);

/*
 * Sends this request behind the others, if the budget has room; otherwise
 * returns false, and *wait_ms says when to try again.
 */
extern bool tplus_ahead_send(TplusAhead *ahead, const TplusRequest *request,
							 bool quiet, long *wait_ms);

/* Takes in what has arrived of them. */
extern void tplus_ahead_receive(TplusAhead *ahead);

#endif							/* TPLUS_AHEAD_H */
