/*-------------------------------------------------------------------------
 *
 * calibrate_versions.c
 *		Calibration: what row versions bring, and whether they page.
 *
 * Which records a version brings shows beside one that exists: asked for
 * itself, it comes or it does not, and asked for from one below, it must come.
 * Any order will do for that.
 *
 * A table whose paging is declared as "ts" is not counted at the end of each
 * read, so the proof is strict for it: versions are compared by ">", records
 * come in their order and not in another that happens to agree with it, and
 * what comes is all that an operation of another kind counts.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_versions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "tplus/calibrate_versions.h"
#include "tplus/record.h"

#define ZERO_CURSOR		"0000000000000000"

/* Records among which one with others on both sides is looked for. */
#define MAX_CHOICE		100

/* Pages by row version that are read for the sake of a count. */
#define MAX_PAGES		3

/* More of them may share it than a page holds: then only a count is safe. */
static const char shared_version[] = "two records share a row version";

static const char below[] = "a row version brought records below it";
static const char out_of_order[] = "records above a row version came out of order";

/* Sizes to try between the largest and that of the sample. */
static const int smaller_sizes[] = {500, 200};

/* A record that exists, and what its version brought. */
typedef struct Anchor
{
	int			index;			/* among those above zero; -1: not there */
	uint64		version;
	bool		has_higher;		/* records above it are known */
	TplusFinding above;
} Anchor;

static TplusVersions
leave_versions(TplusStudy *study, TplusStatus status, const char *why)
{
	tplus_study_leave(study, TPLUS_FACT_VERSIONS, status, why);
	return TPLUS_VERSIONS_OPEN;
}

static TplusVersions
fail_versions(TplusStudy *study, const char *value, const char *evidence)
{
	(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, value, evidence);
	return TPLUS_VERSIONS_FAIL;
}

void
tplus_versions_ask(TplusStudy *study, int size, uint64 version, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, TPLUS_OPERATION_QUERY, size, &question);
	question.cursor = version == 0 ? ZERO_CURSOR : tplus_version_text(version);

	/* Whole records show how much a page can hold. */
	question.all_fields = version == 0 && study->all_fields;
	tplus_probe_ask_surely(study->probe, &question, finding);
}

/* The largest page of row versions above zero. */
static void
ask_zero(TplusStudy *study)
{
	int			sample_size = study->plain[TPLUS_OPERATION_QUERY].size;
	TplusFinding larger;
	int			i;

	tplus_versions_ask(study, tplus_study_max_size(study), 0, &study->zero);
	if (!study->zero.refused)
		return;

	/* Is it the size that is refused, or the version? */
	tplus_versions_ask(study, sample_size, 0, &study->zero);
	if (!study->zero.asked || study->zero.refused)
		return;
	study->refused_large = true;
	for (i = 0; i < (int) lengthof(smaller_sizes); i++)
	{
		if (smaller_sizes[i] <= sample_size)
			break;
		tplus_versions_ask(study, smaller_sizes[i], 0, &larger);
		if (!larger.asked || larger.refused)
			continue;
		study->zero = larger;
		break;
	}
}

/* Do versions rise from above on?  *shared: but for records that share one. */
static bool
is_rising(const TplusFinding *finding, uint64 above, bool *shared)
{
	int			i;

	*shared = false;
	for (i = 0; i < finding->nwitnesses; i++)
	{
		uint64		version = finding->witnesses[i].version;

		if (version < above || (version == above && i == 0))
			return false;
		*shared |= version == above;
		above = version;
	}
	return true;
}

static bool
all_versioned(const TplusFinding *finding)
{
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		if (finding->witnesses[i].version == 0)
			return false;
	}
	return true;
}

/* The order of keys: numbers by their size. */
static int
compare_keys(const char *a, const char *b)
{
	size_t		a_len = strlen(a);
	size_t		b_len = strlen(b);

	if (strspn(a, "0123456789") == a_len && strspn(b, "0123456789") == b_len &&
		a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strcmp(a, b);
}

/* Does the order of the records differ from that of their keys and codes? */
static bool
has_own_order(const TplusStudy *study)
{
	const TplusFinding *finding = &study->zero;
	bool		by_key = true;
	bool		by_code = tplus_probe_code(study->probe) != NULL;
	int			i;

	for (i = 1; i < finding->nwitnesses; i++)
	{
		const TplusWitness *a = &finding->witnesses[i - 1];
		const TplusWitness *b = &finding->witnesses[i];

		if (a->id && b->id && compare_keys(a->id, b->id) > 0)
			by_key = false;
		if (a->code && b->code && pg_strcasecmp(a->code, b->code) > 0)
			by_code = false;
	}
	return !by_key && !by_code;
}

/* How many records of the finding have a higher version, and a lower one. */
static int
balance(const TplusFinding *finding, uint64 version, bool *has_higher)
{
	int			higher = 0;
	int			lower = 0;
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		higher += finding->witnesses[i].version > version;
		lower += finding->witnesses[i].version < version;
	}
	*has_higher = higher > 0;
	return abs(higher - lower);
}

