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

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "net/http.h"
#include "net/http_intake.h"
#include "net/http_loop.h"

/*
 * Name resolutions that may hang on after their transfers were aborted: each
 * is a thread with about three descriptors, until the resolver gives up.
 */
#define MAX_HANGING			32

struct TplusHttpTransfer
{
	TplusHttpResult result;
	TplusHttpRequest request;
	TplusHttpIntake intake;		/* of the body */
	MemoryContext context;		/* holds this struct alone */
	MemoryContextCallback callback;

	/* what detach() gives back */
	CURL	   *easy;
	struct curl_slist *headers;
	dlist_node	node;			/* in running, if added */
	bool		added;
	bool		holds_fd;

	/* set by callbacks */
	TplusHttpFailure refusal;	/* why a callback refused to go on */
	int			socket;			/* the last one opened for us, or -1 */
	bool		sent;			/* the request is being sent, or was */
	bool		head_whole;		/* up to the empty line behind it */
	bool		header_done;
	bool		paused;
	bool		resuming;		/* see resume() */
	bool		received;		/* all has come, but is still to be inflated */
	char		error[CURL_ERROR_SIZE]; /* libcurl writes into it */

	int64		begun_us;		/* of the monotonic clock */
	int64		begun_at;		/* these three: of the clock of waiting */
	int64		heard_at;		/* when a byte last moved */
	int64		paused_at;
	curl_off_t	moved;			/* bytes sent and received by then */
};

static dlist_head running = DLIST_STATIC_INIT(running);

/* No program that this backend starts shall inherit a connection. */
static int
socket_callback(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	TplusHttpTransfer *transfer = arg;

	transfer->socket = fd;
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
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

/* Gets one line of the head at a time, whole ones only. */
static size_t
header_callback(char *bytes, size_t size, size_t count, void *arg)
{
	TplusHttpTransfer *transfer = arg;

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

	transfer->header_done = true;
	if (!transfer->resuming && tplus_http_intake_is_full(&transfer->intake))
	{
		transfer->paused = true;
		transfer->paused_at = tplus_http_loop_waited();
		return CURL_WRITEFUNC_PAUSE;
	}
	transfer->refusal = tplus_http_intake_put(&transfer->intake, bytes, len);
	transfer->result.body_bytes = transfer->intake.bytes;
	return transfer->refusal == TPLUS_HTTP_OK ? len : 0;
}

/* Gives back all but the result and the body.  May be called again. */
static void
detach(TplusHttpTransfer *transfer)
{
	struct curl_slist *item;

	if (transfer->added)
	{
		tplus_http_loop_remove(transfer->easy);
		dlist_delete(&transfer->node);
		transfer->added = false;
	}
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;

	/* They hold secrets. */
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
	tplus_http_intake_free(&transfer->intake);
}

static const char *
phase_name(const TplusHttpTransfer *transfer)
{
	if (transfer->header_done)
		return "reading the body of the response";
	if (transfer->sent)
		return "waiting for the first byte of the response";
	return tplus_http_result_connecting(transfer->easy, transfer->socket,
										transfer->request.proxy != NULL);
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
	result->total_us = tplus_http_loop_now() - transfer->begun_us;
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
	char		message[sizeof(transfer->result.message)];

	tplus_http_result_overdue(&transfer->request, failure,
							  phase_name(transfer), message, sizeof(message));
	end_transfer(transfer, failure, message);
}

/*
 * Has libcurl's limit for connecting passed only because nobody drove the
 * transfer?  Nothing was sent, so it may begin again.
 */
static bool
begins_again(TplusHttpTransfer *transfer, CURLcode code)
{
	int64		waited_us = tplus_http_loop_waited() - transfer->begun_at;

	if (code != CURLE_OPERATION_TIMEDOUT || transfer->sent ||
		waited_us >= transfer->request.connect_timeout_ms * INT64CONST(1000))
		return false;
	tplus_http_loop_remove(transfer->easy);
	return tplus_http_loop_add(transfer->easy) == NULL;
}

/* Brings the result up to date with what libcurl knows. */
static void
update_result(TplusHttpTransfer *transfer)
{
	TplusHttpResult *result = &transfer->result;
	curl_off_t	received = 0;
	curl_off_t	uploaded = 0;
	long		header_bytes = 0;

	(void) curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T,
							 &received);
	(void) curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T,
							 &uploaded);
	(void) curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE,
							 &header_bytes);
	if (transfer->moved != received + uploaded + header_bytes)
	{
		transfer->moved = received + uploaded + header_bytes;
		transfer->heard_at = tplus_http_loop_waited();
	}
	result->sent = transfer->sent;
	result->wire_bytes = received;
	if (transfer->header_done && result->status == 0)
		tplus_http_result_header(result, transfer->easy);
}

/*
 * All has come.  The transfer is over once it is inflated; until then there
 * are unread bytes, so that nobody waits for it.
 */
