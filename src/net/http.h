/*-------------------------------------------------------------------------
 *
 * http.h
 *		HTTP requests over libcurl, driven by our own wait loop.
 *
 * All transfers of a backend live in one curl multi handle, whose sockets and
 * timer feed one epoll descriptor.  libcurl's callbacks record and return;
 * only our own frames throw.  A body is pulled in pieces while it arrives;
 * a transfer whose body is not pulled pauses at a high-water mark.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_H
#define TPLUS_HTTP_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * What to send and under which limits.  Everything must stay valid until the
 * transfer is freed.
 */
typedef struct TplusHttpRequest
{
	const char *method;			/* "GET" or "POST" */
	const char *base_url;		/* scheme, host, port, optional path prefix */
	const char *path;			/* "/tplus/...", see tplus_http_path_is_safe */
	const char *query;			/* encoded query string, or NULL */
	List	   *headers;		/* of char *, "Name: value" */
	const char *body;			/* UTF-8, or NULL */
	size_t		body_len;
	int			connect_timeout_ms;
	int			request_timeout_ms; /* whole request, waiting for T+ only */
	int			stall_timeout_ms;	/* no byte for so long */
	size_t		max_response_bytes; /* after decompression */
	const char *ca_file;
	const char *client_cert;
	const char *client_key;
	const char *min_tls;		/* "1.2" */
	const char *proxy;
	const char *proxy_password;

	/*
	 * libcurl repeats a request by itself if a connection kept alive turns
	 * out to be dead.  Set this for what must not be sent twice.
	 */
	bool		fresh_connection;
} TplusHttpRequest;

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
	TPLUS_HTTP_TLS,				/* certificate, host name, protocol version */
	TPLUS_HTTP_CONNECT_TIMEOUT,
	TPLUS_HTTP_REQUEST_TIMEOUT,
	TPLUS_HTTP_STALL_TIMEOUT,
	TPLUS_HTTP_BROKEN,			/* the connection ended too early */
	TPLUS_HTTP_TOO_LARGE,		/* beyond max_response_bytes */
	TPLUS_HTTP_ENCODING,		/* undecodable Content-Encoding */
	TPLUS_HTTP_LOCAL			/* libcurl or memory, nothing was sent */
} TplusHttpFailure;

typedef struct TplusHttpResult
{
	TplusHttpState state;
	TplusHttpFailure failure;
	char		message[256];	/* what libcurl said, no secret in it */
	int			status;			/* 0 before the header */
	char		content_type[64];	/* "" if none */
	int64		retry_after_ms; /* -1: no usable Retry-After */
	int64		wire_bytes;		/* received, headers not counted */
	int64		body_bytes;		/* after decompression */
	int64		first_byte_us;	/* since the start; -1: none yet */
	int64		total_us;		/* since the start, when it ended */
	bool		sent;			/* the request may have reached the server */
} TplusHttpResult;

typedef struct TplusHttpTransfer TplusHttpTransfer;

/*
 * Is path one that may be appended to base_url?  It begins with one slash and
 * holds no "//", "\", "@", "?", "#", "..", blank or control character.
 */
extern bool tplus_http_path_is_safe(const char *path);

/*
 * Is url an acceptable base_url: http or https, a host, no user, query or
 * fragment?  *plain is set to true for http to a host that is no loopback
 * address.
 */
extern bool tplus_http_url_is_safe(const char *url, bool *plain);

/* "host:port" of a base_url, lower case, default port filled in; palloc'd. */
extern char *tplus_http_authority(const char *url);

/*
 * Starts a transfer.  It is freed with context at the latest; reset or
 * deletion of context in any phase aborts it cleanly.  Throws 58000 or 53200
 * only if libcurl cannot be set up at all; what goes wrong with the request
 * itself is in the result.
 */
extern TplusHttpTransfer *tplus_http_start(const TplusHttpRequest *request,
										   MemoryContext context);

/*
 * Lets all transfers of the backend make what progress they can without
 * waiting.  Does not throw.
 */
extern void tplus_http_drive(void);

/*
 * Waits, interruptibly, until the transfer has unread bytes, has ended, or
 * timeout_ms (-1: none) has passed.  Throws only what an interrupt throws.
 */
extern void tplus_http_wait(TplusHttpTransfer *transfer, long timeout_ms);

/* A descriptor that becomes readable when any transfer can make progress. */
extern pgsocket tplus_http_fd(void);

/*
 * Says that the caller is about to wait for that descriptor by itself (async
 * Append).  Time-outs run then, too: until the next drive() or wait(), for a
 * second at most, after which the descriptor becomes readable in any case.
 */
extern void tplus_http_attend(void);

/*
 * The unread bytes of the body; valid until the next call of any function
 * here.  *len is 0 if there is none.  consume() marks bytes as read.
 */
extern const char *tplus_http_body(TplusHttpTransfer *transfer, size_t *len);
extern void tplus_http_consume(TplusHttpTransfer *transfer, size_t len);

/*
 * Lets the rest of the body arrive without a pause at the high-water mark (up
 * to max_response_bytes), because the consumer will not pull for a while.
 */
extern void tplus_http_drain(TplusHttpTransfer *transfer);

/* The state of things; valid until the transfer is freed. */
extern const TplusHttpResult *tplus_http_result(TplusHttpTransfer *transfer);

/* Aborts if it still runs, and frees.  NULL is fine. */
extern void tplus_http_free(TplusHttpTransfer *transfer);

/* One line about libcurl for tplus.info(): version, TLS library, features. */
extern char *tplus_http_library(void);

#endif							/* TPLUS_HTTP_H */
