/* SPDX-License-Identifier: Apache-2.0 */
/* EnvironmentFile= of a unit is read as systemd reads it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/ctl/envfile.h"

/* All variables of the text as "NAME[value]", one after the other. */
static void expect(const char *text, const char *variables)
{
	DR_AUTO_BUF struct dr_buf name = { 0 }, value = { 0 }, all = { 0 };
	const char *at = text;
	int r;

	while ((r = envfile_next(&at, &name, &value)) == 0)
		dr_buf_printf(&all, "%s[%s]", dr_buf_str(&name), dr_buf_str(&value));
	assert_int_equal(r, 1);
	assert_string_equal(dr_buf_str(&all), variables);
}

static void lines(void **state)
{
	expect("", "");
	expect("A=1\nB=2", "A[1]B[2]");
	expect("\n  A = 1 2 \t\n\n", "A[1 2]");
	expect("# A=1\n ; B=2\nno variable\n=3\nC=\nD=4#5\n", "C[]D[4#5]");
}

static void quotes(void **state)
{
	expect("A='a $b \\ \"' \nB=\"b 'c' \"\n", "A[a $b \\ \"]B[b 'c' ]");
	expect("A=\"a\\\"b\\$c\\n\"", "A[a\"b$c\\n]");
	expect("A=\"two\nlines\"'and more'\nB=2", "A[two\nlinesand more]B[2]");
	expect("A=it's\nB=2", "A[it's]B[2]");
	expect("A=\"no end", "A[no end]");
}

static void backslashes(void **state)
{
	expect("A=a\\\nb\nB=2", "A[ab]B[2]");
	expect("A=a\\b\\\\c\\ \nB=2", "A[ab\\c ]B[2]");
	expect("A=\"a\\\nb\"", "A[ab]");
	expect("A=\\", "A[\\]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(quotes),
		cmocka_unit_test(backslashes),
	};

	return cmocka_run_group_tests_name("unit: environment files", tests, NULL, NULL);
}
