/*-------------------------------------------------------------------------
 *
 * calibrate.c
 *		Measuring what a server does where the protocol leaves it open.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/calibrate.h"
#include "tplus/calibrate_date.h"
#include "tplus/calibrate_filter.h"
#include "tplus/calibrate_paging.h"
#include "tplus/calibrate_text.h"
#include "tplus/calibrate_values.h"
#include "tplus/record.h"

/* A sample of whole records, and what to try where that is refused. */
#define SAMPLE_SIZE		100
#define SMALL_SAMPLE	20

/* A field that so many records lack is missing, not just empty in each. */
#define MIN_MISSING		10

/* A page of fewer records says little of what a page can hold. */
#define MIN_HELD		10

/* Questions without an answer. */
#define FAR_PAGE		1000000

/* Sizes of a page to try after the largest: above that of a sample, and below. */
static const int large_sizes[] = {500, 200};
static const int small_sizes[] = {SMALL_SAMPLE, 3, 1};

/* Ways to ask for the first sample. */
typedef struct SampleWay
{
	int			size;
	bool		all_fields;
	bool		loud;
} SampleWay;

static const SampleWay sample_ways[] = {
	{SAMPLE_SIZE, true, false},
	{SMALL_SAMPLE, true, false},
	{0, false, true},
};

/*
 * Without records, an array or a member with nothing beside it may stand for
 * no rows of another shape.
 */
static bool
is_bare(const TplusFinding *finding)
{
	return strcmp(finding->shape, "array") == 0 ||
		(strcmp(finding->shape, "Data") == 0 && finding->total < 0);
}

static void
decide_shape(TplusStudy *study, TplusFactKind kind, TplusOperation operation)
{
	const TplusFinding *sample = &study->plain[operation];

	if (sample->shape && (sample->rows > 0 || !is_bare(sample)))
		(void) tplus_study_decide(study, kind, sample->shape,
								  psprintf("%s answered %d records there",
										   tplus_study_operation(operation),
										   sample->rows));
	else if (!sample->asked)
		tplus_study_leave(study, kind, TPLUS_STATUS_UNASKED,
						  tplus_verdict_unasked().evidence);
	else
		tplus_study_leave(study, kind, sample->refused ?
						  TPLUS_STATUS_REFUSED : TPLUS_STATUS_UNDECIDABLE,
						  sample->refused ? "it refuses to answer" :
						  "it answered no record, it takes one");
}

/* The sample of the operation without page numbers; *all: of whole records. */
static void
take_sample(TplusStudy *study, bool *all)
{
	TplusFinding *sample = &study->plain[TPLUS_OPERATION_QUERY];
	TplusQuestion question;
	int			i;

	for (i = 0; i < (int) lengthof(sample_ways); i++)
	{
		tplus_study_question(study, TPLUS_OPERATION_QUERY,
							 sample_ways[i].size, &question);
		question.all_fields = *all = sample_ways[i].all_fields;
		question.loud = sample_ways[i].loud;
		tplus_probe_ask(study->probe, &question, sample);
		if (!sample->refused)
			break;
	}
	decide_shape(study, TPLUS_FACT_SHAPE, TPLUS_OPERATION_QUERY);
}

/* Does a page of this size come, with a number or without? */
static bool
ask_page(TplusStudy *study, int size, int number, TplusFinding *page)
{
	TplusQuestion question;

	tplus_study_question(study, TPLUS_OPERATION_PAGE, size, &question);
	question.page_index = number;
	tplus_probe_ask(study->probe, &question, page);
	return page->asked && !page->refused;
}

/* Takes the first page as numbers from the other base count it, if it has rows. */
static bool
ask_other_base(TplusStudy *study, int size, TplusFinding *sample)
{
	TplusFinding page;

	if (!ask_page(study, size, 1 - study->page_base, &page) || page.rows == 0)
		return false;
	study->page_base = 1 - study->page_base;
	*sample = page;
	return true;
}

/* A page as large as it comes, where the largest is refused. */
static bool
ask_smaller(TplusStudy *study, int number, TplusFinding *sample)
{
	TplusFinding larger;
	int			i;

	if (ask_page(study, SAMPLE_SIZE, number, sample))
	{
		for (i = 0; i < (int) lengthof(large_sizes); i++)
		{
			if (ask_page(study, large_sizes[i], number, &larger))
			{
				*sample = larger;
				break;
			}
		}
		return true;
	}
	for (i = 0; i < (int) lengthof(small_sizes); i++)
	{
		if (ask_page(study, small_sizes[i], number, sample))
			return true;
	}
	return false;
}

