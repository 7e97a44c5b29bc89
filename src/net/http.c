/*-------------------------------------------------------------------------
 *
 * http.c
 *		HTTP requests over libcurl, driven by our own wait loop.
 *
 * Nothing in a callback of libcurl's throws, and no function here throws while
 * libcurl is on the stack: a longjmp would ruin its handles for good.
 *
 * Deadlines are times of the clock of waiting (see http_loop.h).  While a
 * transfer is paused, they move along with it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <fcntl.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "net/http.h"
#include "net/http_loop.h"
#include "net/http_transfer.h"

/*
 * Name resolutions that may hang on after their transfers were aborted: each
 * is a thread with about three descriptors, until the resolver gives up.
 */
#define MAX_HANGING			32

/*
 * Lines beside the body, of whatever kind: of the head, of interim responses,
 * of the answer of a proxy, behind the body.  libcurl keeps them all.  T+ and
 * the gateways before it send a kilobyte in twenty lines.
 */
#define MAX_HEAD_BYTES		(256 * 1024)
#define MAX_HEAD_LINES		1000

/*
 * What may come beside the body, compressed or not, and twice its limit: TLS,
 * and the lengths of chunks.
 */
#define MAX_FRAMING_BYTES	(1024 * 1024)

#define STOPPED		"it was ended before the request was sent"

static dlist_head running = DLIST_STATIC_INIT(running);

