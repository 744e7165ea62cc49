/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor-test itself: it must say FAIL when Doctor fails, and leave nothing behind however it ends. It
 * runs on minicloud with the real programs, but for one that is replaced by a script which misbehaves.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "doctor/clock.h"
#include "doctor/json.h"
#include "doctor/cloud/cloud.h"
#include "tools/scenario/run.h"

#define DEADLINE dr_sec(60) /* for a whole run on a busy machine */

/* ready(): as sd_notify(3) */
#define SCRIPT(body)                                                                                         \
	"#!/usr/bin/perl\n"                                                                                  \
	"use Socket;\n"                                                                                      \
	"use Time::HiRes qw(time);\n"                                                                        \
	"sub ready { socket(S, AF_UNIX, SOCK_DGRAM, 0) or die;\n"                                            \
	"  send(S, 'READY=1', 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die }\n"                          \
	"sub detected { printf STDERR \"host down host=$_[0]\\ndoctor monitor detected at %.6f\\n\", time "  \
	"}\n" body

#define MUTE SCRIPT("$SIG{TERM} = sub { exit 0 }; ready(); sleep 1 while 1;")
#define SULKING SCRIPT("$SIG{TERM} = sub { exit 3 }; ready(); sleep 1 while 1;")
#define MORTAL SCRIPT("ready(); sleep 1; print STDERR \"I die\\n\"; exit 4;")
#define PROPHET                                                                                              \
	SCRIPT("$SIG{TERM} = sub { exit 0 }; ready(); while (1) { sleep 1; "                                 \
	       "printf STDERR \"doctor consumer notified at %.6f\\n\", time - 100 }")
#define STILLBORN SCRIPT("print STDERR \"no\\n\"; exit 5;")
#define ACCUSER SCRIPT("$SIG{TERM} = sub { exit 0 }; ready(); detected('compute-2'); sleep 1 while 1;")
#define LATE_ACCUSER                                                                                         \
	SCRIPT("$SIG{TERM} = sub { exit 0 }; ready(); sleep 3; while (1) { sleep 1; detected('compute-1') "  \
	       "}")
#define HASTY SCRIPT("$SIG{TERM} = sub { exit 0 }; detected('compute-1'); ready(); sleep 1 while 1;")

static const char *const programs[] = { "minicloud", "doctor-inspector", "doctor-consumer",
					"doctor-monitor" };

static char root[] = "/tmp/test_scenario.XXXXXX"; /* root/bin, root/tmp */
static char built[256];				  /* where the programs are */
static char doctor_test[96];

static char *path_of(const char *dir, const char *name)
{
	char *path = dr_asprintf("%s/%s", dir, name);

	assert_non_null(path);
	return path;
}

/* A copy, not a link: the program looks for the others where it is itself. */
static void copy_program(const char *name)
{
	DR_AUTO_FREE char *from = path_of(built, name);
	const char *const cp[] = { "cp", from, doctor_test, NULL };

	assert_int_equal(sc_run(cp, NULL, NULL), 0);
}

static int make_root(void **state)
{
	char self[256], tmp[64], bin[64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0 || !mkdtemp(root))
		return -1;
	self[n] = '\0'; /* BUILD/tests/net/test_scenario */
	snprintf(built, sizeof(built), "%s/../../bin", dirname(self));
	snprintf(bin, sizeof(bin), "%s/bin", root);
	snprintf(tmp, sizeof(tmp), "%s/tmp", root);
	snprintf(doctor_test, sizeof(doctor_test), "%s/doctor-test", bin);
	if (mkdir(bin, 0700) < 0 || mkdir(tmp, 0700) < 0 || setenv("TMPDIR", tmp, 1) < 0)
		return -1;
	copy_program("doctor-test");
	/* what doctor-test leaves behind becomes our child, and is found */
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int remove_root(void **state)
{
	return sc_run((const char *const[]){ "rm", "-r", root, NULL }, NULL, NULL);
}

/* All programs as they were built, but for one that is this script; NULL: that is absent. */
static void replace_program(const char *name, const char *script)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(programs); i++) {
		DR_AUTO_FREE char *to = NULL, *from = path_of(built, programs[i]);
		DR_AUTO_FREE char *bin = path_of(root, "bin");
		DR_AUTO_FCLOSE FILE *f = NULL;

		to = path_of(bin, programs[i]);
		unlink(to);
		if (strcmp(programs[i], name) != 0) {
			assert_int_equal(symlink(from, to), 0);
		} else if (script) {
			f = fopen(to, "we");
			assert_non_null(f);
			assert_true(fputs(script, f) >= 0);
			assert_int_equal(fchmod(fileno(f), 0700), 0);
		}
	}
}

