/*-------------------------------------------------------------------------
 *
 * read.c
 *		One complete read of a query: arms, rounds, and the high-water mark.
 *
 * Where stopped records are hidden, a record that is stopped or revived while
 * the arms are read one after the other may be in none of them.  So with
 * several arms the round is repeated until one brings nothing.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/read.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "tplus/read.h"
#include "tplus/sweep.h"

/*
 * Rounds until we say that the data, or the order of the server, changes
 * faster than it can be read.
 */
#define MAX_ROUNDS	12

struct TplusRead
{
	const TplusQuery *query;
	MemoryContext context;
	MemoryContext page_context; /* of the call under way */
	TplusIntake *intake;
	int			narms;
	TplusSweep **sweeps;
	int			current;		/* index of the sweep under way */
	int			rounds;
	TplusCall  *call;			/* NULL: none under way */
	TplusRequest request;
	int			page;			/* of the read, from 1 */
	bool		shows_disabled[2];	/* a stopped record came unasked: by the
									 * plain operation, by that with pages */
	bool		done;
	uint64		round_version;	/* highest version before the last round */
};

TplusRead *
tplus_read_create(const TplusQuery *query, MemoryContext context)
{
	MemoryContext read_context;
	TplusRead  *read;
	int			i;

	read_context = AllocSetContextCreate(context, "tplus_fdw read",
										 ALLOCSET_DEFAULT_SIZES);
	read = MemoryContextAllocZero(read_context, sizeof(TplusRead));
	read->query = query;
	read->context = read_context;
	read->page_context = AllocSetContextCreate(read_context, "tplus_fdw page",
											   ALLOCSET_SMALL_SIZES);
	read->intake = tplus_intake_create(query, read_context);
	read->narms = list_length(query->arms);
	read->sweeps = MemoryContextAllocZero(read_context,
										  sizeof(TplusSweep *) * Max(read->narms, 1));
	for (i = 0; i < read->narms; i++)
		read->sweeps[i] = tplus_sweep_create(query, list_nth(query->arms, i),
											 read->intake, read_context);
	read->done = read->narms == 0;
	return read;
}

void
tplus_read_free(TplusRead *read)
{
	if (read)
		MemoryContextDelete(read->context);
}

/* All arms have had their turn: is that everything? */
static bool
is_complete(TplusRead *read)
{
	int64		fresh = 0;
	bool		settled = true;
	int			narms = 0;
	int			i;

	for (i = 0; i < read->narms; i++)
	{
		if (read->sweeps[i]->found_unique)
			continue;
		narms++;
		fresh += read->sweeps[i]->round_fresh;
		settled &= read->sweeps[i]->settled;
	}
	if (!settled)
		return false;
	if (narms <= 1 || !read->query->repeat ||
		!read->query->table->verify)
		return true;
	return read->rounds > 1 && fresh == 0;
}

/*
 * A record came again with a higher version.  Was it edited, or do two
 * records share the key?  In the second case the first one is still there
 * with its own version.
 */
static void
check_edited(TplusRead *read)
{
	const char *key;
	uint64		version;
	TplusRequest request = {0};
	TplusAnswer answer;
	ListCell   *lc;

	if (!read->query->table->verify ||
		!tplus_intake_edited(read->intake, &key, &version))
		return;
	request.path = read->query->resource->path;
	request.arm = &read->sweeps[0]->arm;
	request.encoding = read->request.encoding;
	request.keys_only = true;
	request.page_size = TPLUS_ANSWER_RECORDS;
	request.page_index = -1;
	request.cursor = tplus_version_text(version - 1);
	tplus_query_ask(read->query, &request, &answer);
	foreach(lc, answer.records)
	{
		TplusRecord record;

		tplus_intake_peek(read->intake, lfirst(lc), &record);
		if (record.version == version && record.key &&
			strcmp(record.key, key) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("\"%s\" does not identify the records of %s",
							read->query->key, read->query->what),
					 errdetail("Two records with row versions of their own share a value."),
					 errhint("Name a field that does with the option \"key\" of the foreign table.")));
	}
}

/* The one record that a clause pins has come: no arm brings another. */
static void
forget_found(TplusRead *read)
{
	const TplusSweep *sweep = read->sweeps[read->current];
	int			i;

	for (i = 0; sweep->found_unique && i < read->narms; i++)
	{
		if (strcmp(read->sweeps[i]->arm.unique_value,
				   sweep->arm.unique_value) == 0)
			read->sweeps[i]->found_unique = true;
	}
}

static void
begin_round(TplusRead *read)
{
	if (++read->rounds > MAX_ROUNDS)
	{
		check_edited(read);
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s changes faster than it can be read",
						read->query->what),
				 errdetail("After %d rounds there are still records that come twice or late.",
						   MAX_ROUNDS),
				 errhint("Try again later.  If nobody edits the records, the order of the server is not stable: set the option \"paging\" of the foreign table to \"ts\".")));
	}
	read->round_version = tplus_intake_max_version(read->intake);
	read->current = 0;
	while (read->sweeps[read->current]->found_unique)
		read->current++;
	tplus_sweep_begin_round(read->sweeps[read->current]);
}

/*
 * Did each operation by which the visible arms were read bring stopped records
 * unasked?  Then there is nothing for the hidden arms to bring to light.
 */
static bool
nothing_is_hidden(TplusRead *read)
{
	int			i;

	for (i = 0; i < read->current; i++)
	{
		if (!read->shows_disabled[read->sweeps[i]->way == TPLUS_WAY_PAGES])
			return false;
	}
	return true;
}

