/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installers whose hosts are reached by SSH, on real sshd: nodes found, their services configured and put
 * back, a host's network taken away and back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/net/sshbed.h"
#include "tools/scenario/confedit.h"
#include "tools/scenario/outage.h"
#include "tools/scenario/run.h"
#include "tools/scenario/scenario.h"

static const char *const apex_computes[2] = { "overcloud-novacompute-0", "overcloud-novacompute-1" };
static const char *const fuel_computes[2] = { "node-4", "node-7" };

static struct sshbed *new_bed(enum sshbed_layout layout)
{
	return sshbed_new(layout, layout == SSHBED_APEX ? apex_computes : fuel_computes);
}

/* As a run that has come to sc_setup_hosts(), without a cloud. */
static void init_run(struct sc_run *run, const struct sshbed *b)
{
	bool apex = b->layout == SSHBED_APEX;

	*run = (struct sc_run){ .installer = apex ? &sc_installer_apex : &sc_installer_fuel,
				.lock = -1,
				.dir_lock = -1,
				.ncomputes = 2,
				.opts = { .installer_ip = sshbed_address(b, SSHBED_INSTALLER),
					  .ssh_key = b->key,
					  .known_hosts = b->known_hosts,
					  .fault = SC_FAULT_SILENT_DROP,
					  .outage = dr_sec(4) } };
	assert_int_equal(dr_strcpy(run->dir, sizeof(run->dir), b->dir), 0);
	for (int i = 0; i < 2; i++)
		snprintf(run->computes[i].host, sizeof(run->computes[i].host), "%s.domain.tld",
			 apex ? apex_computes[i] : fuel_computes[i]);
}

static void run_done(struct sc_run *run)
{
	run->installer->close(run);
	for (size_t i = 0; i < run->problems.n; i++)
		free(run->problems.texts[i]);
	free(run->problems.texts);
	free(run->error);
	sc_timeline_done(&run->timeline);
}
#define AUTO_RUN DR_AUTO(run_done) struct sc_run

static void must(struct sc_run *run, int r)
{
	if (r != 0 || run->problems.n)
		fail_msg("%d: %s", r,
			 run->problems.n ? run->problems.texts[0]
			 : run->error	 ? run->error
					 : "?");
}

static void assert_says(const char *text, const char *what)
{
	if (!text || !strstr(text, what))
		fail_msg("\"%s\" does not say \"%s\"", text ? text : "", what);
}

/* Opens a run that cannot be opened; the error says all of these (NULL: the end). */
static void assert_refused(const struct sshbed *b, const struct sc_opts *opts, int want,
			   const char *const says[])
{
	AUTO_RUN run;
	int r;

	init_run(&run, b);
	if (opts)
		run.opts = *opts;
	r = run.installer->open(&run);
	if (r != want)
		fail_msg("%d, not %d: %s", r, want, run.error ? run.error : "");
	for (size_t i = 0; says[i]; i++)
		assert_says(run.error, says[i]);
}

/* ---------------------------------------------------------------- configuration */

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void assert_restarts(const struct sshbed *b, const char *service, unsigned want)
{
	DR_AUTO_FREE char *text = sshbed_read(b, SSHBED_CONTROLLER, "/etc/restarts");

	if (count(text, service) != want)
		fail_msg("%s is to be restarted %u times:\n%s", service, want, text);
}

/* The sums of the files that services were restarted with: the last line's, the caller frees it. */
static char *last_restart(const struct sshbed *b)
{
	DR_AUTO_FREE char *text = sshbed_read(b, SSHBED_CONTROLLER, "/etc/restarts");
	size_t len = strlen(text);

	assert_true(len > 36);
	return strndup(text + len - 36, 32);
}

static void assert_has(const struct sshbed *b, const char *path, const char *what)
{
	DR_AUTO_FREE char *text = sshbed_read(b, SSHBED_CONTROLLER, path);

	assert_says(text, what);
}

struct before {
	char *nova, *ceilometer;
};

static void before_done(struct before *s)
{
	free(s->nova);
	free(s->ceilometer);
}
#define AUTO_BEFORE DR_AUTO(before_done) struct before

