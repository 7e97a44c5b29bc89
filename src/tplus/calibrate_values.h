/*-------------------------------------------------------------------------
 *
 * calibrate_values.h
 *		Calibration: does a record come when it is asked for by its values?
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_values.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_VALUES_H
#define TPLUS_CALIBRATE_VALUES_H

#include "tplus/study.h"

/* Is there a column that shows the key and filters by it? */
extern bool tplus_calibrate_has_id(const TplusStudy *study);

/*
 * Finds the columns that must not be asked for by value, and how an id is
 * spelled.  The operations to be read are known, and whether a code works.
 */
extern void tplus_calibrate_values(TplusStudy *study);

#endif							/* TPLUS_CALIBRATE_VALUES_H */
