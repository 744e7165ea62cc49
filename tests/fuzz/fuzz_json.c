/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of anybody: what is parsed is printed and parsed to the same; what is refused, at the first wrong
 * byte. */
#include <math.h>

#include "doctor/json.h"
#include "tests/fuzz/fuzz.h"

/* What has a fraction or an exponent is printed with 15 digits where these tell a neighbour of it. */
static bool same_number(const struct dr_json *a, const struct dr_json *b, const char *key)
{
	double x = dr_json_get_number(a, key, 0), y = dr_json_get_number(b, key, 0);
	int64_t n = 0, m = 0;
	int r = dr_json_get_i64(a, key, &n), q = dr_json_get_i64(b, key, &m);

	if (fabs(x) >= 1e15)
		return fabs(x - y) <= fabs(x) * 1e-14;
	return r == q && n == m;
}

static unsigned check_same(const struct dr_json *a, const struct dr_json *b)
{
	unsigned depth = 0;

	FUZZ_CHECK(dr_json_is_object(a) == dr_json_is_object(b) &&
		   dr_json_is_array(a) == dr_json_is_array(b) &&
		   dr_json_is_string(a) == dr_json_is_string(b) && dr_json_size(a) == dr_json_size(b));
	if (dr_json_is_string(a))
		FUZZ_CHECK(!strcmp(dr_json_str(a), dr_json_str(b)));
	for (const struct dr_json *v = dr_json_first(a), *w = dr_json_first(b); v;
	     v = dr_json_next(v), w = dr_json_next(w)) {
		const char *key = dr_json_key(v);
		unsigned below;

		FUZZ_CHECK(w && !key == !dr_json_is_object(a));
		if (key) {
			FUZZ_CHECK(!strcmp(key, dr_json_key(w)) && dr_json_get(a, key));
			FUZZ_CHECK(same_number(a, b, key));
		}
		below = check_same(v, w);
		depth = DR_MAX(depth, below);
	}
	return depth + (dr_json_is_object(a) || dr_json_is_array(a));
}

static void check_accepted(const struct dr_json *root)
{
	DR_AUTO_FREE char *text = dr_json_print(root), *twice = NULL;
	DR_AUTO_JSON struct dr_json *again = NULL;

	FUZZ_CHECK(text && !dr_json_parse(text, strlen(text), &again, NULL));
	twice = dr_json_print(again);
	FUZZ_CHECK(twice && !strcmp(text, twice));
	FUZZ_CHECK(check_same(root, again) <= DR_JSON_DEPTH_MAX);
	FUZZ_CHECK(!dr_json_path(root, "a.0.b") || dr_json_get(root, "a"));
}

/* Up to there it can still become JSON. */
static void check_refused(const char *text, size_t len, size_t offset)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	size_t end = SIZE_MAX;
	int r;

	FUZZ_CHECK(offset <= len);
	r = dr_json_parse(text, offset, &root, &end);
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && end == offset));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	size_t offset = SIZE_MAX;
	int r = dr_json_parse((const char *)data, size, &root, &offset);

	FUZZ_CHECK(r == 0 ? root != NULL && offset == SIZE_MAX : r == -EBADMSG && !root);
	if (r)
		check_refused((const char *)data, size, offset);
	else
		check_accepted(root);
	return 0;
}
