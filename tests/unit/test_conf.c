/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/buf.h"
#include "doctor/conf.h"

static struct dr_conf *parse(const char *text)
{
	struct dr_conf *c = NULL;

	assert_int_equal(dr_conf_parse("f", text, strlen(text), &c), 0);
	return c;
}

static void expect_only_error(struct dr_conf *c, const char *text)
{
	if (dr_conf_error_count(c) != 1)
		fail_msg("%zu errors, the first: %s", dr_conf_error_count(c), dr_conf_error_text(c, 0));
	assert_string_equal(dr_conf_error_text(c, 0), text);
}

static void reads_what_is_there(void **state)
{
	DR_AUTO(dr_conf_freep)
	struct dr_conf *c =
		parse("name: \"10\"\nn: -3\non: yes\nwait: 1.5s\nmode: b\nlist: [x, {k: v}]\nnone:\n");
	static const char *const modes[] = { "a", "b", NULL };
	struct dr_conf_node *root = dr_conf_root(c), *list;
	struct dr_dur d;
	const char *s;
	int64_t n;
	bool b;
	int m;

	assert_true(dr_conf_str(c, root, "name", NULL, &s));
	assert_string_equal(s, "10");
	assert_true(dr_conf_int(c, root, "n", -5, 5, 0, &n));
	assert_int_equal(n, -3);
	assert_true(dr_conf_bool(c, root, "on", false, &b));
	assert_true(b);
	assert_true(dr_conf_dur(c, root, "wait", dr_sec(1), dr_sec(2), dr_sec(1), &d));
	assert_int_equal(d.ns, 1500 * DR_NSEC_PER_MSEC);
	assert_true(dr_conf_enum(c, root, "mode", modes, 0, &m));
	assert_int_equal(m, 1);
	list = dr_conf_list(c, root, "list");
	assert_int_equal(dr_conf_count(list), 2);
	assert_string_equal(dr_conf_scalar(dr_conf_item(list, 0)), "x");
	assert_true(dr_conf_is_map(dr_conf_item(list, 1)));
	assert_null(dr_conf_item(list, 2));
	assert_null(dr_conf_get(c, root, "none"));
	dr_conf_check_keys(c, root);
	assert_int_equal(dr_conf_error_count(c), 0);
}

static void absent_reads_as_its_fallback(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse("");
	struct dr_conf_node *root = dr_conf_root(c);
	const char *s;
	int64_t n;
	bool b;

	assert_null(root);
	assert_false(dr_conf_str(c, root, "a", "x", &s));
	assert_string_equal(s, "x");
	assert_false(dr_conf_int(c, root, "a", 0, 9, 7, &n));
	assert_int_equal(n, 7);
	assert_false(dr_conf_bool(c, dr_conf_map(c, root, "m"), "a", true, &b));
	assert_true(b);
	dr_conf_check_keys(c, root);
	assert_int_equal(dr_conf_error_count(c), 0);
	dr_conf_str(c, root, "a", DR_CONF_REQUIRED, &s);
	assert_null(s);
	expect_only_error(c, "f: \"a\" is missing");
}

