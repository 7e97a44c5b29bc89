/*-------------------------------------------------------------------------
 *
 * http_intake.c
 *		What has come of a body: compressed, inflated, in a file.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_intake.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "net/http_intake.h"

/*
 * Unread bytes at which no more are taken, and below which more are.  A page
 * of 500 full records is 440 KB: one page fits, so that the server is rid of
 * it while its records are still being decoded.
 */
#define HIGH_WATER			(1024 * 1024)
#define LOW_WATER			(256 * 1024)

/* How much is inflated at a time. */
#define PIECE_BYTES			16384

void
tplus_http_intake_header(TplusHttpIntake *intake, const char *line,
						 size_t len)
{
	static const char name[] = "Content-Encoding:";
	size_t		used = strlen(intake->encodings);

	/* Before, it was the answer of a proxy, or an interim one. */
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
		intake->encodings[0] = '\0';
	if (len < strlen(name) || pg_strncasecmp(line, name, strlen(name)) != 0)
		return;
	line += strlen(name);
	len -= strlen(name);
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;

	/* One that holds more than fits means no compression. */
	if (used + len + 2 > sizeof(intake->encodings))
		return;
	if (used > 0)
		intake->encodings[used++] = ',';
	memcpy(intake->encodings + used, line, len);
	intake->encodings[used + len] = '\0';
}

static TplusHttpFailure
fail(TplusHttpIntake *intake, TplusHttpFailure failure, const char *problem)
{
	intake->problem = problem;
	intake->pending = false;
	return failure;
}

static TplusHttpFailure
add_ready(TplusHttpIntake *intake, const char *bytes, size_t len)
{
	if (len > intake->max_bytes - intake->bytes)
		return fail(intake, TPLUS_HTTP_TOO_LARGE,
					"the response is longer than allowed");
	if (!tplus_http_buffer_append(&intake->ready, bytes, len))
		return fail(intake, TPLUS_HTTP_LOCAL, "out of memory");
	intake->bytes += len;
	return TPLUS_HTTP_OK;
}

/* The first bytes have come: how they are compressed is known. */
static TplusHttpFailure
begin(TplusHttpIntake *intake)
{
	const char *problem;

	intake->begun = true;
	if (!tplus_http_decode_wanted(intake->encodings, &problem))
		return TPLUS_HTTP_OK;
	if (problem != NULL)
		return fail(intake, TPLUS_HTTP_UNASKED, problem);
	intake->decode = tplus_http_decode_create(intake->encodings,
											  intake->max_bytes);
	return intake->decode ? TPLUS_HTTP_OK :
		fail(intake, TPLUS_HTTP_LOCAL, "out of memory");
}

TplusHttpFailure
tplus_http_intake_inflate(TplusHttpIntake *intake)
{
	char		piece[PIECE_BYTES];
	TplusHttpFailure failure = TPLUS_HTTP_OK;
	TplusHttpDecodeStatus status;
	size_t		len;

	while (intake->pending && failure == TPLUS_HTTP_OK &&
		   !tplus_http_intake_is_full(intake))
	{
		status = tplus_http_decode_pull(intake->decode, piece, sizeof(piece),
										&len);
		failure = add_ready(intake, piece, len);
		if (failure != TPLUS_HTTP_OK || status == TPLUS_HTTP_DECODE_FULL)
			continue;
		intake->pending = false;
		if (status == TPLUS_HTTP_DECODE_DAMAGED)
			failure = fail(intake, TPLUS_HTTP_ENCODING,
						   tplus_http_decode_problem(intake->decode));
		else if (status == TPLUS_HTTP_DECODE_TOO_LARGE)
			failure = fail(intake, TPLUS_HTTP_TOO_LARGE,
						   "the response is longer than allowed");
		else if (status == TPLUS_HTTP_DECODE_NO_MEMORY)
			failure = fail(intake, TPLUS_HTTP_LOCAL, "out of memory");
	}
	explicit_bzero(piece, sizeof(piece));
	return failure;
}

TplusHttpFailure
tplus_http_intake_put(TplusHttpIntake *intake, const char *bytes, size_t len)
{
	if (!intake->begun)
	{
		TplusHttpFailure failure = begin(intake);

		if (failure != TPLUS_HTTP_OK)
			return failure;
	}
	if (intake->decode == NULL)
		return add_ready(intake, bytes, len);
	if (!tplus_http_decode_feed(intake->decode, bytes, len))
		return fail(intake, TPLUS_HTTP_LOCAL, "out of memory");
	intake->pending = true;
	return tplus_http_intake_inflate(intake);
}

bool
tplus_http_intake_is_full(const TplusHttpIntake *intake)
{
	return tplus_http_buffer_unread(&intake->ready) >= HIGH_WATER;
}

bool
tplus_http_intake_is_low(const TplusHttpIntake *intake)
{
	return tplus_http_buffer_unread(&intake->ready) <= LOW_WATER;
}

bool
tplus_http_intake_is_cut_off(const TplusHttpIntake *intake)
{
	return intake->decode != NULL &&
		!tplus_http_decode_is_whole(intake->decode);
}

const char *
tplus_http_intake_bytes(TplusHttpIntake *intake, size_t *len)
{
	if (tplus_http_spool_unread(&intake->spool) > 0)
		return tplus_http_spool_bytes(&intake->spool, len);
	*len = tplus_http_buffer_unread(&intake->ready);
	return tplus_http_buffer_bytes(&intake->ready);
}

void
tplus_http_intake_consume(TplusHttpIntake *intake, size_t len)
{
	if (tplus_http_spool_unread(&intake->spool) > 0)
		tplus_http_spool_consume(&intake->spool, len);
	else
		tplus_http_buffer_consume(&intake->ready, len);
}

void
tplus_http_intake_spool(TplusHttpIntake *intake)
{
	size_t		len = tplus_http_buffer_unread(&intake->ready);

	tplus_http_spool_put(&intake->spool,
						 tplus_http_buffer_bytes(&intake->ready), len);
	tplus_http_buffer_consume(&intake->ready, len);
}

void
tplus_http_intake_free(TplusHttpIntake *intake)
{
	tplus_http_decode_free(intake->decode);
	intake->decode = NULL;
	tplus_http_spool_free(&intake->spool);
	tplus_http_buffer_free(&intake->ready);
}