static void look(const struct sshbed *b, struct before *ret)
{
	ret->nova = sshbed_state(b, SSHBED_CONTROLLER, "/etc/nova");
	ret->ceilometer = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");
}

/* Bytes, owners, modes and times, and no other file. */
static void assert_as_before(const struct sshbed *b, const struct before *s)
{
	AUTO_BEFORE now;

	look(b, &now);
	assert_string_equal(now.nova, s->nova);
	assert_string_equal(now.ceilometer, s->ceilometer);
}

static void test_apex(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	DR_AUTO_FREE char *key = NULL, *nova = sshbed_state(b, SSHBED_CONTROLLER, "/etc/nova"), *now = NULL;
	AUTO_BEFORE before;
	AUTO_RUN run;
	struct stat st;

	look(b, &before);
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_string_equal(run.installer->address(&run, 0, 0), sshbed_address(b, SSHBED_COMPUTE_1));
	assert_string_equal(run.installer->address(&run, 1, 0), sshbed_address(b, SSHBED_COMPUTE_2));
	assert_string_equal(run.ifname, sc_topo_ifname(b->topo, SC_MONITOR));
	assert_int_equal(run.installer->answers(&run, 0, dr_sec(5)), 0);

	key = dr_asprintf("%s/node_key", b->dir);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_has(b, "/etc/ceilometer/event_pipeline.yaml",
		   "    publishers:\n      - " SC_PUBLISHER "\n      - gnocchi://\n");
	now = sshbed_state(b, SSHBED_CONTROLLER, "/etc/nova");
	assert_string_equal(now, nova); /* is none of its business */
	assert_restarts(b, "restart openstack-ceilometer-notification.service", 1);

	run.installer->close(&run);
	assert_int_equal(run.problems.n, 0);
	assert_as_before(b, &before);
	assert_restarts(b, "restart openstack-ceilometer-notification.service", 2);
	assert_int_equal(stat(key, &st), -1);
}

/* Its services in containers: another file, another unit. */
static void test_apex_with_containers(void **state)
{
	static const char base[] = "/var/lib/config-data/puppet-generated/ceilometer/etc/ceilometer";
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	DR_AUTO_FREE char *make = dr_asprintf("mkdir -p %s && cp /etc/ceilometer/event_pipeline.yaml %s/",
					      base, base),
			  *show = dr_asprintf("cat %s/*", base);
	DR_AUTO_BUF struct dr_buf before_there = { 0 }, there = { 0 }, after = { 0 };
	AUTO_BEFORE before;
	AUTO_RUN run;

	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, make, NULL), 0);
	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, show, &before_there), 0);
	look(b, &before);
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_as_before(b, &before);
	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, show, &there), 0);
	assert_says(there.data, SC_PUBLISHER);
	assert_restarts(b, "restart tripleo_ceilometer_agent_notification", 1);
	run.installer->close(&run);
	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, show, &after), 0);
	assert_string_equal(after.data, before_there.data);
	assert_restarts(b, "restart tripleo_ceilometer_agent_notification", 2);
}

static void test_fuel(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	DR_AUTO_FREE char *path = sshbed_path(b, SSHBED_CONTROLLER, "/etc/nova/nova.conf"), *with = NULL,
			  *without = NULL;
	AUTO_BEFORE before;
	AUTO_RUN run;
	struct stat st;

	look(b, &before);
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_has(b, "/etc/nova/nova.conf", "[notifications]\nnotify_on_state_change = vm_state\n");
	assert_has(b, "/etc/nova/nova.conf", "[oslo_messaging_notifications]\ndriver = messagingv2\n");
	assert_has(b, "/etc/nova/policy.yaml", "os_compute_api:servers:show:host_status");
	assert_has(b, "/etc/ceilometer/event_pipeline.yaml", SC_PUBLISHER);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 7003);
	assert_int_equal(st.st_gid, 7004);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_restarts(b, "nova-api restart", 1);
	assert_restarts(b, "nova-conductor restart", 1);
	assert_restarts(b, "nova-scheduler restart", 1);
	assert_restarts(b, "ceilometer-agent-notification restart", 1);
	with = last_restart(b);

	run.installer->close(&run);
	assert_int_equal(run.problems.n, 0);
	assert_as_before(b, &before);
	assert_restarts(b, " restart", 8);
	without = last_restart(b);
	assert_string_not_equal(with, without);
}

