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

#include "base/wait.h"
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
 * Waits, interruptibly, until any transfer of the backend can make progress,
 * or timeout_ms (-1: none) has passed, and lets them make it.  Nothing may
 * have come of it for the caller, who looks and waits again.  Throws only what
 * an interrupt throws.
 */
extern void tplus_http_wait(long timeout_ms, TplusWaitReason reason);

/*
 * A descriptor that becomes readable when any transfer of the backend can make
 * progress; one for each caller, closed with context.  Throws 53000.
 */
extern pgsocket tplus_http_fd(MemoryContext context);

/*
 * Says that the caller is about to wait for that descriptor by itself (async
 * Append).  Time-outs run then, too: until the next drive() or wait(), for a
 * second at most.  The descriptor becomes readable when the first of them has
 * passed, or at_most_ms (-1: none); it does so in any case after that second.
 * Several callers may say so; then the shortest time counts.  Without this, of
 * the time between two calls 100 ms count.
 */
extern void tplus_http_attend(long at_most_ms);

/*
 * The unread bytes of the body, or the first of them; valid until the next
 * call of any function here.  *len is 0 if there is none.  consume() marks
 * bytes as read.  Throws 58030 or 53200 if bytes wait in a file that cannot
 * be read.
 */
extern const char *tplus_http_body(TplusHttpTransfer *transfer, size_t *len);
extern void tplus_http_consume(TplusHttpTransfer *transfer, size_t len);

/*
 * Lets a transfer go on that has paused at the high-water mark: what is unread
 * goes to a temporary file, because the consumer will not pull for a while.
 * To be called again until the transfer has ended.  Throws what the file does.
 */
extern void tplus_http_drain(TplusHttpTransfer *transfer);

/* The state of things; valid until the transfer is freed. */
extern const TplusHttpResult *tplus_http_result(TplusHttpTransfer *transfer);

/* Where it lives; what is called when that is reset finds it as it was. */
extern MemoryContext tplus_http_context(TplusHttpTransfer *transfer);

/* Microseconds of a monotonic clock, that of all times here. */
extern int64 tplus_http_now(void);

/* Aborts if it still runs, and frees.  NULL is fine. */
extern void tplus_http_free(TplusHttpTransfer *transfer);

#endif							/* TPLUS_HTTP_H */