/* ---------------------------------------------------------------- running it */

struct result {
	pid_t pid;
	int status;
	struct dr_buf output;
};

static void result_done(struct result *r)
{
	dr_buf_done(&r->output);
}
#define AUTO_RESULT DR_AUTO(result_done) struct result

static char *output_path(pid_t pid)
{
	char *path = dr_asprintf("%s/output.%d", root, pid);

	assert_non_null(path);
	return path;
}

/* It may not have got as far as making it. */
static void read_output(struct result *r)
{
	DR_AUTO_FREE char *path = output_path(r->pid);
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	dr_buf_clear(&r->output);
	if (fd >= 0)
		sc_append_file(&r->output, fd);
}

static pid_t start(const char *const args[])
{
	const char *argv[24] = { doctor_test };
	pid_t pid;

	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		DR_AUTO_FREE char *path = output_path(getpid());
		int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

		if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(126);
		execv(doctor_test, (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
}

static bool late(struct dr_mono since)
{
	return dr_mono_sub(dr_mono_now(), since).ns > DEADLINE.ns;
}

/* All of it: cmocka cuts its messages at 1 KiB. */
static void show(struct result *r)
{
	fprintf(stderr, "the output of doctor-test is:\n%s\n", dr_buf_str(&r->output));
}

static void wait_text(struct result *r, const char *text)
{
	struct dr_mono since = dr_mono_now();

	while (read_output(r), !strstr(dr_buf_str(&r->output), text)) {
		if (late(since)) {
			show(r);
			fail_msg("\"%s\" did not come", text);
		}
		nap();
	}
}

static void wait_end(struct result *r)
{
	struct dr_mono since = dr_mono_now();
	int status;

	while (waitpid(r->pid, &status, WNOHANG) != r->pid) {
		if (late(since)) {
			kill(r->pid, SIGKILL);
			fail_msg("doctor-test does not end");
		}
		nap();
	}
	r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	read_output(r);
}

static void run(struct result *r, const char *const args[])
{
	r->pid = start(args);
	wait_end(r);
}

/* ---------------------------------------------------------------- what is left */

static void assert_no_process(struct result *r)
{
	struct dr_mono since = dr_mono_now();
	pid_t pid;

	/* its orphans are ours: all have ended when we have no child */
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (late(since)) {
			show(r);
			fail_msg("a process is left");
		}
		if (pid == 0)
			nap();
	}
	assert_int_equal(errno, ECHILD);
}

static void assert_no_interface(struct result *r)
{
	const char *through = strstr(dr_buf_str(&r->output), "watched through ");
	struct dr_mono since = dr_mono_now();
	char ifname[IFNAMSIZ];

	if (!through)
		return; /* it did not come that far */
	assert_int_equal(sscanf(through, "watched through %15s", ifname), 1);
	while (if_nametoindex(ifname)) {
		if (late(since))
			fail_msg("interface %s is left", ifname);
		nap();
	}
}

static void assert_no_pins(struct result *r)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/fs/bpf/doctor/doctor-test-%d", r->pid);
	assert_int_equal(lstat(path, &st), -1);
}

static void assert_no_files(void)
{
	DR_AUTO_FREE char *tmp = path_of(root, "tmp");
	DIR *d = opendir(tmp);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			fail_msg("%s/%s is left", tmp, e->d_name);
	closedir(d);
}

static void assert_nothing_left(struct result *r)
{
	assert_no_process(r);
	assert_no_interface(r);
	assert_no_pins(r);
	assert_no_files();
}

static void assert_says(struct result *r, const char *text)
{
	if (!strstr(dr_buf_str(&r->output), text)) {
		show(r);
		fail_msg("it does not say \"%s\"", text);
	}
}

