/*-------------------------------------------------------------------------
 *
 * http_decode.c
 *		A compressed body, inflated as far as somebody takes it.
 *
 * One stage for each compression, the last one applied first.  A stage draws
 * its input from the one before it, the first from what was fed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_decode.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <zlib.h>

#include "base/compat.h"
#include "net/http_buffer.h"
#include "net/http_decode.h"

/* More compressions on top of each other than anybody has a reason for. */
#define MAX_STAGES		4

/* What a stage takes from the one before it at a time. */
#define STAGE_BYTES		16384

#define GZIP_BITS		(15 + 16)
#define ZLIB_BITS		15
#define BARE_BITS		(-15)

#define GZIP_FIRST_BYTE	0x1f

typedef enum Format
{
	FORMAT_NONE,				/* no compression */
	FORMAT_GZIP,
	FORMAT_DEFLATE,
	FORMAT_UNKNOWN				/* one that was not asked for */
} Format;

typedef struct Encoding
{
	const char *name;
	Format		format;
} Encoding;

/* The names that HTTP has for compressions; all others are none. */
static const Encoding names[] = {
	{"gzip", FORMAT_GZIP},
	{"x-gzip", FORMAT_GZIP},
	{"deflate", FORMAT_DEFLATE},
	{"compress", FORMAT_UNKNOWN},
	{"x-compress", FORMAT_UNKNOWN},
	{"br", FORMAT_UNKNOWN},
	{"zstd", FORMAT_UNKNOWN},
	{"dcb", FORMAT_UNKNOWN},
	{"dcz", FORMAT_UNKNOWN},
	{"exi", FORMAT_UNKNOWN},
	{"pack200-gzip", FORMAT_UNKNOWN},
};

/* Where in its format a stage is. */
typedef enum StageState
{
	STAGE_AT_START,				/* nothing was seen yet */
	STAGE_WITHIN,
	STAGE_BEHIND				/* a member has ended */
} StageState;

typedef struct Stage
{
	Format		format;
	StageState	state;
	bool		is_open;		/* stream is zlib's */
	z_stream	stream;
	size_t		out_bytes;		/* so far */
	char		input[STAGE_BYTES]; /* not for the first one */
} Stage;

struct TplusHttpDecode
{
	int			nstages;
	Stage		stages[MAX_STAGES];
	TplusHttpBuffer fed;
	size_t		fed_bytes;		/* so far */
	size_t		max_bytes;
	const char *problem;
};

/*
 * The compressions of a list of encodings, in the order they were applied;
 * returns how many, or MAX_STAGES + 1.
 */
static int
read_encodings(const char *encodings, Format *formats)
{
	int			n = 0;

	while (*encodings)
	{
		size_t		len;
		int			i;

		encodings += strspn(encodings, ", \t");
		len = strcspn(encodings, ", \t;");
		for (i = 0; i < (int) lengthof(names); i++)
		{
			if (strlen(names[i].name) == len &&
				pg_strncasecmp(names[i].name, encodings, len) == 0)
			{
				if (n == MAX_STAGES)
					return n + 1;
				formats[n++] = names[i].format;
			}
		}
		encodings += len;
		encodings += strcspn(encodings, ",");
	}
	return n;
}

bool
tplus_http_decode_wanted(const char *encodings, const char **problem)
{
	Format		formats[MAX_STAGES];
	int			n = read_encodings(encodings, formats);
	int			i;

	*problem = n > MAX_STAGES ? "it is compressed too often" : NULL;
	for (i = 0; i < Min(n, MAX_STAGES); i++)
	{
		if (formats[i] == FORMAT_UNKNOWN)
			*problem = "only gzip and deflate were asked for";
	}
	return n > 0;
}

TplusHttpDecode *
tplus_http_decode_create(const char *encodings, size_t max_bytes)
{
	TplusHttpDecode *decode = calloc(1, sizeof(TplusHttpDecode));
	Format		formats[MAX_STAGES];
	int			i;

	if (decode == NULL)
		return NULL;
	decode->max_bytes = max_bytes;
	decode->nstages = Min(read_encodings(encodings, formats), MAX_STAGES);
	for (i = 0; i < decode->nstages; i++)
		decode->stages[i].format = formats[decode->nstages - 1 - i];
	return decode;
}

