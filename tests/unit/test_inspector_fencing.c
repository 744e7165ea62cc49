// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: a host is fenced before it is forced down, by a hook that a test steers. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/inspector_world.h"

static char dir[40]; /* "calls": a line for each call; "go": it ends; "ok": well */

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static unsigned calls(void)
{
	struct stat st;

	return stat(path_of("calls"), &st) ? 0 : (unsigned)st.st_size;
}

static int setup_with(void **state, const char *more)
{
	DR_AUTO_FREE char *text =
		dr_asprintf("fence: {method: exec, timeout: 20s%s, exec: {command: [/bin/sh, '-c', 'printf x "
			    ">> %s/calls; while ! test -e %s/go; do sleep 0.02; done; test -e %s/ok']}}\n",
			    more, dir, dir, dir);
	struct world *w;

	assert_non_null(text);
	world_setup_kept(state, text);
	w = *state;
	w->config.recovery.undo = true;
	w->config.recovery.hold = dr_msec(0);
	world_start(w);
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, "");
}

static int setup_optional(void **state)
{
	return setup_with(state, ", required: false");
}

static int teardown(void **state)
{
	static const char *const names[] = { "calls", "go", "ok" };
	int r = world_teardown(state);

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	return r;
}

static bool action_is(struct world *w, const char *action, const char *want)
{
	char buf[512];

	return strstr(world_action(w, world_incidents(w) - 1, action, NULL, buf), want);
}

static void down(struct world *w)
{
	world_put(w, "[" DOWN("compute-1") "]", 200);
}

static void up(struct world *w)
{
	world_put(w, "[" UP("compute-1") "]", 200);
}

/* Nothing is asked of Nova but what it is to tell. */
static void assert_untouched(struct world *w)
{
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

static void test_before_all(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, calls() == 1);
	assert_true(world_is_state(w, 0, "forcing"));
	assert_untouched(w);
	put("ok");
	put("go");
	wait_for(w, world_is_state(w, 0, "marked"));
	world_assert_action(w, 0, "fence", NULL, "done: the hook ended with status 0");
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_int_equal(world_resets(w, "vm-1"), 1);
	/* reported again: it is fenced */
	down(w);
	world_turn(w, 10);
	assert_int_equal(calls(), 1);
}

static void test_repeated(void **state)
{
	struct world *w = *state;

	put("go");
	down(w);
	wait_for(w, calls() >= 5);
	assert_true(action_is(w, "fence", "the hook ended by status 1"));
	assert_true(world_is_state(w, 0, "forcing"));
	assert_untouched(w);
	put("ok");
	wait_for(w, world_is_state(w, 0, "marked"));
}

/* Finally not fenced: not marked down, and a new attempt when it is reported again. */
static void test_fails(void **state)
{
	struct world *w = *state;

	w->config.retry.expire = dr_msec(1);
	put("go");
	down(w);
	wait_for(w, world_is_state(w, 0, "failed"));
	assert_untouched(w);
	world_assert_action(w, 0, "force_down", NULL, "skipped");
	w->config.retry.expire = dr_msec(0);
	put("ok");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
}

static void test_not_required(void **state)
{
	struct world *w = *state;

	put("go");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_assert_action(w, 0, "fence", NULL, "failed: the hook ended by status 1");
	assert_int_equal(calls(), 1);
	assert_true(w->nova_api->hosts[0].forced_down);
}

/* It was tried once, and that is over: a restart behind it goes on behind it. */
static void test_not_required_over_a_restart(void **state)
{
	struct world *w = *state;

	put("go");
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(calls(), 1);
}

/* A host whose BMC does not answer keeps no other from being fenced. */
static void test_holds_up_nobody(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	put("go");
	down(w);
	wait_for(w, calls() >= 2);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_incidents(w) == 2 && world_is_state(w, 1, "forcing"));
	put("ok");
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
}

/* The host is back: the hook ends, and nobody waits for it. */
static void test_cancelled(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, calls() == 1);
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_assert_action(w, 0, "fence", NULL, "skipped: the host is back while it was under way");
	put("ok");
	put("go");
	assert_untouched(w);
	down(w);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_int_equal(calls(), 2);
}

/* Fenced again when it dies again: what was fenced once may run by now. */
static void test_again(void **state)
{
	struct world *w = *state;

	put("ok");
	put("go");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	w->config.retry.pause = w->config.retry.pause_max = dr_sec(600);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	up(w);
	wait_for(w, action_is(w, "force_up", "paused"));
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(calls(), 2);
	/* within the hold time, too, although Nova was not told of its return */
	fake_rules_clear(w->nova_api);
	w->config.recovery.hold = dr_sec(600);
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(calls(), 3);
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/svc-1"), 3);
}

static void test_restart(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, calls() == 1);
	world_restart(w);
	wait_for(w, calls() == 2);
	assert_untouched(w);
	put("ok");
	put("go");
	wait_for(w, world_is_state(w, 0, "marked"));
	world_restart(w);
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_int_equal(calls(), 2);
	assert_false(w->nova_api->hosts[0].forced_down);
}

static int make_dir(void **state)
{
	strcpy(dir, "/tmp/doctor-fencing-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

#define required(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define optional(test) cmocka_unit_test_setup_teardown(test, setup_optional, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		required(test_before_all),
		required(test_repeated),
		required(test_fails),
		optional(test_not_required),
		optional(test_not_required_over_a_restart),
		required(test_holds_up_nobody),
		required(test_cancelled),
		required(test_again),
		required(test_restart),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
