/*-------------------------------------------------------------------------
 *
 * redact.h
 *		Finding secrets in text, however they are spelled there.
 *
 * Compiles without PostgreSQL.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/redact.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_REDACT_H
#define TPLUS_REDACT_H

#include <stddef.h>

/*
 * How many bytes at the start of a text of len bytes spell one of the secrets
 * (NULLs are skipped), the longest of them; 0 if none does.  Each character of
 * it may be plain, or escaped as JSON, URLs and HTML do, once or more often:
 * text that was not understood is shown as it came.  Or its bytes are in digits
 * of base 16 or 64, alone or with others.  ASCII letters count in
 * either case.  A secret that the end of the text cuts off counts, too, unless
 * hardly anything of it is left.
 */
extern size_t tplus_redact_match(const char *text, size_t len,
								 const char *const *secrets, int nsecrets);

#endif							/* TPLUS_REDACT_H */
