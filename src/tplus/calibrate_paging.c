/*-------------------------------------------------------------------------
 *
 * calibrate_paging.c
 *		Calibration: how all pages can be had, and how large they may be.
 *
 * A table whose paging is declared as "ts" is not counted at the end of each
 * read, so the proof is strict here: versions are compared by ">", records
 * come in their order and not in another that happens to agree with it, and
 * what comes is all that an operation of another kind counts.  Page numbers
 * need no such proof: a read by them is confirmed each time.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_paging.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/calibrate_paging.h"
#include "tplus/record.h"

#define ZERO_CURSOR		"0000000000000000"

/* Records that are enough to tell an order from chance. */
#define MIN_RECORDS		10

/* Pages by row version that are read for the sake of a count. */
#define MAX_PAGES		3

/* Records of a small page by number. */
#define NUMBERED_RECORDS	10

/* More of them may share it than a page holds: then only a count is safe. */
static const char shared_version[] = "two records share a row version";

/* Sizes to try between the largest and that of the sample. */
static const int smaller_sizes[] = {500, 200};

/* What was found of row versions. */
typedef enum Verdict
{
	VERDICT_OPEN,
	VERDICT_FAILS,				/* they do not page */
	VERDICT_PAGES
} Verdict;

static Verdict
leave_versions(TplusStudy *study, const char *why)
{
	tplus_study_leave(study, TPLUS_FACT_VERSIONS, why);
	return VERDICT_OPEN;
}

static Verdict
fail_versions(TplusStudy *study, const char *value, const char *evidence)
{
	(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, value, evidence);
	return VERDICT_FAILS;
}

static void
ask_above(TplusStudy *study, int size, uint64 version, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, TPLUS_OPERATION_QUERY, size, &question);
	question.cursor = version == 0 ? ZERO_CURSOR : tplus_version_text(version);
	tplus_probe_ask(study->probe, &question, finding);
}

/* The largest page of row versions above zero. */
static void
ask_zero(TplusStudy *study)
{
	int			sample_size = study->plain[TPLUS_OPERATION_QUERY].size;
	TplusFinding larger;
	int			i;

	ask_above(study, tplus_study_max_size(study), 0, &study->zero);
	if (!study->zero.refused)
		return;

	/* Is it the size that is refused, or the version? */
	ask_above(study, sample_size, 0, &study->zero);
	if (!study->zero.asked || study->zero.refused)
		return;
	study->refused_large = true;
	for (i = 0; i < (int) lengthof(smaller_sizes); i++)
	{
		if (smaller_sizes[i] <= sample_size)
			break;
		ask_above(study, smaller_sizes[i], 0, &larger);
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

		if (a->key && b->key && compare_keys(a->key, b->key) > 0)
			by_key = false;
		if (a->code && b->code && pg_strcasecmp(a->code, b->code) > 0)
			by_code = false;
	}
	return !by_key && !by_code;
}

/* How many records the second operation counts; -1: not told. */
static int64
known_total(const TplusStudy *study)
{
	const TplusFinding *page = &study->plain[TPLUS_OPERATION_PAGE];

	if (!study->has_pages)
		return -1;
	if (page->total >= 0)
		return page->total > page->rows || page->rows < page->size ?
			page->total : -1;

	/* One page that is not full may be a count, too. */
	return page->rows < page->size && page->rows > 0 ? page->rows : -1;
}

/*
 * What of an answer to "above version" says that it was not understood; then
 * the fact is settled.  Returns VERDICT_PAGES if nothing does.
 */
static Verdict
judge_above(TplusStudy *study, const TplusFinding *above, uint64 version)
{
	const TplusWitness *first = above->witnesses;
	bool		shared;

	if (!above->asked)
		return leave_versions(study, "no request was left");
	if (above->refused)
		return leave_versions(study, "the server refused one row version and not another");
	if (above->rows == 0)
		return VERDICT_PAGES;
	if (first->version == version)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, ">=",
								  "a row version brought the record that has it, and those above; a read counts to be safe");
		return VERDICT_OPEN;
	}
	if (first->version < version)
		return fail_versions(study, "overlooked",
							 "a row version brought records below it");
	if (!is_rising(above, version, &shared))
		return fail_versions(study, "out of order",
							 "records above a row version came out of order");
	if (shared)
		return leave_versions(study, shared_version);
	return VERDICT_PAGES;
}

