/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PRIVILEGE_H
#define DOCTOR_USER_PRIVILEGE_H

/*
 * What the monitor may do (libcap-ng). Once it is started it runs as a user of its own, with the few
 * capabilities permitted that it will need again and none effective: they are raised for the moment
 * that needs them. Capabilities belong to threads, and so does everything here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "doctor/mem.h"

/*
 * What is raised for what, and permitted only where it is needed. Links on interfaces (XDP, tcx), maps and
 * BPF_PROG_TEST_RUN of what is loaded need no capability from Linux 5.19 on.
 */
#define MON_PRIVILEGE_BPF 1U	 /* CAP_BPF where the kernel wants it for any bpf(2): before 5.19 */
#define MON_PRIVILEGE_FILTERS 2U /* CAP_NET_ADMIN: clsact filters and their qdisc */
#define MON_PRIVILEGE_SOCKETS 4U /* CAP_NET_RAW: raw and packet sockets, for an interface that is new */
/* CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_DAC_OVERRIDE: libxdp's dispatcher, to join and
 * leave */
#define MON_PRIVILEGE_DISPATCHER 8U

struct mon_privilege_needs {
	const char *user; /* run as; "": stay who we are */
	bool clsact;	 /* filters are used, or would be on an interface that comes: mon_bpf_uses_clsact() */
	bool dispatcher; /* one of libxdp is in use */
	bool locked;	 /* memory is locked, also what will be allocated: mlockall(MCL_FUTURE) */
};

/*
 * Gives away all that is not needed any more, for good: user, groups, all capabilities but those above, the
 * bounding set, what exec or a user id of 0 could bring back. For the main thread, once all is loaded
 * and memory is locked. *ret_error says what for people; then only exit is left.
 *
 * Threads that are there already change user too, and lose all capabilities with it if that was root;
 * threads made later have what the main thread has. So a real-time thread is best made later: it needs no
 * CAP_SYS_NICE if the thread that makes it has the priority already; that one can then lower its own.
 */
int mon_privilege_become(const struct mon_privilege_needs *n, char **ret_error) DR_MUST_USE;

/*
 * Gives away every capability of this thread, the sender's. Before mon_privilege_become() it keeps CAP_SETUID
 * and CAP_SETGID, so that the thread can follow when the user changes; so it is to be called again now and
 * then, which costs nothing when all is gone.
 */
int mon_privilege_none_for_this_thread(void) DR_MUST_USE;

/*
 * The user and group that mon_privilege_become() would make us, for what must be handed over to it
 * before (a pin directory, say); our own for "". -ENOENT: no such user.
 */
int mon_privilege_ids(const char *user, uid_t *ret_uid, gid_t *ret_gid, char **ret_error) DR_MUST_USE;

/*
 * Makes a set effective until the scope ends. What is not permitted stays so, and what it is raised for says
 * EPERM. Nested and repeated use is fine, and costs next to nothing where the set is effective already.
 *
 *	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF | MON_PRIVILEGE_FILTERS);
 */
uint64_t mon_privilege_raise(unsigned set); /* the capabilities that it made effective */
void mon_privilege_lower(const uint64_t *raised);
#define MON_AUTO_PRIVILEGE(set) MON_AUTO_PRIVILEGE_AS(set, __LINE__)
#define MON_AUTO_PRIVILEGE_AS(set, line) MON_AUTO_PRIVILEGE_NAMED(set, line)
#define MON_AUTO_PRIVILEGE_NAMED(set, line)                                                                  \
	DR_AUTO(mon_privilege_lower)                                                                         \
	DR_UNUSED const uint64_t mon_privilege_raised_##line = mon_privilege_raise(set)

#endif
