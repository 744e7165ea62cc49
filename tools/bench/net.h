/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

/*
 * Where a tool watches its hosts: namespaces of its own. Two shapes:
 *
 *   switch   every host a namespace behind one bridge (tools/scenario/topo.h), so that one can fall silent
 *   field    many hosts in one namespace behind one veth pair: their addresses are routed to its lo, and
 *            echo requests may be answered by a program there (kernel.h)
 *
 * In a field host 10.2.x.y is watched from 10.0.0.1, which a BFD peer sees as 10.1.x.y. All of them are
 * behind one next hop, so that one neighbour entry does.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"
#include "tools/scenario/topo.h"

#define BENCH_WATCHER (-1) /* the side that watches, in place of a host's side */
#define BENCH_FIELD_MAX 62500

struct bench_host {
	uint32_t address, local, seen; /* its own, ours towards it, ours as it sees it; in host order */
	int side;		       /* namespace that it lives in: 0 .. nsides - 1 */
};

struct bench_net {
	struct sc_topo *topo; /* a switch, or NULL: */
	struct bench_field *field;
	char ifname[16];	  /* of the side that watches */
	char peername[16];	  /* of the other sides */
	struct bench_host *hosts; /* by address, ascending */
	size_t nhosts;
	int nsides;
};

int bench_net_switch(size_t hosts, struct bench_net *ret, char **ret_error) DR_MUST_USE;
int bench_net_field(size_t hosts, struct bench_net *ret, char **ret_error) DR_MUST_USE;
void bench_net_done(struct bench_net *n);

/* Moves the calling thread into that side. Async-signal-safe. */
int bench_net_enter(const struct bench_net *n, int side) DR_MUST_USE;

/* The same for a while: work within, and back with bench_net_leave(*ret_back), which aborts on failure. */
int bench_net_visit(const struct bench_net *n, int side, int *ret_back) DR_MUST_USE;
void bench_net_leave(int back);

/* Of a field: the host answers nothing any more, or answers again. *ret_error for people, which the caller
 * frees. */
int bench_net_silence(const struct bench_net *n, size_t host, bool silent, char **ret_error) DR_MUST_USE;

/* Index of the host of that address; -1: none. */
int bench_net_find(const struct bench_net *n, uint32_t address);

/* Packets that the watching side's interface has received and sent. */
int bench_net_packets(const struct bench_net *n, uint64_t *ret_rx, uint64_t *ret_tx) DR_MUST_USE;

#define BENCH_ADDRESS_MAX 16
const char *bench_address(uint32_t address, char buf[BENCH_ADDRESS_MAX]);

#endif
