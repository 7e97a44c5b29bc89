/*-------------------------------------------------------------------------
 *
 * operation.h
 *		Which operations of T+ write, by their names.
 *
 * The path of an operation ends in its name: /tplus/api/v2/saleOrder/Create.
 * Names are irregular (Unaudit, NewCreate, ReturnCodeCreate, CreateAsync), but
 * each has a word that says what it does.  T+ binds them regardless of case.
 * A read is repeated, sent ahead and made twice, so an operation that writes is
 * never read.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/operation.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_OPERATION_H
#define TPLUS_OPERATION_H

#include "postgres.h"

/*
 * Does the operation at this path write, to judge by its name?  A name without
 * any word that is known reads.  Throws nothing and allocates nothing.
 */
extern bool tplus_operation_writes(const char *path);

#endif							/* TPLUS_OPERATION_H */
