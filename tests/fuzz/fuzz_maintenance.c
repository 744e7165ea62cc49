/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What says that somebody works on a host: the first byte 'a': an alarm, as Aodh posts it to /maintenance;
 * else the body of PUT /v1/maintenance/HOST, whole.
 */
#include "doctor/json.h"
#include "inspector/alarm.h"
#include "inspector/maintenance.h"
#include "tests/fuzz/fuzz.h"

static void read_period(const uint8_t *data, size_t size)
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
		FUZZ_CHECK(why[0] && !fuzz_has_control(why) && !memcmp(&u, &untouched, sizeof(u)));
		return;
	}
	left = dr_mono_sub(u.until, now).ns;
	FUZZ_CHECK(left > 0 && left <= INS_MAINTENANCE_LONGEST.ns);
	FUZZ_CHECK(u.since.ns == wall.ns && u.until_wall.ns == wall.ns + left);
	FUZZ_CHECK(memchr(u.reason, '\0', sizeof(u.reason)) && !fuzz_has_control(u.reason));
}

/* The one trait of this name; the last of several. */
static const char *trait(const struct dr_json *root, const char *name, size_t *ret_index)
{
	const struct dr_json *traits = dr_json_path(root, "reason_data.event.traits");
	const char *found = NULL;

	for (size_t i = 0; i < dr_json_size(traits); i++) {
		const struct dr_json *triple = dr_json_at(traits, i);
		const char *key = dr_json_str(dr_json_at(triple, 0));

		if (!key || strcmp(key, name) != 0)
			continue;
		found = dr_json_str(dr_json_at(triple, 2));
		*ret_index = i;
	}
	return found;
}

static void read_alarm(const char *body, size_t len)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	struct ins_alarm a, untouched;
	struct ins_refusal why = { "", "" };
	const char *host, *state;
	size_t at = 0, unused, where;
	int r;

	memset(&a, 0xa5, sizeof(a));
	untouched = a;
	r = ins_alarm_parse(body, len, &a, &why);
	FUZZ_CHECK(r == 0 || r == 1);
	if (r) {
		FUZZ_CHECK(why.reason[0] && !fuzz_has_control(why.reason));
		FUZZ_CHECK(!memcmp(&a, &untouched, sizeof(a)));
		return;
	}
	FUZZ_CHECK(!dr_json_parse(body, len, &root, NULL));
	host = trait(root, "host", &at);
	state = trait(root, "state", &unused);
	FUZZ_CHECK(host && !strcmp(a.host, host) && host[0] && !host[ins_host_span(host)]);
	FUZZ_CHECK(state && !strcmp(state, a.begins ? "IN_MAINTENANCE" : "MAINTENANCE_COMPLETE"));
	FUZZ_CHECK(sscanf(a.position, "reason_data.event.traits[%zu][2]", &where) == 1 && where == at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'a')
		read_alarm((const char *)data + 1, size - 1);
	else
		read_period(data, size);
	return 0;
}
