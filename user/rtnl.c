/* SPDX-License-Identifier: Apache-2.0 */
#include "user/rtnl.h"

#include <assert.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "user/rtnl_ask.h"

#define RECEIVE_BUFFER (1 << 20) /* some 400 notifications */
#define READS_PER_WAKE 64
#define READS_TO_EMPTY 4096 /* a full buffer has far fewer; more only while new ones pour in */

struct links { /* sorted by ifindex */
	struct mon_rtnl_link *all;
	size_t n, room;
};

struct mon_rtnl {
	mon_rtnl_link_fn fn;
	void *userdata;
	struct mnl_socket *events;
	struct dr_source *source;
	struct links known;
	uint64_t overruns;
	bool again; /* the last dump may lack some: things changed all the while */
	struct rtnl_ask ask;
	char buffer[RTNL_BUFFER]; /* of notifications: their callbacks may ask */
};

/* ---------------------------------------------------------------- what is known */

/* Where the link is, or belongs. */
static size_t place_of(const struct links *l, unsigned ifindex)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (l->all[mid].ifindex < ifindex)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_at(const struct links *l, size_t place, unsigned ifindex)
{
	return place < l->n && l->all[place].ifindex == ifindex;
}

static int insert(struct links *l, size_t place, const struct mon_rtnl_link *link)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct mon_rtnl_link *all = reallocarray(l->all, room, sizeof(*all));

		if (!all)
			return -ENOMEM;
		l->all = all;
		l->room = room;
	}
	memmove(&l->all[place + 1], &l->all[place], (l->n - place) * sizeof(*l->all));
	l->all[place] = *link;
	l->n++;
	return 0;
}

static void take_out(struct links *l, size_t place)
{
	l->n--;
	memmove(&l->all[place], &l->all[place + 1], (l->n - place) * sizeof(*l->all));
}

static bool is_same(const struct mon_rtnl_link *a, const struct mon_rtnl_link *b)
{
	return strcmp(a->name, b->name) == 0 && a->up == b->up && a->carrier == b->carrier &&
	       a->mtu == b->mtu && a->ups == b->ups && a->downs == b->downs;
}

uint32_t mon_rtnl_blips(const struct mon_rtnl_link *before, const struct mon_rtnl_link *now)
{
	uint32_t losses = now->downs - before->downs;

	if ((int32_t)losses < 0) /* a notification of the past */
		return 0;
	/* an interface that was set down may have lost its carrier without counting it */
	return losses && before->carrier && !now->carrier ? losses - 1 : losses;
}

static bool is_older(const struct mon_rtnl_link *a, const struct mon_rtnl_link *than)
{
	return (int32_t)(a->downs - than->downs) < 0 || (int32_t)(a->ups - than->ups) < 0;
}

static int tell(struct mon_rtnl *r, struct mon_rtnl_link link)
{
	size_t place = place_of(&r->known, link.ifindex);
	bool is_known = is_at(&r->known, place, link.ifindex);

	if (!is_known) {
		if (link.gone)
			return 0;
		int e = insert(&r->known, place, &link);
		if (e)
			return e;
	} else if (link.gone) {
		link = r->known.all[place];
		link.gone = true;
		take_out(&r->known, place);
	} else {
		struct mon_rtnl_link *before = &r->known.all[place];
		if (is_same(before, &link))
			return 0;
		link.blips = mon_rtnl_blips(before, &link);
		*before = link;
		before->blips = 0;
	}
	r->fn(&link, r->userdata);
	return 0;
}

/* ---------------------------------------------------------------- all of them */

static int on_dumped(const struct nlmsghdr *m, void *userdata)
{
	struct links *l = userdata;
	struct mon_rtnl_link link;
	int r = rtnl_link_read(m, &link);

	if (r)
		return r < 0 ? r : 0;
	size_t place = place_of(l, link.ifindex);
	return is_at(l, place, link.ifindex) ? 0 : insert(l, place, &link);
}

/* 1: *ret may lack some. */
static int dump(struct mon_rtnl *r, struct links *ret)
{
	char buffer[256];
	int e = -EINTR;

	for (int tries = 0; e == -EINTR && tries < RTNL_DUMP_TRIES; tries++) {
		ret->n = 0;
		e = rtnl_ask(&r->ask, rtnl_link_question(buffer, 0), on_dumped, ret);
	}
	return e == -EINTR ? 1 : e;
}

static bool is_gone(const struct links *there, const struct mon_rtnl_link *l)
{
	size_t place = place_of(there, l->ifindex);

	/* counts that went back are another device's that got the same index */
	return !is_at(there, place, l->ifindex) || is_older(&there->all[place], l);
}

static int tell_gone(struct mon_rtnl *r, const struct links *there)
{
	for (size_t i = r->known.n; i-- > 0;) {
		struct mon_rtnl_link link = r->known.all[i];
		int e;

		link.gone = is_gone(there, &link);
		if (link.gone && (e = tell(r, link)))
			return e;
	}
	return 0;
}