/* The sandbox's own files are as the test wants them. */
static void test_nothing_to_change(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	AUTO_BEFORE before;
	AUTO_RUN run;

	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, "rm /etc/nova/* /etc/ceilometer/*", NULL), 0);
	DR_AUTO_FREE char *copy = dr_asprintf("cd %s && cp fresh/nova/nova.conf fresh/nova/policy.yaml "
					      "controller/etc/nova/ && cp fresh/ceilometer/* "
					      "controller/etc/ceilometer/",
					      b->dir);
	assert_int_equal(sc_run((const char *const[]){ "sh", "-c", copy, NULL }, NULL, NULL), 0);
	look(b, &before);
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_as_before(b, &before);
	run.installer->close(&run);
	assert_as_before(b, &before);
	assert_restarts(b, "restart", 0);
}

static void test_a_policy_that_was_not_there(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	DR_AUTO_FREE char *path = sshbed_path(b, SSHBED_CONTROLLER, "/etc/nova/policy.json");
	AUTO_BEFORE before;
	AUTO_RUN run;
	struct stat st;

	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER,
				   "rm /etc/nova/policy.yaml && sed -i /policy_file/d /etc/nova/nova.conf",
				   NULL),
			 0);
	look(b, &before);
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_has(b, "/etc/nova/policy.json", "{\"os_compute_api:servers:show:host_status\":");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_gid, 7004); /* as that of nova.conf: Nova reads both */
	assert_int_equal(st.st_mode & 07777, 0640);
	run.installer->close(&run);
	assert_as_before(b, &before);
}

static void test_put_back_after_a_failure(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	AUTO_BEFORE before;

	/* found out after nova.conf was changed */
	sshbed_write(b, SSHBED_CONTROLLER, "/etc/ceilometer/event_pipeline.yaml", "sinks: [\n");
	look(b, &before);
	assert_refused(b, NULL, -EBADMSG,
		       (const char *const[]){ sshbed_address(b, SSHBED_CONTROLLER),
					      "cannot change /etc/ceilometer/event_pipeline.yaml",
					      "not valid YAML", NULL });
	assert_as_before(b, &before);
	assert_restarts(b, "nova-api restart", 1); /* with what was put back */
}

/* Services that do not start again: said, and done by the clean-up when they do. */
static void test_not_restarted(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	AUTO_BEFORE before;
	AUTO_RUN run, later;

	look(b, &before);
	init_run(&run, b);
	init_run(&later, b);
	must(&run, run.installer->open(&run));
	sshbed_write(b, SSHBED_CONTROLLER, "/etc/broken", "");
	run.installer->close(&run);
	assert_int_equal(run.problems.n, 1);
	assert_says(run.problems.texts[0], "the configuration of node-1 is not put back");
	assert_says(run.problems.texts[0], "failed");
	assert_int_equal(sshbed_do(b, SSHBED_CONTROLLER, "rm /etc/broken", NULL), 0);
	must(&later, later.installer->cleanup(&later));
	assert_as_before(b, &before);
	assert_restarts(b, " restart", 8);
}

/* ---------------------------------------------------------------- killed */

/* A run of its own that opens, and hangs after what then() does. Returns when it has. */
static pid_t start_culprit(const struct sshbed *b, int (*then)(struct sc_run *run))
{
	int done[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sc_run run;
		int r;

		init_run(&run, b);
		r = run.installer->open(&run);
		if (r == 0 && then)
			r = then(&run);
		if (r < 0)
			fprintf(stderr, "the culprit fails: %s\n", run.error ? run.error : "?");
		(void)!write(done[1], r < 0 ? "-" : "+", 1);
		for (;;)
			pause();
	}
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	close(done[0]);
	assert_int_equal(byte, '+');
	return pid;
}

static void kill_culprit(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(sc_wait(pid), 128 + SIGKILL);
}

