/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_LIVE_H
#define TESTS_NET_LIVE_H

/* More of the test bed (bed.h): the running monitor asked over its local socket, and hosts with IPv6. */

#include "doctor/json.h"
#include "tests/net/bed.h"

/* The name of the monitor's interface, and an address of a host on the bed's network. */
const char *live_ifname(struct bed *b);

/*
 * Writes what all configurations begin with (name, interface, interval, inspector, socket), extra
 * (YAML lines) and "targets:" into t. Without an inspector if extra has some.
 */
void live_begin(struct bed *b, struct dr_buf *t, const char *extra);
/* One more target, with more of its members (", kind: arp" or ""). */
void live_target(struct dr_buf *t, const char *host, const char *address, const char *more);
/* Writes it as the configuration of the bed, starts the monitor and waits until that many hosts are up. */
void live_start(struct bed *b, struct dr_buf *t, unsigned hosts);
/* SIGHUP, and the log line that follows. */
void live_hang_up(struct bed *b, const char *log);

/* One host falls silent, is found and comes back; then there are no events left. */
void live_death_and_recovery(struct bed *b, int host);

char *live_socket(struct bed *b); /* its path; freed by the caller */

/* A resource of the local socket ("/v1/status"), as text into body (may be NULL); the status. */
unsigned live_get(struct bed *b, const char *path, struct dr_buf *body);
/* As JSON; fails the test if it is none. The caller frees it. */
struct dr_json *live_json(struct bed *b, const char *path);
/* A number of it; fails the test if there is none. */
int64_t live_number(struct bed *b, const char *path, const char *dotted);
/* Looks again and again until the value is that text, or a number at least so great. */
void live_expect_text(struct bed *b, const char *path, const char *dotted, const char *text);
void live_expect_number(struct bed *b, const char *path, const char *dotted, int64_t at_least);
void live_expect_zero(struct bed *b, const char *path, const char *dotted);

/* doctorctl with these words on that socket; the exit status, stdout and stderr together. */
int live_ctl(struct bed *b, struct dr_buf *out, const char *words);

/* IPv6 on the monitor's side and on all hosts: fd00:d0c::N and fe80::N with the last byte of their IPv4
 * addresses. */
void live_enable_ipv6(struct bed *b);
char *live_address6(struct bed *b, int host, bool link_local, char buf[48]);

#endif
