/*-------------------------------------------------------------------------
 *
 * calibrate_filter.h
 *		Calibration: the flag of stopped records, and filters on text.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_filter.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_FILTER_H
#define TPLUS_CALIBRATE_FILTER_H

#include "tplus/study.h"

/* How the flag is spelled, and whether stopped records hide. */
extern void tplus_calibrate_flag(TplusStudy *study);

#endif							/* TPLUS_CALIBRATE_FILTER_H */