/*
 * The first page, as large as it comes.  If the largest is refused, and comes
 * without a number, it is not the size that is refused.
 */
static void
ask_first(TplusStudy *study, TplusFinding *sample)
{
	int			size = tplus_study_max_size(study);
	TplusFinding single;

	if (ask_page(study, size, study->page_base, sample) ||
		ask_page(study, size, study->page_base, sample))
		study->has_pages = true;
	else if (!sample->asked)
		return;
	else if (ask_page(study, size, -1, sample))
		study->unnumbered = true;
	else if (ask_page(study, 1, study->page_base, &single))
		study->has_pages = ask_smaller(study, study->page_base, sample);
	else
		study->unnumbered = ask_smaller(study, -1, sample);
}

/* The largest page of the operation with page numbers. */
static void
take_page(TplusStudy *study)
{
	TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];

	if (study->spec->resource->page_path == NULL)
	{
		tplus_study_leave(study, TPLUS_FACT_PAGE_SHAPE,
						  TPLUS_STATUS_UNDECIDABLE,
						  "there is no operation with page numbers");
		return;
	}
	ask_first(study, sample);
	if (study->unnumbered && ask_other_base(study, sample->size, sample))
	{
		study->has_pages = true;
		study->unnumbered = false;
	}
	if (study->has_pages && sample->rows == 0 &&
		study->plain[TPLUS_OPERATION_QUERY].rows > 0)
		(void) ask_other_base(study, sample->size, sample);
	decide_shape(study, TPLUS_FACT_PAGE_SHAPE, TPLUS_OPERATION_PAGE);
}

/* Are they fields that each record has, so that one is enough? */
static bool
are_always(const TplusStudy *study, List *missing)
{
	ListCell   *lc;

	foreach(lc, missing)
	{
		const TplusField *field =
		tplus_resource_field(study->spec->resource, lfirst(lc));

		if (field == NULL || (field->flags & TPLUS_FIELD_ALWAYS) == 0)
			return false;
	}
	return true;
}

static void
decide_sample(TplusStudy *study, bool all)
{
	const TplusFinding *sample = &study->plain[TPLUS_OPERATION_QUERY];
	List	   *missing = tplus_probe_missing(study->probe);
	StringInfoData list;
	ListCell   *lc;

	if (sample->flag)
		(void) tplus_study_decide(study, TPLUS_FACT_BOOL_REPLY, sample->flag,
								  psprintf("the first record has it as \"%s\"",
										   tplus_probe_flag(study->probe)));
	else
		tplus_study_leave(study, TPLUS_FACT_BOOL_REPLY,
						  sample->asked ? TPLUS_STATUS_UNDECIDABLE :
						  TPLUS_STATUS_UNASKED,
						  "no record has the flag of disabled records");
	if (!all || sample->rows == 0 ||
		(sample->rows < MIN_MISSING && !are_always(study, missing)))
	{
		tplus_study_leave(study, TPLUS_FACT_MISSING,
						  all ? TPLUS_STATUS_UNDECIDABLE :
						  TPLUS_STATUS_REFUSED,
						  all ? psprintf("%d records are too few, it takes %d",
										 sample->rows, MIN_MISSING) :
						  "the server refuses a question for all fields");
		return;
	}
	initStringInfo(&list);
	foreach(lc, missing)
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 (const char *) lfirst(lc));
	(void) tplus_study_decide(study, TPLUS_FACT_MISSING,
							  missing == NIL ? "none" : list.data,
							  psprintf("in a sample of %d records",
									   sample->rows));
}

/* Does a count say anything of what came beside it? */
static bool
is_counted(const TplusFinding *finding)
{
	return finding->asked && !finding->refused && finding->total >= 0;
}

static const char *
count_text(const TplusFinding *finding)
{
	return psprintf("a page of %d records told " INT64_FORMAT, finding->rows,
					finding->total);
}

/* One record alone, beside its count. */
static void
ask_single(TplusStudy *study)
{
	TplusOperation page = TPLUS_OPERATION_PAGE;
	const TplusWitness *witness;

	if (study->single.asked || study->plain[page].nwitnesses == 0)
		return;
	if (study->pin[page] == TPLUS_PIN_NONE)
		study->pin[page] = study->pin[TPLUS_OPERATION_QUERY];
	witness = study->pin[page] == TPLUS_PIN_CODE ||
		study->pin[page] == TPLUS_PIN_NAME ?
		tplus_study_texted(study, page, study->pin[page]) :
		&study->plain[page].witnesses[0];
	if (witness == NULL || tplus_study_pin(study, page, witness) == NIL)
		return;
	tplus_study_ask_pinned(study, page, witness, NIL, &study->single);
	study->single_key = witness->key;
}

