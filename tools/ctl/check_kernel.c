/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the kernel and its clocks. Pure. */
#include "tools/ctl/check.h"

#include <string.h>

void check_bpf(const struct check_facts *f, struct check_report *r)
{
	int error = f->kernel.features.bpf_error;

	if (error == -EPERM)
		check_bad(r, CHECK_DEGRADED, NULL, "run doctorctl check as root",
			  "this user may not ask the kernel what it can do");
	else if (error)
		check_bad(r, CHECK_BROKEN, NULL,
			  "boot a kernel with CONFIG_BPF_SYSCALL (Debian's and RHEL's have it)",
			  "the kernel refuses bpf(2): %s", strerror(-error));
	else
		check_ok(r, NULL, "the kernel takes programs and maps");
}

static void feature(const struct check_facts *f, struct check_report *r, bool there, const char *what,
		    const char *since)
{
	if (f->kernel.features.bpf_error)
		return; /* it was said */
	if (there)
		check_ok(r, NULL, "%s", what);
	else
		check_bad(r, CHECK_BROKEN, NULL, since, "the kernel lacks %s", what);
}

void check_timer(const struct check_facts *f, struct check_report *r)
{
	feature(f, r, f->kernel.features.timer, "bpf_timer in XDP and tc programs",
		"boot Linux 5.15 or later, or RHEL 9's");
}

void check_ringbuf(const struct check_facts *f, struct check_report *r)
{
	feature(f, r, f->kernel.features.ringbuf, "the BPF ring buffer",
		"boot Linux 5.15 or later, or RHEL 9's");
}

void check_btf(const struct check_facts *f, struct check_report *r)
{
	feature(f, r, f->kernel.features.btf, "BTF of maps",
		"boot a kernel with CONFIG_DEBUG_INFO_BTF (Debian's and RHEL's have it)");
}

void check_jit(const struct check_facts *f, struct check_report *r)
{
	if (f->kernel.jit == 0)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "sysctl -w net.core.bpf_jit_enable=1, and keep it in /etc/sysctl.d",
			  "programs are interpreted, which costs each packet ten times as much");
	else if (f->kernel.jit > 0)
		check_ok(r, NULL, "programs are compiled");
	else
		check_ok(r, NULL, "not to be seen from here (a network namespace)");
}

void check_bpffs(const struct check_facts *f, struct check_report *r)
{
	if (f->kernel.bpffs)
		check_ok(r, NULL, "mounted at /sys/fs/bpf");
	else
		check_bad(r, CHECK_BROKEN, NULL, "mount -t bpf bpf /sys/fs/bpf, as systemd does at boot",
			  "no bpf file system at /sys/fs/bpf, where maps and programs are pinned");
}

/* Whether links are told of at once; what the running monitor found counts. */
void check_lockdown(const struct check_facts *f, struct check_report *r)
{
	static const char remedy[] =
		"boot without lockdown=, with a kernel that has BTF; or accept that a loss of the "
		"carrier within a second of the last change is seen up to a second later";
	const struct dr_json *links = dr_json_get(f->monitor.status.json, "links");
	const char *source = dr_json_get_str(links, "source"), *why = dr_json_get_str(links, "source_why");
	const char *lockdown = f->kernel.lockdown;
	bool locked = *lockdown && strcmp(lockdown, "none") != 0;

	if (f->monitor.has_config && f->monitor.config.link_count == 0)
		check_ok(r, NULL, "no links are watched, for which it would matter");
	else if (source && strcmp(source, "netlink") == 0)
		check_bad(r, CHECK_DEGRADED, NULL, remedy, "links are told by netlink: %s",
			  why ? why : "the kernel does not let fentry programs in");
	else if (!source && (locked || !f->kernel.btf))
		check_bad(r, CHECK_DEGRADED, NULL, remedy,
			  "fentry will be refused (%s), and netlink used instead",
			  locked ? lockdown : "no /sys/kernel/btf/vmlinux");
	else
		check_ok(r, NULL, "links are told by fentry, at once");
}

void check_tcx(const struct check_facts *f, struct check_report *r)
{
	if (f->kernel.features.bpf_error)
		return;
	check_ok(r, NULL,
		 f->kernel.features.tcx ? "egress by tcx" : "egress by clsact: tcx is there from Linux 6.6");
}

void check_clock(const struct check_facts *f, struct check_report *r)
{
	if (f->kernel.clock_synchronized)
		check_ok(r, NULL, "the wall clock is synchronized");
	else
		check_bad(r, CHECK_DEGRADED, NULL,
			  "let chrony or systemd-timesyncd keep it: times in events and incidents are by "
			  "this clock "
			  "(nothing is judged by it)",
			  "the kernel does not hold the wall clock for synchronized");
}

void check_clocksource(const struct check_facts *f, struct check_report *r)
{
	static const char *const slow[] = { "hpet", "acpi_pm", "refined-jiffies", "jiffies", "pit" };
	const char *name = f->kernel.clocksource;

	for (size_t i = 0; i < DR_ARRAY_SIZE(slow); i++) {
		if (strcmp(name, slow[i]) != 0)
			continue;
		check_bad(r, CHECK_DEGRADED, NULL,
			  "see why the kernel does not trust the TSC (dmesg, \"clocksource\"), and choose "
			  "another by "
			  "clocksource= or in /sys/devices/system/clocksource",
			  "the monotonic clock is read from %s, which costs each packet microseconds", name);
		return;
	}
	check_ok(r, NULL, "the monotonic clock is read from %s", *name ? name : "what cannot be seen here");
}
