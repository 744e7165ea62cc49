/* SPDX-License-Identifier: Apache-2.0 */
/* doctorctl, the program, against what the monitor serves: a process with a monitor in memory. */
#include "tests/unit/ctl_monitor.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct stage {
	char dir[32], socket[64];
	pid_t monitor;
};

/* ---- the monitor ---- */

static int on_reload(void *userdata, char **ret_text)
{
	static unsigned n;

	*ret_text = strdup(n == 0 ? "1 target came, 2 left"
				  : "m.yaml:14: targets[2].interval: 5us is below the minimum of 1ms\n"
				    "m.yaml:15: \x1b[2J: unknown");
	return n++ == 0 ? 0 : -EINVAL;
}

static void set_world(struct world *w)
{
	snprintf(w->settings[world_slot(2)].host, MON_HOST_MAX, "h\xc3\xb6st & co");
	world_set_verdict(w, world_slot(3), DR_VERDICT_DOWN, DR_REASON_SILENCE);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	memcpy(s->dir, "/tmp/test_ctl.XXXXXX", sizeof("/tmp/test_ctl.XXXXXX"));
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/m.sock", s->dir);
	s->monitor = ctl_monitor_start(s->socket, 4, set_world, on_reload);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	ctl_end_process(&s->monitor);
	unlink(s->socket);
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

/* ---- the program ---- */

static struct {
	char out[8192]; /* stdout, then what stderr got */
	int status;
} said;

static void run(const struct stage *s, const char *arguments)
{
	const char *bin = getenv("DOCTOR_BIN");
	DR_AUTO_FREE char *command = dr_asprintf("timeout 60 %s/doctorctl --socket %s %s 2>&1",
						 bin ? bin : "build/bin", s->socket, arguments);
	FILE *f = popen(command, "r");
	size_t n;
	int status;

	assert_non_null(f);
	n = fread(said.out, 1, sizeof(said.out) - 1, f);
	said.out[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	said.status = WEXITSTATUS(status);
}

static void assert_says(const char *text)
{
	if (!strstr(said.out, text))
		fail_msg("\"%s\" is not in: %s", text, said.out);
}

static void asks(void **state)
{
	struct stage *s = *state;

	run(s, "status");
	assert_int_equal(said.status, 1);
	assert_says("doctor-monitor 1.2.3 on node-1, up 1 min 30 s\n! 1 target is down\n");
	run(s, "targets");
	assert_int_equal(said.status, 1);
	assert_says("down     silence");
	run(s, "targets host-0");
	assert_int_equal(said.status, 0);
	assert_says("storage");
	run(s, "targets 'h\xc3\xb6st & co'");
	assert_int_equal(said.status, 0);
	assert_says("h\xc3\xb6st & co  data");
	run(s, "links");
	assert_int_equal(said.status, 0);
	assert_says("TOLD BY");
	run(s, "counters");
	assert_int_equal(said.status, 0);
	assert_says("events_lost");
}

static void asks_for_nobody(void **state)
{
	run(*state, "targets nobody");
	assert_int_equal(said.status, 1);
	assert_says("doctorctl: no target is of host \"nobody\"\n");
}

/* As it is, and with the same exit status. */
static void json(void **state)
{
	struct stage *s = *state;
	struct dr_json *doc;

	run(s, "--json status");
	assert_int_equal(said.status, 1);
	assert_int_equal(dr_json_parse(said.out, strlen(said.out), &doc, NULL), 0);
	assert_string_equal(dr_json_str(dr_json_path(doc, "problems.0")), "1 target is down");
	dr_json_free(doc);
	run(s, "targets host-0 --json");
	assert_int_equal(said.status, 0);
	assert_int_equal(dr_json_parse(said.out, strlen(said.out), &doc, NULL), 0);
	assert_int_equal(dr_json_size(dr_json_path(doc, "targets.0.rtt.log2")), DR_RTT_BUCKETS);
	dr_json_free(doc);
}

static void reload(void **state)
{
	struct stage *s = *state;

	run(s, "reload");
	assert_int_equal(said.status, 0);
	assert_string_equal(said.out, "reloaded: 1 target came, 2 left\n");
	run(s, "reload");
	assert_int_equal(said.status, 1);
	assert_string_equal(said.out, "doctorctl: reload: m.yaml:14: targets[2].interval: 5us is below the "
				      "minimum of 1ms\ndoctorctl: reload: m.yaml:15: ?[2J: unknown\n");
	run(s, "--json reload");
	assert_int_equal(said.status, 1);
	assert_says("{\"error\":{\"code\":422,");
}

static void no_answer(void **state)
{
	struct stage *s = *state;
	char expected[256];

	ctl_end_process(&s->monitor);
	run(s, "status");
	assert_int_equal(said.status, 3);
	snprintf(expected, sizeof(expected), "doctorctl: nobody listens at %s: doctor-monitor has ended",
		 s->socket);
	assert_says(expected);
	unlink(s->socket);
	run(s, "status");
	assert_int_equal(said.status, 3);
	snprintf(expected, sizeof(expected), "doctorctl: there is no %s: start doctor-monitor", s->socket);
	assert_says(expected);
}

static void not_permitted(void **state)
{
	struct stage *s = *state;

	if (geteuid() != 0) {
		print_message("skipped: not root, so nobody to be kept out\n");
		skip();
	}
	assert_int_equal(chmod(s->dir, 0755), 0);
	const char *bin = getenv("DOCTOR_BIN");
	DR_AUTO_FREE char *command =
		dr_asprintf("cp %s/doctorctl %s/ctl && setpriv --reuid 65534 --regid 65534 --clear-groups "
			    "%s/ctl --socket %s status 2>&1; s=$?; rm %s/ctl; exit $s",
			    bin ? bin : "build/bin", s->dir, s->dir, s->socket, s->dir);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	said.out[fread(said.out, 1, sizeof(said.out) - 1, f)] = '\0';
	assert_int_equal(WEXITSTATUS(pclose(f)), 3);
	assert_says("permission denied: it is for its owner and group only");
}

static void cannot_write(void **state)
{
	run(*state, "targets host-0 >/dev/full"); /* which says 0 where it can be written */
	assert_int_equal(said.status, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_for_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(json, setup, teardown),
		cmocka_unit_test_setup_teardown(reload, setup, teardown),
		cmocka_unit_test_setup_teardown(no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(not_permitted, setup, teardown),
		cmocka_unit_test_setup_teardown(cannot_write, setup, teardown),
	};

	return cmocka_run_group_tests_name("unit: doctorctl, the program", tests, NULL, NULL);
}
