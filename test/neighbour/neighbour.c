/*-------------------------------------------------------------------------
 *
 * neighbour.c
 *		Another extension in the same backend that uses libcurl and cJSON.
 *
 * It does what such extensions do, in their own way: libcurl is initialized
 * and cleaned up globally with each call, its easy interface blocks, and what
 * cJSON allocates goes back to the C library.  For t/110_citizen.pl.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/neighbour/neighbour.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(neighbour_get);
PG_FUNCTION_INFO_V1(neighbour_json);

static size_t
count_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	*(int64 *) arg += size * count;
	return size * count;
}

/* Gets a URL; returns the bytes of the body. */
Datum
neighbour_get(PG_FUNCTION_ARGS)
{
	char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int64		bytes = 0;
	CURL	   *easy;
	CURLcode	code;

	curl_global_init(CURL_GLOBAL_ALL);
	easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
	code = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	curl_global_cleanup();
	if (code != CURLE_OK)
		elog(ERROR, "neighbour: %s", curl_easy_strerror(code));
	PG_RETURN_INT64(bytes);
}

/*
 * Parses JSON and prints it.  The C library aborts when it is to free what it
 * has not allocated, so this notices hooks that somebody left behind.
 */
Datum
neighbour_json(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	cJSON	   *json = cJSON_Parse(source);
	void	   *piece = cJSON_malloc(100);
	char	   *printed;
	text	   *result;

	if (json == NULL)
		elog(ERROR, "neighbour: no JSON");
	printed = cJSON_PrintUnformatted(json);
	result = cstring_to_text(printed);
	cJSON_Delete(json);
	free(printed);
	free(piece);
	PG_RETURN_TEXT_P(result);
}
