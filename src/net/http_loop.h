/*-------------------------------------------------------------------------
 *
 * http_loop.h
 *		libcurl's multi handle behind one descriptor, and the clock of waiting.
 *
 * The clock advances only while this backend waits for the network, is busy
 * with what comes from there, or keeps coming back to it: time-outs run on it.  A consumer may leave a transfer
 * alone for minutes without being told that the server was slow.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_loop.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_LOOP_H
#define TPLUS_HTTP_LOOP_H

#include "postgres.h"

#include "base/wait.h"

/*
 * Told while libcurl is on the stack: the handle with this CURLOPT_PRIVATE uses
 * this socket now, new or kept alive, or that of a name resolution.
 */
typedef void (*TplusHttpLoopSocket) (void *owner, int fd);

/*
 * Opens the multi handle of this backend, once, and says whom to tell of
 * sockets (NULL: whom it was said before).  Throws 58000.
 */
extern void tplus_http_loop_open(TplusHttpLoopSocket tell);

/*
 * Adds and removes an easy handle of libcurl.  Adding returns libcurl's
 * complaint or NULL.  Removing aborts what still runs.
 */
extern const char *tplus_http_loop_add(void *easy);
extern void tplus_http_loop_remove(void *easy);

/* Lets all handles make what progress they can now.  Does not throw. */
extern void tplus_http_loop_run(void);

/*
 * What CURLOPT_PRIVATE of the next finished handle says, and its CURLcode;
 * NULL if there is none.  The handle is still to be removed.
 */
extern void *tplus_http_loop_finished(int *code);

/* Waits for any handle, at most so long; throws only what interrupts throw. */
extern void tplus_http_loop_wait(int64 at_most_us, TplusWaitReason reason);

/*
 * A descriptor that becomes readable when any handle can make progress: a
 * duplicate of its own for the caller, because one descriptor cannot stand
 * twice in a set of wait events.  Closed with context.  Throws 53000.
 */
extern pgsocket tplus_http_loop_fd(MemoryContext context);

/*
 * The caller waits for that descriptor by itself: the clock runs until the
 * next run(), and the descriptor becomes readable after at_most_us, but both
 * end after a second.  Said again before the next run(), the earlier time
 * counts.
 */
extern void tplus_http_loop_attend(int64 at_most_us);

/* Microseconds: of a monotonic clock, and those spent waiting. */
extern int64 tplus_http_loop_now(void);
extern int64 tplus_http_loop_waited(void);

/*
 * For a callback of libcurl's, which may call it again and again without an
 * end: is it time to leave because an interrupt waits that will throw?  Lets
 * the signals in that are held back while libcurl is on the stack.
 */
extern bool tplus_http_loop_is_interrupted(void);

/*
 * Threads of this process beside its own; libcurl resolves names in threads,
 * and leaves them behind when a transfer is aborted.
 */
extern int	tplus_http_loop_threads(void);

#endif							/* TPLUS_HTTP_LOOP_H */
