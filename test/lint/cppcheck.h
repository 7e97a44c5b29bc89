/*
 * What cppcheck has to know of PostgreSQL, whose own headers would take it
 * many minutes: the macros that are statements, and which of them do not
 * return.
 */
#include <assert.h>
#include <stdlib.h>

#define PG_VERSION_NUM 150000
#define DEBUG1 14
#define LOG 15
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define FATAL 22

#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define PG_RE_THROW() abort()
#define Assert(condition) assert(condition)

#define foreach(cell, list) \
	for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define forboth(cell1, list1, cell2, list2) \
	for (cell1 = list_head(list1), cell2 = list_head(list2); \
		 cell1 != NULL && cell2 != NULL; \
		 cell1 = lnext(list1, cell1), cell2 = lnext(list2, cell2))
#define dlist_foreach(iter, list) \
	for ((iter).cur = dlist_first(list); (iter).cur != NULL; (iter).cur = dlist_next(&(iter)))
#define dlist_foreach_modify(iter, list) dlist_foreach(iter, list)

#define PG_TRY() do { {
#define PG_CATCH() } {
#define PG_FINALLY() } {
#define PG_END_TRY() } } while (0)
