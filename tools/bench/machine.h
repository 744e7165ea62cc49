/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/* The machine's and its processes' consumption, and load made on purpose. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

/*
 * Time that all CPUs together were not idle. Taken from the idle time, which a kernel that stops its
 * tick keeps to the microsecond, whereas user, system and irq time are sampled at the tick and miss whatever
 * runs in step with it. What the hypervisor took (steal) is nobody's work here and left out.
 */
struct bench_cpu {
	struct dr_mono at;
	int64_t idle_ns; /* idle, iowait and steal of all CPUs */
	unsigned cpus;
};

/* text: of /proc/stat; ticks: per second. Pure. False: it is not that. */
bool bench_cpu_parse(const char *text, long ticks, struct bench_cpu *ret) DR_MUST_USE;
int bench_cpu_read(struct bench_cpu *ret) DR_MUST_USE;
/* Busy CPU seconds per second from a to b: 0 .. cpus. */
double bench_cpu_busy(const struct bench_cpu *a, const struct bench_cpu *b);

/* A line "Key:   123 kB" of status or smaps_rollup, in bytes. Pure. */
bool bench_kib_parse(const char *text, const char *key, uint64_t *ret) DR_MUST_USE;

/* Packets of an interface in the text of /proc/net/dev. Pure. */
bool bench_packets_parse(const char *text, const char *ifname, uint64_t *ret_rx,
			 uint64_t *ret_tx) DR_MUST_USE;

struct bench_memory {
	uint64_t rss, pss; /* bytes */
};
int bench_memory_read(pid_t pid, struct bench_memory *ret) DR_MUST_USE;
int bench_process_cpu_ns(pid_t pid, uint64_t *ret) DR_MUST_USE; /* of all its threads, so far */

/* Reads a file of procfs, at most size - 1 bytes. */
int bench_read_text(const char *path, char *buf, size_t size) DR_MUST_USE;

/* "model name, N cores, Linux version" */
char *bench_machine_name(void) DR_MUST_USE;

/* Two ordinary processes for each CPU that do nothing but compute. */
struct bench_hogs {
	pid_t pids[256];
	unsigned count;
};
int bench_hogs_start(struct bench_hogs *h) DR_MUST_USE;
void bench_hogs_stop(struct bench_hogs *h);

#endif
