/*-------------------------------------------------------------------------
 *
 * transport.c
 *		What all requests to a server have in common.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/transport.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tplus/transport.h"

void
tplus_transport_fill(const TplusAccount *account, const char *access_token,
					 const char *path, const char *body,
					 TplusHttpRequest *request)
{
	const TplusServerOptions *server = &account->server;
	const TplusMappingOptions *mapping = &account->mapping;

	memset(request, 0, sizeof(*request));
	request->method = "POST";
	request->base_url = server->base_url;
	request->path = path;
	request->query = server->extra_query;
	request->body = body;
	request->body_len = strlen(body);
	request->connect_timeout_ms = server->connect_timeout_ms;
	request->request_timeout_ms = server->request_timeout_ms;
	request->stall_timeout_ms = server->stall_timeout_ms;
	request->max_response_bytes = (size_t) server->max_response_mb * 1024 * 1024;
	request->ca_file = server->ca_file;
	request->client_cert = server->client_cert;
	request->client_key = server->client_key;
	request->min_tls = server->min_tls;
	request->proxy = server->proxy;
	request->proxy_password = mapping->proxy_password;
	request->headers = list_make2(pstrdup("Content-Type: application/json"),
								  psprintf("appKey: %s", mapping->app_key));
	if (mapping->app_secret)
		request->headers = lappend(request->headers,
								   psprintf("appSecret: %s",
											mapping->app_secret));
	request->headers = lappend(request->headers,
							   psprintf("openToken: %s", access_token));
}