/* Each text, read in the same way, has exactly this error. */
static void wrong_values_say_where_what_and_what_would_be_right(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "a:\n  - n: 4x\n", "f:2:8: a[0].n: \"4x\" is not a whole number (0 to 9)" },
		{ "a:\n  - n: 10\n", "f:2:8: a[0].n: 10 is above the maximum of 9" },
		{ "a:\n  - n: -1\n", "f:2:8: a[0].n: -1 is below the minimum of 0" },
		{ "a:\n  - n: 99999999999999999999\n",
		  "f:2:8: a[0].n: 99999999999999999999 is above the maximum of 9" },
		{ "a:\n  - n: [1]\n", "f:2:8: a[0].n: is a list, but a single value is expected" },
		{ "a:\n  - n: \" 4\"\n", "f:2:8: a[0].n: \" 4\" is not a whole number (0 to 9)" },
		{ "a:\n  - d: 5us\n", "f:2:8: a[0].d: \"5us\" is below the minimum of 1ms" },
		{ "a:\n  - d: 2h\n", "f:2:8: a[0].d: \"2h\" is above the maximum of 1min" },
		{ "a:\n  - d: 10\n", "f:2:8: a[0].d: \"10\" is not a duration: write a number with ns, us, "
				     "ms, s, min or h, as in \"10ms\"" },
		{ "a:\n  - b: maybe\n", "f:2:8: a[0].b: \"maybe\" is neither true nor false" },
		{ "a:\n  - e: z\n", "f:2:8: a[0].e: \"z\" is not one of: x, y" },
		{ "a:\n  - m: 3\n",
		  "f:2:8: a[0].m: is a single value, but a mapping (\"name: value\" lines) is expected" },
		{ "a:\n  - q: 3\n", "f:2:8: a[0].q: unknown setting; there are: b, d, e, m, n" },
		{ "a:\n  - 7\n",
		  "f:2:5: a[0]: is a single value, but a mapping (\"name: value\" lines) is expected" },
		{ "a: 3\n",
		  "f:1:4: a: is a single value, but a list (lines that begin with \"- \") is expected" },
		{ "a: []\na: []\n", "f:2:4: a: given twice, first on line 1" },
		/* nothing that forges lines, or writes to a terminal what it obeys */
		{ "a:\n  - n: \"\\n\\e[2J\"\n", "f:2:8: a[0].n: \"??[2J\" is not a whole number (0 to 9)" },
		{ "a:\n  - \"q\\tr\": 3\n", "f:2:13: a[0].q?r: unknown setting; there are: b, d, e, m, n" },
	};
	static const char *const names[] = { "x", "y", NULL };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(cases[i].text);
		struct dr_conf_node *root = dr_conf_root(c), *a = dr_conf_item(dr_conf_list(c, root, "a"), 0);
		struct dr_dur d;
		int64_t n;
		bool b;
		int e;

		dr_conf_int(c, a, "n", 0, 9, 0, &n);
		dr_conf_dur(c, a, "d", dr_msec(1), dr_sec(60), dr_sec(1), &d);
		dr_conf_bool(c, a, "b", false, &b);
		dr_conf_enum(c, a, "e", names, 0, &e);
		dr_conf_map(c, a, "m");
		dr_conf_check_keys(c, a);
		dr_conf_check_keys(c, root);
		expect_only_error(c, cases[i].error);
		assert_int_equal(n, 0); /* the fallback stays */
		assert_int_equal(d.ns, DR_NSEC_PER_SEC);
	}
}

static void shares_are_per_cent(void **state)
{
	static const struct {
		const char *text;
		uint32_t permille;
		const char *error; /* NULL: it is good */
	} cases[] = {
		{ "s: 5%", 50, NULL },
		{ "s: 0.5%", 5, NULL },
		{ "s: 99.9%", 999, NULL },
		{ "s: 012.0%", 120, NULL },
		{ "s: 0%", 0, NULL },
		{ "s: 0", 0, NULL },
		{ "s: 0.0", 0, NULL },
		{ "t: 1", 77, NULL },
		{ "s: 100%", 77, "f:1:4: s: \"100%\" is above the maximum of 99.9%" },
		{ "s: 99999999999999999999%", 77,
		  "f:1:4: s: \"99999999999999999999%\" is above the maximum of 99.9%" },
	};
	static const char *const wrong[] = { "5",   "0.5", "5 %", ".5%", "5.%", "0.25%",
					     "-5%", "+5%", "%",	  "x",	 "5%%" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(cases[i].text);
		uint32_t v = 1;

		assert_int_equal(dr_conf_share(c, dr_conf_root(c), "s", 999, 77, &v),
				 *cases[i].text == 's' && !cases[i].error);
		assert_int_equal(v, cases[i].permille);
		if (cases[i].error)
			expect_only_error(c, cases[i].error);
		else
			assert_int_equal(dr_conf_error_count(c), 0);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(wrong); i++) {
		char text[32], error[128];
		snprintf(text, sizeof(text), "s: '%s'", wrong[i]);
		snprintf(error, sizeof(error),
			 "f:1:4: s: \"%s\" is not a share: write per cent, as in \"5%%\" or \"0.5%%\"",
			 wrong[i]);
		DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(text);
		uint32_t v;

		assert_false(dr_conf_share(c, dr_conf_root(c), "s", 1000, 77, &v));
		assert_int_equal(v, 77);
		expect_only_error(c, error);
	}
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse("s: 41%");
	uint32_t v;
	assert_false(dr_conf_share(c, dr_conf_root(c), "s", 400, 0, &v));
	expect_only_error(c, "f:1:4: s: \"41%\" is above the maximum of 40%");
}

