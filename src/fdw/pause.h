/*-------------------------------------------------------------------------
 *
 * pause.h
 *		When a query pauses, it leaves nothing under way.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/pause.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PAUSE_H
#define TPLUS_PAUSE_H

#include "postgres.h"

#include "lib/ilist.h"
#include "nodes/execnodes.h"

/* A scan of a query, as a part of its state. */
typedef struct TplusPause
{
	dlist_node	node;
	MemoryContextCallback callback;
	EState	   *estate;
	void		(*stop) (void *arg);
	void	   *arg;
} TplusPause;

/* Hooks into the executor, once. */
extern void tplus_pause_install(void);

/*
 * A scan of the query begins.  stop(arg) is called when nothing more will be
 * asked of it.  It is forgotten with the query's memory context.
 */
extern void tplus_pause_watch(TplusPause *pause, EState *estate,
							  void (*stop) (void *arg), void *arg);

#endif							/* TPLUS_PAUSE_H */
