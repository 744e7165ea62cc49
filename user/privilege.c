/* SPDX-License-Identifier: Apache-2.0 */
#include <cap-ng.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "doctor/buf.h"
#include "user/privilege.h"

#define BIT(cap) (1ULL << (cap))

static atomic_bool settled; /* mon_privilege_become() has been */

/* Does the kernel want CAP_BPF for any bpf(2)? Not known, and no matter, while all is effective. */
static bool bpf_wants_it;

static uint64_t capabilities_of(unsigned set)
{
	uint64_t caps = 0;

	if (set & MON_PRIVILEGE_BPF)
		caps |= bpf_wants_it ? BIT(CAP_BPF) : 0;
	if (set & MON_PRIVILEGE_FILTERS)
		caps |= BIT(CAP_NET_ADMIN);
	if (set & MON_PRIVILEGE_SOCKETS)
		caps |= BIT(CAP_NET_RAW);
	if (set & MON_PRIVILEGE_DISPATCHER)
		caps |= BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) | BIT(CAP_PERFMON) |
			BIT(CAP_DAC_OVERRIDE);
	return caps;
}

/* What this thread holds: libcap-ng keeps it for each thread, and would look at each capability. */
static __thread struct {
	bool known;
	uint64_t permitted, effective;
} thread;

static uint64_t held(capng_type_t type)
{
	uint64_t caps = 0;

	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		caps |= capng_have_capability(type, cap) ? BIT(cap) : 0;
	return caps;
}

static int look_at_thread(void)
{
	if (capng_get_caps_process())
		return -EIO;
	thread.permitted = held(CAPNG_PERMITTED);
	thread.effective = held(CAPNG_EFFECTIVE);
	thread.known = true;
	return 0;
}

static bool know_thread(void)
{
	return thread.known || look_at_thread() == 0;
}

static void update(capng_act_t act, capng_type_t type, uint64_t caps)
{
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (caps & BIT(cap))
			(void)!capng_update(act, type, cap);
	}
}

/* ---------------------------------------------------------------- for a moment */

static uint64_t raise_capabilities(uint64_t wanted)
{
	if (!wanted || !know_thread())
		return 0;
	uint64_t caps = wanted & thread.permitted & ~thread.effective;
	if (!caps)
		return 0;
	update(CAPNG_ADD, CAPNG_EFFECTIVE, caps);
	if (capng_apply(CAPNG_SELECT_CAPS) == 0) {
		thread.effective |= caps;
		return caps;
	}
	update(CAPNG_DROP, CAPNG_EFFECTIVE, caps);
	return 0;
}

static void lower_capabilities(uint64_t caps)
{
	update(CAPNG_DROP, CAPNG_EFFECTIVE, caps);
	(void)!capng_apply(CAPNG_SELECT_CAPS); /* to have less is never refused */
	thread.effective &= ~caps;
}

uint64_t mon_privilege_raise(unsigned set)
{
	return raise_capabilities(capabilities_of(set));
}

void mon_privilege_lower(const uint64_t *raised)
{
	if (*raised)
		lower_capabilities(*raised);
}

/* ---------------------------------------------------------------- for good */

int mon_privilege_ids(const char *user, uid_t *ret_uid, gid_t *ret_gid, char **ret_error)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (!user[0]) {
		*ret_uid = geteuid();
		*ret_gid = getegid();
		return 0;
	}
	int r = getpwnam_r(user, &pw, buf, sizeof(buf), &found);
	if (!found) {
		*ret_error = dr_asprintf("user \"%s\": %s", user, r ? strerror(r) : "there is no such user");
		return r ? -r : -ENOENT;
	}
	*ret_uid = pw.pw_uid;
	*ret_gid = pw.pw_gid;
	return 0;
}

/* kernel/bpf/syscall.c, __sys_bpf(): EPERM comes first, to who has neither of these. */
static bool ask_bpf_wants_it(void)
{
	union bpf_attr attr = { .info = { .bpf_fd = (__u32)-1 } };

	lower_capabilities(BIT(CAP_BPF) | BIT(CAP_SYS_ADMIN));
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 && errno == EPERM;
}

