/*-------------------------------------------------------------------------
 *
 * calibrate_paging.h
 *		Calibration: how all pages can be had, and how large they may be.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_paging.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_PAGING_H
#define TPLUS_CALIBRATE_PAGING_H

#include "tplus/study.h"

/* Decides all facts about paging; plain samples have been taken. */
extern void tplus_calibrate_paging(TplusStudy *study);

/*
 * Takes back what was to be set of paging, and of the size of a page that was
 * measured for it: the declared paging stays, what was found out as well.
 */
extern void tplus_calibrate_leave_paging(TplusStudy *study);

#endif							/* TPLUS_CALIBRATE_PAGING_H */
