/*-------------------------------------------------------------------------
 *
 * http_result.h
 *		What came of a request: its state, and why there is no whole response.
 *
 * For net/http; others include that.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_result.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_RESULT_H
#define TPLUS_HTTP_RESULT_H

#include "postgres.h"

#include "net/http_request.h"

typedef enum TplusHttpState
{
	TPLUS_HTTP_RUNNING,
	TPLUS_HTTP_DONE,			/* a whole response, whatever its status */
	TPLUS_HTTP_FAILED			/* no whole response */
} TplusHttpState;

/* Why there is no whole response. */
typedef enum TplusHttpFailure
{
	TPLUS_HTTP_OK,
	TPLUS_HTTP_RESOLVE,			/* the host name has no address */
	TPLUS_HTTP_CONNECT,			/* refused, unreachable, proxy refused */
	TPLUS_HTTP_PROXY_LOGIN,		/* the proxy wants to know who asks */
	TPLUS_HTTP_TLS,				/* certificate, host name, protocol version */
	TPLUS_HTTP_CONNECT_TIMEOUT,
	TPLUS_HTTP_REQUEST_TIMEOUT,
	TPLUS_HTTP_STALL_TIMEOUT,
	TPLUS_HTTP_BROKEN,			/* the connection ended too early */
	TPLUS_HTTP_TOO_LARGE,		/* beyond max_response_bytes */
	TPLUS_HTTP_HEAD,			/* more, or longer, lines beside the body than
								 * we take */
	TPLUS_HTTP_ENCODING,		/* the compressed body is damaged */
	TPLUS_HTTP_UNASKED,			/* a compression that we do not know */
	TPLUS_HTTP_LOCAL			/* libcurl or memory; see also sent */
} TplusHttpFailure;

typedef struct TplusHttpResult
{
	TplusHttpState state;
	TplusHttpFailure failure;
	char		message[256];	/* what went wrong, in ASCII, no secret in it */
	int			status;			/* 0 before the header */
	char		content_type[64];	/* "" if none */
	int64		retry_after_ms; /* -1: no usable Retry-After */
	int64		wire_bytes;		/* received, headers not counted */
	int64		body_bytes;		/* after decompression */
	int64		first_byte_us;	/* since the start; -1: none yet */
	int64		total_us;		/* since the start, when it ended */
	bool		sent;			/* the request may have reached the server */
	int			resent;			/* how often libcurl repeated it by itself */
} TplusHttpResult;

/*
 * What a CURLcode means for the transfer of this easy handle.  text is
 * libcurl's message, sent whether the request may have left.
 */
extern TplusHttpFailure tplus_http_result_failure(void *easy, int code,
												  const char *text, bool sent);

/*
 * Bytes that have come on this connection, of every kind; -1 if the system does
 * not tell.
 */
extern int64 tplus_http_result_received(int fd);

/*
 * Does this CURLcode with libcurl's message mean a line that is longer than
 * libcurl takes?  within_head: the head of the response has not ended.
 */
extern bool tplus_http_result_is_overlong(int code, const char *text,
										  bool within_head);

/*
 * What a transfer is about that has not begun to send, as a phrase.  fd is
 * the last socket opened for it, -1 if none.
 */
extern const char *tplus_http_result_connecting(void *easy, int fd,
												bool proxied);

/* The time that a request without a limit has. */
#define TPLUS_HTTP_NEVER	PG_INT64_MAX

/*
 * When a request has had its time, and which of its limits that is.  begun_at
 * and heard_at (a byte last moved) are of the same clock, in microseconds.
 */
extern int64 tplus_http_result_deadline(const TplusHttpRequest *request,
										bool sent, int64 begun_at,
										int64 heard_at,
										TplusHttpFailure *failure);

/* Puts into message what a limit that has passed means; phase is a phrase. */
extern void tplus_http_result_overdue(const TplusHttpRequest *request,
									  TplusHttpFailure failure,
									  const char *phase, char *message,
									  size_t size);

/*
 * What is missing of a response that libcurl takes for whole, as a phrase; ""
 * if nothing.  head_whole: the end of its head has come.  libcurl lets the end
 * of a connection stand for the rest of a head, or for a body without length.
 */
extern const char *tplus_http_result_gap(const TplusHttpResult *result,
										 void *easy, bool head_whole);

/*
 * Fills in what the header of the response says: status, type, Retry-After.
 */
extern void tplus_http_result_header(TplusHttpResult *result, void *easy);

#endif							/* TPLUS_HTTP_RESULT_H */
