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

#include "net/http_request.h"
#include "net/http_result.h"

typedef struct TplusHttpTransfer TplusHttpTransfer;

/*
 * Starts a transfer.  It is freed with context at the latest; reset or
 * deletion of context in any phase aborts it cleanly.  Throws 58000, 53000 or
 * 53200 only if libcurl or a descriptor cannot be had at all; what goes wrong
 * with the request itself is in the result.
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
 * Without this, of the time between two calls 100 ms count.
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

#endif							/* TPLUS_HTTP_H */
