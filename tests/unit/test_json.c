/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "doctor/json.h"

static struct dr_json *parse(const char *text)
{
	struct dr_json *v = NULL;
	size_t offset = 4711;
	int r = dr_json_parse(text, strlen(text), &v, &offset);

	if (r < 0)
		fail_msg("%s: refused at %zu", text, offset);
	assert_int_equal(offset, 4711);
	return v;
}

static void assert_prints(const struct dr_json *v, const char *expected)
{
	DR_AUTO_FREE char *text = dr_json_print(v);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void test_accepts(void **state)
{
	static const char *const same[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"\"\"",
		"0",
		"-1",
		"1.5",
		"[1,2,[3,{\"a\":null}],\"x\"]",
		"{\"a\":{\"b\":[true,false]},\"\":1}",
		"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"[9007199254740993,-9223372036854775808,18446744073709551616,1]",
		"{\"a\":1000000000000000,\"b\":[123456789012345678901234567890]}",
	};
	static const struct {
		const char *in, *out;
	} other[] = {
		{ " \t\r\n[ 1 , 2 ]\n", "[1,2]" },
		{ "{ \"a\" : 1 }", "{\"a\":1}" },
		{ "\"\\u00e4\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
		  "\"\xc3\xa4\xf0\x9f\x98\x80/\\b\\f\\n\\r\\t\\\\\\\"\"" },
		{ "1e2", "100" },
		{ "[1E+2,25e-1]", "[100,2.5]" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(same); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(same[i]);

		assert_prints(v, same[i]);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(other); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(other[i].in);

		assert_prints(v, other[i].out);
	}
}

#define TEXT(literal) literal, sizeof(literal) - 1

static void test_refuses(void **state)
{
	static const struct {
		const char *text;
		size_t len, offset;
	} bad[] = {
		{ TEXT(""), 0 },
		{ TEXT("  "), 2 },
		{ TEXT("{"), 1 },
		{ TEXT("["), 1 },
		{ TEXT("[1"), 2 },
		{ TEXT("[1,"), 3 },
		{ TEXT("[1,]"), 3 },
		{ TEXT("[,1]"), 1 },
		{ TEXT("[1 2]"), 3 },
		{ TEXT("[1}"), 2 },
		{ TEXT("{]"), 1 },
		{ TEXT("{\"a\"}"), 4 },
		{ TEXT("{\"a\" 1}"), 5 },
		{ TEXT("{\"a\":}"), 5 },
		{ TEXT("{\"a\":1,}"), 7 },
		{ TEXT("{1:2}"), 1 },
		{ TEXT("{a:2}"), 1 },
		{ TEXT("{'a':2}"), 1 },
		{ TEXT("1 1"), 2 },
		{ TEXT("{} x"), 3 },
		{ TEXT("{}\0"), 2 },
		{ TEXT("\0"), 0 },
		{ TEXT("[1,\0 2]"), 3 },
		{ TEXT("tru"), 3 },
		{ TEXT("trUe"), 2 },
		{ TEXT("nulll"), 4 },
		{ TEXT("NaN"), 0 },
		{ TEXT("Infinity"), 0 },
		{ TEXT("-Infinity"), 1 },
		{ TEXT("-"), 1 },
		{ TEXT("+1"), 0 },
		{ TEXT("01"), 1 },
		{ TEXT("-01"), 2 },
		{ TEXT("1."), 2 },
		{ TEXT(".5"), 0 },
		{ TEXT("1e"), 2 },
		{ TEXT("1e+"), 3 },
		{ TEXT("0x10"), 1 },
		{ TEXT("1/*c*/"), 1 },
		{ TEXT("\v1"), 0 },
		{ TEXT("\xef\xbb\xbf{}"), 0 },
		{ TEXT("\""), 1 },
		{ TEXT("\"abc"), 4 },
		{ TEXT("\"a\\"), 3 },
		{ TEXT("\"\\x41\""), 2 },
		{ TEXT("\"a\nb\""), 2 },
		{ TEXT("\"a\0b\""), 2 },
		{ TEXT("\"a\\u0000b\""), 4 },
		{ TEXT("\"\\u00g0\""), 5 },
		{ TEXT("\"\\u12"), 5 },
		{ TEXT("\"\\udc00\""), 3 },
		{ TEXT("\"\\ud800\""), 7 },
		{ TEXT("\"\\ud800\\n\""), 8 },
		{ TEXT("\"\\ud800\\u0041\""), 9 },
		{ TEXT("\"\x80\""), 1 },
		{ TEXT("\"\xc0\xaf\""), 1 },
		{ TEXT("\"\xc3\""), 1 },
		{ TEXT("\"\xe0\x80\x80\""), 1 },
		{ TEXT("\"\xed\xa0\x80\""), 1 },
		{ TEXT("\"\xf0\x80\x80\x80\""), 1 },
		{ TEXT("\"\xf4\x90\x80\x80\""), 1 },
		{ TEXT("\"\xf5\x80\x80\x80\""), 1 },
		{ TEXT("\"ok\xe2\x82"), 3 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		struct dr_json *v = NULL;
		size_t offset = 4711;
		int r = dr_json_parse(bad[i].text, bad[i].len, &v, &offset);

		if (r != -EBADMSG || offset != bad[i].offset)
			fail_msg("%s: %d at %zu, not at %zu", bad[i].text, r, offset, bad[i].offset);
		assert_null(v);
		assert_int_equal(dr_json_parse(bad[i].text, bad[i].len, &v, NULL), -EBADMSG);
	}
}

/* A text may end where unmapped memory begins: every prefix in a block of just its size. */
static void test_every_prefix(void **state)
{
	static const char whole[] = "{\"a\":[1,-2.5e3,\"\\ud83d\\ude00\xe2\x82\xac\",true,null,{}],\"b\":{}}";

	for (size_t n = 0; n < sizeof(whole); n++) {
		DR_AUTO_FREE char *text = malloc(n ? n : 1);
		struct dr_json *v = NULL;
		size_t offset = 0;

		assert_non_null(text);
		memcpy(text, whole, n);
		int r = dr_json_parse(text, n, &v, &offset);

		if (n == sizeof(whole) - 1) {
			assert_int_equal(r, 0);
			dr_json_free(v);
		} else {
			assert_int_equal(r, -EBADMSG);
			assert_true(offset <= n);
		}
	}
}

static void test_depth(void **state)
{
	char text[2 * (DR_JSON_DEPTH_MAX + 1)];
	struct dr_json *v = NULL;
	size_t offset;
	size_t n = DR_JSON_DEPTH_MAX;

	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(dr_json_parse(text, 2 * n, &v, &offset), 0);
	dr_json_free(v);

	n++;
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(dr_json_parse(text, 2 * n, &v, &offset), -EBADMSG);
	assert_int_equal(offset, DR_JSON_DEPTH_MAX);

	/* depth is not length: siblings do not count */
	DR_AUTO_JSON struct dr_json *wide = parse(
		"[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
		"[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
		"[],[],[],[],[],[],[],[]]");
	assert_int_equal(dr_json_size(wide), 68);
}

static void test_getters(void **state)
{
	DR_AUTO_JSON struct dr_json *v = parse(
		"{\"s\":\"text\",\"n\":7,\"t\":true,\"z\":null,\"a\":[10,{\"k\":\"v\"},[]],\"o\":{\"S\":1},"
		"\"twice\":1,\"twice\":\"last\"}");

	assert_true(dr_json_is_object(v));
	assert_false(dr_json_is_array(v));
	assert_true(dr_json_is_array(dr_json_get(v, "a")));
	assert_true(dr_json_is_string(dr_json_get(v, "s")));
	assert_true(dr_json_is_null(dr_json_get(v, "z")));
	assert_false(dr_json_is_null(dr_json_get(v, "absent")));
	assert_string_equal(dr_json_get_str(v, "s"), "text");
	assert_null(dr_json_get_str(v, "n"));
	assert_null(dr_json_get_str(v, "S")); /* case counts */
	assert_string_equal(dr_json_get_str(v, "twice"), "last");
	assert_true(dr_json_get_bool(v, "t", false));
	assert_true(dr_json_get_bool(v, "absent", true));
	assert_false(dr_json_get_bool(v, "n", false));

	assert_int_equal(dr_json_size(v), 8);
	assert_int_equal(dr_json_size(dr_json_get(v, "a")), 3);
	assert_int_equal(dr_json_size(dr_json_get(v, "s")), 0);
	assert_ptr_equal(dr_json_at(dr_json_get(v, "a"), 1), dr_json_path(v, "a.1"));
	assert_null(dr_json_at(dr_json_get(v, "a"), 3));
	assert_null(dr_json_at(dr_json_get(v, "a"), SIZE_MAX));
	assert_null(dr_json_at(v, 0)); /* arrays only */

	assert_string_equal(dr_json_str(dr_json_path(v, "a.1.k")), "v");
	assert_ptr_equal(dr_json_path(v, ""), v);
	static const char *const nowhere[] = { "a.3",  "a.x",  "a.1.k.z", "s.0",  "o.s",
					       "a..k", "a.-1", "a.+1",	  "a. 1", "x.y" };
	for (size_t i = 0; i < DR_ARRAY_SIZE(nowhere); i++)
		assert_null(dr_json_path(v, nowhere[i]));

	const struct dr_json *m = dr_json_first(v);
	assert_string_equal(dr_json_key(m), "s");
	m = dr_json_next(m);
	assert_string_equal(dr_json_key(m), "n");
	const struct dr_json *item = dr_json_first(dr_json_get(v, "a"));
	assert_null(dr_json_key(item));
	assert_null(dr_json_first(dr_json_path(v, "a.2")));
	assert_null(dr_json_first(dr_json_get(v, "s")));
}

static void test_getters_take_null(void **state)
{
	int64_t n = 5;

	assert_false(dr_json_is_object(NULL));
	assert_false(dr_json_is_array(NULL));
	assert_false(dr_json_is_string(NULL));
	assert_false(dr_json_is_null(NULL));
	assert_null(dr_json_get(NULL, "a"));
	assert_null(dr_json_path(NULL, "a.b"));
	assert_null(dr_json_at(NULL, 0));
	assert_null(dr_json_first(NULL));
	assert_null(dr_json_next(NULL));
	assert_null(dr_json_key(NULL));
	assert_null(dr_json_str(NULL));
	assert_null(dr_json_get_str(NULL, "a"));
	assert_int_equal(dr_json_size(NULL), 0);
	assert_true(dr_json_get_number(NULL, "a", -1) == -1);
	assert_int_equal(dr_json_get_i64(NULL, "a", &n), -EINVAL);
	assert_int_equal(n, 5);
	assert_true(dr_json_get_bool(NULL, "a", true));
	assert_null(dr_json_copy(NULL));
	dr_json_free(NULL);
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t n;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-1", 0, -1 },
		{ "-0", 0, 0 },
		{ "1.0", 0, 1 },
		{ "1e3", 0, 1000 },
		{ "2147483648", 0, 2147483648 },
		{ "999999999999999", 0, 999999999999999 },
		{ "1000000000000000", 0, 1000000000000000 },
		{ "9007199254740993", 0, 9007199254740993 },
		{ "-9007199254740993", 0, -9007199254740993 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -EINVAL, 0 },
		{ "-9223372036854775809", -EINVAL, 0 },
		{ "1e19", -EINVAL, 0 },
		{ "-1e19", -EINVAL, 0 },
		{ "1e999", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1e-3", -EINVAL, 0 },
		{ "\"1\"", -EINVAL, 0 },
		{ "true", -EINVAL, 0 },
		{ "null", -EINVAL, 0 },
		{ "[1]", -EINVAL, 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		char text[64];
		int64_t n = 4711;

		snprintf(text, sizeof(text), "{\"x\":[1,2],\"n\":%s}", cases[i].text);
		DR_AUTO_JSON struct dr_json *v = parse(text);
		int r = dr_json_get_i64(v, "n", &n);

		if (r != cases[i].r || n != (r == 0 ? cases[i].n : 4711))
			fail_msg("%s: %d, %lld", cases[i].text, r, (long long)n);
	}
}

static double number(const char *text)
{
	DR_AUTO_JSON struct dr_json *v = parse(text);

	return dr_json_get_number(v, "n", 4711);
}

/* Valid all of them; some are more than a double holds. */
static void test_numbers(void **state)
{
	char wide[512];

	assert_true(number("{\"n\":-1.5}") == -1.5);
	assert_true(number("{\"n\":1e-999}") == 0);
	assert_true(number("{\"n\":1e308}") == 1e308);
	assert_true(number("{\"n\":1e999}") == 4711);
	assert_true(number("{\"n\":-1e309}") == 4711);
	assert_true(number("{\"n\":\"1\"}") == 4711);
	snprintf(wide, sizeof(wide), "{\"n\":-1%0400d}", 0);
	assert_true(number(wide) == 4711);
	snprintf(wide, sizeof(wide), "{\"n\":1%0300d}", 0);
	assert_true(number(wide) == 1e300);
}

/* Wide integers keep their digits wherever they stand, also in a copy. */
static void test_wide_integers_in_place(void **state)
{
	static const char text[] = "{\"a\":[1,1000000000000000001,2,{\"b\":1000000000000000002}],\"c\":1.25,"
				   "\"d\":1000000000000000003}";
	DR_AUTO_JSON struct dr_json *v = parse(text);
	DR_AUTO_JSON struct dr_json *copy = dr_json_copy(v);

	assert_true(dr_json_get_number(v, "c", -1) == 1.25);
	assert_true(dr_json_get_number(v, "d", -1) == 1e18 + 3);
	assert_true(dr_json_get_number(v, "a", -1) == -1);
	int64_t n;

	assert_prints(copy, text);
	assert_int_equal(dr_json_get_i64(dr_json_path(copy, "a.3"), "b", &n), 0);
	assert_int_equal(n, 1000000000000000002);
	assert_null(dr_json_get_str(copy, "d"));
}

static void test_building(void **state)
{
	DR_AUTO_JSON struct dr_json *o = dr_json_object();
	struct dr_json *a = dr_json_add_array(o, "a");

	assert_non_null(dr_json_push(a, dr_json_int(1)));
	assert_non_null(dr_json_push(a, dr_json_number(0.5)));
	assert_non_null(dr_json_push(a, dr_json_null()));
	assert_non_null(dr_json_add_str(dr_json_push_object(a), "k", "v"));
	assert_non_null(dr_json_add_object(o, "o"));
	assert_non_null(dr_json_add_str(o, "none", NULL));
	assert_non_null(dr_json_add_bool(o, "b", true));
	assert_non_null(dr_json_add_int(o, "big", INT64_MIN));
	assert_non_null(dr_json_add_int(o, "ns", 1764000000123456789));
	assert_non_null(dr_json_add_int(o, "e15", 1000000000000000));
	assert_non_null(dr_json_add(o, "nan", dr_json_number(NAN)));
	assert_prints(o, "{\"a\":[1,0.5,null,{\"k\":\"v\"}],\"o\":{},\"none\":null,\"b\":true,"
			 "\"big\":-9223372036854775808,\"ns\":1764000000123456789,\"e15\":1000000000000000,"
			 "\"nan\":null}");
}

static void test_adding_replaces(void **state)
{
	DR_AUTO_JSON struct dr_json *o = parse("{\"a\":1,\"b\":2}");

	assert_non_null(dr_json_add_str(o, "a", "new"));
	assert_prints(o, "{\"b\":2,\"a\":\"new\"}");
	assert_non_null(dr_json_add_int(o, "a", 3));
	assert_non_null(dr_json_add_int(o, "b", 4));
	assert_prints(o, "{\"a\":3,\"b\":4}");
}

static void test_strings_become_utf8(void **state)
{
	DR_AUTO_JSON struct dr_json *o = dr_json_object();

	assert_non_null(dr_json_add_str(o, "good", "\xe2\x82\xac"));
	assert_non_null(dr_json_add_str(o, "bad", "a\xff\xe2\x82z\xc3"));
	assert_non_null(dr_json_add_str(o, "control", "\x01\n\""));
	assert_string_equal(dr_json_get_str(o, "bad"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
	DR_AUTO_FREE char *text = dr_json_print(o);
	DR_AUTO_JSON struct dr_json *again = parse(text);

	assert_string_equal(dr_json_get_str(again, "good"), "\xe2\x82\xac");
	assert_string_equal(dr_json_get_str(again, "control"), "\x01\n\"");
}

/* One failed adder anywhere, and the whole tree does not print: no half message is ever sent. */
static void test_failed_adders_are_remembered(void **state)
{
	DR_AUTO_JSON struct dr_json *o = dr_json_object();
	struct dr_json *inner =
		dr_json_add_object(dr_json_push_object(dr_json_add_array(o, "list")), "inner");
	struct dr_json *s = dr_json_add_str(o, "s", "text");

	assert_non_null(inner);
	assert_null(dr_json_print(NULL));
	DR_AUTO_FREE char *before = dr_json_print(o);
	assert_non_null(before);

	assert_null(dr_json_add(inner, "x", NULL));
	assert_null(dr_json_print(o));
	assert_null(dr_json_add_int(inner, "y", 1)); /* it stays so */
	assert_null(dr_json_print(o));

	DR_AUTO_JSON struct dr_json *wrong = dr_json_object();
	assert_null(dr_json_push(wrong, dr_json_int(1)));
	assert_null(dr_json_print(wrong));
	DR_AUTO_JSON struct dr_json *list = dr_json_array();
	assert_null(dr_json_add_int(list, "k", 1));
	assert_null(dr_json_print(list));
	assert_null(dr_json_add_int(s, "k", 1));

	assert_null(dr_json_add(NULL, "k", dr_json_int(1)));
	assert_null(dr_json_push(NULL, dr_json_int(1)));
	assert_null(dr_json_push_object(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_getters),
		cmocka_unit_test(test_getters_take_null),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_wide_integers_in_place),
		cmocka_unit_test(test_building),
		cmocka_unit_test(test_adding_replaces),
		cmocka_unit_test(test_strings_become_utf8),
		cmocka_unit_test(test_failed_adders_are_remembered),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
