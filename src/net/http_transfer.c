/*-------------------------------------------------------------------------
 *
 * http_transfer.c
 *		A transfer: how it ends, and how its body is pulled.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_transfer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "net/http_loop.h"
#include "net/http_transfer.h"

StaticAssertDecl(TPLUS_HTTP_ERROR_SIZE >= CURL_ERROR_SIZE,
				 "libcurl writes so much");

void
tplus_http_transfer_detach(TplusHttpTransfer *transfer)
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

void
tplus_http_transfer_end(TplusHttpTransfer *transfer, TplusHttpFailure failure,
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
	tplus_http_transfer_detach(transfer);
}

void
tplus_http_transfer_expire(TplusHttpTransfer *transfer, TplusHttpFailure failure)
{
	char		message[sizeof(transfer->result.message)];

	tplus_http_result_overdue(&transfer->request, failure,
							  phase_name(transfer), message, sizeof(message));
	tplus_http_transfer_end(transfer, failure, message);
}

/*
 * Has libcurl's limit for connecting passed only because nobody drove the
 * transfer?  Nothing was sent, so it may begin again.
 */
static bool
begins_again(TplusHttpTransfer *transfer, int code)
{
	int64		waited_us = tplus_http_loop_waited() - transfer->begun_at;

	if (code != CURLE_OPERATION_TIMEDOUT || transfer->sent ||
		waited_us >= transfer->request.connect_timeout_ms * INT64CONST(1000))
		return false;
	tplus_http_loop_remove(transfer->easy);
	return tplus_http_loop_add(transfer->easy) == NULL;
}

void
tplus_http_transfer_update(TplusHttpTransfer *transfer)
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

void
tplus_http_transfer_end_intake(TplusHttpTransfer *transfer)
{
	if (transfer->intake.pending)
		return;
	if (tplus_http_intake_is_cut_off(&transfer->intake))
		tplus_http_transfer_end(transfer, TPLUS_HTTP_BROKEN,
								"the compressed body ended too early");
	else
		tplus_http_transfer_end(transfer, TPLUS_HTTP_OK, "");
}

void
tplus_http_transfer_end_by_curl(TplusHttpTransfer *transfer, int code)
{
	const char *text = transfer->error;
	TplusHttpFailure failure = transfer->refusal;

	if (begins_again(transfer, code))
		return;
	if (transfer->result.first_byte_us >= 0)
		transfer->header_done = true;
	tplus_http_transfer_update(transfer);

	if (failure != TPLUS_HTTP_OK && transfer->problem == NULL)
	{
		tplus_http_transfer_expire(transfer, failure);
		return;
	}
	if (failure != TPLUS_HTTP_OK)
		text = transfer->problem;
	else if (tplus_http_result_is_overlong(code, text,
										   transfer->sent && !transfer->head_whole))
	{
		failure = TPLUS_HTTP_HEAD;
		text = "a line beside the body is too long";
	}
	else if (code == CURLE_OPERATION_TIMEDOUT && !transfer->sent)
	{
		tplus_http_transfer_expire(transfer, TPLUS_HTTP_CONNECT_TIMEOUT);
		return;
	}
	else if (code == CURLE_OK)
	{
		text = tplus_http_result_gap(&transfer->result, transfer->easy,
									 transfer->head_whole);
		if (text[0] == '\0')
		{
			transfer->all_came = true;
			tplus_http_transfer_detach(transfer);
			tplus_http_transfer_end_intake(transfer);
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
	tplus_http_transfer_end(transfer, failure, text);
}

int64
tplus_http_transfer_deadline(const TplusHttpTransfer *transfer, TplusHttpFailure *failure)
{
	if (transfer->paused)
		return TPLUS_HTTP_NEVER;
	return tplus_http_result_deadline(&transfer->request, transfer->sent,
									  transfer->begun_at, transfer->heard_at,
									  failure);
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
		tplus_http_transfer_end(transfer, failure, transfer->intake.problem);
	else if (transfer->all_came)
		tplus_http_transfer_end_intake(transfer);
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
		tplus_http_transfer_end_by_curl(transfer, code);
}

const char *
tplus_http_transfer_body(TplusHttpTransfer *transfer, size_t *len)
{
	return tplus_http_intake_bytes(&transfer->intake, len);
}

void
tplus_http_transfer_consume(TplusHttpTransfer *transfer, size_t len)
{
	tplus_http_intake_consume(&transfer->intake, len);
	resume(transfer);
}

void
tplus_http_transfer_drain(TplusHttpTransfer *transfer)
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
