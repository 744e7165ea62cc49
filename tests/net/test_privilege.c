/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of root once the monitor is started, and that it is enough: the kernel half and the sockets
 * as in the monitor, in a child that becomes another user. Each capability has its need here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"
#include "user/bpf.h"
#include "user/privilege.h"

#define OTHER "nobody" /* a user that every system has */
#define IF "dr-priv"
#define BIT(cap) (1ULL << (cap))

/* As docs/operations.md names them; on a kernel before 5.19 also CAP_BPF. */
static uint64_t kept = BIT(CAP_NET_RAW);

/* In a child an assertion of cmocka would run the parent's tests; this ends it. */
#define NEED(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,                  \
				strerror(errno));                                                            \
			_exit(1);                                                                            \
		}                                                                                            \
	} while (0)

static char dir[64], root[96], self[512];

/* ---------------------------------------------------------------- /proc */

static uint64_t field(const char *file, const char *name)
{
	DR_AUTO_FCLOSE FILE *f = fopen(file, "re");
	size_t len = strlen(name);
	char line[256];

	NEED(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, strncmp(name, "Cap", 3) == 0 ? 16 : 10);
	}
	NEED(!"field of /proc");
	return 0;
}

#define STATUS(name) field("/proc/thread-self/status", name)

static void need_sets(uint64_t permitted, uint64_t effective)
{
	NEED(STATUS("CapPrm") == permitted);
	NEED(STATUS("CapEff") == effective);
	NEED(STATUS("CapInh") == 0);
	NEED(STATUS("CapAmb") == 0);
	NEED(STATUS("NoNewPrivs") == 1);
}

/* ---------------------------------------------------------------- the monitor's doings */

struct stage {
	struct mon_bpf *bpf;
	struct mon_privilege_needs needs;
};

static void start(struct stage *s, const char *user)
{
	char *error = NULL;
	uid_t uid;
	gid_t gid;

	s->needs.user = user;
	s->needs.clsact = true;
	kept |= BIT(CAP_NET_ADMIN);
	NEED(mon_privilege_ids(user, &uid, &gid, &error) == 0);
	if (mon_bpf_new(root, "priv", 4, &s->bpf, &error)) {
		fprintf(stderr, "%s\n", error);
		_exit(1);
	}
	NEED(mon_bpf_hand_over(s->bpf, uid, gid) == 0);
}

static void become(struct stage *s)
{
	char *error = NULL;

	if (mon_privilege_become(&s->needs, &error)) {
		fprintf(stderr, "%s\n", error);
		_exit(1);
	}
}

static void need_attaching(struct mon_bpf *b, enum mon_attach_mode mode, enum mon_egress egress)
{
	struct mon_bpf_attached how;
	char *error = NULL;

	if (mon_bpf_attach(b, 0, if_nametoindex(IF), IF, mode, egress, &how, &error)) {
		fprintf(stderr, "%s\n", error);
		_exit(1);
	}
	free(how.tried);
	NEED(mon_bpf_is_attached(b, 0));
	need_sets(kept, 0); /* all is lowered again */
	mon_bpf_detach(b, 0);
	NEED(!mon_bpf_is_attached(b, 0));
}

/* All that a reload, a new target or an interface that came back wants of the kernel half. */
static void need_kernel_half(struct mon_bpf *b)
{
	struct dr_command c = { .op = DR_CMD_IFACE, .iface = 1, .ifindex = 1, .carrier = 1 };
	struct dr_addr a = { .ifindex = 1, .kind = DR_KIND_ARP };
	enum dr_command_result result;
	struct dr_watch watch;
	struct dr_iface iface;
	struct dr_stats stats;

	NEED(mon_bpf_command(b, &c, &result) == 0 && result == DR_CMD_DONE);
	NEED(mon_bpf_read_iface(b, 1, &iface) == 0 && iface.ifindex == 1);
	NEED(mon_bpf_read_watch(b, 0, &watch) == 0);
	NEED(mon_bpf_read_stats(b, &stats) == 0);
	NEED(mon_bpf_set_address(b, &a, 1) == 0 && mon_bpf_remove_address(b, &a) == 0);
	need_attaching(b, MON_ATTACH_NATIVE, MON_EGRESS_AUTO);
	need_attaching(b, MON_ATTACH_GENERIC, MON_EGRESS_AUTO);
	need_attaching(b, MON_ATTACH_TC, MON_EGRESS_AUTO);
	need_attaching(b, MON_ATTACH_TC, MON_EGRESS_CLSACT);
}

static bool can_open(int family, int type, int protocol)
{
	DR_AUTO_CLOSE int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	struct ifreq to = { .ifr_name = IF };

	if (fd < 0 && errno == EPERM)
		return false;
	NEED(fd >= 0);
	NEED(family == AF_PACKET || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, &to, sizeof(to)) == 0);
	return true;
}

