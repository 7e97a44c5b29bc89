/*-------------------------------------------------------------------------
 *
 * server.c
 *		Answers T+ queries with bytes that were prepared, for measurements.
 *
 *		server [--port N] [--parent PID] [--latency MS] [--records FILE]
 *			   [--keys FILE] [--synthetic N]
 *
 * A simulator that renders each page would be slower than what is measured.
 * Here a file holds one record a line, each ended by a comma and ordered by
 * its row version, and a page is a piece of that file.  --keys has the same
 * records with key and version alone, for requests that select no more than
 * three fields.  --synthetic makes N small records instead.
 *
 * Answers POST requests to .../Query (a bare array) and .../QueryPage (with
 * TotalCount), by Ts, PageIndex and PageSize, after the latency.  No filter is
 * looked at.  GET /stats tells requests and bytes of bodies sent so far.
 * Prints its port; ends with the process PID.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_REQUEST		(64 * 1024)

typedef struct Store
{
	const char *bytes;
	size_t		count;
	size_t	   *start;			/* count + 1 of them */
	unsigned long long *version;
} Store;

static Store records;
static Store keys;
static int	latency_ms = 0;
static atomic_llong n_requests;
static atomic_llong n_bytes;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Finds the lines of the bytes and the version in each. */
static void
index_store(Store *store, const char *bytes, size_t len)
{
	const char *p = bytes;
	const char *end = bytes + len;
	size_t		size = 0;

	store->bytes = bytes;
	while (p < end)
	{
		const char *newline = memchr(p, '\n', (size_t) (end - p));
		const char *ts;

		if (newline == NULL)
			newline = end - 1;
		if (store->count + 1 >= size)
		{
			size = size ? size * 2 : 1024;
			store->start = realloc(store->start, size * sizeof(size_t));
			store->version = realloc(store->version,
									 size * sizeof(unsigned long long));
			if (store->start == NULL || store->version == NULL)
				die("realloc");
		}
		ts = memmem(p, (size_t) (newline - p), "\"Ts\":\"", 6);
		store->version[store->count] = ts ? strtoull(ts + 6, NULL, 16) : 0;
		store->start[store->count++] = (size_t) (p - bytes);
		p = newline + 1;
	}
	store->start[store->count] = len;
}