static void assert_ended(struct result *r, int status)
{
	if (r->status != status) {
		show(r);
		fail_msg("status %d, not %d", r->status, status);
	}
	if (status != 0)
		assert_null(strstr(dr_buf_str(&r->output), "\nPASS\n"));
	assert_nothing_left(r);
}

/* ---------------------------------------------------------------- failures of Doctor */

#define QUICK "--timeout=2s", "--outage=0s"

static void test_not_notified_is_a_failure(void **state)
{
	DR_AUTO_FREE char *json = path_of(root, "result.json");
	DR_AUTO_JSON struct dr_json *j = NULL;
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", MUTE);
	/* all the others must have the time to do their work */
	run(&r, (const char *const[]){ "--timeout=10s", "--outage=0s", "--json", json, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "\nFAIL: the owner was not notified of every VM (T09)\n");
	assert_says(&r, "\nFAIL: the consumer did not replace every VM (T10)\n");
	assert_says(&r, " has no alarm\n");
	assert_says(&r, "owner notified        consumer             -\n");
	assert_says(&r, "notification time (T09 - T01): -\n");
	assert_says(&r, "last lines of the inspector:\n");
	/* the rest of the chain did its work, and that is not called a failure */
	assert_null(strstr(dr_buf_str(&r.output), "(T01)"));
	assert_null(strstr(dr_buf_str(&r.output), "forced down in Nova"));

	DR_AUTO_BUF struct dr_buf file = { 0 };
	DR_AUTO_CLOSE int fd = open(json, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	sc_append_file(&file, fd);
	assert_int_equal(dr_json_parse(file.data, file.len, &j, NULL), 0);
	assert_string_equal(dr_json_get_str(j, "verdict"), "FAIL");
	assert_true(dr_json_size(dr_json_get(j, "failures")) >= 3);
	assert_true(dr_json_is_null(dr_json_path(j, "timeline.notification_ms")));
	assert_non_null(dr_json_path(j, "timeline.points.T01.first_ms"));
}

static void test_not_detected_is_a_failure(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-monitor", MUTE);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: the monitor did not detect the failure (T01)\n");
	assert_says(&r, "FAIL: the monitor is ready and holds no BPF program\n");
	assert_says(&r, "FAIL: host compute-1 is not forced down in Nova\n");
	assert_says(&r, " is ACTIVE, not ERROR\n");
	assert_says(&r, "shows host_status \"UP\", not DOWN\n");
}

static void test_accusing_a_live_host_is_a_failure(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-monitor", ACCUSER);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: host compute-2 is alive and was declared failed\n");
}

static void test_a_verdict_before_the_fault_is_a_failure(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-monitor", HASTY);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: host compute-1 was declared failed before it was\n");
}

static void test_a_notification_of_the_past_is_a_failure(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", PROPHET);
	run(&r, (const char *const[]){ "--timeout=5s", "--outage=0s", NULL });
	assert_ended(&r, 1);
	assert_says(&r, " s before the failure was detected\n");
}

static void test_exit_status_of_a_component(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", SULKING);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: doctor-consumer ended with status 3 on SIGTERM\n");
}

