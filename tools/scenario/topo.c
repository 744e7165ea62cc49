/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/topo.h"

#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "tools/scenario/netns.h"
#include "tools/scenario/run.h"

#define NETWORKS 512 /* /24s in 198.18.0.0/15 */
#define MONITOR_OCTET 1
#define HOST_OCTET 11 /* of the first host */
#define ANSWER_DEADLINE dr_sec(20)
#define PING_WAIT dr_sec(1)
#define PLANES_MAX 2

static const char *const bridges[PLANES_MAX] = { "br0", "br1" };

struct nic {
	char ifname[IFNAMSIZ];
	char port[IFNAMSIZ]; /* its other end, in the switch */
	char address[16];
	char mac[18];
};

struct side {
	struct sc_netns netns;
	char *name;
	struct nic nics[PLANES_MAX];
};

struct sc_topo {
	unsigned planes;
	int network[PLANES_MAX];      /* 0 .. NETWORKS - 1 */
	int network_lock[PLANES_MAX]; /* a bound socket */
	struct sc_netns switch_ns;
	bool own_namespace;
	struct side monitor;
	size_t nhosts;
	struct side hosts[];
};

static const struct side *side_of(const struct sc_topo *t, int host)
{
	return host == SC_MONITOR ? &t->monitor : &t->hosts[host];
}

size_t sc_topo_nhosts(const struct sc_topo *t)
{
	return t->nhosts;
}

const char *sc_topo_name(const struct sc_topo *t, int host)
{
	return side_of(t, host)->name;
}

const char *sc_topo_ifname(const struct sc_topo *t, int host)
{
	return sc_topo_plane_ifname(t, host, 0);
}

const char *sc_topo_address(const struct sc_topo *t, int host)
{
	return sc_topo_plane_address(t, host, 0);
}

unsigned sc_topo_planes(const struct sc_topo *t)
{
	return t->planes;
}

const char *sc_topo_plane_ifname(const struct sc_topo *t, int host, unsigned plane)
{
	return side_of(t, host)->nics[plane].ifname;
}

const char *sc_topo_plane_address(const struct sc_topo *t, int host, unsigned plane)
{
	return side_of(t, host)->nics[plane].address;
}

/* ---------------------------------------------------------------- set-up */

/*
 * Takes the first free /24 from one on that follows from the pid. An abstract socket name is the
 * lock: it is unique in the network namespace, which is where addresses clash, and goes with us.
 */
static int take_network(struct sc_topo *t, unsigned plane)
{
	DR_AUTO_CLOSE int lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (lock < 0)
		return dr_errno();
	for (int i = 0; i < NETWORKS; i++) {
		int network = (getpid() + i) % NETWORKS;
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "doctor-topology/%d", network);

		if (bind(lock, (struct sockaddr *)&name,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0) {
			t->network[plane] = network;
			t->network_lock[plane] = DR_TAKE_FD(lock);
			return 0;
		}
		if (errno != EADDRINUSE)
			return dr_errno();
	}
	return -EADDRINUSE;
}

static void number(struct nic *n, int network, int octet)
{
	uint8_t second = (uint8_t)(18 + network / 256), third = (uint8_t)network, fourth = (uint8_t)octet;

	snprintf(n->address, sizeof(n->address), "198.%u.%u.%u", second, third, fourth);
	snprintf(n->mac, sizeof(n->mac), "02:00:c6:%02x:%02x:%02x", second, third, fourth);
}

static void name_monitor_nic(struct sc_topo *t, unsigned plane, unsigned nth)
{
	struct nic *n = &t->monitor.nics[plane];
	char letter = plane ? 'd' : 'm';

	/* at most dr + 7 digits + m + 5 digits = 15 */
	if (nth == 0)
		snprintf(n->ifname, sizeof(n->ifname), "dr%d%c", getpid(), letter);
	else
		snprintf(n->ifname, sizeof(n->ifname), "dr%d%c%u", getpid(), letter, nth % 100000);
	snprintf(n->port, sizeof(n->port), plane ? "dmon" : "mon");
	number(n, t->network[plane], MONITOR_OCTET);
}

static void name_host_nic(struct sc_topo *t, unsigned plane, unsigned host)
{
	struct nic *n = &t->hosts[host].nics[plane];

	snprintf(n->ifname, sizeof(n->ifname), "eth%u", plane % PLANES_MAX);
	snprintf(n->port, sizeof(n->port), "%s%u", plane ? "data" : "port", host % SC_TOPO_HOSTS_MAX);
	number(n, t->network[plane], HOST_OCTET + (int)host);
}

