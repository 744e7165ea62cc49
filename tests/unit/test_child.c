/* SPDX-License-Identifier: Apache-2.0 */
/* Components as child processes of doctor-test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tools/scenario/child.h"
#include "tools/scenario/run.h"

#define LONG dr_sec(20)	   /* enough for a busy machine */
#define SHORT dr_msec(100) /* a limit that is meant to be reached */

static char dir[] = "/tmp/test_child.XXXXXX";

/* Says READY=1 as a component does: systemd-notify is not everywhere, and bash has no datagram sockets. */
#define SAY(text)                                                                                            \
	"/usr/bin/perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0) or die;"                               \
	" send(S, \"" text "\", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die'; "

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char log[64];

	snprintf(log, sizeof(log), "%s/kid.log", dir);
	unlink(log);
	return rmdir(dir); /* fails if a socket is left */
}

static struct sc_child *start(const char *script)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct sc_child_opts opts = { .name = "kid", .dir = dir, .argv = argv };
	struct sc_child *c = NULL;
	DR_AUTO_FREE char *error = NULL;

	if (sc_child_start(&opts, &c, &error) != 0)
		fail_msg("%s", error);
	return c;
}

static const char *next_line(struct sc_child *c)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), LONG);
	const char *line;

	while (!(line = sc_child_line(c))) {
		assert_true(dr_mono_sub(end, dr_mono_now()).ns > 0);
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return line;
}

static void test_ready_then_sigterm(void **state)
{
	DR_AUTO(sc_child_freep)
	struct sc_child *c = start("trap 'echo bye >&2; exit 0' TERM; echo hello; " SAY(
		"STATUS=up\\nREADY=1") "while :; do sleep 0.01; done");

	assert_int_equal(sc_child_wait_ready(c, LONG, NULL), 0);
	assert_true(sc_child_running(c));
	assert_true(sc_child_pid(c) > 0);
	assert_string_equal(next_line(c), "hello");
	assert_null(sc_child_line(c));
	assert_int_equal(sc_child_stop(c, LONG), 0);
	assert_false(sc_child_running(c));
	assert_int_equal(sc_child_pid(c), 0);
	assert_string_equal(next_line(c), "bye");
	assert_int_equal(sc_child_stop(c, LONG), 0); /* again */
}

static void test_other_states_are_not_ready(void **state)
{
	DR_AUTO(sc_child_freep)
	struct sc_child *c = start(SAY("STATUS=READY=1 soon") SAY("READY=0") "exec sleep 60");

	assert_int_equal(sc_child_wait_ready(c, SHORT, NULL), -ETIMEDOUT);
	assert_true(sc_child_running(c));
}

static void test_ends_before_ready(void **state)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = start("echo no >&2; exit 3");

	assert_int_equal(sc_child_wait_ready(c, LONG, NULL), 1);
	assert_int_equal(sc_child_stop(c, LONG), 3);
	assert_string_equal(next_line(c), "no");
}

static void test_ends_by_a_signal(void **state)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = start("kill -SEGV $$");

	assert_int_equal(sc_child_wait_ready(c, LONG, NULL), 1);
	assert_int_equal(sc_child_stop(c, LONG), 128 + SIGSEGV);
}

static bool always(void)
{
	return true;
}

static void test_interrupted(void **state)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = start("exec sleep 60");

	assert_int_equal(sc_child_wait_ready(c, LONG, always), -EINTR);
}

static void test_deaf_to_sigterm(void **state)
{
	DR_AUTO(sc_child_freep)
	struct sc_child *c = start("trap '' TERM; echo deaf; while :; do sleep 0.01; done");

	assert_string_equal(next_line(c), "deaf");
	assert_int_equal(sc_child_stop(c, SHORT), 128 + SIGKILL);
}

static void test_no_such_program(void **state)
{
	const char *const argv[] = { "/nonexistent/program", NULL };
	struct sc_child_opts opts = { .name = "kid", .dir = dir, .argv = argv };
	struct sc_child *c = NULL;
	DR_AUTO_FREE char *error = NULL;

	assert_int_equal(sc_child_start(&opts, &c, &error), -ENOENT);
	assert_null(c);
	assert_string_equal(error, "cannot start /nonexistent/program: No such file or directory");
	opts.dir = "/nonexistent";
	assert_int_equal(sc_child_start(&opts, &c, NULL), -ENOENT);
}

/* As /proc shows them, but for 32 and 33: they are the C library's, and what we inherited of them stays. */
static uint64_t signals(const char *hex)
{
	return strtoull(hex, NULL, 16) & ~(3ULL << 31);
}

