/*-------------------------------------------------------------------------
 *
 * key.c
 *		Tests of the spelling of keys, without a server.
 *
 * Copyright (c) 2026, tplus_fdw contributors
 *
 * IDENTIFICATION
 *		test/unit/key.c
 *
 *-------------------------------------------------------------------------
 */
#include "tplus/key.c"

#include "tap.h"

/* In a buffer of just the size that is asked for. */
static void
is_spelled(TplusKeyKind kind, bool number, const char *text,
		   const char *expected)
{
	char	   *out = malloc(strlen(text) + TPLUS_KEY_SLACK);
	char		name[400];

	tplus_key_spell(kind, number, text, out);
	snprintf(name, sizeof(name), "%d: \"%.80s\" is \"%.80s\"", kind, text,
			 expected);
	ok(strcmp(out, expected) == 0, name);
	if (strcmp(out, expected) != 0)
		printf("# got \"%.200s\"\n", out);
	free(out);
}

/* All spellings of a line are one value. */
static const char *const numbers[][8] = {
	{"5", "5.0", "5e0", "05", "+5", " 5 ", "50e-1", "0.5E+1"},
	{"15", "15.", "15.000000", "1.5e1", "0015", "150e-01", "1500e-2"},
	{"0", "-0", "0.0", "0e999999999999", "-0.000", ".0", "0e5", "00"},
	{"-7", "-7.00", "-70E-1", "-007"},
	{"0.05", ".05", "5e-2", "0.0500", "00.05", "0.5e-1"},
	{"12.5", "12.50", "125e-1", "0.125e2"},
	{"100", "1e2", "100.0", "10e1"},
	{"5e41", "50e40", "5E+41", "0.5e42"},
	{"5e-42", "50e-43", "0.5e-41"},
	{"0.00000000000000000000000000000000000000005", "5e-41", "0.5e-40"},
	{"50000000000000000000000000000000000000000", "5e40"},
	{"9007199254740993", "9007199254740993.0"},
	{"1e400", "10e399"},
	{"1e999999999", "10e999999998"},
};

/* None of these is a number. */
static const char *const others[] = {
	"", " ", "-", ".", "e5", "5e", "5e+", "1,5", "5 6", "0x10", "NaN",
	"5.0.0", "--5", "5e1.0", "1e9999999999", "10e1000000000",
	"1e99999999999999999999", "五",
};

int
main(void)
{
	char		longest[2000];
	char		expected[2000];

	for (size_t i = 0; i < lengthof(numbers); i++)
	{
		for (size_t j = 0; j < 8 && numbers[i][j]; j++)
			is_spelled(TPLUS_KEY_NUMBER, false, numbers[i][j], numbers[i][0]);
	}
	for (size_t i = 0; i < lengthof(others); i++)
		is_spelled(TPLUS_KEY_NUMBER, false, others[i], others[i]);

	memset(longest, '9', sizeof(longest));
	strcpy(longest + sizeof(longest) - 10, ".0");
	memset(expected, '9', sizeof(expected));
	expected[sizeof(expected) - 10] = '\0';
	is_spelled(TPLUS_KEY_NUMBER, false, longest, expected);

	is_spelled(TPLUS_KEY_OPEN, true, "5.0", "5");
	is_spelled(TPLUS_KEY_OPEN, false, "5.0", "5.0");
	is_spelled(TPLUS_KEY_TEXT, true, "5.0", "5.0");
	is_spelled(TPLUS_KEY_TEXT, false, "007 ", "007 ");
	is_spelled(TPLUS_KEY_PADDED, false, "007 ", "007");
	is_spelled(TPLUS_KEY_PADDED, false, "  ", "");

	is_spelled(TPLUS_KEY_UUID, false, "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
			   "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
	is_spelled(TPLUS_KEY_UUID, false, "a0eebc999c0b4ef8bb6d6bb9bd380a11",
			   "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
	is_spelled(TPLUS_KEY_UUID, false, "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
			   "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
	is_spelled(TPLUS_KEY_UUID, false, "A0EEBC99", "A0EEBC99");
	is_spelled(TPLUS_KEY_UUID, false, "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
			   "{a0eebc999c0b4ef8bb6d6bb9bd380a11");
	is_spelled(TPLUS_KEY_UUID, false, "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
			   "a0eebc999c0b4ef8bb6d6bb9bd380a11-");
	return done();
}
