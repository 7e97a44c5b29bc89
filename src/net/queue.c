/*-------------------------------------------------------------------------
 *
 * queue.c
 *		Who waits for what, first come, first served.
 *
 * Nothing throws here.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/queue.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "net/queue.h"

/* How late a holder of a place may be. */
#define GRACE_US		INT64CONST(500000)

bool
tplus_queue_others_first(const TplusQueue *queue, uint64 key, uint64 ticket,
						 int64 now_us)
{
	int			i;

	for (i = 0; i < TPLUS_QUEUE_PLACES; i++)
	{
		const TplusPlace *place = &queue->places[i];

		if (place->ticket != 0 && place->key == key &&
			place->expires_us > now_us && (ticket == 0 || place->ticket < ticket))
			return true;
	}
	return false;
}

bool
tplus_queue_leave(TplusQueue *queue, uint64 *ticket)
{
	bool		found = false;
	int			i;

	for (i = 0; i < TPLUS_QUEUE_PLACES && *ticket != 0 && !found; i++)
	{
		found = queue->places[i].ticket == *ticket;
		if (found)
			queue->places[i].ticket = 0;
	}
	*ticket = 0;
	return found;
}

void
tplus_queue_join(TplusQueue *queue, uint64 key, Oid serverid, int64 now_us,
				 int64 until_us, uint64 *ticket)
{
	TplusPlace *mine = NULL;
	int			i;

	for (i = 0; i < TPLUS_QUEUE_PLACES; i++)
	{
		TplusPlace *place = &queue->places[i];

		if (*ticket != 0 && place->ticket == *ticket)
		{
			mine = place;
			break;
		}
		if (mine == NULL &&
			(place->ticket == 0 || place->expires_us <= now_us))
			mine = place;
	}
	if (*ticket == 0)
		*ticket = ++queue->last_ticket;
	if (mine == NULL)
		return;
	if (mine->ticket != *ticket)
	{
		mine->ticket = *ticket;
		mine->key = key;
		mine->since = GetCurrentTimestamp();
		mine->pid = MyProcPid;
		mine->database = MyDatabaseId;
		mine->server = serverid;
	}
	mine->expires_us = until_us + GRACE_US;
}

static int
by_ticket(const void *a, const void *b)
{
	const TplusPlace *left = a;
	const TplusPlace *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->ticket != right->ticket)
		return left->ticket < right->ticket ? -1 : 1;
	return 0;
}

int
tplus_queue_list(const TplusQueue *queue, int64 now_us, TplusPlace *places)
{
	int			n = 0;
	int			i;

	for (i = 0; i < TPLUS_QUEUE_PLACES; i++)
	{
		const TplusPlace *place = &queue->places[i];

		if (place->ticket != 0 && place->expires_us > now_us)
			places[n++] = *place;
	}
	qsort(places, n, sizeof(TplusPlace), by_ticket);
	return n;
}
