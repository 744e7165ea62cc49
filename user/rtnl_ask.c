/* SPDX-License-Identifier: Apache-2.0 */
#include "user/rtnl_ask.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define QUESTION_MAX 256

int rtnl_ask_init(struct rtnl_ask *a)
{
	/* the kernel answers before the question's system call returns; only an answer lost for want of
	 * memory is waited for in vain */
	const struct timeval limit = { .tv_sec = 2 };
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!s)
		return dr_errno();
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		int r = dr_errno();
		mnl_socket_close(s);
		return r;
	}
	a->socket = s;
	return 0;
}

void rtnl_ask_done(struct rtnl_ask *a)
{
	if (a->socket)
		mnl_socket_close(a->socket);
	a->socket = NULL;
}

/* What has been heard of one answer. */
struct hearing {
	rtnl_answer_fn fn;
	void *userdata;
	bool complete, interrupted;
	int result;
};

static void hear(struct hearing *h, const struct nlmsghdr *m)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_flags & NLM_F_DUMP_INTR)
		h->interrupted = true;
	if (m->nlmsg_type == NLMSG_ERROR) {
		h->complete = true;
		if (mnl_nlmsg_get_payload_len(m) < sizeof(*e))
			h->result = -EBADMSG;
		else if (e->error)
			h->result = e->error;
	} else if (m->nlmsg_type == NLMSG_DONE) {
		h->complete = true;
	} else if (m->nlmsg_type >= NLMSG_MIN_TYPE) {
		if (h->result == 0)
			h->result = h->fn(m, h->userdata);
		h->complete = !(m->nlmsg_flags & NLM_F_MULTI);
	}
}

int rtnl_ask(struct rtnl_ask *a, struct nlmsghdr *q, rtnl_answer_fn fn, void *userdata)
{
	struct hearing h = { .fn = fn, .userdata = userdata };

	q->nlmsg_seq = ++a->seq;
	if (mnl_socket_sendto(a->socket, q, q->nlmsg_len) < 0)
		return dr_errno();
	while (!h.complete) {
		ssize_t n = mnl_socket_recvfrom(a->socket, a->buffer, sizeof(a->buffer));
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : dr_errno();
		for (struct nlmsghdr *m = (struct nlmsghdr *)a->buffer; mnl_nlmsg_ok(m, left) && !h.complete;
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq == q->nlmsg_seq) /* else the rest of one that was given up */
				hear(&h, m);
		}
	}
	return h.result ? h.result : h.interrupted ? -EINTR : 0;
}

static struct nlmsghdr *question(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *q = mnl_nlmsg_put_header(buffer);

	q->nlmsg_type = type;
	q->nlmsg_flags = NLM_F_REQUEST | flags;
	return q;
}

/* ---------------------------------------------------------------- links */

struct nlmsghdr *rtnl_link_question(char *buffer, unsigned ifindex)
{
	struct nlmsghdr *q = question(buffer, RTM_GETLINK, ifindex ? 0 : NLM_F_DUMP);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(q, sizeof(*i));

	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)ifindex;
	mnl_attr_put_u32(q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return q;
}

static uint32_t u32_of(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

int rtnl_link_read(const struct nlmsghdr *m, struct mon_rtnl_link *ret)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(m);
	struct mon_rtnl_link l = { .gone = m->nlmsg_type == RTM_DELLINK };
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWLINK && m->nlmsg_type != RTM_DELLINK)
		return 1;
	if (mnl_nlmsg_get_payload_len(m) < sizeof(*i))
		return -EBADMSG;
	if (i->ifi_family != AF_UNSPEC) /* a bridge says that a port left by RTM_DELLINK of AF_BRIDGE */
		return 1;
	l.ifindex = (unsigned)i->ifi_index;
	l.up = i->ifi_flags & IFF_UP;
	l.carrier = l.up && (i->ifi_flags & IFF_LOWER_UP);
	mnl_attr_for_each(a, m, sizeof(*i))
	{
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
				snprintf(l.name, sizeof(l.name), "%s", mnl_attr_get_str(a));
			break;
		case IFLA_MTU:
			l.mtu = u32_of(a);
			break;
		case IFLA_CARRIER_UP_COUNT:
			l.ups = u32_of(a);
			break;
		case IFLA_CARRIER_DOWN_COUNT:
			l.downs = u32_of(a);
			break;
		}
	}
	*ret = l;
	return 0;
}

