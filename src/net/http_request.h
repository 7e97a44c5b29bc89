/*-------------------------------------------------------------------------
 *
 * http_request.h
 *		What to send: safe URLs, and libcurl's handle made from a request.
 *
 * For net/http; others include that.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_request.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_REQUEST_H
#define TPLUS_HTTP_REQUEST_H

#include "postgres.h"

#include <signal.h>

#include "nodes/pg_list.h"

/*
 * What to send and under which limits.  Everything must stay valid until the
 * transfer is freed.  A time-out of zero means none.
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
	const char *proxy;			/* may name the user; NULL: none */
	const char *proxy_password;

	/* Once this is true, what was not sent yet is not sent; NULL: never. */
	const volatile sig_atomic_t *stop;

	/*
	 * libcurl repeats a request by itself if a connection kept alive turns
	 * out to be dead.  Set this for what must not be sent twice.
	 */
	bool		fresh_connection;
} TplusHttpRequest;

/*
 * Is path one that may be appended to base_url?  It begins with one slash,
 * holds ASCII only, and no "//", "\", "@", "?", "#", "%", "..", blank or
 * control character.
 */
extern bool tplus_http_path_is_safe(const char *path);

/*
 * Is url an acceptable base_url: http or https, a host, no user, query or
 * fragment?  *plain is set to true for http to a host that is no loopback
 * address.
 */
extern bool tplus_http_url_is_safe(const char *url, bool *plain);

/*
 * Is this the address of a proxy, and not more?  Sets *password if it holds a
 * password.
 */
extern bool tplus_http_proxy_is_safe(const char *proxy, bool *password);

/*
 * What this proxy is told about who asks, after "Basic ", palloc'd; NULL if it
 * is told nothing.  Either argument may be NULL.
 */
extern char *tplus_http_proxy_credentials(const char *proxy,
										  const char *password);

/* Can this be the query of a URL?  Anything beyond ASCII must be escaped. */
extern bool tplus_http_query_is_safe(const char *query);

/* "host:port" of a base_url, lower case, default port filled in; palloc'd. */
extern char *tplus_http_authority(const char *url);

/*
 * The same with the proxy (may be NULL) that it is reached by: what comes by
 * another way is said by somebody else, and counts for nobody here.  Palloc'd.
 */
extern char *tplus_http_way(const char *url, const char *proxy);

/* One line about libcurl for tplus.info(): version, TLS library, features. */
extern char *tplus_http_library(void);

struct curl_slist;

/*
 * Makes an easy handle of libcurl ask for what the request says.  Its headers
 * are put into *headers, which the caller owns, also if this throws (58000
 * or 53200 if libcurl refuses an option).  Returns NULL, or a constant phrase
 * that tells why the request cannot be sent.
 */
extern const char *tplus_http_request_apply(const TplusHttpRequest *request,
											void *easy,
											struct curl_slist **headers);

/* Does the request need a name service, for its host or that of its proxy? */
extern bool tplus_http_request_resolves(const TplusHttpRequest *request);

/* Always throws: libcurl could not be set up.  why is its own text. */
extern void tplus_http_setup_failed(const char *what, const char *why);

#endif							/* TPLUS_HTTP_REQUEST_H */
