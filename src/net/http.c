/*-------------------------------------------------------------------------
 *
 * http.c
 *		HTTP requests over libcurl, driven by our own wait loop.
 *
 * One multi handle per backend holds all transfers and the pool of idle
 * connections.  libcurl tells its sockets and its timer through two
 * callbacks; they feed one epoll descriptor, which is all that anybody waits
 * for.  Nothing in a callback throws, and no function here throws while
 * libcurl is on the stack: a longjmp would ruin the handles for good.
 *
 * Time-outs run on a clock of their own, attended_us, which advances only
 * while this backend waits for the network.  A consumer may leave a transfer
 * alone for minutes without being told that the server was slow.  While a
 * transfer is paused, its deadlines move along with the clock.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "base/wait.h"
#include "net/http.h"

#define USER_AGENT			"tplus_fdw/1.0"

/*
 * Unread bytes at which a transfer pauses, and below which it goes on.  A
 * page of 500 full records is 440 KB: one page fits, so that the server is
 * rid of it while its records are still being decoded.
 */
#define HIGH_WATER			(1024 * 1024)
#define LOW_WATER			(256 * 1024)

#define FIRST_BUFFER		(64 * 1024)

/* Idle connections kept; one server rarely needs more than a few. */
#define MAX_IDLE			8

/* epoll, timerfd, and the pair of sockets that a multi handle opens. */
#define OWN_DESCRIPTORS		4

#define EVENTS_PER_ROUND	16
#define ROUNDS_PER_DRIVE	8

/* How long one tplus_http_attend() lets the clock run. */
#define ATTEND_US			INT64CONST(1000000)

/* A Retry-After beyond a year is as good as a year. */
#define MAX_RETRY_AFTER_S	INT64CONST(31536000)

#define NEVER				PG_INT64_MAX

struct TplusHttpTransfer
{
	TplusHttpResult result;
	TplusHttpRequest request;
	MemoryContext context;		/* holds this struct alone */
	MemoryContextCallback callback;

	/* what end_transfer() gives back */
	CURL	   *easy;
	struct curl_slist *headers;
	dlist_node	node;			/* in running, if added */
	bool		added;
	bool		holds_fd;

	/* set by callbacks */
	TplusHttpFailure reason;	/* why a callback refused to go on */
	bool		connected;		/* the request is being sent, or was */
	bool		header_done;
	bool		paused;
	bool		drained;		/* does not pause any more */
	char		error[CURL_ERROR_SIZE];

	/* unread bytes are buffer[start .. end), memory of malloc */
	char	   *buffer;
	size_t		capacity;
	size_t		start;
	size_t		end;

	int64		begun_us;		/* of the monotonic clock */
	int64		begun_at;		/* the rest: of attended_us */
	int64		heard_at;		/* when a byte last moved */
	int64		paused_at;
	curl_off_t	moved;			/* bytes sent and received by then */
};

static CURLM *multi = NULL;
static int	epoll_fd = -1;
static int	timer_fd = -1;
static dlist_head running = DLIST_STATIC_INIT(running);

static int64 attended_us = 0;	/* see the head of this file */
static int64 attend_since = 0;	/* monotonic; 0: nobody waits elsewhere */
static int64 curl_due = NEVER;	/* monotonic: when libcurl wants a call */

/* What libcurl's code says about the failure; others depend on the phase. */
static const struct
{
	CURLcode	code;
	TplusHttpFailure failure;
}			failures[] =
{
	{CURLE_COULDNT_RESOLVE_HOST, TPLUS_HTTP_RESOLVE},
	{CURLE_COULDNT_RESOLVE_PROXY, TPLUS_HTTP_RESOLVE},
	{CURLE_COULDNT_CONNECT, TPLUS_HTTP_CONNECT},
	{CURLE_PROXY, TPLUS_HTTP_CONNECT},
	{CURLE_INTERFACE_FAILED, TPLUS_HTTP_CONNECT},
	{CURLE_OPERATION_TIMEDOUT, TPLUS_HTTP_CONNECT_TIMEOUT},
	{CURLE_SSL_CONNECT_ERROR, TPLUS_HTTP_TLS},
	{CURLE_PEER_FAILED_VERIFICATION, TPLUS_HTTP_TLS},
	{CURLE_SSL_CERTPROBLEM, TPLUS_HTTP_TLS},
	{CURLE_SSL_CIPHER, TPLUS_HTTP_TLS},
	{CURLE_SSL_CACERT_BADFILE, TPLUS_HTTP_TLS},
	{CURLE_SSL_ISSUER_ERROR, TPLUS_HTTP_TLS},
	{CURLE_SSL_CRL_BADFILE, TPLUS_HTTP_TLS},
	{CURLE_SSL_INVALIDCERTSTATUS, TPLUS_HTTP_TLS},
	{CURLE_SSL_CLIENTCERT, TPLUS_HTTP_TLS},
	{CURLE_SSL_ENGINE_INITFAILED, TPLUS_HTTP_TLS},
	{CURLE_SSL_ENGINE_NOTFOUND, TPLUS_HTTP_TLS},
	{CURLE_BAD_CONTENT_ENCODING, TPLUS_HTTP_ENCODING},
	{CURLE_OUT_OF_MEMORY, TPLUS_HTTP_LOCAL},
	{CURLE_GOT_NOTHING, TPLUS_HTTP_BROKEN},
	{CURLE_SEND_ERROR, TPLUS_HTTP_BROKEN},
	{CURLE_RECV_ERROR, TPLUS_HTTP_BROKEN},
	{CURLE_PARTIAL_FILE, TPLUS_HTTP_BROKEN},
	{CURLE_WEIRD_SERVER_REPLY, TPLUS_HTTP_BROKEN},
	{CURLE_UNSUPPORTED_PROTOCOL, TPLUS_HTTP_BROKEN}
};

