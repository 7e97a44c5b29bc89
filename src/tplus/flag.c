/*-------------------------------------------------------------------------
 *
 * flag.c
 *		Does the server understand how we spell the flag of stopped records?
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/flag.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/flag.h"

/* In the order of trying: what the official SDK sends comes first. */
static const TplusEncoding ladder[] = {
	TPLUS_ENCODING_JSON,
	TPLUS_ENCODING_TRUEFALSE,
	TPLUS_ENCODING_01,
};

/* What is known of the operation at this path has this index. */
static TplusOperation
operation(const TplusFlag *flag, const char *path)
{
	return tplus_query_operation(flag->query, path);
}

/* What the options say of it. */
static TplusEncoding
declared_encoding(const TplusFlag *flag, const char *path)
{
	return flag->query->bool_encoding[operation(flag, path)];
}

TplusEncoding
tplus_flag_encoding(const TplusFlag *flag, const char *path)
{
	TplusEncoding declared = declared_encoding(flag, path);
	TplusEncoding tried = flag->encoding[operation(flag, path)];
	TplusLearned *learned;

	if (declared != TPLUS_ENCODING_AUTO)
		return declared;
	if (tried != TPLUS_ENCODING_AUTO)
		return tried;
	learned = tplus_query_learned(flag->query, path);
	return learned->bool_encoding != TPLUS_ENCODING_AUTO ?
		learned->bool_encoding : ladder[0];
}

void
tplus_flag_take(TplusFlag *flag, const TplusRecord *record)
{
	if (!flag->arm->has_disabled || !record->disabled_known)
		return;
	if (record->disabled == flag->arm->disabled)
		flag->matched = true;
	else
		flag->mismatched = true;
}

/* What a sample of records, asked with or without the flag, says of it. */
typedef struct Sample
{
	bool		enabled;		/* some record was not stopped */
	bool		disabled;		/* some record was */
	List	   *keys;			/* of char *: all of them */
} Sample;

static void
take_sample(TplusFlag *flag, const char *path, bool with_flag, bool value,
			Sample *sample)
{
	TplusArm	arm = {0};
	TplusRequest request = {0};
	TplusAnswer answer;
	ListCell   *lc;

	/* Without the query's clauses: it is the spelling that is asked about. */
	if (flag->query->table->fixed_params)
		arm.params = tplus_encode_object(flag->query->table->fixed_params);
	arm.has_disabled = with_flag;
	arm.disabled = value;
	request.path = path;
	request.arm = &arm;
	request.encoding = tplus_flag_encoding(flag, path);
	request.keys_only = true;
	memset(sample, 0, sizeof(*sample));
	tplus_query_sample(flag->query, &request, with_flag, &answer);
	foreach(lc, answer.records)
	{
		TplusRecord record;

		tplus_intake_peek(flag->intake, lfirst(lc), &record);
		if (record.disabled_known && record.disabled)
			sample->disabled = true;
		if (record.disabled_known && !record.disabled)
			sample->enabled = true;
		if (record.key)
			sample->keys = lappend(sample->keys, pstrdup(record.key));
	}
}

/*
 * Records that do not tell whether they are stopped: did the flag bring some,
 * and none of those that come without it?
 */
static bool
reveals(const Sample *asked, const Sample *plain)
{
	ListCell   *a;
	ListCell   *b;

	if (asked->enabled || asked->keys == NIL)
		return false;
	foreach(a, asked->keys)
	{
		foreach(b, plain->keys)
		{
			if (strcmp(lfirst(a), lfirst(b)) == 0)
				return false;
		}
	}
	return true;
}

static void
learn(TplusFlag *flag, const char *path)
{
	tplus_query_learned(flag->query, path)->bool_encoding =
		tplus_flag_encoding(flag, path);
}

/* To the next spelling; false if there is none. */
static bool
climb(TplusFlag *flag, const char *path)
{
	TplusEncoding current = tplus_flag_encoding(flag, path);
	int			i;

	for (i = 0; i < (int) lengthof(ladder) - 1; i++)
	{
		if (ladder[i] == current)
		{
			flag->encoding[operation(flag, path)] = ladder[i + 1];
			return true;
		}
	}
	return false;
}

