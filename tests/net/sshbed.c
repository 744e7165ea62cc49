/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/net/sshbed.h"
#include "tools/scenario/run.h"

#define PING dr_msec(200)
#define SOON dr_sec(60)

static const char *const names[SSHBED_NODES] = { "installer", "controller", "compute-1", "compute-2" };

/* Runs a script of bash(1) here; $1... are its arguments. */
static void must_run(const char *script, const char *const args[])
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *argv[16] = { "bash", "-c", script, "bash" };
	int r;

	for (size_t i = 0; args[i]; i++)
		argv[i + 4] = args[i];
	r = sc_run(argv, NULL, &out);
	if (r != 0)
		fail_msg("status %d: %s\n%s", r, script, dr_buf_str(&out));
}

const char *sshbed_address(const struct sshbed *b, enum sshbed_node node)
{
	return sc_topo_address(b->topo, (int)node);
}

char *sshbed_path(const struct sshbed *b, enum sshbed_node node, const char *path)
{
	char *whole = dr_asprintf("%s/%s%s", b->dir, names[node], path);

	assert_non_null(whole);
	return whole;
}

char *sshbed_read(const struct sshbed *b, enum sshbed_node node, const char *path)
{
	DR_AUTO_FREE char *whole = sshbed_path(b, node, path);
	DR_AUTO_CLOSE int fd = open(whole, O_RDONLY | O_CLOEXEC);
	struct dr_buf text = { 0 };

	if (fd >= 0)
		sc_append_file(&text, fd);
	return text.data ? text.data : strdup("");
}