static int on_link(const struct nlmsghdr *m, void *userdata)
{
	int r = rtnl_link_read(m, userdata);

	return r > 0 ? -EBADMSG : r;
}

int rtnl_ask_link(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_link *ret)
{
	struct mon_rtnl_link l = { 0 };
	char buffer[QUESTION_MAX];
	int r = rtnl_ask(a, rtnl_link_question(buffer, ifindex), on_link, &l);

	if (r == 0)
		*ret = l;
	return r;
}

/* ---------------------------------------------------------------- what they are */

static void read_kind(const struct nlattr *info, struct mon_rtnl_device *d)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			snprintf(d->kind, sizeof(d->kind), "%s", mnl_attr_get_str(a));
	}
}

int rtnl_device_read(const struct nlmsghdr *m, struct mon_rtnl_device *ret)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(m);
	struct mon_rtnl_device d = { 0 };
	bool elsewhere = false;
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWLINK)
		return 1;
	if (mnl_nlmsg_get_payload_len(m) < sizeof(*i))
		return -EBADMSG;
	d.ifindex = (unsigned)i->ifi_index;
	mnl_attr_for_each(a, m, sizeof(*i))
	{
		switch (mnl_attr_get_type(a)) {
		case IFLA_LINKINFO:
			read_kind(a, &d);
			break;
		case IFLA_LINK:
			d.linked = true;
			d.link = u32_of(a);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_MASTER:
			d.master = u32_of(a);
			break;
		case IFLA_NUM_RX_QUEUES:
			d.queues = u32_of(a);
			break;
		}
	}
	if (elsewhere) /* an ifindex of there */
		d.link = 0;
	*ret = d;
	return 0;
}

static int on_device(const struct nlmsghdr *m, void *userdata)
{
	int r = rtnl_device_read(m, userdata);

	return r > 0 ? -EBADMSG : r;
}

int rtnl_ask_device(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_device *ret)
{
	struct mon_rtnl_device d = { 0 };
	char buffer[QUESTION_MAX];
	int r = rtnl_ask(a, rtnl_link_question(buffer, ifindex), on_device, &d);

	if (r == 0)
		*ret = d;
	return r;
}

struct devices {
	struct mon_rtnl_device *all;
	size_t n, room;
};

static int on_each_device(const struct nlmsghdr *m, void *userdata)
{
	struct devices *d = userdata;

	if (d->n == d->room) {
		size_t room = d->room ? 2 * d->room : 16;
		struct mon_rtnl_device *all = reallocarray(d->all, room, sizeof(*all));

		if (!all)
			return -ENOMEM;
		d->all = all;
		d->room = room;
	}
	int r = rtnl_device_read(m, &d->all[d->n]);
	d->n += r == 0;
	return r < 0 ? r : 0;
}

int rtnl_ask_devices(struct rtnl_ask *a, struct mon_rtnl_device **ret, size_t *ret_n)
{
	struct devices d = { 0 };
	char buffer[QUESTION_MAX];
	int r = -EINTR;

	for (int tries = 0; r == -EINTR && tries < RTNL_DUMP_TRIES; tries++) {
		d.n = 0;
		r = rtnl_ask(a, rtnl_link_question(buffer, 0), on_each_device, &d);
	}
	if (r && r != -EINTR) { /* one that still changes lacks little */
		free(d.all);
		return r;
	}
	*ret = d.all;
	*ret_n = d.n;
	return 0;
}

/* ---------------------------------------------------------------- carrier */

