/*-------------------------------------------------------------------------
 *
 * calibrate_versions.h
 *		Calibration: what row versions bring, and whether they page.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/calibrate_versions.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_VERSIONS_H
#define TPLUS_CALIBRATE_VERSIONS_H

#include "tplus/study.h"

/* What was found of row versions. */
typedef enum TplusVersions
{
	TPLUS_VERSIONS_OPEN,
	TPLUS_VERSIONS_FAIL,		/* they do not page */
	TPLUS_VERSIONS_PAGE
} TplusVersions;

/* Asks for the records above a version. */
extern void tplus_versions_ask(TplusStudy *study, int size, uint64 version,
							   TplusFinding *finding);

/* Which records a version brings, and whether all pages can be had so. */
extern TplusVersions tplus_calibrate_versions(TplusStudy *study);


#endif							/* TPLUS_CALIBRATE_VERSIONS_H */
