/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_RTNL_ASK_H
#define DOCTOR_USER_RTNL_ASK_H

/* Questions to rtnetlink and their answers, on a socket of their own. */

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "user/rtnl.h"

#define RTNL_BUFFER 32768 /* the kernel's largest part of a dump */
#define RTNL_DUMP_TRIES 10

struct rtnl_ask {
	struct mnl_socket *socket;
	uint32_t seq;
	char buffer[RTNL_BUFFER];
};

int rtnl_ask_init(struct rtnl_ask *a) DR_MUST_USE;
void rtnl_ask_done(struct rtnl_ask *a);

typedef int (*rtnl_answer_fn)(const struct nlmsghdr *answer, void *userdata);

/*
 * Sends q and calls fn with each message of the answer, which must not ask anything itself. The negative
 * errno is the kernel's, fn's or the socket's; -EINTR: what was dumped changed meanwhile, ask again.
 */
int rtnl_ask(struct rtnl_ask *a, struct nlmsghdr *q, rtnl_answer_fn fn, void *userdata) DR_MUST_USE;

/* The link that an RTM_NEWLINK or RTM_DELLINK is about. 1: it is about something else (a bridge's port). */
int rtnl_link_read(const struct nlmsghdr *m, struct mon_rtnl_link *ret) DR_MUST_USE;

/* A question about one link, ifindex 0: about all of them. */
struct nlmsghdr *rtnl_link_question(char *buffer, unsigned ifindex);

/* What an RTM_NEWLINK says of the device. 1: it is about something else. */
int rtnl_device_read(const struct nlmsghdr *m, struct mon_rtnl_device *ret) DR_MUST_USE;

/* mon_rtnl_link_now(), mon_rtnl_device(), mon_rtnl_devices(), mon_rtnl_why(), mon_rtnl_drops() */
int rtnl_ask_link(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_link *ret) DR_MUST_USE;
int rtnl_ask_device(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_device *ret) DR_MUST_USE;
int rtnl_ask_devices(struct rtnl_ask *a, struct mon_rtnl_device **ret, size_t *ret_n) DR_MUST_USE;
int rtnl_ask_why(struct rtnl_ask *a, const __be32 address[4], unsigned ifindex,
		 enum dr_reason *ret) DR_MUST_USE;
int rtnl_ask_drops(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_drops *ret) DR_MUST_USE;

#endif