static void test_component_ends_during_the_outage(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", MORTAL);
	run(&r, (const char *const[]){ "--timeout=20s", "--outage=0s", NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: consumer ended during the outage\n");
	assert_says(&r, "    I die\n");
}

static void test_component_does_not_get_ready(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", STILLBORN);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: doctor-consumer ended with status 5 before it was ready\n");
	assert_says(&r, "    no\n");
}

/* ---------------------------------------------------------------- usage and environment */

static void test_usage(void **state)
{
	AUTO_RESULT bad = { 0 }, help = { 0 };

	run(&bad, (const char *const[]){ "--vms", "none", NULL });
	assert_ended(&bad, 2);
	assert_says(&bad, "doctor-test: --vms: \"none\" is not a number from 1 to 500\n");
	assert_says(&bad, "usage: doctor-test");
	run(&help, (const char *const[]){ "--help", NULL });
	assert_ended(&help, 0);
	assert_says(&help, "usage: doctor-test");
}

static void test_absent_program(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", NULL);
	run(&r, (const char *const[]){ QUICK, NULL });
	assert_ended(&r, 2);
	assert_says(&r, "/doctor-consumer: No such file or directory\n");
}

static void test_no_cloud(void **state)
{
	static const char yaml[] =
		"clouds:\n"
		"  admin: &a\n"
		"    auth: {auth_url: 'http://127.0.0.1:1/v3', username: u, password: p, project_name: p,\n"
		"           user_domain_name: Default, project_domain_name: Default}\n"
		"  doctor: *a\n";
	DR_AUTO_FREE char *path = path_of(root, "clouds.yaml");
	AUTO_RESULT absent = { 0 }, closed = { 0 };
	FILE *f;

	unlink(path);
	run(&absent, (const char *const[]){ "--clouds-yaml", path, NULL });
	assert_ended(&absent, 2);
	assert_says(&absent, "clouds.yaml: No such file or directory");
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(yaml, f) >= 0);
	fclose(f);
	run(&closed, (const char *const[]){ "--clouds-yaml", path, NULL });
	assert_ended(&closed, 2);
	assert_says(&closed, "doctor-test: GET ");
}

/* ---------------------------------------------------------------- signals */

static void test_interrupted(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM };

	replace_program("doctor-consumer", MUTE);
	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		AUTO_RESULT r = { 0 };

		r.pid = start((const char *const[]){ "--timeout=60s", NULL });
		wait_text(&r, "  fault ");
		kill(r.pid, signals[i]);
		wait_end(&r);
		assert_ended(&r, 128 + signals[i]);
	}
}

static void test_interrupted_early(void **state)
{
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", MUTE);
	r.pid = start((const char *const[]){ "--timeout=60s", NULL });
	wait_text(&r, "  network ");
	kill(r.pid, SIGINT);
	wait_end(&r);
	assert_ended(&r, 128 + SIGINT);
}

/* At moments that nobody has chosen, from the start to the end of the outage. */
static void test_interrupted_at_any_moment(void **state)
{
	replace_program("none", NULL);
	for (int ms = 0; ms < 2600; ms += 170) {
		AUTO_RESULT r = { 0 };

		r.pid = start((const char *const[]){ "--outage=60s", NULL });
		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
		kill(r.pid, ms % 340 ? SIGTERM : SIGINT);
		wait_end(&r);
		/* before it handles signals it just ends */
		if (strstr(dr_buf_str(&r.output), "interrupted by signal"))
			assert_ended(&r, 128 + (ms % 340 ? SIGTERM : SIGINT));
		if (strstr(dr_buf_str(&r.output), "FAIL: ")) {
			show(&r);
			fail_msg("interrupted after %d ms it calls something a failure", ms);
		}
		assert_nothing_left(&r);
	}
}

static void clean_up(const char *clouds_yaml, const char *says)
{
	AUTO_RESULT r = { 0 };

	run(&r, (const char *const[]){ "cleanup", clouds_yaml ? "--clouds-yaml" : NULL, clouds_yaml, NULL });
	assert_int_equal(r.status, 0);
	assert_says(&r, says);
	assert_says(&r, "nothing of doctor-test is left\n");
}

/* Components end with it, the outage is ended and the interfaces go; only its directory stays. */
static void test_killed(void **state)
{
	DR_AUTO_FREE char *there = dr_asprintf("ls %s/tmp/doctor-test.*/monitor.yaml", root);
	AUTO_RESULT r = { 0 };

	replace_program("doctor-consumer", MUTE);
	r.pid = start((const char *const[]){ "--timeout=60s", NULL });
	wait_text(&r, "  fault ");
	clean_up(NULL, "");
	assert_int_equal(waitpid(r.pid, NULL, WNOHANG),
			 0); /* whoever lives is left alone, and his directory */
	assert_int_equal(sc_run((const char *const[]){ "sh", "-c", there, NULL }, NULL, NULL), 0);
	kill(r.pid, SIGKILL);
	wait_end(&r);
	assert_int_equal(r.status, 128 + SIGKILL);
	assert_no_process(&r);
	assert_no_interface(&r);
	assert_no_pins(&r);
	clean_up(NULL, "directory ");
	assert_no_files();
}

