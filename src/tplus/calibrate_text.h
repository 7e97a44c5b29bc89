/*-------------------------------------------------------------------------
 *
 * calibrate_text.h
 *		Calibration: what a text filter takes for the same, and for a pattern.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_text.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_TEXT_H
#define TPLUS_CALIBRATE_TEXT_H

#include "tplus/study.h"

/*
 * Whether a text finds its record, and by what one record can be asked for; to
 * be known before day and flag.
 */
extern void tplus_calibrate_equality(TplusStudy *study);

/* Whether text tells case and knows patterns. */
extern void tplus_calibrate_text(TplusStudy *study);


#endif							/* TPLUS_CALIBRATE_TEXT_H */
