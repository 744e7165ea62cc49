/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/netns.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "doctor/buf.h"
#include "tools/scenario/run.h"

/* What would make a namespace send or forward by itself; a kernel without IPv6 or br_netfilter lacks some. */
static const char *const quiet[][2] = {
	{ "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1" },
	{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1" },
	{ "/proc/sys/net/ipv4/ip_forward", "0" },
	{ "/proc/sys/net/bridge/bridge-nf-call-iptables", "0" },
	{ "/proc/sys/net/bridge/bridge-nf-call-arptables", "0" },
};

enum step {
	STEP_UNSHARE = 1,
	STEP_QUIET,
	STEP_SOCKET,
	STEP_SEND
};
static const char *const step_names[] = {
	[STEP_UNSHARE] = "cannot make a network namespace (are you root?)",
	[STEP_QUIET] = "cannot write sysctls of a new network namespace",
	[STEP_SOCKET] = "cannot open a socket in a new network namespace",
	[STEP_SEND] = "cannot hand over a new network namespace",
};

struct handover {
	int step; /* 0: fine, two descriptors come along */
	int error;
};

static int write_text(const char *path, const char *text)
{
	DR_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : dr_errno();
	return write(fd, text, strlen(text)) < 0 ? dr_errno() : 0;
}

/* The child's part; only async-signal-safe calls. */
static struct handover make(int fds[2])
{
	if (unshare(CLONE_NEWNET) < 0)
		return (struct handover){ STEP_UNSHARE, dr_errno() };
	for (size_t i = 0; i < DR_ARRAY_SIZE(quiet); i++) {
		int r = write_text(quiet[i][0], quiet[i][1]);

		if (r < 0)
			return (struct handover){ STEP_QUIET, r };
	}
	fds[0] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	fds[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fds[0] < 0 || fds[1] < 0)
		return (struct handover){ STEP_SOCKET, dr_errno() };
	return (struct handover){ 0, 0 };
}

union fd_control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(2 * sizeof(int))];
};

static int send_handover(int sock, const struct handover *h, const int fds[2])
{
	union fd_control control = { 0 };
	struct iovec iov = { (void *)h, sizeof(*h) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!h->step) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.buf);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? dr_errno() : 0;
}

static struct handover receive_handover(int sock, struct sc_netns *ret)
{
	union fd_control control = { 0 };
	struct handover h = { STEP_SEND, -EPIPE };
	struct iovec iov = { &h, sizeof(h) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(h))
		return (struct handover){ STEP_SEND, n < 0 ? dr_errno() : -EPIPE };
	c = CMSG_FIRSTHDR(&msg);
	if (!h.step && c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(ret, CMSG_DATA(c), 2 * sizeof(int));
	else if (!h.step)
		h = (struct handover){ STEP_SEND, -EBADMSG };
	return h;
}
_Static_assert(sizeof(struct sc_netns) == 2 * sizeof(int), "received as an array of two descriptors");

static struct handover fork_and_make(struct sc_netns *ret)
{
	struct handover h;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return (struct handover){ STEP_SEND, dr_errno() };
	pid = fork();
	if (pid == 0) {
		int fds[2] = { -1, -1 };

		h = make(fds);
		_exit(send_handover(pair[1], &h, fds) ? 1 : 0);
	}
	close(pair[1]);
	if (pid < 0) {
		h = (struct handover){ STEP_SEND, dr_errno() };
	} else {
		h = receive_handover(pair[0], ret);
		(void)!sc_wait(pid); /* what it did is in h */
	}
	close(pair[0]);
	return h;
}

int sc_netns_init(struct sc_netns *ret, char **ret_error)
{
	struct handover h = fork_and_make(ret);

	if (h.step && ret_error)
		*ret_error = dr_asprintf("%s: %s", step_names[h.step], strerror(-h.error));
	return h.step ? h.error : 0;
}

int sc_netns_init_current(struct sc_netns *ret)
{
	DR_AUTO_CLOSE int ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int ctl;

	if (ns < 0)
		return dr_errno();
	ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ctl < 0)
		return dr_errno();
	*ret = (struct sc_netns){ DR_TAKE_FD(ns), ctl };
	return 0;
}

void sc_netns_done(struct sc_netns *n)
{
	dr_closep(&n->ctl);
	dr_closep(&n->ns);
}

int sc_netns_enter(const struct sc_netns *n)
{
	return setns(n->ns, CLONE_NEWNET) < 0 ? dr_errno() : 0;
}

int sc_netns_ip(const struct sc_netns *n, char **ret_error, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf output = { 0 };
	DR_AUTO_FREE char *net = NULL, *batch = NULL;
	va_list args;
	int r;

	va_start(args, fmt);
	r = vasprintf(&batch, fmt, args);
	va_end(args);
	if (r < 0) {
		batch = NULL;
		return -ENOMEM;
	}
	/* this process by its number: nsenter is another one, and does not inherit the descriptor */
	net = dr_asprintf("--net=/proc/%d/fd/%d", getpid(), n->ns);
	if (!net)
		return -ENOMEM;
	r = sc_run((const char *const[]){ "nsenter", net, "ip", "-batch", "-", NULL }, batch, &output);
	if (r == 0)
		return 0;
	if (ret_error)
		*ret_error = r < 0 ? dr_asprintf("cannot run nsenter: %s", strerror(-r))
				   : dr_asprintf("ip -batch: %sthe commands were:\n%s", dr_buf_str(&output),
						 batch);
	return r < 0 ? r : -EIO;
}

static int named(struct ifreq *ifr, const char *ifname)
{
	memset(ifr, 0, sizeof(*ifr));
	return dr_strcpy(ifr->ifr_name, sizeof(ifr->ifr_name), ifname);
}

int sc_netns_carrier(const struct sc_netns *n, const char *ifname)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr;
	int r = named(&ifr, ifname);

	if (r < 0)
		return r;
	ifr.ifr_data = (void *)&link;
	return ioctl(n->ctl, SIOCETHTOOL, &ifr) < 0 ? dr_errno() : link.data != 0;
}

int sc_netns_set_up(const struct sc_netns *n, const char *ifname, bool up)
{
	struct ifreq ifr;
	int r = named(&ifr, ifname);

	if (r < 0)
		return r;
	if (ioctl(n->ctl, SIOCGIFFLAGS, &ifr) < 0)
		return dr_errno();
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	return ioctl(n->ctl, SIOCSIFFLAGS, &ifr) < 0 ? dr_errno() : 0;
}

int sc_netns_set_mac(const struct sc_netns *n, const char *ifname, const uint8_t mac[6])
{
	struct ifreq ifr;
	int r = named(&ifr, ifname);

	if (r < 0)
		return r;
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return ioctl(n->ctl, SIOCSIFHWADDR, &ifr) < 0 ? dr_errno() : 0;
}

int sc_netns_set_port(const struct sc_netns *n, const char *bridge, const char *port, bool in)
{
	struct ifreq ifr;
	int r = named(&ifr, port);

	if (r < 0)
		return r;
	if (ioctl(n->ctl, SIOCGIFINDEX, &ifr) < 0)
		return dr_errno();
	r = ifr.ifr_ifindex;
	if (named(&ifr, bridge) < 0)
		return -ENAMETOOLONG;
	ifr.ifr_ifindex = r;
	if (ioctl(n->ctl, in ? SIOCBRADDIF : SIOCBRDELIF, &ifr) == 0)
		return 0;
	/* busy: in a bridge already; invalid: in none */
	return errno == (in ? EBUSY : EINVAL) ? 0 : dr_errno();
}