static void test_cleanup_after_a_kill(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	AUTO_BEFORE before;
	AUTO_RUN run;

	look(b, &before);
	kill_culprit(start_culprit(b, NULL));
	assert_has(b, "/etc/nova/nova.conf", "driver = messagingv2");
	init_run(&run, b);
	must(&run, run.installer->cleanup(&run));
	assert_as_before(b, &before);
	assert_restarts(b, "nova-api restart", 2);
	run.installer->close(&run);
	must(&run, run.installer->cleanup(&run)); /* there is nothing left to do */
	assert_restarts(b, "nova-api restart", 2);
	assert_as_before(b, &before);
}

/* What a killed run has changed does not pass for the original. */
static void test_next_run_after_a_kill(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	AUTO_BEFORE before;
	AUTO_RUN run;

	look(b, &before);
	kill_culprit(start_culprit(b, NULL));
	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_has(b, "/etc/ceilometer/event_pipeline.yaml", SC_PUBLISHER);
	run.installer->close(&run);
	assert_as_before(b, &before);
}

/* ---------------------------------------------------------------- no way in */

static void test_unreachable(void **state)
{
	DR_AUTO(sshbed_freep) struct sshbed *b = new_bed(SSHBED_APEX);
	struct sc_opts opts;
	AUTO_RUN run;

	init_run(&run, b);
	opts = run.opts;
	opts.installer_ip = sc_topo_address(b->topo, SC_MONITOR); /* where no sshd is */
	assert_refused(b, &opts, -EHOSTUNREACH,
		       (const char *const[]){ "SSH to stack@", opts.installer_ip, "Connection refused",
					      "does sshd run there?", NULL });
	/* a node in the list that is gone */
	kill(b->nodes[SSHBED_CONTROLLER], SIGKILL);
	(void)!sc_wait(b->nodes[SSHBED_CONTROLLER]);
	b->nodes[SSHBED_CONTROLLER] = 0;
	assert_refused(
		b, NULL, -EHOSTUNREACH,
		(const char *const[]){ "SSH to heat-admin@", sshbed_address(b, SSHBED_CONTROLLER), NULL });
}

static void test_wrong_key(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	struct sc_opts opts;
	AUTO_RUN run;

	init_run(&run, b);
	opts = run.opts;
	opts.ssh_key = b->wrong_key;
	assert_refused(b, &opts, -EACCES,
		       (const char *const[]){ "SSH to root@", sshbed_address(b, SSHBED_INSTALLER),
					      "Permission denied", b->wrong_key, "authorized_keys of root",
					      NULL });
}

static void test_not_let_in_directly(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	DR_AUTO_FREE char *key = sshbed_path(b, SSHBED_INSTALLER, "/root/.ssh/id_rsa"), *error = NULL;
	DR_AUTO(sc_ssh_done) struct sc_ssh ssh = { 0 };

	/* nodes of Fuel are reached through its master, or not at all */
	assert_int_equal(
		sc_ssh_init(&ssh, &(struct sc_ssh_opts){ .host = sshbed_address(b, SSHBED_CONTROLLER),
							 .user = "root",
							 .key = key,
							 .known_hosts = b->known_hosts }),
		0);
	assert_int_equal(sc_ssh_run(&ssh, "true", dr_sec(30), NULL, &error), -EACCES);
}

static void test_changed_host_key(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	const char *address = sshbed_address(b, SSHBED_COMPUTE_1);
	DR_AUTO_FREE char *other = sshbed_read(b, SSHBED_COMPUTE_2, "/etc/ssh/host_key.pub"), *known = NULL;
	DR_AUTO_BUF struct dr_buf noted = { 0 };
	DR_AUTO_FCLOSE FILE *f = NULL;
	AUTO_BEFORE before;
	int fd;

	look(b, &before);
	f = fopen(b->known_hosts, "we");
	assert_non_null(f);
	fprintf(f, "%s %s", address, other);
	fclose(DR_TAKE_PTR(f));
	assert_refused(b, NULL, -EKEYREJECTED,
		       (const char *const[]){ address, "its host key is not the one in", b->known_hosts,
					      "ssh-keygen -R ", NULL });
	assert_as_before(b, &before); /* refused before anything was touched */
	fd = open(b->known_hosts, O_RDONLY | O_CLOEXEC);
	sc_append_file(&noted, fd);
	close(fd);
	known = strdup(dr_buf_str(&noted));
	assert_true(count(known, "\n") == 2); /* a new one, of the undercloud, was noted */
}

