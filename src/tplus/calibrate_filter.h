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

/* Asks for a code. */
extern void tplus_calibrate_code(TplusStudy *study, TplusOperation operation,
								 const char *code, TplusFinding *finding);

/*
 * Whether a text finds its record, and by what one record can be asked for; to
 * be known before day and flag.
 */
extern void tplus_calibrate_equality(TplusStudy *study);

#endif							/* TPLUS_CALIBRATE_FILTER_H */