/*
 * The last record of a first page that is not all, whose successors are to be
 * asked for anyway; otherwise the one in the middle.
 */
static void
choose_anchor(const TplusStudy *study, Anchor *anchor)
{
	const TplusFinding *zero = &study->zero;
	const TplusFinding *known = zero->rows > 0 ? zero :
	&study->plain[TPLUS_OPERATION_QUERY];
	int			n = Min(known->nwitnesses, MAX_CHOICE);
	int			best = INT_MAX;
	bool		shared;
	int			i;

	if (zero->rows > 0 && zero->rows < tplus_study_total(study) &&
		is_rising(zero, 0, &shared))
	{
		anchor->index = zero->nwitnesses - 1;
		anchor->version = zero->witnesses[anchor->index].version;
		anchor->has_higher = true;
		return;
	}
	anchor->index = zero->nwitnesses / 2;
	if (zero->rows > 0 && is_rising(zero, 0, &shared))
	{
		anchor->version = zero->witnesses[anchor->index].version;
		(void) balance(known, anchor->version, &anchor->has_higher);
		return;
	}
	anchor->index = -1;
	for (i = 0; i < n; i++)
	{
		bool		has_higher;
		int			off = balance(known, known->witnesses[i].version,
								  &has_higher);

		if (off >= best)
			continue;
		best = off;
		anchor->version = known->witnesses[i].version;
		anchor->has_higher = has_higher;
	}
}

/* Is the record of this version there, after all that was asked about it? */
static bool
is_still_there(TplusStudy *study, uint64 version)
{
	TplusFinding finding;
	bool		shared;
	int			i;

	tplus_versions_ask(study, is_rising(&study->zero, 0, &shared) ? 2 :
					   study->zero.size, version - 1, &finding);
	for (i = 0; i < finding.nwitnesses; i++)
	{
		if (finding.witnesses[i].version == version)
			return true;
	}
	return false;
}

/*
 * A version above zero brought records, and that of the last one its own: so
 * one that no record has must bring nothing.
 */
static TplusVerdict
judge_last(TplusStudy *study, const char *version)
{
	TplusFinding never;

	tplus_versions_ask(study, study->zero.size, TPLUS_NO_VERSION, &never);
	if (!never.asked)
		return tplus_verdict_unasked();
	if (never.refused || never.rows > 0)
		return tplus_verdict_open(tplus_finding_status(&never),
								  "a row version that no record has brought some, or was refused");
	return tplus_verdict_decided(">=", "ge",
								 psprintf("%s brought the record that has it, and none is above", version));
}

/* What a version that exists brought: its own record, others? */
static TplusVerdict
judge_compare(TplusStudy *study, const Anchor *anchor)
{
	const TplusFinding *above = &anchor->above;
	char	   *version = tplus_version_text(anchor->version);
	bool		lower = false;
	bool		own = false;
	bool		higher = false;
	int			i;

	if (!above->asked)
		return tplus_verdict_unasked();
	for (i = 0; i < above->nwitnesses; i++)
	{
		lower |= above->witnesses[i].version < anchor->version;
		own |= above->witnesses[i].version == anchor->version;
		higher |= above->witnesses[i].version > anchor->version;
	}
	if (lower)
		return tplus_verdict_decided("overlooked", NULL,
									 psprintf("%s brought records below it", version));
	if (own && higher)
		return tplus_verdict_decided(">=", "ge",
									 psprintf("%s brought the record that has it, and those above", version));
	if (own && study->zero.rows == 0)
		return tplus_verdict_decided("=", NULL,
									 psprintf("%s brought the record that has it, and none came above zero", version));
	if (own)
		return judge_last(study, version);
	if (!higher && (above->refused || study->zero.rows == 0))
		return tplus_verdict_open(above->refused ? TPLUS_STATUS_REFUSED :
								  anchor->has_higher ? TPLUS_STATUS_OPEN :
								  TPLUS_STATUS_UNDECIDABLE,
								  psprintf("%s %s", version,
										   above->refused ? "was refused" :
										   "brought nothing"));
	if (is_still_there(study, anchor->version))
		return tplus_verdict_decided(">", "gt",
									 psprintf("%s brought %s and not its own record, which came from one below",
											  version, higher ? "those above it" : "nothing"));
	return tplus_verdict_open(TPLUS_STATUS_OPEN,
							  "the record whose version was asked for has changed meanwhile");
}

/*
 * What of an answer to "above version" says that it was not understood; then
 * the fact is settled.  Returns TPLUS_VERSIONS_PAGE if nothing does.
 */