/* Memory that is locked when it comes counts against this limit, once CAP_IPC_LOCK is gone. */
static bool lift_memory_limit(void)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &l) == 0)
		return true;
	if (getrlimit(RLIMIT_MEMLOCK, &l) || l.rlim_max != RLIM_INFINITY)
		return false;
	l.rlim_cur = l.rlim_max;
	return setrlimit(RLIMIT_MEMLOCK, &l) == 0;
}

static int change_user(const char *user, uid_t uid, gid_t gid, char **ret_error)
{
	int with_parent = 0;

	if (uid == geteuid())
		return 0;
	/* the kernel forgets with the user whether we are to end with our parent, commit_creds() */
	(void)!prctl(PR_GET_PDEATHSIG, &with_parent);
	pid_t parent = getppid();
	/* capabilities stay permitted for now, as the bounding set cannot be cleared without */
	if (prctl(PR_SET_KEEPCAPS, 1) || initgroups(user, gid) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid)) {
		int r = dr_errno();
		*ret_error = dr_asprintf("becoming user \"%s\": %s", user, strerror(-r));
		return r;
	}
	if (with_parent && prctl(PR_SET_PDEATHSIG, with_parent) == 0 && getppid() != parent)
		(void)!raise(with_parent);
	return 0;
}

/*
 * Neither exec, nor user id 0, nor ambient capabilities give anything back. Where CAP_SETPCAP is not
 * there (started as a user with ambient capabilities) no_new_privs and that user see to it alone.
 */
static int lock_up(void)
{
	static const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
					  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
					  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (thread.permitted & BIT(CAP_SETPCAP)) {
		(void)!raise_capabilities(BIT(CAP_SETPCAP));
		capng_clear(CAPNG_SELECT_BOUNDS);
		if (capng_apply(CAPNG_SELECT_BOUNDS) || prctl(PR_SET_SECUREBITS, bits))
			return dr_errno();
	} else if (prctl(PR_SET_KEEPCAPS, 0)) {
		return dr_errno();
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? dr_errno() : 0;
}

/* These stay permitted, of what is permitted now; those of effective stay so; the rest goes. */
static int keep_capabilities(uint64_t permitted, uint64_t effective)
{
	thread.permitted &= permitted;
	thread.effective = thread.permitted & effective;
	capng_clear(CAPNG_SELECT_CAPS);
	update(CAPNG_ADD, CAPNG_PERMITTED, thread.permitted);
	update(CAPNG_ADD, CAPNG_EFFECTIVE, thread.effective);
	return capng_apply(CAPNG_SELECT_CAPS) ? dr_errno() : 0; /* ambient ones go with the inheritable */
}

int mon_privilege_become(const struct mon_privilege_needs *n, char **ret_error)
{
	unsigned sets = MON_PRIVILEGE_BPF | MON_PRIVILEGE_SOCKETS | (n->clsact ? MON_PRIVILEGE_FILTERS : 0) |
			(n->dispatcher ? MON_PRIVILEGE_DISPATCHER : 0);
	uint64_t lock = n->locked && !lift_memory_limit() ? BIT(CAP_IPC_LOCK) : 0;
	uid_t uid;
	gid_t gid;
	int r = mon_privilege_ids(n->user, &uid, &gid, ret_error);

	if (r || (r = change_user(n->user, uid, gid, ret_error)))
		return r;
	r = look_at_thread(); /* what is held has changed with the user */
	if (r == 0 && (r = lock_up()) == 0) {
		bpf_wants_it = ask_bpf_wants_it();
		r = keep_capabilities(capabilities_of(sets) | lock, lock);
	}
	if (r)
		*ret_error = dr_asprintf("giving away privileges: %s", strerror(-r));
	atomic_store(&settled, true);
	return r;
}

int mon_privilege_none_for_this_thread(void)
{
	/* glibc makes each thread change user and aborts if one may not, setxid(3) of nptl */
	uint64_t follow = atomic_load(&settled) ? 0 : BIT(CAP_SETUID) | BIT(CAP_SETGID);

	if (thread.known && !(thread.permitted & ~follow))
		return 0;
	int r = look_at_thread();
	return r ? r : keep_capabilities(follow, follow);
}