static void
end_intake(TplusHttpTransfer *transfer)
{
	if (transfer->intake.pending)
		return;
	if (tplus_http_intake_is_cut_off(&transfer->intake))
		end_transfer(transfer, TPLUS_HTTP_BROKEN,
					 "the compressed body ended too early");
	else
		end_transfer(transfer, TPLUS_HTTP_OK, "");
}

/* libcurl says that the transfer is over. */
static void
end_by_curl(TplusHttpTransfer *transfer, CURLcode code)
{
	const char *text = transfer->error;
	TplusHttpFailure failure = transfer->refusal;

	if (begins_again(transfer, code))
		return;
	if (transfer->result.first_byte_us >= 0)
		transfer->header_done = true;
	update_result(transfer);

	if (failure != TPLUS_HTTP_OK)
		text = transfer->intake.problem;
	else if (code == CURLE_OPERATION_TIMEDOUT && !transfer->sent)
	{
		end_by_deadline(transfer, TPLUS_HTTP_CONNECT_TIMEOUT);
		return;
	}
	else if (code == CURLE_OK)
	{
		text = tplus_http_result_gap(&transfer->result, transfer->easy,
									 transfer->head_whole);
		if (text[0] == '\0')
		{
			transfer->received = true;
			detach(transfer);
			end_intake(transfer);
			return;
		}
		failure = TPLUS_HTTP_BROKEN;
	}
	else
	{
		if (text[0] == '\0')
			text = curl_easy_strerror(code);
		failure = tplus_http_result_failure(transfer->easy, code, text,
											transfer->sent);
	}
	end_transfer(transfer, failure, text);
}

/* When, on our clock, the transfer has had its time, and which limit it is. */
static int64
next_deadline(const TplusHttpTransfer *transfer, TplusHttpFailure *failure)
{
	if (transfer->paused)
		return TPLUS_HTTP_NEVER;
	return tplus_http_result_deadline(&transfer->request, transfer->sent,
									  transfer->begun_at, transfer->heard_at,
									  failure);
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

	tplus_http_loop_open();
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
		end_transfer(transfer, TPLUS_HTTP_LOCAL, problem);
		return transfer;
	}
	if (tplus_http_request_resolves(&transfer->request) && resolver_hangs())
	{
		end_transfer(transfer, TPLUS_HTTP_RESOLVE,
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

void
tplus_http_drive(void)
{
	dlist_mutable_iter iter;
	TplusHttpTransfer *transfer;
	int			code;

	tplus_http_loop_run();
	while ((transfer = tplus_http_loop_finished(&code)) != NULL)
		end_by_curl(transfer, code);

	dlist_foreach_modify(iter, &running)
	{
		TplusHttpFailure failure = TPLUS_HTTP_OK;

		transfer = dlist_container(TplusHttpTransfer, node, iter.cur);
		update_result(transfer);
		if (next_deadline(transfer, &failure) <= tplus_http_loop_waited())
			end_by_deadline(transfer, failure);
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

		deadline = next_deadline(dlist_container(TplusHttpTransfer, node,
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

/*
 * Inflates more of what has come; returns false if the transfer is over or
 * there is still more.
 */
static bool
inflate_more(TplusHttpTransfer *transfer)
{
	TplusHttpFailure failure = tplus_http_intake_inflate(&transfer->intake);

	transfer->result.body_bytes = transfer->intake.bytes;
	if (failure != TPLUS_HTTP_OK)
		end_transfer(transfer, failure, transfer->intake.problem);
	else if (transfer->received)
		end_intake(transfer);
	return transfer->result.state == TPLUS_HTTP_RUNNING &&
		!transfer->intake.pending;
}

/*
 * Goes on with a transfer, if its unread bytes allow: with what is still to be
 * inflated first, then with one that has paused.  libcurl then hands over the
 * bytes that it could not deliver; that must not pause again, because some of
 * its versions then would go on to receive until those bytes exceed a limit.
 */
static void
resume(TplusHttpTransfer *transfer)
{
	int64		now = tplus_http_loop_waited();
	CURLcode	code;

	if (transfer->result.state != TPLUS_HTTP_RUNNING ||
		!tplus_http_intake_is_low(&transfer->intake) ||
		!inflate_more(transfer) || !transfer->paused)
		return;
	transfer->paused = false;
	transfer->begun_at += now - transfer->paused_at;
	transfer->heard_at = now;

	transfer->resuming = true;
	code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
	transfer->resuming = false;
	if (code != CURLE_OK)
		end_by_curl(transfer, code);
}

const char *
tplus_http_body(TplusHttpTransfer *transfer, size_t *len)
{
	return tplus_http_intake_bytes(&transfer->intake, len);
}

void
tplus_http_consume(TplusHttpTransfer *transfer, size_t len)
{
	tplus_http_intake_consume(&transfer->intake, len);
	resume(transfer);
}

void
tplus_http_drain(TplusHttpTransfer *transfer)
{
	while (transfer->intake.pending)
	{
		CHECK_FOR_INTERRUPTS();
		tplus_http_intake_spool(&transfer->intake);
		resume(transfer);
	}
	if (!transfer->paused)
		return;
	tplus_http_intake_spool(&transfer->intake);
	resume(transfer);
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