/* Is it the one record that was asked for? */
static bool
is_single(const TplusStudy *study)
{
	return is_counted(&study->single) && study->single.rows == 1 &&
		tplus_finding_find(&study->single, study->single_key) == 0;
}

/* Do counts that were checked against records leave no doubt? */
static bool
total_is_whole(const TplusStudy *study)
{
	const TplusFinding *page = &study->plain[TPLUS_OPERATION_PAGE];
	const TplusFinding *small = &study->small;
	bool		exceeds = page->total > page->rows ||
	(is_counted(small) && small->total > small->rows);

	if (study->zero_is_whole)
		return true;
	if (is_single(study))
		return exceeds;
	return exceeds && page->rows < page->size && page->total == page->rows;
}

/*
 * TotalCount, as the largest page told it, a small one, and one record alone:
 * a count that is a bit too high or too low shows there.
 */
static void
decide_total(TplusStudy *study)
{
	const TplusFinding *page = &study->plain[TPLUS_OPERATION_PAGE];
	const TplusFinding *small = &study->small;
	TplusFact  *fact;

	if (!page->asked || page->refused ||
		(page->rows == 0 && (page->total >= 0 || page->shape == NULL || is_bare(page))))
	{
		tplus_study_leave(study, TPLUS_FACT_TOTAL,
						  study->spec->resource->page_path && !page->asked ?
						  TPLUS_STATUS_UNASKED : TPLUS_STATUS_UNDECIDABLE,
						  "there is no answer with records that could tell it");
		return;
	}
	if (page->total < 0)
	{
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "absent",
								  psprintf("a page of %d records", page->rows));
		return;
	}
	ask_single(study);
	if (page->total < page->rows)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "wrong",
								  count_text(page));
	else if (is_single(study) && study->single.total != 1)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "wrong",
								  count_text(&study->single));
	else if (is_counted(small) && small->total <= small->rows &&
			 small->rows < page->rows)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "wrong",
								  psprintf("%s, a larger one had %d",
										   count_text(small), page->rows));
	else if (total_is_whole(study))
	{
		fact = tplus_study_decide(study, TPLUS_FACT_TOTAL, "whole",
								  count_text(page->total > page->rows ||
											 !is_counted(small) ? page : small));

		/* By row version, nothing is counted. */
		if (!study->versions_page)
			tplus_study_set(fact, "whole", NULL);
	}
	else
		tplus_study_leave(study, TPLUS_FACT_TOTAL, TPLUS_STATUS_UNDECIDABLE,
						  psprintf("%s, and nothing shows whether that is right; it takes a record that can be asked for alone, beside others",
								   count_text(page)));
}

/* Questions that no record can answer. */
typedef enum Nothing
{
	NOTHING_CODE,
	NOTHING_NAME,
	NOTHING_VERSION,
	NOTHING_PAGE,
	NOTHING_ID,
	NOTHING_NUMBER
} Nothing;

#define NNOTHINGS	(NOTHING_NUMBER + 1)

static List *
text_param(const TplusStudy *study, TplusPin pin)
{
	const char *param = tplus_study_text_param(study, pin);

	return param ? list_make1(tplus_encode_text(param, TPLUS_NO_TEXT)) : NIL;
}

/* Asks for an id that no record has. */
static List *
id_param(const TplusStudy *study, bool number)
{
	const char *key = study->spec->key;

	if (!tplus_calibrate_has_id(study))
		return NIL;
	return list_make1(number ? tplus_encode_param(key, TPLUS_NO_ID) :
					  tplus_encode_text(key, TPLUS_NO_ID));
}

/* Asks what no record can answer; false if there is no such question. */
static bool
ask_nothing(TplusStudy *study, TplusOperation operation, Nothing nothing,
			TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	switch (nothing)
	{
		case NOTHING_CODE:
			question.params = text_param(study, TPLUS_PIN_CODE);
			break;
		case NOTHING_NAME:
			question.params = text_param(study, TPLUS_PIN_NAME);
			break;
		case NOTHING_VERSION:
			if (operation == TPLUS_OPERATION_QUERY && study->zero.rows > 0)
				question.cursor = tplus_version_text(TPLUS_NO_VERSION);
			break;
		case NOTHING_PAGE:
			if (operation == TPLUS_OPERATION_PAGE && !study->unnumbered)
				question.page_index = FAR_PAGE;
			break;
		case NOTHING_ID:
		case NOTHING_NUMBER:
			question.params = id_param(study, nothing == NOTHING_NUMBER);
			break;
	}
	if (question.params == NIL && question.cursor == NULL &&
		question.page_index != FAR_PAGE)
		return false;
	tplus_probe_ask(study->probe, &question, finding);
	return true;
}