void sshbed_write(const struct sshbed *b, enum sshbed_node node, const char *path, const char *text)
{
	DR_AUTO_FREE char *whole = sshbed_path(b, node, path);
	DR_AUTO_FCLOSE FILE *f = fopen(whole, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

char *sshbed_state(const struct sshbed *b, enum sshbed_node node, const char *path)
{
	DR_AUTO_FREE char *whole = sshbed_path(b, node, path);
	struct dr_buf out = { 0 };

	assert_int_equal(
		sc_run((const char *const[]){ "bash", "-c",
					      "cd \"$1\" && find . -type f -printf '%p %U %G %m %T@ ' "
					      "-exec md5sum {} \\; | sort",
					      "bash", whole, NULL },
		       NULL, &out),
		0);
	return out.data ? out.data : strdup("");
}

/* ---------------------------------------------------------------- what a node has */

/* DIR NODE */
static const char make_node[] =
	"set -e; cd \"$1\"; mkdir \"$2\"; cd \"$2\"\n"
	"mkdir -m 755 home bin run lib; mkdir -m 700 root root/.ssh\n"
	"mkdir -p -m 700 home/stack/.ssh home/heat-admin/.ssh\n"
	"cp -a /etc etc; rm -rf etc/ssh; mkdir etc/ssh; : >etc/resolv.conf\n"
	"echo 'stack:x:7001:7001::/home/stack:/bin/sh' >>etc/passwd\n"
	"echo 'heat-admin:x:7002:7002::/home/heat-admin:/bin/sh' >>etc/passwd\n"
	"printf 'stack:x:7001:\\nheat-admin:x:7002:\\n' >>etc/group\n"
	"printf 'stack:*:19000:0:99999:7:::\\nheat-admin:*:19000:0:99999:7:::\\n' >>etc/shadow\n"
	"printf 'root ALL=(ALL:ALL) ALL\\nheat-admin ALL=(ALL) NOPASSWD: ALL\\n' >etc/sudoers\n"
	"chmod 440 etc/sudoers; rm -rf etc/sudoers.d\n"
	"ssh-keygen -q -t ed25519 -N '' -f etc/ssh/host_key\n"
	"cat >etc/ssh/sshd_config <<-END\n"
	"	HostKey /etc/ssh/host_key\n"
	"	UsePAM no\n"
	"	PasswordAuthentication no\n"
	"	PermitRootLogin prohibit-password\n"
	"	PidFile none\n"
	"	UseDNS no\n"
	"END\n"
	"cat >start <<-END\n"
	"	set -e\n"
	"	for d in etc home root run; do mount --bind \"$PWD/\\$d\" \"/\\$d\"; done\n"
	"	mount --bind \"$PWD/lib\" /var/lib\n"
	"	mount --bind \"$PWD/bin\" /usr/local/bin\n"
	"	[ ! -e \"$PWD/no-nft\" ] || mount --bind /dev/null \"\\$(readlink -f /usr/sbin/nft)\"\n"
	"	mkdir -p /run/sshd\n"
	"	exec /usr/sbin/sshd -D -e\n"
	"END\n";

/* DIR LAYOUT MASTER: who is let in where, by which key. */
static const char make_keys[] =
	"set -e; cd \"$1\"\n"
	"for k in key wrong_key node_key; do ssh-keygen -q -t ed25519 -N '' -C '' -f $k; done\n"
	"if [ \"$2\" = apex ]; then home=home/stack other=home/heat-admin; else home=root other=root; fi\n"
	"cp key.pub installer/$home/.ssh/authorized_keys\n"
	"mv node_key installer/$home/.ssh/id_rsa\n"
	"for n in controller compute-1 compute-2; do\n"
	"	cp node_key.pub $n/$other/.ssh/authorized_keys\n"
	"	[ \"$2\" = apex ] || echo \"AllowUsers root@$3\" >>$n/etc/ssh/sshd_config\n"
	"done\n"
	"chmod 600 */root/.ssh/* */home/*/.ssh/* 2>/dev/null || :\n"
	"chown -R 7001:7001 */home/stack; chown -R 7002:7002 */home/heat-admin\n"
	"touch compute-2/no-nft\n";

/* DIR: of the sandbox, without what the test case needs; nova.conf has an owner and a mode of its own */
static const char make_configuration[] =
	"here=$PWD; cd \"$1\" && mkdir -p fresh/nova fresh/ceilometer pkg/usr/share/nova-common || exit\n"
	": >pkg/usr/share/nova-common/api-paste.ini\n"
	"export DOCTOR_SANDBOX_DIR=$PWD\n"
	". \"$here/tools/sandbox/lib/common.sh\" && . \"$here/tools/sandbox/lib/config.sh\" || exit\n"
	"ETC=/etc PKG=$PWD/pkg\n"
	"configure_nova fresh && configure_ceilometer fresh || exit\n"
	"(cd controller && rm -rf etc/nova etc/ceilometer etc/restarts etc/broken lib/config-data)\n"
	"mkdir controller/etc/nova controller/etc/ceilometer || exit\n"
	"set -e\n"
	"cp -r fresh/nova/. controller/etc/nova/; cp -r fresh/ceilometer/. controller/etc/ceilometer/\n"
	"cd controller/etc\n"
	"grep -q '^notify_on_state_change = vm_state' nova/nova.conf\n"
	"sed -i -e '/^notify_on_state_change/d' -e 's/^driver = messagingv2/driver = noop/' nova/nova.conf\n"
	"sed -i '/host_status/d' nova/policy.yaml\n"
	"sed -i 's,notifier://.*,gnocchi://,' ceilometer/event_pipeline.yaml\n"
	"grep -q gnocchi ceilometer/event_pipeline.yaml\n"
	"chown 7003:7004 nova/*; chmod 640 nova/nova.conf; touch -d '2017-03-09 12:34:56.789' nova/* "
	"ceilometer/*\n";

static void make_stand_in(const struct sshbed *b, enum sshbed_node node, const char *name, const char *script)
{
	DR_AUTO_FREE char *path = dr_asprintf("/bin/%s", name), *whole = NULL;

	assert_non_null(path);
	sshbed_write(b, node, path, script);
	whole = sshbed_path(b, node, path);
	assert_int_equal(chmod(whole, 0755), 0);
}

#define NOTE                                                                                                 \
	"[ ! -e /etc/broken ] || { echo \"Job for $1 failed\" >&2; exit 1; }\n"                              \
	"echo \"$* $(cat /etc/nova/nova.conf /etc/ceilometer/event_pipeline.yaml | md5sum)\" "               \
	">>/etc/restarts\n"

static void make_stand_ins(const struct sshbed *b)
{
	make_stand_in(b, SSHBED_INSTALLER, "openstack",
		      "#!/bin/sh\n"
		      "[ \"$OS_CLOUDNAME\" = undercloud ] ||\n"
		      "	{ echo 'Missing value auth-url required for auth plugin password' >&2; exit 1; }\n"
		      "[ \"$*\" = 'server list -f json' ] && exec cat /etc/nodes\n"
		      "exit 2\n");
	make_stand_in(b, SSHBED_INSTALLER, "fuel",
		      "#!/bin/sh\n[ \"$*\" = node ] && exec cat /etc/nodes\nexit 2\n");
	make_stand_in(b, SSHBED_CONTROLLER, "service", "#!/bin/sh\n" NOTE);
	make_stand_in(b, SSHBED_CONTROLLER, "systemctl",
		      "#!/bin/sh\n[ \"$1\" != cat ] || exec test -d /var/lib/config-data\n" NOTE);
}

static void list_nodes(const struct sshbed *b, const char *const computes[2])
{
	const char *controller = sshbed_address(b, SSHBED_CONTROLLER),
		   *one = sshbed_address(b, SSHBED_COMPUTE_1), *two = sshbed_address(b, SSHBED_COMPUTE_2);
	DR_AUTO_FREE char *text = NULL;

	if (b->layout == SSHBED_APEX) {
		text = dr_asprintf(
			"[{\"ID\": \"1\", \"Name\": \"overcloud-controller-0\", \"Status\": \"ACTIVE\", "
			"\"Networks\": \"ctlplane=%s\", \"Image\": \"overcloud-full\"},\n"
			" {\"ID\": \"2\", \"Name\": \"%s\", \"Networks\": {\"ctlplane\": [\"%s\"]}},\n"
			" {\"ID\": \"3\", \"Name\": \"%s\", \"Networks\": \"ctlplane=%s\"}]\n",
			controller, computes[0], one, computes[1], two);
		sshbed_write(b, SSHBED_INSTALLER, "/home/stack/stackrc", "export OS_CLOUDNAME=undercloud\n");
	} else {
		text = dr_asprintf(
			"id | status | name  | cluster | ip | mac | roles | pending_roles | online\n"
			"---|--------|-------|---------|----|-----|-------|---------------|-------\n"
			"1 | ready | Untitled (a) | 1 | %s | 02:00 | controller |  | True\n"
			"%s | ready | Untitled (b) | 1 | %s | 02:01 | compute |  | True\n"
			"%s | ready | Untitled (c) | 1 | %s | 02:02 | compute |  | True\n",
			controller, computes[0] + strlen("node-"), one, computes[1] + strlen("node-"), two);
	}
	assert_non_null(text);
	sshbed_write(b, SSHBED_INSTALLER, "/etc/nodes", text);
}

/* ---------------------------------------------------------------- a node */

static void start_node(struct sshbed *b, enum sshbed_node node)
{
	DR_AUTO_FREE char *start = sshbed_path(b, node, "/start"), *log = sshbed_path(b, node, "/log");
	DR_AUTO_CLOSE int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	DR_AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(out >= 0 && in >= 0);
	assert_int_equal(
		sc_topo_spawn(b->topo, (int)node,
			      (const char *const[]){ "unshare", "--mount", "--pid", "--fork", "--kill-child",
						     "--mount-proc", "sh", start, NULL },
			      (const int[]){ in, out, out }, &b->nodes[node]),
		0);
}

static void wait_listening(struct sshbed *b, enum sshbed_node node)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(30));
	DR_AUTO_FREE char *log = NULL;

	do {
		free(log);
		log = sshbed_read(b, node, "/log");
		if (strstr(log, "Server listening on 0.0.0.0"))
			return;
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	} while (dr_mono_before(dr_mono_now(), end));
	fail_msg("no sshd on %s: %s", names[node], log);
}

