/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/machine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "doctor/buf.h"
#include "tools/scenario/run.h"

int bench_read_text(const char *path, char *buf, size_t size)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;

	if (fd < 0)
		return dr_errno();
	while (have < size - 1) {
		ssize_t n = read(fd, buf + have, size - 1 - have);

		if (n < 0)
			return dr_errno();
		if (n == 0)
			break;
		have += (size_t)n;
	}
	buf[have] = '\0';
	return 0;
}

/* ---------------------------------------------------------------- CPU */

bool bench_cpu_parse(const char *text, long ticks, struct bench_cpu *ret)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	unsigned cpus = 0;

	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64,
		   &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 8)
		return false;
	for (const char *at = text; (at = strstr(at, "\ncpu")); at++)
		cpus++;
	if (!cpus)
		return false;
	ret->cpus = cpus;
	ret->idle_ns = (int64_t)(idle + iowait + steal) * (DR_NSEC_PER_SEC / ticks);
	return true;
}

int bench_cpu_read(struct bench_cpu *ret)
{
	static char text[65536];
	struct bench_cpu c = { 0 };
	int r = bench_read_text("/proc/stat", text, sizeof(text));

	if (r < 0)
		return r;
	c.at = dr_mono_now();
	if (!bench_cpu_parse(text, sysconf(_SC_CLK_TCK), &c))
		return -EBADMSG;
	*ret = c;
	return 0;
}

double bench_cpu_busy(const struct bench_cpu *a, const struct bench_cpu *b)
{
	double seconds = dr_dur_seconds(dr_mono_sub(b->at, a->at));

	if (seconds <= 0)
		return 0;
	double busy = b->cpus - (double)(b->idle_ns - a->idle_ns) / 1e9 / seconds;
	return DR_MAX(busy, 0.0);
}

int bench_process_cpu_ns(pid_t pid, uint64_t *ret)
{
	struct timespec t;
	clockid_t clock;

	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0)
		return -ESRCH;
	if (clock_gettime(clock, &t) < 0)
		return dr_errno();
	*ret = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	return 0;
}

/* ---------------------------------------------------------------- memory, packets */

bool bench_kib_parse(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) == 0 && at[len] == ':') {
			if (sscanf(at + len + 1, "%" SCNu64, ret) != 1)
				return false;
			*ret *= 1024;
			return true;
		}
	}
	return false;
}

int bench_memory_read(pid_t pid, struct bench_memory *ret)
{
	char path[64], text[8192];
	struct bench_memory m;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = bench_read_text(path, text, sizeof(text));
	if (r < 0)
		return r;
	if (!bench_kib_parse(text, "VmRSS", &m.rss))
		return -EBADMSG;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	r = bench_read_text(path, text, sizeof(text));
	if (r < 0)
		return r;
	if (!bench_kib_parse(text, "Pss", &m.pss))
		return -EBADMSG;
	*ret = m;
	return 0;
}

bool bench_packets_parse(const char *text, const char *ifname, uint64_t *ret_rx, uint64_t *ret_tx)
{
	size_t len = strlen(ifname);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		uint64_t rx, tx;

		at += *at == '\n';
		at += strspn(at, " ");
		if (strncmp(at, ifname, len) || at[len] != ':')
			continue;
		/* bytes packets errs drop fifo frame compressed multicast, twice */
		if (sscanf(at + len + 1, "%*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &rx, &tx) !=
		    2)
			return false;
		*ret_rx = rx;
		*ret_tx = tx;
		return true;
	}
	return false;
}

char *bench_machine_name(void)
{
	static char text[65536];
	struct utsname u;
	const char *model = "unknown processor";
	size_t len = strlen(model);
	char *at;

	if (bench_read_text("/proc/cpuinfo", text, sizeof(text)) == 0 && (at = strstr(text, "model name")) &&
	    (at = strchr(at, ':'))) {
		model = at + 2;
		len = strcspn(model, "\n");
	}
	if (uname(&u) < 0)
		return NULL;
	return dr_asprintf("%.*s, %ld cores, Linux %s", (int)len, model, sysconf(_SC_NPROCESSORS_ONLN),
			   u.release);
}

/* ---------------------------------------------------------------- load */

static void burn(pid_t parent)
{
	volatile unsigned long n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	for (;;)
		n = n + 1;
}

int bench_hogs_start(struct bench_hogs *h)
{
	long want = 2 * sysconf(_SC_NPROCESSORS_ONLN);
	pid_t parent = getpid();

	h->count = 0;
	for (long i = 0; i < want && h->count < DR_ARRAY_SIZE(h->pids); i++) {
		pid_t pid = fork();

		if (pid == 0)
			burn(parent);
		if (pid < 0) {
			int r = dr_errno();
			bench_hogs_stop(h);
			return r;
		}
		h->pids[h->count++] = pid;
	}
	return 0;
}

void bench_hogs_stop(struct bench_hogs *h)
{
	for (unsigned i = 0; i < h->count; i++) {
		kill(h->pids[i], SIGKILL);
		(void)!sc_wait(h->pids[i]);
	}
	h->count = 0;
}
