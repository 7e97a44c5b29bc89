/*-------------------------------------------------------------------------
 *
 * calibrate_paging.c
 *		Calibration: how all pages can be had, and how large they may be.
 *
 * What row versions need as a proof stands in calibrate_versions.c.  Page
 * numbers need less: a read by them is confirmed each time.
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
#include "tplus/calibrate_versions.h"

/* Records of a small page by number. */
#define NUMBERED_RECORDS	10

/* Records whose order is no chance, and how often fewer of them must come again. */
#define MIN_SLICE	7
#define MAX_AGAIN	3

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

static void
ask_page(TplusStudy *study, int number, int size, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, size, &question);
	question.page_index = number;
	tplus_probe_ask(study->probe, &question, finding);
}

/* A size of which the account has three pages, if it can be. */
static int
small_size(const TplusFinding *sample)
{
	return sample->nwitnesses < 3 ? sample->nwitnesses / 2 :
		Min(NUMBERED_RECORDS, sample->nwitnesses / 3);
}

/* Do the first and the second page of a size tile a larger page? */
static bool
tiles(TplusStudy *study, int base, TplusFinding *second)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			size = small_size(sample);

	ask_page(study, base + 1, size, second);
	return second->asked && second->rows == size &&
		is_slice(second, sample, size);
}

/*
 * Does the order of so few records come again, so often that chance is out of
 * the question?
 */
static bool
comes_again(TplusStudy *study)
{
	static const int times[] = {0, 0, 5, 4, 2, 1, 1};
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			i;

	if (sample->nwitnesses >= (int) lengthof(times))
		return true;
	for (i = 0; i < times[sample->nwitnesses]; i++)
	{
		TplusFinding again;

		ask_page(study, study->page_base, sample->size, &again);
		if (again.rows != sample->rows || !is_slice(&again, sample, 0))
			return false;
	}
	return true;
}

/*
 * Page 2 is like the first.  It is there, wherever numbers begin, so it is no
 * answer to a number behind the end.
 */
static bool
is_overlooked(TplusStudy *study, const TplusFinding *second)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			size = small_size(sample);
	TplusFinding other;

	if (sample->nwitnesses <= 2 * size || second->rows != size ||
		!is_slice(second, sample, 0))
		return false;
	ask_page(study, 2, size, &other);
	return other.rows == size && is_slice(&other, sample, 0);
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
shares_records(const TplusFinding *one, const TplusFinding *other)
{
	int			i;

	for (i = 0; i < other->nwitnesses; i++)
	{
		if (tplus_finding_find(one, other->witnesses[i].key) >= 0)
			return true;
	}
	return false;
}

/*
 * Where sizes are overlooked, or a page holds one record: do other records
 * follow the first page, which comes again as such?  A number below the base
 * brings the first page as well, or nothing; one that begins lower another.
 */
static bool
follows(TplusStudy *study, int base, TplusFinding *second)
{
	TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			size = sample->rows == 1 ? 1 : sample->size;
	TplusFinding next;
	TplusFinding first;
	TplusFinding other;
	int			i;

	study->page_base = base;
	if (sample->rows == 0 || sample->rows > sample->nwitnesses)
		return false;
	ask_page(study, base + 1, size, &next);
	if (!next.asked || (!next.refused && next.rows > 0 &&
						shares_records(sample, &next)))
		return false;
	if (next.rows == 0 && sample->rows < 2)
		return false;
	memset(&other, 0, sizeof(other));
	if (base > 0)
		ask_page(study, base - 1, size, &other);
	if ((base > 0 && !other.asked) ||
		(other.rows > 0 && !is_slice(&other, sample, 0)))
		return false;
	for (i = 0; i < (sample->rows < MIN_SLICE ? MAX_AGAIN : 1); i++)
	{
		ask_page(study, base, size, &first);
		if (first.rows != sample->rows || !is_slice(&first, sample, 0))
			return false;
	}
	*second = next;
	return true;
}

