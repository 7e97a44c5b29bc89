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

#include "tplus/secrets.h"
#include "tplus/study.h"

/* The largest page of an operation that the catalog does not have. */
#define MAX_SIZE	1000

const TplusFactName tplus_fact_names[TPLUS_NFACTS] = {
	[TPLUS_FACT_SHAPE] = {"reply of Query", NULL},
	[TPLUS_FACT_PAGE_SHAPE] = {"reply of QueryPage", NULL},
	[TPLUS_FACT_EMPTY] = {"reply without rows", "empty_reply"},
	[TPLUS_FACT_BOOL_REPLY] = {"booleans in replies", NULL},
	[TPLUS_FACT_MISSING] = {"missing fields", NULL},
	[TPLUS_FACT_TOTAL] = {"TotalCount", NULL},
	[TPLUS_FACT_VERSIONS] = {"row versions page", NULL},
	[TPLUS_FACT_NUMBERS] = {"page numbers", "page_base"},
	[TPLUS_FACT_PAGING] = {"paging", "paging"},
	[TPLUS_FACT_PAGE_SIZE] = {"largest page", "page_size"},
	[TPLUS_FACT_BOOL_FILTER] = {"boolean filter", "filter_encoding"},
	[TPLUS_FACT_HIDDEN] = {"disabled records", "variants"},
	[TPLUS_FACT_EQUALITY] = {"text filter", NULL},
	[TPLUS_FACT_CASE] = {"case in text", NULL},
	[TPLUS_FACT_LIKE] = {"patterns in text", NULL},
	[TPLUS_FACT_DATE] = {"date filter", "filter_op"},
	[TPLUS_FACT_VALUES] = {"filters", "filter_op"},
	[TPLUS_FACT_ID] = {"id filter", "filter_encoding"},
};

TplusFact *
tplus_study_decide(TplusStudy *study, TplusFactKind kind, const char *value,
				   const char *evidence)
{
	TplusFact  *fact = palloc0(sizeof(TplusFact));

	fact->kind = kind;
	fact->value = value;
	fact->evidence = evidence;
	fact->requests = tplus_probe_requests(study->probe) - study->counted;
	study->counted += fact->requests;
	study->facts = lappend(study->facts, fact);
	return fact;
}

void
tplus_study_leave(TplusStudy *study, TplusFactKind kind, const char *why)
{
	(void) tplus_study_decide(study, kind, NULL,
							  psprintf("could not be decided: %s", why));
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
	question->page_index = study->page_base;
}

TplusOperation
tplus_study_first(const TplusStudy *study)
{
	return study->relevant[TPLUS_OPERATION_QUERY] ? TPLUS_OPERATION_QUERY :
		TPLUS_OPERATION_PAGE;
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

bool
tplus_study_is_plain(const TplusStudy *study, const char *code)
{
	const char *p;

	for (p = code; *p; p++)
	{
		if (IS_HIGHBIT_SET(*p) ||
			(!isalnum((unsigned char) *p) && strchr("-./", *p) == NULL))
			return false;
	}
	return p - code > 2 && !tplus_secrets_found(study->spec->account, code);
}

const TplusWitness *
tplus_study_coded(const TplusStudy *study)
{
	const TplusFinding *finding = &study->plain[tplus_study_first(study)];
	const TplusWitness *found = NULL;
	int			i;

	for (i = 0; i < finding->nwitnesses; i++)
	{
		const TplusWitness *witness = &finding->witnesses[i];

		if (witness->key == NULL || witness->code == NULL ||
			!tplus_study_is_plain(study, witness->code))
			continue;
		if (strpbrk(witness->code, "abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
			return witness;
		if (found == NULL)
			found = witness;
	}
	return found;
}
