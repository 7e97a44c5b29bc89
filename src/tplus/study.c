/*-------------------------------------------------------------------------
 *
 * study.c
 *		What a calibration has found out so far.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/study.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "tplus/convert.h"
#include "tplus/secrets.h"
#include "tplus/study.h"

/* The largest page of an operation that the catalog does not have. */
#define MAX_SIZE	1000

/* Records among which one is chosen to ask for. */
#define MAX_CHOICE	100

const TplusFactName tplus_fact_names[TPLUS_NFACTS] = {
	[TPLUS_FACT_SHAPE] = {"reply of Query"},
	[TPLUS_FACT_PAGE_SHAPE] = {"reply of QueryPage"},
	[TPLUS_FACT_EMPTY] = {"reply without rows", "empty_reply"},
	[TPLUS_FACT_BOOL_REPLY] = {"booleans in replies"},
	[TPLUS_FACT_MISSING] = {"missing fields"},
	[TPLUS_FACT_TOTAL] = {"TotalCount", "total_count"},
	[TPLUS_FACT_COMPARE] = {"row versions", "ts_compare"},
	[TPLUS_FACT_VERSIONS] = {"row versions page"},
	[TPLUS_FACT_NUMBERS] = {"page numbers", "page_base"},
	[TPLUS_FACT_PAGING] = {"paging", "paging"},
	[TPLUS_FACT_PAGE_SIZE] = {"largest page", "page_size"},
	[TPLUS_FACT_PAGE_ROWS] = {"records of a page", "page_rows"},
	[TPLUS_FACT_PAGE_BYTES] = {"bytes of a page", "page_bytes"},
	[TPLUS_FACT_BOOL_FILTER] = {"boolean filter", "filter_encoding", "page_filter_encoding"},
	[TPLUS_FACT_HIDDEN] = {"disabled records", "variants"},
	[TPLUS_FACT_EQUALITY] = {"text filter"},
	[TPLUS_FACT_CASE] = {"case in text"},
	[TPLUS_FACT_LIKE] = {"patterns in text"},
	[TPLUS_FACT_DATE] = {"date filter", "filter_op", "page_filter_op"},
	[TPLUS_FACT_VALUES] = {"filters", "filter_op", "page_filter_op"},
	[TPLUS_FACT_ID] = {"id filter", "filter_encoding", "page_filter_encoding"},
};

const char *const tplus_status_names[] = {
	[TPLUS_STATUS_DECIDED] = "decided",
	[TPLUS_STATUS_REFUSED] = "refused",
	[TPLUS_STATUS_UNDECIDABLE] = "not decidable",
	[TPLUS_STATUS_OPEN] = "open",
	[TPLUS_STATUS_UNASKED] = "not asked",
};

TplusFact *
tplus_study_decide(TplusStudy *study, TplusFactKind kind, const char *value,
				   const char *evidence)
{
	TplusFact  *fact = palloc0(sizeof(TplusFact));

	fact->kind = kind;
	fact->name = tplus_fact_names[kind].name;
	fact->value = value;
	fact->evidence = evidence;
	fact->requests = tplus_probe_requests(study->probe) - study->counted;
	study->counted += fact->requests;
	fact->number = list_length(study->facts);
	study->facts = lappend(study->facts, fact);
	return fact;
}

void
tplus_study_leave(TplusStudy *study, TplusFactKind kind, TplusStatus status,
				  const char *why)
{
	/* Questions that would have gone on were not asked. */
	if (status == TPLUS_STATUS_OPEN && !tplus_probe_has_room(study->probe))
	{
		status = TPLUS_STATUS_UNASKED;
		why = psprintf("%s; no request was left to go on", why);
	}
	tplus_study_decide(study, kind, NULL,
					   psprintf("could not be decided: %s", why))->status =
		status;
}

static void
add_setting(TplusFact *fact, const char *option, const char *value,
			const char *field, bool limits)
{
	TplusSetting *setting = palloc(sizeof(TplusSetting));

	setting->option = option;
	setting->value = value;
	setting->field = field;
	setting->limits = limits;
	fact->settings = lappend(fact->settings, setting);
}

