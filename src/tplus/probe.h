/*-------------------------------------------------------------------------
 *
 * probe.h
 *		A question to the server, and the records of its answer as witnesses.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/probe.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PROBE_H
#define TPLUS_PROBE_H

#include "postgres.h"

#include "tplus/condition.h"
#include "tplus/query.h"

/* Questions that one calibration may ask, unless it is told another number. */
#define TPLUS_PROBE_REQUESTS	40

/* What is calibrated; there need not be a foreign table yet. */
typedef struct TplusCalibrateSpec
{
	const TplusAccount *account;
	const TplusTableOptions *table;
	const TplusResource *resource;
	const char *what;			/* for messages: foreign table "item" */
	int			max_requests;	/* questions to ask at most */
	const char *key;			/* field that identifies a record */
	const char *date;			/* field of the day of filing, or NULL */
	const char *date_param;		/* the parameter that filters by it */
	List	   *fields;			/* of const char *: those of the columns */
	List	   *filters;		/* of TplusFilter: theirs, by value */
} TplusCalibrateSpec;

/* What a record tells; strings are NULL where it has none. */
typedef struct TplusWitness
{
	const char *key;			/* the id, the code or the version: what tells
								 * it from others */
	const char *id;				/* of the key field */
	const char *code;			/* of the unique field that is a text */
	const char *name;			/* of another text that T+ filters by */
	const char **values;		/* of the fields of the filters; NULL if the
								 * question was not for all fields */
	uint64		version;		/* 0: none */
	bool		disabled_known;
	bool		disabled;
	bool		has_day;
	bool		has_time;		/* a time of day other than midnight */
	int32		day;			/* a DateADT */
} TplusWitness;

typedef struct TplusFinding
{
	bool		asked;			/* false: no request was left */
	bool		refused;		/* T+ does not answer this question */
	int			size;			/* records asked for */
	int64		total;			/* TotalCount, -1: not told */
	int			rows;			/* records received */
	int			nwitnesses;		/* of them kept, the first ones */
	TplusWitness *witnesses;
	const char *shape;			/* where the rows stood in the reply */
	const char *flag;			/* how the first record spells the flag */
} TplusFinding;

typedef struct TplusProbe TplusProbe;

/* One question.  Zero and NULL mean: not sent. */
typedef struct TplusQuestion
{
	TplusOperation operation;
	int			size;			/* of the page */
	int			page_index;		/* sent by TPLUS_OPERATION_PAGE */
	const char *cursor;
	const char *day;
	List	   *params;			/* of TplusParam: more of them */
	bool		has_flag;
	bool		flag;
	TplusEncoding encoding;
	bool		all_fields;		/* of the columns, not only those of witnesses */
	bool		loud;			/* a refusal is an error */
} TplusQuestion;

/* Palloc'd in the current context, with what the answers hold. */
extern TplusProbe *tplus_probe_create(const TplusCalibrateSpec *spec);

/* Asks; throws as any call does, a refusal is an answer. */
extern void tplus_probe_ask(TplusProbe *probe, const TplusQuestion *question,
							TplusFinding *finding);

/* The same where a refusal decides: it must come twice. */
extern void tplus_probe_ask_surely(TplusProbe *probe,
								   const TplusQuestion *question,
								   TplusFinding *finding);

/* Questions asked so far, and whether another one may be. */
extern int	tplus_probe_requests(const TplusProbe *probe);
extern bool tplus_probe_has_room(const TplusProbe *probe);

/*
 * Of the answers of the operation without page numbers: records of the one with
 * most, bytes of the longest one, and of the longest record.
 */
extern const TplusTally *tplus_probe_holds(const TplusProbe *probe);

/* The fields a witness shows; NULL: there is none. */
extern const char *tplus_probe_version(const TplusProbe *probe);
extern const char *tplus_probe_flag(const TplusProbe *probe);
extern const char *tplus_probe_code(const TplusProbe *probe);

/* The parameter that filters by the name of a witness; NULL: there is none. */
extern const char *tplus_probe_name(const TplusProbe *probe);

/* Is this parameter one that the table sends anyway? */
extern bool tplus_probe_is_fixed(const TplusProbe *probe, const char *param);

/*
 * The fields of the columns that no answer to a question for all of them had;
 * a List of const char *.
 */
extern List *tplus_probe_missing(const TplusProbe *probe);

#endif							/* TPLUS_PROBE_H */
