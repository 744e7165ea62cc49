/* SPDX-License-Identifier: Apache-2.0 */
/* What Aodh and the inspector send to the consumer; bodies one after the other, with \xff between them. */
#include "consumer/alarm.h"
#include "consumer/notification.h"
#include "doctor/cloud/call.h"
#include "tests/fuzz/fuzz.h"

static void check_alarm(const struct con_alarm *a)
{
	FUZZ_CHECK(dr_api_id_valid(a->alarm_id) && dr_api_id_valid(a->server_id));
	FUZZ_CHECK(a->message_id[0]);
	for (const char *p = a->message_id; *p; p++)
		FUZZ_CHECK(*p > 0x20 && *p < 0x7f);
}

static void parse_notification(const char *body, size_t len)
{
	DR_AUTO(con_notification_done) struct con_notification n = {};
	char why[CON_WHY_MAX] = "";
	int r = con_notification_parse(body, len, &n, why);

	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	FUZZ_CHECK(!r == !why[0]);
	if (r)
		return;
	FUZZ_CHECK(n.id && n.subscription && n.fault && n.type);
	for (const struct dr_json *v = dr_json_first(n.servers); v; v = dr_json_next(v)) {
		const char *id = con_notification_server(&n, v);

		FUZZ_CHECK(!id || dr_api_id_valid(id));
	}
}

static void parse_alarm(const char *body, size_t len)
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char cut;

	do {
		size_t len;
		const uint8_t *body = fuzz_cut(&data, &size, "\xff", &len, &cut);

		parse_alarm((const char *)body, len);
		parse_notification((const char *)body, len);
	} while (cut);
	return 0;
}
