/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		The requests of this month and the last, in a file of the cluster.
 *
 * Locking: whoever reads or writes the file locks all of it, as POSIX has it,
 * while it is open, for some microseconds.  Such a lock is gone with its
 * process, however that ends, and needs no room in shared memory.  What is
 * written is one count after the other, in place, that of the payer first.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/ledger.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/timestamp.h"

#include "base/ledger.h"

/* Beside what PostgreSQL and pg_stat_statements keep there. */
#define LEDGER_FILE		"pg_stat/tplus_fdw.requests"

/* What the file begins with; another layout gets another number. */
#define LEDGER_MAGIC	UINT64CONST(0x7470726571000001)

/* Some 50 bytes each, read with each request. */
#define NCOUNTS			1024

typedef struct Ledger
{
	uint64		magic;
	TplusMonthCount counts[NCOUNTS];
} Ledger;

/* Too large for the stack; where nothing may throw, nothing is allocated. */
static Ledger scratch;

/* Waits for the lock; false with errno set if there is none. */
static bool
lock_file(int fd, short type)
{
	struct flock lock = {.l_type = type,.l_whence = SEEK_SET};

	while (fcntl(fd, F_SETLKW, &lock) < 0)
	{
		if (errno != EINTR)
			return false;
	}
	return true;
}

/* All bytes or none; errno is set where the disk does not say why. */
static bool
write_at(int fd, const void *bytes, size_t size, off_t offset)
{
	ssize_t		n;

	errno = 0;
	n = pg_pwrite(fd, bytes, size, offset);
	if (n != (ssize_t) size && errno == 0)
		errno = ENOSPC;
	return n == (ssize_t) size;
}

/*
 * Reads the ledger.  A file that is new, or was cut off while it was made, is
 * empty.  One that is not ours is an error.
 */
static bool
load(int fd, Ledger *ledger)
{
	ssize_t		n = pg_pread(fd, ledger, sizeof(Ledger), 0);

	if (n < 0)
		return false;
	if (n > 0 && (n < (ssize_t) sizeof(uint64) || ledger->magic != LEDGER_MAGIC))
	{
		errno = EINVAL;
		return false;
	}
	if (n < (ssize_t) sizeof(Ledger))
		memset(ledger, 0, sizeof(Ledger));
	ledger->magic = LEDGER_MAGIC;
	return true;
}

/* The file, locked; -1 with errno set if that cannot be. */
static int
open_file(int flags, short lock)
{
	int			fd = BasicOpenFile(LEDGER_FILE, flags | PG_BINARY);
	int			save;

	if (fd < 0 || lock_file(fd, lock))
		return fd;
	save = errno;
	close(fd);
	errno = save;
	return -1;
}

/* Writes a count where it stands, or the whole of a file that is new. */
static bool
store(int fd, const Ledger *ledger, const TplusMonthCount *count)
{
	if (lseek(fd, 0, SEEK_END) < (off_t) sizeof(Ledger))
		return write_at(fd, ledger, sizeof(Ledger), 0);
	return write_at(fd, count, sizeof(*count),
					(const char *) count - (const char *) ledger);
}

/* tplus_ledger_add() with the file open and locked. */
static TplusLedgerStatus
add_to_file(int fd, const TplusMonthKey *key, int64 n, int64 limit,
			int64 *requests)
{
	int32		month = tplus_month_of(GetCurrentTimestamp());
	TplusMonthKey payer = {.payer = key->payer};
	TplusMonthCount *count;

	if (!load(fd, &scratch))
		return TPLUS_LEDGER_FAILED;
	count = tplus_month_find(scratch.counts, NCOUNTS, &payer, month);
	if (count == NULL)
	{
		errno = ENOSPC;
		return TPLUS_LEDGER_FAILED;
	}
	*requests = count->requests;
	if (limit >= 0 && n > limit - count->requests)
		return TPLUS_LEDGER_REFUSED;
	*requests = count->requests += n;
	if (!store(fd, &scratch, count))
		return TPLUS_LEDGER_FAILED;

	/* Of no account: which table it was for. */
	count = tplus_month_find(scratch.counts, NCOUNTS, key, month);
	if (count)
	{
		count->requests += n;
		(void) store(fd, &scratch, count);
	}
	return TPLUS_LEDGER_COUNTED;
}

TplusLedgerStatus
tplus_ledger_add(const TplusMonthKey *key, int64 n, int64 limit,
				 int64 *requests)
{
	TplusLedgerStatus status;
	int			fd = open_file(O_RDWR | O_CREAT, F_WRLCK);
	int			save;

	if (fd < 0)
		return TPLUS_LEDGER_FAILED;
	status = add_to_file(fd, key, n, limit, requests);
	save = errno;
	if (status == TPLUS_LEDGER_COUNTED &&
		(*requests - n) / TPLUS_LEDGER_UNSAVED !=
		*requests / TPLUS_LEDGER_UNSAVED)
	{
		(void) lock_file(fd, F_UNLCK);
		(void) pg_fsync(fd);
	}
	close(fd);
	errno = save;
	return status;
}

/* Reads all; a file that nobody has made yet has nothing. */
static bool
read_file(Ledger *ledger)
{
	int			fd = open_file(O_RDONLY, F_RDLCK);
	bool		good;
	int			save;

	if (fd < 0 && errno != ENOENT)
		return false;
	if (fd < 0)
	{
		memset(ledger, 0, sizeof(Ledger));
		return true;
	}
	good = load(fd, ledger);
	save = errno;
	close(fd);
	errno = save;
	return good;
}

bool
tplus_ledger_requests(uint64 payer, int64 *requests)
{
	TplusMonthKey key = {.payer = payer};
	TplusMonthCount *count;

	if (!read_file(&scratch))
		return false;
	count = tplus_month_find(scratch.counts, NCOUNTS, &key,
							 tplus_month_of(GetCurrentTimestamp()));
	*requests = count ? count->requests : 0;
	return true;
}

int
tplus_ledger_read(TplusMonthCount **counts)
{
	int32		month = tplus_month_of(GetCurrentTimestamp());
	Ledger	   *ledger = palloc(sizeof(Ledger));
	int			n = 0;
	int			i;

	if (!read_file(ledger))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not read file \"%s\": %m", LEDGER_FILE)));
	for (i = 0; i < NCOUNTS; i++)
	{
		if (ledger->counts[i].key.payer == 0)
			continue;
		ledger->counts[n] = ledger->counts[i];
		tplus_month_turn(&ledger->counts[n++], month);
	}
	*counts = ledger->counts;
	return n;
}

const char *
tplus_ledger_file(void)
{
	return LEDGER_FILE;
}
