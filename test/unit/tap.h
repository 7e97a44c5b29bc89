/*-------------------------------------------------------------------------
 *
 * tap.h
 *		What a unit driver prints: one line for each test, and the plan.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/tap.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef TPLUS_TAP_H
#define TPLUS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The server's headers replace these by functions of the server. */
#undef printf
#undef vprintf
#undef snprintf
#undef vsnprintf

static int	tap_tests = 0;
static int	tap_failures = 0;

/*
 * A test; the name is a format, and control characters in it are shown as
 * question marks.  Returns whether it passed.
 */
static bool
ok(bool passed, const char *name,...)
{
	char		line[400];
	va_list		args;

	va_start(args, name);
	vsnprintf(line, sizeof(line), name, args);
	va_end(args);
	for (char *c = line; *c != '\0'; c++)
	{
		if (*c > 0 && *c < ' ')
			*c = '?';
	}
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_tests, line);
	if (!passed)
		tap_failures++;
	return passed;
}

/* Prints a text as the value of something, each line a comment. */
static void
diag(const char *what, const char *text)
{
	printf("# %s: ", what);
	for (; text != NULL && *text != '\0'; text++)
	{
		putchar(*text);
		if (*text == '\n')
			printf("#     ");
	}
	printf("%s\n", text == NULL ? "NULL" : "");
}

/* Are the strings the same?  NULL is the same as NULL only. */
static bool
is(const char *got, const char *expected, const char *name)
{
	bool		same = (got == NULL || expected == NULL) ? got == expected :
	strcmp(got, expected) == 0;

	if (!ok(same, "%s", name))
	{
		diag("got", got);
		diag("expected", expected);
	}
	return same;
}

/* Prints the plan; the result is that of main(). */
static int
done(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failures > 0;
}

#endif							/* TPLUS_TAP_H */
