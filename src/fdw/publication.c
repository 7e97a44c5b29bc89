/*-------------------------------------------------------------------------
 *
 * publication.c
 *		Publications that have tplus.token among their tables.
 *
 * Changes of the table are hidden from logical decoding (see tplus/pair.c).
 * What remains is the copy that a subscription makes when it begins, with the
 * rights of the role that it connects as.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/publication.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_publication.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "fdw/publication.h"
#include "tplus/pair.h"

char *
tplus_publication_names(void)
{
	Oid			relid = tplus_pair_relation();
	StringInfoData names;
	List	   *oids;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return NULL;
	oids = list_concat_unique_oid(tplus_relation_publications(relid),
								  GetSchemaPublications(get_rel_namespace(relid)));
	oids = list_concat_unique_oid(oids, tplus_all_tables_publications(relid));
	initStringInfo(&names);
	foreach(lc, oids)
	{
		char	   *name = get_publication_name(lfirst_oid(lc), true);

		if (name)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 name);
	}
	return names.len > 0 ? names.data : NULL;
}

void
tplus_publication_warn(void)
{
	char	   *names = tplus_publication_names();

	if (names)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("table \"tplus.token\", which holds secrets, is published by %s",
						names),
				 errdetail("Its changes are not replicated, but a subscription copies the table when it begins."),
				 errhint("Name the tables or schemas of the publication, instead of FOR ALL TABLES.")));
}