/* No program that this backend starts shall inherit a connection. */
static int
socket_callback(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	TplusHttpTransfer *transfer = arg;

	transfer->socket = fd;
	transfer->received_before = 0;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

/* The transfer goes by a connection that was kept alive. */
static void
note_socket(void *owner, int fd)
{
	TplusHttpTransfer *transfer = owner;
	int64		received = transfer->socket < 0 ?
	tplus_http_result_received(fd) : -1;

	if (received < 0)
		return;
	transfer->socket = fd;
	transfer->received_before = received;
}

/*
 * libcurl has a connection, new or kept alive, and begins to send; again, if
 * one that was kept alive turned out to be dead.
 */
static int
connected_callback(void *arg, char *remote_ip, char *local_ip, int remote_port,
				   int local_port)
{
	TplusHttpTransfer *transfer = arg;

	if (transfer->sent)
		transfer->result.resent++;
	transfer->sent = true;
	transfer->heard_at = tplus_http_loop_waited();
	return CURL_PREREQFUNC_OK;
}

/* Is it to be ended while nothing was sent? */
static bool
is_stopped(const TplusHttpTransfer *transfer)
{
	return transfer->request.stop && *transfer->request.stop &&
		!transfer->sent;
}

static TplusHttpFailure
refuse(TplusHttpTransfer *transfer, TplusHttpFailure failure,
	   const char *problem)
{
	transfer->refusal = failure;
	transfer->problem = problem;
	return failure;
}

static void
note_received(TplusHttpTransfer *transfer)
{
	int64		received = tplus_http_result_received(transfer->socket);

	if (received >= 0)
		transfer->received = received - transfer->received_before;
}

/*
 * Is called all the time, also within loops of libcurl's that nothing else gets
 * out of; returns whether to end the transfer.
 */
static int
progress_callback(void *arg, curl_off_t download_total, curl_off_t downloaded,
				  curl_off_t upload_total, curl_off_t uploaded)
{
	TplusHttpTransfer *transfer = arg;
	TplusHttpFailure failure = TPLUS_HTTP_OK;

	note_received(transfer);
	if (tplus_http_loop_is_interrupted())
		failure = refuse(transfer, TPLUS_HTTP_LOCAL, "it was interrupted");
	else if (is_stopped(transfer))
		failure = refuse(transfer, TPLUS_HTTP_LOCAL, STOPPED);
	else if (tplus_http_transfer_deadline(transfer, &failure) <= tplus_http_loop_waited())
		(void) refuse(transfer, failure, NULL);
	else
		failure = TPLUS_HTTP_OK;
	return failure != TPLUS_HTTP_OK;
}

/* Gets one line of the head at a time, whole ones only. */
static size_t
header_callback(char *bytes, size_t size, size_t count, void *arg)
{
	TplusHttpTransfer *transfer = arg;

	transfer->head_bytes += size * count;
	if (transfer->head_bytes > MAX_HEAD_BYTES ||
		++transfer->head_lines > MAX_HEAD_LINES)
	{
		(void) refuse(transfer, TPLUS_HTTP_HEAD,
					  "there are too many lines beside the body");
		return 0;
	}

	if (size * count > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		transfer->head_whole = false;
	if (!transfer->head_whole)
	{
		tplus_http_intake_header(&transfer->intake, bytes, size * count);
		transfer->head_whole = bytes[0] == '\r' || bytes[0] == '\n';
	}

	/* Before, it is the answer of a proxy. */
	if (transfer->sent && transfer->result.first_byte_us < 0)
		transfer->result.first_byte_us =
			tplus_http_loop_now() - transfer->begun_us;
	return size * count;
}

static size_t
body_callback(char *bytes, size_t size, size_t count, void *arg)
{
	TplusHttpTransfer *transfer = arg;
	size_t		len = size * count;
	TplusHttpFailure failure;

	transfer->header_done = true;
	if (!transfer->resuming && tplus_http_intake_is_full(&transfer->intake))
	{
		transfer->paused = true;
		transfer->paused_at = tplus_http_loop_waited();
		return CURL_WRITEFUNC_PAUSE;
	}
	failure = tplus_http_intake_put(&transfer->intake, bytes, len);
	(void) refuse(transfer, failure, transfer->intake.problem);
	transfer->result.body_bytes = transfer->intake.bytes;
	return transfer->refusal == TPLUS_HTTP_OK ? len : 0;
}

/* Runs when the context of a transfer goes, in whatever phase that is. */
static void
free_callback(void *arg)
{
	TplusHttpTransfer *transfer = arg;

	tplus_http_transfer_detach(transfer);
	tplus_http_intake_free(&transfer->intake);
}

#define set_callback(transfer, option, value) \
	do { \
		CURLcode	code_ = curl_easy_setopt((transfer)->easy, option, value); \
		if (code_ != CURLE_OK) \
			tplus_http_setup_failed(#option, curl_easy_strerror(code_)); \
	} while (0)

static void
set_callbacks(TplusHttpTransfer *transfer)
{
	set_callback(transfer, CURLOPT_PRIVATE, transfer);
	set_callback(transfer, CURLOPT_ERRORBUFFER, transfer->error);
	set_callback(transfer, CURLOPT_SOCKOPTFUNCTION, socket_callback);
	set_callback(transfer, CURLOPT_SOCKOPTDATA, transfer);
	set_callback(transfer, CURLOPT_PREREQFUNCTION, connected_callback);
	set_callback(transfer, CURLOPT_PREREQDATA, transfer);
	set_callback(transfer, CURLOPT_HEADERFUNCTION, header_callback);
	set_callback(transfer, CURLOPT_HEADERDATA, transfer);
	set_callback(transfer, CURLOPT_XFERINFOFUNCTION, progress_callback);
	set_callback(transfer, CURLOPT_XFERINFODATA, transfer);
	set_callback(transfer, CURLOPT_NOPROGRESS, 0L);
	set_callback(transfer, CURLOPT_WRITEFUNCTION, body_callback);
	set_callback(transfer, CURLOPT_WRITEDATA, transfer);
}

/*
 * A transfer that owns nothing yet, but is sure to give back what it will.
 * It has a context of its own, so that free() leaves nothing behind.
 */
static TplusHttpTransfer *
make_transfer(const TplusHttpRequest *request, MemoryContext context)
{
	MemoryContext own = AllocSetContextCreate(context, "tplus HTTP transfer",
											  ALLOCSET_SMALL_SIZES);
	TplusHttpTransfer *transfer;

	transfer = MemoryContextAllocZero(own, sizeof(TplusHttpTransfer));
	transfer->context = own;
	transfer->request = *request;
	transfer->intake.max_bytes = request->max_response_bytes;
	transfer->socket = -1;
	transfer->result.retry_after_ms = -1;
	transfer->result.first_byte_us = -1;
	transfer->begun_us = tplus_http_loop_now();
	transfer->begun_at = tplus_http_loop_waited();
	transfer->callback.func = free_callback;
	transfer->callback.arg = transfer;
	MemoryContextRegisterResetCallback(own, &transfer->callback);
	return transfer;
}

static bool
resolver_hangs(void)
{
	int			hanging = tplus_http_loop_threads();
	dlist_iter	iter;

	dlist_foreach(iter, &running)
		hanging--;
	return hanging > MAX_HANGING;
}

TplusHttpTransfer *
tplus_http_start(const TplusHttpRequest *request, MemoryContext context)
{
	TplusHttpTransfer *transfer;
	const char *problem;

	tplus_http_loop_open(note_socket);
	transfer = make_transfer(request, context);

	transfer->holds_fd = AcquireExternalFD();
	if (!transfer->holds_fd)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not open another connection"),
				 errdetail("There are too many open files on the local server."),
				 errhint("Raise the server's max_files_per_process and/or \"ulimit -n\" limits.")));
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		tplus_http_setup_failed("curl_easy_init",
								curl_easy_strerror(CURLE_OUT_OF_MEMORY));
	set_callbacks(transfer);
	problem = tplus_http_request_apply(&transfer->request, transfer->easy,
									   &transfer->headers);
	if (problem != NULL)
	{
		tplus_http_transfer_end(transfer, TPLUS_HTTP_LOCAL, problem);
		return transfer;
	}
	if (tplus_http_request_resolves(&transfer->request) && resolver_hangs())
	{
		tplus_http_transfer_end(transfer, TPLUS_HTTP_RESOLVE,
								"too many earlier name resolutions have not ended yet");
		return transfer;
	}
	problem = tplus_http_loop_add(transfer->easy);
	if (problem != NULL)
		tplus_http_setup_failed("curl_multi_add_handle", problem);
	dlist_push_tail(&running, &transfer->node);
	transfer->added = true;
	return transfer;
}

static bool
has_too_much_framing(const TplusHttpTransfer *transfer)
{
	int64		around = transfer->received - MAX_HEAD_BYTES - MAX_FRAMING_BYTES;

	return around > 0 &&
		(uint64) around / 2 > transfer->request.max_response_bytes;
}

void
tplus_http_drive(void)
{
	dlist_mutable_iter iter;
	TplusHttpTransfer *transfer;
	int			code;

	tplus_http_loop_run();
	while ((transfer = tplus_http_loop_finished(&code)) != NULL)
		tplus_http_transfer_end_by_curl(transfer, code);

	dlist_foreach_modify(iter, &running)
	{
		TplusHttpFailure failure = TPLUS_HTTP_OK;

		transfer = dlist_container(TplusHttpTransfer, node, iter.cur);
		tplus_http_transfer_update(transfer);
		note_received(transfer);
		if (is_stopped(transfer))
			tplus_http_transfer_end(transfer, TPLUS_HTTP_LOCAL, STOPPED);
		else if (has_too_much_framing(transfer))
			tplus_http_transfer_end(transfer, TPLUS_HTTP_TOO_LARGE,
									"more came around the body than it may have itself");
		else if (tplus_http_transfer_deadline(transfer, &failure) <= tplus_http_loop_waited())
			tplus_http_transfer_expire(transfer, failure);
	}
}

/* Microseconds until the first deadline of any transfer. */
static int64
time_left(void)
{
	int64		left = TPLUS_HTTP_NEVER;
	dlist_iter	iter;

	dlist_foreach(iter, &running)
	{
		TplusHttpFailure ignored;
		int64		deadline;

		deadline = tplus_http_transfer_deadline(dlist_container(TplusHttpTransfer, node,
																iter.cur), &ignored);
		if (deadline != TPLUS_HTTP_NEVER)
			left = Min(left, deadline - tplus_http_loop_waited());
	}
	return left;
}

void
tplus_http_wait(long timeout_ms, TplusWaitReason reason)
{
	int64		left = time_left();

	if (timeout_ms >= 0)
		left = Min(left, timeout_ms * INT64CONST(1000));
	tplus_http_loop_wait(left, reason);
	tplus_http_drive();
	CHECK_FOR_INTERRUPTS();		/* one may have ended a transfer */
}

pgsocket
tplus_http_fd(MemoryContext context)
{
	return tplus_http_loop_fd(context);
}

void
tplus_http_attend(long at_most_ms)
{
	int64		left = time_left();

	if (at_most_ms >= 0)
		left = Min(left, at_most_ms * INT64CONST(1000));
	tplus_http_loop_attend(left);
}

const char *
tplus_http_body(TplusHttpTransfer *transfer, size_t *len)
{
	return tplus_http_transfer_body(transfer, len);
}

void
tplus_http_consume(TplusHttpTransfer *transfer, size_t len)
{
	tplus_http_transfer_consume(transfer, len);
}

void
tplus_http_drain(TplusHttpTransfer *transfer)
{
	tplus_http_transfer_drain(transfer);
}

const TplusHttpResult *
tplus_http_result(TplusHttpTransfer *transfer)
{
	return &transfer->result;
}

int64
tplus_http_now(void)
{
	return tplus_http_loop_now();
}

MemoryContext
tplus_http_context(TplusHttpTransfer *transfer)
{
	return transfer->context;
}

void
tplus_http_free(TplusHttpTransfer *transfer)
{
	if (transfer != NULL)
		MemoryContextDelete(transfer->context);
}
