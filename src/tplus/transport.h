/*-------------------------------------------------------------------------
 *
 * transport.h
 *		What all requests to a server have in common.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/transport.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TRANSPORT_H
#define TPLUS_TRANSPORT_H

#include "postgres.h"

#include "base/option.h"
#include "net/http.h"

/*
 * Makes a business call of it (docs/protocol.md, section 1.3): address, limits,
 * TLS, proxy, and headers, which are palloc'd in the current context; the rest
 * points into the arguments.
 */
extern void tplus_transport_fill(const TplusAccount *account,
								 const char *access_token, const char *path,
								 const char *body, TplusHttpRequest *request);

#endif							/* TPLUS_TRANSPORT_H */