static int ask_carrier(struct rtnl_ask *a, unsigned ifindex, bool *ret)
{
	struct mon_rtnl_link l;
	int r = rtnl_ask_link(a, ifindex, &l);

	if (r && r != -ENODEV)
		return r;
	*ret = r == 0 && l.carrier;
	return 0;
}

/* ---------------------------------------------------------------- routes and neighbours */

struct address {
	uint8_t family, len;
	unsigned char bytes[16];
};

static struct address address_of(const __be32 mapped[4])
{
	static const unsigned char prefix[12] = { [10] = 0xff, [11] = 0xff };
	const unsigned char *from = (const unsigned char *)mapped;
	struct address a = { AF_INET6, 16, { 0 } };

	if (memcmp(from, prefix, sizeof(prefix)) == 0) {
		a = (struct address){ AF_INET, 4, { 0 } };
		from += sizeof(prefix);
	}
	memcpy(a.bytes, from, a.len);
	return a;
}

struct route {
	unsigned char type;	/* RTN_* */
	unsigned ifindex;	/* 0: not told */
	struct address gateway; /* family 0: none */
};

static void take_address(struct address *to, uint8_t family, const void *bytes, size_t len)
{
	uint8_t want = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;

	if (want == 0 || len != want)
		return;
	*to = (struct address){ .family = family, .len = want };
	memcpy(to->bytes, bytes, want);
}

static int on_route(const struct nlmsghdr *m, void *userdata)
{
	const struct rtmsg *t = mnl_nlmsg_get_payload(m);
	struct route *route = userdata;
	const struct rtvia *via;
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(m) < sizeof(*t))
		return -EBADMSG;
	route->type = t->rtm_type;
	mnl_attr_for_each(a, m, sizeof(*t))
	{
		size_t len = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case RTA_OIF:
			route->ifindex = u32_of(a);
			break;
		case RTA_GATEWAY:
			take_address(&route->gateway, t->rtm_family, mnl_attr_get_payload(a), len);
			break;
		case RTA_VIA: /* a gateway of another family, RFC 5549 */
			via = mnl_attr_get_payload(a);
			if (len > sizeof(*via))
				take_address(&route->gateway, (uint8_t)via->rtvia_family, via->rtvia_addr,
					     len - sizeof(*via));
			break;
		}
	}
	return 0;
}

static bool is_unreachable(int r)
{
	/* the errors of route types unreachable, prohibit, blackhole and throw, and of no route at all */
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL || r == -EAGAIN ||
	       r == -ENODEV;
}

/* 0 and *ret; 1: there is no route. */
static int ask_route(struct rtnl_ask *a, const struct address *to, unsigned ifindex, unsigned flags,
		     struct route *ret)
{
	char buffer[QUESTION_MAX];
	struct nlmsghdr *q = question(buffer, RTM_GETROUTE, 0);
	struct rtmsg *t = mnl_nlmsg_put_extra_header(q, sizeof(*t));

	t->rtm_family = to->family;
	t->rtm_dst_len = (unsigned char)(to->len * 8);
	t->rtm_flags = flags;
	mnl_attr_put(q, RTA_DST, to->len, to->bytes);
	mnl_attr_put_u32(q, RTA_OIF, ifindex);
	*ret = (struct route){ 0 };
	int r = rtnl_ask(a, q, on_route, ret);
	return is_unreachable(r) ? 1 : r;
}

static int on_neighbour(const struct nlmsghdr *m, void *userdata)
{
	const struct ndmsg *n = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(m) < sizeof(*n))
		return -EBADMSG;
	*(uint16_t *)userdata = n->ndm_state;
	return 0;
}

