/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "tools/bench/machine.h"
#include "tools/scenario/netns.h"

#define WATCHER 0x0a000001U
#define HOSTS 0x0a020000U
#define ALIASES 0x0a010000U
#define PER_THIRD 250 /* hosts that share the third octet */

struct bench_field {
	struct sc_netns watcher, hosts;
};

const char *bench_address(uint32_t address, char buf[BENCH_ADDRESS_MAX])
{
	struct in_addr a = { htonl(address) };

	return inet_ntop(AF_INET, &a, buf, BENCH_ADDRESS_MAX);
}

static int fail(int r, char **ret_error)
{
	if (!*ret_error)
		*ret_error = dr_asprintf("cannot make the network of the hosts: %s", strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- switch */

static uint32_t parse(const char *text)
{
	struct in_addr a = { 0 };

	inet_pton(AF_INET, text, &a);
	return ntohl(a.s_addr);
}

static int switch_up(size_t hosts, struct bench_net *n, char **ret_error)
{
	struct sc_topo_opts opts = { .nhosts = hosts, .monitor_namespace = true };
	const char *const lo[] = { "ip", "link", "set", "lo", "up", NULL };
	uint32_t us;
	int r;

	if ((r = sc_topo_new(&opts, &n->topo, ret_error)))
		return r;
	n->hosts = calloc(hosts, sizeof(*n->hosts));
	if (!n->hosts)
		return -ENOMEM;
	n->nhosts = hosts;
	n->nsides = (int)hosts;
	snprintf(n->ifname, sizeof(n->ifname), "%s", sc_topo_ifname(n->topo, SC_MONITOR));
	snprintf(n->peername, sizeof(n->peername), "%s", sc_topo_ifname(n->topo, 0));
	us = parse(sc_topo_address(n->topo, SC_MONITOR));
	for (size_t i = 0; i < hosts; i++)
		n->hosts[i] = (struct bench_host){ parse(sc_topo_address(n->topo, (int)i)), us, us, (int)i };
	return sc_topo_run(n->topo, SC_MONITOR, lo, NULL) ? -EIO : 0;
}

int bench_net_switch(size_t hosts, struct bench_net *ret, char **ret_error)
{
	struct bench_net n = { 0 };
	int r = switch_up(hosts, &n, ret_error);

	if (r) {
		bench_net_done(&n);
		return fail(r, ret_error);
	}
	*ret = n;
	return 0;
}

/* ---------------------------------------------------------------- field */

/* 10/8 is on the link for BIRD, which takes no other neighbours; the routes say how frames really go. */
static int side_up(const struct sc_netns *ns, const char *ifname, int own, char **ret_error)
{
	int other = 3 - own;

	return sc_netns_ip(ns, ret_error,
			   "link set lo up\n"
			   "address add 10.0.0.%d/8 dev %s noprefixroute\n"
			   "link set %s up\n"
			   "route add 10.0.0.%d/32 dev %s\n"
			   "neigh replace 10.0.0.%d lladdr 02:00:0a:00:00:0%d dev %s nud permanent\n"
			   "route add local 10.%d.0.0/16 dev lo\n"
			   "route add 10.%d.0.0/16 via 10.0.0.%d\n",
			   own, ifname, ifname, other, ifname, other, other, ifname, own, other, other);
}

static int field_up(size_t hosts, struct bench_net *n, char **ret_error)
{
	struct bench_field *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->watcher = f->hosts = (struct sc_netns)SC_NETNS_INIT;
	n->field = f;
	n->hosts = calloc(hosts, sizeof(*n->hosts));
	if (!n->hosts)
		return -ENOMEM;
	n->nhosts = hosts;
	n->nsides = 1;
	snprintf(n->ifname, sizeof(n->ifname), "watch0");
	snprintf(n->peername, sizeof(n->peername), "hosts0");
	for (size_t i = 0; i < hosts; i++) {
		uint32_t low = (uint32_t)(i / PER_THIRD << 8 | (i % PER_THIRD + 1));

		n->hosts[i] = (struct bench_host){ HOSTS | low, WATCHER, ALIASES | low, 0 };
	}
	if ((r = sc_netns_init(&f->watcher, ret_error)) || (r = sc_netns_init(&f->hosts, ret_error)))
		return r;
	r = sc_netns_ip(&f->watcher, ret_error,
			"link add watch0 address 02:00:0a:00:00:01 type veth peer name hosts0 address "
			"02:00:0a:00:00:02 netns /proc/%d/fd/%d\n",
			getpid(), f->hosts.ns);
	if (r == 0)
		r = side_up(&f->watcher, "watch0", 1, ret_error);
	return r ? r : side_up(&f->hosts, "hosts0", 2, ret_error);
}

int bench_net_field(size_t hosts, struct bench_net *ret, char **ret_error)
{
	struct bench_net n = { 0 };
	int r = hosts > BENCH_FIELD_MAX ? -EINVAL : field_up(hosts, &n, ret_error);

	if (r) {
		bench_net_done(&n);
		return fail(r, ret_error);
	}
	*ret = n;
	return 0;
}

void bench_net_done(struct bench_net *n)
{
	sc_topo_free(n->topo);
	if (n->field) {
		/* namespaces die a moment after their last user; the pair goes at once */
		if (n->field->watcher.ns >= 0 && sc_netns_carrier(&n->field->watcher, n->ifname) >= 0)
			(void)!sc_netns_ip(&n->field->watcher, NULL, "link delete %s\n", n->ifname);
		sc_netns_done(&n->field->watcher);
		sc_netns_done(&n->field->hosts);
	}
	free(n->field);
	free(n->hosts);
	*n = (struct bench_net){ 0 };
}

/* ---------------------------------------------------------------- use */

int bench_net_enter(const struct bench_net *n, int side)
{
	if (n->topo)
		return sc_topo_enter(n->topo, side == BENCH_WATCHER ? SC_MONITOR : side);
	return sc_netns_enter(side == BENCH_WATCHER ? &n->field->watcher : &n->field->hosts);
}

int bench_net_visit(const struct bench_net *n, int side, int *ret_back)
{
	DR_AUTO_CLOSE int back = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (back < 0)
		return dr_errno();
	r = bench_net_enter(n, side);
	if (r == 0)
		*ret_back = DR_TAKE_FD(back);
	return r;
}

void bench_net_leave(int back)
{
	if (setns(back, CLONE_NEWNET) < 0)
		abort(); /* all that follows would happen in the wrong place */
	close(back);
}

/* All their addresses are local to that side, but for those with a route of their own. */
int bench_net_silence(const struct bench_net *n, size_t host, bool silent, char **ret_error)
{
	char address[BENCH_ADDRESS_MAX];

	return sc_netns_ip(&n->field->hosts, ret_error, "route %s blackhole %s/32 table local\n",
			   silent ? "add" : "delete", bench_address(n->hosts[host].address, address));
}

int bench_net_find(const struct bench_net *n, uint32_t address)
{
	size_t low = 0, high = n->nhosts;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (n->hosts[mid].address == address)
			return (int)mid;
		if (n->hosts[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

int bench_net_packets(const struct bench_net *n, uint64_t *ret_rx, uint64_t *ret_tx)
{
	char text[8192];
	int back, r = bench_net_visit(n, BENCH_WATCHER, &back);

	if (r < 0)
		return r;
	r = bench_read_text("/proc/thread-self/net/dev", text, sizeof(text));
	bench_net_leave(back);
	if (r < 0)
		return r;
	return bench_packets_parse(text, n->ifname, ret_rx, ret_tx) ? 0 : -EBADMSG;
}