/* Why nothing can be found out about page numbers; false if it can. */
static bool
numbers_are_out(TplusStudy *study)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];

	if (study->spec->resource->page_path == NULL)
		(void) tplus_study_decide(study, TPLUS_FACT_NUMBERS, "none",
								  "there is no operation with page numbers");
	else if (!sample->asked)
		tplus_study_leave(study, TPLUS_FACT_NUMBERS, TPLUS_STATUS_UNASKED,
						  tplus_verdict_unasked().evidence);
	else if (sample->refused)
		tplus_study_leave(study, TPLUS_FACT_NUMBERS, TPLUS_STATUS_REFUSED,
						  "QueryPage refuses to answer");
	else if (!study->has_pages)
		(void) tplus_study_decide(study, TPLUS_FACT_NUMBERS, "none",
								  "QueryPage refuses page numbers, and answers without");
	else if (sample->nwitnesses < 2 && study->plain[TPLUS_OPERATION_QUERY].rows < 2)
		tplus_study_leave(study, TPLUS_FACT_NUMBERS,
						  TPLUS_STATUS_UNDECIDABLE,
						  "the account has too few records, it takes two");
	else
		return false;
	return true;
}

static bool
judge_numbers(TplusStudy *study)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	TplusFinding second;
	TplusFact  *fact;
	int			declared = study->page_base;

	memset(&second, 0, sizeof(second));
	if (numbers_are_out(study))
		return false;
	if (((sample->nwitnesses >= 2 && tiles(study, declared, &second)) ||
		 try_other_base(study, &second) ||
		 follows(study, study->page_base, &second) ||
		 (study->page_base != declared && follows(study, declared, &second))) &&
		comes_again(study))
	{
		fact = tplus_study_decide(study, TPLUS_FACT_NUMBERS,
								  psprintf("from %d", study->page_base),
								  psprintf("page %d of %d records continues page %d, which comes again",
										   study->page_base + 1, second.rows,
										   study->page_base));
		tplus_study_set(fact, psprintf("%d", study->page_base), NULL);
		study->small = second;
		return true;
	}
	study->page_base = declared;
	study->small = second;
	study->base_open = !is_overlooked(study, &second);
	if (!study->base_open)
		(void) tplus_study_decide(study, TPLUS_FACT_NUMBERS, "overlooked",
								  "each page brought the records of the first");
	else
		tplus_study_leave(study, TPLUS_FACT_NUMBERS, TPLUS_STATUS_OPEN,
						  "two small pages are not what a larger one has");
	return false;
}

/* Which operations a read will ask, and which are measured: all that answer. */
static void
set_relevant(TplusStudy *study, TplusPaging paging)
{
	const TplusResource *resource = study->spec->resource;
	bool		apart = resource->page_path &&
	strcmp(resource->path, resource->page_path) != 0;

	study->reads[TPLUS_OPERATION_PAGE] = study->has_pages &&
		(paging == TPLUS_PAGING_AUTO || paging == TPLUS_PAGING_PAGE);
	study->reads[TPLUS_OPERATION_QUERY] = paging != TPLUS_PAGING_PAGE ||
		!study->has_pages;
	study->relevant[TPLUS_OPERATION_QUERY] = apart ||
		study->reads[TPLUS_OPERATION_QUERY];
	study->relevant[TPLUS_OPERATION_PAGE] = apart ?
		study->has_pages || study->unnumbered :
		study->reads[TPLUS_OPERATION_PAGE];
}

static void
decide_paging(TplusStudy *study, TplusVersions versions, bool numbers)
{
	TplusPaging declared = study->spec->table->paging;
	TplusFact  *fact;

	study->versions_page = versions == TPLUS_VERSIONS_PAGE;
	if (study->versions_page)
	{
		fact = tplus_study_decide(study, TPLUS_FACT_PAGING, "ts",
								  "row versions page, see above");
		tplus_study_set(fact, fact->value, NULL);
		set_relevant(study, TPLUS_PAGING_TS);
	}
	else if (versions == TPLUS_VERSIONS_FAIL && numbers)
	{
		fact = tplus_study_decide(study, TPLUS_FACT_PAGING, "page",
								  "row versions do not page, page numbers do, see above");
		tplus_study_set(fact, fact->value, NULL);
		set_relevant(study, TPLUS_PAGING_PAGE);
	}
	else if (numbers)
	{
		/* Reads go on looking: versions, if they page, make them cheaper. */
		(void) tplus_study_decide(study, TPLUS_FACT_PAGING, "page",
								  "page numbers do, see above; as row versions may as well, the option stays");
		set_relevant(study, declared);
	}
	else
	{
		tplus_study_leave(study, TPLUS_FACT_PAGING,
						  tplus_probe_has_room(study->probe) ?
						  TPLUS_STATUS_UNDECIDABLE : TPLUS_STATUS_UNASKED,
						  "neither row versions nor page numbers are proven to be the right way");
		set_relevant(study, declared);
	}
}