static TplusVersions
judge_above(TplusStudy *study, const TplusFinding *above, uint64 version)
{
	const TplusWitness *first = above->witnesses;
	bool		shared;

	if (!above->asked)
		return leave_versions(study, TPLUS_STATUS_UNASKED, "no request was left");
	if (above->refused)
		return leave_versions(study, TPLUS_STATUS_OPEN, "the server refused one row version and not another");
	if (above->rows == 0)
		return TPLUS_VERSIONS_PAGE;
	if (first->version == version)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, ">=",
								  "a row version brought the record that has it, and those above; a read counts to be safe");
		return TPLUS_VERSIONS_OPEN;
	}
	if (first->version < version)
		return fail_versions(study, "overlooked", below);
	if (!is_rising(above, version, &shared))
		return fail_versions(study, "out of order", out_of_order);
	if (shared)
		return leave_versions(study, TPLUS_STATUS_UNDECIDABLE, shared_version);
	return TPLUS_VERSIONS_PAGE;
}

static TplusVersions
accept_versions(TplusStudy *study, const char *evidence)
{
	(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, ">", evidence);
	return TPLUS_VERSIONS_PAGE;
}

/* One page above zero has all records: does half of them follow the middle? */
static TplusVersions
judge_whole(TplusStudy *study, const Anchor *anchor)
{
	const TplusFinding *zero = &study->zero;
	int			middle = anchor->index;
	uint64		version = zero->witnesses[middle].version;
	TplusFinding above;
	TplusVersions verdict;
	int			i;

	tplus_versions_ask(study, zero->size, version, &above);
	verdict = judge_above(study, &above, version);
	if (verdict != TPLUS_VERSIONS_PAGE)
		return verdict;
	for (i = 0; i < above.nwitnesses; i++)
	{
		if (middle + 1 + i >= zero->nwitnesses ||
			above.witnesses[i].version != zero->witnesses[middle + 1 + i].version)
			break;
	}
	if (i != above.rows || middle + 1 + i != zero->rows)
		return leave_versions(study, TPLUS_STATUS_OPEN, psprintf("of %d records, %d should follow row version %s, but %d came",
																 zero->rows, zero->rows - middle - 1,
																 tplus_version_text(version), above.rows));
	study->zero_is_whole = true;
	return accept_versions(study,
						   psprintf("above zero all %d records came in rising order, above %s exactly the %d that follow it",
									zero->rows, tplus_version_text(version), above.rows));
}

/*
 * The first page above zero is not all: is what it leaves out what the second
 * operation counts above its last version?
 */
static TplusVersions
judge_count(TplusStudy *study, uint64 version, int64 total)
{
	TplusQuestion question;
	TplusFinding rest;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, 1, &question);
	question.cursor = tplus_version_text(version);
	tplus_probe_ask(study->probe, &question, &rest);
	if (!rest.asked || rest.refused || rest.total < 0 ||
		total - rest.total != study->zero.rows)
		return leave_versions(study, TPLUS_STATUS_OPEN, psprintf("QueryPage counts " INT64_FORMAT " records, and " INT64_FORMAT " above the first %d by row version",
																 total, rest.total, study->zero.rows));
	return accept_versions(study,
						   psprintf("the first %d records above zero came in rising order, and of " INT64_FORMAT " that QueryPage counts it counts " INT64_FORMAT " above the last of them",
									study->zero.rows, total, rest.total));
}

static TplusVersions
judge_pages(TplusStudy *study, const Anchor *anchor, int64 total)
{
	const TplusFinding *last = &study->zero;
	TplusFinding above;
	int64		rows = study->zero.rows;
	uint64		first_end = last->witnesses[last->nwitnesses - 1].version;
	int			pages;

	for (pages = 1; pages < MAX_PAGES; pages++)
	{
		uint64		version = last->witnesses[last->nwitnesses - 1].version;
		TplusVersions verdict;

		if (version == anchor->version)
			above = anchor->above;
		else
			tplus_versions_ask(study, study->zero.size, version, &above);
		verdict = judge_above(study, &above, version);
		if (verdict != TPLUS_VERSIONS_PAGE)
			return verdict;
		rows += above.rows;
		if (above.rows == 0 || rows >= total)
			break;

		/* A count is cheaper than the rest of a large account. */
		if (total > rows + (int64) (MAX_PAGES - 1 - pages) * above.rows)
			return judge_count(study, first_end, total);
		last = memcpy(palloc(sizeof(above)), &above, sizeof(above));
	}
	if (rows != total)
		return leave_versions(study, TPLUS_STATUS_OPEN, psprintf("QueryPage counts " INT64_FORMAT " records, by row version came " INT64_FORMAT,
																 total, rows));
	return accept_versions(study,
						   psprintf("all " INT64_FORMAT " records that QueryPage counts came in rising order",
									total));
}