static bool can_probe(void)
{
	return can_open(AF_INET, SOCK_RAW, IPPROTO_ICMP) && can_open(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) &&
	       can_open(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
}

static void need_sockets(void)
{
	NEED(!can_probe());
	{
		MON_AUTO_PRIVILEGE(MON_PRIVILEGE_SOCKETS);
		NEED(STATUS("CapEff") == BIT(CAP_NET_RAW));
		NEED(can_probe());
		{
			MON_AUTO_PRIVILEGE(MON_PRIVILEGE_SOCKETS | MON_PRIVILEGE_FILTERS);
			NEED(STATUS("CapEff") == (BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN)));
		}
		NEED(STATUS("CapEff") == BIT(CAP_NET_RAW)); /* the inner one has not taken it away */
	}
	NEED(!can_probe());
}

/* What must be gone for good. */
static void need_poverty(void)
{
	MON_AUTO_PRIVILEGE(~0U);
	struct sched_param param = { .sched_priority = 50 };

	NEED(setuid(0) && errno == EPERM);
	NEED(mount("none", "/", NULL, MS_REMOUNT, NULL) && errno == EPERM);
	NEED(bpf_prog_get_fd_by_id(1) == -EPERM);
	NEED(sched_setscheduler(0, SCHED_FIFO, &param) && errno == EPERM);
	NEED(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 && errno == EACCES); /* root's */
}

/* ---------------------------------------------------------------- running it */

static int run(void (*stage)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		stage();
		_exit(0);
	}
	return sc_wait(pid);
}