/* ---------------------------------------------------------------- a cloud that stays */

static pid_t start_cloud(const char *yaml)
{
	DR_AUTO_FREE char *minicloud = path_of(built, "minicloud");
	struct dr_mono since = dr_mono_now();
	pid_t pid;

	unlink(yaml);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(minicloud, minicloud, "--listen", "127.0.0.1:0", "--clouds-yaml", yaml, NULL);
		_exit(127);
	}
	while (access(yaml, R_OK) < 0) {
		if (late(since))
			fail_msg("minicloud does not start");
		nap();
	}
	return pid;
}

static void test_leftovers_in_the_cloud(void **state)
{
	DR_AUTO_FREE char *yaml = path_of(root, "given.yaml");
	DR_AUTO_FREE char *tmp = dr_asprintf("rm -r %s/tmp/*", root);
	pid_t cloud = start_cloud(yaml);
	AUTO_RESULT r = { 0 };

	replace_program("none", NULL);
	r.pid = start((const char *const[]){ "--clouds-yaml", yaml, "--outage=60s", NULL });
	wait_text(&r, "forced down, VM in error");
	kill(r.pid, SIGKILL);
	while (waitpid(r.pid, NULL, 0) < 0 && errno == EINTR)
		;
	clean_up(yaml, "  leftovers  3 VMs of an earlier run are deleted\n");
	AUTO_RESULT again = { 0 };
	run(&again, (const char *const[]){ "--clouds-yaml", yaml, "--outage=0s", NULL });
	assert_says(&again, "\nPASS\n"); /* compute-1 is not forced down any more */
	assert_null(strstr(dr_buf_str(&again.output), "leftovers"));
	kill(cloud, SIGTERM);
	assert_int_equal(sc_wait(cloud), 0);
	assert_nothing_left(&again);
	(void)!sc_run((const char *const[]){ "sh", "-c", tmp, NULL }, NULL, NULL);
}

/* Project and user of the VMs' owner are not there: they are made for the run, and go with it. */
static void test_owner_is_made(void **state)
{
	DR_AUTO_FREE char *yaml = path_of(root, "given.yaml");
	DR_AUTO_FREE char *tmp = dr_asprintf("rm -r %s/tmp/*", root);
	const char *const cleanup[] = { "cleanup", "--clouds-yaml", yaml, "--owner=tenant", NULL };
	pid_t cloud = start_cloud(yaml);
	AUTO_RESULT first = { 0 }, killed = { 0 }, clean = { 0 }, again = { 0 }, taken = { 0 };

	replace_program("none", NULL);
	run(&first,
	    (const char *const[]){ "--clouds-yaml", yaml, "--owner=tenant", "--outage=0s", "--vms=3", NULL });
	assert_says(&first, "user tenant is made, member of project tenant, which is made too\n");
	assert_says(&first, "a network made as doctor-test-");
	assert_says(&first, "\nPASS\n");
	assert_int_equal(first.status, 0);
	run(&clean, cleanup); /* nothing of it is left */
	assert_null(strstr(dr_buf_str(&clean.output), "leftovers"));
	assert_says(&clean, "nothing of doctor-test is left\n");

	killed.pid =
		start((const char *const[]){ "--clouds-yaml", yaml, "--owner=tenant", "--outage=60s", NULL });
	wait_text(&killed, "forced down, VM in error");
	kill(killed.pid, SIGKILL);
	while (waitpid(killed.pid, NULL, 0) < 0 && errno == EINTR)
		;
	result_done(&clean);
	clean = (struct result){ 0 };
	run(&clean, cleanup);
	assert_int_equal(clean.status, 0);
	assert_says(&clean, "  leftovers  3 VMs of an earlier run are deleted\n");
	assert_says(&clean, "  leftovers  project and user tenant of an earlier run are deleted\n");
	run(&again, (const char *const[]){ "--clouds-yaml", yaml, "--owner=tenant", "--outage=0s", NULL });
	assert_says(&again, "user tenant is made");
	assert_says(&again, "\nPASS\n");
	(void)!sc_run((const char *const[]){ "sh", "-c", tmp, NULL }, NULL, NULL);

	/* the entries of clouds.yaml under another name: the user is there, and his password is not */
	assert_int_equal(sc_run((const char *const[]){ "sed", "-i", "s/^  doctor:/  owner:/", yaml, NULL },
				NULL, NULL),
			 0);
	run(&taken, (const char *const[]){ "--clouds-yaml", yaml, "--outage=0s", NULL });
	assert_int_equal(taken.status, 2);
	assert_says(&taken, "user doctor exists, and its password is not known");
	result_done(&taken);
	taken = (struct result){ 0 };
	run(&taken, (const char *const[]){ "--clouds-yaml", yaml, "--owner=owner", "--outage=0s", NULL });
	assert_says(&taken, "\nPASS\n");
	kill(cloud, SIGTERM);
	assert_int_equal(sc_wait(cloud), 0);
	assert_nothing_left(&taken);
}

