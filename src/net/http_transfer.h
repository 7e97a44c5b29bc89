/*-------------------------------------------------------------------------
 *
 * http_transfer.h
 *		A transfer: how it ends, and how its body is pulled.
 *
 * For net/http; others include that.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/net/http_transfer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_HTTP_TRANSFER_H
#define TPLUS_HTTP_TRANSFER_H

#include "postgres.h"

#include "lib/ilist.h"

#include "net/http_intake.h"

/* CURL_ERROR_SIZE */
#define TPLUS_HTTP_ERROR_SIZE	256

typedef struct TplusHttpTransfer TplusHttpTransfer;

struct TplusHttpTransfer
{
	TplusHttpResult result;
	TplusHttpRequest request;
	TplusHttpIntake intake;		/* of the body */
	MemoryContext context;		/* holds this struct alone */
	MemoryContextCallback callback;

	/* what detach() gives back */
	void	   *easy;			/* a CURL * */
	struct curl_slist *headers;
	dlist_node	node;			/* in running, if added */
	bool		added;
	bool		holds_fd;

	/* set by callbacks */
	TplusHttpFailure refusal;	/* why a callback refused to go on */
	const char *problem;		/* the same in words */
	size_t		head_bytes;		/* beside the body */
	int			head_lines;
	int64		received_before;	/* of a connection that is used again */
	int64		received;		/* bytes of every kind, as far as is known */
	int			socket;			/* the last one opened for us, or -1 */
	bool		sent;			/* the request is being sent, or was */
	bool		head_whole;		/* up to the empty line behind it */
	bool		header_done;
	bool		paused;
	bool		resuming;		/* see resume() */
	bool		all_came;		/* but is still to be inflated */
	char		error[TPLUS_HTTP_ERROR_SIZE];	/* libcurl writes into it */

	int64		begun_us;		/* of the monotonic clock */
	int64		begun_at;		/* these three: of the clock of waiting */
	int64		heard_at;		/* when a byte last moved */
	int64		paused_at;
	int64		moved;			/* bytes sent and received by then */
};

/*
 * The transfer is over.  Foreign bytes in the message (a certificate may name
 * anything) are replaced, because nobody knows their encoding.
 */
extern void tplus_http_transfer_end(TplusHttpTransfer *transfer,
									TplusHttpFailure failure,
									const char *message);

/*
 * All has come.  The transfer is over once it is inflated; until then there
 * are unread bytes, so that nobody waits for it.
 */
extern void tplus_http_transfer_end_intake(TplusHttpTransfer *transfer);

/* libcurl says that the transfer is over. */
extern void tplus_http_transfer_end_by_curl(TplusHttpTransfer *transfer,
											int code);

/* One of its limits has passed. */
extern void tplus_http_transfer_expire(TplusHttpTransfer *transfer,
									   TplusHttpFailure failure);

/* When, on our clock, it has had its time, and which limit it is. */
extern int64 tplus_http_transfer_deadline(const TplusHttpTransfer *transfer,
										  TplusHttpFailure *failure);

/* Brings the result up to date with what libcurl knows. */
extern void tplus_http_transfer_update(TplusHttpTransfer *transfer);

/* Gives back all but the result and the body.  May be called again. */
extern void tplus_http_transfer_detach(TplusHttpTransfer *transfer);

/* As tplus_http_body(), tplus_http_consume() and tplus_http_drain(). */
extern const char *tplus_http_transfer_body(TplusHttpTransfer *transfer,
											size_t *len);
extern void tplus_http_transfer_consume(TplusHttpTransfer *transfer,
										size_t len);
extern void tplus_http_transfer_drain(TplusHttpTransfer *transfer);

#endif							/* TPLUS_HTTP_TRANSFER_H */