static const struct
{
	const char *name;
	long		version;
}			tls_versions[] =
{
	{"1.0", CURL_SSLVERSION_TLSv1_0},
	{"1.1", CURL_SSLVERSION_TLSv1_1},
	{"1.2", CURL_SSLVERSION_TLSv1_2},
	{"1.3", CURL_SSLVERSION_TLSv1_3}
};

/*
 * The two ways into an easy handle.  Setting throws, so it belongs where the
 * transfer owns what it has so far; getting only leaves a note, because it
 * happens where nothing may be thrown.
 */
#define set_option(transfer, option, value) \
	do { \
		CURLcode	code_ = curl_easy_setopt((transfer)->easy, option, value); \
		if (code_ != CURLE_OK) \
			setup_failed(#option, code_ == CURLE_OUT_OF_MEMORY, \
						 curl_easy_strerror(code_)); \
	} while (0)

#define get_info(transfer, info, target) \
	note_info(transfer, #info, curl_easy_getinfo((transfer)->easy, info, target))

static void
setup_failed(const char *what, bool no_memory, const char *why)
{
	ereport(ERROR,
			(errcode(no_memory ? ERRCODE_OUT_OF_MEMORY : ERRCODE_SYSTEM_ERROR),
			 errmsg("could not prepare an HTTP request"),
			 errdetail("%s failed: %s.", what, why)));
}

static void
note_info(TplusHttpTransfer *transfer, const char *what, CURLcode code)
{
	if (code == CURLE_OK || transfer->reason != TPLUS_HTTP_OK)
		return;
	transfer->reason = TPLUS_HTTP_LOCAL;
	snprintf(transfer->error, sizeof(transfer->error), "%s: %s", what,
			 curl_easy_strerror(code));
}

static int64
now_us(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/*
 * Lets the timer's descriptor become readable when libcurl wants a call, or
 * when an external wait has lasted long enough.  A time of zero would disarm
 * it, and libcurl's "now" is in the past by the time that anybody waits.
 */
static void
arm_timer(void)
{
	struct itimerspec when = {{0}};
	int64		due = curl_due;

	if (attend_since > 0)
		due = Min(due, attend_since + ATTEND_US);
	if (due != NEVER)
	{
		due = Max(due, 1);
		when.it_value.tv_sec = due / 1000000;
		when.it_value.tv_nsec = (due % 1000000) * 1000;
	}
	(void) timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* libcurl's callbacks: they record and return. */

static int
timer_callback(CURLM *handle, long timeout_ms, void *arg)
{
	curl_due = timeout_ms < 0 ? NEVER : now_us() + timeout_ms * 1000;
	arm_timer();
	return 0;
}

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg,
				void *socket_arg)
{
	struct epoll_event event = {0};

	if (what == CURL_POLL_REMOVE)
	{
		/* It may be closed already; then epoll has forgotten it by itself. */
		(void) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.data.fd = fd;
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return -1;
}

/* No program that this backend starts shall inherit a connection. */
static int
new_socket_callback(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

static int
connected_callback(void *arg, char *remote_ip, char *local_ip, int remote_port,
				   int local_port)
{
	TplusHttpTransfer *transfer = arg;

	transfer->connected = true;
	transfer->result.sent = true;
	transfer->heard_at = attended_us;
	return CURL_PREREQFUNC_OK;
}

static size_t
header_callback(char *bytes, size_t size, size_t count, void *arg)
{
	TplusHttpTransfer *transfer = arg;

	if (transfer->connected && transfer->result.first_byte_us < 0)
		transfer->result.first_byte_us = now_us() - transfer->begun_us;
	return size * count;
}

static size_t
unread_bytes(const TplusHttpTransfer *transfer)
{
	return transfer->end - transfer->start;
}

/*
 * Makes room for len more bytes behind the unread ones.  Not palloc, because
 * libcurl is on the stack.
 */
static bool
make_room(TplusHttpTransfer *transfer, size_t len)
{
	size_t		unread = unread_bytes(transfer);
	size_t		capacity = Max(transfer->capacity, FIRST_BUFFER);
	char	   *buffer;

	if (transfer->capacity - transfer->end >= len)
		return true;
	if (transfer->start > 0)
	{
		memmove(transfer->buffer, transfer->buffer + transfer->start, unread);
		transfer->start = 0;
		transfer->end = unread;
	}
	while (capacity - unread < len)
		capacity *= 2;
	if (capacity == transfer->capacity)
		return true;
	buffer = realloc(transfer->buffer, capacity);
	if (buffer == NULL)
		return false;
	transfer->buffer = buffer;
	transfer->capacity = capacity;
	return true;
}

static size_t
body_callback(char *bytes, size_t size, size_t count, void *arg)
{
	TplusHttpTransfer *transfer = arg;
	TplusHttpResult *result = &transfer->result;
	size_t		len = size * count;

	transfer->header_done = true;
	if (len > transfer->request.max_response_bytes - result->body_bytes)
	{
		transfer->reason = TPLUS_HTTP_TOO_LARGE;
		snprintf(transfer->error, sizeof(transfer->error),
				 "the response is longer than %zu bytes",
				 transfer->request.max_response_bytes);
		return 0;
	}
	if (!transfer->drained && unread_bytes(transfer) >= HIGH_WATER)
	{
		transfer->paused = true;
		transfer->paused_at = attended_us;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!make_room(transfer, len))
	{
		transfer->reason = TPLUS_HTTP_LOCAL;
		strlcpy(transfer->error, "out of memory", sizeof(transfer->error));
		return 0;
	}
	memcpy(transfer->buffer + transfer->end, bytes, len);
	transfer->end += len;
	result->body_bytes += len;
	return len;
}

/*
 * Opens the multi handle of this backend.  The descriptors are reserved once:
 * ours, and those of the pool; each transfer reserves one more.
 */
static void
open_multi(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	const char *what = "curl_global_init";
	int			i;

	if (multi != NULL)
		return;

	/* Counted by libcurl, and safe beside other users in this process. */
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		setup_failed(what, false, "libcurl cannot be initialized");

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	event.data.fd = timer_fd;
	if (epoll_fd < 0 || timer_fd < 0 ||
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) != 0)
		what = strerror(errno);
	else if ((multi = curl_multi_init()) == NULL)
		what = "out of memory";
	else if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
							   socket_callback) == CURLM_OK &&
			 curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
							   timer_callback) == CURLM_OK &&
			 curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
							   (long) MAX_IDLE) == CURLM_OK)
	{
		for (i = 0; i < OWN_DESCRIPTORS + MAX_IDLE; i++)
			ReserveExternalFD();
		return;
	}
	else
		what = "libcurl refuses an option of the multi handle";

	if (multi != NULL)
		curl_multi_cleanup(multi);
	if (epoll_fd >= 0)
		close(epoll_fd);
	if (timer_fd >= 0)
		close(timer_fd);
	multi = NULL;
	epoll_fd = timer_fd = -1;
	setup_failed("multi handle", false, what);
}

