/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "doctor/log.h"
#include "doctor/spawn.h"
#include "user/discover_list.h"

struct mon_discovery {
	struct dr_loop *loop;
	const struct mon_config *config;
	const char *config_path;
	mon_discover_fn fn;
	void *userdata;
	struct mon_discover_opts opts;
	pid_t pid; /* 0: none runs */
	int fd;	   /* what it says; -1 */
	struct dr_source *child, *io;
	struct dr_source *timer; /* while it runs: it has fallen silent; else: it is started anew */
	struct dr_buf line;
	unsigned failures; /* since a line was good */
	unsigned doubted;  /* lists in a row that lack most of those that were there */
	size_t believed;   /* hosts in the last list that was passed on */
};

int mon_discovered_target(const struct mon_config *c, const struct mon_discovered *d, struct mon_target *ret)
{
	struct mon_target t = {
		.kind = mon_address_is_v4(d->address) ? DR_KIND_ECHO4 : DR_KIND_ECHO6,
		.interval = c->discover.interval,
		.multiplier = c->discover.multiplier,
		.rise = c->discover.rise,
		.discovered = true,
	};

	if (!c->discover.interface)
		return -ENODEV;
	while (t.interface < c->interface_count &&
	       strcmp(c->interfaces[t.interface].name, c->discover.interface) != 0)
		t.interface++;
	if (t.interface == c->interface_count)
		return -ENODEV;
	memcpy(t.host, d->host, sizeof(t.host));
	memcpy(t.plane, c->discover.plane, sizeof(t.plane));
	memcpy(t.address, d->address, sizeof(t.address));
	*ret = t;
	return 0;
}

/* ---------------------------------------------------------------- the child's start */

