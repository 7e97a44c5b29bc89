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
#include "tplus/calibrate_values.h"

/* A sample of whole records, and what to try where that is refused. */
#define SAMPLE_SIZE		100
#define SMALL_SAMPLE	20

/* A field that so many records lack is missing, not just empty in each. */
#define MIN_MISSING		10

/* Questions without an answer. */
#define LAST_CURSOR		"7fffffffffffffff"
#define NO_CODE			"no-such-code-of-tplus-fdw"

/* Sizes of a page to try, after the largest. */
static const int page_sizes[] = {500, 200, SAMPLE_SIZE, SMALL_SAMPLE};

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

static void
decide_shape(TplusStudy *study, TplusFactKind kind, TplusOperation operation)
{
	const TplusFinding *sample = &study->plain[operation];

	if (sample->shape)
		(void) tplus_study_decide(study, kind, sample->shape,
								  psprintf("%s answered %d records there",
										   tplus_study_operation(operation),
										   sample->rows));
	else
		tplus_study_leave(study, kind,
						  sample->refused ? "it refuses to answer" :
						  "the reply had no place for rows");
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

/* The largest page of the operation with page numbers. */
static void
take_page(TplusStudy *study)
{
	TplusFinding *sample = &study->plain[TPLUS_OPERATION_PAGE];
	int			size = tplus_study_max_size(study);
	TplusQuestion question;
	int			i;

	if (study->spec->resource->page_path == NULL)
	{
		tplus_study_leave(study, TPLUS_FACT_PAGE_SHAPE,
						  "there is no operation with page numbers");
		return;
	}
	for (i = 0;; i++)
	{
		tplus_study_question(study, TPLUS_OPERATION_PAGE, size, &question);
		tplus_probe_ask(study->probe, &question, sample);
		if (!sample->refused || i == (int) lengthof(page_sizes))
			break;
		size = page_sizes[i];
	}
	study->has_pages = sample->asked && !sample->refused;
	decide_shape(study, TPLUS_FACT_PAGE_SHAPE, TPLUS_OPERATION_PAGE);
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
						  "no record has the flag of disabled records");
	if (!all || sample->rows < MIN_MISSING)
	{
		tplus_study_leave(study, TPLUS_FACT_MISSING,
						  all ? psprintf("%d records are too few", sample->rows) :
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

/* TotalCount, as the largest page told it. */
static void
decide_total(TplusStudy *study)
{
	const TplusFinding *page = &study->plain[TPLUS_OPERATION_PAGE];
	char	   *rows = psprintf("a page of %d records", page->rows);

	if (!study->has_pages)
		tplus_study_leave(study, TPLUS_FACT_TOTAL,
						  "there is no operation that could tell it");
	else if (page->total < 0)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "absent", rows);
	else if (page->total < page->rows)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "wrong",
								  psprintf("%s told " INT64_FORMAT, rows,
										   page->total));
	else if (page->total > page->rows || study->zero_is_whole)
		(void) tplus_study_decide(study, TPLUS_FACT_TOTAL, "whole",
								  psprintf("%s told " INT64_FORMAT, rows,
										   page->total));
	else
		tplus_study_leave(study, TPLUS_FACT_TOTAL,
						  psprintf("%s told its own number", rows));
}

/* Asks what no record can answer; false if there is no such question. */
static bool
ask_nothing(TplusStudy *study, TplusOperation operation,
			TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	if (operation == TPLUS_OPERATION_QUERY && study->versions_page)
		question.cursor = LAST_CURSOR;
	else if (study->code_works)
		question.code = NO_CODE;
	else
		return false;
	tplus_probe_ask(study->probe, &question, finding);
	return finding->asked && !finding->refused && finding->rows == 0;
}

/* Do null, an empty text or an empty body stand for no rows? */
static void
decide_empty(TplusStudy *study)
{
	bool		nothing = false;
	TplusFact  *fact;
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		TplusFinding finding;

		if (!study->relevant[i])
			continue;
		if (!ask_nothing(study, i, &finding))
		{
			tplus_study_leave(study, TPLUS_FACT_EMPTY,
							  "there is no question that surely has no answer");
			return;
		}
		nothing |= finding.shape == NULL;
	}
	fact = tplus_study_decide(study, TPLUS_FACT_EMPTY,
							  nothing ? "nothing" : "no rows",
							  nothing ? "what no record can answer brought null, an empty text or object, or no reply at all" :
							  "what no record can answer brought an empty array");
	fact->setting = nothing ? "zero" : "error";
}

static int
compare_facts(const ListCell *a, const ListCell *b)
{
	return (int) ((const TplusFact *) lfirst(a))->kind -
		(int) ((const TplusFact *) lfirst(b))->kind;
}

List *
tplus_calibrate(const TplusCalibrateSpec *spec)
{
	TplusStudy	study = {0};
	bool		all;

	study.spec = spec;
	study.probe = tplus_probe_create(spec);
	study.page_base = spec->table->page_base;
	study.plain[TPLUS_OPERATION_QUERY].size = SAMPLE_SIZE;
	study.plain[TPLUS_OPERATION_PAGE].size = SAMPLE_SIZE;
	take_sample(&study, &all);
	decide_sample(&study, all);
	take_page(&study);
	tplus_calibrate_paging(&study);
	decide_total(&study);

	/* What decides an option comes before what is evidence alone. */
	tplus_calibrate_equality(&study);
	decide_empty(&study);
	tplus_calibrate_flag(&study);
	tplus_calibrate_date(&study);
	tplus_calibrate_values(&study);
	tplus_calibrate_text(&study);
	list_sort(study.facts, compare_facts);
	return study.facts;
}
