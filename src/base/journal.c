/*-------------------------------------------------------------------------
 *
 * journal.c
 *		The last requests of the cluster, in a ring in shared memory.
 *
 * Locking: whoever writes holds the lock of the area and keeps the change
 * count of the place.  Readers take no lock (see base/shmem.h).
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/journal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/journal.h"
#include "base/shmem.h"

/* Some 600 bytes each; see stats.c about the room. */
#ifdef TPLUS_HAVE_DSM_REGISTRY
#define NPLACES			1000
#else
#define NPLACES			50
#endif

typedef struct Place
{
	uint32		changecount;	/* odd while it is written */
	TplusJournalEntry entry;	/* empty if number is 0 */
} Place;

typedef struct SharedJournal
{
	uint64		last_number;	/* under the lock */
	Place		places[NPLACES];
} SharedJournal;

static SharedJournal *shared = NULL;
static LWLock *shared_lock = NULL;	/* NULL: shared is our own */

void
tplus_journal_attach(void)
{
	if (shared == NULL)
		shared = tplus_shmem_or_own("journal", sizeof(SharedJournal),
									&shared_lock);
}

void
tplus_journal_add(const TplusJournalEntry *entry)
{
	Place	   *place;

	tplus_journal_attach();
	tplus_shmem_lock(shared_lock);
	place = &shared->places[shared->last_number++ % NPLACES];
	tplus_shmem_begin_change(&place->changecount);
	place->entry = *entry;
	place->entry.number = shared->last_number;
	tplus_shmem_end_change(&place->changecount);
	tplus_shmem_unlock(shared_lock);
}

bool
tplus_journal_next(int *position, TplusJournalEntry *entry)
{
	tplus_journal_attach();
	while (*position < NPLACES)
	{
		const Place *place = &shared->places[(*position)++];

		tplus_shmem_read(&place->changecount, entry, &place->entry,
						 sizeof(*entry));
		if (entry->number != 0)
			return true;
	}
	return false;
}

int
tplus_journal_room(bool *is_shared)
{
	tplus_journal_attach();
	*is_shared = shared_lock != NULL;
	return NPLACES;
}
