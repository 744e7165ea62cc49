/* SPDX-License-Identifier: Apache-2.0 */
/* BFD (RFC 5880), which both sides speak: FRR's bfdd with the zebra that it needs, and BIRD. */
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/bench/watch.h"

#define FRR "/usr/lib/frr/"
#define FRR_USER "frr" /* it refuses to be root */

/* One session, seen from one side. */
typedef void (*session_fn)(struct dr_buf *b, const struct bench_watch *w, const char *peer, const char *local,
			   const char *ifname);

static void sessions(struct dr_buf *b, const struct bench_watch *w, int side, session_fn fn)
{
	const struct bench_net *n = w->o.net;
	char peer[BENCH_ADDRESS_MAX], local[BENCH_ADDRESS_MAX];

	for (size_t i = 0; i < n->nhosts; i++) {
		const struct bench_host *h = &n->hosts[i];

		if (side == BENCH_WATCHER)
			fn(b, w, bench_address(h->address, peer), bench_address(h->local, local), n->ifname);
		else if (h->side == side)
			fn(b, w, bench_address(h->seen, peer), bench_address(h->address, local), n->peername);
	}
}

static int each_side(struct bench_watch *w, int (*fn)(struct bench_watch *, int, char **), char **ret_error)
{
	int r = 0;

	for (int side = BENCH_WATCHER; side < w->o.net->nsides && r == 0; side++)
		r = fn(w, side, ret_error);
	return r;
}

/* ---------------------------------------------------------------- BIRD */

static void bird_session(struct dr_buf *b, const struct bench_watch *w, const char *peer, const char *local,
			 const char *ifname)
{
	dr_buf_printf(b, "  neighbor %s dev \"%s\" local %s;\n", peer, ifname, local);
}

static int bird_side(struct bench_watch *w, int side, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char name[64], config[256], control[300], pid[300];
	int r;

	dr_buf_printf(&b,
		      "log stderr all;\nrouter id 10.0.0.%d;\nprotocol device {}\nprotocol bfd b {\n"
		      "  debug { events };\n  interface \"*\" { interval %lld us; multiplier %u; };\n",
		      side + 2, (long long)(w->o.interval.ns / 1000), w->o.multiplier);
	sessions(&b, w, side, bird_session);
	dr_buf_puts(&b, "}\n");
	snprintf(name, sizeof(name), "bird%d.conf", side);
	r = bench_watch_write(w, name, &b, config, sizeof(config), ret_error);
	if (r < 0)
		return r;
	snprintf(control, sizeof(control), "%s.ctl", config);
	snprintf(pid, sizeof(pid), "%s.pid", config);
	return bench_watch_spawn(
		w, side,
		(const char *const[]){ "/usr/sbin/bird", "-d", "-c", config, "-s", control, "-P", pid, NULL },
		false, ret_error);
}

static int bird_start(struct bench_watch *w, char **ret_error)
{
	return each_side(w, bird_side, ret_error);
}

/* ---------------------------------------------------------------- FRR */

static void bfdd_session(struct dr_buf *b, const struct bench_watch *w, const char *peer, const char *local,
			 const char *ifname)
{
	dr_buf_printf(b, " peer %s local-address %s interface %s\n  profile p\n exit\n !\n", peer, local,
		      ifname);
}

static int wait_for_file(struct bench_watch *w, const char *path)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(20));

	while (access(path, F_OK) < 0) {
		int r = bench_idle(w->o.loop, dr_msec(10));

		if (r < 0)
			return r;
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			return -ETIMEDOUT;
	}
	return 0;
}

static int make_frr_dir(const char *path, char **ret_error)
{
	const struct passwd *user = getpwnam(FRR_USER);

	if (!user) {
		*ret_error = dr_asprintf("there is no user %s, which FRR's daemons run as", FRR_USER);
		return -ENOENT;
	}
	if (mkdir(path, 0700) < 0 || chown(path, user->pw_uid, user->pw_gid) < 0)
		return dr_errno();
	return 0;
}

static int bfdd_config(struct bench_watch *w, int side, char config[256], char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char name[64];
	long long ms = w->o.interval.ns / 1000000;

	dr_buf_printf(&b,
		      "log immediate-mode\ndebug bfd peer\nbfd\n profile p\n  transmit-interval %lld\n"
		      "  receive-interval %lld\n  detect-multiplier %u\n exit\n !\n",
		      ms, ms, w->o.multiplier);
	sessions(&b, w, side, bfdd_session);
	dr_buf_puts(&b, "exit\n");
	snprintf(name, sizeof(name), "bfdd%d.conf", side);
	return bench_watch_write(w, name, &b, config, 256, ret_error);
}

/* bfdd takes its interfaces from zebra, and looks for it at long intervals if it is not there at once. */
static int bfdd_side(struct bench_watch *w, int side, char **ret_error)
{
	char files[32], config[256], dir[256], socket[300], zpid[300], bpid[300], control[300];
	const char *const zebra[] = { FRR "zebra", "-u",	   FRR_USER,	"-g", FRR_USER, "--log",
				      "stdout",	   "-f",	   "/dev/null", "-i", zpid,	"-z",
				      socket,	   "--vty_socket", dir,		"-P", "0",	NULL };
	const char *const bfdd[] = {
		FRR "bfdd", "-u",	    FRR_USER, "-g",	  FRR_USER, "--log", "stdout", "--log-level",
		"debug",    "--limit-fds",  files,    "-f",	  config,   "-i",    bpid,     "-z",
		socket,	    "--vty_socket", dir,      "--bfdctl", control,  "-P",    "0",      NULL
	};
	int r = bfdd_config(w, side, config, ret_error);

	if (r < 0)
		return r;
	snprintf(dir, sizeof(dir), "%s/%u-frr%d", w->o.dir, w->number, side);
	snprintf(socket, sizeof(socket), "%s/zserv", dir);
	snprintf(files, sizeof(files), "%ld", sysconf(_SC_OPEN_MAX));
	snprintf(zpid, sizeof(zpid), "%s/zebra.pid", dir);
	snprintf(bpid, sizeof(bpid), "%s/bfdd.pid", dir);
	snprintf(control, sizeof(control), "%s/bfdd.sock", dir);
	if ((r = make_frr_dir(dir, ret_error)) || (r = bench_watch_spawn(w, side, zebra, false, ret_error)) ||
	    (r = wait_for_file(w, socket)))
		return r;
	return bench_watch_spawn(w, side, bfdd, false, ret_error);
}

static int bfdd_start(struct bench_watch *w, char **ret_error)
{
	return each_side(w, bfdd_side, ret_error);
}

const struct bench_tool bench_bfdd = {
	.name = "FRR bfdd",
	.program = FRR "bfdd",
	.bfd = true,
	.hosts_max = 200,
	.limit = "its start takes minutes with so many sessions",
	.start = bfdd_start,
	.line = bench_line_bfdd,
};
const struct bench_tool bench_bird = {
	.name = "BIRD",
	.program = "/usr/sbin/bird",
	.bfd = true,
	.start = bird_start,
	.line = bench_line_bird,
};
