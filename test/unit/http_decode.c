/*-------------------------------------------------------------------------
 *
 * http_decode.c
 *		Tests of inflating bodies, without a server.
 *
 * What comes out must not depend on how a body is cut into pieces, nor on how
 * much is pulled at a time.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/http_decode.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <strings.h>

#include "net/http_buffer.c"
#include "net/http_decode.c"

#include "tap.h"

#undef qsort
#undef strerror

#define CAP		(1024 * 1024)

/* Of the random bodies; every run is the same. */
#define ROUNDS	4000
#define SEED	20260101

static char out[CAP + 1];
static size_t out_len;

int
pg_strncasecmp(const char *a, const char *b, size_t len)
{
	return strncasecmp(a, b, len);
}

typedef struct Body
{
	unsigned char bytes[CAP];
	size_t		len;
} Body;

static Body body;

static void
put(const void *bytes, size_t len)
{
	memcpy(body.bytes + body.len, bytes, len);
	body.len += len;
}

/* Appends text, compressed in zlib's format of so many bits. */
static void
put_packed(int bits, const void *text, size_t len)
{
	z_stream	stream = {0};

	if (deflateInit2(&stream, 6, Z_DEFLATED, bits, 8,
					 Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	stream.next_in = (Bytef *) text;
	stream.avail_in = len;
	stream.next_out = body.bytes + body.len;
	stream.avail_out = CAP - body.len;
	if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
		abort();
	body.len = CAP - stream.avail_out;
	deflateEnd(&stream);
}

/* What the body is now, compressed once more. */
static void
pack_again(int bits)
{
	static Body inner;

	inner = body;
	body.len = 0;
	put_packed(bits, inner.bytes, inner.len);
}

/* Reads the body in such pieces, pulling so much at a time: how it ended. */
static const char *
read_body(const char *encodings, size_t piece, size_t pull, size_t max_bytes)
{
	static char problem[200];
	TplusHttpDecode *decode = tplus_http_decode_create(encodings, max_bytes);
	TplusHttpDecodeStatus status = TPLUS_HTTP_DECODE_MORE;
	const char *result = "whole";

	out_len = 0;
	for (size_t from = 0; from < body.len && status == TPLUS_HTTP_DECODE_MORE;
		 from += piece)
	{
		size_t		len = Min(piece, body.len - from);
		size_t		got;
		char	   *copy = malloc(len);

		memcpy(copy, body.bytes + from, len);
		if (!tplus_http_decode_feed(decode, copy, len))
			abort();
		free(copy);
		do
		{
			status = tplus_http_decode_pull(decode, out + out_len,
											Min(pull, CAP - out_len), &got);
			out_len += got;
		} while (status == TPLUS_HTTP_DECODE_FULL && out_len < CAP);
	}
	if (status == TPLUS_HTTP_DECODE_DAMAGED)
	{
		snprintf(problem, sizeof(problem), "damaged: %s",
				 tplus_http_decode_problem(decode));
		result = problem;
	}
	else if (status == TPLUS_HTTP_DECODE_TOO_LARGE)
		result = "too large";
	else if (!tplus_http_decode_is_whole(decode))
		result = "cut off";
	tplus_http_decode_free(decode);
	out[out_len] = '\0';
	return result;
}

/* The body becomes this text, however it is cut. */
static void
reads(const char *encodings, const char *text, const char *name)
{
	static const size_t sizes[] = {1, 2, 3, 7, 100, CAP};
	bool		good = true;

	for (size_t i = 0; i < lengthof(sizes); i++)
		for (size_t j = 0; j < lengthof(sizes); j++)
		{
			const char *end = read_body(encodings, sizes[i], sizes[j], CAP);

			if (strcmp(end, "whole") != 0 || strcmp(out, text) != 0)
			{
				if (good)
					printf("# pieces of %zu, pulled by %zu: %s, \"%.40s\"\n",
						   sizes[i], sizes[j], end, out);
				good = false;
			}
		}
	ok(good, "%s", name);
	body.len = 0;
}

/* The body ends like this, however it is cut. */
static void
ends(const char *encodings, const char *expected, const char *name)
{
	static const size_t sizes[] = {CAP, 7, 1};
	bool		good = true;

	for (size_t i = 0; i < lengthof(sizes); i++)
	{
		const char *end = read_body(encodings, sizes[i], 100, CAP);

		if (strncmp(end, expected, strlen(expected)) != 0)
		{
			if (good)
				printf("# pieces of %zu: %s\n", sizes[i], end);
			good = false;
		}
	}
	ok(good, "%s", name);
	body.len = 0;
}

static void
test_names(void)
{
	static const struct
	{
		const char *encodings;
		bool		wanted;
		bool		problem;
	}			cases[] = {
		{"", false, false}, {"identity", false, false},
		{"utf-8", false, false}, {"UTF-8, none", false, false},
		{"charset=gzip", false, false}, {"gzipped", false, false},
		{"gzip", true, false}, {" GZip ", true, false},
		{"x-gzip", true, false}, {"deflate", true, false},
		{"identity, gzip", true, false}, {"gzip;q=1", true, false},
		{"gzip, deflate,gzip ,,gzip", true, false},
		{"gzip,gzip,gzip,gzip,gzip", true, true},
		{"br", true, true}, {"gzip, zstd", true, true},
	};
	const char *problem;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		bool		wanted = tplus_http_decode_wanted(cases[i].encodings,
													  &problem);

		ok(wanted == cases[i].wanted && (problem != NULL) == cases[i].problem,
		   "Content-Encoding: %s", cases[i].encodings);
	}
}

static void
test_bodies(void)
{
	static const char zeros[600] = {0};

	put_packed(GZIP_BITS, "[{\"a\":1}]", 9);
	reads("gzip", "[{\"a\":1}]", "gzip");
	put_packed(GZIP_BITS, "[{\"a\":", 6);
	put_packed(GZIP_BITS, "", 0);
	put_packed(GZIP_BITS, "1}]", 3);
	reads("x-gzip", "[{\"a\":1}]", "gzip in three members");
	put_packed(GZIP_BITS, "[]", 2);
	put(zeros, sizeof(zeros));
	reads("gzip", "[]", "gzip with zero bytes behind it");
	put_packed(GZIP_BITS, "[", 1);
	put(zeros, 3);
	put_packed(GZIP_BITS, "]", 1);
	put(zeros, 1);
	reads("gzip", "[]", "and between its members");
	put_packed(GZIP_BITS, "", 0);
	reads("gzip", "", "gzip of nothing");
	put_packed(ZLIB_BITS, "[12345678]", 10);
	reads("deflate", "[12345678]", "deflate");
	put_packed(BARE_BITS, "[12345678]", 10);
	reads("deflate", "[12345678]", "bare deflate");
	/* Its first byte could be zlib's; the check bits tell. */
	put("\x08\x03\x00\xfc\xff[1]\x01\x00\x00\xff\xff", 13);
	reads("deflate", "[1]", "bare deflate that begins like zlib");
	put_packed(ZLIB_BITS, "[]", 2);
	put(zeros, 5);
	reads("deflate", "[]", "deflate with zero bytes behind it");
	put_packed(GZIP_BITS, "[", 1);
	put_packed(GZIP_BITS, "]", 1);
	pack_again(GZIP_BITS);
	put(zeros, 9);
	reads("gzip, utf-8, gzip", "[]", "gzip in gzip");
	put_packed(BARE_BITS, "[12345678]", 10);
	pack_again(GZIP_BITS);
	reads("deflate, gzip", "[12345678]", "deflate in gzip");
}

static void
test_damaged_bodies(void)
{
	put("[{\"a\":1}]", 9);
	ends("gzip", "damaged: incorrect header check", "gzip that is none");
	put_packed(GZIP_BITS, "[]", 2);
	body.bytes[body.len - 5] ^= 1;
	ends("gzip", "damaged: incorrect data check", "gzip with a wrong sum");
	put_packed(GZIP_BITS, "[]", 2);
	put("[]", 2);
	ends("gzip", "damaged: something else follows", "more behind gzip");
	put_packed(ZLIB_BITS, "[]", 2);
	put_packed(ZLIB_BITS, "[]", 2);
	ends("deflate", "damaged: something else follows", "deflate twice");
	put_packed(GZIP_BITS, "[12345678]", 10);
	body.len -= 1;
	ends("gzip", "cut off", "gzip without its last byte");
	put_packed(GZIP_BITS, "[]", 2);
	put("\x1f\x8b", 2);
	ends("gzip", "cut off", "gzip with half a member");
	put_packed(GZIP_BITS, "[]", 2);
	pack_again(GZIP_BITS);
	body.len -= 8;
	ends("gzip,gzip", "cut off", "gzip in gzip that is cut off");
	put("\x78", 1);
	ends("deflate", "cut off", "one byte");
}

/* However far a body inflates, it stops at the limit. */
static void
test_bomb(void)
{
	static char zeros[CAP];

	put_packed(GZIP_BITS, zeros, CAP);
	is(read_body("gzip", CAP, 1000, CAP), "whole", "as many bytes as allowed");
	ok(out_len == CAP, "all of them");
	is(read_body("gzip", CAP, 1000, CAP - 1), "too large", "one too many");
	pack_again(GZIP_BITS);
	is(read_body("gzip,gzip", CAP, 1000, 100000), "too large",
	   "in two stages");
	body.len = 0;
	for (int i = 0; i < 20000; i++)
		put_packed(GZIP_BITS, "", 0);
	is(read_body("gzip", 500, 1000, 1000), "too large",
	   "bytes that inflate to none");
	body.len = 0;
}

/* Bodies with damage at random: no harm, and the same however they are cut. */
static void
test_damage(void)
{
	static char first[CAP];
	int			differ = 0;
	int			whole = 0;

	srandom(SEED);
	for (int round = 0; round < ROUNDS; round++)
	{
		const char *encodings = round % 2 ? "gzip" : "deflate";
		char		end[200];
		size_t		len;

		body.len = 0;
		put_packed(round % 2 ? GZIP_BITS : round % 4 ? ZLIB_BITS : BARE_BITS,
				   "[{\"a\":1},{\"a\":12},{\"b\":\"xxxxxxxxxxxxxxxx\"}]", 43);
		for (int hits = random() % 3; hits >= 0; hits--)
			body.bytes[random() % body.len] = random() % 4 ?
				(unsigned char) random() : 0;
		if (random() % 4 == 0)
			body.len = 1 + random() % body.len;
		snprintf(end, sizeof(end), "%s",
				 read_body(encodings, body.len, CAP, CAP));
		len = out_len;
		memcpy(first, out, len);
		whole += strcmp(end, "whole") == 0;
		if (strcmp(read_body(encodings, 1 + random() % 5, 1 + random() % 9,
							 CAP), end) != 0 ||
			(strcmp(end, "whole") == 0 &&
			 (out_len != len || memcmp(first, out, len) != 0)))
			differ++;
	}
	ok(differ == 0, "%d damaged bodies end alike however they are cut",
	   ROUNDS);
	ok(whole > 0 && whole < ROUNDS, "some of them are whole");
}

int
main(void)
{
	test_names();
	test_bodies();
	test_damaged_bodies();
	test_bomb();
	test_damage();
	return done();
}
