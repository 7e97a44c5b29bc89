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
 * Fills in address, limits, TLS, proxy, and the headers Content-Type, appKey
 * and appSecret (protocol, section 1.3).  Headers are palloc'd in the current
 * context; the rest points into the account.
 */
extern void tplus_transport_fill(const TplusAccount *account,
								 TplusHttpRequest *request);

#endif							/* TPLUS_TRANSPORT_H */
