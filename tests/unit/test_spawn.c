/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program where the kernel denies much, as in our units, and what it inherits of our scheduling.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "doctor/spawn.h"

#define NOT_PERMITTED 77

/* Started by this process; its status, in which its policy is: field 41 of proc(5)'s stat. */
static int status_of_child(void)
{
	static const char *const argv[] = { "sh", "-c",
					    "read -r line </proc/$$/stat; set -- $line; exit $((40 + ${41}))",
					    NULL };
	static const char *const env[] = { NULL };
	const struct dr_spawn s = {
		.program = "/bin/sh", .argv = argv, .env = env, .out = STDERR_FILENO, .err = -1
	};
	int status, r;
	pid_t pid;

	r = dr_spawn(&s, &pid);
	if (r)
		return -r;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 126;
	return WEXITSTATUS(status);
}

/* What status_of_child() is in a process that prepare() has brought into its state. */
static int status_after(void (*prepare)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		prepare();
		_exit(status_of_child());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---------------------------------------------------------------- filters */

#define DENY(name)                                                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1),                                              \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static void enter(struct sock_filter *code, size_t n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(125);
}

/* @resources, which the units of the inspector and the consumer deny. */
static void deny_resources(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		DENY(ioprio_set),
		DENY(mbind),
		DENY(migrate_pages),
		DENY(move_pages),
		DENY(sched_setaffinity),
		DENY(sched_setattr),
		DENY(sched_setparam),
		DENY(sched_setscheduler),
		DENY(set_mempolicy),
		DENY(setpriority),
		DENY(setrlimit),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	enter(code, DR_ARRAY_SIZE(code));
}

static void deny_to_ask_as_well(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		DENY(sched_getscheduler),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	deny_resources();
	enter(code, DR_ARRAY_SIZE(code));
}

static void under_a_filter(void **state)
{
	assert_int_equal(status_after(deny_resources), 40 + SCHED_OTHER);
	assert_int_equal(status_after(deny_to_ask_as_well), 40 + SCHED_OTHER);
}

/* ---------------------------------------------------------------- real-time */

static void become(int policy)
{
	const struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, policy, &param))
		_exit(NOT_PERMITTED);
}

static void become_fifo(void)
{
	become(SCHED_FIFO);
}

static void become_rr(void)
{
	become(SCHED_RR);
}

static void become_fifo_that_may_not_change(void)
{
	become(SCHED_FIFO);
	deny_resources();
}

static void become_fifo_for_itself(void)
{
	become(SCHED_FIFO | SCHED_RESET_ON_FORK);
	deny_resources();
}

static void real_time_ends_here(void **state)
{
	int status = status_after(become_fifo);

	if (status == NOT_PERMITTED) {
		print_message("this user may not be real-time\n");
		skip();
	}
	assert_int_equal(status, 40 + SCHED_OTHER);
	assert_int_equal(status_after(become_rr), 40 + SCHED_OTHER);
	assert_int_equal(status_after(become_fifo_for_itself), 40 + SCHED_OTHER);
	assert_int_equal(status_after(become_fifo_that_may_not_change), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_a_filter),
		cmocka_unit_test(real_time_ends_here),
	};

	return cmocka_run_group_tests_name("unit: spawn", tests, NULL, NULL);
}
