/*-------------------------------------------------------------------------
 *
 * ahead.c
 *		The calls of a read: the one whose turn it is, and those sent ahead.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/ahead.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "tplus/ahead.h"

typedef struct Turn
{
	MemoryContext context;		/* holds this struct and the call */
	dlist_node	node;			/* in waiting */
	TplusCall  *call;
	int			page_size;		/* as asked */
} Turn;

struct TplusAhead
{
	const TplusQuery *query;
	MemoryContext context;
	Turn	   *current;		/* NULL: none */
	dlist_head	waiting;		/* of Turn, in their order */
	int			count;
};

TplusAhead *
tplus_ahead_create(const TplusQuery *query, MemoryContext context)
{
	TplusAhead *ahead = MemoryContextAllocZero(context, sizeof(TplusAhead));

	ahead->query = query;
	ahead->context = context;
	dlist_init(&ahead->waiting);
	return ahead;
}

static Turn *
make_turn(TplusAhead *ahead, const TplusRequest *request, bool quiet)
{
	MemoryContext context = AllocSetContextCreate(ahead->context,
												  "tplus_fdw page",
												  ALLOCSET_SMALL_SIZES);
	Turn	   *turn = MemoryContextAllocZero(context, sizeof(Turn));

	turn->context = context;
	turn->call = tplus_query_call(ahead->query, request, quiet, context);
	turn->page_size = request->page_size;
	return turn;
}

static void
drop_turn(Turn *turn)
{
	MemoryContextDelete(turn->context);
}

static bool
is_same(const TplusCall *a, const TplusCall *b)
{
	const TplusCallSpec *in_a = tplus_call_spec(a);
	const TplusCallSpec *in_b = tplus_call_spec(b);

	return in_a->quiet == in_b->quiet &&
		strcmp(in_a->path, in_b->path) == 0 &&
		strcmp(in_a->body, in_b->body) == 0;
}

/* The first of those sent ahead. */
static Turn *
pop_turn(TplusAhead *ahead)
{
	ahead->count--;
	return dlist_container(Turn, node, dlist_pop_head_node(&ahead->waiting));
}

TplusCall *
tplus_ahead_take(TplusAhead *ahead, const TplusRequest *request, bool quiet)
{
	Turn	   *needed;

	tplus_ahead_done(ahead);
	needed = make_turn(ahead, request, quiet);
	ahead->current = needed;
	if (ahead->count > 0)
	{
		Turn	   *first = dlist_head_element(Turn, node, &ahead->waiting);

		if (is_same(first->call, needed->call))
		{
			drop_turn(needed);
			ahead->current = pop_turn(ahead);
		}
		else
			tplus_ahead_give_up(ahead);
	}
	return ahead->current->call;
}

void
tplus_ahead_done(TplusAhead *ahead)
{
	if (ahead->current)
		drop_turn(ahead->current);
	ahead->current = NULL;
}

void
tplus_ahead_give_up(TplusAhead *ahead)
{
	while (ahead->count > 0)
	{
		drop_turn(pop_turn(ahead));
		ahead->query->stats->unused++;
	}
}

int
tplus_ahead_count(const TplusAhead *ahead)
{
	return ahead->count;
}

bool
tplus_ahead_ends(const TplusAhead *ahead)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &ahead->waiting))
	{
		const Turn *turn = dlist_container(Turn, node, iter.cur);

		if (tplus_call_falls_short(turn->call, turn->page_size))
			return true;
	}
	return false;
}

bool
tplus_ahead_send(TplusAhead *ahead, const TplusRequest *request, bool quiet,
				 long *wait_ms)
{
	Turn	   *turn = make_turn(ahead, request, quiet);

	if (!tplus_call_send_ahead(turn->call, wait_ms))
	{
		drop_turn(turn);
		return false;
	}
	dlist_push_tail(&ahead->waiting, &turn->node);
	ahead->count++;
	return true;
}

void
tplus_ahead_receive(TplusAhead *ahead)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ahead->waiting)
		tplus_call_receive_ahead(dlist_container(Turn, node, iter.cur)->call);
}
