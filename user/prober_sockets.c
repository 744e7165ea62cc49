/* SPDX-License-Identifier: Apache-2.0 */
#include "user/prober_sockets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/buf.h"
#include "user/privilege.h"

/* So many probes may be on their way to the wire, or wait with an unresolved neighbour. */
#define SEND_BUFFER (1024 * 1024)
#define DISCARD 9 /* a port, to ask for a route: nothing is sent there (RFC 863) */

enum mon_lane mon_lane_of(enum dr_kind kind, bool apart)
{
	switch (kind) {
	case DR_KIND_ECHO4:
		return apart ? MON_LANE_ECHO4_APART : MON_LANE_ECHO4;
	case DR_KIND_ECHO6:
		return apart ? MON_LANE_ECHO6_APART : MON_LANE_ECHO6;
	case DR_KIND_ARP:
	case DR_KIND_ND:
		break;
	}
	return MON_LANE_FRAMES;
}

static int bind_to(int fd, unsigned ifindex)
{
	int index = (int)ifindex;

	return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) ? dr_errno() : 0;
}

/* Room as asked for where we may (CAP_NET_ADMIN), else as net.core.wmem_max allows. */
static void widen(int fd)
{
	int size = SEND_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/*
 * Raw ICMP. Replies are the XDP program's. The ICMP filters turn away what they can before it is
 * copied for this socket (ICMP's knows types below 32 only), the socket filter the rest.
 */
static int open_raw(bool v6, unsigned ifindex)
{
	static struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog reject = { .len = 1, .filter = nothing };
	DR_AUTO_CLOSE int fd = v6 ? socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6)
				  : socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	const int whole =
		IP_PMTUDISC_DO; /* no fragments, so the kernel need not think of an identification */
	struct icmp_filter filter4 = { .data = ~0u };
	struct icmp6_filter filter6;

	ICMP6_FILTER_SETBLOCKALL(&filter6);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &reject, sizeof(reject)) ||
	    (v6 ? setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6))
		: setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter4, sizeof(filter4)) ||
			     setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof(whole))))
		return dr_errno();
	widen(fd);
	int r = bind_to(fd, ifindex);
	return r ? r : DR_TAKE_FD(fd);
}

/* Whole frames; bound to protocol 0, so that none is received. */
static int open_frames(unsigned ifindex)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	socklen_t len = sizeof(at);
	DR_AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return dr_errno();
	if (at.sll_hatype != ARPHRD_ETHER)
		return -EPROTOTYPE;
	widen(fd);
	return DR_TAKE_FD(fd);
}

static int open_lane(enum mon_lane lane, unsigned ifindex)
{
	if (lane == MON_LANE_FRAMES)
		return open_frames(ifindex);
	return open_raw(lane == MON_LANE_ECHO6 || lane == MON_LANE_ECHO6_APART, ifindex);
}

int mon_sockets_open(unsigned ifindex, const char *ifname, struct mon_sockets *ret, char **ret_error)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_SOCKETS);
	DR_AUTO(mon_sockets_close) struct mon_sockets s = MON_SOCKETS_CLOSED;

	for (unsigned i = 0; i < MON_LANES; i++) {
		int fd = open_lane(i, ifindex);
		if (fd >= 0) {
			s.fd[i] = fd;
			s.error[i] = 0;
			continue;
		}
		s.error[i] = -fd;
		if (fd == -EAFNOSUPPORT && (i == MON_LANE_ECHO6 || i == MON_LANE_ECHO6_APART))
			continue;
		*ret_error = fd == -EPROTOTYPE
				     ? dr_asprintf("interface %s is not Ethernet, which is all that is "
						   "understood",
						   ifname)
				     : dr_asprintf("no socket for probes on %s: %s", ifname, strerror(-fd));
		return fd;
	}
	s.ifindex = ifindex;
	*ret = s;
	s = MON_SOCKETS_CLOSED;
	return 0;
}

void mon_sockets_close(struct mon_sockets *s)
{
	for (unsigned i = 0; i < MON_LANES; i++)
		dr_closep(&s->fd[i]);
	*s = MON_SOCKETS_CLOSED;
}

int mon_sockets_mac(const struct mon_sockets *s, uint8_t ret_mac[6])
{
	struct sockaddr_ll at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(s->fd[MON_LANE_FRAMES], (struct sockaddr *)&at, &len))
		return dr_errno();
	if (at.sll_halen != 6)
		return -ENODEV; /* the interface is gone */
	memcpy(ret_mac, at.sll_addr, 6);
	return 0;
}

/* ---------------------------------------------------------------- source addresses */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A socket that is connected has its address: the kernel's choice, and nothing was sent. */
static int ask_kernel(unsigned ifindex, union address *a, socklen_t len)
{
	DR_AUTO_CLOSE int fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return dr_errno();
	int r = bind_to(fd, ifindex);
	if (r)
		return r;
	if (connect(fd, &a->any, len) || getsockname(fd, &a->any, &len))
		return dr_errno();
	return 0;
}

static int source4(unsigned ifindex, const __be32 target[4], __be32 ret[4])
{
	union address a = {
		.v4 = { .sin_family = AF_INET, .sin_port = htons(DISCARD), .sin_addr = { target[3] } }
	};
	int r = ask_kernel(ifindex, &a, sizeof(a.v4));

	if (r)
		return r;
	if (a.v4.sin_addr.s_addr == INADDR_ANY)
		return -EADDRNOTAVAIL;
	ret[0] = ret[1] = 0;
	ret[2] = htonl(0xffff);
	ret[3] = a.v4.sin_addr.s_addr;
	return 0;
}

static int source6(unsigned ifindex, const __be32 target[4], __be32 ret[4])
{
	union address a = {
		.v6 = { .sin6_family = AF_INET6, .sin6_port = htons(DISCARD), .sin6_scope_id = ifindex }
	};

	memcpy(&a.v6.sin6_addr, target, sizeof(a.v6.sin6_addr));
	int r = ask_kernel(ifindex, &a, sizeof(a.v6));
	if (r)
		return r;
	if (IN6_IS_ADDR_UNSPECIFIED(&a.v6.sin6_addr))
		return -EADDRNOTAVAIL;
	memcpy(ret, &a.v6.sin6_addr, sizeof(a.v6.sin6_addr));
	return 0;
}

int mon_source_address(unsigned ifindex, enum dr_kind kind, const __be32 target[4], __be32 ret[4])
{
	if (kind == DR_KIND_ARP)
		return source4(ifindex, target, ret);
	return kind == DR_KIND_ND ? source6(ifindex, target, ret) : -EINVAL;
}