void
tplus_study_set(TplusFact *fact, const char *value, const char *field)
{
	add_setting(fact, tplus_fact_names[fact->kind].option, value, field, false);
}

void
tplus_study_set_last(TplusStudy *study, TplusFactKind kind, const char *value)
{
	TplusFact  *decided = NULL;
	ListCell   *lc;

	foreach(lc, study->facts)
	{
		TplusFact  *fact = lfirst(lc);

		if (fact->kind == kind && fact->value)
			decided = fact;
	}
	if (decided)
		tplus_study_set(decided, value, NULL);
}

TplusVerdict
tplus_verdict_decided(const char *value, const char *setting,
					  const char *evidence)
{
	TplusVerdict verdict = {0};

	verdict.value = value;
	verdict.setting = setting;
	verdict.evidence = evidence;
	return verdict;
}

TplusVerdict
tplus_verdict_open(TplusStatus status, const char *why)
{
	TplusVerdict verdict = {0};

	verdict.status = status;
	verdict.evidence = why;
	return verdict;
}

TplusVerdict
tplus_verdict_unasked(void)
{
	return tplus_verdict_open(TPLUS_STATUS_UNASKED,
							  "it was not asked, no request was left");
}

TplusVerdict
tplus_verdict_undecidable(const TplusStudy *study, const char *why)
{
	return tplus_probe_has_room(study->probe) ?
		tplus_verdict_open(TPLUS_STATUS_UNDECIDABLE, why) :
		tplus_verdict_unasked();
}

TplusStatus
tplus_finding_status(const TplusFinding *finding)
{
	return !finding->asked ? TPLUS_STATUS_UNASKED :
		finding->refused ? TPLUS_STATUS_REFUSED : TPLUS_STATUS_OPEN;
}

/* The settings of a verdict, as this option has them. */
static void
add_verdict(TplusFact *fact, const char *option, const TplusVerdict *verdict,
			const char *value, bool limits)
{
	ListCell   *lc;

	foreach(lc, verdict->fields)
		add_setting(fact, option, value, lfirst(lc), limits);
}

static TplusFact *
add_fact(TplusStudy *study, TplusFactKind kind, const TplusVerdict *verdict,
		 const char *evidence)
{
	if (verdict->value)
		return tplus_study_decide(study, kind, verdict->value, evidence);
	tplus_study_leave(study, kind, verdict->status, evidence);
	return llast(study->facts);
}

static void
settle_apart(TplusStudy *study, TplusFactKind kind,
			 const TplusVerdict *verdicts)
{
	const TplusFactName *name = &tplus_fact_names[kind];
	const TplusVerdict *query = &verdicts[TPLUS_OPERATION_QUERY];
	const TplusVerdict *page = &verdicts[TPLUS_OPERATION_PAGE];
	TplusFact  *facts[TPLUS_NOPERATIONS];
	int			i;

	for (i = 0; i < TPLUS_NOPERATIONS; i++)
	{
		TplusFact  *fact = add_fact(study, kind, &verdicts[i],
									verdicts[i].evidence);

		facts[i] = fact;
		fact->name = psprintf("%s of %s", name->name, tplus_study_operation(i));
		if (name->page_option == NULL || verdicts[i].setting == NULL)
			continue;
		add_verdict(fact, i == TPLUS_OPERATION_QUERY ? name->option :
					name->page_option, &verdicts[i], verdicts[i].setting,
					false);
	}

	/* What is known of one is not to be believed of the other. */
	if (name->page_option && query->setting && page->setting == NULL)
		add_verdict(facts[TPLUS_OPERATION_QUERY], name->page_option, query,
					"auto", true);
}