static void test_no_sudo(void **state)
{
	DR_AUTO(sshbed_freep) struct sshbed *b = new_bed(SSHBED_APEX);

	assert_int_equal(sshbed_do(b, SSHBED_COMPUTE_1, "sed -i /heat-admin/d /etc/sudoers", NULL), 0);
	assert_refused(b, NULL, -EPERM,
		       (const char *const[]){ "overcloud-novacompute-0",
					      "heat-admin cannot become root by sudo without a password",
					      NULL });
}

static void test_lists_that_do_not_fit(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	AUTO_RUN run;

	init_run(&run, b);
	strcpy(run.computes[1].host, "elsewhere");
	assert_int_equal(run.installer->open(&run), -ENOENT);
	assert_says(run.error, "compute elsewhere is none of the nodes of the undercloud at ");
	assert_says(run.error, "overcloud-controller-0, overcloud-novacompute-0, overcloud-novacompute-1");

	sshbed_write(b, SSHBED_INSTALLER, "/etc/nodes", "[]");
	assert_refused(b, NULL, -ENOENT, (const char *const[]){ "has no nodes", NULL });
	sshbed_write(b, SSHBED_INSTALLER, "/etc/nodes", "| table |");
	assert_refused(b, NULL, -EBADMSG, (const char *const[]){ "lists its nodes in an unknown way", NULL });
	sshbed_write(b, SSHBED_INSTALLER, "/home/stack/stackrc", "");
	assert_refused(b, NULL, -EIO,
		       (const char *const[]){ "cannot list its nodes", "Missing value auth-url", NULL });
}

/* ---------------------------------------------------------------- commands and files */

/* Those that run; what earlier tests have left is ours, and has ended. */
static unsigned count_children(void)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/self/task/%d/children", gettid());
	DR_AUTO_FCLOSE FILE *f = NULL;
	unsigned n = 0;
	int pid;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	f = fopen(path, "re");
	assert_non_null(f);
	while (fscanf(f, "%d", &pid) == 1)
		n++;
	return n;
}

static void test_hanging_command(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	DR_AUTO(sc_ssh_done) struct sc_ssh ssh = { 0 };
	DR_AUTO_FREE char *error = NULL;
	struct dr_mono start = dr_mono_now();

	sshbed_ssh(b, &ssh);
	assert_int_equal(sc_ssh_run(&ssh, "sleep 600", dr_sec(3), NULL, &error), -ETIMEDOUT);
	assert_says(error, "a command is not at its end after 3 s: sleep 600");
	assert_true(dr_mono_sub(dr_mono_now(), start).ns < dr_sec(60).ns);
	assert_int_equal(count_children(), SSHBED_NODES); /* and no ssh */
}

static void test_commands(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	DR_AUTO(sc_ssh_done) struct sc_ssh ssh = { 0 };
	DR_AUTO_BUF struct dr_buf out = { 0 };
	DR_AUTO_FREE char *error = NULL;

	sshbed_ssh(b, &ssh);
	assert_int_equal(
		sc_ssh_run(&ssh, "id -un; echo \"$HOME\" 'a'; echo no >&2", dr_sec(30), &out, &error), 0);
	assert_string_equal(out.data, "stack\n/home/stack a\n");
	assert_null(error);
	assert_int_equal(sc_ssh_run(&ssh, "echo a >&2; echo why >&2; exit 7", dr_sec(30), NULL, &error), 7);
	assert_says(error, ": why");
}

