/*-------------------------------------------------------------------------
 *
 * calibrate.h
 *		Measuring what a server does where the protocol leaves it open.
 *
 * Facts come from witnesses, records whose answer to a question is known
 * beforehand.  What they do not prove stays open: then a read goes on proving
 * it for itself, at the price of a request or two.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_H
#define TPLUS_CALIBRATE_H

#include "tplus/study.h"

/*
 * The facts (a List of TplusFact in the order of their kinds), with at most
 * max_requests requests.  *records: how many the server counts, -1: it does
 * not; NULL is fine.  Throws whatever a call throws.  Everything is palloc'd
 * in the current context.
 */
extern List *tplus_calibrate(const TplusCalibrateSpec *spec, int64 *records);

#endif							/* TPLUS_CALIBRATE_H */