bool
tplus_flag_is_open(const TplusFlag *flag, const char *path)
{
	return tplus_query_asks_flag(flag->query, flag->arm, path) &&
		!flag->refused[operation(flag, path)] &&
		declared_encoding(flag, path) == TPLUS_ENCODING_AUTO &&
		tplus_query_learned(flag->query, path)->bool_encoding !=
		tplus_flag_encoding(flag, path);
}

void
tplus_flag_refused(TplusFlag *flag, const char *path)
{
	if (!climb(flag, path))
	{
		flag->encoding[operation(flag, path)] = ladder[0];
		flag->refused[operation(flag, path)] = true;
	}
}

void
tplus_flag_report_blind(const TplusFlag *flag)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("%s cannot be read to its end", flag->query->what),
			 errdetail("The server understands no spelling of \"%s\", so it cannot be told whether it hides records.",
					   flag->query->disabled),
			 errhint("Set the option \"filter_encoding\" of that column, or, if the server hides nothing, the option \"variants\" of the foreign table to \"none\".")));
}

/*
 * The spelling is not understood: the next one, or no flag at all.  Without
 * the flag everything comes unless the operation hides stopped records; what
 * another operation does, this one does not tell.
 */
static TplusSettled
next_spelling(TplusFlag *flag, const char *path)
{
	Sample		plain;

	if (climb(flag, path))
		return TPLUS_SETTLED_AGAIN;
	take_sample(flag, path, false, false, &plain);
	if (flag->arm->disabled && !plain.disabled)
		return TPLUS_SETTLED_BLIND;
	flag->arm->overlooked[operation(flag, path)] = true;
	return TPLUS_SETTLED_AGAIN;
}

/*
 * The server shows no record at all, or none that tells.  Is none stopped, or
 * are they hidden, and asked for in a spelling that it does not understand?
 * Another spelling that brings some is the right one.
 */
static TplusSettled
find_spelling(TplusFlag *flag, const char *path, const Sample *plain)
{
	Sample		asked;

	while (flag->arm->disabled && climb(flag, path))
	{
		take_sample(flag, path, true, true, &asked);
		if (asked.disabled || reveals(&asked, plain))
			return TPLUS_SETTLED_AGAIN;
	}
	flag->encoding[operation(flag, path)] = TPLUS_ENCODING_AUTO;
	return TPLUS_SETTLED;
}

TplusSettled
tplus_flag_settle(TplusFlag *flag, const char *path)
{
	Sample		asked;
	Sample		other;
	Sample		plain;

	if (declared_encoding(flag, path) != TPLUS_ENCODING_AUTO ||
		tplus_query_learned(flag->query, path)->bool_encoding ==
		tplus_flag_encoding(flag, path))
		return TPLUS_SETTLED;

	if (flag->mismatched)
	{
		/* Overlooked: what came is more than asked, or all there is to see. */
		if (!flag->arm->disabled || flag->matched)
			return TPLUS_SETTLED;
		return next_spelling(flag, path);
	}
	if (flag->matched)
	{
		/*
		 * Those in use come from a server that hides the others, too, whether
		 * it understands the flag or overlooks it.
		 */
		if (flag->arm->disabled)
			learn(flag, path);
		return TPLUS_SETTLED;
	}

	take_sample(flag, path, true, true, &asked);
	if (asked.enabled)
		return flag->arm->disabled ? next_spelling(flag, path) : TPLUS_SETTLED;
	if (!asked.disabled)
	{
		/* There are none, or the spelling matches nothing. */
		take_sample(flag, path, true, false, &other);
		if (!other.enabled && !other.disabled)
		{
			take_sample(flag, path, false, false, &plain);
			if (plain.enabled || plain.disabled)
				return next_spelling(flag, path);
			if (!reveals(&asked, &plain))
				return find_spelling(flag, path, &plain);
		}
	}
	learn(flag, path);
	return TPLUS_SETTLED;
}
