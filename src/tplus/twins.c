/*-------------------------------------------------------------------------
 *
 * twins.c
 *		Records without identity, as a multiset of their contents.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/twins.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "tplus/twins.h"

/* Contents that there is room for at first. */
#define INITIAL_CONTENTS	256

/* So many rounds may have arms in part equal: they may be edited meanwhile. */
#define MAX_MIXED			2

/* What is known of one content. */
typedef struct Content
{
	uint64		hash[2];
	uint32		sweep;			/* number of the sweep that had it last */
	uint32		page;			/* of the page */
	uint32		attempt;		/* of the attempt to get that page */
	uint32		before;			/* how many the sweep had before the page */
	uint32		count;			/* how many it has had */
	uint32		on_page;		/* how many the page has had */
	uint32		most;			/* how many any sweep has had */
} Content;

/* A multiset; two of them are equal if this is, but for once in 2^128. */
typedef struct TwinSum
{
	int64		count;
	uint64		part[2];
} TwinSum;

/* What one arm has brought to the round. */
typedef struct ArmSum
{
	uint32		sweep;
	TwinSum		sum;
} ArmSum;

struct TplusTwins
{
	const char *what;
	MemoryContext context;
	HTAB	   *contents;		/* of Content; NULL: none yet */
	uint32		sweep;			/* counters */
	uint32		page;
	uint32		attempt;
	uint32		first_page;		/* that brought a record; 0: none yet */
	uint32		last_page;		/* that did */
	bool		by_page;
	bool		overlaps;		/* the sweep had what another arm has */
	bool		mixed;			/* so did one of the round, and other things */
	TwinSum		before;			/* of the sweep, without the page under way */
	TwinSum		on_page;
	TwinSum		round;
	TwinSum		last_round;
	int			rounds;
	TwinSum		returned;
	List	   *arms;			/* of ArmSum: those of the round */
};

TplusTwins *
tplus_twins_create(const char *what, MemoryContext context)
{
	TplusTwins *twins = MemoryContextAllocZero(context, sizeof(TplusTwins));

	twins->what = what;
	twins->context = context;
	return twins;
}

static void
add_sum(TwinSum *sum, const TwinSum *other)
{
	sum->count += other->count;
	sum->part[0] += other->part[0];
	sum->part[1] += other->part[1];
}

/* Adds the n-th record of a content. */
static void
add_record(TwinSum *sum, const Content *content, uint32 n)
{
	sum->count++;
	sum->part[0] += hash_bytes_uint32_extended(n, content->hash[0]);
	sum->part[1] += hash_bytes_uint32_extended(n, content->hash[1]);
}

void
tplus_twins_begin_round(TplusTwins *twins)
{
	list_free_deep(twins->arms);
	twins->arms = NIL;
	memset(&twins->round, 0, sizeof(TwinSum));
}

void
tplus_twins_begin_sweep(TplusTwins *twins, bool by_page)
{
	twins->sweep++;
	twins->by_page = by_page;
	twins->overlaps = false;
	memset(&twins->before, 0, sizeof(TwinSum));
	memset(&twins->on_page, 0, sizeof(TwinSum));
}

void
tplus_twins_begin_page(TplusTwins *twins, bool repeated)
{
	twins->attempt++;
	if (!repeated)
	{
		twins->page++;
		add_sum(&twins->before, &twins->on_page);
	}
	memset(&twins->on_page, 0, sizeof(TwinSum));
}

