// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/buf.h"
#include "tests/unit/recorded.h"

struct dr_json *recorded(const char *name)
{
	DR_AUTO_FREE char *path = dr_asprintf("tests/unit/recorded/%s.json", name);
	DR_AUTO_FCLOSE FILE *f = NULL;
	static char text[1 << 16];
	struct dr_json *v = NULL;
	size_t n;

	assert_non_null(path);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: not found (run the tests from the top of the source tree)", path);
	n = fread(text, 1, sizeof(text), f);
	assert_true(n > 0 && n < sizeof(text));
	assert_int_equal(dr_json_parse(text, n, &v, NULL), 0);
	return v;
}
