/*-------------------------------------------------------------------------
 *
 * http_request.c
 *		What to send: safe URLs, and libcurl's handle made from a request.
 *
 * URLs go through libcurl's own parser, so that no two parsers disagree about
 * where the host ends.  Nothing here throws while it holds memory of libcurl's
 * that nobody owns.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_request.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "common/base64.h"

#include "base/version.h"
#include "net/http_decode.h"
#include "net/http_request.h"

#define USER_AGENT	"tplus_fdw/" TPLUS_VERSION

/* How much is received at once: libcurl's own 16 kB would be 30 calls a page. */
#define RECEIVE_BYTES	131072L

/* A proxy may be "host:port", or have a scheme that only proxies have. */
#define PROXY_URL_FLAGS	(CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME)

typedef struct TlsVersion
{
	const char *name;
	long		version;
} TlsVersion;

static const TlsVersion tls_versions[] = {
	{"1.0", CURL_SSLVERSION_TLSv1_0},
	{"1.1", CURL_SSLVERSION_TLSv1_1},
	{"1.2", CURL_SSLVERSION_TLSv1_2},
	{"1.3", CURL_SSLVERSION_TLSv1_3}
};

#define set_option(easy, option, value) \
	do { \
		CURLcode	code_ = curl_easy_setopt(easy, option, value); \
		if (code_ != CURLE_OK) \
			tplus_http_setup_failed(#option, curl_easy_strerror(code_)); \
	} while (0)

/* Sets an option from text of libcurl's, which is wiped and freed. */
#define set_option_and_free(easy, option, text) \
	do { \
		CURLcode	code_ = curl_easy_setopt(easy, option, text); \
		explicit_bzero(text, strlen(text)); \
		curl_free(text); \
		if (code_ != CURLE_OK) \
			tplus_http_setup_failed(#option, curl_easy_strerror(code_)); \
	} while (0)

void
tplus_http_setup_failed(const char *what, const char *why)
{
	bool		no_memory = strcmp(why, curl_easy_strerror(CURLE_OUT_OF_MEMORY)) == 0;

	ereport(ERROR,
			(errcode(no_memory ? ERRCODE_OUT_OF_MEMORY : ERRCODE_SYSTEM_ERROR),
			 errmsg("could not prepare an HTTP request"),
			 errdetail("%s failed: %s.", what, why)));
}

static CURLU *
parse_url(const char *text, unsigned int flags)
{
	CURLU	   *url = curl_url();

	if (url != NULL && curl_url_set(url, CURLUPART_URL, text,
									flags) != CURLUE_OK)
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
	CURLU	   *base = parse_url(request->base_url, 0);
	CURLU	   *extended = base ? curl_url_dup(base) : NULL;
	CURLU	   *check = NULL;
	char	   *text = NULL;

	if (extended != NULL && tplus_http_path_is_safe(request->path) &&
		extend_url(extended, request->path, request->query) &&
		curl_url_get(extended, CURLUPART_URL, &text, 0) == CURLUE_OK)
		check = parse_url(text, 0);
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

/* host is as libcurl spells it: an IPv6 address stands in brackets. */
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

/* host is as libcurl spells it. */
static bool
is_address(const char *host)
{
	struct in_addr v4;

	return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

bool
tplus_http_request_resolves(const TplusHttpRequest *request)
{
	bool		proxied = request->proxy != NULL;
	CURLU	   *url = parse_url(proxied ? request->proxy : request->base_url,
								proxied ? PROXY_URL_FLAGS : 0);
	char	   *host = NULL;
	bool		resolves = true;

	if (url != NULL &&
		curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		resolves = !is_address(host);
	curl_free(host);
	curl_url_cleanup(url);
	return resolves;
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
	parsed = parse_url(url, 0);
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

bool
tplus_http_proxy_is_safe(const char *proxy, bool *password)
{
	CURLU	   *parsed = parse_url(proxy, PROXY_URL_FLAGS);
	char	   *host = NULL;
	char	   *part = NULL;
	bool		safe;

	*password = false;
	if (parsed == NULL)
		return false;
	if (curl_url_get(parsed, CURLUPART_PASSWORD, &part, 0) == CURLUE_OK)
	{
		*password = true;
		explicit_bzero(part, strlen(part));
		curl_free(part);
	}
	safe = curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		host[0] != '\0' && strpbrk(proxy, "?#\\ ") == NULL;
	curl_free(host);
	curl_url_cleanup(parsed);
	return safe;
}

char *
tplus_http_proxy_credentials(const char *proxy, const char *password)
{
	CURLU	   *parsed = proxy ? parse_url(proxy, PROXY_URL_FLAGS) : NULL;
	char	   *user = NULL;
	char	   *pair;
	char	   *result;
	int			size;
	int			len;

	if (parsed == NULL)
		return NULL;
	(void) curl_url_get(parsed, CURLUPART_USER, &user, CURLU_URLDECODE);
	curl_url_cleanup(parsed);
	if (user == NULL && password == NULL)
		return NULL;

	/* Should one of these throw, a few bytes are lost. */
	pair = psprintf("%s:%s", user ? user : "", password ? password : "");
	size = pg_b64_enc_len(strlen(pair));
	result = palloc(size + 1);
	len = pg_b64_encode((const void *) pair, strlen(pair), result, size);
	result[Max(len, 0)] = '\0';
	explicit_bzero(pair, strlen(pair));
	curl_free(user);
	return result;
}

bool
tplus_http_query_is_safe(const char *query)
{
	for (; *query; query++)
	{
		if (*query <= ' ' || *query >= 0x7f || *query == '#')
			return false;
	}
	return true;
}

char *
tplus_http_authority(const char *url)
{
	CURLU	   *parsed = parse_url(url, 0);
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

char *
tplus_http_way(const char *url, const char *proxy)
{
	char	   *authority = tplus_http_authority(url);

	return proxy ? psprintf("%s via %s", authority, proxy) : authority;
}

static void
set_transport(const TplusHttpRequest *request, CURL *easy)
{
	set_option(easy, CURLOPT_NOSIGNAL, 1L);

	/* Without it, a name resolution that hangs would delay each abort. */
	set_option(easy, CURLOPT_QUICK_EXIT, 1L);
	set_option(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	set_option(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	set_option(easy, CURLOPT_FOLLOWLOCATION, 0L);
	set_option(easy, CURLOPT_TCP_NODELAY, 1L);
	set_option(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
	set_option(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (request->fresh_connection)
		set_option(easy, CURLOPT_FRESH_CONNECT, 1L);

	/*
	 * libcurl divides this among the addresses of the host.  It also runs
	 * while nobody drives the transfer; net/http knows.
	 */
	if (request->connect_timeout_ms > 0)
		set_option(easy, CURLOPT_CONNECTTIMEOUT_MS,
				   (long) request->connect_timeout_ms);
}

static void
set_tls(const TplusHttpRequest *request, CURL *easy)
{
	const char *min_tls = request->min_tls ? request->min_tls : "1.2";
	int			i;

	set_option(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	set_option(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	for (i = 0; i < (int) lengthof(tls_versions); i++)
	{
		if (strcmp(tls_versions[i].name, min_tls) == 0)
			break;
	}
	if (i == (int) lengthof(tls_versions))
		elog(ERROR, "unrecognized TLS version \"%s\"", min_tls);
	set_option(easy, CURLOPT_SSLVERSION, tls_versions[i].version);
	if (request->ca_file)
		set_option(easy, CURLOPT_CAINFO, request->ca_file);
	if (request->client_cert)
		set_option(easy, CURLOPT_SSLCERT, request->client_cert);
	if (request->client_key)
		set_option(easy, CURLOPT_SSLKEY, request->client_key);
}

/*
 * The proxy, or none: the environment of the server must not silently send
 * credentials elsewhere.  User and password are taken out of the URL, because
 * libcurl would prefer them to the options, and repeat them in messages.
 */
static const char *
set_proxy(const TplusHttpRequest *request, CURL *easy)
{
	CURLU	   *url;
	char	   *user = NULL;
	char	   *password = NULL;
	char	   *bare = NULL;

	set_option(easy, CURLOPT_NOPROXY, "");
	set_option(easy, CURLOPT_PROXY, "");
	if (request->proxy == NULL)
		return NULL;

	url = parse_url(request->proxy, PROXY_URL_FLAGS);
	if (url != NULL)
	{
		(void) curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE);
		(void) curl_url_get(url, CURLUPART_PASSWORD, &password,
							CURLU_URLDECODE);
		if (curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
			curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK)
			(void) curl_url_get(url, CURLUPART_URL, &bare, 0);
		curl_url_cleanup(url);
	}

	/* Should one of these throw, a few bytes are lost. */
	if (user != NULL)
		set_option_and_free(easy, CURLOPT_PROXYUSERNAME, user);
	if (password != NULL)
		set_option_and_free(easy, CURLOPT_PROXYPASSWORD, password);
	if (request->proxy_password != NULL)
		set_option(easy, CURLOPT_PROXYPASSWORD, request->proxy_password);
	if (bare == NULL)
		return "the proxy is not a valid URL";
	set_option_and_free(easy, CURLOPT_PROXY, bare);
	return NULL;
}

static const char *
set_headers(const TplusHttpRequest *request, CURL *easy,
			struct curl_slist **headers)
{
	List	   *all = lappend(list_copy(request->headers), "Expect:");
	ListCell   *lc;

	/* libcurl's own inflating takes one member of gzip only. */
	all = lappend(all, "Accept-Encoding: " TPLUS_HTTP_DECODE_ACCEPT);
	foreach(lc, all)
	{
		const char *header = lfirst(lc);
		struct curl_slist *list;

		if (strpbrk(header, "\r\n") != NULL)
			return "a request header holds a line break";
		list = curl_slist_append(*headers, header);
		if (list == NULL)
			tplus_http_setup_failed("curl_slist_append",
									curl_easy_strerror(CURLE_OUT_OF_MEMORY));
		*headers = list;
	}
	list_free(all);
	set_option(easy, CURLOPT_HTTPHEADER, *headers);
	set_option(easy, CURLOPT_USERAGENT, USER_AGENT);
	return NULL;
}

const char *
tplus_http_request_apply(const TplusHttpRequest *request, void *easy,
						 struct curl_slist **headers)
{
	const char *problem;
	char	   *url;

	set_transport(request, easy);
	set_tls(request, easy);
	problem = set_proxy(request, easy);
	if (problem == NULL)
		problem = set_headers(request, easy, headers);
	if (problem != NULL)
		return problem;

	if (strcmp(request->method, "POST") == 0)
	{
		set_option(easy, CURLOPT_POST, 1L);
		set_option(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				   (curl_off_t) (request->body ? request->body_len : 0));
		set_option(easy, CURLOPT_POSTFIELDS,
				   request->body ? request->body : "");
	}
	else if (strcmp(request->method, "GET") == 0)
		set_option(easy, CURLOPT_HTTPGET, 1L);
	else
		elog(ERROR, "unrecognized HTTP method \"%s\"", request->method);

	url = build_url(request);
	if (url == NULL)
		return "path and query cannot be appended to the base URL";
	set_option_and_free(easy, CURLOPT_URL, url);
	return NULL;
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
