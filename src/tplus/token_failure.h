/*-------------------------------------------------------------------------
 *
 * token_failure.h
 *		Saying why there is no token, and what a human can do about it.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/token_failure.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TOKEN_FAILURE_H
#define TPLUS_TOKEN_FAILURE_H

#include "postgres.h"

#include "base/compat.h"
#include "base/option.h"
#include "tplus/order.h"
#include "tplus/pair.h"

/* Throws what the worker reported or, if it is the row that tells, that. */
extern void tplus_token_failure(const TplusAccount *account,
								const TplusPair *pair,
								const TplusOrderReport *report)
			pg_attribute_noreturn();

/* Throws what a standby has to say to a token that it would have to renew. */
extern void tplus_token_failure_standby(const TplusAccount *account)
			pg_attribute_noreturn();

/*
 * One line about the row's failure and what to do about it, for
 * tplus.token_status; palloc'd.
 */
extern char *tplus_token_failure_line(const TplusPair *pair);

#endif							/* TPLUS_TOKEN_FAILURE_H */
