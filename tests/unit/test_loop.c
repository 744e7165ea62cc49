/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <string.h>
#include <unistd.h>

#include "doctor/loop.h"

#define DEADLINE dr_sec(10)

struct probe {
	struct dr_loop *loop;
	struct dr_source *source;
	int calls;
	int value;
	int result; /* what the callback returns */
	bool free_self, rearm, exit;
	struct dr_mono when;
};

static int probe_called(struct probe *p, struct dr_source *s)
{
	assert_ptr_equal(s, p->source);
	p->calls++;
	p->when = dr_mono_now();
	if (p->free_self) {
		dr_source_free(s);
		p->source = NULL;
	}
	if (p->exit)
		dr_loop_exit(p->loop, 7);
	return p->result;
}

static int on_io(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct probe *p = userdata;
	char c;

	if (events & EPOLLIN && read(fd, &c, 1) == 1)
		p->value = c;
	return probe_called(p, s);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct probe *p = userdata;

	if (p->rearm && p->calls < 4)
		assert_int_equal(dr_timer_arm(s, dr_msec(1)), 0);
	return probe_called(p, s);
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	struct probe *p = userdata;

	p->value = signo;
	return probe_called(p, s);
}

static int on_child(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	struct probe *p = userdata;

	p->value = si->si_code == CLD_EXITED ? si->si_status : -si->si_status;
	assert_int_equal(waitpid(si->si_pid, NULL, WNOHANG), -1); /* reaped already */
	return probe_called(p, s);
}

static int setup(void **state)
{
	struct probe *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_int_equal(dr_loop_new(&p->loop), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct probe *p = *state;

	dr_source_free(p->source);
	dr_loop_free(p->loop);
	free(p);
	return 0;
}

/* Runs the loop until the probe was called so often; fails after the deadline. */
static void run_until(struct probe *p, int calls)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), DEADLINE);

	while (p->calls < calls) {
		assert_true(dr_loop_run_once(p->loop, dr_mono_sub(end, dr_mono_now())) >= 0);
		assert_true(dr_mono_now().ns < end.ns);
	}
}

/* Nothing more comes: what is pending now is handled, without waiting. */
static void run_pending(struct probe *p)
{
	while (dr_loop_run_once(p->loop, dr_msec(0)) > 0)
		;
}

static void test_io(void **state)
{
	struct probe *p = *state;
	DR_AUTO_CLOSE int a = -1, b = -1;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	a = fds[0];
	b = fds[1];
	assert_int_equal(dr_loop_add_io(p->loop, a, EPOLLIN, on_io, p, &p->source), 0);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(0)), 0);

	assert_int_equal(write(b, "x", 1), 1);
	run_until(p, 1);
	assert_int_equal(p->value, 'x');

	assert_int_equal(dr_source_set_io_events(p->source, EPOLLOUT), 0);
	run_until(p, 2);
	assert_int_equal(dr_source_set_io_events(p->source, 0), 0);
	run_pending(p);
	assert_int_equal(p->calls, 2);

	assert_int_equal(dr_source_set_io_events(p->source, EPOLLIN), 0);
	p->free_self = true;
	assert_int_equal(write(b, "yz", 2), 2);
	run_until(p, 3);
	run_pending(p);
	assert_int_equal(p->calls, 3); /* freed: z stays unread */
	assert_int_equal(read(a, (char[1]){ 0 }, 1), 1);
}

static void test_io_refused(void **state)
{
	struct probe *p = *state;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(dr_loop_add_io(p->loop, fileno(file), EPOLLIN, on_io, p, &p->source), -EPERM);
	assert_null(p->source);
	fclose(file);
}

static void test_timer(void **state)
{
	struct probe *p = *state;

	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0); /* starts unarmed */

	struct dr_mono start = dr_mono_now();
	assert_int_equal(dr_timer_arm(p->source, dr_msec(5)), 0);
	run_until(p, 1);
	assert_true(dr_mono_sub(p->when, start).ns >= dr_msec(5).ns);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0); /* once per arming */

	p->rearm = true;
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	run_until(p, 5);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(2)), 0);
	assert_int_equal(p->calls, 5);
}