bool
tplus_http_decode_feed(TplusHttpDecode *decode, const char *bytes, size_t len)
{
	decode->fed_bytes += len;
	return tplus_http_buffer_append(&decode->fed, bytes, len);
}

static TplusHttpDecodeStatus
damaged(TplusHttpDecode *decode, const char *problem)
{
	decode->problem = problem;
	return TPLUS_HTTP_DECODE_DAMAGED;
}

/* Is this how zlib's format begins (RFC 1950, 2.2)?  If not, it is bare. */
static bool
is_zlib_header(const unsigned char *bytes)
{
	return (bytes[0] & 0x0f) == Z_DEFLATED &&
		((bytes[0] << 8) | bytes[1]) % 31 == 0;
}

/*
 * Sets up what a stage inflates with, now that its first bytes are there.
 * bits tell zlib the format.
 */
static TplusHttpDecodeStatus
open_stage(TplusHttpDecode *decode, Stage *stage)
{
	int			bits = GZIP_BITS;

	if (stage->format == FORMAT_DEFLATE)
	{
		if (stage->stream.avail_in < 2)
			return TPLUS_HTTP_DECODE_MORE;
		bits = is_zlib_header(stage->stream.next_in) ? ZLIB_BITS : BARE_BITS;
	}
	switch (inflateInit2(&stage->stream, bits))
	{
		case Z_OK:
			stage->is_open = true;
			stage->state = STAGE_WITHIN;
			return TPLUS_HTTP_DECODE_FULL;
		case Z_MEM_ERROR:
			return TPLUS_HTTP_DECODE_NO_MEMORY;
		default:
			return damaged(decode, "zlib cannot be used");
	}
}

/* Behind a member: zero bytes are passed over; another member may begin. */
static TplusHttpDecodeStatus
go_on_behind(TplusHttpDecode *decode, Stage *stage)
{
	z_stream   *stream = &stage->stream;

	while (stream->avail_in > 0 && *stream->next_in == 0)
	{
		stream->next_in++;
		stream->avail_in--;
	}
	if (stream->avail_in == 0)
		return TPLUS_HTTP_DECODE_MORE;
	if (stage->format != FORMAT_GZIP || *stream->next_in != GZIP_FIRST_BYTE)
		return damaged(decode, "something else follows the compressed data");
	if (inflateReset(stream) != Z_OK)
		return damaged(decode, "zlib cannot be used");
	stage->state = STAGE_WITHIN;
	return TPLUS_HTTP_DECODE_FULL;
}

/* Inflates into the output of the stream, which has room. */
static TplusHttpDecodeStatus
inflate_some(TplusHttpDecode *decode, Stage *stage)
{
	z_stream   *stream = &stage->stream;

	switch (inflate(stream, Z_NO_FLUSH))
	{
		case Z_STREAM_END:
			stage->state = STAGE_BEHIND;
			return TPLUS_HTTP_DECODE_FULL;
		case Z_BUF_ERROR:
			if (stream->avail_in > 0 && stream->avail_out > 0)
				return damaged(decode, "it cannot be inflated");
			pg_fallthrough;
		case Z_OK:
			return stream->avail_in == 0 && stream->avail_out > 0 ?
				TPLUS_HTTP_DECODE_MORE : TPLUS_HTTP_DECODE_FULL;
		case Z_MEM_ERROR:
			return TPLUS_HTTP_DECODE_NO_MEMORY;
		case Z_NEED_DICT:
			return damaged(decode, "it needs a dictionary");
		default:
			return damaged(decode, stream->msg ? stream->msg :
						   "it cannot be inflated");
	}
}

static TplusHttpDecodeStatus pull_stage(TplusHttpDecode *decode, int n,
										char *to, size_t size, size_t *len);

/* The first stage inflates what was fed where it lies. */
static void
look_at_fed(TplusHttpDecode *decode)
{
	z_stream   *stream = &decode->stages[0].stream;

	stream->next_in = (Bytef *) tplus_http_buffer_bytes(&decode->fed);
	stream->avail_in = Min(tplus_http_buffer_unread(&decode->fed),
						   STAGE_BYTES);
}

