/* SPDX-License-Identifier: Apache-2.0 */
/* What Aodh sends to the consumer; bodies one after the other, with \xff between them. */
#include "consumer/alarm.h"
#include "doctor/cloud/call.h"
#include "tests/fuzz/fuzz.h"

static void check_alarm(const struct con_alarm *a)
{
	FUZZ_CHECK(dr_api_id_valid(a->alarm_id) && dr_api_id_valid(a->server_id));
	FUZZ_CHECK(a->message_id[0]);
	for (const char *p = a->message_id; *p; p++)
		FUZZ_CHECK(*p > 0x20 && *p < 0x7f);
}

static void parse(const char *body, size_t len, struct con_seen *seen)
{
	struct con_alarm a, untouched;
	char why[CON_WHY_MAX] = "";
	int r;

	memset(&a, 0xa5, sizeof(a));
	untouched = a;
	r = con_alarm_parse(body, len, &a, why);
	FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
	FUZZ_CHECK(!r == !why[0]);
	if (r < 0)
		FUZZ_CHECK(!memcmp(&a, &untouched, sizeof(a)));
	if (r == 1)
		FUZZ_CHECK(dr_api_id_valid(a.alarm_id));
	if (r)
		return;
	check_alarm(&a);
	FUZZ_CHECK(con_seen_add(seen, &a) >= 0);
	FUZZ_CHECK(con_seen_add(seen, &a) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO(con_seen_done) struct con_seen seen = { 0 };
	char cut;

	do {
		size_t len;
		const uint8_t *body = fuzz_cut(&data, &size, "\xff", &len, &cut);

		parse((const char *)body, len, &seen);
	} while (cut);
	return 0;
}