static int name_all(struct sc_topo *t, const struct sc_topo_opts *opts)
{
	static unsigned made; /* topologies of this process so far */
	unsigned nth = __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);

	t->monitor.name = strdup("monitor");
	if (!t->monitor.name)
		return -ENOMEM;
	for (size_t i = 0; i < t->nhosts; i++) {
		struct side *h = &t->hosts[i];

		h->name = opts->hosts ? strdup(opts->hosts[i]) : dr_asprintf("compute-%zu", i + 1);
		if (!h->name)
			return -ENOMEM;
	}
	for (unsigned plane = 0; plane < t->planes; plane++) {
		name_monitor_nic(t, plane, nth);
		for (size_t i = 0; i < t->nhosts; i++)
			name_host_nic(t, plane, (unsigned)i);
	}
	return 0;
}

static int make_namespaces(struct sc_topo *t, char **ret_error)
{
	int r = sc_netns_init(&t->switch_ns, ret_error);

	if (r == 0)
		r = t->own_namespace ? sc_netns_init(&t->monitor.netns, ret_error)
				     : sc_netns_init_current(&t->monitor.netns);
	for (size_t i = 0; i < t->nhosts && r == 0; i++)
		r = sc_netns_init(&t->hosts[i].netns, ret_error);
	return r;
}

/* The veth pairs of one side: its ends are born in its namespace, their peers are ports of the switch. */
static void plug(struct dr_buf *b, const struct sc_topo *t, const struct side *s)
{
	for (unsigned plane = 0; plane < t->planes; plane++) {
		const struct nic *n = &s->nics[plane];

		dr_buf_printf(b,
			      "link add %s type veth peer name %s address %s netns /proc/%d/fd/%d\n"
			      "link set %s master %s up\n",
			      n->port, n->ifname, n->mac, getpid(), s->netns.ns, n->port, bridges[plane]);
	}
}

static int make_switch(struct sc_topo *t, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (unsigned plane = 0; plane < t->planes; plane++)
		dr_buf_printf(&b,
			      "link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
			      "link set %s up\n",
			      bridges[plane], bridges[plane]);
	plug(&b, t, &t->monitor);
	for (size_t i = 0; i < t->nhosts; i++)
		plug(&b, t, &t->hosts[i]);
	return b.error ? b.error : sc_netns_ip(&t->switch_ns, ret_error, "%s", b.data);
}

static void neighbour(struct dr_buf *b, const char *ifname, const struct nic *peer)
{
	dr_buf_printf(b, "neigh replace %s lladdr %s dev %s nud permanent\n", peer->address, peer->mac,
		      ifname);
}

/* Ours is one interface among others in the caller's namespace: no IPv6 on it only. */
static int no_ipv6(const char *ifname)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	DR_AUTO_CLOSE int fd = -1;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : dr_errno();
	return write(fd, "1", 1) < 0 ? dr_errno() : 0;
}

static int start_monitor_side(struct sc_topo *t, char **ret_error)
{
	const struct side *m = &t->monitor;
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (unsigned plane = 0; plane < t->planes; plane++) {
		const struct nic *n = &m->nics[plane];
		int r = t->own_namespace ? 0 : no_ipv6(n->ifname);

		if (r < 0)
			return r;
		dr_buf_printf(&b, "address add %s/24 dev %s\nlink set %s up\n", n->address, n->ifname,
			      n->ifname);
		for (size_t i = 0; i < t->nhosts; i++)
			neighbour(&b, n->ifname, &t->hosts[i].nics[plane]);
	}
	return b.error ? b.error : sc_netns_ip(&m->netns, ret_error, "%s", b.data);
}

/* Setting a link down flushes even permanent neighbours, so this is for the restoration as well. */
static int start_host(struct sc_topo *t, const struct side *h, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (unsigned plane = 0; plane < t->planes; plane++) {
		const struct nic *n = &h->nics[plane];

		dr_buf_printf(&b, "address replace %s/24 dev %s\nlink set %s address %s up\n", n->address,
			      n->ifname, n->ifname, n->mac);
		neighbour(&b, n->ifname, &t->monitor.nics[plane]);
	}
	return b.error ? b.error : sc_netns_ip(&h->netns, ret_error, "%s", b.data);
}

static int wait_plane(struct sc_topo *t, int host, unsigned plane, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), ANSWER_DEADLINE);
	int r;

	do
		r = sc_topo_plane_ping(t, host, plane, PING_WAIT);
	while (r == 1 && dr_mono_sub(end, dr_mono_now()).ns > 0);
	if (r && ret_error)
		*ret_error = dr_asprintf("host %s does not answer at %s%s%s", sc_topo_name(t, host),
					 sc_topo_plane_address(t, host, plane), r < 0 ? ": " : "",
					 r < 0 ? strerror(-r) : "");
	return r > 0 ? -ETIMEDOUT : r;
}