/* Gets more input for a stage that wants it; MORE if there is none. */
static TplusHttpDecodeStatus
draw_input(TplusHttpDecode *decode, int n)
{
	z_stream   *stream = &decode->stages[n].stream;
	size_t		kept = stream->avail_in;
	size_t		len = 0;
	TplusHttpDecodeStatus status;

	if (n == 0)
	{
		look_at_fed(decode);
		return stream->avail_in > kept ? TPLUS_HTTP_DECODE_FULL :
			TPLUS_HTTP_DECODE_MORE;
	}
	if (kept > 0)
		memmove(decode->stages[n].input, stream->next_in, kept);
	status = pull_stage(decode, n - 1, decode->stages[n].input + kept,
						STAGE_BYTES - kept, &len);
	stream->next_in = (Bytef *) decode->stages[n].input;
	stream->avail_in = kept + len;
	return len > 0 && status == TPLUS_HTTP_DECODE_MORE ?
		TPLUS_HTTP_DECODE_FULL : status;
}

/* One step of a stage, whose stream has input, or wants it. */
static TplusHttpDecodeStatus
step(TplusHttpDecode *decode, int n)
{
	Stage	   *stage = &decode->stages[n];
	TplusHttpDecodeStatus status = TPLUS_HTTP_DECODE_MORE;
	uInt		before;

	/* More may have been fed since, and what was fed have moved. */
	if (n == 0)
		look_at_fed(decode);
	before = stage->stream.avail_in;
	if (stage->stream.avail_in > 0 || stage->state == STAGE_WITHIN)
		switch (stage->state)
		{
			case STAGE_AT_START:
				status = open_stage(decode, stage);
				break;
			case STAGE_WITHIN:
				status = inflate_some(decode, stage);
				break;
			case STAGE_BEHIND:
				status = go_on_behind(decode, stage);
				break;
		}
	if (n == 0)
		tplus_http_buffer_consume(&decode->fed,
								  before - stage->stream.avail_in);
	if (status == TPLUS_HTTP_DECODE_MORE)
		status = draw_input(decode, n);
	return status;
}

/* As tplus_http_decode_pull(), for the first n + 1 stages. */
static TplusHttpDecodeStatus
pull_stage(TplusHttpDecode *decode, int n, char *to, size_t size, size_t *len)
{
	Stage	   *stage = &decode->stages[n];
	TplusHttpDecodeStatus status = TPLUS_HTTP_DECODE_FULL;

	stage->stream.next_out = (Bytef *) to;
	stage->stream.avail_out = size;
	while (status == TPLUS_HTTP_DECODE_FULL && stage->stream.avail_out > 0)
		status = step(decode, n);
	*len = size - stage->stream.avail_out;
	stage->out_bytes += *len;
	return stage->out_bytes > decode->max_bytes ?
		TPLUS_HTTP_DECODE_TOO_LARGE : status;
}

TplusHttpDecodeStatus
tplus_http_decode_pull(TplusHttpDecode *decode, char *to, size_t size,
					   size_t *len)
{
	*len = 0;
	if (decode->fed_bytes / 2 > decode->max_bytes)
		return TPLUS_HTTP_DECODE_TOO_LARGE;
	return pull_stage(decode, decode->nstages - 1, to, size, len);
}

bool
tplus_http_decode_is_whole(const TplusHttpDecode *decode)
{
	int			n;

	for (n = 0; n < decode->nstages; n++)
	{
		if (decode->stages[n].state != STAGE_BEHIND)
			return false;
	}
	return true;
}

const char *
tplus_http_decode_problem(const TplusHttpDecode *decode)
{
	return decode->problem ? decode->problem : "";
}

void
tplus_http_decode_free(TplusHttpDecode *decode)
{
	int			n;

	if (decode == NULL)
		return;
	for (n = 0; n < decode->nstages; n++)
	{
		if (decode->stages[n].is_open)
			(void) inflateEnd(&decode->stages[n].stream);
	}
	tplus_http_buffer_free(&decode->fed);
	explicit_bzero(decode, sizeof(*decode));
	free(decode);
}
