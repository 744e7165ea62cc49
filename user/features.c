/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#include "doctor/buf.h"
#include "user/bpf.h"
#include "user/features.h"

static uint64_t effective_capabilities(void)
{
	DR_AUTO_FCLOSE FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	}
	return caps;
}

void mon_features_probe(struct mon_features *ret)
{
	struct mon_features f = { .capabilities = effective_capabilities() };
	struct rlimit limit;

	if (getrlimit(RLIMIT_RTPRIO, &limit) == 0)
		f.realtime_limit = (unsigned)DR_MIN(limit.rlim_cur, (rlim_t)INT_MAX);
	mon_bpf_probe(&f);
	*ret = f;
}

static bool has(const struct mon_features *f, unsigned cap)
{
	return f->capabilities >> cap & 1;
}

static char *missing_capabilities(const struct mon_features *f, int realtime_priority)
{
	static const struct {
		unsigned cap;
		const char *name, *why;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF", "to load its programs" },
		/* kernel/bpf/verifier.c: arithmetic on pointers into packets and maps is denied without it */
		{ CAP_PERFMON, "CAP_PERFMON", "to have them verified" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "to load them for interfaces" },
		{ CAP_NET_RAW, "CAP_NET_RAW", "to send probes" },
		{ CAP_SYS_NICE, "CAP_SYS_NICE",
		  "(or a limit, LimitRTPRIO= of systemd) to send them in time (realtime_priority; 0 does "
		  "without)" },
	};
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(needed); i++) {
		/* CAP_SYS_ADMIN contains these two, capabilities(7) */
		bool contained = needed[i].cap == CAP_BPF || needed[i].cap == CAP_PERFMON;
		bool there = has(f, needed[i].cap) || (contained && has(f, CAP_SYS_ADMIN));
		bool allowed = needed[i].cap == CAP_SYS_NICE &&
			       realtime_priority <= (int)DR_MIN(f->realtime_limit, (unsigned)INT_MAX);
		if (!there && !allowed)
			dr_buf_printf(&b, "%s%s %s", b.len ? ", " : "", needed[i].name, needed[i].why);
	}
	return b.len ? dr_asprintf("not privileged enough: missing %s. Run it as root or give it these "
				   "capabilities",
				   dr_buf_str(&b))
		     : NULL;
}

char *mon_features_missing(const struct mon_features *f, int realtime_priority)
{
	static const struct {
		size_t offset;
		const char *text;
	} features[] = {
#define FEATURE(field, text) { offsetof(struct mon_features, field), text }
		FEATURE(btf, "BTF for maps (CONFIG_DEBUG_INFO_BTF or Linux 4.18)"),
		FEATURE(ringbuf, "the BPF ring buffer (BPF_MAP_TYPE_RINGBUF, Linux 5.8)"),
		FEATURE(timer, "bpf_timer in XDP programs (Linux 5.15, RHEL 9)"),
#undef FEATURE
	};
	char *text = missing_capabilities(f, realtime_priority);

	if (text)
		return text;
	if (f->bpf_error)
		return dr_asprintf("the kernel refuses bpf(2): %s%s", strerror(-f->bpf_error),
				   f->bpf_error == -ENOSYS ? "; it needs CONFIG_BPF_SYSCALL" : "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(features); i++) {
		if (!*((const bool *)((const char *)f + features[i].offset)))
			return dr_asprintf("this kernel lacks %s, without which a silent host cannot be "
					   "judged in the kernel",
					   features[i].text);
	}
	if (!f->bpffs)
		return dr_asprintf(
			"no bpf file system at /sys/fs/bpf; mount one: mount -t bpf bpf /sys/fs/bpf");
	return NULL;
}
