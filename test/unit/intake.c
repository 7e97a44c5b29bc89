/*-------------------------------------------------------------------------
 *
 * intake.c
 *		Tests of how the bytes of a response are taken in, and how long it may
 *		take.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/intake.c
 *
 *-------------------------------------------------------------------------
 */
#include <strings.h>
#include <zlib.h>

#include "server.h"

#include "net/http_buffer.c"
#include "net/http_decode.c"
#include "net/http_intake.c"
#undef HIGH_WATER
#include "net/http_result.c"

int
pg_strncasecmp(const char *s1, const char *s2, size_t n)
{
	return strncasecmp(s1, s2, n);
}

#if !HAVE_DECL_STRLCPY
size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t		len = strlen(src);

	if (size > 0)
	{
		size_t		n = Min(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}
#endif

/* The file of a spool is not tested here. */
size_t
tplus_http_spool_unread(const TplusHttpSpool *spool)
{
	return 0;
}

const char *
tplus_http_spool_bytes(TplusHttpSpool *spool, size_t *len)
{
	return NULL;
}

void
tplus_http_spool_consume(TplusHttpSpool *spool, size_t len)
{
}

void
tplus_http_spool_put(TplusHttpSpool *spool, const char *bytes, size_t len)
{
}

void
tplus_http_spool_free(TplusHttpSpool *spool)
{
}

static TplusHttpIntake intake;

static void
set_up(size_t max_bytes)
{
	tplus_http_intake_free(&intake);
	memset(&intake, 0, sizeof(intake));
	intake.max_bytes = max_bytes;
}

static void
header(const char *line)
{
	tplus_http_intake_header(&intake, line, strlen(line));
}

static void
test_encodings(void)
{
	set_up(100);
	header("HTTP/1.1 200 OK\r\n");
	header("content-ENCODING: gzip\r\n");
	header("Content-Length: 5\r\n");
	is(intake.encodings, " gzip", "a header in any case");
	header("Content-Encoding: br\r\n");
	is(intake.encodings, " gzip, br", "a second one");
	header("HTTP/1.1 200 OK\r\n");
	is(intake.encodings, "", "those of an interim answer do not count");
	header("Content-Encodings: gzip\r\n");
	header("Content-Encoding");
	header("X-Content-Encoding: gzip\r\n");
	is(intake.encodings, "", "nor does what is called otherwise");
	for (int i = 0; i < 200; i++)
		header("Content-Encoding: identity\r\n");
	ok(strlen(intake.encodings) < sizeof(intake.encodings), "nor more than fit");
}

static void
test_size(void)
{
	set_up(10);
	ok(tplus_http_intake_put(&intake, "0123456789", 10) == TPLUS_HTTP_OK &&
	   intake.bytes == 10, "as long as allowed");
	ok(tplus_http_intake_put(&intake, "", 0) == TPLUS_HTTP_OK, "nothing more");
	ok(tplus_http_intake_put(&intake, "x", 1) == TPLUS_HTTP_TOO_LARGE, "one byte more");
	set_up(10);
	ok(tplus_http_intake_put(&intake, "0123456789x", 11) == TPLUS_HTTP_TOO_LARGE, "in one piece");
	set_up(10);
	ok(tplus_http_intake_put(&intake, "01234", 5) == TPLUS_HTTP_OK &&
	   tplus_http_intake_put(&intake, "56789x", 6) == TPLUS_HTTP_TOO_LARGE, "or two");
	set_up(10);
	(void) tplus_http_intake_put(&intake, "0123456789", 10);
	tplus_http_intake_consume(&intake, 10);
	ok(tplus_http_intake_put(&intake, "x", 1) == TPLUS_HTTP_TOO_LARGE, "also once they have been read");
}

static void
test_water(void)
{
	static char bytes[1024 * 1024];

	set_up(8 * 1024 * 1024);
	(void) tplus_http_intake_put(&intake, bytes, sizeof(bytes) - 1);
	ok(!tplus_http_intake_is_full(&intake), "not full");
	(void) tplus_http_intake_put(&intake, bytes, 1);
	ok(tplus_http_intake_is_full(&intake) && !tplus_http_intake_is_low(&intake), "full");
	tplus_http_intake_consume(&intake, 768 * 1024 - 1);
	ok(!tplus_http_intake_is_low(&intake), "not low");
	tplus_http_intake_consume(&intake, 1);
	ok(tplus_http_intake_is_low(&intake), "low");
}

/* What is compressed so well is as long as what comes out. */
static void
test_compressed(void)
{
	static char zeros[100000];
	static unsigned char packed[1000];
	uLongf		len = sizeof(packed);
	size_t		unread;

	compress(packed, &len, (const Bytef *) zeros, sizeof(zeros));
	set_up(sizeof(zeros));
	header("Content-Encoding: deflate\r\n");
	ok(tplus_http_intake_put(&intake, (char *) packed, len - 1) == TPLUS_HTTP_OK &&
	   tplus_http_intake_is_cut_off(&intake), "cut off");
	ok(tplus_http_intake_put(&intake, (char *) packed + len - 1, 1) == TPLUS_HTTP_OK &&
	   !tplus_http_intake_is_cut_off(&intake), "whole");
	(void) tplus_http_intake_bytes(&intake, &unread);
	ok(unread == sizeof(zeros) && !intake.pending, "all of it");
	set_up(sizeof(zeros) - 1);
	header("Content-Encoding: deflate\r\n");
	ok(tplus_http_intake_put(&intake, (char *) packed, len) == TPLUS_HTTP_TOO_LARGE, "too long when inflated");
	set_up(100);
	header("Content-Encoding: br\r\n");
	ok(tplus_http_intake_put(&intake, "x", 1) == TPLUS_HTTP_UNASKED, "not asked for");
	set_up(100);
	ok(!tplus_http_intake_is_cut_off(&intake), "what is not compressed is not cut off");
}

static void
test_failures(void)
{
	ok(tplus_http_result_failure(NULL, CURLE_SSL_CONNECT_ERROR, "SSL_ERROR_SYSCALL", false) == TPLUS_HTTP_BROKEN,
	   "lost within the handshake");
	ok(tplus_http_result_failure(NULL, CURLE_SSL_CONNECT_ERROR, "error:0A000126:SSL routines::unexpected eof while reading", false) == TPLUS_HTTP_BROKEN,
	   "at its end");
	ok(tplus_http_result_failure(NULL, CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number", false) != TPLUS_HTTP_BROKEN,
	   "refused in it");
	ok(tplus_http_result_failure(NULL, CURLE_RECV_ERROR, "", true) == TPLUS_HTTP_BROKEN &&
	   tplus_http_result_failure(NULL, 9999, "", true) == TPLUS_HTTP_BROKEN &&
	   tplus_http_result_failure(NULL, 9999, "", false) == TPLUS_HTTP_LOCAL, "other failures");
}

/* The deadline in milliseconds of a request that began at 1000. */
static int64
deadline(int connect, int stall, int all, bool sent, int heard, TplusHttpFailure *failure)
{
	TplusHttpRequest request = {
		.connect_timeout_ms = connect,.stall_timeout_ms = stall,.request_timeout_ms = all
	};
	int64		result;

	*failure = TPLUS_HTTP_OK;
	result = tplus_http_result_deadline(&request, sent, 1000000, heard * INT64CONST(1000), failure);
	return result == TPLUS_HTTP_NEVER ? -1 : result / 1000;
}

static void
test_deadlines(void)
{
	TplusHttpFailure failure;

	ok(deadline(100, 200, 5000, false, 0, &failure) == 1100 && failure == TPLUS_HTTP_CONNECT_TIMEOUT, "to connect");
	ok(deadline(100, 200, 5000, true, 3000, &failure) == 3200 && failure == TPLUS_HTTP_STALL_TIMEOUT,
	   "to go on, from what was heard last");
	ok(deadline(100, 200, 5000, true, 5900, &failure) == 6000 && failure == TPLUS_HTTP_REQUEST_TIMEOUT, "for all");
	ok(deadline(100, 200, 5000, true, 5800, &failure) == 6000 && failure == TPLUS_HTTP_STALL_TIMEOUT, "at once");
	ok(deadline(100, 0, 5000, true, 3000, &failure) == 6000 && failure == TPLUS_HTTP_REQUEST_TIMEOUT, "none to go on");
	ok(deadline(100, 200, 0, true, 90000, &failure) == 90200, "none for all");
	ok(deadline(0, 200, 0, false, 0, &failure) == -1 && failure == TPLUS_HTTP_OK, "none");
}

int
main(void)
{
	test_encodings();
	test_size();
	test_water();
	test_compressed();
	test_failures();
	test_deadlines();
	set_up(0);
	heap_reset();
	return done();
}