static void test_timer_disarm_and_move(void **state)
{
	struct probe *p = *state;

	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(-5)), 0); /* the past: at once */
	dr_timer_disarm(p->source);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0);

	assert_int_equal(dr_timer_arm(p->source, dr_sec(3600)), 0);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(1)), 0); /* the last arming counts */
	run_until(p, 1);

	assert_int_equal(dr_timer_arm(p->source, (struct dr_dur){ INT64_MAX }), 0);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0);

	p->free_self = true;
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	run_until(p, 2);
}

/* sd-event would coalesce by 250 ms; asked for 1 us. The best of several, as the machine may be busy. */
static void test_timer_is_accurate(void **state)
{
	struct probe *p = *state;
	int64_t best = INT64_MAX;

	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	for (int i = 1; i <= 20; i++) {
		struct dr_mono due = dr_mono_add(dr_mono_now(), dr_msec(3));

		assert_int_equal(dr_timer_arm(p->source, dr_msec(3)), 0);
		run_until(p, i);
		best = DR_MIN(best, dr_mono_sub(p->when, due).ns);
	}
	assert_true(best < 2 * DR_NSEC_PER_MSEC);
}

static void test_signal(void **state)
{
	struct probe *p = *state;

	assert_int_equal(dr_loop_add_signal(p->loop, SIGUSR1, on_signal, p, &p->source), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	run_until(p, 1);
	assert_int_equal(p->value, SIGUSR1);
	assert_int_equal(dr_loop_add_signal(p->loop, 4711, on_signal, p, &(struct dr_source *){ NULL }),
			 -EINVAL);
}

static pid_t spawn_exit(int status)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(status);
	return pid;
}

static void test_child(void **state)
{
	struct probe *p = *state;

	p->free_self = true;
	assert_int_equal(dr_loop_add_child(p->loop, spawn_exit(3), on_child, p, &p->source), 0);
	run_until(p, 1);
	assert_int_equal(p->value, 3);

	/* ended before it is watched */
	pid_t pid = spawn_exit(4);
	siginfo_t si;
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(dr_loop_add_child(p->loop, pid, on_child, p, &p->source), 0);
	run_until(p, 2);
	assert_int_equal(p->value, 4);

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	p->free_self = false;
	assert_int_equal(dr_loop_add_child(p->loop, pid, on_child, p, &p->source), 0);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(1)), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	run_until(p, 3);
	assert_int_equal(p->value, -SIGKILL);
	run_pending(p);
	assert_int_equal(p->calls, 3);
}

static void test_run_and_exit(void **state)
{
	struct probe *p = *state;

	p->exit = true;
	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(1)), 0);
	assert_int_equal(dr_loop_run(p->loop), 7);

	assert_int_equal(dr_timer_arm(p->source, dr_msec(1)), 0); /* runs again */
	assert_int_equal(dr_loop_run(p->loop), 7);
	assert_int_equal(p->calls, 2);

	dr_loop_exit(p->loop, 3); /* asked for before */
	assert_int_equal(dr_loop_run(p->loop), 3);
	dr_loop_exit(p->loop, 3);
	assert_int_equal(dr_loop_run_once(p->loop, DEADLINE), -ECANCELED);
	assert_int_equal(dr_loop_run_once(p->loop, dr_msec(0)), 0);

	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	assert_int_equal(dr_loop_run_once(p->loop, DEADLINE), -ECANCELED);
}

static void test_callback_failure(void **state)
{
	struct probe *p = *state;

	p->result = -EXDEV;
	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	assert_int_equal(dr_loop_run(p->loop), -EXDEV);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	assert_int_equal(dr_loop_run_once(p->loop, DEADLINE), -EXDEV);

	p->free_self = true; /* gone, and failed all the same */
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	assert_int_equal(dr_loop_run(p->loop), -EXDEV);
	assert_int_equal(p->calls, 3);
}

static int on_nested(struct dr_source *s, void *userdata)
{
	struct probe *p = userdata;

	p->value = dr_loop_run_once(p->loop, dr_msec(0));
	return probe_called(p, s);
}

