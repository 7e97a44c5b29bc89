/*-------------------------------------------------------------------------
 *
 * renew_slot.h
 *		How many renewals may be under way at a time.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/renew_slot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_RENEW_SLOT_H
#define TPLUS_RENEW_SLOT_H

#include "postgres.h"

/*
 * For the asker: one of the few slots of the cluster, counted as this role's;
 * -1 if there is none for it now.
 */
extern int	tplus_renew_slot_take(Oid role);

/* For the asker: gives it back, unless a worker has it. */
extern void tplus_renew_slot_give(int slot);

/*
 * For the worker: the slot is its own from now on, and given back when it
 * ends, however that comes about.  False if the asker had gone, and there is
 * no other one.
 */
extern bool tplus_renew_slot_pass(int slot, int asker, Oid role);

#endif							/* TPLUS_RENEW_SLOT_H */
