/*-------------------------------------------------------------------------
 *
 * server.h
 *		Stand-ins for what the tested rooms need of the server.
 *
 * Memory contexts are one heap in which each allocation is known, so that a
 * driver can free all of it, see how much is held, and let the n-th next
 * allocation fail.  An error jumps to the nearest CATCH.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/server.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_SERVER_H
#define TPLUS_SERVER_H

#include "postgres.h"

#include <setjmp.h>
#include <stdlib.h>

#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "tap.h"

/* The one who asks for malloc's own behaviour gets it. */
#undef qsort

typedef struct HeapItem
{
	struct HeapItem *prev;
	struct HeapItem *next;
	Size		size;
	Size		padding;		/* keeps what follows aligned to 16 */
} HeapItem;

static HeapItem heap = {&heap, &heap, 0, 0};
static Size heap_bytes = 0;
static int	heap_countdown = -1;	/* allocations until one fails; -1: none */

static jmp_buf * catcher = NULL;
static int	error_level;
static int	error_code;
static char error_message[500];

MemoryContext CurrentMemoryContext = NULL;

/*
 * Runs a statement; true if it threw.  The error is then in error_code and
 * error_message.
 */
#define CATCH(statement) \
	({ \
		jmp_buf		here; \
		jmp_buf    *outer = catcher; \
		volatile bool thrown = true; \
		if (setjmp(here) == 0) \
		{ \
			catcher = &here; \
			statement; \
			thrown = false; \
		} \
		catcher = outer; \
		thrown; \
	})

bool
errstart(int elevel, const char *domain)
{
	error_level = elevel;
	error_code = 0;
	error_message[0] = '\0';
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	error_code = sqlerrcode;
	return 0;
}

int
errmsg(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(error_message, sizeof(error_message), fmt, args);
	va_end(args);
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	vsnprintf(error_message, sizeof(error_message), fmt, args);
	va_end(args);
	return 0;
}

int
errdetail(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (error_level < ERROR)
		return;
	if (catcher == NULL)
	{
		printf("Bail out! %s:%d: %s\n", filename, lineno, error_message);
		abort();
	}
	longjmp(*catcher, 1);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	HeapItem   *item = NULL;

	if (heap_countdown != 0)
		item = malloc(sizeof(HeapItem) + size);
	if (heap_countdown >= 0)
		heap_countdown--;
	if (item == NULL)
	{
		if (flags & MCXT_ALLOC_NO_OOM)
			return NULL;
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("out of memory")));
	}
	item->size = size;
	item->prev = &heap;
	item->next = heap.next;
	heap.next->prev = item;
	heap.next = item;
	heap_bytes += size;
	/* The memory of a server is not zeroed either. */
	memset(item + 1, flags & MCXT_ALLOC_ZERO ? 0 : 0x7F, size);
	return item + 1;
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, 0);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, MCXT_ALLOC_ZERO);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE);
}

void *
palloc(Size size)
{
	return MemoryContextAllocExtended(NULL, size, 0);
}

void *
palloc0(Size size)
{
	return MemoryContextAllocExtended(NULL, size, MCXT_ALLOC_ZERO);
}

void *
palloc_extended(Size size, int flags)
{
	return MemoryContextAllocExtended(NULL, size, flags);
}

void
pfree(void *pointer)
{
	HeapItem   *item = (HeapItem *) pointer - 1;

	item->prev->next = item->next;
	item->next->prev = item->prev;
	heap_bytes -= item->size;
	free(item);
}

void *
repalloc(void *pointer, Size size)
{
	Size		old = ((HeapItem *) pointer - 1)->size;
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(old, size));
	pfree(pointer);
	return result;
}

/* Frees everything, as the end of a context does. */
static void
heap_reset(void)
{
	while (heap.next != &heap)
		pfree(heap.next + 1);
}

void
initStringInfo(StringInfo str)
{
	str->maxlen = 1024;
	str->data = palloc(str->maxlen);
	resetStringInfo(str);
}

void
resetStringInfo(StringInfo str)
{
	str->data[0] = '\0';
	str->len = 0;
	str->cursor = 0;
}

#if PG_VERSION_NUM >= 160000
void
appendBinaryStringInfo(StringInfo str, const void *data, int datalen)
#else
void
appendBinaryStringInfo(StringInfo str, const char *data, int datalen)
#endif
{
	while (str->len + datalen >= str->maxlen)
	{
		str->maxlen *= 2;
		str->data = repalloc(str->data, str->maxlen);
	}
	memcpy(str->data + str->len, data, datalen);
	str->len += datalen;
	str->data[str->len] = '\0';
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, strlen(s));
}

void
appendStringInfoChar(StringInfo str, char ch)
{
	appendBinaryStringInfo(str, &ch, 1);
}

void
escape_json(StringInfo buf, const char *str)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";

	appendStringInfoChar(buf, '"');
	for (; *str != '\0'; str++)
	{
		const char *special = strchr(from, *str);
		char		escape[8];

		if (special != NULL)
		{
			appendStringInfoChar(buf, '\\');
			appendStringInfoChar(buf, to[special - from]);
		}
		else if ((unsigned char) *str < ' ')
		{
			snprintf(escape, sizeof(escape), "\\u%04x", *str);
			appendStringInfoString(buf, escape);
		}
		else
			appendStringInfoChar(buf, *str);
	}
	appendStringInfoChar(buf, '"');
}

void
pg_qsort(void *base, size_t nel, size_t elsize,
		 int (*cmp) (const void *, const void *))
{
	qsort(base, nel, elsize, cmp);
}

#endif							/* TPLUS_SERVER_H */
