/*-------------------------------------------------------------------------
 *
 * study.h
 *		What a calibration has found out so far.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/study.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_STUDY_H
#define TPLUS_STUDY_H

#include "postgres.h"

#include "tplus/probe.h"

typedef enum TplusFactKind
{
	TPLUS_FACT_SHAPE,
	TPLUS_FACT_PAGE_SHAPE,
	TPLUS_FACT_EMPTY,
	TPLUS_FACT_BOOL_REPLY,
	TPLUS_FACT_MISSING,
	TPLUS_FACT_TOTAL,
	TPLUS_FACT_VERSIONS,
	TPLUS_FACT_NUMBERS,
	TPLUS_FACT_PAGING,
	TPLUS_FACT_PAGE_SIZE,
	TPLUS_FACT_BOOL_FILTER,
	TPLUS_FACT_HIDDEN,
	TPLUS_FACT_EQUALITY,
	TPLUS_FACT_CASE,
	TPLUS_FACT_LIKE,
	TPLUS_FACT_DATE,
	TPLUS_FACT_VALUES,
	TPLUS_FACT_ID
} TplusFactKind;

#define TPLUS_NFACTS	(TPLUS_FACT_ID + 1)

typedef struct TplusFactName
{
	const char *name;			/* as users see it */
	const char *option;			/* that it decides; NULL: evidence only */
} TplusFactName;

extern const TplusFactName tplus_fact_names[TPLUS_NFACTS];

typedef struct TplusFact
{
	TplusFactKind kind;
	const char *value;			/* NULL: it could not be decided */
	const char *evidence;
	int			requests;
	const char *setting;		/* of the option; NULL: leave it alone */
	List	   *fields;			/* of const char *: whose columns have the
								 * option; NIL: the table has it */
} TplusFact;

typedef struct TplusStudy
{
	const TplusCalibrateSpec *spec;
	TplusProbe *probe;
	List	   *facts;			/* of TplusFact */
	int			counted;		/* requests that facts account for */

	bool		has_pages;		/* the second operation exists and answers */
	int			page_base;
	TplusFinding plain[TPLUS_NOPERATIONS];	/* asked for nothing special */
	TplusFinding zero;			/* row versions above zero */
	bool		versions_page;	/* row versions are proven to page */
	bool		zero_is_whole;	/* which brought all that is visible */
	bool		refused_large;	/* a page as large was refused */

	/* By what the table will be read: only these must be understood. */
	bool		relevant[TPLUS_NOPERATIONS];
	bool		code_works;		/* the unique text finds its record alone */
	TplusEncoding encoding;		/* of the flag; AUTO: not proven */
	TplusFinding disabled;		/* records with the flag, as it proved */
} TplusStudy;

/* Adds a fact, with the requests since the last one. */
extern TplusFact *tplus_study_decide(TplusStudy *study, TplusFactKind kind,
									 const char *value, const char *evidence);

/* Adds one that could not be decided: why is a phrase. */
extern void tplus_study_leave(TplusStudy *study, TplusFactKind kind,
							  const char *why);

/* An operation's name for evidence. */
extern const char *tplus_study_operation(TplusOperation operation);

/* A question about an operation, of its first page. */
extern void tplus_study_question(const TplusStudy *study,
								 TplusOperation operation, int size,
								 TplusQuestion *question);

/* The largest page that is worth trying. */
extern int	tplus_study_max_size(const TplusStudy *study);

/* A size that the operation was seen to answer. */
extern int	tplus_study_size(const TplusStudy *study,
							 TplusOperation operation);

/* The index of the record with this key; -1: it is not there. */
extern int	tplus_finding_find(const TplusFinding *finding, const char *key);

/*
 * Letters, digits and what joins them: nothing that a server could misread?
 * And no secret, for evidence shows it.
 */
extern bool tplus_study_is_plain(const TplusStudy *study, const char *code);

/* The first operation that a read will ask. */
extern TplusOperation tplus_study_first(const TplusStudy *study);

/*
 * A record to ask for by its code: one that the server cannot take for a
 * pattern, and with letters if there is such; NULL if there is none.
 */
extern const TplusWitness *tplus_study_coded(const TplusStudy *study);

#endif							/* TPLUS_STUDY_H */