static Verdict
accept_versions(TplusStudy *study, const char *evidence)
{
	(void) tplus_study_decide(study, TPLUS_FACT_VERSIONS, ">", evidence);
	return VERDICT_PAGES;
}

/* One page above zero has all records: does half of them follow the middle? */
static Verdict
judge_whole(TplusStudy *study)
{
	const TplusFinding *zero = &study->zero;
	int			middle = zero->nwitnesses / 2;
	uint64		version = zero->witnesses[middle].version;
	TplusFinding above;
	Verdict		verdict;
	int			i;

	ask_above(study, zero->size, version, &above);
	verdict = judge_above(study, &above, version);
	if (verdict != VERDICT_PAGES)
		return verdict;
	for (i = 0; i < above.nwitnesses; i++)
	{
		if (middle + 1 + i >= zero->nwitnesses ||
			above.witnesses[i].version != zero->witnesses[middle + 1 + i].version)
			break;
	}
	if (i != above.rows || middle + 1 + i != zero->rows)
		return leave_versions(study,
							  psprintf("of %d records, %d should follow row version %s, but %d came",
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
static Verdict
judge_count(TplusStudy *study, uint64 version, int64 total)
{
	TplusQuestion question;
	TplusFinding rest;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, 1, &question);
	question.cursor = tplus_version_text(version);
	tplus_probe_ask(study->probe, &question, &rest);
	if (!rest.asked || rest.refused || rest.total < 0 ||
		total - rest.total != study->zero.rows)
		return leave_versions(study,
							  psprintf("QueryPage counts " INT64_FORMAT " records, and " INT64_FORMAT " above the first %d by row version",
									   total, rest.total, study->zero.rows));
	return accept_versions(study,
						   psprintf("the first %d records above zero came in rising order, and of " INT64_FORMAT " that QueryPage counts it counts " INT64_FORMAT " above the last of them",
									study->zero.rows, total, rest.total));
}

static Verdict
judge_pages(TplusStudy *study, int64 total)
{
	const TplusFinding *last = &study->zero;
	TplusFinding above;
	int64		rows = study->zero.rows;
	uint64		first_end = last->witnesses[last->nwitnesses - 1].version;
	int			pages;

	for (pages = 1; pages < MAX_PAGES; pages++)
	{
		uint64		version = last->witnesses[last->nwitnesses - 1].version;
		Verdict		verdict;

		ask_above(study, study->zero.size, version, &above);
		verdict = judge_above(study, &above, version);
		if (verdict != VERDICT_PAGES)
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
		return leave_versions(study,
							  psprintf("QueryPage counts " INT64_FORMAT " records, by row version came " INT64_FORMAT,
									   total, rows));
	return accept_versions(study,
						   psprintf("all " INT64_FORMAT " records that QueryPage counts came in rising order",
									total));
}

/* Without a count, versions can fail, but not be proven. */
static Verdict
judge_uncounted(TplusStudy *study)
{
	const TplusFinding *zero = &study->zero;
	uint64		version = zero->witnesses[zero->nwitnesses / 2].version;
	TplusFinding above;
	Verdict		verdict;

	ask_above(study, zero->size, version, &above);
	verdict = judge_above(study, &above, version);
	if (verdict != VERDICT_PAGES)
		return verdict;
	return leave_versions(study, "there is no count to compare with");
}

static Verdict
judge_versions(TplusStudy *study)
{
	const TplusFinding *plain = &study->plain[TPLUS_OPERATION_QUERY];
	const TplusFinding *zero = &study->zero;
	int64		total = known_total(study);
	bool		shared;

	if (tplus_probe_version(study->probe) == NULL)
		return fail_versions(study, "none", "the records have no row versions");
	if (plain->rows == 0)
		return leave_versions(study, "the server shows no record");
	if (!all_versioned(plain))
		return fail_versions(study, "none", "a record came without a row version");
	ask_zero(study);
	if (!zero->asked)
		return leave_versions(study, "no request was left");
	if (zero->refused)
		return fail_versions(study, "refused", "the server refuses a row version");
	if (zero->rows == 0)
		return fail_versions(study, "no", "no record came above row version zero");
	if (!is_rising(zero, 0, &shared))
		return fail_versions(study, "out of order",
							 "records above row version zero came out of order");
	if (shared)
		return leave_versions(study, shared_version);
	if (zero->rows < MIN_RECORDS)
		return leave_versions(study, psprintf("%d records are too few to tell an order from chance",
											  zero->rows));
	if (zero->rows > zero->nwitnesses || !has_own_order(study))
		return leave_versions(study, "the order of row versions is also that of another field");
	if (total < 0)
		return judge_uncounted(study);
	if (zero->rows == total)
		return judge_whole(study);
	return judge_pages(study, total);
}

/* Are these the records of sample from an index on? */
static bool
is_slice(const TplusFinding *page, const TplusFinding *sample, int from)
{
	int			i;

	for (i = 0; i < page->nwitnesses; i++)
	{
		const char *key = page->witnesses[i].key;

		if (from + i >= sample->nwitnesses || key == NULL ||
			sample->witnesses[from + i].key == NULL ||
			strcmp(key, sample->witnesses[from + i].key) != 0)
			return false;
	}
	return page->rows > 0;
}

/* The second page of a size. */
static void
ask_second(TplusStudy *study, int base, int size, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, size, &question);
	question.page_index = base + 1;
	tplus_probe_ask(study->probe, &question, finding);
}

/* Do the first and the second page of a size tile a larger page? */
static bool
tiles(TplusStudy *study, int base, TplusFinding *second)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			size = Min(NUMBERED_RECORDS, sample->nwitnesses / 2);

	ask_second(study, base, size, second);
	return second->asked && second->rows == size &&
		is_slice(second, sample, size);
}

/* The largest page again, numbered from the other base. */
static bool
try_other_base(TplusStudy *study, TplusFinding *second)
{
	TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	TplusFinding other;
	TplusQuestion question;
	int			base = 1 - study->page_base;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, sample->size, &question);
	question.page_index = base;
	tplus_probe_ask(study->probe, &question, &other);
	if (!other.asked || other.refused || other.nwitnesses < 2)
		return false;
	*sample = other;
	study->page_base = base;
	return tiles(study, base, second);
}

