// SPDX-License-Identifier: Apache-2.0
/* Fencing by a hook, and the fencer itself: who waits for what, and what is left behind. */
#include "tests/unit/fence_world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

/* The fencer of a hook that is this script. */
static void use_script(struct fence_world *w, const char *timeout, const char *script)
{
	DR_AUTO_FREE char *text = dr_asprintf("#!/bin/sh\ncd %s\n%s\n", w->dir, script);

	assert_non_null(text);
	fence_configure(
		w, "fence: {method: exec, timeout: %s, exec: {command: [%s, '{short}', '<{incident}>']}}\n",
		timeout, fence_file(w, "hook", text, 0755));
}

static bool contains(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	print_error("\"%s\" is not in \"%s\"\n", part, text);
	return false;
}

/* The process whose id is in that file is no more, or nobody has reaped it yet. */
static bool is_gone(struct fence_world *w, const char *file)
{
	DR_AUTO_FREE char *pid = fence_read(w, file);
	DR_AUTO_FCLOSE FILE *f = NULL;
	char path[64], state = 'Z';

	assert_non_null(pid);
	assert_true(strtol(pid, NULL, 10) > 1);
	snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
	f = fopen(path, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		return false;
	return state == 'Z' || state == 'X';
}

static bool is_whole(struct fence_world *w, const char *file)
{
	DR_AUTO_FREE char *text = fence_read(w, file);

	return text && strchr(text, '\n');
}

static int on_tick(struct dr_source *s, void *userdata)
{
	return dr_timer_arm(s, dr_msec(5));
}

/* Waits for what no event of the loop tells. */
#define WAIT_TICKING(w, condition)                                                                           \
	do {                                                                                                 \
		DR_AUTO(dr_source_freep) struct dr_source *tick = NULL;                                      \
		assert_int_equal(dr_loop_add_timer((w)->loop, on_tick, NULL, &tick), 0);                     \
		assert_int_equal(dr_timer_arm(tick, dr_msec(0)), 0);                                         \
		WAIT_FOR((w)->loop, condition);                                                              \
	} while (0)

/* ---------------------------------------------------------------- outcomes */

static void test_a_hook_that_succeeds(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "20s", "echo \"$DOCTOR_ACTION $DOCTOR_HOST $DOCTOR_INCIDENT $1 $2 $#\"");
	r = fence(w);
	assert_true(r->fenced);
	assert_string_equal(r->reason, "the hook ended with status 0: off h1.example i1 h1 <i1> 2");
	use_script(w, "20s", "exit 0");
	r = fence(w);
	assert_true(r->fenced);
	assert_string_equal(r->reason, "the hook ended with status 0");
}

static void test_hooks_that_fail(void **state)
{
	static const struct {
		const char *script, *reason;
	} cases[] = {
		{ "echo one; echo two >&2; exit 3", "the hook ended by status 3: two" },
		{ "exit 1", "the hook ended by status 1" },
		{ "exit 255", "the hook ended by status 255" },
		{ "printf 'no end'; exit 1", "the hook ended by status 1: no end" },
		{ "printf 'a\\nlast\\n \\n\\n\\t\\n'; exit 1", "the hook ended by status 1: last" },
		{ "printf '\\n\\n'; exit 1", "the hook ended by status 1" },
		{ "printf 'a\\033[31mred\\000x\\n'; exit 1", "the hook ended by status 1: a [31mred x" },
		{ "yes | head -c 1000000; echo; echo fine; exit 1", "the hook ended by status 1: fine" },
		{ "kill -KILL $$", "the hook ended by signal 9" },
		{ "echo bad; kill -SEGV $$", "the hook ended by signal 11: bad" },
		{ "exec >&- 2>&-; exit 4", "the hook ended by status 4" },
	};
	struct fence_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const struct ins_fence_result *r;

		use_script(w, "20s", cases[i].script);
		r = fence(w);
		assert_false(r->fenced);
		assert_true(r->retryable);
		assert_string_equal(r->reason, cases[i].reason);
	}
}

