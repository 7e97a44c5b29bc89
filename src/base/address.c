/*-------------------------------------------------------------------------
 *
 * address.c
 *		The address of a server: what is put before each path.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/base/address.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/address.h"

/* Where the operations of T+ are, in whatever case. */
static const char api[] = "/tplus/api/v2";
static const char api_root[] = "/tplus/api";

/* Does the path begin with these whole segments? */
static bool
begins_with(const char *path, const char *segments)
{
	size_t		len = strlen(segments);

	return pg_strncasecmp(path, segments, len) == 0 &&
		(path[len] == '\0' || path[len] == '/');
}

const char *
tplus_address_path(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = strchr(host ? host + 3 : url, '/');

	return path ? path : url + strlen(url);
}

void
tplus_address_trim(char *url)
{
	size_t		len = strlen(url);
	char	   *path;

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	for (path = url + (tplus_address_path(url) - url); path;
		 path = *path ? strchr(path + 1, '/') : NULL)
	{
		if (begins_with(path, api) ||
			(begins_with(path, api_root) && path[strlen(api_root)] == '\0'))
		{
			*path = '\0';
			break;
		}
	}
}
