/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager hears of a fresh monitor in time, and nothing of a stale one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "doctor/loop.h"
#include "user/watchdog.h"

#define NOW_S 1000
#define AT(s) ((struct dr_mono){ (uint64_t)((s)*1e9) })

/* ---- freshness ---- */

static void fresh_is_all_of_it(void **state)
{
	const struct mon_fresh_limits limits = { dr_sec(3), dr_sec(4), dr_sec(5) };
	const struct mon_cycle good = { AT(997), AT(996), AT(995) };
	struct mon_cycle c = good;
	char why[MON_STALE_MAX] = "x";

	assert_true(mon_fresh(&c, AT(NOW_S), &limits, why));
	assert_string_equal(why, "");
	c.sender = AT(996.9);
	assert_false(mon_fresh(&c, AT(NOW_S), &limits, why));
	assert_string_equal(why, "the sender has stood still for 3.1 s");
	c = good;
	c.ring = AT(995.9);
	assert_false(mon_fresh(&c, AT(NOW_S), &limits, why));
	assert_string_equal(why, "the reading of events has stood still for 4.1 s");
	c = good;
	c.tick = AT(994.9);
	assert_false(mon_fresh(&c, AT(NOW_S), &limits, NULL));
	c = good;
	c.tick = AT(0);
	assert_false(mon_fresh(&c, AT(NOW_S), &limits, why));
	assert_string_equal(why, "the round of checks has not begun");
	c.tick = AT(NOW_S + 1); /* read a little later than the clock */
	assert_true(mon_fresh(&c, AT(NOW_S), &limits, why));
}

/* ---- when a ping is due ---- */

static void due_by_half_the_period(void **state)
{
	struct mon_watchdog w = { .period = dr_sec(10) };

	assert_true(mon_watchdog_due(&w, AT(1), dr_sec(1))); /* the first at once */
	w.pinged = AT(100);
	assert_false(mon_watchdog_due(&w, AT(100.5), dr_sec(1)));
	assert_false(mon_watchdog_due(&w, AT(104), dr_sec(1)));
	assert_true(mon_watchdog_due(&w, AT(104.1), dr_sec(1))); /* the next look would be at 5.1 s */
	assert_true(mon_watchdog_due(&w, AT(300), dr_sec(1)));
	w.period = dr_sec(0);
	assert_false(mon_watchdog_due(&w, AT(300), dr_sec(1)));
}

/* ---- a service manager ---- */

struct manager {
	int fd;
	char path[40];
};

static int setup(void **state)
{
	struct manager *m = calloc(1, sizeof(*m));
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	assert_non_null(m);
	snprintf(m->path, sizeof(m->path), "/tmp/test_watchdog.%d", (int)getpid());
	unlink(m->path);
	memcpy(sun.sun_path, m->path, strlen(m->path));
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	setenv("NOTIFY_SOCKET", m->path, 1);
	setenv("WATCHDOG_USEC", "10000000", 1);
	unsetenv("WATCHDOG_PID");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct manager *m = *state;

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	close(m->fd);
	unlink(m->path);
	free(m);
	return 0;
}

static unsigned pings(struct manager *m)
{
	char text[128];
	unsigned n = 0;
	ssize_t len;

	while ((len = recv(m->fd, text, sizeof(text) - 1, 0)) >= 0) {
		text[len] = '\0';
		assert_string_equal(text, "WATCHDOG=1");
		n++;
	}
	assert_int_equal(errno, EAGAIN);
	return n;
}

static struct mon_cycle cycle_at(struct dr_mono t)
{
	return (struct mon_cycle){ t, t, t };
}

/* Ten minutes of ticks in no time. stale: from so many seconds on, for so long, nothing goes round. */
static unsigned ten_minutes(struct manager *m, unsigned stale_from, unsigned stale_for, unsigned *ret_longest)
{
	struct mon_watchdog w;
	unsigned total = 0, pause = 0;

	mon_watchdog_init(&w);
	*ret_longest = 0;
	for (unsigned i = 1; i <= 600; i++) {
		bool stale = i >= stale_from && i < stale_from + stale_for;
		struct mon_cycle c = cycle_at(AT(stale ? stale_from - 1 : i));
		mon_watchdog_tick(&w, &c, AT(i));
		unsigned n = pings(m);
		total += n;
		pause = n ? 0 : pause + 1;
		*ret_longest = DR_MAX(*ret_longest, pause);
	}
	return total;
}

static void a_fresh_monitor_pings(void **state)
{
	unsigned longest, n = ten_minutes(*state, 1000, 0, &longest);

	assert_in_range(longest, 3, 5);
	assert_in_range(n, 100, 200); /* and no more than needed */
}

static void a_stale_monitor_does_not(void **state)
{
	unsigned longest, n;
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO); /* it says so */
	n = ten_minutes(*state, 100, 300, &longest);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(null);
	assert_in_range(longest, 290, 305);
	assert_in_range(n, 50, 100); /* before, and again after */
}

static void nobody_waits(void **state)
{
	unsigned longest;

	unsetenv("WATCHDOG_USEC");
	assert_int_equal(ten_minutes(*state, 1000, 0, &longest), 0);
	setenv("WATCHDOG_USEC", "10000000", 1);
	setenv("WATCHDOG_PID", "1", 1); /* it is meant for another process */
	assert_int_equal(ten_minutes(*state, 1000, 0, &longest), 0);
}

static void period_of_the_environment(void **state)
{
	assert_int_equal(dr_watchdog_period().ns, 10 * DR_NSEC_PER_SEC);
	setenv("WATCHDOG_USEC", "nonsense", 1);
	assert_int_equal(dr_watchdog_period().ns, 0);
	setenv("WATCHDOG_USEC", "18446744073709551614", 1);
	assert_int_equal(dr_watchdog_period().ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_is_all_of_it),
		cmocka_unit_test(due_by_half_the_period),
		cmocka_unit_test_setup_teardown(a_fresh_monitor_pings, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stale_monitor_does_not, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(period_of_the_environment, setup, teardown),
	};

	return cmocka_run_group_tests_name("unit: watchdog", tests, NULL, NULL);
}
