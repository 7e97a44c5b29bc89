/*-------------------------------------------------------------------------
 *
 * json_names.h
 *		The keys that the records of an arena have, numbered.
 *
 * A server sends the same keys in the same order, record after record.  Which
 * key follows which is remembered, so that a key is usually recognized by one
 * comparison with what is expected.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/json_names.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_JSON_NAMES_H
#define TPLUS_JSON_NAMES_H

#include "postgres.h"

/* Keys beyond this number, or longer, get none. */
#define TPLUS_JSON_MAX_NAMES	1000
#define TPLUS_JSON_MAX_NAME_LEN 200

typedef struct TplusJsonName
{
	char	   *quoted;			/* "Code": as it stands in texts */
	uint32		quoted_len;
	uint32		hash;
	const char *key;			/* NUL-terminated */
	uint16		follower;		/* number of the key that came after it */

	/* The member that the record parsed last has of it, if it has its stamp. */
	uint64		stamp;
	struct TplusJson *member;
} TplusJsonName;

typedef struct TplusJsonNames
{
	uint64		id;				/* tells them from those of any other arena */
	int			count;
	int			size;			/* room for so many names, a power of 2 */
	TplusJsonName *names;		/* from index 1; at 0, what comes first */
	uint16	   *buckets;		/* 2 * size; 0: empty */

	const struct TplusJson *record; /* parsed last */
	uint64		stamp;			/* of that, from 1 */
	bool		regular;		/* each member has a number, and none twice */
} TplusJsonNames;

/*
 * The number of a key, given one if it is new.  0 if it cannot have one.
 * Memory comes from context.  Throws 53200.
 */
extern int	tplus_json_names_find(TplusJsonNames *names, MemoryContext context,
								  const char *key, size_t len);

/* The number that a key has; 0: none. */
extern int	tplus_json_names_number(const TplusJsonNames *names,
									const char *key);

/* The member of a regular record by the number of its key, NULL for 0. */
static inline struct TplusJson *
tplus_json_names_member(const TplusJsonNames *names, int number)
{
	const TplusJsonName *name = &names->names[number];

	return name->stamp == names->stamp ? name->member : NULL;
}

#endif							/* TPLUS_JSON_NAMES_H */
