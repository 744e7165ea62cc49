/* SPDX-License-Identifier: Apache-2.0 */
#include "user/prober_batch.h"

#include <string.h>

static struct mon_batch_socket *socket_for(struct mon_batch *b, int fd)
{
	for (unsigned i = 0; i < b->socket_count; i++) { /* few: a batch is due at one moment */
		if (b->sockets[i].fd == fd)
			return &b->sockets[i];
	}
	b->sockets[b->socket_count] = (struct mon_batch_socket){ fd, -1, -1 };
	return &b->sockets[b->socket_count++];
}

static void set_address(struct mon_message *m, const struct mon_probe *probe, const __be32 address[4],
			unsigned ifindex)
{
	if (!probe->echo) {
		m->to_len = 0;
	} else if (probe->bytes[0] == DR_ICMP6_ECHO) {
		m->to_len = sizeof(m->to.v6);
		m->to.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_scope_id = ifindex };
		memcpy(&m->to.v6.sin6_addr, address, sizeof(m->to.v6.sin6_addr));
	} else {
		m->to_len = sizeof(m->to.v4);
		m->to.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { address[3] } };
	}
}

void mon_batch_add(struct mon_batch *b, int fd, const struct mon_probe *probe, const __be32 address[4],
		   unsigned ifindex, uint32_t slot, uint64_t key)
{
	struct mon_batch_socket *s = socket_for(b, fd);
	int at = (int)b->count++;
	struct mon_message *m = &b->messages[at];

	m->slot = slot;
	m->key = key;
	m->error = 0;
	m->next = -1;
	memcpy(m->bytes, probe->bytes, sizeof(m->bytes));
	m->iov = (struct iovec){ m->bytes, probe->len };
	set_address(m, probe, address, ifindex);
	if (s->last < 0)
		s->first = at;
	else
		b->messages[s->last].next = at;
	s->last = at;
}

static void send_socket(struct mon_batch *b, const struct mon_batch_socket *s)
{
	struct mon_message *of[MON_BATCH];
	unsigned count = 0, done = 0;

	for (int at = s->first; at >= 0; at = b->messages[at].next) {
		struct mon_message *m = &b->messages[at];
		b->vector[count].msg_hdr = (struct msghdr){ .msg_name = m->to_len ? &m->to : NULL,
							    .msg_namelen = m->to_len,
							    .msg_iov = &m->iov,
							    .msg_iovlen = 1 };
		of[count++] = m;
	}
	while (done < count) {
		int n = sendmmsg(s->fd, &b->vector[done], count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			done += (unsigned)n;
			continue;
		}
		int error = -dr_errno();
		if (error == EINTR)
			continue;
		bool full = error == ENOBUFS || error == EAGAIN;
		do {
			of[done++]->error = error;
		} while (full && done < count);
	}
}

void mon_batch_send(struct mon_batch *b)
{
	for (unsigned i = 0; i < b->socket_count; i++)
		send_socket(b, &b->sockets[i]);
}

void mon_batch_clear(struct mon_batch *b)
{
	b->count = b->socket_count = 0;
}
