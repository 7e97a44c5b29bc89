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

/* In the order in which they are shown. */
typedef enum TplusFactKind
{
	TPLUS_FACT_SHAPE,
	TPLUS_FACT_PAGE_SHAPE,
	TPLUS_FACT_EMPTY,
	TPLUS_FACT_BOOL_REPLY,
	TPLUS_FACT_MISSING,
	TPLUS_FACT_TOTAL,
	TPLUS_FACT_COMPARE,
	TPLUS_FACT_VERSIONS,
	TPLUS_FACT_NUMBERS,
	TPLUS_FACT_PAGING,
	TPLUS_FACT_PAGE_SIZE,
	TPLUS_FACT_PAGE_ROWS,
	TPLUS_FACT_PAGE_BYTES,
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
	const char *page_option;	/* the same for the operation with page
								 * numbers; NULL: there is none of its own */
} TplusFactName;

extern const TplusFactName tplus_fact_names[TPLUS_NFACTS];

/* A code, a name and an id that no record has. */
#define TPLUS_NO_TEXT	"no-such-code-of-tplus-fdw"
#define TPLUS_NO_ID		"987654321"

/* A row version that no record has. */
#define TPLUS_NO_VERSION	UINT64CONST(0x7fffffffffffffff)

/* Records that are enough to tell an order from chance. */
#define TPLUS_MIN_ORDERED	8

/* What became of a fact; of two operations the later one counts. */
typedef enum TplusStatus
{
	TPLUS_STATUS_DECIDED,
	TPLUS_STATUS_REFUSED,		/* T+ does not answer such questions */
	TPLUS_STATUS_UNDECIDABLE,	/* these records cannot tell */
	TPLUS_STATUS_OPEN,			/* asked, and the answers leave it open */
	TPLUS_STATUS_UNASKED		/* no request was left */
} TplusStatus;

extern const char *const tplus_status_names[];

/* An option that a fact decides. */
typedef struct TplusSetting
{
	const char *option;
	const char *value;
	const char *field;			/* whose columns have it; NULL: the table */
	bool		limits;			/* of page_option: it keeps to the other
								 * operation what is proven only there */
} TplusSetting;

typedef struct TplusFact
{
	TplusFactKind kind;
	const char *name;			/* with the operation, where it is of one */
	TplusStatus status;
	const char *value;			/* NULL: it could not be decided */
	const char *evidence;
	int			requests;
	int			number;			/* in the order of asking */
	List	   *settings;		/* of TplusSetting */
} TplusFact;

/* What was found out at one operation. */
typedef struct TplusVerdict
{
	TplusStatus status;
	const char *value;			/* where it is decided */
	const char *setting;		/* of the option; NULL: it has no name there */
	const char *evidence;		/* a phrase */
	List	   *fields;			/* of const char *: with that setting; NIL:
								 * the table */
} TplusVerdict;

/* How one record can be asked for. */
typedef enum TplusPin
{
	TPLUS_PIN_NONE,
	TPLUS_PIN_CODE,				/* by its unique text */
	TPLUS_PIN_NAME,				/* by another text */
	TPLUS_PIN_KEY,				/* by its key, as a text */
	TPLUS_PIN_NUMBER			/* by its key, as a number */
} TplusPin;

typedef struct TplusStudy
{
	const TplusCalibrateSpec *spec;
	TplusProbe *probe;
	List	   *facts;			/* of TplusFact */
	int			counted;		/* requests that facts account for */

	bool		all_fields;		/* the first answers a question for all */
	bool		has_pages;		/* the second operation exists and answers */
	bool		unnumbered;		/* it answers without page numbers only */
	int			page_base;
	bool		base_open;		/* which may not be that of the numbers */
	TplusFinding plain[TPLUS_NOPERATIONS];	/* asked for nothing special */
	TplusFinding zero;			/* row versions above zero */
	TplusFinding small;			/* a small page by number */
	TplusFinding single;		/* one record by its code, from the operation
								 * that counts */
	const char *single_key;		/* which one that is */
	bool		versions_page;	/* row versions are proven to page */
	bool		zero_is_whole;	/* which brought all that is visible */
	bool		refused_large;	/* a page as large was refused */
	int64		numbered_rows;	/* on the first two pages by number */

	bool		relevant[TPLUS_NOPERATIONS];	/* what it does is measured */
	bool		reads[TPLUS_NOPERATIONS];	/* the table will be read by it */
	TplusPin	pin[TPLUS_NOPERATIONS];
	TplusPin	text[TPLUS_NOPERATIONS];	/* the text whose filter is proven
											 * to work; NONE: neither */
	TplusEncoding encoding[TPLUS_NOPERATIONS];	/* of the flag; AUTO: not
												 * proven */
	TplusFinding disabled[TPLUS_NOPERATIONS];	/* records with the flag, as
												 * it proved */
} TplusStudy;