static void test_a_line_too_long(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "20s", "head -c 5000 /dev/zero | tr '\\0' x; exit 1");
	r = fence(w);
	assert_true(contains(r->reason, "the hook ended by status 1: xxxxx"));
	assert_in_range(strlen(r->reason), 100, INS_FENCE_REASON_MAX - 1);
}

static void test_hooks_that_cannot_be_started(void **state)
{
	struct fence_world *w = *state;
	static const struct {
		const char *text, *reason;
		int mode;
	} cases[] = {
		{ NULL, "cannot be started: No such file or directory", 0 },
		{ "#!/bin/sh\n", "cannot be started: Permission denied", 0600 },
		{ "no program\n", "cannot be started: Exec format error", 0755 },
		{ "#!/nonexistent/shell\n", "cannot be started: No such file or directory", 0755 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const struct ins_fence_result *r;

		if (cases[i].text)
			fence_file(w, "hook", cases[i].text, cases[i].mode);
		fence_configure(w, "fence: {method: exec, exec: {command: [%s]}}\n", fence_path(w, "hook"));
		r = fence(w);
		assert_false(r->fenced);
		assert_false(r->retryable);
		assert_true(contains(r->reason, cases[i].reason));
	}
}

/* ---------------------------------------------------------------- the time limit */

static void test_a_hook_that_takes_too_long(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "1500ms", "echo waiting; sleep 600 & echo $! >kid; wait");
	r = fence(w);
	assert_false(r->fenced);
	assert_true(r->retryable);
	assert_string_equal(r->reason, "the hook did not end within 1500ms, and was killed: waiting");
	assert_true(r->took.ns >= dr_msec(1500).ns);
	WAIT_TICKING(w, is_gone(w, "kid")); /* all of its group */
}

/* Too late is too late: whatever it makes of SIGTERM, nobody knows what it has done. */
static void test_success_after_the_limit(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "1500ms", "trap 'echo off; exit 0' TERM; echo $$ >pid; while :; do sleep 0.01; done");
	r = fence(w);
	assert_false(r->fenced);
	assert_string_equal(r->reason, "the hook did not end within 1500ms, and was killed: off");
	assert_true(r->took.ns < dr_sec(10).ns);
	assert_true(is_gone(w, "pid"));
}

static void test_deaf_to_sigterm(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "1500ms", "trap '' TERM; echo deaf; echo $$ >pid; while :; do sleep 0.01; done");
	r = fence(w);
	assert_false(r->fenced);
	assert_string_equal(r->reason, "the hook did not end within 1500ms, and was killed: deaf");
	assert_true(r->took.ns >= dr_msec(3500).ns);
	WAIT_TICKING(w, is_gone(w, "pid"));
}

/* What goes on in the background is not waited for, nor left behind. */
static void test_a_hook_that_leaves_something(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	use_script(w, "20s", "sleep 600 & echo $! >kid; echo done");
	r = fence(w);
	assert_true(r->fenced);
	assert_string_equal(r->reason, "the hook ended with status 0: done");
	WAIT_TICKING(w, is_gone(w, "kid"));
}

/* ---------------------------------------------------------------- what it inherits */

/* What the script says, to its last line. */
static const char *said(struct fence_world *w, const char *script)
{
	static const char before[] = "the hook ended with status 0: ";
	const struct ins_fence_result *r;

	use_script(w, "20s", script);
	r = fence(w);
	assert_true(r->fenced);
	assert_true(contains(r->reason, before));
	return r->reason + strlen(before);
}

static void test_what_it_inherits(void **state)
{
	struct fence_world *w = *state;

	setenv("OS_PASSWORD", "swordfish", 1);
	setenv("NOTIFY_SOCKET", "/nonexistent", 1);
	assert_string_equal(
		said(w, "env | cut -d= -f1 | grep -vx -e PWD -e OLDPWD -e _ -e SHLVL | sort | tr '\\n' ' '"),
		"DOCTOR_ACTION DOCTOR_HOST DOCTOR_INCIDENT LC_ALL PATH");
	unsetenv("OS_PASSWORD");
	unsetenv("NOTIFY_SOCKET");
	assert_string_equal(said(w, "readlink /proc/self/fd/0"), "/dev/null");
	assert_string_equal(said(w, "echo $(( $(ps -o pgid= -p $$) - $$ ))"), "0");
}