static int tell_there(struct mon_rtnl *r, const struct links *there)
{
	for (size_t i = 0; i < there->n; i++) {
		int e = tell(r, there->all[i]);
		if (e)
			return e;
	}
	return 0;
}

static int read_all(struct mon_rtnl *r)
{
	struct links there = { 0 };
	int e = dump(r, &there);

	r->again = e == 1;
	if (e == 0)
		e = tell_gone(r, &there);
	if (e >= 0)
		e = tell_there(r, &there);
	free(there.all);
	return e;
}

/* ---------------------------------------------------------------- notifications */

/* The bytes in the buffer, 0: nothing waits, or a negative errno; -ENOBUFS: some were lost. */
static ssize_t receive(struct mon_rtnl *r)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(r->events, r->buffer, sizeof(r->buffer));
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? 0 : dr_errno();
}

/* A notification that is older than the last dump is not news. */
static bool is_stale(const struct mon_rtnl *r, const struct mon_rtnl_link *l)
{
	size_t place = place_of(&r->known, l->ifindex);

	return !l->gone && is_at(&r->known, place, l->ifindex) && is_older(l, &r->known.all[place]);
}

static int handle(struct mon_rtnl *r, ssize_t size)
{
	int left = (int)size;

	for (struct nlmsghdr *m = (struct nlmsghdr *)r->buffer; mnl_nlmsg_ok(m, left);
	     m = mnl_nlmsg_next(m, &left)) {
		struct mon_rtnl_link link;
		int e = rtnl_link_read(m, &link);

		if (e == 0 && !is_stale(r, &link))
			e = tell(r, link);
		if (e < 0)
			return e;
	}
	return 0;
}

/* What still waits is older than what was lost, so it would undo what the dump tells. */
static int start_over(struct mon_rtnl *r)
{
	ssize_t n = 1;

	for (int i = 0; n && i < READS_TO_EMPTY; i++) {
		n = receive(r);
		if (n < 0 && n != -ENOBUFS)
			return (int)n;
	}
	return read_all(r);
}

static int on_events(struct dr_source *s, int fd, uint32_t epoll_events, void *userdata)
{
	struct mon_rtnl *r = userdata;

	if (r->again)
		return start_over(r);
	for (int i = 0; i < READS_PER_WAKE; i++) {
		ssize_t n = receive(r);

		if (n == -ENOBUFS) {
			r->overruns++;
			return start_over(r);
		}
		if (n <= 0)
			return (int)n;
		int e = handle(r, n);
		if (e)
			return e;
	}
	return 0;
}

static int subscribe(struct mon_rtnl *r)
{
	const int size = RECEIVE_BUFFER;

	r->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!r->events)
		return dr_errno();
	int fd = mnl_socket_get_fd(r->events);
	/* past the system's limit with CAP_NET_ADMIN; a smaller one only overruns sooner */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return mnl_socket_bind(r->events, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0 ? dr_errno() : 0;
}

/* ---------------------------------------------------------------- life */

int mon_rtnl_new(struct dr_loop *loop, mon_rtnl_link_fn fn, void *userdata, struct mon_rtnl **ret)
{
	DR_AUTO(mon_rtnl_freep) struct mon_rtnl *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->userdata = userdata;
	if ((e = rtnl_ask_init(&r->ask)) || (e = subscribe(r)) || (e = read_all(r)) ||
	    (e = dr_loop_add_io(loop, mnl_socket_get_fd(r->events), EPOLLIN, on_events, r, &r->source)))
		return e;
	*ret = DR_TAKE_PTR(r);
	return 0;
}

void mon_rtnl_free(struct mon_rtnl *r)
{
	if (!r)
		return;
	dr_source_free(r->source);
	if (r->events)
		mnl_socket_close(r->events);
	rtnl_ask_done(&r->ask);
	free(r->known.all);
	free(r);
}

void mon_rtnl_tell_again(struct mon_rtnl *r)
{
	for (size_t i = 0; i < r->known.n; i++)
		r->fn(&r->known.all[i], r->userdata);
}

uint64_t mon_rtnl_overruns(const struct mon_rtnl *r)
{
	return r->overruns;
}

int mon_rtnl_link_now(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_link *ret)
{
	return rtnl_ask_link(&r->ask, ifindex, ret);
}

int mon_rtnl_device(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_device *ret)
{
	return rtnl_ask_device(&r->ask, ifindex, ret);
}

int mon_rtnl_devices(struct mon_rtnl *r, struct mon_rtnl_device **ret, size_t *ret_n)
{
	return rtnl_ask_devices(&r->ask, ret, ret_n);
}

int mon_rtnl_why(struct mon_rtnl *r, const __be32 address[4], unsigned ifindex, enum dr_reason *ret)
{
	return rtnl_ask_why(&r->ask, address, ifindex, ret);
}

int mon_rtnl_drops(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_drops *ret)
{
	return rtnl_ask_drops(&r->ask, ifindex, ret);
}