static int wait_answer(struct sc_topo *t, int host, char **ret_error)
{
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++)
		r = wait_plane(t, host, plane, ret_error);
	return r;
}

static int set_up(struct sc_topo *t, const struct sc_topo_opts *opts, char **ret_error)
{
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++)
		r = take_network(t, plane);
	if (r == 0)
		r = name_all(t, opts);
	if (r == 0)
		r = make_namespaces(t, ret_error);
	if (r == 0)
		r = make_switch(t, ret_error);
	if (r == 0)
		r = start_monitor_side(t, ret_error);
	for (size_t i = 0; i < t->nhosts && r == 0; i++)
		r = start_host(t, &t->hosts[i], ret_error);
	for (size_t i = 0; i < t->nhosts && r == 0; i++)
		r = wait_answer(t, (int)i, ret_error);
	return r;
}

int sc_topo_new(const struct sc_topo_opts *opts, struct sc_topo **ret, char **ret_error)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = NULL;
	char *error = NULL;
	int r;

	if (opts->nhosts < 1 || opts->nhosts > SC_TOPO_HOSTS_MAX || opts->planes > PLANES_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t) + opts->nhosts * sizeof(t->hosts[0]));
	if (!t)
		return -ENOMEM;
	t->network_lock[0] = t->network_lock[1] = -1;
	t->planes = opts->planes ? opts->planes : 1;
	t->nhosts = opts->nhosts;
	t->own_namespace = opts->monitor_namespace;
	t->switch_ns = t->monitor.netns = (struct sc_netns)SC_NETNS_INIT;
	for (size_t i = 0; i < t->nhosts; i++)
		t->hosts[i].netns = (struct sc_netns)SC_NETNS_INIT;
	r = set_up(t, opts, &error);
	if (r == 0) {
		*ret = DR_TAKE_PTR(t);
		return 0;
	}
	if (ret_error)
		*ret_error = error ? DR_TAKE_PTR(error)
				   : dr_asprintf("cannot make the network of the hosts: %s", strerror(-r));
	free(error);
	return r;
}

void sc_topo_free(struct sc_topo *t)
{
	if (!t)
		return;
	/* Namespaces die a moment after their last user; removing the pair first takes ours at once. */
	for (unsigned plane = 0; plane < t->planes && t->switch_ns.ns >= 0; plane++) {
		const char *port = t->monitor.nics[plane].port;

		if (sc_netns_carrier(&t->switch_ns, port) >= 0)
			(void)!sc_netns_ip(&t->switch_ns, NULL, "link delete %s\n", port);
	}
	for (size_t i = 0; i < t->nhosts; i++) {
		sc_netns_done(&t->hosts[i].netns);
		free(t->hosts[i].name);
	}
	sc_netns_done(&t->monitor.netns);
	sc_netns_done(&t->switch_ns);
	free(t->monitor.name);
	for (unsigned plane = 0; plane < PLANES_MAX; plane++)
		dr_closep(&t->network_lock[plane]);
	free(t);
}

/* ---------------------------------------------------------------- faults */

static int explain(int r, const char *what, const struct side *h, char **ret_error)
{
	if (r < 0 && ret_error && !*ret_error)
		*ret_error = dr_asprintf("cannot %s host %s: %s", what, h->name, strerror(-r));
	return r;
}

int sc_topo_drop_plane(struct sc_topo *t, int host, unsigned plane, char **ret_error)
{
	const struct side *h = side_of(t, host);

	return explain(sc_netns_set_port(&t->switch_ns, bridges[plane], h->nics[plane].port, false),
		       "silence", h, ret_error);
}

int sc_topo_drop(struct sc_topo *t, int host, char **ret_error)
{
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++)
		r = sc_topo_drop_plane(t, host, plane, ret_error);
	return r;
}

int sc_topo_cut_plane(struct sc_topo *t, int host, unsigned plane, char **ret_error)
{
	const struct side *h = side_of(t, host);

	return explain(sc_netns_set_up(&t->switch_ns, h->nics[plane].port, false), "pull the cable of", h,
		       ret_error);
}

static int set_links(struct sc_topo *t, int host, bool up, char **ret_error)
{
	const struct side *h = side_of(t, host);
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++)
		r = explain(sc_netns_set_up(&h->netns, h->nics[plane].ifname, up),
			    up ? "set up the link of" : "set down the link of", h, ret_error);
	return r;
}

int sc_topo_link_down(struct sc_topo *t, int host, char **ret_error)
{
	return set_links(t, host, false, ret_error);
}