/* The first process in its namespaces. */
static pid_t init_of(const struct sshbed *b, enum sshbed_node node)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/task/%d/children", b->nodes[node], b->nodes[node]);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	return pid;
}

int sshbed_do(const struct sshbed *b, enum sshbed_node node, const char *command, struct dr_buf *ret_output)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", init_of(b, node));
	return sc_run(
		(const char *const[]){ "nsenter", "-t", pid, "-m", "-p", "-n", "sh", "-c", command, NULL },
		NULL, ret_output);
}

/* ---------------------------------------------------------------- outages */

static void wait_until(const struct sshbed *b, enum sshbed_node node,
		       bool (*is)(const struct sshbed *b, enum sshbed_node node), const char *what)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);

	while (!is(b, node)) {
		if (!dr_mono_before(dr_mono_now(), end))
			fail_msg("%s %s within a minute", names[node], what);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
}

/* By what its script has said: a ping that is not answered in time may be of a slow machine. */
static bool has_begun(const struct sshbed *b, enum sshbed_node node)
{
	DR_AUTO_FREE char *log = sshbed_read(b, node, "/run/doctor-test/log");

	return strstr(log, "begun\n");
}

void sshbed_wait_outage(const struct sshbed *b, enum sshbed_node node)
{
	wait_until(b, node, has_begun, "has not begun to fail");
	assert_int_equal(sc_topo_ping(b->topo, (int)node, PING), 1);
}

