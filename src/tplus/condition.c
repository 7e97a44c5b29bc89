/*-------------------------------------------------------------------------
 *
 * condition.c
 *		Conditions of SQL, and the parameter sets that they turn into.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/tplus/condition.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/value.h"

#include "tplus/condition.h"

static TplusParamSet *
copy_set(const TplusParamSet *set)
{
	TplusParamSet *copy = palloc(sizeof(TplusParamSet));

	copy->params = list_copy(set->params);
	copy->unique_value = set->unique_value;
	return copy;
}

void
tplus_filtering_init(TplusFiltering *filtering)
{
	memset(filtering, 0, sizeof(*filtering));
	filtering->sets = list_make1(palloc0(sizeof(TplusParamSet)));
}

bool
tplus_filtering_has(const TplusFiltering *filtering, const char *param)
{
	const TplusParamSet *set = linitial(filtering->sets);

	return tplus_encode_find(set->params, param) != NULL;
}

void
tplus_filtering_add(TplusFiltering *filtering, TplusParam *param)
{
	ListCell   *lc;

	foreach(lc, filtering->sets)
	{
		TplusParamSet *set = lfirst(lc);

		set->params = lappend(set->params, param);
	}
}

bool
tplus_filtering_multiply(TplusFiltering *filtering, List *params,
						 List *values, int max_sets)
{
	List	   *product = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	if ((int64) list_length(filtering->sets) * list_length(params) > max_sets)
		return false;
	foreach(lc, filtering->sets)
	{
		foreach(lc2, params)
		{
			TplusParamSet *set = copy_set(lfirst(lc));

			set->params = lappend(set->params, lfirst(lc2));
			if (values != NIL && set->unique_value == NULL)
				set->unique_value = strVal(list_nth(values,
													foreach_current_index(lc2)));
			product = lappend(product, set);
		}
	}
	filtering->sets = product;
	return true;
}