static int ask_neighbour(struct rtnl_ask *a, const struct address *of, unsigned ifindex, uint16_t *ret)
{
	char buffer[QUESTION_MAX];
	struct nlmsghdr *q = question(buffer, RTM_GETNEIGH, 0);
	struct ndmsg *n = mnl_nlmsg_put_extra_header(q, sizeof(*n));
	uint16_t state = 0;

	n->ndm_family = of->family;
	n->ndm_ifindex = (int)ifindex;
	mnl_attr_put(q, NDA_DST, of->len, of->bytes);
	int r = rtnl_ask(a, q, on_neighbour, &state);
	if (r && r != -ENOENT)
		return r;
	*ret = r ? 0 : state;
	return 0;
}

static int ask_path(struct rtnl_ask *a, const __be32 mapped[4], unsigned ifindex, struct mon_rtnl_path *p)
{
	const struct address to = address_of(mapped);
	struct route route, known;
	int r;

	if ((r = ask_carrier(a, ifindex, &p->carrier)) || !p->carrier)
		return r;
	r = ask_route(a, &to, ifindex, 0, &route);
	if (r)
		return r < 0 ? r : 0;
	p->routed = route.type != RTN_LOCAL;
	if (!p->routed)
		return 0;
	if (to.family == AF_INET) {
		r = ask_route(a, &to, ifindex, RTM_F_FIB_MATCH, &known);
		if (r < 0)
			return r;
		p->assumed = r == 1;
	}
	p->gateway = route.gateway.family;
	return ask_neighbour(a, p->gateway ? &route.gateway : &to, route.ifindex ? route.ifindex : ifindex,
			     &p->neighbour);
}

enum dr_reason mon_rtnl_judge(const struct mon_rtnl_path *p)
{
	const uint16_t usable = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

	if (!p->carrier)
		return DR_REASON_NO_CARRIER;
	if (!p->routed)
		return DR_REASON_NO_ROUTE;
	if (p->neighbour & usable)
		return DR_REASON_NONE;
	if (p->assumed) /* that it does not answer ARP says nothing of a host that is not on this link */
		return DR_REASON_NO_ROUTE;
	if (!(p->neighbour & (NUD_FAILED | NUD_INCOMPLETE)))
		return DR_REASON_NONE;
	return p->gateway ? DR_REASON_NO_GATEWAY : DR_REASON_NO_NEIGHBOUR;
}

int rtnl_ask_why(struct rtnl_ask *a, const __be32 address[4], unsigned ifindex, enum dr_reason *ret)
{
	struct mon_rtnl_path p = { 0 };
	int r = ask_path(a, address, ifindex, &p);

	if (r == 0)
		*ret = mon_rtnl_judge(&p);
	return r;
}

/* ---------------------------------------------------------------- drops */

static int on_stats(const struct nlmsghdr *m, void *userdata)
{
	struct mon_rtnl_drops *drops = userdata;
	struct rtnl_link_stats64 s = { 0 };
	const struct nlattr *a;

	if (m->nlmsg_type != RTM_NEWSTATS || mnl_nlmsg_get_payload_len(m) < sizeof(struct if_stats_msg))
		return -EBADMSG;
	mnl_attr_for_each(a, m, sizeof(struct if_stats_msg))
	{
		if (mnl_attr_get_type(a) != IFLA_STATS_LINK_64)
			continue;
		/* kernels append to it */
		memcpy(&s, mnl_attr_get_payload(a), DR_MIN(sizeof(s), mnl_attr_get_payload_len(a)));
		*drops = (struct mon_rtnl_drops){ s.rx_dropped, s.rx_missed_errors, s.rx_errors };
		return 0;
	}
	return -EBADMSG;
}

int rtnl_ask_drops(struct rtnl_ask *a, unsigned ifindex, struct mon_rtnl_drops *ret)
{
	char buffer[QUESTION_MAX];
	struct nlmsghdr *q = question(buffer, RTM_GETSTATS, 0);
	struct if_stats_msg *s = mnl_nlmsg_put_extra_header(q, sizeof(*s));
	struct mon_rtnl_drops drops;

	s->ifindex = ifindex;
	s->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
	int r = rtnl_ask(a, q, on_stats, &drops);
	if (r == 0)
		*ret = drops;
	return r;
}