bool
tplus_study_is_mixed(const TplusStudy *study)
{
	return study->relevant[TPLUS_OPERATION_QUERY] &&
		study->relevant[TPLUS_OPERATION_PAGE];
}

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
equal_fields(List *a, List *b)
{
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(a) != list_length(b))
		return false;
	forboth(lc, a, lc2, b)
	{
		if (strcmp(lfirst(lc), lfirst(lc2)) != 0)
			return false;
	}
	return true;
}

/* Is there an operation that was not measured? */
static bool
has_other(const TplusStudy *study)
{
	const TplusResource *resource = study->spec->resource;

	return resource->page_path &&
		strcmp(resource->path, resource->page_path) != 0;
}

void
tplus_study_settle(TplusStudy *study, TplusFactKind kind,
				   const TplusVerdict *verdicts)
{
	const TplusFactName *name = &tplus_fact_names[kind];
	bool		mixed = tplus_study_is_mixed(study);
	const TplusVerdict *first =
	&verdicts[study->relevant[TPLUS_OPERATION_QUERY] ? TPLUS_OPERATION_QUERY :
			  TPLUS_OPERATION_PAGE];
	const TplusVerdict *page = &verdicts[TPLUS_OPERATION_PAGE];
	const char *evidence = first->evidence;
	TplusVerdict both = *first;
	TplusFact  *fact;

	if (mixed && (!is_same(first->value, page->value) ||
				  !is_same(first->setting, page->setting) ||
				  (page->value && !equal_fields(first->fields, page->fields))))
	{
		settle_apart(study, kind, verdicts);
		return;
	}
	if (mixed && !is_same(first->evidence, page->evidence))
		evidence = psprintf("%s; %s", first->evidence, page->evidence);
	if (mixed)
		both.status = Max(first->status, page->status);
	fact = add_fact(study, kind, &both, evidence);
	if (!mixed && has_other(study))
		fact->name = psprintf("%s of %s", name->name,
							  tplus_study_operation(first - verdicts));
	if (first->setting == NULL)
		return;
	if (first->fields == NIL)
		tplus_study_set(fact, first->setting, NULL);
	add_verdict(fact, name->option, first, first->setting, false);
	if (name->page_option && study->relevant[TPLUS_OPERATION_PAGE])
		add_verdict(fact, name->page_option, first, "same", false);
}

int64
tplus_study_total(const TplusStudy *study)
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

const char *
tplus_study_operation(TplusOperation operation)
{
	return operation == TPLUS_OPERATION_PAGE ? "QueryPage" : "Query";
}

void
tplus_study_question(const TplusStudy *study, TplusOperation operation,
					 int size, TplusQuestion *question)
{
	memset(question, 0, sizeof(*question));
	question->operation = operation;
	question->size = size;
	question->page_index = study->unnumbered ? -1 : study->page_base;
}

int
tplus_study_max_size(const TplusStudy *study)
{
	return study->spec->resource->max_page_size > 0 ?
		study->spec->resource->max_page_size : MAX_SIZE;
}

int
tplus_study_size(const TplusStudy *study, TplusOperation operation)
{
	if (operation == TPLUS_OPERATION_QUERY && study->zero.asked &&
		!study->zero.refused)
		return study->zero.size;
	return study->plain[operation].size;
}

int
tplus_finding_find(const TplusFinding *finding, const char *key)
{
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		if (key && finding->witnesses[i].key &&
			strcmp(finding->witnesses[i].key, key) == 0)
			return i;
	}
	return -1;
}

const char *
tplus_study_text(const TplusWitness *witness, TplusPin pin)
{
	return pin == TPLUS_PIN_CODE ? witness->code : witness->name;
}

const char *
tplus_study_text_param(const TplusStudy *study, TplusPin pin)
{
	const char *param = pin == TPLUS_PIN_CODE ?
	tplus_probe_code(study->probe) : tplus_probe_name(study->probe);

	return param && !tplus_probe_is_fixed(study->probe, param) ? param : NULL;
}

const char *
tplus_study_shown(const char *text)
{
	const char *shown = tplus_convert_foreign(text);

	return shown ? shown : "?";
}

