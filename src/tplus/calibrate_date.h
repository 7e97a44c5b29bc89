/*-------------------------------------------------------------------------
 *
 * calibrate_date.h
 *		Calibration: how the day of filing is compared.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_date.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_DATE_H
#define TPLUS_CALIBRATE_DATE_H

#include "tplus/study.h"

/* Decides the comparator; operations to be read are known. */
extern void tplus_calibrate_date(TplusStudy *study);

#endif							/* TPLUS_CALIBRATE_DATE_H */