/* URLs */

static CURLU *
parse_url(const char *text)
{
	CURLU	   *url = curl_url();

	if (url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
	{
		curl_url_cleanup(url);
		url = NULL;
	}
	return url;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char	   *in_a = NULL;
	char	   *in_b = NULL;
	bool		same;

	same = curl_url_get(a, part, &in_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		curl_url_get(b, part, &in_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		pg_strcasecmp(in_a, in_b) == 0;
	curl_free(in_a);
	curl_free(in_b);
	return same;
}

/* Appends path to the path of url and sets its query. */
static bool
extend_url(CURLU *url, const char *path, const char *query)
{
	char	   *prefix = NULL;
	char	   *whole;
	size_t		size;
	bool		done = false;

	if (curl_url_get(url, CURLUPART_PATH, &prefix, 0) != CURLUE_OK)
		return false;
	size = strlen(prefix);
	if (size > 0 && prefix[size - 1] == '/')
		prefix[--size] = '\0';
	size += strlen(path) + 1;
	whole = malloc(size);
	if (whole != NULL)
	{
		snprintf(whole, size, "%s%s", prefix, path);
		done = curl_url_set(url, CURLUPART_PATH, whole, 0) == CURLUE_OK &&
			(query == NULL ||
			 curl_url_set(url, CURLUPART_QUERY, query, 0) == CURLUE_OK);
	}
	free(whole);
	curl_free(prefix);
	return done;
}

/*
 * The URL to ask for, memory of libcurl; NULL if it would not lead to the
 * scheme, host and port of base_url.
 */
static char *
build_url(const TplusHttpRequest *request)
{
	CURLU	   *base = parse_url(request->base_url);
	CURLU	   *extended = base ? curl_url_dup(base) : NULL;
	CURLU	   *check = NULL;
	char	   *text = NULL;

	if (extended != NULL && tplus_http_path_is_safe(request->path) &&
		extend_url(extended, request->path, request->query) &&
		curl_url_get(extended, CURLUPART_URL, &text, 0) == CURLUE_OK)
		check = parse_url(text);
	if (check == NULL ||
		!same_part(base, check, CURLUPART_SCHEME) ||
		!same_part(base, check, CURLUPART_HOST) ||
		!same_part(base, check, CURLUPART_PORT))
	{
		curl_free(text);
		text = NULL;
	}
	curl_url_cleanup(base);
	curl_url_cleanup(extended);
	curl_url_cleanup(check);
	return text;
}

bool
tplus_http_path_is_safe(const char *path)
{
	const char *p;

	if (path[0] != '/' || strstr(path, "//") != NULL ||
		strstr(path, "..") != NULL)
		return false;
	for (p = path; *p; p++)
	{
		/* A percent sign could hide any of the others. */
		if (*p <= ' ' || *p >= 0x7f || strchr("\\@?#%", *p) != NULL)
			return false;
	}
	return true;
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char		bare[INET6_ADDRSTRLEN];

	if (pg_strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (host[0] != '[' || strlen(host) > sizeof(bare))
		return false;
	strlcpy(bare, host + 1, strlen(host) - 1);
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool
tplus_http_url_is_safe(const char *url, bool *plain)
{
	const char *rest;
	CURLU	   *parsed;
	char	   *host = NULL;
	char	   *port = NULL;
	bool		http = pg_strncasecmp(url, "http://", 7) == 0;
	bool		safe;

	*plain = false;
	if (!http && pg_strncasecmp(url, "https://", 8) != 0)
		return false;
	rest = url + (http ? 7 : 8);
	if (*rest == '/' || strpbrk(rest, "@?#\\ ") != NULL)
		return false;
	parsed = parse_url(url);
	if (parsed == NULL)
		return false;
	safe = curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_PORT, &port,
					 CURLU_DEFAULT_PORT) == CURLUE_OK &&
		host[0] != '\0' && strcmp(port, "0") != 0;
	if (safe)
		*plain = http && !is_loopback(host);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	return safe;
}

char *
tplus_http_authority(const char *url)
{
	CURLU	   *parsed = parse_url(url);
	char	   *host = NULL;
	char	   *port = NULL;
	char		text[1024] = "";
	char	   *p;

	/* A host name has at most 253 bytes, so nothing is cut off. */
	if (parsed != NULL &&
		curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_PORT, &port,
					 CURLU_DEFAULT_PORT) == CURLUE_OK)
		snprintf(text, sizeof(text), "%s:%s", host, port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	for (p = text; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return pstrdup(text);
}

/* Setting a transfer up */

static void
set_up_transport(TplusHttpTransfer *transfer)
{
	const TplusHttpRequest *request = &transfer->request;
	const char *min_tls = request->min_tls ? request->min_tls : "1.2";
	int			i;

	set_option(transfer, CURLOPT_NOSIGNAL, 1L);

	/* Without it, a name resolution that hangs would delay each abort. */
	set_option(transfer, CURLOPT_QUICK_EXIT, 1L);
	set_option(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
	set_option(transfer, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	set_option(transfer, CURLOPT_FOLLOWLOCATION, 0L);
	set_option(transfer, CURLOPT_TCP_NODELAY, 1L);
	set_option(transfer, CURLOPT_TCP_KEEPALIVE, 1L);
	set_option(transfer, CURLOPT_SOCKOPTFUNCTION, new_socket_callback);
	if (request->fresh_connection)
		set_option(transfer, CURLOPT_FRESH_CONNECT, 1L);

	/*
	 * libcurl divides this among the addresses of the host.  It runs while
	 * nobody drives the transfer, too: end_by_curl() knows.
	 */
	if (request->connect_timeout_ms > 0)
		set_option(transfer, CURLOPT_CONNECTTIMEOUT_MS,
				   (long) request->connect_timeout_ms);

	set_option(transfer, CURLOPT_SSL_VERIFYPEER, 1L);
	set_option(transfer, CURLOPT_SSL_VERIFYHOST, 2L);
	for (i = 0; i < (int) lengthof(tls_versions); i++)
	{
		if (strcmp(tls_versions[i].name, min_tls) == 0)
			break;
	}
	if (i == (int) lengthof(tls_versions))
		elog(ERROR, "unrecognized TLS version \"%s\"", min_tls);
	set_option(transfer, CURLOPT_SSLVERSION, tls_versions[i].version);
	if (request->ca_file)
		set_option(transfer, CURLOPT_CAINFO, request->ca_file);
	if (request->client_cert)
		set_option(transfer, CURLOPT_SSLCERT, request->client_cert);
	if (request->client_key)
		set_option(transfer, CURLOPT_SSLKEY, request->client_key);
}

/*
 * The proxy, or none: the environment of the server must not silently send
 * credentials elsewhere.
 */
static void
set_up_proxy(TplusHttpTransfer *transfer)
{
	const TplusHttpRequest *request = &transfer->request;
	CURLU	   *url;
	char	   *user = NULL;
	CURLcode	code = CURLE_OK;

	set_option(transfer, CURLOPT_NOPROXY, "");
	set_option(transfer, CURLOPT_PROXY, request->proxy ? request->proxy : "");
	if (request->proxy == NULL)
		return;

	if (request->proxy_password)
		set_option(transfer, CURLOPT_PROXYPASSWORD, request->proxy_password);
	url = curl_url();
	if (url == NULL)
		setup_failed("proxy", true, "out of memory");
	if (curl_url_set(url, CURLUPART_URL, request->proxy,
					 CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK)
		code = curl_easy_setopt(transfer->easy, CURLOPT_PROXYUSERNAME, user);
	curl_free(user);
	curl_url_cleanup(url);
	if (code != CURLE_OK)
		setup_failed("CURLOPT_PROXYUSERNAME", true, curl_easy_strerror(code));
}

static void
add_header(TplusHttpTransfer *transfer, const char *header)
{
	struct curl_slist *list = curl_slist_append(transfer->headers, header);

	if (list == NULL)
		setup_failed("header", true, "out of memory");
	transfer->headers = list;
}

/*
 * What is asked for.  Returns false, with the reason in transfer->error, if
 * it cannot be sent.
 */
static bool
set_up_message(TplusHttpTransfer *transfer)
{
	const TplusHttpRequest *request = &transfer->request;
	char	   *url = build_url(request);
	CURLcode	code;
	ListCell   *lc;

	if (url == NULL)
	{
		strlcpy(transfer->error, "the URL does not stay at the base URL",
				sizeof(transfer->error));
		return false;
	}
	code = curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	explicit_bzero(url, strlen(url));
	curl_free(url);
	if (code != CURLE_OK)
		setup_failed("CURLOPT_URL", true, curl_easy_strerror(code));

	foreach(lc, request->headers)
	{
		const char *header = lfirst(lc);

		if (strpbrk(header, "\r\n") != NULL)
		{
			strlcpy(transfer->error, "a request header holds a line break",
					sizeof(transfer->error));
			return false;
		}
		add_header(transfer, header);
	}
	add_header(transfer, "Expect:");
	set_option(transfer, CURLOPT_HTTPHEADER, transfer->headers);
	set_option(transfer, CURLOPT_USERAGENT, USER_AGENT);
	set_option(transfer, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");

	if (strcmp(request->method, "POST") == 0)
	{
		set_option(transfer, CURLOPT_POST, 1L);
		set_option(transfer, CURLOPT_POSTFIELDSIZE_LARGE,
				   (curl_off_t) (request->body ? request->body_len : 0));
		set_option(transfer, CURLOPT_POSTFIELDS,
				   request->body ? request->body : "");
	}
	else if (strcmp(request->method, "GET") == 0)
		set_option(transfer, CURLOPT_HTTPGET, 1L);
	else
		elog(ERROR, "unrecognized HTTP method \"%s\"", request->method);
	return true;
}

static void
set_up_callbacks(TplusHttpTransfer *transfer)
{
	set_option(transfer, CURLOPT_PRIVATE, transfer);
	set_option(transfer, CURLOPT_ERRORBUFFER, transfer->error);
	set_option(transfer, CURLOPT_PREREQFUNCTION, connected_callback);
	set_option(transfer, CURLOPT_PREREQDATA, transfer);
	set_option(transfer, CURLOPT_HEADERFUNCTION, header_callback);
	set_option(transfer, CURLOPT_HEADERDATA, transfer);
	set_option(transfer, CURLOPT_WRITEFUNCTION, body_callback);
	set_option(transfer, CURLOPT_WRITEDATA, transfer);
}

/* Ending a transfer */

/* Gives back all but the result and the body.  May be called again. */
static void
detach(TplusHttpTransfer *transfer)
{
	struct curl_slist *item;

	if (transfer->added)
	{
		(void) curl_multi_remove_handle(multi, transfer->easy);
		dlist_delete(&transfer->node);
		transfer->added = false;
	}
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	for (item = transfer->headers; item != NULL; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	if (transfer->holds_fd)
		ReleaseExternalFD();
	transfer->holds_fd = false;
}

/* Runs when the context of a transfer goes, in whatever phase that is. */
static void
free_callback(void *arg)
{
	TplusHttpTransfer *transfer = arg;

	detach(transfer);
	if (transfer->buffer != NULL)
		explicit_bzero(transfer->buffer, transfer->capacity);
	free(transfer->buffer);
	transfer->buffer = NULL;
}

static const char *
phase_name(TplusHttpTransfer *transfer)
{
	curl_off_t	resolved = 0;
	curl_off_t	reached = 0;

	if (transfer->header_done)
		return "reading the body of the response";
	if (transfer->connected)
		return "waiting for the first byte of the response";
	get_info(transfer, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
	get_info(transfer, CURLINFO_CONNECT_TIME_T, &reached);
	if (reached > 0)
		return "negotiating the connection";
	return resolved > 0 ? "connecting" : "resolving the host name";
}

/*
 * Milliseconds that the server asks us to stay away, -1 if it does not.  A
 * date is taken relative to the server's own, because clocks differ.
 */
static int64
retry_after_ms(CURL *easy)
{
	struct curl_header *header;
	const char *value;
	int64		seconds;

	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1,
						 &header) != CURLHE_OK)
		return -1;
	value = header->value;
	if (value[0] != '\0' && strspn(value, "0123456789") == strlen(value))
		seconds = strlen(value) > 9 ? MAX_RETRY_AFTER_S :
			strtol(value, NULL, 10);
	else
	{
		time_t		date = curl_getdate(value, NULL);
		time_t		reference = -1;

		if (date == -1)
			return -1;
		if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1,
							 &header) == CURLHE_OK)
			reference = curl_getdate(header->value, NULL);
		seconds = date - (reference != -1 ? reference : time(NULL));
	}
	return Max(0, Min(seconds, MAX_RETRY_AFTER_S)) * 1000;
}

/* Brings the result up to date with what libcurl knows. */
static void
update_result(TplusHttpTransfer *transfer)
{
	TplusHttpResult *result = &transfer->result;
	curl_off_t	received = 0;
	curl_off_t	uploaded = 0;
	long		header_bytes = 0;
	long		status = 0;
	const char *type = NULL;

	get_info(transfer, CURLINFO_SIZE_DOWNLOAD_T, &received);
	get_info(transfer, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	get_info(transfer, CURLINFO_HEADER_SIZE, &header_bytes);
	if (transfer->moved != received + uploaded + header_bytes)
	{
		transfer->moved = received + uploaded + header_bytes;
		transfer->heard_at = attended_us;
	}
	result->wire_bytes = received;

	if (result->content_type[0] != '\0' || !transfer->header_done)
		return;
	get_info(transfer, CURLINFO_RESPONSE_CODE, &status);
	get_info(transfer, CURLINFO_CONTENT_TYPE, &type);
	result->status = (int) status;
	if (type != NULL)
		strlcpy(result->content_type, type, sizeof(result->content_type));
	result->retry_after_ms = retry_after_ms(transfer->easy);
}

/*
 * The transfer is over.  Foreign bytes in the message (a certificate may name
 * anything) are replaced, because nobody knows their encoding.
 */
static void
end_transfer(TplusHttpTransfer *transfer, TplusHttpFailure failure,
			 const char *message)
{
	TplusHttpResult *result = &transfer->result;
	char	   *p;

	result->failure = failure;
	result->state = failure == TPLUS_HTTP_OK ?
		TPLUS_HTTP_DONE : TPLUS_HTTP_FAILED;
	result->total_us = now_us() - transfer->begun_us;
	strlcpy(result->message, message, sizeof(result->message));
	for (p = result->message; *p; p++)
	{
		if (*p < ' ' || *p >= 0x7f)
			*p = '?';
	}
	detach(transfer);
}

static void
end_by_deadline(TplusHttpTransfer *transfer, TplusHttpFailure failure)
{
	const TplusHttpRequest *request = &transfer->request;
	int			limit_ms = request->request_timeout_ms;
	char		message[sizeof(transfer->result.message)];

	if (failure == TPLUS_HTTP_CONNECT_TIMEOUT)
		limit_ms = request->connect_timeout_ms;
	else if (failure == TPLUS_HTTP_STALL_TIMEOUT)
		limit_ms = request->stall_timeout_ms;
	snprintf(message, sizeof(message), "%s after %d ms while %s",
			 failure == TPLUS_HTTP_STALL_TIMEOUT ? "stalled" : "timed out",
			 limit_ms, phase_name(transfer));
	end_transfer(transfer, failure, message);
}

/*
 * What a code of libcurl means here.  Two of its codes cover too much: a
 * connection lost while TLS was negotiated is no fault of certificates, and a
 * proxy's refusal counts as an error in receiving.
 */
static TplusHttpFailure
classify(TplusHttpTransfer *transfer, CURLcode code)
{
	TplusHttpFailure failure;
	long		proxy_status = 0;
	int			i;

	if (transfer->reason != TPLUS_HTTP_OK)
		return transfer->reason;
	failure = transfer->connected ? TPLUS_HTTP_BROKEN : TPLUS_HTTP_LOCAL;
	for (i = 0; i < (int) lengthof(failures); i++)
	{
		if (failures[i].code == code)
			failure = failures[i].failure;
	}
	if (code == CURLE_SSL_CONNECT_ERROR &&
		(strstr(transfer->error, "SSL_connect:") != NULL ||
		 strstr(transfer->error, "unexpected eof") != NULL))
		failure = TPLUS_HTTP_BROKEN;
	if (code == CURLE_RECV_ERROR && !transfer->connected)
	{
		get_info(transfer, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
		if (proxy_status >= 300)
			failure = TPLUS_HTTP_CONNECT;
	}
	return failure;
}

/*
 * libcurl says that the transfer is over.  If its limit for connecting has
 * passed only because nobody drove it, nothing was sent: begin again.
 */
static void
end_by_curl(TplusHttpTransfer *transfer, CURLcode code)
{
	int64		waited_us = attended_us - transfer->begun_at;

	if (code == CURLE_OPERATION_TIMEDOUT && !transfer->connected &&
		waited_us < transfer->request.connect_timeout_ms * INT64CONST(1000) &&
		curl_multi_remove_handle(multi, transfer->easy) == CURLM_OK)
	{
		if (curl_multi_add_handle(multi, transfer->easy) == CURLM_OK)
			return;
	}
	if (code == CURLE_OK)
		transfer->header_done = true;
	update_result(transfer);
	if (code == CURLE_OPERATION_TIMEDOUT && !transfer->connected)
		end_by_deadline(transfer, TPLUS_HTTP_CONNECT_TIMEOUT);
	else if (code == CURLE_OK && transfer->reason == TPLUS_HTTP_OK)
		end_transfer(transfer, TPLUS_HTTP_OK, "");
	else
		end_transfer(transfer, classify(transfer, code),
					 transfer->error[0] != '\0' ?
					 transfer->error : curl_easy_strerror(code));
}

/* When, on our clock, the transfer has had its time, and which limit it is. */
static int64
next_deadline(const TplusHttpTransfer *transfer, TplusHttpFailure *failure)
{
	const TplusHttpRequest *request = &transfer->request;
	int			phase_ms = transfer->connected ?
		request->stall_timeout_ms : request->connect_timeout_ms;
	int64		phase_begun = transfer->connected ?
		transfer->heard_at : transfer->begun_at;
	int64		deadline = NEVER;

	if (transfer->paused)
		return NEVER;
	if (request->request_timeout_ms > 0)
	{
		deadline = transfer->begun_at +
			request->request_timeout_ms * INT64CONST(1000);
		*failure = TPLUS_HTTP_REQUEST_TIMEOUT;
	}
	if (phase_ms > 0 && phase_begun + phase_ms * INT64CONST(1000) <= deadline)
	{
		deadline = phase_begun + phase_ms * INT64CONST(1000);
		*failure = transfer->connected ?
			TPLUS_HTTP_STALL_TIMEOUT : TPLUS_HTTP_CONNECT_TIMEOUT;
	}
	return deadline;
}

/* The interface */

TplusHttpTransfer *
tplus_http_start(const TplusHttpRequest *request, MemoryContext context)
{
	TplusHttpTransfer *transfer;
	MemoryContext own;

	open_multi();

	/* A context of its own, so that free() gives all of it back. */
	own = AllocSetContextCreate(context, "tplus http transfer",
								ALLOCSET_SMALL_SIZES);
	transfer = MemoryContextAllocZero(own, sizeof(TplusHttpTransfer));
	transfer->context = own;
	transfer->request = *request;
	transfer->result.retry_after_ms = -1;
	transfer->result.first_byte_us = -1;
	transfer->begun_us = now_us();
	transfer->begun_at = attended_us;
	transfer->callback.func = free_callback;
	transfer->callback.arg = transfer;
	MemoryContextRegisterResetCallback(own, &transfer->callback);

	transfer->holds_fd = AcquireExternalFD();
	if (!transfer->holds_fd)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open another connection"),
				 errdetail("There are too many open files on the local server."),
				 errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" limits.")));
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		setup_failed("curl_easy_init", true, "out of memory");
	set_up_callbacks(transfer);
	set_up_transport(transfer);
	set_up_proxy(transfer);
	if (!set_up_message(transfer))
		end_transfer(transfer, TPLUS_HTTP_LOCAL, transfer->error);
	else if (curl_multi_add_handle(multi, transfer->easy) == CURLM_OK)
	{
		dlist_push_tail(&running, &transfer->node);
		transfer->added = true;
	}
	else
		setup_failed("curl_multi_add_handle", false, "refused");
	return transfer;
}

/*
 * Tells libcurl about one event.  It may start a thread that resolves a name;
 * that inherits our mask, and must not run signal handlers of PostgreSQL.
 */
static void
act(curl_socket_t fd, int what)
{
	static const int synchronous[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS
	};
	sigset_t	blocked;
	sigset_t	saved;
	int			still_running;
	int			i;

	sigfillset(&blocked);
	for (i = 0; i < (int) lengthof(synchronous); i++)
		sigdelset(&blocked, synchronous[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &saved);
	(void) curl_multi_socket_action(multi, fd, what, &still_running);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

/* Hands over what is ready now; returns false if nothing was. */
static bool
act_on_events(void)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int			count = epoll_wait(epoll_fd, events, EVENTS_PER_ROUND, 0);
	bool		any = false;
	uint64		expirations;
	int			i;

	for (i = 0; i < count; i++)
	{
		int			what = 0;

		if (events[i].data.fd == timer_fd)
		{
			/* Another event may have been the reason to move it since. */
			if (read(timer_fd, &expirations, sizeof(expirations)) > 0)
				any = true;
			continue;
		}
		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		act(events[i].data.fd, what);
		any = true;
	}
	if (now_us() >= curl_due)
	{
		curl_due = NEVER;
		act(CURL_SOCKET_TIMEOUT, 0);
		any = true;
	}
	return any;
}

void
tplus_http_drive(void)
{
	dlist_mutable_iter iter;
	CURLMsg    *message;
	int			left;
	int			round;

	if (multi == NULL)
		return;
	if (attend_since > 0)
	{
		attended_us += Min(now_us() - attend_since, ATTEND_US);
		attend_since = 0;
	}
	for (round = 0; round < ROUNDS_PER_DRIVE && act_on_events(); round++)
		;
	arm_timer();

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		TplusHttpTransfer *transfer = NULL;

		if (message->msg == CURLMSG_DONE &&
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
							  (char **) &transfer) == CURLE_OK)
			end_by_curl(transfer, message->data.result);
	}
	dlist_foreach_modify(iter, &running)
	{
		TplusHttpTransfer *transfer = dlist_container(TplusHttpTransfer, node,
													  iter.cur);
		TplusHttpFailure failure = TPLUS_HTTP_OK;

		update_result(transfer);
		if (next_deadline(transfer, &failure) <= attended_us)
			end_by_deadline(transfer, failure);
	}
}

void
tplus_http_wait(TplusHttpTransfer *transfer, long timeout_ms)
{
	int64		give_up = timeout_ms < 0 ? NEVER :
		now_us() + timeout_ms * INT64CONST(1000);

	for (;;)
	{
		TplusHttpFailure ignored;
		int64		begun;
		int64		sleep_us;

		tplus_http_drive();
		if (transfer->result.state != TPLUS_HTTP_RUNNING ||
			unread_bytes(transfer) > 0)
			return;
		begun = now_us();
		if (begun >= give_up)
			return;
		sleep_us = Min(next_deadline(transfer, &ignored) - attended_us,
					   give_up - begun);
		sleep_us = Min(sleep_us, INT64CONST(60000000));
		tplus_wait(epoll_fd, (long) ((sleep_us + 999) / 1000),
				   TPLUS_WAIT_NETWORK);
		attended_us += now_us() - begun;
	}
}

pgsocket
tplus_http_fd(void)
{
	open_multi();
	return epoll_fd;
}

void
tplus_http_attend(void)
{
	open_multi();
	attend_since = now_us();
	arm_timer();
}

/* Goes on with a paused transfer, if its unread bytes allow. */
static void
resume(TplusHttpTransfer *transfer)
{
	CURLcode	code;

	if (!transfer->paused || transfer->easy == NULL ||
		(!transfer->drained && unread_bytes(transfer) > LOW_WATER))
		return;
	transfer->paused = false;
	transfer->begun_at += attended_us - transfer->paused_at;
	transfer->heard_at = attended_us;

	/* This calls body_callback, which may pause again. */
	code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
	if (code != CURLE_OK)
		end_by_curl(transfer, code);
}

const char *
tplus_http_body(TplusHttpTransfer *transfer, size_t *len)
{
	*len = unread_bytes(transfer);
	return *len > 0 ? transfer->buffer + transfer->start : "";
}

void
tplus_http_consume(TplusHttpTransfer *transfer, size_t len)
{
	Assert(len <= unread_bytes(transfer));
	transfer->start += len;
	if (transfer->start == transfer->end)
	{
		transfer->start = transfer->end = 0;

		/* What drain() has let grow is not needed twice. */
		if (transfer->capacity > 4 * HIGH_WATER)
		{
			free(transfer->buffer);
			transfer->buffer = NULL;
			transfer->capacity = 0;
		}
	}
	resume(transfer);
}

void
tplus_http_drain(TplusHttpTransfer *transfer)
{
	transfer->drained = true;
	resume(transfer);
}

const TplusHttpResult *
tplus_http_result(TplusHttpTransfer *transfer)
{
	return &transfer->result;
}

void
tplus_http_free(TplusHttpTransfer *transfer)
{
	if (transfer != NULL)
		MemoryContextDelete(transfer->context);
}

char *
tplus_http_library(void)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return psprintf("libcurl %s, %s, zlib %s, %s name resolution",
					info->version,
					info->ssl_version ? info->ssl_version : "no TLS",
					info->libz_version ? info->libz_version : "none",
					info->features & CURL_VERSION_ASYNCHDNS ?
					"asynchronous" : "blocking");
}