static bool is_ours_alone(const char *variable)
{
	static const char *const names[] = { "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* The environment without what the service manager has given to us; the strings are not copied. */
static char **make_environment(void)
{
	size_t n = 0, used = 0;

	while (environ[n])
		n++;
	char **env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++) {
		if (!is_ours_alone(environ[i]))
			env[used++] = environ[i];
	}
	return env;
}

static int spawn(const struct mon_discovery *d, int out, pid_t *ret)
{
	const char *const argv[] = { "doctor-monitor", "--discover", "--config", d->config_path, NULL };
	DR_AUTO_FREE char **env = make_environment();
	const struct dr_spawn child = { .program = d->opts.program,
					.argv = argv,
					.env = (const char *const *)env,
					.out = out,
					.err = -1 };

	return env ? dr_spawn(&child, ret) : -ENOMEM;
}

/* ---------------------------------------------------------------- its end */

static void forget(struct mon_discovery *d)
{
	dr_source_free(DR_TAKE_PTR(d->io));
	dr_source_free(DR_TAKE_PTR(d->child));
	dr_closep(&d->fd);
	dr_buf_done(&d->line);
	d->pid = 0;
	d->doubted = 0;
}

static void end_child(struct mon_discovery *d)
{
	pid_t pid = d->pid;

	forget(d);
	if (!pid)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void again_later(struct mon_discovery *d, const char *why)
{
	unsigned shift = DR_MIN(d->failures, 16u);
	struct dr_dur pause = { DR_MIN(d->opts.pause_min.ns << shift, d->opts.pause_max.ns) };
	char text[DR_TIME_STR_MAX];

	d->failures++;
	end_child(d);
	dr_error("discovery %s; hypervisors stay as they were, tried again in %s", why,
		 dr_dur_format(pause, text));
	if (dr_timer_arm(d->timer, pause))
		dr_error("no timer: hypervisors are not asked for again");
}

static int on_end(struct dr_source *s, const siginfo_t *si, void *userdata)
{
	struct mon_discovery *d = userdata;
	char why[64];

	d->pid = 0; /* it has been reaped */
	snprintf(why, sizeof(why), "ended by %s %d", si->si_code == CLD_EXITED ? "status" : "signal",
		 si->si_status);
	again_later(d, why);
	return 0;
}

/* ---------------------------------------------------------------- what it says */

static int arm_patience(struct mon_discovery *d)
{
	return dr_timer_arm(d->timer,
			    (struct dr_dur){ d->config->discover.refresh.ns + d->opts.patience.ns });
}

/* That most of a cloud has gone is likelier a slip of Nova's than true, as is that there is none. */
static void take_list(struct mon_discovery *d, const struct mon_discovered *list, size_t n)
{
	d->failures = 0;
	d->doubted = !n || 2 * n < d->believed ? d->doubted + 1 : 0;
	if (d->doubted == 1) {
		dr_warning("Nova lists less than half of the hypervisors, or none: believed when it says so "
			   "again hypervisors=%zu before=%zu",
			   n, d->believed);
		return;
	}
	d->believed = n;
	d->fn(list, n, d->userdata);
}

/* False: the child has been ended. */
static bool take_line(struct mon_discovery *d, const char *line, size_t len)
{
	DR_AUTO_FREE struct mon_discovered *list = NULL;
	char text[128] = "", why[192];
	size_t n;
	int r = mon_discovered_parse(line, len, &list, &n, text);

	if (r < 0) {
		snprintf(why, sizeof(why), "says what it must not: %s", text[0] ? text : strerror(-r));
		again_later(d, why);
		return false;
	}
	if (arm_patience(d))
		dr_error("no timer: should discovery fall silent, that is not noticed");
	if (r == 1)
		d->doubted = 0;
	else
		take_list(d, list, n);
	return true;
}

/* Whole lines out of what has come. */
static void take_lines(struct mon_discovery *d)
{
	char *end;

	while (d->line.len && (end = memchr(d->line.data, '\n', d->line.len))) {
		size_t len = (size_t)(end - d->line.data), rest = d->line.len - len - 1;
		DR_AUTO_BUF struct dr_buf taken = d->line;

		d->line = (struct dr_buf){ .limit = MON_DISCOVER_LINE_MAX };
		dr_buf_append(&d->line, end + 1, rest);
		if (!take_line(d, taken.data, len))
			return;
	}
}

static int on_output(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct mon_discovery *d = userdata;
	char data[16384];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		/* it ends, or has closed its output: either way there is nothing more to hear */
		dr_source_free(DR_TAKE_PTR(d->io));
		kill(d->pid, SIGKILL);
		return 0;
	}
	dr_buf_append(&d->line, data, (size_t)n);
	if (d->line.error)
		again_later(d, d->line.error == -ENOMEM ? "got no memory" : "does not end its line");
	else if (memchr(data, '\n', (size_t)n))
		take_lines(d);
	return 0;
}

/* ---------------------------------------------------------------- its life */

static int listen_to(struct mon_discovery *d)
{
	int r = dr_loop_add_io(d->loop, d->fd, EPOLLIN, on_output, d, &d->io);

	if (!r)
		r = dr_loop_add_child(d->loop, d->pid, on_end, d, &d->child);
	return r ? r : arm_patience(d);
}

static void start_child(struct mon_discovery *d)
{
	int ends[2] = { -1, -1 }, r = 0;
	char why[96];

	d->line = (struct dr_buf){ .limit = MON_DISCOVER_LINE_MAX };
	if (pipe2(ends, O_CLOEXEC))
		r = dr_errno();
	d->fd = ends[0];
	if (!r && fcntl(d->fd, F_SETFL, O_NONBLOCK))
		r = dr_errno();
	if (!r)
		r = spawn(d, ends[1], &d->pid);
	dr_closep(&ends[1]);
	if (!r)
		r = listen_to(d);
	if (!r)
		return;
	snprintf(why, sizeof(why), "cannot be started: %s", strerror(-r));
	again_later(d, why);
}

static int on_timer(struct dr_source *s, void *userdata)
{
	struct mon_discovery *d = userdata;

	if (d->pid)
		again_later(d, "has fallen silent");
	else
		start_child(d);
	return 0;
}

int mon_discover_start_with(struct dr_loop *l, const struct mon_config *c, const char *config_path,
			    mon_discover_fn fn, void *userdata, const struct mon_discover_opts *opts,
			    struct mon_discovery **ret)
{
	DR_AUTO(mon_discover_stopp) struct mon_discovery *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->loop = l;
	d->config = c;
	d->config_path = config_path;
	d->fn = fn;
	d->userdata = userdata;
	d->fd = -1;
	d->opts = opts ? *opts : (struct mon_discover_opts){ 0 };
	if (!d->opts.program)
		d->opts.program = "/proc/self/exe";
	if (!d->opts.patience.ns)
		d->opts.patience = dr_sec(120);
	if (!d->opts.pause_min.ns)
		d->opts.pause_min = dr_sec(1);
	if (!d->opts.pause_max.ns)
		d->opts.pause_max = dr_sec(60);
	int r = dr_loop_add_timer(l, on_timer, d, &d->timer);
	if (r)
		return r;
	start_child(d);
	*ret = DR_TAKE_PTR(d);
	return 0;
}

int mon_discover_start(struct dr_loop *l, const struct mon_config *c, const char *config_path,
		       mon_discover_fn fn, void *userdata, struct mon_discovery **ret)
{
	return mon_discover_start_with(l, c, config_path, fn, userdata, NULL, ret);
}

void mon_discover_stop(struct mon_discovery *d)
{
	if (!d)
		return;
	end_child(d);
	dr_source_free(d->timer);
	free(d);
}

pid_t mon_discover_pid(const struct mon_discovery *d)
{
	return d->pid;
}
