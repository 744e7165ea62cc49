/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock is set by an hour while hosts are watched: nothing follows from it but what is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "tests/net/live.h"

#define HOUR 3600

static void step_clock(int seconds)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	now.tv_sec += seconds;
	assert_int_equal(clock_settime(CLOCK_REALTIME, &now), 0);
}

static int64_t attempts(struct bed *b)
{
	return live_number(b, "/v1/counters", "sender.attempts");
}

/* Seconds that its own clock, as it shows it, is off ours. */
static double off_by(struct bed *b)
{
	DR_AUTO_JSON struct dr_json *doc = live_json(b, "/v1/status");
	const char *text = dr_json_get_str(doc, "time");
	struct tm tm = { 0 };

	assert_non_null(text);
	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &tm));
	return difftime(time(NULL), timegm(&tm));
}

static void the_clock_is_set(void **state)
{
	static const int steps[] = { HOUR, -HOUR, -HOUR, HOUR };
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf t = { 0 };
	unsigned nevents = 3;

	if (!getenv("DOCTOR_IN_GUEST")) {
		print_message("this sets the clock of the machine: in a guest only\n");
		skip();
	}
	live_begin(b, &t, "interval: 50ms\n");
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	bed_write(b, dr_buf_str(&t));
	bed_start(b);
	if (!bed_wait_events(b, nevents, BED_SOON))
		bed_fail(b, "only %u of 3 hosts came up", b->nevents);
	for (size_t i = 0; i < DR_ARRAY_SIZE(steps); i++) {
		int host = (int)i % 3;
		int64_t before = attempts(b);
		step_clock(steps[i]);
		bed_idle(b, dr_sec(2)); /* many times what a verdict takes */
		if (b->nevents != nevents || b->nothers)
			bed_fail(b, "a clock set by %d s is reported as %s %s", steps[i],
				 b->nothers ? b->others[0].type : b->events[nevents].host,
				 b->nothers ? "" : b->events[nevents].status);
		live_expect_number(b, "/v1/counters", "sender.attempts", before + 60);
		assert_true(off_by(b) > -10 && off_by(b) < 10);
		live_expect_text(b, "/v1/targets?host=compute-1", "targets.0.verdict", "up");
		/* and a death is found as before */
		BED_MUST(sc_topo_drop(b->topo, host, &error));
		bed_expect_down(b, nevents++, sc_topo_name(b->topo, host));
		BED_MUST(sc_topo_restore(b->topo, host, &error));
		bed_expect_up(b, nevents++, sc_topo_name(b->topo, host));
	}
	assert_int_equal(bed_stop(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_is_set),
	};

	return cmocka_run_group_tests_name("guest: clock", tests, bed_enter_namespace, NULL);
}
