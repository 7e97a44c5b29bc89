/*-------------------------------------------------------------------------
 *
 * queue.h
 *		Who waits for what, first come, first served.
 *
 * A queue lives in memory that backends share, zeroed at first; the caller holds
 * its lock.  It serves any number of keys, each with an order of its own.  A
 * place counts only as long as its holder keeps asking, because an executor
 * that has no need for rows just stops: a holder says until when he will have
 * asked again, and shortly after that he is passed over until he is back.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/queue.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_QUEUE_H
#define TPLUS_QUEUE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Those beyond wait out of turn. */
#define TPLUS_QUEUE_PLACES	256

typedef struct TplusPlace
{
	uint64		ticket;			/* 0: free; the lowest is next */
	uint64		key;			/* what is waited for */
	int64		expires_us;		/* does not count from then on */
	TimestampTz since;
	int			pid;
	Oid			database;
	Oid			server;
} TplusPlace;

typedef struct TplusQueue
{
	uint64		last_ticket;
	TplusPlace	places[TPLUS_QUEUE_PLACES];
} TplusQueue;

/*
 * Does anybody else come before this ticket (0: that of latecomers)?  Times are
 * microseconds of one clock, here and below.
 */
extern bool tplus_queue_others_first(const TplusQueue *queue, uint64 key,
									 uint64 ticket, int64 now_us);

/*
 * Takes a place for this backend, if *ticket is 0, or says that it still wants
 * the one it has; it will ask again by until_us.
 */
extern void tplus_queue_join(TplusQueue *queue, uint64 key, Oid serverid,
							 int64 now_us, int64 until_us, uint64 *ticket);

/*
 * Gives the place up and sets *ticket to 0; returns whether somebody may have
 * waited for that.
 */
extern bool tplus_queue_leave(TplusQueue *queue, uint64 *ticket);

/*
 * Copies the places that count, by key and in their order, to an array of
 * TPLUS_QUEUE_PLACES; returns how many.
 */
extern int	tplus_queue_list(const TplusQueue *queue, int64 now_us,
							 TplusPlace *places);

#endif							/* TPLUS_QUEUE_H */
