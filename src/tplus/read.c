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

#include "base/wait.h"
#include "tplus/ahead.h"
#include "tplus/read.h"
#include "tplus/secrets.h"
#include "tplus/rounds.h"

/*
 * Rounds until we say that the data, or the order of the server, changes
 * faster than it can be read.
 */
#define MAX_ROUNDS	12

/* After so many records we look after what is under way. */
#define TEND_EVERY	64

struct TplusRead
{
	const TplusQuery *query;
	MemoryContext context;
	TplusIntake *intake;
	int			narms;
	TplusSweep **sweeps;
	int			current;		/* index of the sweep under way */
	int			rounds;
	TplusAhead *ahead;
	TplusCall  *call;			/* NULL: none under way */
	int			untended;		/* records since we looked after the others */
	long		patience;		/* when to send ahead again, in ms; -1: not */
	int64		fresh;			/* records that have come, each once */
	int64		returned;
	int64		returned_before;	/* the page under way */
	TplusRequest request;
	int			page;			/* of the read, from 1 */
	bool		shows_disabled[2];	/* a stopped record came unasked: by the
									 * plain operation, by that with pages */
	bool		done;
	bool		stopped;
	uint64		round_version;	/* highest version before the last round */
	uint64		first_version;	/* and when the first arm had been read */
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
	read->ahead = tplus_ahead_create(query, read_context);
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

/*
 * All records without a key came with one page, and a whole round has brought
 * none.  If the first request does not either, they have gone meanwhile: so
 * none is missing that was there all the time, and none came twice.
 */
static bool
was_emptied(TplusRead *read)
{
	const TplusQuery *query = read->query;
	TplusRequest request = {0};
	TplusAnswer answer;

	if (!tplus_twins_are_gone(tplus_intake_twins(read->intake)))
		return false;
	request.path = query->resource->path;
	request.arm = &read->sweeps[0]->arm;
	request.encoding = tplus_flag_encoding(&read->sweeps[0]->flag,
										   request.path);
	request.page_size = query->page_size;
	request.page_index = -1;
	tplus_query_ask(query, &request, &answer);
	return !answer.refused && answer.records == NIL;
}

/* All arms have had their turn: did all records come that have no key? */
static bool
twins_are_complete(TplusRead *read)
{
	bool		proven = true;
	int			i;

	for (i = 0; i < read->narms; i++)
	{
		if (read->sweeps[i]->found_unique)
			return true;
		proven &= read->sweeps[i]->proven;
	}
	if (was_emptied(read))
		return true;
	return tplus_twins_end_round(tplus_intake_twins(read->intake),
								 proven || !read->query->table->verify);
}

/* All arms have had their turn: is that everything? */
static bool
is_complete(TplusRead *read)
{
	int64		fresh = 0;
	bool		settled;
	int			narms = 0;
	int			i;

	settled = twins_are_complete(read);
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
	if (read->rounds == 1)
		return tplus_rounds_one_is_enough(read->query, read->sweeps,
										  read->narms, read->intake);
	return fresh == 0;
}

/* The one record that a clause pins has come: no arm brings another. */
static void
forget_found(TplusRead *read)
{
	const TplusSweep *sweep = read->sweeps[read->current];
	int			i;

	for (i = 0; sweep->found_unique && i < list_length(read->query->arms); i++)
	{
		if (strcmp(read->sweeps[i]->arm.unique_value,
				   sweep->arm.unique_value) == 0)
			read->sweeps[i]->found_unique = true;
	}
}

/*
 * A round of an arm begins.  It sees what was there when it began, so no reply
 * to what was asked before counts.
 */
static void
begin_sweep(TplusRead *read)
{
	tplus_ahead_give_up(read->ahead);
	tplus_sweep_begin_round(read->sweeps[read->current]);
}

static void
begin_round(TplusRead *read)
{
	if (++read->rounds > MAX_ROUNDS)
	{
		tplus_rounds_check_edited(read->sweeps[0]);
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s changes faster than it can be read",
						read->query->what),
				 errdetail("After %d rounds there are still records that come twice or late.",
						   MAX_ROUNDS),
				 errhint("Try again later.  If nobody edits the records, the order of the server is not stable: set the option \"paging\" of the foreign table to \"ts\".")));
	}
	read->round_version = tplus_intake_max_version(read->intake);
	tplus_twins_begin_round(tplus_intake_twins(read->intake));
	read->current = 0;
	while (read->sweeps[read->current]->found_unique)
		read->current++;
	begin_sweep(read);
}