static void test_files(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	DR_AUTO(sc_ssh_done) struct sc_ssh ssh = { 0 };
	DR_AUTO_BUF struct dr_buf got = { 0 };
	DR_AUTO_FREE char *error = NULL, *path = sshbed_path(b, SSHBED_INSTALLER, "/etc/it's one");
	static char large[300000];
	struct stat st;

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7 + i / 256);
	sshbed_ssh(b, &ssh);
	assert_int_equal(sc_ssh_get(&ssh, "/etc/it's one", &got, &error), 1);
	sshbed_write(b, SSHBED_INSTALLER, "/etc/it's one", "old");
	assert_int_equal(chown(path, 7001, 7002), 0);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(sc_ssh_put(&ssh, "/etc/it's one", large, sizeof(large), &error), 0);
	assert_int_equal(sc_ssh_get(&ssh, "/etc/it's one", &got, &error), 0);
	assert_int_equal(got.len, sizeof(large));
	assert_memory_equal(got.data, large, sizeof(large));
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_uid == 7001 && st.st_gid == 7002 && (st.st_mode & 07777) == 0604);
	assert_int_equal(sc_ssh_put(&ssh, "/nowhere/file", "x", 1, &error), -EIO);
	assert_says(error, "cannot write /nowhere/file: ");
}

/* ---------------------------------------------------------------- outages */

/* Interfaces and routes as they were, no rule, no process, no file of ours. */
static void assert_host_clean(const struct sshbed *b, enum sshbed_node node, const char *routes)
{
	DR_AUTO_BUF struct dr_buf out = { 0 }, rules = { 0 };

	assert_int_equal(sshbed_do(b, node, "ip route; ip -o link show eth0 | grep -o NOARP; ls /run", &out),
			 0);
	assert_says(out.data, routes);
	assert_null(strstr(out.data, "NOARP"));
	assert_null(strstr(out.data, "doctor-test"));
	assert_int_equal(sshbed_do(b, node, "iptables-save; ip6tables-save; ps ax", &rules), 0);
	assert_null(strstr(dr_buf_str(&rules), "doctor"));
	assert_int_equal(
		sc_topo_run(b->topo, (int)node,
			    (const char *const[]){ "nft", "list", "table", "inet", "doctor_test", NULL },
			    NULL),
		1);
}

/* A host with a route of its own fails for four seconds, and comes back by itself. */
static void fail_and_return(struct sshbed *b, int victim, enum sc_fault fault, int carrier)
{
	enum sshbed_node node = victim ? SSHBED_COMPUTE_2 : SSHBED_COMPUTE_1;
	DR_AUTO_FREE char *route =
		dr_asprintf("203.0.113.0/24 via %s dev eth0", sshbed_address(b, SSHBED_INSTALLER));
	DR_AUTO_FREE char *add = dr_asprintf("ip route replace %s", route);
	AUTO_RUN run;

	assert_int_equal(sshbed_do(b, node, add, NULL), 0);
	init_run(&run, b);
	run.victim = victim;
	run.opts.fault = fault;
	must(&run, run.installer->open(&run));
	must(&run, run.installer->inject(&run, fault, dr_sec(600)));
	sshbed_wait_outage(b, node);
	assert_int_equal(sc_topo_carrier(b->topo, (int)node), carrier);
	assert_int_equal(sc_topo_ping(b->topo, SSHBED_CONTROLLER, dr_sec(5)), 0);
	assert_true(run.timeline.at[SC_T00].ns > 0);
	must(&run, run.installer->restore(&run));
	assert_false(run.fault_on);
	assert_int_equal(sc_topo_ping(b->topo, (int)node, dr_sec(5)), 0);
	run.installer->close(&run);
	assert_int_equal(run.problems.n, 0);
	assert_host_clean(b, node, route);
}

static void test_silence_by_nft(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);

	fail_and_return(b, 0, SC_FAULT_SILENT_DROP, 1);
}

static void test_silence_by_iptables(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);

	fail_and_return(b, 1, SC_FAULT_SILENT_DROP, 1);
}

static void test_link_down_and_flap(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);

	fail_and_return(b, 0, SC_FAULT_LINK_DOWN, 0);
	fail_and_return(b, 0, SC_FAULT_FLAP, 0);
}

static int inject(struct sc_run *run)
{
	run->opts.outage = dr_sec(8);
	return run->installer->inject(run, SC_FAULT_LINK_DOWN, dr_sec(600));
}