static void as_root_that_becomes_a_user(void)
{
	struct stage s = { 0 };
	const struct passwd *pw;
	int with_parent = 0;

	start(&s, OTHER);
	NEED(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
	become(&s);
	NEED(prctl(PR_GET_PDEATHSIG, &with_parent) == 0 && with_parent == SIGTERM);
	need_sets(kept, 0);
	pw = getpwnam(OTHER);
	NEED(pw && STATUS("Uid") == pw->pw_uid && STATUS("Gid") == pw->pw_gid && getuid() == pw->pw_uid);
	NEED(STATUS("CapBnd") == 0);
	NEED((prctl(PR_GET_SECUREBITS) & 0xff) ==
	     (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
	      SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED));
	need_sockets();
	need_kernel_half(s.bpf);
	need_poverty();
	mon_bpf_free(s.bpf);
	need_sets(kept, 0);
}

static void root_becomes_a_user(void **state)
{
	char name[128];
	struct stat st;

	assert_int_equal(run(as_root_that_becomes_a_user), 0);
	snprintf(name, sizeof(name), "%s/priv", root);
	assert_int_equal(stat(name, &st), -1); /* its pins and their directory are gone */
	assert_int_equal(rmdir(root), 0);      /* the pin root stays, for it to come again */
}

/* With links alone: to send probes is all that is left. */
static void with_tcx(void)
{
	struct stage s = { 0 };

	if (mon_bpf_uses_clsact(MON_EGRESS_AUTO))
		_exit(77);
	start(&s, OTHER);
	s.needs.clsact = false;
	kept &= ~BIT(CAP_NET_ADMIN);
	become(&s);
	need_sets(kept, 0);
	need_attaching(s.bpf, MON_ATTACH_AUTO, MON_EGRESS_AUTO);
	need_attaching(s.bpf, MON_ATTACH_TC, MON_EGRESS_AUTO);
	mon_bpf_free(s.bpf);
}

static void links_need_no_capability(void **state)
{
	int status = run(with_tcx);

	if (status == 77) {
		print_message(
			"this kernel has no tcx (Linux 6.6), so it wants CAP_NET_ADMIN for its filters\n");
		skip();
	}
	assert_int_equal(status, 0);
	assert_int_equal(rmdir(root), 0);
}

static void as_root_that_stays(void)
{
	struct stage s = { 0 };

	start(&s, "");
	become(&s);
	NEED(getuid() == 0);
	need_sets(kept, 0);
	NEED(STATUS("CapBnd") == 0);
	need_kernel_half(s.bpf);
	mon_bpf_free(s.bpf);
	NEED(access(root, F_OK) && errno == ENOENT);
	NEED(execlp("grep", "grep", "-q", "^CapEff:.0*$", "/proc/self/status",
		    NULL)); /* exec gives nothing back */
}

static void root_stays_root(void **state)
{
	assert_int_equal(run(as_root_that_stays), 0);
}

/* Started by systemd with User= and AmbientCapabilities=, say. */
static int as_user_with_ambient_capabilities(void)
{
	struct stage s = { 0 };

	snprintf(dir, sizeof(dir), "%s", getenv("PIN_DIR"));
	snprintf(root, sizeof(root), "%s/doctor", dir);
	NEED(geteuid() != 0 && STATUS("CapAmb") & BIT(CAP_BPF));
	start(&s, "");
	become(&s);
	need_sets(kept, 0);
	need_sockets();
	need_kernel_half(s.bpf);
	need_poverty();
	mon_bpf_free(s.bpf);
	need_sets(kept, 0);
	return 0;
}

static void a_user_with_ambient_capabilities(void **state)
{
	const struct passwd *pw = getpwnam(OTHER);
	const char *const argv[] = {
		"setpriv",
		"--reuid=" OTHER,
		"--clear-groups",
		"--inh-caps=-all,+bpf,+perfmon,+net_admin,+net_raw,+sys_nice,+ipc_lock",
		"--ambient-caps=-all,+bpf,+perfmon,+net_admin,+net_raw,+sys_nice,+ipc_lock",
		"--bounding-set=-all,+bpf,+perfmon,+net_admin,+net_raw,+sys_nice,+ipc_lock",
		self,
		"as-user",
		NULL
	};
	DR_AUTO_BUF struct dr_buf out = { 0 };

	/* as the unit prepares it: a pin root of the user's, on a file system that lets it pass */
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(chown(root, pw->pw_uid, pw->pw_gid), 0);
	assert_int_equal(chmod(dir, 0711), 0);
	setenv("PIN_DIR", dir, 1);
	int status = sc_run(argv, NULL, &out);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(rmdir(root), 0);
	if (status)
		fail_msg("%s", dr_buf_str(&out));
}

/* ---------------------------------------------------------------- memory and threads */

static void with_locked_memory(void)
{
	struct stage s = { .needs = { .user = OTHER, .locked = true } };
	struct rlimit limit;
	size_t size = 64 << 20;

	NEED(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0);
	become(&s);
	NEED(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	uint64_t lock = limit.rlim_cur == RLIM_INFINITY ? 0 : BIT(CAP_IPC_LOCK);
	need_sets(kept | lock, lock);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(p != MAP_FAILED); /* EAGAIN beyond the limit */
	p[size - 1] = 1;
	NEED(field("/proc/self/status", "VmLck") * 1024 >= size);
}

static void locked_memory_grows_on(void **state)
{
	assert_int_equal(run(with_locked_memory), 0);
}

static pthread_barrier_t barrier;

/* One of before: what is left of it lets it follow. */
static void *early_sender(void *unused)
{
	const uint64_t follow = BIT(CAP_SETUID) | BIT(CAP_SETGID);

	NEED(mon_privilege_none_for_this_thread() == 0);
	NEED(STATUS("CapPrm") == follow && STATUS("CapEff") == follow);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* the main thread has become a user */
	NEED(STATUS("CapPrm") == 0);
	NEED(STATUS("Uid") == getpwnam(OTHER)->pw_uid);
	NEED(mon_privilege_none_for_this_thread() == 0); /* again is fine */
	return NULL;
}

/* One that keeps what it has: to become a user takes it away. */
static void *idler(void *unused)
{
	NEED(STATUS("CapEff") & BIT(CAP_NET_RAW));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	NEED(STATUS("CapPrm") == 0 && STATUS("CapEff") == 0);
	NEED(STATUS("Uid") == getpwnam(OTHER)->pw_uid);
	return NULL;
}

/* One of afterwards: real-time without CAP_SYS_NICE, as its maker is. */
static void *late_sender(void *unused)
{
	struct sched_param param;

	NEED(sched_getscheduler(0) == SCHED_FIFO && sched_getparam(0, &param) == 0);
	NEED(param.sched_priority == 2);
	need_sets(kept, 0);
	NEED(mon_privilege_none_for_this_thread() == 0);
	need_sets(0, 0);
	MON_AUTO_PRIVILEGE(~0U);
	need_sets(0, 0);
	return NULL;
}

static void make_late_sender(pthread_t *thread)
{
	struct sched_param two = { .sched_priority = 2 }, one = { .sched_priority = 1 };
	pthread_attr_t attr;

	NEED(pthread_attr_init(&attr) == 0);
	NEED(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
	NEED(pthread_attr_setschedpolicy(&attr, SCHED_FIFO) == 0);
	NEED(pthread_attr_setschedparam(&attr, &two) == 0);
	NEED(pthread_create(thread, &attr, late_sender, NULL) == 0);
	NEED(sched_setscheduler(0, SCHED_FIFO, &one) == 0);
	NEED(sched_setscheduler(0, SCHED_FIFO, &two) && errno == EPERM);
}

/* Where the user stays root, nobody takes away what the sender kept to follow: it does. */
static void *early_sender_of_root(void *unused)
{
	NEED(mon_privilege_none_for_this_thread() == 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	NEED(mon_privilege_none_for_this_thread() == 0);
	NEED(STATUS("CapPrm") == 0 && STATUS("CapEff") == 0);
	return NULL;
}

static void with_a_thread_of_root(void)
{
	struct stage s = { .needs = { .user = "" } };
	pthread_t thread;

	NEED(pthread_barrier_init(&barrier, NULL, 2) == 0);
	NEED(pthread_create(&thread, NULL, early_sender_of_root, NULL) == 0);
	pthread_barrier_wait(&barrier);
	become(&s);
	pthread_barrier_wait(&barrier);
	NEED(pthread_join(thread, NULL) == 0);
	need_sets(kept, 0);
}

static void with_threads(void)
{
	struct stage s = { .needs = { .user = OTHER } };
	struct sched_param two = { .sched_priority = 2 };
	pthread_t threads[3];

	NEED(pthread_barrier_init(&barrier, NULL, 3) == 0);
	NEED(pthread_create(&threads[0], NULL, early_sender, NULL) == 0);
	NEED(pthread_create(&threads[1], NULL, idler, NULL) == 0);
	pthread_barrier_wait(&barrier);
	NEED(STATUS("CapEff") & BIT(CAP_NET_RAW)); /* of the sender alone they are gone */
	NEED(sched_setscheduler(0, SCHED_FIFO, &two) == 0);
	become(&s);
	pthread_barrier_wait(&barrier);
	make_late_sender(&threads[2]);
	for (size_t i = 0; i < DR_ARRAY_SIZE(threads); i++)
		NEED(pthread_join(threads[i], NULL) == 0);
	need_sets(kept, 0);
}

static void threads_have_their_own(void **state)
{
	assert_int_equal(run(with_threads), 0);
	assert_int_equal(run(with_a_thread_of_root), 0);
}

static void a_dispatcher_keeps_what_libxdp_takes_stage(void)
{
	struct stage s = { .needs = { .user = OTHER, .dispatcher = true } };

	become(&s);
	need_sets(BIT(CAP_NET_RAW) | BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) |
			  BIT(CAP_PERFMON) | BIT(CAP_DAC_OVERRIDE),
		  0);
	NEED(bpf_prog_get_fd_by_id(1) == -EPERM);
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	int fd = bpf_prog_get_fd_by_id(1);
	NEED(fd >= 0 || fd == -ENOENT);
}

static void a_dispatcher_keeps_what_libxdp_takes(void **state)
{
	assert_int_equal(run(a_dispatcher_keeps_what_libxdp_takes_stage), 0);
}

static void users_that_cannot_be_become(void)
{
	struct mon_privilege_needs n = { .user = "no-such-user" };
	DR_AUTO_FREE char *unknown = NULL, *refused = NULL;

	NEED(mon_privilege_become(&n, &unknown) == -ENOENT);
	NEED(strstr(unknown, "\"no-such-user\": there is no such user"));
	NEED(setuid(12345) == 0);
	n.user = OTHER;
	NEED(mon_privilege_become(&n, &refused) == -EPERM);
	NEED(strstr(refused, "becoming user \"" OTHER "\": Operation not permitted"));
}

static void a_user_that_cannot_be_become_is_said(void **state)
{
	assert_int_equal(run(users_that_cannot_be_become), 0);
}

/* ---------------------------------------------------------------- all of them */

static int prepare(void **state)
{
	const char *const add[] = {
		"ip", "link", "add", IF, "type", "veth", "peer", "name", IF "peer", NULL
	};

	if (bed_enter_namespace(state) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || sc_run(add, NULL, NULL))
		return -1;
	/* a bpffs as systemd mounts it: closed to all but root */
	strcpy(dir, "/tmp/doctor-priv-XXXXXX");
	if (!mkdtemp(dir) || mount("bpf", dir, "bpf", 0, "mode=0700"))
		return -1;
	snprintf(root, sizeof(root), "%s/doctor", dir);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	return n > 0 ? 0 : -1;
}

static int clean_up(void **state)
{
	return umount(dir) || rmdir(dir) ? -1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_a_user),
		cmocka_unit_test(links_need_no_capability),
		cmocka_unit_test(root_stays_root),
		cmocka_unit_test(a_user_with_ambient_capabilities),
		cmocka_unit_test(locked_memory_grows_on),
		cmocka_unit_test(threads_have_their_own),
		cmocka_unit_test(a_dispatcher_keeps_what_libxdp_takes),
		cmocka_unit_test(a_user_that_cannot_be_become_is_said),
	};

	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 && major * 1000 + minor < 5019)
		kept |= BIT(CAP_BPF);
	if (argc > 1 && strcmp(argv[1], "as-user") == 0)
		return as_user_with_ambient_capabilities();
	return cmocka_run_group_tests_name("net: privilege", tests, prepare, clean_up);
}