static void what_is_no_yaml(void **state)
{
	static const struct {
		const char *text, *begin;
	} cases[] = {
		{ "a: [\n", "f:2:1: not valid YAML" },
		{ "a: b: c\n", "f:1:5: not valid YAML" },
		{ "\ta: 1\n", "f:1:1: not valid YAML" },
		{ "a: 1\n---\nb: 2\n", "f:2:1: a second document" },
		{ "a: &x [*x]\n", "f:1:4: nested too deeply" },
		{ "? [a]\n: b\n", "f:1:3: the name of a setting must be a plain word" },
		{ "a: \"x\\0y\"\n", "f:1:4: a NUL byte" },
		{ "a: \xff\xfe\n", "f: not a YAML text" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(cases[i].text);

		assert_int_equal(dr_conf_error_count(c), 1);
		if (strncmp(dr_conf_error_text(c, 0), cases[i].begin, strlen(cases[i].begin)))
			fail_msg("%s: %s", cases[i].text, dr_conf_error_text(c, 0));
	}
}

static void aliases_are_bounded(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	dr_buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		dr_buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			dr_buf_printf(&b, "%s*a%d", k ? ", " : "", i - 1);
		dr_buf_puts(&b, "]\n");
	}
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(dr_buf_str(&b));
	assert_int_equal(dr_conf_error_count(c), 1);
	assert_non_null(strstr(dr_conf_error_text(c, 0), "too large"));
}

/* A text of 64 KiB (a value, or the name of a setting) and so many aliases of it: the errors. */
static size_t errors_of_long_aliases(const char *before, const char *after, unsigned aliases)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char text[65537];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dr_buf_printf(&b, "a: &a %s%s%s\nb: [", before, text, after);
	for (unsigned i = 0; i < aliases; i++)
		dr_buf_puts(&b, "*a, ");
	dr_buf_puts(&b, "]\n");
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse(dr_buf_str(&b));
	if (dr_conf_error_count(c))
		assert_non_null(strstr(dr_conf_error_text(c, 0), "too large"));
	return dr_conf_error_count(c);
}

static void the_text_of_aliases_is_bounded(void **state)
{
	assert_int_equal(errors_of_long_aliases("", "", 1022), 0); /* the 64 MiB, but for the keys */
	assert_int_equal(errors_of_long_aliases("", "", 1023), 1);
	assert_int_equal(errors_of_long_aliases("{? ", " : 1}", 1000), 0);
	assert_int_equal(errors_of_long_aliases("{? ", " : 1}", 1100), 1);
}

static void an_alias_is_a_copy(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse("a: &x {n: 1}\nb: *x\n");
	int64_t n;

	assert_true(dr_conf_int(c, dr_conf_map(c, dr_conf_root(c), "b"), "n", 0, 9, 0, &n));
	assert_int_equal(n, 1);
}

static void unreadable_files_are_errors_in_the_list(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *none = NULL, *dir = NULL, *endless = NULL;

	assert_int_equal(dr_conf_load("/nonexistent/x.yaml", &none), 0);
	expect_only_error(none, "/nonexistent/x.yaml: cannot be read: No such file or directory");
	assert_int_equal(dr_conf_load("/", &dir), 0);
	expect_only_error(dir, "/: cannot be read: Is a directory");
	assert_int_equal(dr_conf_load("/dev/zero", &endless), 0);
	expect_only_error(endless, "/dev/zero: larger than 16 MiB, this is no configuration");
}

static void errors_are_kept_up_to_a_number_and_counted(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse("");

	for (int i = 0; i < DR_CONF_ERRORS_MAX + 5; i++)
		dr_conf_error(c, NULL, "e%d", i);
	assert_int_equal(dr_conf_error_count(c), DR_CONF_ERRORS_MAX + 5);
	assert_string_equal(dr_conf_error_text(c, DR_CONF_ERRORS_MAX - 1), "f: e49");
	assert_string_equal(dr_conf_error_text(c, DR_CONF_ERRORS_MAX), "(more than are kept)");
}

static void warnings_have_a_place_and_are_no_errors(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = parse("a: 1\nb: [x]\n");
	struct dr_conf_node *b = dr_conf_list(c, dr_conf_root(c), "b");

	assert_int_equal(dr_conf_warning_count(c), 0);
	dr_conf_warning(c, dr_conf_item(b, 0), "odd: %d", 1);
	assert_int_equal(dr_conf_warning_count(c), 1);
	assert_int_equal(dr_conf_error_count(c), 0);
	assert_string_equal(dr_conf_warning_text(c, 0), "f:2:5: b[0]: odd: 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(absent_reads_as_its_fallback),
		cmocka_unit_test(wrong_values_say_where_what_and_what_would_be_right),
		cmocka_unit_test(shares_are_per_cent),
		cmocka_unit_test(what_is_no_yaml),
		cmocka_unit_test(aliases_are_bounded),
		cmocka_unit_test(the_text_of_aliases_is_bounded),
		cmocka_unit_test(an_alias_is_a_copy),
		cmocka_unit_test(unreadable_files_are_errors_in_the_list),
		cmocka_unit_test(errors_are_kept_up_to_a_number_and_counted),
		cmocka_unit_test(warnings_have_a_place_and_are_no_errors),
	};

	return cmocka_run_group_tests_name("unit: conf", tests, NULL, NULL);
}