static bool
judge_numbers(TplusStudy *study)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	TplusFinding second;
	TplusFact  *fact;
	int			declared = study->page_base;

	memset(&second, 0, sizeof(second));
	if (!study->has_pages)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_NUMBERS, "none",
								  "there is no operation with page numbers, or it is refused");
		return false;
	}
	if (sample->nwitnesses < 2 && study->plain[TPLUS_OPERATION_QUERY].rows < 2)
	{
		tplus_study_leave(study, TPLUS_FACT_NUMBERS, "the account has too few records");
		return false;
	}
	if ((sample->nwitnesses >= 2 && tiles(study, declared, &second)) ||
		try_other_base(study, &second))
	{
		fact = tplus_study_decide(study, TPLUS_FACT_NUMBERS,
								  psprintf("from %d", study->page_base),
								  psprintf("page %d of %d records continues page %d, as a larger page has them",
										   study->page_base + 1, second.rows,
										   study->page_base));
		fact->setting = psprintf("%d", study->page_base);
		return true;
	}
	study->page_base = declared;
	if (second.rows > 0 && is_slice(&second, sample, 0))
		(void) tplus_study_decide(study, TPLUS_FACT_NUMBERS, "overlooked",
								  "the second page brought the records of the first");
	else
		tplus_study_leave(study, TPLUS_FACT_NUMBERS,
						  "two small pages are not what a larger one has");
	return false;
}