/* Is there a page behind this one, which is the first? */
static bool
more_follow(TplusStudy *study, TplusOperation operation,
			const TplusFinding *first, TplusFinding *next)
{
	const TplusWitness *last;

	if (first->nwitnesses < 1)
		return false;
	last = &first->witnesses[first->nwitnesses - 1];
	if (operation == TPLUS_OPERATION_PAGE && !study->unnumbered)
		ask_page(study, study->page_base + 1, first->rows, next);
	else if (first == &study->zero && last->version > 0)
		tplus_versions_ask(study, first->size, last->version, next);
	return next->asked && !next->refused && next->rows > 0 &&
		tplus_finding_find(first, next->witnesses[next->nwitnesses - 1].key) < 0;
}

/*
 * The largest page of an operation, 0: it could not be decided, -1: because
 * all records fit into one.  It is cut if T+ sent less than it was asked for.
 */
static int
largest_page(TplusStudy *study, TplusOperation operation, bool *cut,
			 const char **why)
{
	const TplusFinding *finding = &study->plain[operation];
	TplusFinding large;
	TplusFinding next = {0};
	TplusQuestion question;
	bool		goes_on;

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
	*cut = false;
	if (!finding->asked || finding->refused || finding->rows > finding->size)
		return 0;
	if (finding->rows == finding->size)
		return finding->size;
	if (operation == TPLUS_OPERATION_QUERY ? study->refused_large :
		finding->size < tplus_study_max_size(study))
		return finding->size;
	*cut = true;
	if (study->plain[TPLUS_OPERATION_PAGE].total != finding->rows &&
		!more_follow(study, operation, finding, &next))
		goes_on = operation == TPLUS_OPERATION_QUERY &&
			study->numbered_rows > finding->rows;
	else
		goes_on = next.asked;
	if (!goes_on)
	{
		*why = psprintf("%s has no more than %d records to send",
						tplus_study_operation(operation), finding->rows);
		return -1;
	}
	if (operation == TPLUS_OPERATION_PAGE)
		study->numbered_rows = finding->rows + next.rows;

	/* A cap in bytes cuts anywhere, and hardly twice at the same place. */
	return finding->rows % 10 == 0 || next.rows == finding->rows ?
		finding->rows : 0;
}

static TplusVerdict
judge_page_size(TplusStudy *study, TplusOperation operation, int *size,
				bool *cut)
{
	const char *why;

	*size = largest_page(study, operation, cut, &why);
	if (*size > 0)
		return tplus_verdict_decided(psprintf("%d", *size), NULL, why);
	if (!study->plain[operation].asked)
		return tplus_verdict_unasked();
	return tplus_verdict_open(*size < 0 ? TPLUS_STATUS_UNDECIDABLE :
							  TPLUS_STATUS_OPEN, why);
}

/*
 * One table, one size: what each of the operations fills.  Where T+ cuts a page
 * there is nothing to say: it does so anyway, and may go by bytes.
 */
static void
decide_page_size(TplusStudy *study)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	bool		known = true;
	int			best = 0;
	int			i;

	/* What pages by number show helps to judge the other operation. */
	for (i = TPLUS_NOPERATIONS - 1; i >= 0; i--)
	{
		int			size;
		bool		cut;

		if (!study->relevant[i])
			continue;
		verdicts[i] = judge_page_size(study, i, &size, &cut);
		if (!study->reads[i])
			continue;
		known &= size != 0 && !cut;
		if (size > 0 && (best == 0 || size < best))
			best = size;
	}
	tplus_study_settle(study, TPLUS_FACT_PAGE_SIZE, verdicts);
	if (known && best > 0)
		tplus_study_set_last(study, TPLUS_FACT_PAGE_SIZE, psprintf("%d", best));
}

void
tplus_calibrate_leave_paging(TplusStudy *study)
{
	ListCell   *lc;

	foreach(lc, study->facts)
	{
		TplusFact  *fact = lfirst(lc);

		if (fact->kind != TPLUS_FACT_PAGING &&
			fact->kind != TPLUS_FACT_PAGE_SIZE)
			continue;
		if (fact->kind == TPLUS_FACT_PAGING && fact->settings != NIL)
			fact->evidence = psprintf("%s; as QueryPage cannot be asked for stopped records, the option stays",
									  fact->evidence);
		fact->settings = NIL;
	}
	set_relevant(study, study->spec->table->paging);
}

void
tplus_calibrate_paging(TplusStudy *study)
{
	TplusVersions versions = tplus_calibrate_versions(study);
	bool		numbers = judge_numbers(study);

	decide_paging(study, versions, numbers);
	decide_page_size(study);
}