/*
 * Is it nothing that a server could misread?  Of a code only letters, digits
 * and what joins them are sure, of a name what no pattern and no quoting
 * means.  And no secret, for evidence shows it.
 */
static bool
is_plain(const TplusStudy *study, TplusPin pin, const char *text)
{
	size_t		len = strlen(text);
	const char *p;

	for (p = text; *p; p++)
	{
		unsigned char c = *p;

		if (pin == TPLUS_PIN_CODE ? IS_HIGHBIT_SET(c) ||
			(!isalnum(c) && strchr("-./", c) == NULL) :
			iscntrl(c) || strchr("%_[]^\"'\\", c) != NULL)
			return false;
	}
	return len > 2 && text[0] != ' ' && text[len - 1] != ' ' &&
		!tplus_secrets_found(study->spec->account, text);
}

/* How many of the finding have this text, in whatever case? */
static int
count_text(const TplusFinding *finding, TplusPin pin, const char *text)
{
	int			count = 0;
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		const char *other = tplus_study_text(&finding->witnesses[i], pin);

		count += other && pg_strcasecmp(other, text) == 0;
	}
	return count;
}

const TplusWitness *
tplus_study_texted(const TplusStudy *study, TplusOperation operation,
				   TplusPin pin)
{
	const TplusFinding *finding = &study->plain[operation];
	const TplusWitness *best = NULL;
	int			most = 0;
	int			i;

	for (i = 0; i < Min(finding->nwitnesses, MAX_CHOICE); i++)
	{
		const TplusWitness *witness = &finding->witnesses[i];
		const char *text = tplus_study_text(witness, pin);
		int			weight = 1;

		if (witness->key == NULL || text == NULL ||
			!is_plain(study, pin, text))
			continue;
		if (strpbrk(text, "abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
			weight++;
		if (count_text(finding, pin, text) == 1)
			weight += 2;
		if (weight > most)
		{
			most = weight;
			best = witness;
		}
	}
	return best;
}

void
tplus_study_ask_text(TplusStudy *study, TplusOperation operation,
					 TplusPin pin, const char *text, TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	question.params =
		list_make1(tplus_encode_text(tplus_study_text_param(study, pin), text));
	tplus_probe_ask(study->probe, &question, finding);
}

List *
tplus_study_pin(const TplusStudy *study, TplusOperation operation,
				const TplusWitness *witness)
{
	const char *key = study->spec->key;
	const char *text;

	switch (study->pin[operation])
	{
		case TPLUS_PIN_CODE:
		case TPLUS_PIN_NAME:
			text = tplus_study_text(witness, study->pin[operation]);
			if (text && is_plain(study, study->pin[operation], text))
				return list_make1(tplus_encode_text(tplus_study_text_param(study,
																		   study->pin[operation]),
													text));
			break;
		case TPLUS_PIN_KEY:
			if (witness->id)
				return list_make1(tplus_encode_text(key, witness->id));
			break;
		case TPLUS_PIN_NUMBER:
			if (witness->id)
				return list_make1(tplus_encode_param(key, witness->id));
			break;
		case TPLUS_PIN_NONE:
			break;
	}
	return NIL;
}

void
tplus_study_ask_pinned(TplusStudy *study, TplusOperation operation,
					   const TplusWitness *witness, List *params,
					   TplusFinding *finding)
{
	TplusQuestion question;

	tplus_study_question(study, operation, study->plain[operation].size,
						 &question);
	question.params = list_concat_copy(tplus_study_pin(study, operation, witness),
									   params);
	tplus_probe_ask(study->probe, &question, finding);
}

bool
tplus_study_is_there(TplusStudy *study, TplusOperation operation,
					 const TplusWitness *witness)
{
	TplusFinding finding;
	int			i;

	tplus_study_ask_pinned(study, operation, witness, NIL, &finding);
	i = tplus_finding_find(&finding, witness->key);
	return i >= 0 && finding.witnesses[i].version == witness->version;
}
