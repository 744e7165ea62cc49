/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl check: files of OpenStack's services, as oslo.config reads them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/ctl/ini.h"

static void ini(void **state)
{
	static const char text[] = "# a comment\n"
				   "before = 1\n"
				   "[a]\n"
				   "key=one\n"
				   "key : two # no comment\n"
				   "\n"
				   "[b]\n"
				   "long = first\n"
				   "  second\n"
				   "quoted = 'x y'\n"
				   "with-dash = yes\n"
				   "empty =\n"
				   "[a]\r\n"
				   "more = 3\r\n";
	struct ini i;
	size_t line = 0;

	assert_int_equal(ini_parse(text, strlen(text), &i, &line), 0);
	assert_string_equal(ini_get(&i, "DEFAULT", "before"), "1");
	assert_string_equal(ini_get(&i, "a", "key"), "two # no comment");
	assert_string_equal(ini_get_nth(&i, "a", "key", 0), "one");
	assert_string_equal(ini_get_nth(&i, "a", "key", 1), "two # no comment");
	assert_null(ini_get_nth(&i, "a", "key", 2));
	assert_string_equal(ini_get(&i, "b", "long"), "first\nsecond");
	assert_string_equal(ini_get(&i, "b", "quoted"), "x y");
	assert_string_equal(ini_get(&i, "b", "with_dash"), "yes");
	assert_string_equal(ini_get(&i, "b", "empty"), "");
	assert_string_equal(ini_get(&i, "a", "more"), "3");
	assert_null(ini_get(&i, "b", "key"));
	ini_done(&i);
}

static void no_ini(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} cases[] = { { "[a]\nword\n", 2 },	  { "[a\n", 1 },  { "\n = x\n", 2 },
		      { " indented\n", 1 },	  { "= x\n", 1 }, { "[a]\n\n  more\n", 3 },
		      { "a = 1\n# c\n  more", 3 } };

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		struct ini i;
		size_t line = 0;
		assert_int_equal(ini_parse(cases[n].text, strlen(cases[n].text), &i, &line), -EBADMSG);
		assert_int_equal(line, cases[n].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ini),
		cmocka_unit_test(no_ini),
	};

	return cmocka_run_group_tests_name("unit: doctorctl ini", tests, NULL, NULL);
}
