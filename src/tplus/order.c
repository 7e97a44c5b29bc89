/*-------------------------------------------------------------------------
 *
 * order.c
 *		What travels to the renewing worker and back, in a DSM segment.
 *
 * The segment passes through one of two lives: POSTED > TAKEN, when the worker
 * came first, or POSTED > WITHDRAWN, when the asker went away before.  Whoever
 * makes the change wipes the strings, so that nobody reads half of them.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/order.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/atomics.h"
#include "utils/memutils.h"

#include "tplus/order.h"
#include "tplus/renew_slot.h"

enum
{
	STAGE_POSTED,
	STAGE_TAKEN,
	STAGE_WITHDRAWN
};

typedef struct OrderBox
{
	pg_atomic_uint32 stage;
	TplusOrderReport report;	/* the worker's until it has ended */
	TplusOrder	order;			/* its strings are NULL */
	Size		strings_len;
	char		strings[FLEXIBLE_ARRAY_MEMBER];
} OrderBox;

/* The strings of an order that a grant needs, and no others. */
static const Size string_offsets[] = {
	offsetof(TplusOrder, code),
	offsetof(TplusOrder, redirect_uri),
	offsetof(TplusOrder, account.server.name),
	offsetof(TplusOrder, account.server.base_url),
	offsetof(TplusOrder, account.server.token_path),
	offsetof(TplusOrder, account.server.ca_file),
	offsetof(TplusOrder, account.server.client_cert),
	offsetof(TplusOrder, account.server.client_key),
	offsetof(TplusOrder, account.server.min_tls),
	offsetof(TplusOrder, account.server.proxy),
	offsetof(TplusOrder, account.mapping.app_key),
	offsetof(TplusOrder, account.mapping.app_secret),
	offsetof(TplusOrder, account.mapping.refresh_token),
	offsetof(TplusOrder, account.mapping.certificate),
	offsetof(TplusOrder, account.mapping.app_ticket),
	offsetof(TplusOrder, account.mapping.proxy_password),
};

static char **
string_at(const TplusOrder *order, int i)
{
	return (char **) ((char *) order + string_offsets[i]);
}

/* The order without any pointer. */
static void
copy_scalars(TplusOrder *to, const TplusOrder *from)
{
	memset(to, 0, sizeof(*to));
	to->database = from->database;
	to->role = from->role;
	to->slot = from->slot;
	to->asker = from->asker;
	to->key = from->key;
	to->grant = from->grant;
	to->generation = from->generation;
	to->force = from->force;
	to->patient = from->patient;
	to->account.auth = from->account.auth;
	to->account.server.serverid = from->account.server.serverid;
	to->account.mapping.userid = from->account.mapping.userid;
	to->account.server.connect_timeout_ms =
		from->account.server.connect_timeout_ms;
	to->account.server.request_timeout_ms =
		from->account.server.request_timeout_ms;
	to->account.server.stall_timeout_ms =
		from->account.server.stall_timeout_ms;
	to->account.server.max_retries = from->account.server.max_retries;
	to->account.server.allow_plain_http =
		from->account.server.allow_plain_http;
}

/*
 * The strings one after another, each with its terminator, preceded by a byte
 * that tells NULL from the rest.
 */
static Size
flatten_strings(const TplusOrder *order, char *buffer)
{
	Size		size = 0;
	int			i;

	for (i = 0; i < (int) lengthof(string_offsets); i++)
	{
		const char *text = *string_at(order, i);
		Size		len = text ? strlen(text) + 1 : 0;

		if (buffer)
		{
			buffer[size] = text != NULL;
			memcpy(buffer + size + 1, text ? text : "", len);
		}
		size += 1 + len;
	}
	return size;
}

static void
unflatten_strings(TplusOrder *order, char *buffer)
{
	int			i;

	for (i = 0; i < (int) lengthof(string_offsets); i++)
	{
		bool		present = *buffer++ != 0;

		*string_at(order, i) = present ? buffer : NULL;
		if (present)
			buffer += strlen(buffer) + 1;
	}
}

static void
wipe_strings(OrderBox *box)
{
	explicit_bzero(box->strings, box->strings_len);
}

/* Runs whenever and however the asker lets go of the segment. */
static void
withdraw(dsm_segment *segment, Datum arg)
{
	OrderBox   *box = dsm_segment_address(segment);
	uint32		expected = STAGE_POSTED;

	if (pg_atomic_compare_exchange_u32(&box->stage, &expected,
									   STAGE_WITHDRAWN))
		wipe_strings(box);
	tplus_renew_slot_give(box->order.slot);
}

dsm_segment *
tplus_order_post(const TplusOrder *order)
{
	Size		len = flatten_strings(order, NULL);
	dsm_segment *segment = dsm_create(offsetof(OrderBox, strings) + len, 0);
	OrderBox   *box = dsm_segment_address(segment);

	memset(box, 0, offsetof(OrderBox, strings));
	pg_atomic_init_u32(&box->stage, STAGE_POSTED);
	box->strings_len = len;
	on_dsm_detach(segment, withdraw, (Datum) 0);
	copy_scalars(&box->order, order);
	(void) flatten_strings(order, box->strings);
	return segment;
}

TplusOrder *
tplus_order_take(dsm_segment *segment, MemoryContext context)
{
	OrderBox   *box = dsm_segment_address(segment);
	uint32		expected = STAGE_POSTED;
	TplusOrder *order = MemoryContextAlloc(context, sizeof(TplusOrder));
	char	   *strings = MemoryContextAlloc(context, box->strings_len);

	if (!pg_atomic_compare_exchange_u32(&box->stage, &expected, STAGE_TAKEN))
		return NULL;
	*order = box->order;
	memcpy(strings, box->strings, box->strings_len);
	wipe_strings(box);
	unflatten_strings(order, strings);
	return order;
}

void
tplus_order_report(dsm_segment *segment, TplusOrderOutcome outcome,
				   int sqlstate, const char *message, const char *hint)
{
	OrderBox   *box = dsm_segment_address(segment);

	box->report.outcome = outcome;
	box->report.sqlstate = sqlstate;
	strlcpy(box->report.message, message ? message : "",
			sizeof(box->report.message));
	strlcpy(box->report.hint, hint ? hint : "", sizeof(box->report.hint));
}

void
tplus_order_collect(dsm_segment *segment, TplusOrderReport *report)
{
	OrderBox   *box = dsm_segment_address(segment);

	*report = box->report;
	wipe_strings(box);
	dsm_detach(segment);
}