/* Kills what makes the fault there and is to end it, at once: the switch is left. */
static void kill_script(const struct sshbed *b)
{
	assert_int_equal(
		sshbed_do(b, SSHBED_COMPUTE_1,
			  "i=0; while [ ! -e /run/doctor-test/failing ] && [ $i -lt 100 ]; do sleep 0.02; "
			  "i=$((i + 1)); done; kill -9 \"-$(cat /run/doctor-test/failing)\"",
			  NULL),
		0);
}

static void test_deadman(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_FUEL);
	AUTO_BEFORE before;
	AUTO_RUN run;
	pid_t pid;

	look(b, &before);
	pid = start_culprit(b, inject);
	sshbed_wait_outage(b, SSHBED_COMPUTE_1);
	kill_script(b);
	kill_culprit(pid);
	sshbed_wait_answer(b, SSHBED_COMPUTE_1);
	DR_AUTO_FREE char *log = sshbed_read(b, SSHBED_COMPUTE_1, "/run/doctor-test/log");
	assert_says(log, "ended by the dead man's switch");

	init_run(&run, b);
	must(&run, run.installer->cleanup(&run));
	assert_as_before(b, &before);
	assert_host_clean(b, SSHBED_COMPUTE_1, "");
}

/* The same without anybody dying: it is a problem, and said to be one. */
static void test_deadman_is_told_of(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = new_bed(SSHBED_APEX);
	AUTO_RUN run;

	init_run(&run, b);
	must(&run, run.installer->open(&run));
	must(&run, inject(&run));
	sshbed_wait_outage(b, SSHBED_COMPUTE_1);
	kill_script(b);
	assert_int_equal(run.installer->restore(&run), 0);
	assert_int_equal(run.problems.n, 1);
	assert_says(run.problems.texts[0], "ended by the dead man's switch");
	assert_host_clean(b, SSHBED_COMPUTE_1, "");
}

/* No fault without a switch that was seen to run. */
static void test_no_switch_no_fault(void **state)
{
	DR_AUTO(sshbed_freep) struct sshbed *b = new_bed(SSHBED_APEX);
	AUTO_RUN run;

	init_run(&run, b);
	must(&run, run.installer->open(&run));
	assert_int_equal(
		sshbed_do(b, SSHBED_COMPUTE_1, "mount --bind /dev/null $(readlink -f /usr/bin/setsid)", NULL),
		0);
	assert_int_equal(run.installer->inject(&run, SC_FAULT_LINK_DOWN, dr_sec(600)), -EIO);
	assert_says(run.error, "cannot arm a dead man's switch: ");
	assert_says(run.error, sshbed_address(b, SSHBED_COMPUTE_1));
	assert_int_equal(sc_topo_ping(b->topo, SSHBED_COMPUTE_1, dr_sec(5)), 0);
	assert_int_equal(run.installer->restore(&run), 0);
	assert_host_clean(b, SSHBED_COMPUTE_1, "");
}

static int begin(void **state)
{
	/* what a killed process leaves becomes our child, and is found */
	return bed_enter_namespace(state) || prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apex),
		cmocka_unit_test(test_apex_with_containers),
		cmocka_unit_test(test_next_run_after_a_kill),
		cmocka_unit_test(test_changed_host_key),
		cmocka_unit_test(test_lists_that_do_not_fit),
		cmocka_unit_test(test_hanging_command),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_silence_by_nft),
		cmocka_unit_test(test_link_down_and_flap),
		cmocka_unit_test(test_deadman_is_told_of),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_no_sudo),
		cmocka_unit_test(test_no_switch_no_fault),
		cmocka_unit_test(test_fuel),
		cmocka_unit_test(test_nothing_to_change),
		cmocka_unit_test(test_a_policy_that_was_not_there),
		cmocka_unit_test(test_put_back_after_a_failure),
		cmocka_unit_test(test_not_restarted),
		cmocka_unit_test(test_cleanup_after_a_kill),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_not_let_in_directly),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_silence_by_iptables),
		cmocka_unit_test(test_deadman),
	};

	return cmocka_run_group_tests(tests, begin, sshbed_end);
}