static void test_nesting_is_refused(void **state)
{
	struct probe *p = *state;

	assert_int_equal(dr_loop_add_timer(p->loop, on_nested, p, &p->source), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	run_until(p, 1);
	assert_int_equal(p->value, -EBUSY);
}

/* A service manager's socket, whose address is in the environment from now on. */
static int listen_as_manager(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char path[sizeof(sun.sun_path)];
	socklen_t len = sizeof(sun);

	/* an abstract address that the kernel chooses */
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sun, &len), 0);
	snprintf(path, sizeof(path), "@%.*s", (int)(len - sizeof(sa_family_t) - 1), sun.sun_path + 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	return fd;
}

/* With a watchdog of 100 ms the loop pings by itself, though nothing else happens; without it is silent. */
static void test_watchdog(void **state)
{
	DR_AUTO_CLOSE int fd = listen_as_manager();
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL, *silent = NULL;
	struct dr_mono since = dr_mono_now();
	char text[64];
	int pings = 0;

	assert_int_equal(dr_loop_new(&silent), 0);
	assert_int_equal(dr_loop_ping_watchdog(silent), 0);
	assert_int_equal(dr_loop_run_once(silent, dr_msec(1)), 0);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);

	assert_int_equal(setenv("WATCHDOG_USEC", "100000", 1), 0);
	assert_int_equal(dr_loop_new(&loop), 0);
	assert_int_equal(dr_loop_ping_watchdog(loop), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	while (pings < 3 && dr_mono_sub(dr_mono_now(), since).ns < DEADLINE.ns) {
		assert_true(dr_loop_run_once(loop, dr_msec(10)) >= 0);
		while (recv(fd, text, sizeof(text), 0) == 10)
			pings += !memcmp(text, "WATCHDOG=1", 10);
	}
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(pings, 3);
}

static void test_notify(void **state)
{
	DR_AUTO_CLOSE int fd = listen_as_manager();
	char text[64] = "";

	dr_notify("READY=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
	assert_string_equal(text, "READY=1");
	dr_notify("STOPPING=1"); /* nobody listens: nothing */
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), -1);
}

/* It hangs, and many have told it something: we go on. */
static void test_notify_who_does_not_read(void **state)
{
	DR_AUTO_CLOSE int fd = listen_as_manager();
	DR_AUTO_FCLOSE FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
	char text[64] = "";
	unsigned room;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &room), 1);
	alarm(60); /* to be ended by it */
	for (unsigned i = 0; i < room + 3; i++)
		dr_notify("WATCHDOG=1");
	while (recv(fd, text, sizeof(text) - 1, 0) > 0)
		;
	dr_notify("READY=1");
	alarm(0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
}

static void test_null_is_fine(void **state)
{
	dr_source_free(NULL);
	dr_loop_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int on_turn(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	unsigned *left = userdata;
	uint64_t n;

	return --*left ? 0 : read(fd, &n, sizeof(n)) == sizeof(n) ? 0 : dr_errno();
}

/* It was ready first, and comes last. */
static void test_idle(void **state)
{
	struct probe *p = *state;
	struct dr_source *busy = NULL;
	unsigned left = 50;
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(dr_loop_add_timer(p->loop, on_timer, p, &p->source), 0);
	assert_int_equal(dr_source_set_idle(p->source), 0);
	assert_int_equal(dr_timer_arm(p->source, dr_msec(0)), 0);
	assert_int_equal(dr_loop_add_io(p->loop, fd, EPOLLIN, on_turn, &left, &busy), 0);
	while (left) {
		assert_int_equal(p->calls, 0);
		assert_int_equal(dr_loop_run_once(p->loop, DEADLINE), 1);
	}
	run_until(p, 1);
	dr_source_free(busy);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_io),
		TEST(test_io_refused),
		TEST(test_timer),
		TEST(test_timer_disarm_and_move),
		TEST(test_timer_is_accurate),
		TEST(test_idle),
		TEST(test_signal),
		TEST(test_child),
		TEST(test_run_and_exit),
		TEST(test_callback_failure),
		TEST(test_nesting_is_refused),
		TEST(test_notify),
		TEST(test_notify_who_does_not_read),
		TEST(test_watchdog),
		cmocka_unit_test(test_null_is_fine),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