static void set_environment(const char *const pairs[][2], bool on)
{
	for (size_t i = 0; pairs[i][0]; i++) {
		if (on)
			assert_int_equal(setenv(pairs[i][0], pairs[i][1], 1), 0);
		else
			assert_int_equal(unsetenv(pairs[i][0]), 0);
	}
}

/* Of OS_CLOUD the owner is the entry beside it; of the other variables there is none. */
static void test_cloud_of_the_environment(void **state)
{
	DR_AUTO_FREE char *yaml = path_of(root, "given.yaml"), *error = NULL;
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf admin = { 0 };
	pid_t cloud = start_cloud(yaml);
	const char *const entries[][2] = { { "OS_CLIENT_CONFIG_FILE", yaml },
					   { "OS_CLOUD", "admin" },
					   { NULL } };
	AUTO_RESULT by_entry = { 0 }, twice = { 0 }, by_variables = { 0 };

	replace_program("none", NULL);
	set_environment(entries, true);
	assert_int_equal(dr_cloud_conf_load(NULL, &admin, &error), 0);
	run(&by_entry, (const char *const[]){ "--cloud=env", "--outage=0s", NULL });
	assert_says(&by_entry, "\nPASS\n");
	assert_null(strstr(dr_buf_str(&by_entry.output), " is made"));
	run(&twice,
	    (const char *const[]){ "--cloud=env", "--owner=tenant", "--repeat=2", "--outage=0s", NULL });
	assert_says(&twice, "2 runs, 2 passed");
	set_environment(entries, false);

	const char *const variables[][2] = { { "OS_AUTH_URL", admin.auth_url },
					     { "OS_USERNAME", "admin" },
					     { "OS_PASSWORD", "admin" },
					     { "OS_PROJECT_NAME", "admin" },
					     { "OS_USER_DOMAIN_NAME", "Default" },
					     { "OS_PROJECT_DOMAIN_NAME", "Default" },
					     { NULL } };
	set_environment(variables, true);
	run(&by_variables, (const char *const[]){ "--cloud=env", "--owner=tenant", "--outage=0s", NULL });
	set_environment(variables, false);
	assert_says(&by_variables, "user tenant is made, member of project tenant, which is made too\n");
	assert_says(&by_variables, "\nPASS\n");
	kill(cloud, SIGTERM);
	assert_int_equal(sc_wait(cloud), 0);
	assert_nothing_left(&by_variables);
}

/* ---------------------------------------------------------------- the other scenarios */

static void expect_pass(const char *const args[], const char *says)
{
	AUTO_RESULT r = { 0 };

	replace_program("none", NULL);
	run(&r, args);
	assert_says(&r, says);
	assert_ended(&r, 0);
	assert_says(&r, "\nPASS\n");
}

static void test_faults(void **state)
{
	static const char *const names[] = { "link-down", "freeze", "power-off", "flap" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++)
		expect_pass((const char *const[]){ "--fault", names[i], "--outage=0s", "--vms=2", NULL },
			    "its VMs active again, ports as before");
}

