/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

/* All that the bench does with BPF (libbpf, in kernel.c): the responder, the monitor's counters, and runs of
 * the monitor's XDP program over frames. */

#include "tools/bench/frames.h"
#include "tools/bench/net.h"

/*
 * What stands before the hosts of a field: it answers their echo requests before their stack sees them, or,
 * for BFD, gives each host another address of ours to talk to (echo.bpf.c).
 */
struct bench_echo;
int bench_echo_start(const struct bench_net *n, bool bfd, struct bench_echo **ret,
		     char **ret_error) DR_MUST_USE;
void bench_echo_free(struct bench_echo *e);
int bench_echo_count(const struct bench_echo *e, uint64_t *ret) DR_MUST_USE; /* answered so far */

/* What the monitor of that name has counted so far: probes that left, answers to them. */
int bench_monitor_counts(const char *name, uint64_t *ret_sent, uint64_t *ret_answered) DR_MUST_USE;

/* Entries of all hash maps that the monitor of that name has pinned. */
int bench_monitor_entries(const char *name, uint64_t *ret) DR_MUST_USE;

/* The monitor's XDP program and an empty one, loaded and attached to nothing. */
struct bench_xdp;
int bench_xdp_new(struct bench_xdp **ret, char **ret_error) DR_MUST_USE;
void bench_xdp_free(struct bench_xdp *x);

/*
 * Nanoseconds that one run of a program over the frame takes, of repeat runs in a row. -EBADMSG: the program
 * did not let the frame pass.
 */
int bench_xdp_run(struct bench_xdp *x, bool empty, const struct bench_frame *f, unsigned repeat,
		  double *ret_ns) DR_MUST_USE;

/* Watches BENCH_FRAME_HOST, to which a probe has just left, so that BENCH_FRAME_REPLY is its answer. */
int bench_xdp_probe(struct bench_xdp *x) DR_MUST_USE;
/* on: as while a target is silent, when frames of all are looked at for whether they are its. */
void bench_xdp_listen(struct bench_xdp *x, bool on);
/* Replies taken so far, of whatever kind. */
int bench_xdp_replies(const struct bench_xdp *x, uint64_t *ret) DR_MUST_USE;

#endif
