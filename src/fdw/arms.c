/*-------------------------------------------------------------------------
 *
 * arms.c
 *		From the conditions of a scan to the parameter sets of its query.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		src/fdw/arms.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fdw/arms.h"

/*
 * Does one of the parameter sets set this parameter, what it is part of, or
 * another part of the same?  How T+ takes two parts together is not known.
 */
static bool
is_fixed(List *sets, const char *param)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, sets)
	{
		foreach(lc2, lfirst_node(List, lc))
		{
			if (tplus_encode_same_root(((TplusParam *) lfirst(lc2))->name, param))
				return true;
		}
	}
	return false;
}

static List *
without_fixed(List *conditions, List *fixed, List *variants)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		TplusCondition *cond = lfirst(lc);

		if (cond->filter.kind == TPLUS_FILTER_KIND_VERSION || cond->isnull ||
			(!is_fixed(list_make1(fixed), cond->filter.param) &&
			 !is_fixed(variants, cond->filter.param)))
			result = lappend(result, cond);
		else
			cond->local = "\"fixed_params\" or \"variants\" set the parameter";
	}
	return result;
}

/* Where nothing is asked for that hides, there is nothing to leave out. */
static void
keep_local(List *conditions)
{
	ListCell   *lc;

	foreach(lc, conditions)
	{
		TplusCondition *cond = lfirst(lc);

		if (cond->compare == TPLUS_COMPARE_NOT_TRUE)
			cond->local = "stopped records are not asked for in the first place";
	}
}

static TplusArm *
make_arm(List *fixed, List *variant, const TplusParamSet *set,
		 const TplusFiltering *filtering, bool has_flag, bool flag)
{
	TplusArm   *arm = palloc0(sizeof(TplusArm));

	arm->params = list_concat(list_concat_copy(fixed, variant), set->params);
	arm->unique_value = set->unique_value;
	arm->like_param = filtering->like_param;
	arm->has_disabled = has_flag;
	arm->disabled = flag;
	arm->is_filtered = set->params != NIL || filtering->has_flag;
	arm->uneven = filtering->uneven;
	return arm;
}

void
tplus_arms_make(const TplusTable *table, const char *timezone,
				List *conditions, TplusQuery *query)
{
	const TplusTableOptions *options = table->options;
	TplusFiltering filtering;
	List	   *fixed = NIL;
	List	   *variants;
	bool		is_auto = strcmp(options->variants, "auto") == 0;
	ListCell   *lc;
	ListCell   *lc2;

	if (options->fixed_params)
		fixed = tplus_encode_object(options->fixed_params);
	if (is_auto || strcmp(options->variants, "none") == 0)
		variants = list_make1(NIL);
	else
		variants = tplus_encode_array(options->variants);

	tplus_filter_apply(without_fixed(conditions, fixed, variants), options,
					   timezone, &filtering);
	query->arms = NIL;
	query->hidden_arms = 0;
	query->repeat = false;
	query->bound = filtering.bound;
	query->unique_field = filtering.unique_field;
	query->like_field = filtering.like_field;
	if (filtering.impossible)
		return;

	foreach(lc, variants)
	{
		foreach(lc2, filtering.sets)
			query->arms = lappend(query->arms,
								  make_arm(fixed, lfirst(lc), lfirst(lc2),
										   &filtering, filtering.has_flag,
										   filtering.flag));
	}

	/* An edit may move a record from one arm to another. */
	query->repeat = list_length(query->arms) > 1;

	/* Stopped records may be hidden from those who do not ask for them. */
	if (!is_auto || table->resource->disabled == NULL || filtering.has_flag ||
		is_fixed(list_make1(fixed), table->resource->disabled))
	{
		keep_local(conditions);
		return;
	}
	if (filtering.not_stopped)
		return;
	foreach(lc2, filtering.sets)
	{
		query->arms = lappend(query->arms,
							  make_arm(fixed, NIL, lfirst(lc2),
									   &filtering, true, true));
		query->hidden_arms++;
	}
	query->repeat = true;
}