static bool answers(const struct sshbed *b, enum sshbed_node node)
{
	return sc_topo_ping(b->topo, (int)node, PING) == 0;
}

void sshbed_wait_answer(const struct sshbed *b, enum sshbed_node node)
{
	wait_until(b, node, answers, "does not come back");
}

/* ---------------------------------------------------------------- the bed */

static struct sshbed *made; /* kept, or of a test that has failed */

void sshbed_free(struct sshbed *b)
{
	if (!b)
		return;
	made = NULL;
	for (size_t i = 0; i < SSHBED_NODES; i++) {
		if (b->nodes[i] <= 0)
			continue;
		kill(b->nodes[i], SIGKILL);
		(void)!sc_wait(b->nodes[i]);
	}
	sc_topo_free(b->topo);
	(void)!sc_run((const char *const[]){ "rm", "-rf", b->dir, NULL }, NULL, NULL);
	free(b);
}

void sshbed_keep(struct sshbed *b)
{
	b->kept = true;
}

int sshbed_end(void **state)
{
	sshbed_free(made);
	return 0;
}

static void make_nodes(struct sshbed *b)
{
	const char *name = b->layout == SSHBED_APEX ? "apex" : "fuel";

	for (size_t i = 0; i < SSHBED_NODES; i++)
		must_run(make_node, (const char *const[]){ b->dir, names[i], NULL });
	must_run(make_keys, (const char *const[]){ b->dir, name, sshbed_address(b, SSHBED_INSTALLER), NULL });
	make_stand_ins(b);
	for (enum sshbed_node i = 0; i < SSHBED_NODES; i++)
		start_node(b, i);
	for (enum sshbed_node i = 0; i < SSHBED_NODES; i++)
		wait_listening(b, i);
}

static struct sshbed *make(enum sshbed_layout layout)
{
	struct sc_topo_opts opts = { .hosts = names, .nhosts = SSHBED_NODES };
	struct sshbed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	made = b;
	b->layout = layout;
	strcpy(b->dir, "/tmp/test_ssh.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0755), 0); /* users look for their homes in it */
	snprintf(b->key, sizeof(b->key), "%s/key", b->dir);
	snprintf(b->wrong_key, sizeof(b->wrong_key), "%s/wrong_key", b->dir);
	snprintf(b->known_hosts, sizeof(b->known_hosts), "%s/known_hosts", b->dir);
	BED_MUST(sc_topo_new(&opts, &b->topo, &error));
	make_nodes(b);
	return b;
}

struct sshbed *sshbed_new(enum sshbed_layout layout, const char *const computes[2])
{
	struct sshbed *b = made;

	if (b && (!b->kept || b->layout != layout)) {
		sshbed_free(b);
		b = NULL;
	}
	if (!b)
		b = make(layout);
	b->kept = false;
	(void)!unlink(b->known_hosts);
	must_run(make_configuration, (const char *const[]){ b->dir, NULL });
	list_nodes(b, computes);
	return b;
}

void sshbed_ssh(const struct sshbed *b, struct sc_ssh *ret)
{
	assert_int_equal(
		sc_ssh_init(ret, &(struct sc_ssh_opts){ .host = sshbed_address(b, SSHBED_INSTALLER),
							.user = b->layout == SSHBED_APEX ? "stack" : "root",
							.key = b->key,
							.known_hosts = b->known_hosts }),
		0);
}