/*
 * Did each operation by which the visible arms were read bring stopped records
 * unasked?  Then there is nothing for the hidden arms to bring to light.  In
 * each round, for an arm may be read by the other operation than before.
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
	int			narms = list_length(read->query->arms);
	int			visible = narms - read->query->hidden_arms;

	forget_found(read);
	if (!read->sweeps[read->current]->found_unique)
		tplus_twins_end_sweep(tplus_intake_twins(read->intake));
	if (read->rounds == 1 && read->current == 0)
		read->first_version = tplus_intake_max_version(read->intake);
	for (read->current++; read->current < narms; read->current++)
	{
		if (read->current == visible)
			read->narms = nothing_is_hidden(read) ? visible : narms;
		if (read->current >= read->narms)
			break;
		if (read->sweeps[read->current]->found_unique)
			continue;
		if (read->rounds > 1 &&
			tplus_rounds_last_is_needless(read->sweeps, read->narms,
										  read->current))
		{
			read->sweeps[read->current]->round_fresh = 0;
			break;
		}
		begin_sweep(read);
		return true;
	}
	if (is_complete(read))
	{
		tplus_rounds_check_edited(read->sweeps[0]);
		tplus_ahead_give_up(read->ahead);
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
	read->call = tplus_ahead_take(read->ahead, &read->request, quiet);
	read->untended = TEND_EVERY;
	read->page++;
	read->returned_before = read->returned;
	tplus_sweep_begin_page(read->sweeps[read->current], false);
	return true;
}

static void
end_call(TplusRead *read)
{
	read->call = NULL;
	tplus_ahead_done(read->ahead);
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
	if (record->disabled_known && record->disabled &&
		!tplus_query_asks_flag(query, &sweep->arm, read->request.path))
		read->shows_disabled[sweep->way == TPLUS_WAY_PAGES] = true;
}

/*
 * The request to send next of those that are not needed yet; false if there is
 * none.  None is sent while the first page may have all the rows that the
 * query wants.
 */
static bool
foresee(TplusRead *read, TplusRequest *request, bool *quiet)
{
	const TplusQuery *query = read->query;
	int			n = tplus_ahead_count(read->ahead) + 1;
	uint64		version = 0;
	const char *text;
	size_t		len;

	if (read->page == 1 && !read->request.keys_only)
		return false;
	if (query->limit > 0 &&
		read->returned_before + (int64) n * query->page_size >= query->limit)
		return false;
	if (tplus_ahead_ends(read->ahead))
		return false;
	if (n == 1 && tplus_call_last(read->call, &text, &len))
		version = tplus_intake_version(read->intake, text, len);
	return tplus_sweep_foresee(read->sweeps[read->current], n, version,
							   tplus_call_tally(read->call), request, quiet);
}

/*
 * Sends requests before they are needed, as far as the budget has room;
 * returns whether it did.  They leave when the transfers are driven next.
 */
static bool
send_ahead(TplusRead *read)
{
	TplusRequest request;
	bool		quiet;
	bool		any = false;

	read->patience = -1;
	while (tplus_call_is_sent(read->call) && foresee(read, &request, &quiet))
	{
		if (!tplus_ahead_send(read->ahead, &request, quiet, &read->patience))
			break;
		any = true;
	}
	return any;
}

/* Sees to all that is under way. */
static void
tend(TplusRead *read)
{
	read->untended = 0;

	/* Bytes that are always there would keep us from ever waiting. */
	tplus_wait_check();
	tplus_call_drive();
	tplus_call_receive(read->call);
	tplus_ahead_receive(read->ahead);
	if (send_ahead(read))
		tplus_call_drive();
}