static void test_network_failure(void **state)
{
	AUTO_RESULT r = { 0 };

	expect_pass((const char *const[]){ "network_failure", "--outage=0s", "--vms=2", NULL },
		    "  recovery   all ports are as before\n");
	replace_program("doctor-monitor", MUTE);
	run(&r, (const char *const[]){ "network_failure", QUICK, NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: the compute's monitor did not report its NIC (T01)\n");
	assert_says(&r, "1 ports, 0 of them with data_plane_status DOWN\n");
}

static void test_false_alarm(void **state)
{
	AUTO_RESULT r = { 0 };

	expect_pass((const char *const[]){ "false_alarm", "--outage=1s", NULL },
		    "  isolated   1 s: nobody was accused, nothing was done\n");
	replace_program("doctor-monitor", LATE_ACCUSER);
	run(&r, (const char *const[]){ "false_alarm", "--fault=load", "--outage=10s", NULL });
	assert_ended(&r, 1);
	assert_says(&r, "FAIL: load: host compute-1 is alive and was declared failed (T01)\n");
}

/* ---------------------------------------------------------------- what it is given, what it gives */

static void test_image(void **state)
{
	DR_AUTO_FREE char *image = path_of(root, "image");
	FILE *f = fopen(image, "we");
	AUTO_RESULT r = { 0 };

	assert_non_null(f);
	assert_true(fputs("a disk", f) >= 0);
	fclose(f);
	expect_pass((const char *const[]){ "--image", image, "--outage=0s", NULL },
		    " is uploaded as doctor-test-");
	unlink(image);
	run(&r, (const char *const[]){ "--image", image, "--outage=0s", NULL });
	assert_ended(&r, 2);
	assert_says(&r, "/image: No such file or directory\n");
}

static void test_unknown_installer(void **state)
{
	AUTO_RESULT r = { 0 };

	run(&r, (const char *const[]){ "--installer=none", NULL });
	assert_ended(&r, 2);
	assert_says(&r, "there is no installer \"none\"");
}

static void assert_file_has(const char *path, const char *text)
{
	DR_AUTO_BUF struct dr_buf file = { 0 };
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	sc_append_file(&file, fd);
	if (!strstr(dr_buf_str(&file), text))
		fail_msg("%s has no \"%s\":\n%s", path, text, dr_buf_str(&file));
}

static void test_reports(void **state)
{
	DR_AUTO_FREE char *junit = path_of(root, "junit.xml"), *functest = path_of(root, "functest.json");
	DR_AUTO_FREE char *svg = path_of(root, "line.svg"), *profiler = path_of(root, "profiler.sh");
	DR_AUTO_FREE char *json = path_of(root, "all.json");
	const char *const args[] = { "--outage=0s", "--repeat=2", "--junit", junit,    "--functest",
				     functest,	    "--svg",	  svg,	     "--json", json,
				     "--profiler",  profiler,	  NULL };

	expect_pass(args, "2 runs, 2 passed; notification time of 2: min 0.");
	assert_file_has(junit, "tests=\"2\" failures=\"0\" errors=\"0\"");
	assert_file_has(functest, "\"criteria\":\"PASS\"");
	assert_file_has(svg, "</svg>\n");
	assert_file_has(profiler, "export DOCTOR_PROFILER_T00=0\nexport DOCTOR_PROFILER_T01=");
	assert_file_has(profiler, "export DOCTOR_PROFILER_T09=");
	assert_file_has(json, "{\"figures\":{\"runs\":2,\"passed\":2,\"min_ms\":");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_absent_program),
		cmocka_unit_test(test_no_cloud),
		cmocka_unit_test(test_not_notified_is_a_failure),
		cmocka_unit_test(test_not_detected_is_a_failure),
		cmocka_unit_test(test_accusing_a_live_host_is_a_failure),
		cmocka_unit_test(test_a_verdict_before_the_fault_is_a_failure),
		cmocka_unit_test(test_a_notification_of_the_past_is_a_failure),
		cmocka_unit_test(test_exit_status_of_a_component),
		cmocka_unit_test(test_component_ends_during_the_outage),
		cmocka_unit_test(test_component_does_not_get_ready),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_interrupted_early),
		cmocka_unit_test(test_interrupted_at_any_moment),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_leftovers_in_the_cloud),
		cmocka_unit_test(test_owner_is_made),
		cmocka_unit_test(test_cloud_of_the_environment),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_network_failure),
		cmocka_unit_test(test_false_alarm),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_unknown_installer),
		cmocka_unit_test(test_reports),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