/*
 * Do null, an empty text or an empty body stand for no rows?  A question that
 * is overlooked brings records, and then another one is asked.
 */
static TplusVerdict
judge_empty(TplusStudy *study, TplusOperation operation)
{
	TplusVerdict verdict =
	tplus_verdict_undecidable(study,
							  "there is no question that surely has no answer");
	int			i;

	for (i = 0; i < NNOTHINGS; i++)
	{
		TplusFinding finding;

		if (!ask_nothing(study, operation, i, &finding))
			continue;
		if (!finding.asked)
			return tplus_verdict_unasked();
		if (finding.refused || finding.rows > 0)
			verdict = tplus_verdict_open(tplus_finding_status(&finding),
										 finding.refused ? "a question without an answer was refused" :
										 "a question without an answer brought records");
		else if (finding.shape == NULL)
			return tplus_verdict_decided("nothing", "zero",
										 "what no record can answer brought null, an empty text or object, or no reply at all");
		else
			return tplus_verdict_decided("no rows", "error",
										 "what no record can answer brought an empty array");
	}
	return verdict;
}

static void
decide_empty(TplusStudy *study)
{
	TplusVerdict verdicts[TPLUS_NOPERATIONS] = {0};
	const char *setting = "error";
	bool		known = true;
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		if (!study->relevant[i])
			continue;
		verdicts[i] = judge_empty(study, i);
		known &= verdicts[i].value != NULL;
		if (verdicts[i].setting && strcmp(verdicts[i].setting, "zero") == 0)
			setting = verdicts[i].setting;
		verdicts[i].setting = NULL;
	}
	tplus_study_settle(study, TPLUS_FACT_EMPTY, verdicts);

	/* One table, one option: the reply that stands for nothing is allowed. */
	if (known)
		tplus_study_set_last(study, TPLUS_FACT_EMPTY, setting);
}

/*
 * How much the operation without page numbers has sent at a time.  A read from
 * a version ends with a page that is smaller.
 */
static void
decide_page_holds(TplusStudy *study)
{
	const TplusTally *holds = tplus_probe_holds(study->probe);
	TplusFact  *fact;

	if (holds->rows < MIN_HELD || tplus_probe_version(study->probe) == NULL)
		return;
	fact = tplus_study_decide(study, TPLUS_FACT_PAGE_ROWS,
							  psprintf(INT64_FORMAT, holds->rows),
							  "Query sent so many in one reply");
	tplus_study_set(fact, fact->value, NULL);
	fact = tplus_study_decide(study, TPLUS_FACT_PAGE_BYTES,
							  psprintf(INT64_FORMAT, Min(holds->bytes, PG_INT32_MAX)),
							  "records of so many bytes came in one reply of Query");
	tplus_study_set(fact, fact->value, NULL);
}

static int
compare_facts(const ListCell *a, const ListCell *b)
{
	const TplusFact *one = lfirst(a);
	const TplusFact *other = lfirst(b);

	return one->kind != other->kind ? (int) one->kind - (int) other->kind :
		one->number - other->number;
}

List *
tplus_calibrate(const TplusCalibrateSpec *spec, int64 *records)
{
	TplusStudy	study = {0};
	bool		all;

	study.spec = spec;
	study.probe = tplus_probe_create(spec);
	study.page_base = spec->table->page_base;
	study.plain[TPLUS_OPERATION_QUERY].size = SAMPLE_SIZE;
	study.plain[TPLUS_OPERATION_PAGE].size = SAMPLE_SIZE;
	take_sample(&study, &all);
	study.all_fields = all;
	decide_sample(&study, all);
	take_page(&study);
	tplus_calibrate_paging(&study);

	/*
	 * In the order of what they save: a range of days that is not asked for
	 * reads the account, a spelling of the flag is tried out in a request or
	 * two.  What is evidence alone comes last.
	 */
	tplus_calibrate_equality(&study);
	tplus_calibrate_date(&study);
	tplus_calibrate_flag(&study);
	tplus_calibrate_values(&study);
	decide_empty(&study);
	decide_total(&study);
	tplus_calibrate_text(&study);
	decide_page_holds(&study);
	list_sort(study.facts, compare_facts);
	if (records)
		*records = tplus_study_total(&study);
	return study.facts;
}