/* Which operations a read will ask. */
static void
set_relevant(TplusStudy *study, TplusPaging paging)
{
	study->relevant[TPLUS_OPERATION_PAGE] = study->has_pages &&
		(paging == TPLUS_PAGING_AUTO || paging == TPLUS_PAGING_PAGE);
	study->relevant[TPLUS_OPERATION_QUERY] = paging != TPLUS_PAGING_PAGE ||
		!study->has_pages;
}

static void
decide_paging(TplusStudy *study, Verdict versions, bool numbers)
{
	TplusPaging declared = study->spec->table->paging;
	TplusFact  *fact;

	study->versions_page = versions == VERDICT_PAGES;
	if (study->versions_page)
	{
		fact = tplus_study_decide(study, TPLUS_FACT_PAGING, "ts",
								  "row versions page, see above");
		fact->setting = fact->value;
		set_relevant(study, TPLUS_PAGING_TS);
	}
	else if (versions == VERDICT_FAILS && numbers)
	{
		fact = tplus_study_decide(study, TPLUS_FACT_PAGING, "page",
								  "row versions do not page, page numbers do, see above");
		fact->setting = fact->value;
		set_relevant(study, TPLUS_PAGING_PAGE);
	}
	else
	{
		tplus_study_leave(study, TPLUS_FACT_PAGING,
						  "neither row versions nor page numbers are proven to be the right way");
		set_relevant(study, declared);
	}
}

/*
 * The largest page of an operation, 0: it could not be decided, -1: because
 * all records fit into one.
 */
static int
largest_page(TplusStudy *study, TplusOperation operation, const char **why)
{
	const TplusFinding *finding = &study->plain[operation];
	int64		total = known_total(study);
	TplusFinding large;
	TplusQuestion question;

	if (operation == TPLUS_OPERATION_QUERY)
	{
		finding = &study->zero;
		if (!finding->asked || finding->refused || finding->rows == 0)
		{
			tplus_study_question(study, operation,
								 tplus_study_max_size(study), &question);
			tplus_probe_ask(study->probe, &question, &large);
			finding = &large;
		}
	}
	*why = psprintf("%s answered %d with %d records",
					tplus_study_operation(operation), finding->size,
					finding->rows);
	if (!finding->asked || finding->refused || finding->rows > finding->size)
		return 0;
	if (finding->rows == finding->size)
		return finding->size;
	if (operation == TPLUS_OPERATION_QUERY ? study->refused_large :
		finding->size < tplus_study_max_size(study))
		return finding->size;
	if (total <= finding->rows)
	{
		*why = psprintf("%s has no more than %d records to send",
						tplus_study_operation(operation), finding->rows);
		return -1;
	}

	/* A cap in bytes cuts anywhere. */
	return finding->rows % 10 == 0 ? finding->rows : 0;
}

static void
decide_page_size(TplusStudy *study)
{
	int			best = 0;
	const char *why = "";
	const char *evidence = "";
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		int			size;

		if (!study->relevant[i])
			continue;
		size = largest_page(study, i, &why);
		if (size == 0)
		{
			tplus_study_leave(study, TPLUS_FACT_PAGE_SIZE, why);
			return;
		}
		if (size > 0 && (best == 0 || size < best))
		{
			best = size;
			evidence = why;
		}
	}
	if (best == 0)
		tplus_study_leave(study, TPLUS_FACT_PAGE_SIZE, why);
	else
	{
		TplusFact  *fact = tplus_study_decide(study, TPLUS_FACT_PAGE_SIZE,
											  psprintf("%d", best), evidence);

		fact->setting = fact->value;
	}
}

void
tplus_calibrate_paging(TplusStudy *study)
{
	Verdict		versions = judge_versions(study);
	bool		numbers = judge_numbers(study);

	decide_paging(study, versions, numbers);
	decide_page_size(study);
}