/* Without a count, versions can fail, but not be proven. */
static TplusVersions
judge_uncounted(TplusStudy *study, const Anchor *anchor)
{
	TplusVersions verdict = judge_above(study, &anchor->above, anchor->version);

	if (verdict != TPLUS_VERSIONS_PAGE)
		return verdict;
	return leave_versions(study, TPLUS_STATUS_UNDECIDABLE,
						  "there is no count to compare with");
}

/* Why there is nothing to ask about; NULL if there is. */
static TplusVerdict *
judge_nothing(const TplusStudy *study)
{
	const TplusFinding *plain = &study->plain[TPLUS_OPERATION_QUERY];
	TplusVerdict *verdict = palloc(sizeof(TplusVerdict));

	if (tplus_probe_version(study->probe) == NULL)
		*verdict = tplus_verdict_decided("none", NULL,
										 "the records have no row versions");
	else if (!plain->asked)
		*verdict = tplus_verdict_unasked();
	else if (plain->rows == 0)
		*verdict = tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE,
									  "the server shows no record");
	else if (!all_versioned(plain))
		*verdict = tplus_verdict_decided("none", NULL,
										 "a record came without a row version");
	else
		return NULL;
	return verdict;
}

/*
 * Records came in the order of their versions, which is also another one: what
 * fails, fails in any of them.
 */
static TplusVersions
judge_shared_order(TplusStudy *study, const Anchor *anchor)
{
	const TplusFinding *above = &anchor->above;
	bool		shared;

	if (above->rows > 0 && above->witnesses[0].version < anchor->version)
		return fail_versions(study, "overlooked", below);
	if (above->rows > 0 && above->witnesses[0].version > anchor->version &&
		!is_rising(above, anchor->version, &shared))
		return fail_versions(study, "out of order", out_of_order);
	return leave_versions(study, TPLUS_STATUS_UNDECIDABLE,
						  "the order of row versions is also that of the key or the code; it takes records that were edited after younger ones were made");
}

/* Of a server that answers versions: do they page? */
static TplusVersions
judge_order(TplusStudy *study, const Anchor *anchor)
{
	const TplusFinding *zero = &study->zero;
	int64		total = tplus_study_total(study);
	bool		shared;

	if (zero->rows == 0)
		return fail_versions(study, "no", "no record came above row version zero");
	if (!is_rising(zero, 0, &shared))
		return fail_versions(study, "out of order",
							 "records above row version zero came out of order");
	if (shared)
		return leave_versions(study, TPLUS_STATUS_UNDECIDABLE, shared_version);
	if (zero->rows < TPLUS_MIN_ORDERED)
		return leave_versions(study, TPLUS_STATUS_UNDECIDABLE,
							  psprintf("%d records are too few to tell an order from chance, it takes %d",
									   zero->rows, TPLUS_MIN_ORDERED));
	if (zero->rows > zero->nwitnesses || !has_own_order(study))
		return judge_shared_order(study, anchor);
	if (total < 0)
		return judge_uncounted(study, anchor);
	if (zero->rows == total)
		return judge_whole(study, anchor);
	return judge_pages(study, anchor, total);
}

TplusVersions
tplus_calibrate_versions(TplusStudy *study)
{
	TplusVerdict *nothing = judge_nothing(study);
	Anchor		anchor = {0};
	TplusVerdict compare;
	TplusFact  *fact;
	TplusVersions versions;

	if (nothing && nothing->value)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_COMPARE, nothing->value,
								  nothing->evidence);
		return fail_versions(study, nothing->value, nothing->evidence);
	}
	if (nothing == NULL)
		ask_zero(study);
	if (nothing == NULL && !study->zero.asked)
	{
		compare = tplus_verdict_unasked();
		nothing = &compare;
	}
	if (nothing)
	{
		tplus_study_leave(study, TPLUS_FACT_COMPARE, nothing->status,
						  nothing->evidence);
		return leave_versions(study, nothing->status, nothing->evidence);
	}
	if (study->zero.refused)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_COMPARE, "refused",
								  "the server refuses a row version");
		return fail_versions(study, "refused", "the server refuses a row version");
	}
	choose_anchor(study, &anchor);
	tplus_versions_ask(study, study->zero.size, anchor.version, &anchor.above);
	compare = judge_compare(study, &anchor);
	if (compare.value)
		(void) tplus_study_decide(study, TPLUS_FACT_COMPARE, compare.value,
								  compare.evidence);
	else
		tplus_study_leave(study, TPLUS_FACT_COMPARE, compare.status,
						  compare.evidence);
	fact = llast(study->facts);
	versions = judge_order(study, &anchor);

	/* Reads from a version rest on it, whether pages are read by it or not. */
	if (versions != TPLUS_VERSIONS_FAIL && compare.setting)
		tplus_study_set(fact, compare.setting, NULL);
	return versions;
}
