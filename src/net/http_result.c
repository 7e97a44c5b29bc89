/*-------------------------------------------------------------------------
 *
 * http_result.c
 *		What came of a request: its state, and why there is no whole response.
 *
 * Nothing here throws: it runs between calls of libcurl that must be completed.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_result.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "net/http_result.h"

/* A Retry-After beyond a year is as good as a year. */
#define MAX_RETRY_AFTER_S	INT64CONST(31536000)

typedef struct Meaning
{
	CURLcode	code;
	TplusHttpFailure failure;
} Meaning;

/* What is not here is BROKEN if the request was sent, LOCAL otherwise. */
static const Meaning meanings[] = {
	{CURLE_COULDNT_RESOLVE_HOST, TPLUS_HTTP_RESOLVE},
	{CURLE_COULDNT_RESOLVE_PROXY, TPLUS_HTTP_RESOLVE},
	{CURLE_COULDNT_CONNECT, TPLUS_HTTP_CONNECT},
	{CURLE_PROXY, TPLUS_HTTP_CONNECT},
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
	{CURLE_OUT_OF_MEMORY, TPLUS_HTTP_LOCAL},
	{CURLE_SEND_ERROR, TPLUS_HTTP_BROKEN},
	{CURLE_RECV_ERROR, TPLUS_HTTP_BROKEN},
	{CURLE_GOT_NOTHING, TPLUS_HTTP_BROKEN}
};

/*
 * Was the connection lost while TLS was negotiated?  libcurl has one code for
 * that and for a refusal; OpenSSL's own refusals begin with "error:".
 */
static bool
lost_in_handshake(const char *text)
{
	return strstr(text, "error:") == NULL ||
		strstr(text, "unexpected eof") != NULL;
}

int64
tplus_http_result_received(int fd)
{
	struct tcp_info info;
	socklen_t	len = sizeof(info);

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
		len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return -1;
	return (int64) info.tcpi_bytes_received;
}

/*
 * libcurl's own limits for a line of a head, 100 kB, and for one behind a
 * body, 4 kB: it takes what exceeds them for a lack of memory, or says so
 * since version 8.6.
 */
bool
tplus_http_result_is_overlong(int code, const char *text, bool within_head)
{
#if LIBCURL_VERSION_NUM >= 0x080600
	if (code == CURLE_TOO_LARGE)
		return true;
#endif
	return (code == CURLE_OUT_OF_MEMORY && within_head) ||
		strstr(text, "Out of memory in chunked") != NULL;
}

TplusHttpFailure
tplus_http_result_failure(void *easy, int code, const char *text, bool sent)
{
	long		proxy_status = 0;
	int			i;

	if (code == CURLE_SSL_CONNECT_ERROR && lost_in_handshake(text))
		return TPLUS_HTTP_BROKEN;

	/* The refusal of a proxy counts as an error in receiving. */
	if (!sent)
		(void) curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE,
								 &proxy_status);
	if (proxy_status == 407)
		return TPLUS_HTTP_PROXY_LOGIN;
	if (code == CURLE_RECV_ERROR && proxy_status >= 300)
		return TPLUS_HTTP_CONNECT;

	for (i = 0; i < (int) lengthof(meanings); i++)
	{
		if ((int) meanings[i].code == code)
			return meanings[i].failure;
	}
	return sent ? TPLUS_HTTP_BROKEN : TPLUS_HTTP_LOCAL;
}

const char *
tplus_http_result_connecting(void *easy, int fd, bool proxied)
{
	struct sockaddr_storage peer;
	socklen_t	len = sizeof(peer);
	curl_off_t	resolved = 0;

	if (fd >= 0 && getpeername(fd, (struct sockaddr *) &peer, &len) == 0)
		return proxied ? "negotiating with the proxy or about TLS" :
			"negotiating TLS";
	(void) curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
	return resolved > 0 ? "connecting" : "resolving the host name";
}

int64
tplus_http_result_deadline(const TplusHttpRequest *request, bool sent,
						   int64 begun_at, int64 heard_at,
						   TplusHttpFailure *failure)
{
	int			phase_ms = sent ? request->stall_timeout_ms :
	request->connect_timeout_ms;
	int64		phase_begun = sent ? heard_at : begun_at;
	int64		deadline = TPLUS_HTTP_NEVER;

	if (request->request_timeout_ms > 0)
	{
		deadline = begun_at + request->request_timeout_ms * INT64CONST(1000);
		*failure = TPLUS_HTTP_REQUEST_TIMEOUT;
	}
	if (phase_ms > 0 && phase_begun + phase_ms * INT64CONST(1000) <= deadline)
	{
		deadline = phase_begun + phase_ms * INT64CONST(1000);
		*failure = sent ? TPLUS_HTTP_STALL_TIMEOUT :
			TPLUS_HTTP_CONNECT_TIMEOUT;
	}
	return deadline;
}

void
tplus_http_result_overdue(const TplusHttpRequest *request,
						  TplusHttpFailure failure, const char *phase,
						  char *message, size_t size)
{
	bool		stalled = failure == TPLUS_HTTP_STALL_TIMEOUT;
	int			limit_ms = request->request_timeout_ms;

	if (failure == TPLUS_HTTP_CONNECT_TIMEOUT)
		limit_ms = request->connect_timeout_ms;
	else if (stalled)
		limit_ms = request->stall_timeout_ms;
	snprintf(message, size, "%s %d ms while %s",
			 stalled ? "no byte came for" : "timed out after", limit_ms, phase);
}

static const char *
header_value(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1,
						 &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

const char *
tplus_http_result_gap(const TplusHttpResult *result, void *easy,
					  bool head_whole)
{
	if (!head_whole || result->status == 0)
		return "the connection ended within the head of the response";
	if (result->body_bytes > 0)
		return "";
	if (result->status >= 200 && result->status < 300 &&
		result->status != 204 &&
		header_value(easy, "Content-Length") == NULL &&
		header_value(easy, "Transfer-Encoding") == NULL)
		return "the connection ended before the body of the response";
	return "";
}

/*
 * Milliseconds that the server asks us to stay away, -1 if it does not.  A
 * date is taken relative to the server's own, because clocks differ.
 */
static int64
retry_after_ms(CURL *easy)
{
	const char *value = header_value(easy, "Retry-After");
	int64		seconds;

	if (value == NULL || value[0] == '\0')
		return -1;
	if (strspn(value, "0123456789") == strlen(value))
		seconds = strtol(value, NULL, 10);	/* LONG_MAX if too long */
	else
	{
		time_t		date = curl_getdate(value, NULL);
		const char *server_date = header_value(easy, "Date");
		time_t		now = -1;

		if (date == -1)
			return -1;
		if (server_date != NULL)
			now = curl_getdate(server_date, NULL);
		if (now == -1)
			now = time(NULL);
		seconds = date - now;
	}
	return Max(0, Min(seconds, MAX_RETRY_AFTER_S)) * 1000;
}

void
tplus_http_result_header(TplusHttpResult *result, void *easy)
{
	long		status = 0;
	const char *type = NULL;

	/* An interim response is none yet. */
	if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
		status >= 200)
		result->status = (int) status;
	if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK &&
		type != NULL)
		strlcpy(result->content_type, type, sizeof(result->content_type));
	result->retry_after_ms = retry_after_ms(easy);
}