/* Its own process group, a clean signal state, no terminal, our journal's variable not passed on. */
static void test_what_it_inherits(void **state)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = NULL;
	sigset_t all, before;
	char want[32];

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	setenv("JOURNAL_STREAM", "1:2", 1);
	c = start("awk '/^Sig(Blk|Ign)/ { print $2 }' /proc/self/status; echo \"[$JOURNAL_STREAM]\";"
		  " readlink /proc/self/fd/0; ps -o pgid= -p $$ | tr -d ' '; echo $$; exec sleep 60");
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv("JOURNAL_STREAM");
	assert_int_equal(signals(next_line(c)), 0);
	assert_int_equal(signals(next_line(c)), 0);
	assert_string_equal(next_line(c), "[]");
	assert_string_equal(next_line(c), "/dev/null");
	snprintf(want, sizeof(want), "%d", sc_child_pid(c));
	assert_string_equal(next_line(c), want);
}

/* A line comes when it is whole. */
static void test_lines(void **state)
{
	DR_AUTO_FREE char *go = dr_asprintf("%s/go", dir);
	DR_AUTO_FREE char *script =
		dr_asprintf("printf 'one\\ntw'; while [ ! -e %s ]; do sleep 0.01; done; rm %s; "
			    "printf 'o\\n\\nlast'",
			    go, go);
	DR_AUTO(sc_child_freep) struct sc_child *c = start(script);
	FILE *f;

	assert_string_equal(next_line(c), "one");
	assert_null(sc_child_line(c));
	f = fopen(go, "we");
	assert_non_null(f);
	fclose(f);
	assert_string_equal(next_line(c), "two");
	assert_string_equal(next_line(c), "");
	assert_int_equal(sc_child_wait_ready(c, LONG, NULL), 1);
	assert_null(sc_child_line(c)); /* "last" has no end */
}

static void test_very_long_line(void **state)
{
	DR_AUTO(sc_child_freep)
	struct sc_child *c = start("head -c 20000 /dev/zero | tr '\\0' x; printf '\\nnext\\n'");
	size_t got = 0, pieces = 0;
	const char *line;

	while (strcmp(line = next_line(c), "next") != 0) {
		assert_int_equal(strspn(line, "x"), strlen(line));
		got += strlen(line) + 1; /* a cut takes the place of one byte */
		pieces++;
	}
	assert_int_equal(got, 20000 + 1);
	assert_int_equal(pieces, 3);
}

static void assert_tail(const char *script, unsigned lines, const char *want)
{
	DR_AUTO(sc_child_freep) struct sc_child *c = start(script);
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_int_equal(sc_child_wait_ready(c, LONG, NULL), 1);
	sc_child_tail(c, lines, "> ", &b);
	assert_string_equal(dr_buf_str(&b), want);
}

static void test_tail(void **state)
{
	assert_tail("printf 'a\\nb\\nc\\n'", 2, "> b\n> c\n");
	assert_tail("printf 'a\\nb\\nc'", 2, "> b\n> c\n");
	assert_tail("printf 'a\\nb\\n'", 2, "> a\n> b\n");
	assert_tail("printf 'a\\n'", 2, "> a\n");
	assert_tail("printf 'a'", 1, "> a\n");
	assert_tail(":", 2, "");
}

/* A component ends with the process that started it, however that ends. */
static void test_ends_with_its_parent(void **state)
{
	int tell[2];
	pid_t pid, kid;
	struct dr_mono end;

	assert_int_equal(pipe(tell), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		static struct sc_child *volatile c; /* reachable to the end, so no leak */

		c = start("while :; do sleep 0.01; done");

		kid = sc_child_pid(c);
		_exit(write(tell[1], &kid, sizeof(kid)) != sizeof(kid));
	}
	assert_int_equal(read(tell[0], &kid, sizeof(kid)), sizeof(kid));
	assert_int_equal(sc_wait(pid), 0);
	close(tell[0]);
	close(tell[1]);
	end = dr_mono_add(dr_mono_now(), LONG);
	while (kill(kid, 0) == 0 && dr_mono_sub(end, dr_mono_now()).ns > 0) {
		char path[64], st = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", kid);
		f = fopen(path, "re");
		if (f && fscanf(f, "%*d %*s %c", &st) != 1)
			st = 0;
		if (f)
			fclose(f);
		if (!f || st == 'Z') /* nobody may reap it here */
			break;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	assert_true(dr_mono_sub(end, dr_mono_now()).ns > 0);
	char left[64];
	snprintf(left, sizeof(left), "%s/kid.notify", dir);
	unlink(left);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready_then_sigterm),
		cmocka_unit_test(test_other_states_are_not_ready),
		cmocka_unit_test(test_ends_before_ready),
		cmocka_unit_test(test_ends_by_a_signal),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_deaf_to_sigterm),
		cmocka_unit_test(test_no_such_program),
		cmocka_unit_test(test_what_it_inherits),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_very_long_line),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_ends_with_its_parent),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