static void
load_store(Store *store, const char *path)
{
	struct stat st;
	int			fd = open(path, O_RDONLY);
	char	   *bytes;

	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	bytes = mmap(NULL, (size_t) st.st_size, PROT_READ,
				 MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		die("mmap");
	close(fd);
	index_store(store, bytes, (size_t) st.st_size);
}

static void
make_store(Store *store, size_t count)
{
	size_t		size = count * 192;
	char	   *bytes = malloc(size);
	char	   *p = bytes;

	if (bytes == NULL)
		die("malloc");
	for (size_t i = 1; i <= count; i++)
		p += snprintf(p, size - (size_t) (p - bytes),
					  "{\"ID\":\"%zu\",\"Code\":\"C%07zu\",\"Name\":\"存货 %zu\","
					  "\"Disabled\":\"False\",\"MadeRecordDate\":\"2024-%02zu-%02zu\","
					  "\"Ts\":\"%016zx\"},\n",
					  i, i, i, i % 12 + 1, i % 28 + 1, i + 1000);
	index_store(store, bytes, (size_t) (p - bytes));
}

/* The number after "name": in the body, also within quotes; or a default. */
static unsigned long long
parameter(const char *body, const char *name, int base,
		  unsigned long long otherwise)
{
	char		wanted[64];
	const char *p;

	snprintf(wanted, sizeof(wanted), "\"%s\":", name);
	p = strstr(body, wanted);
	if (p == NULL)
		return otherwise;
	p += strlen(wanted);
	while (*p == ' ' || *p == '"')
		p++;
	return strtoull(p, NULL, base);
}

/* Does the body select so few fields that the short records have them? */
static bool
selects_few(const char *body)
{
	const char *p = strstr(body, "\"SelectFields\":\"");
	int			commas = 0;

	if (p == NULL || keys.count == 0)
		return false;
	for (p += 16; *p != '\0' && *p != '"'; p++)
		commas += *p == ',';
	return commas < 2;
}

/* The first record above a version. */
static size_t
find_above(const Store *store, unsigned long long version)
{
	size_t		low = 0;
	size_t		high = store->count;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (store->version[middle] > version)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct iovec
piece(const char *bytes, size_t len)
{
	struct iovec result;

	result.iov_base = (char *) bytes;
	result.iov_len = len;
	return result;
}

static bool
send_all(int fd, struct iovec *part, int nparts)
{
	while (nparts > 0)
	{
		ssize_t		sent = writev(fd, part, nparts);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		while (nparts > 0 && (size_t) sent >= part->iov_len)
		{
			sent -= (ssize_t) part->iov_len;
			part++;
			nparts--;
		}
		if (nparts > 0)
		{
			part->iov_base = (char *) part->iov_base + sent;
			part->iov_len -= (size_t) sent;
		}
	}
	return true;
}

static bool
answer(int fd, const char *path, const char *body)
{
	const Store *store = selects_few(body) ? &keys : &records;
	bool		paged = strstr(path, "QueryPage") != NULL;
	size_t		size = parameter(body, "PageSize", 10, store->count);
	size_t		from;
	size_t		to;
	char		head[256];
	char		open[64];
	const char *close = paged ? "]}" : "]";
	struct iovec part[4];
	size_t		len;

	if (strstr(body, "\"PageIndex\":") != NULL)
		from = (parameter(body, "PageIndex", 10, 1) - 1) * size;
	else
		from = find_above(store, parameter(body, "Ts", 16, 0));
	if (from > store->count)
		from = store->count;
	to = size < store->count - from ? from + size : store->count;

	snprintf(open, sizeof(open), paged ? "{\"TotalCount\":%zu,\"Data\":[" : "[",
			 store->count);
	/* Without the comma and the newline of the last one. */
	len = to > from ? store->start[to] - store->start[from] - 2 : 0;
	part[1] = piece(open, strlen(open));
	part[2] = piece(store->bytes + store->start[from], len);
	part[3] = piece(close, strlen(close));
	len += part[1].iov_len + part[3].iov_len;
	snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\n"
			 "Content-Length: %zu\r\n\r\n", len);
	part[0] = piece(head, strlen(head));
	if (latency_ms > 0)
		usleep((useconds_t) latency_ms * 1000);
	atomic_fetch_add(&n_requests, 1);
	atomic_fetch_add(&n_bytes, (long long) len);
	return send_all(fd, part, 4);
}

static bool
answer_stats(int fd)
{
	char		response[512];
	char		json[128];
	struct iovec part;

	snprintf(json, sizeof(json), "{\"requests\": %lld, \"bytes\": %lld}\n",
			 atomic_load(&n_requests), atomic_load(&n_bytes));
	snprintf(response, sizeof(response),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s", strlen(json), json);
	part = piece(response, strlen(response));
	return send_all(fd, &part, 1);
}

/* Reads one request and answers it; false when the connection is over. */
static bool
serve_one(int fd, char *buffer, size_t *have)
{
	char	   *body = NULL;
	size_t		need = 0;
	bool		ok;
	char		kept;

	for (;;)
	{
		ssize_t		got;

		buffer[*have] = '\0';
		if (body == NULL && (body = strstr(buffer, "\r\n\r\n")) != NULL)
		{
			const char *length = strcasestr(buffer, "content-length:");

			body += 4;
			need = (size_t) (body - buffer);
			if (length != NULL && length < body)
				need += strtoull(length + 15, NULL, 10);
			if (strcasestr(buffer, "expect: 100") != NULL)
				return false;
		}
		if (body != NULL && *have >= need)
			break;
		if (*have >= MAX_REQUEST)
			return false;
		got = read(fd, buffer + *have, MAX_REQUEST - *have);
		if (got <= 0)
			return false;
		*have += (size_t) got;
	}
	kept = buffer[need];
	buffer[need] = '\0';
	if (strncmp(buffer, "GET /stats", 10) == 0)
		ok = answer_stats(fd);
	else
	{
		body[-1] = '\0';
		ok = answer(fd, buffer, body);
	}
	buffer[need] = kept;
	memmove(buffer, buffer + need, *have - need);
	*have -= need;
	return ok;
}

static void *
serve(void *arg)
{
	int			fd = (int) (long) arg;
	char	   *buffer = malloc(MAX_REQUEST + 1);
	size_t		have = 0;
	int			one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (buffer != NULL && serve_one(fd, buffer, &have))
		;
	free(buffer);
	close(fd);
	return NULL;
}

static void *
watch_parent(void *arg)
{
	while (kill((pid_t) (long) arg, 0) == 0)
		usleep(200 * 1000);
	exit(0);
}

static void
spawn(void *(*function) (void *), void *arg)
{
	pthread_t	thread;

	if (pthread_create(&thread, NULL, function, arg) != 0)
		die("pthread_create");
	pthread_detach(thread);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	int			port = 0;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i + 1 < argc; i += 2)
	{
		const char *value = argv[i + 1];

		if (strcmp(argv[i], "--port") == 0)
			port = atoi(value);
		else if (strcmp(argv[i], "--parent") == 0)
			spawn(watch_parent, (void *) atol(value));
		else if (strcmp(argv[i], "--latency") == 0)
			latency_ms = atoi(value);
		else if (strcmp(argv[i], "--records") == 0)
			load_store(&records, value);
		else if (strcmp(argv[i], "--keys") == 0)
			load_store(&keys, value);
		else if (strcmp(argv[i], "--synthetic") == 0)
			make_store(&records, strtoull(value, NULL, 10));
		else
		{
			fprintf(stderr, "unknown option %s\n", argv[i]);
			return 1;
		}
	}
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((unsigned short) port);
	if (bind(listener, (struct sockaddr *) &address, len) != 0 ||
		listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		die("listen");
	printf("%d\n", ntohs(address.sin_port));
	fclose(stdout);
	for (;;)
	{
		int			fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			spawn(serve, (void *) (long) fd);
	}
}
