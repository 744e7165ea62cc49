/* SPDX-License-Identifier: Apache-2.0 */
/* The body of PUT /v1/maintenance/HOST. */
#include "inspector/maintenance.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dr_mono now = { 5000000000000 };
	const struct dr_wall wall = { 1795000000000000000 }; /* 2026-11-18 */
	struct ins_upkeep u, untouched;
	char why[256] = "";
	int64_t left;
	int r;

	memset(&u, 0xa5, sizeof(u));
	untouched = u;
	r = ins_maintenance_parse((const char *)data, size, now, wall, &u, why);
	FUZZ_CHECK(r == 0 || r == 1);
	FUZZ_CHECK(!memcmp(u.host, untouched.host, sizeof(u.host)));
	if (r) {
		FUZZ_CHECK(why[0] && !memcmp(&u, &untouched, sizeof(u)));
		return 0;
	}
	left = dr_mono_sub(u.until, now).ns;
	FUZZ_CHECK(left > 0 && left <= INS_MAINTENANCE_LONGEST.ns);
	FUZZ_CHECK(u.since.ns == wall.ns && u.until_wall.ns == wall.ns + left);
	FUZZ_CHECK(memchr(u.reason, '\0', sizeof(u.reason)) && !fuzz_has_control(u.reason));
	return 0;
}