/* Goes to the next arm, or round; false when the read is complete. */
static bool
next_sweep(TplusRead *read)
{
	int			visible = list_length(read->query->arms) -
	read->query->hidden_arms;

	forget_found(read);
	for (read->current++; read->current < read->narms; read->current++)
	{
		if (read->current == visible && nothing_is_hidden(read))
		{
			read->narms = visible;
			break;
		}
		if (read->sweeps[read->current]->found_unique)
			continue;
		tplus_sweep_begin_round(read->sweeps[read->current]);
		return true;
	}
	if (is_complete(read))
	{
		check_edited(read);
		read->done = true;
		return false;
	}
	begin_round(read);
	return true;
}

/* Starts the next call; false when the read is complete. */
static bool
start_call(TplusRead *read)
{
	bool		quiet;

	if (read->rounds == 0)
		begin_round(read);
	while (!tplus_sweep_next_request(read->sweeps[read->current],
									 &read->request, &quiet))
	{
		if (!next_sweep(read))
			return false;
	}
	read->call = tplus_query_call(read->query, &read->request, quiet,
								  read->page_context);
	read->page++;
	tplus_sweep_begin_page(read->sweeps[read->current], false);
	return true;
}

static void
end_call(TplusRead *read)
{
	read->call = NULL;
	MemoryContextReset(read->page_context);
}

/*
 * Fields that the read itself rests on must be there.
 */
static void
check_record(TplusRead *read, const TplusRecord *record)
{
	const TplusQuery *query = read->query;
	TplusSweep *sweep = read->sweeps[read->current];
	bool		flag_matters = query->hidden_arms > 0 || sweep->arm.has_disabled;

	if (query->disabled && query->resource->nfields > 0 &&
		flag_matters && !record->disabled_known &&
		!read->request.keys_only)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("a record of %s has no \"%s\"", query->what,
						query->disabled),
				 errdetail("Without it, it cannot be told whether the server hides records."),
				 errhint("If the server hides nothing, set the option \"variants\" of the foreign table to \"none\".")));
	if (record->disabled_known && record->disabled && !sweep->arm.has_disabled)
		read->shows_disabled[sweep->way == TPLUS_WAY_PAGES] = true;
}

bool
tplus_read_next(TplusRead *read, TplusRecord *record)
{
	const char *text;
	size_t		len;

	while (!read->done)
	{
		TplusSweep *sweep;

		if (read->call == NULL && !start_call(read))
			break;
		sweep = read->sweeps[read->current];
		switch (tplus_call_next(read->call, &text, &len))
		{
			case TPLUS_CALL_RECORD:
				tplus_intake_take(read->intake, text, len,
								  read->request.page_index >= 0,
								  read->request.keys_only, record);
				check_record(read, record);
				tplus_sweep_take(sweep, record);
				if (record->fresh && !read->request.keys_only)
					return true;
				break;
			case TPLUS_CALL_RESTARTED:
				tplus_sweep_begin_page(sweep, true);
				break;
			case TPLUS_CALL_REFUSED:
				end_call(read);
				tplus_sweep_refused(sweep);
				break;
			case TPLUS_CALL_END:
				{
					int64		total = tplus_call_total(read->call);

					end_call(read);
					tplus_sweep_end_page(sweep, total);
					break;
				}
		}
	}
	return false;
}

int
tplus_read_page(const TplusRead *read)
{
	return read->page;
}

bool
tplus_read_high_water(const TplusRead *read, uint64 *version)
{
	uint64		left_out = tplus_intake_left_out(read->intake);
	uint64		bound = 0;
	int			i;

	if (!read->done || !tplus_intake_all_versioned(read->intake))
		return false;
	if (read->query->bound)
		(void) tplus_version_parse(read->query->bound, &bound);
	*version = tplus_intake_max_version(read->intake);

	/*
	 * What was edited while later rounds ran has a version above all that was
	 * there when the last round began; that round saw everything edited
	 * before.
	 */
	if (read->rounds > 1)
		*version = Min(*version, read->round_version);
	*version = Max(*version, bound);
	for (i = 0; i < read->narms; i++)
	{
		/* A sweep by number that was not confirmed proves nothing. */
		if (read->rounds == 1 && read->sweeps[i]->way == TPLUS_WAY_PAGES &&
			read->sweeps[i]->pages > 2)
			return false;
	}
	if (left_out > 0)
		*version = Min(*version, left_out - 1);
	return *version > 0;
}

char *
tplus_read_first_body(const TplusQuery *query, const char **path)
{
	TplusIntake *intake;
	TplusSweep *sweep;
	TplusRequest request;
	bool		quiet;

	if (query->arms == NIL)
		return NULL;
	intake = tplus_intake_create(query, CurrentMemoryContext);
	sweep = tplus_sweep_create(query, linitial(query->arms), intake,
							   CurrentMemoryContext);
	tplus_sweep_begin_round(sweep);
	(void) tplus_sweep_next_request(sweep, &request, &quiet);
	*path = request.path;
	return tplus_query_body(query, &request);
}

int64
tplus_read_key_bytes(const TplusRead *read)
{
	return tplus_intake_bytes(read->intake);
}

const char *
tplus_read_way(const TplusRead *read)
{
	static const char *const names[] = {
		[TPLUS_WAY_PLAIN] = "one page",
		[TPLUS_WAY_CURSOR] = "cursor",
		[TPLUS_WAY_PAGES] = "page numbers",
		[TPLUS_WAY_WHOLE] = "one response",
	};

	if (read->narms == 0 || read->rounds == 0)
		return "none";
	return names[read->sweeps[0]->way];
}
