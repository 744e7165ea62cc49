/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_BATCH_H
#define DOCTOR_USER_PROBER_BATCH_H

/* Probes that are due together, sent with one system call per socket. For the sender (prober.h) alone. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "user/probe.h"

#define MON_BATCH 64

struct mon_message {
	uint32_t slot;
	uint64_t key; /* of the target that had the slot */
	int error;    /* errno, 0: taken by the kernel; after mon_batch_send() */
	/* private: */
	struct iovec iov;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	socklen_t to_len; /* 0: a frame, which says itself */
	uint8_t bytes[MON_PROBE_MAX];
	int next; /* of the same socket; -1: none */
};

struct mon_batch {
	struct mon_message messages[MON_BATCH];
	unsigned count;
	/* private: */
	struct mon_batch_socket {
		int fd, first, last;
	} sockets[MON_BATCH];
	unsigned socket_count;
	struct mmsghdr vector[MON_BATCH];
};

/* A zeroed batch is empty. Copies the probe into a batch that is not full. An echo goes to address, by the
 * interface ifindex. */
void mon_batch_add(struct mon_batch *b, int fd, const struct mon_probe *probe, const __be32 address[4],
		   unsigned ifindex, uint32_t slot, uint64_t key);

/*
 * Sends all; each message has its error then. When a socket's buffer is full (ENOBUFS, EAGAIN) the rest of
 * its messages is not tried. The batch is then to be emptied by mon_batch_clear().
 */
void mon_batch_send(struct mon_batch *b);
void mon_batch_clear(struct mon_batch *b);

#endif
