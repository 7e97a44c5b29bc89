/*-------------------------------------------------------------------------
 *
 * statistics.h
 *		The statistics that an ANALYZE without a sample must not replace.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/statistics.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_STATISTICS_H
#define TPLUS_STATISTICS_H

#include "postgres.h"

#include "utils/relcache.h"

/*
 * To be called by ANALYZE's search for rows, of the foreign table or of a
 * table above it, which is going to replace statistics with what it makes of
 * no rows.  Before the transaction commits they are put back: the size of the
 * table, and what is known of the columns of those above it.  Throws what
 * reading of catalogs throws.
 */
extern void tplus_statistics_keep(Relation relation);

#endif							/* TPLUS_STATISTICS_H */
