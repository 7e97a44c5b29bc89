/*-------------------------------------------------------------------------
 *
 * calibrate_warning.h
 *		What an import that calibrated says of what stays open.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/calibrate_warning.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_CALIBRATE_WARNING_H
#define TPLUS_CALIBRATE_WARNING_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "tplus/resource.h"

/*
 * One WARNING about those of the facts (a List of TplusFact) that could not be
 * decided and cost requests, or none.  pages: that a read of all takes, -1:
 * not known.
 */
extern void tplus_calibrate_warn(const TplusResource *resource, List *facts,
								 int64 pages);

#endif							/* TPLUS_CALIBRATE_WARNING_H */