int sc_topo_link_up(struct sc_topo *t, int host, char **ret_error)
{
	return set_links(t, host, true, ret_error);
}

/* Frames for another address are counted and thrown away by the interface's owner, as nobody else is there.
 */
int sc_topo_freeze(struct sc_topo *t, int host, char **ret_error)
{
	static const uint8_t nobody[6] = { 2, 0, 0xc6, 0xff, 0xff, 0xff };
	const struct side *h = side_of(t, host);
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++)
		r = explain(sc_netns_set_mac(&h->netns, h->nics[plane].ifname, nobody), "freeze", h,
			    ret_error);
	return r;
}

static int plug_in(struct sc_topo *t, const struct side *h, char **ret_error)
{
	int r = 0;

	for (unsigned plane = 0; plane < t->planes && r == 0; plane++) {
		r = sc_netns_set_up(&t->switch_ns, h->nics[plane].port, true);
		if (r == 0)
			r = sc_netns_set_port(&t->switch_ns, bridges[plane], h->nics[plane].port, true);
		r = explain(r, "plug in", h, ret_error);
	}
	return r;
}

int sc_topo_restore(struct sc_topo *t, int host, char **ret_error)
{
	const struct side *h = side_of(t, host);
	int r = host == SC_MONITOR ? 0 : start_host(t, h, ret_error);

	if (r == 0)
		r = plug_in(t, h, ret_error);
	return r < 0 ? r : wait_answer(t, host == SC_MONITOR ? 0 : host, ret_error);
}

int sc_topo_unplug(struct sc_topo *t, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (unsigned plane = 0; plane < t->planes; plane++)
		dr_buf_printf(&b, "link delete %s\n", t->monitor.nics[plane].port);
	return b.error ? b.error : sc_netns_ip(&t->switch_ns, ret_error, "%s", b.data);
}

int sc_topo_replug(struct sc_topo *t, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	int r;

	plug(&b, t, &t->monitor);
	r = b.error ? b.error : sc_netns_ip(&t->switch_ns, ret_error, "%s", b.data);
	if (r == 0)
		r = start_monitor_side(t, ret_error);
	return r < 0 ? r : wait_answer(t, 0, ret_error);
}

/* ---------------------------------------------------------------- looking and running */

int sc_topo_plane_carrier(const struct sc_topo *t, int host, unsigned plane)
{
	const struct side *s = side_of(t, host);

	return sc_netns_carrier(&s->netns, s->nics[plane].ifname);
}

int sc_topo_carrier(const struct sc_topo *t, int host)
{
	return sc_topo_plane_carrier(t, host, 0);
}

int sc_topo_plane_ping(const struct sc_topo *t, int host, unsigned plane, struct dr_dur wait)
{
	char seconds[32];
	int r;

	snprintf(seconds, sizeof(seconds), "%.3f", DR_MIN(dr_dur_seconds(wait), 10.0));
	r = sc_topo_run(t, SC_MONITOR,
			(const char *const[]){ SC_PING, seconds, "-I", t->monitor.nics[plane].ifname,
					       sc_topo_plane_address(t, host, plane), NULL },
			NULL);
	return r <= 1 ? r : -EIO;
}

int sc_topo_ping(const struct sc_topo *t, int host, struct dr_dur wait)
{
	return sc_topo_plane_ping(t, host, 0, wait);
}

int sc_topo_enter(const struct sc_topo *t, int host)
{
	return sc_netns_enter(&side_of(t, host)->netns);
}

int sc_topo_spawn(const struct sc_topo *t, int host, const char *const argv[], const int fds[3],
		  pid_t *ret_pid)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL };
	sigset_t none;
	pid_t pid = fork();

	if (pid < 0)
		return dr_errno();
	if (pid > 0) {
		*ret_pid = pid;
		return 0;
	}
	for (int i = 0; i < 3; i++)
		if (fds && fds[i] >= 0 && dup2(fds[i], i) < 0)
			_exit(127);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &defaults, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sc_topo_enter(t, host) < 0)
		_exit(127);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

int sc_topo_run(const struct sc_topo *t, int host, const char *const argv[], struct dr_buf *ret_output)
{
	DR_AUTO_CLOSE int out = memfd_create("output", MFD_CLOEXEC);
	DR_AUTO_CLOSE int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int r;

	if (out < 0 || in < 0)
		return dr_errno();
	r = sc_topo_spawn(t, host, argv, (const int[]){ in, out, out }, &pid);
	if (r < 0)
		return r;
	r = sc_wait(pid);
	if (ret_output)
		sc_append_file(ret_output, out);
	return r;
}