/* The server may make up records for as long as it is asked. */
static void
check_most(TplusRead *read)
{
	int			max_rows = read->query->table->max_rows;

	read->fresh++;
	if (max_rows > 0 && read->fresh > max_rows)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has more than %d records", read->query->what,
						max_rows),
				 errhint("If there are so many, raise the option \"max_rows\" of the foreign table.")));
}

/* A record has come; true if it goes out. */
static bool
take_record(TplusRead *read, const char *text, size_t len,
			TplusRecord *record)
{
	if (!tplus_sweep_note(read->sweeps[read->current], text, len))
		return false;
	if (!tplus_intake_take(read->intake, text, len,
						   read->request.page_index >= 0,
						   read->request.keys_only, record))
	{
		if (!tplus_call_reject(read->call))
			tplus_intake_malformed(read->intake, text, len);
		tplus_sweep_begin_page(read->sweeps[read->current], true);
		return false;
	}
	check_record(read, record);
	tplus_sweep_take(read->sweeps[read->current], record);
	if (record->fresh)
		check_most(read);
	return record->fresh && !read->request.keys_only;
}

static void
end_page(TplusRead *read)
{
	int64		total = tplus_call_total(read->call);

	end_call(read);
	tplus_sweep_end_page(read->sweeps[read->current], total);
}

TplusReadStatus
tplus_read_poll(TplusRead *read, TplusRecord *record)
{
	const char *text;
	size_t		len;

	if (read->stopped)
		elog(ERROR, "a read was stopped and is asked to go on");
	while (!read->done)
	{
		if (read->call == NULL && !start_call(read))
			break;
		if (read->untended++ >= TEND_EVERY)
			tend(read);
		switch (tplus_call_poll(read->call, &text, &len))
		{
			case TPLUS_CALL_RECORD:
				if (!take_record(read, text, len, record))
					break;
				read->returned++;
				return TPLUS_READ_RECORD;
			case TPLUS_CALL_RESTARTED:
				tplus_sweep_begin_page(read->sweeps[read->current], true);
				break;
			case TPLUS_CALL_REFUSED:
				end_call(read);
				tplus_sweep_refused(read->sweeps[read->current]);
				break;
			case TPLUS_CALL_END:
				end_page(read);
				break;
			case TPLUS_CALL_WAIT:
				/* What has arrived by now must not be waited for. */
				if (read->untended > 1)
				{
					tend(read);
					break;
				}
				(void) send_ahead(read);
				return TPLUS_READ_WAIT;
		}
	}
	return TPLUS_READ_END;
}

long
tplus_read_patience(const TplusRead *read)
{
	long		patience = tplus_call_patience(read->call);

	if (read->patience >= 0)
		patience = patience < 0 ? read->patience :
			Min(patience, read->patience);
	return patience;
}

bool
tplus_read_next(TplusRead *read, TplusRecord *record)
{
	TplusReadStatus status;

	while ((status = tplus_read_poll(read, record)) == TPLUS_READ_WAIT)
	{
		tplus_call_wait(read->call, read->patience);
		read->untended = 0;
	}
	return status == TPLUS_READ_RECORD;
}

void
tplus_read_stop(TplusRead *read)
{
	read->stopped = !read->done;
	read->call = NULL;
	tplus_ahead_done(read->ahead);
	tplus_ahead_give_up(read->ahead);
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
	 * before.  A single round of several arms saw all arms as they were when
	 * the first had been read, and perhaps not later.
	 */
	if (read->rounds > 1)
		*version = Min(*version, read->round_version);
	else if (read->narms > 1)
		*version = Min(*version, read->first_version);
	*version = Max(*version, bound);
	for (i = 0; i < read->narms; i++)
	{
		/* A sweep by number that was not confirmed proves nothing. */
		if (read->rounds == 1 && read->sweeps[i]->way == TPLUS_WAY_PAGES &&
			tplus_pages_turned(read->sweeps[i]) > 2)
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
	return tplus_secrets_blot(query->account,
							  tplus_query_body(query, &request));
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