/* Adds a fact, with the requests since the last one. */
extern TplusFact *tplus_study_decide(TplusStudy *study, TplusFactKind kind,
									 const char *value, const char *evidence);

/* Adds one that could not be decided: why is a phrase. */
extern void tplus_study_leave(TplusStudy *study, TplusFactKind kind,
							  TplusStatus status, const char *why);

/* The fact decides the option of its kind; field NULL: of the table. */
extern void tplus_study_set(TplusFact *fact, const char *value,
							const char *field);

/* The same for the last decided fact of this kind, if there is one. */
extern void tplus_study_set_last(TplusStudy *study, TplusFactKind kind,
								 const char *value);

/* A verdict that decides, and one that does not. */
extern TplusVerdict tplus_verdict_decided(const char *value,
										  const char *setting,
										  const char *evidence);
extern TplusVerdict tplus_verdict_open(TplusStatus status, const char *why);

/* No request was left. */
extern TplusVerdict tplus_verdict_unasked(void);

/* These records cannot tell; where no request is left, they were not asked. */
extern TplusVerdict tplus_verdict_undecidable(const TplusStudy *study,
											  const char *why);

/* The status of a question without a telling answer. */
extern TplusStatus tplus_finding_status(const TplusFinding *finding);

/*
 * Adds what the operations to be read have shown: one fact where they agree,
 * one of each where they do not, and the options that follow.
 */
extern void tplus_study_settle(TplusStudy *study, TplusFactKind kind,
							   const TplusVerdict *verdicts);

/* Are both operations to be read? */
extern bool tplus_study_is_mixed(const TplusStudy *study);

/* How many records the second operation counts; -1: not told. */
extern int64 tplus_study_total(const TplusStudy *study);

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

/* The record's code or name, as T+ has it, and the parameter; or NULL. */
extern const char *tplus_study_text(const TplusWitness *witness, TplusPin pin);
extern const char *tplus_study_text_param(const TplusStudy *study,
										  TplusPin pin);

/* The same as the database has it, for evidence. */
extern const char *tplus_study_shown(const char *text);

/*
 * A record to ask the operation for by its code or name: one that the server
 * cannot take for a pattern, with letters if there is such, and of a text that
 * no other one has in either case; NULL if there is none.
 */
extern const TplusWitness *tplus_study_texted(const TplusStudy *study,
											  TplusOperation operation,
											  TplusPin pin);

/* Asks the operation for a text. */
extern void tplus_study_ask_text(TplusStudy *study, TplusOperation operation,
								 TplusPin pin, const char *text,
								 TplusFinding *finding);

/*
 * The parameters (a List of TplusParam) that bring this record and no other
 * from the operation; NIL if there are none.
 */
extern List *tplus_study_pin(const TplusStudy *study,
							 TplusOperation operation,
							 const TplusWitness *witness);

/* Asks for the record alone, beside these parameters. */
extern void tplus_study_ask_pinned(TplusStudy *study,
								   TplusOperation operation,
								   const TplusWitness *witness, List *params,
								   TplusFinding *finding);

/*
 * Is the record, asked for by its pin alone, still what it was?  Who asks
 * after a question that it did not answer knows that no edit has hidden it.
 */
extern bool tplus_study_is_there(TplusStudy *study, TplusOperation operation,
								 const TplusWitness *witness);

#endif							/* TPLUS_STUDY_H */
