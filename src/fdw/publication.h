/*-------------------------------------------------------------------------
 *
 * publication.h
 *		Publications that have tplus.token among their tables.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/publication.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_PUBLICATION_H
#define TPLUS_PUBLICATION_H

#include "postgres.h"

/* Their names, quoted and comma-separated, palloc'd; NULL if there is none. */
extern char *tplus_publication_names(void);

/* Gives a WARNING if there is one. */
extern void tplus_publication_warn(void);

#endif							/* TPLUS_PUBLICATION_H */
