/*-------------------------------------------------------------------------
 *
 * http_spool.c
 *		Bytes of a body that wait in a temporary file.
 *
 * The file belongs to the transfer, not to a resource owner: a transfer may be
 * drained on behalf of another query, and is freed with its context in any
 * case.  temp_file_limit holds for it as for any other.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_spool.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/wait_event.h"

#include "net/http_spool.h"

#define FRONT_BYTES		(64 * 1024)

size_t
tplus_http_spool_unread(const TplusHttpSpool *spool)
{
	return (size_t) (spool->written - spool->read) +
		tplus_http_buffer_unread(&spool->front);
}

void
tplus_http_spool_put(TplusHttpSpool *spool, const char *bytes, size_t len)
{
	off_t		end = spool->written;

	if (!spool->open)
	{
		spool->file = OpenTemporaryFile(true);
		spool->open = true;
	}
	while (len > 0)
	{
		int			piece = (int) Min(len, FRONT_BYTES);
		int			done;

		errno = 0;
		done = FileWrite(spool->file, unconstify(char *, bytes), piece,
						 end, WAIT_EVENT_BUFFILE_WRITE);
		if (done <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to file \"%s\": %m",
							FilePathName(spool->file))));
		}
		end += done;
		bytes += done;
		len -= done;
	}
	spool->written = end;
}

const char *
tplus_http_spool_bytes(TplusHttpSpool *spool, size_t *len)
{
	char		piece[8192];

	while (tplus_http_buffer_unread(&spool->front) < FRONT_BYTES &&
		   spool->read < spool->written)
	{
		int			done = FileRead(spool->file, piece, sizeof(piece),
									spool->read, WAIT_EVENT_BUFFILE_READ);

		if (done <= 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m",
							FilePathName(spool->file))));
		if (!tplus_http_buffer_append(&spool->front, piece, done))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		spool->read += done;
	}
	*len = tplus_http_buffer_unread(&spool->front);
	return tplus_http_buffer_bytes(&spool->front);
}

void
tplus_http_spool_consume(TplusHttpSpool *spool, size_t len)
{
	tplus_http_buffer_consume(&spool->front, len);
}

void
tplus_http_spool_free(TplusHttpSpool *spool)
{
	if (spool->open)
		FileClose(spool->file);
	tplus_http_buffer_free(&spool->front);
	memset(spool, 0, sizeof(*spool));
}