static Content *
enter_content(TplusTwins *twins, const uint64 hash[2])
{
	Content    *content;
	bool		found;

	if (twins->contents == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(content->hash);
		control.entrysize = sizeof(Content);
		control.hcxt = twins->context;
		twins->contents = hash_create("tplus_fdw contents", INITIAL_CONTENTS,
									  &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	content = hash_search(twins->contents, hash, HASH_ENTER, &found);
	if (!found)
		memset((char *) content + sizeof(content->hash), 0,
			   sizeof(Content) - sizeof(content->hash));
	return content;
}

/* Has another arm of the round brought what this sweep of it had? */
static bool
is_of_another_arm(const TplusTwins *twins, uint32 sweep)
{
	ListCell   *lc;

	foreach(lc, twins->arms)
	{
		if (((ArmSum *) lfirst(lc))->sweep == sweep)
			return true;
	}
	return false;
}

uint32
tplus_twins_number(TplusTwins *twins, const uint64 hash[2])
{
	Content    *content = enter_content(twins, hash);
	uint32		number;

	twins->last_page = twins->page;
	if (twins->first_page == 0)
		twins->first_page = twins->page;

	if (content->sweep != twins->sweep)
	{
		twins->overlaps |= is_of_another_arm(twins, content->sweep);
		content->sweep = twins->sweep;
		content->count = 0;
	}
	else if (content->page == twins->page &&
			 content->attempt != twins->attempt)
		content->count = content->before;
	if (content->page != twins->page || content->attempt != twins->attempt)
	{
		content->page = twins->page;
		content->attempt = twins->attempt;
		content->before = content->count;
		content->on_page = 0;
	}
	content->on_page++;
	number = content->on_page + (twins->by_page ? 0 : content->before);
	if (number > content->count)
	{
		content->count = number;
		add_record(&twins->on_page, content, number);
	}
	if (number > content->most)
	{
		content->most = number;
		add_record(&twins->returned, content, number);
	}
	return number;
}

static bool
sums_are_equal(const TwinSum *a, const TwinSum *b)
{
	return a->count == b->count && a->part[0] == b->part[0] &&
		a->part[1] == b->part[1];
}

/* Has another arm of the round brought the same as the sweep? */
static bool
equals_another_arm(const TplusTwins *twins)
{
	ListCell   *lc;

	foreach(lc, twins->arms)
	{
		if (sums_are_equal(&((ArmSum *) lfirst(lc))->sum, &twins->before))
			return true;
	}
	return false;
}

void
tplus_twins_end_sweep(TplusTwins *twins)
{
	MemoryContext old;
	ArmSum	   *arm;

	add_sum(&twins->before, &twins->on_page);
	memset(&twins->on_page, 0, sizeof(TwinSum));
	if (!twins->overlaps)
		add_sum(&twins->round, &twins->before);
	else if (!equals_another_arm(twins))
	{
		twins->mixed = true;
		if (twins->rounds < MAX_MIXED)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("the records of %s cannot be told apart", twins->what),
				 errdetail("Different parameters brought equal records without a key, and others."),
				 errhint("Name a field that identifies the records with the option \"key\" of the foreign table, or set \"variants\" to \"none\" if the server hides nothing.")));
	}
	old = MemoryContextSwitchTo(twins->context);
	arm = palloc(sizeof(ArmSum));
	arm->sweep = twins->sweep;
	arm->sum = twins->before;
	twins->arms = lappend(twins->arms, arm);
	MemoryContextSwitchTo(old);
}

bool
tplus_twins_end_round(TplusTwins *twins, bool proven)
{
	bool		again = twins->rounds++ > 0 &&
	sums_are_equal(&twins->round, &twins->last_round);

	twins->last_round = twins->round;
	if (twins->mixed)
	{
		twins->mixed = false;
		twins->last_round.count = -1;	/* no other round equals it */
		return false;
	}
	if (twins->returned.count == 0)
		return true;
	if (sums_are_equal(&twins->round, &twins->returned))
		return proven || again;
	if (again)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s changes faster than it can be read", twins->what),
				 errdetail("Of " INT64_FORMAT " records without a key that were returned, the server has only " INT64_FORMAT " by now.",
						   twins->returned.count, twins->round.count),
				 errhint("Try again later.")));
	return false;
}

bool
tplus_twins_are_gone(const TplusTwins *twins)
{
	return twins->returned.count > 0 && twins->round.count == 0 &&
		!twins->mixed && twins->first_page == twins->last_page;
}

int64
tplus_twins_bytes(const TplusTwins *twins)
{
	if (twins->contents == NULL)
		return 0;

	/* An element, and the head of a chain for each. */
	return hash_get_num_entries(twins->contents) *
		(int64) (MAXALIGN(sizeof(HASHELEMENT)) + MAXALIGN(sizeof(Content)) +
				 sizeof(HASHELEMENT *));
}