static void test_signals_it_inherits(void **state)
{
	struct fence_world *w = *state;
	sigset_t all, before;
	char *end;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	const char *text = said(w, "echo $(grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2)");
	/* 32 and 33 are the C library's */
	assert_int_equal(strtoull(text, &end, 16) & ~(3ULL << 31), 0);
	assert_int_equal(strtoull(end, &end, 16) & ~(3ULL << 31), 0);
	assert_int_equal(*end, '\0');
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* No file but the three, not even one that lacks close-on-exec. */
static void test_files_it_inherits(void **state)
{
	struct fence_world *w = *state;
	DR_AUTO_CLOSE int leaky = fcntl(STDERR_FILENO, F_DUPFD, 200);

	assert_true(leaky >= 200);
	fence_configure(w, "fence: {method: exec, exec: {command: [/bin/ls, -x, /proc/self/fd]}}\n");
	assert_string_equal(fence(w)->reason, "the hook ended with status 0: 0  1  2  3"); /* 3: the folder */
}

/* ---------------------------------------------------------------- who waits */

static void test_one_host_is_fenced_once(void **state)
{
	struct fence_world *w = *state;
	DR_AUTO_FREE char *runs = NULL;

	use_script(w, "20s", "echo $DOCTOR_INCIDENT >>runs; while ! [ -e go ]; do sleep 0.01; done");
	fence_start(w, "h1", "i1", &w->a);
	WAIT_TICKING(w, is_whole(w, "runs"));
	fence_start(w, "h1", "i2", &w->b);
	fence_file(w, "go", "", 0600);
	WAIT_FOR(w->loop, w->a.calls && w->b.calls);
	assert_int_equal(w->a.calls + w->b.calls, 2);
	assert_true(w->a.result.fenced && w->b.result.fenced);
	runs = fence_read(w, "runs");
	assert_string_equal(runs, "i1\n");
	/* and when that is over, anew */
	free(runs);
	fence_start(w, "h1", "i3", &w->a);
	WAIT_FOR(w->loop, w->a.calls == 2);
	runs = fence_read(w, "runs");
	assert_string_equal(runs, "i1\ni3\n");
}

static void test_hosts_beside_each_other(void **state)
{
	struct fence_world *w = *state;

	use_script(w, "20s", "echo >$DOCTOR_HOST; [ $1 = h2 ] || while ! [ -e h2 ]; do sleep 0.01; done");
	fence_start(w, "h1", "i1", &w->a);
	fence_start(w, "h2", "i2", &w->b);
	WAIT_FOR(w->loop, w->a.calls && w->b.calls);
	assert_true(w->a.result.fenced && w->b.result.fenced);
}

static void test_cancel(void **state)
{
	struct fence_world *w = *state;

	use_script(w, "20s", "trap '' TERM; sleep 600 & echo $! >kid; echo $$ >pid; wait; wait");
	fence_start(w, "h1", "i1", &w->a);
	WAIT_TICKING(w, is_whole(w, "pid"));
	ins_fencer_cancel(w->fencer, "i2"); /* there is none */
	assert_false(is_gone(w, "pid"));
	ins_fencer_cancel(w->fencer, "i1");
	WAIT_TICKING(w, is_gone(w, "pid") && is_gone(w, "kid"));
	fixture_turns_within(w->loop, dr_msec(50));
	assert_int_equal(w->a.calls, 0);
}

/* A result that is there already is not told either. */
static void test_cancel_at_the_last_moment(void **state)
{
	struct fence_world *w = *state;

	fence_configure(w, "fence: {method: exec, exec: {command: [/nonexistent/hook]}}\n");
	fence_start(w, "h1", "i1", &w->a);
	ins_fencer_cancel(w->fencer, "i1");
	fixture_turns_within(w->loop, dr_msec(50));
	assert_int_equal(w->a.calls, 0);
}

static void test_cancel_one_of_two(void **state)
{
	struct fence_world *w = *state;

	use_script(w, "20s", "echo >started; while ! [ -e go ]; do sleep 0.01; done");
	fence_start(w, "h1", "i1", &w->a);
	fence_start(w, "h1", "i2", &w->b);
	WAIT_TICKING(w, is_whole(w, "started"));
	ins_fencer_cancel(w->fencer, "i1");
	fence_file(w, "go", "", 0600);
	WAIT_FOR(w->loop, w->b.calls);
	assert_true(w->b.result.fenced);
	assert_int_equal(w->a.calls, 0);
}

struct meddler {
	struct fence_world *w;
	unsigned calls;
};

static void meddle(const struct ins_fence_result *r, void *userdata)
{
	struct meddler *m = userdata;

	m->calls++;
	ins_fencer_cancel(m->w->fencer, "i1"); /* itself: over */
	ins_fencer_cancel(m->w->fencer, "i2"); /* who waits for the same */
	fence_start(m->w, "h1", "i3", &m->w->b);
}

static void test_cancel_and_start_from_within(void **state)
{
	struct fence_world *w = *state;
	struct meddler m = { .w = w };

	use_script(w, "20s", "exit 0");
	assert_int_equal(ins_fencer_start(w->fencer, "h1", "i1", meddle, &m), 0);
	fence_start(w, "h1", "i2", &w->a);
	WAIT_FOR(w->loop, w->b.calls);
	assert_true(w->b.result.fenced);
	assert_int_equal(m.calls, 1);
	assert_int_equal(w->a.calls, 0);
}

/* The program ends while one runs: it is killed, and reaped. */
static void test_free_under_way(void **state)
{
	struct fence_world *w = *state;

	use_script(w, "20s", "echo $$ >pid; while :; do sleep 0.01; done");
	fence_start(w, "h1", "i1", &w->a);
	fence_start(w, "h2", "i2", &w->b);
	WAIT_TICKING(w, is_whole(w, "pid"));
	ins_fencer_cancel(w->fencer, "i2"); /* killed, not reaped yet */
	ins_fencer_free(DR_TAKE_PTR(w->fencer));
	assert_true(is_gone(w, "pid"));
	assert_int_equal(w->a.calls + w->b.calls, 0);
}

/* ---------------------------------------------------------------- refusals */

static void test_nothing_configured(void **state)
{
	struct fence_world *w = *state;
	const struct ins_fence_result *r;

	fence_configure(w, "fence: {}\n");
	assert_false(w->conf.required);
	r = fence(w);
	assert_false(r->fenced || r->retryable);
	assert_string_equal(r->reason, "no way to fence a host is configured");
}

static void test_odd_names(void **state)
{
	static const char *const names[] = {
		"", "-rf", ".", "a b", "a/b", "a@b", "a\nb", "a{b", "h\303\244"
	};
	struct fence_world *w = *state;

	use_script(w, "20s", "exit 0");
	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		fence_start(w, names[i], "i1", &w->a);
		WAIT_FOR(w->loop, w->a.calls == i + 1);
		assert_false(w->a.result.fenced || w->a.result.retryable);
		assert_true(contains(w->a.result.reason, "is no name that can stand in a command or a URL"));
	}
	fence_start(w, "Compute_1.rack-2.example", "i1", &w->b);
	WAIT_FOR(w->loop, w->b.calls);
	assert_true(w->b.result.fenced);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fence_setup, fence_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_hook_that_succeeds),
		CASE(test_hooks_that_fail),
		CASE(test_a_line_too_long),
		CASE(test_hooks_that_cannot_be_started),
		CASE(test_a_hook_that_takes_too_long),
		CASE(test_success_after_the_limit),
		CASE(test_deaf_to_sigterm),
		CASE(test_a_hook_that_leaves_something),
		CASE(test_what_it_inherits),
		CASE(test_signals_it_inherits),
		CASE(test_files_it_inherits),
		CASE(test_one_host_is_fenced_once),
		CASE(test_hosts_beside_each_other),
		CASE(test_cancel),
		CASE(test_cancel_at_the_last_moment),
		CASE(test_cancel_one_of_two),
		CASE(test_cancel_and_start_from_within),
		CASE(test_free_under_way),
		CASE(test_nothing_configured),
		CASE(test_odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
