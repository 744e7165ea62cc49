/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-monitor: composed here and nowhere else. */
#include <sched.h>
#include <string.h>

#include "doctor/daemon.h"
#include "doctor/log.h"
#include "user/discover.h"
#include "user/features.h"
#include "user/memory.h"
#include "user/monitor.h"
#include "user/neighbours.h"

#define PURPOSE "Watches hosts from inside the kernel and tells the inspector of those that fall silent."
#define FLUSH_MAX dr_sec(1) /* for undelivered events at the end */

/* Links that come up late, or are plugged in later, are no reason not to watch the others. */
static unsigned there_or_to_come(const char *name)
{
	unsigned ifindex = monitor_ifindex(name);

	return ifindex ? ifindex : MON_AWAY;
}

static int read_config(struct dr_conf *conf, void *config)
{
	return mon_config_read(conf, there_or_to_come, config);
}

/* The child that asks Nova has no use for interfaces: its parent has spoken of them. */
static unsigned any(const char *name)
{
	return 1;
}

static int read_for_discovery(struct dr_conf *conf, void *config)
{
	return mon_config_read(conf, any, config);
}

static void warn_of_lonely_interfaces(const struct mon_config *c)
{
	for (int i = -1; (i = mon_config_lonely_interface(c, (size_t)(i + 1))) >= 0;)
		dr_warning("interface %s has one target only: its silence cannot be told from our own "
			   "deafness, so it will be "
			   "\"isolated\" and never \"down\"; watch a second address there, the gateway say",
			   c->interfaces[i].name);
}

static void warn_of_slow_targets(const struct mon_config *c)
{
	char is[DR_TIME_STR_MAX], gap[DR_TIME_STR_MAX];
	int i = mon_config_slow_target(c, 0);

	if (i < 0)
		return;
	const struct mon_target *t = &c->targets[i];
	dr_warning("host %s, and maybe others: detection takes %s, more than its multiplier says, because "
		   "answers of others "
		   "prove that interface %s hears only each %s; give it a second target as fast",
		   t->host, dr_dur_format(t->detect, is), c->interfaces[t->interface].name,
		   dr_dur_format(c->interfaces[t->interface].gap, gap));
}

static void warn_of_plain_secrets(const struct mon_config *c)
{
	char url[MON_URL_STR_MAX];

	for (int i = -1; (i = mon_config_plain_secret(c, (size_t)(i + 1))) >= 0;)
		dr_warning("inspector %s: its token or password goes over the network for all to read; use "
			   "https",
			   mon_url_format(c->inspectors[i].url, url));
}

/* Page faults and other threads must not delay a probe or a report. */
static void become_realtime(int priority)
{
	struct sched_param param = { .sched_priority = priority > 1 ? priority - 1 : priority };

	if (priority == 0)
		return;
	int r = mon_memory_lock();
	if (r)
		dr_warning("memory is not locked: %s", strerror(-r));
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		dr_warning("the event loop is not real-time: %s", strerror(errno));
}

static int flush(struct dr_loop *loop, struct monitor *m)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), FLUSH_MAX);

	monitor_hurry(m);
	while (monitor_undelivered(m)) {
		struct dr_dur left = dr_mono_sub(end, dr_mono_now());
		if (left.ns <= 0)
			return 1;
		int r = dr_loop_run_once(loop, left);
		if (r < 0)
			return r;
	}
	return 0;
}

static int serve(struct dr_loop *loop, struct mon_config *config, const char *path)
{
	DR_AUTO(monitor_freep) struct monitor *m = NULL;
	DR_AUTO_FREE char *error = NULL, *summary = mon_config_summary(config);
	int r = monitor_start(loop, config, path, &m, &error);

	if (r) {
		dr_error("%s", error ? error : strerror(-r));
		return EXIT_FAILURE;
	}
	dr_info("watching %s name=%s pins=%s/%s", summary ? summary : "", monitor_config(m)->name,
		monitor_config(m)->pin_root, monitor_config(m)->name);
	mon_memory_trim();
	dr_notify("READY=1");
	r = dr_loop_run(loop);
	dr_notify("STOPPING=1");
	monitor_stop(m);
	if (r == 0 && flush(loop, m))
		dr_warning("the inspector was not reached in the last moment");
	if (r < 0)
		dr_error("ended by a failure: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct mon_config *config, const char *path)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	int r;

	if ((r = dr_loop_new(&loop)) || (r = dr_daemon_signals_init(&signals, loop))) {
		dr_error("starting: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return serve(loop, config, path);
}

static int check(const struct mon_config *config, const char *path)
{
	DR_AUTO_FREE char *summary = mon_config_summary(config);

	printf("%s: good, %s\n", path, summary ? summary : "");
	return EXIT_SUCCESS;
}

/* "--discover": list what Nova knows, for the monitor that starts us so; takes it out of the arguments. */
static bool take_discover(int *argc, char **argv)
{
	if (*argc < 2 || strcmp(argv[1], "--discover"))
		return false;
	memmove(&argv[1], &argv[2], (size_t)(*argc - 1) * sizeof(*argv));
	--*argc;
	return true;
}

int main(int argc, char **argv)
{
	DR_AUTO(mon_config_done) struct mon_config config = { 0 };
	bool discover = take_discover(&argc, argv);
	struct dr_daemon_options o;
	struct mon_features features;
	dr_memory_init();
	int status = dr_daemon_options(argc, argv, "doctor-monitor", PURPOSE, &o);

	if (status >= 0)
		return status;
	status = dr_daemon_config(o.config, discover ? read_for_discovery : read_config, &config);
	if (status)
		return status;
	if (discover)
		return mon_discover_main(&config);
	warn_of_lonely_interfaces(&config);
	warn_of_slow_targets(&config);
	mon_neighbours_warn(&config);
	warn_of_plain_secrets(&config);
	if (o.check)
		return check(&config, o.config);
	mon_features_probe(&features);
	DR_AUTO_FREE char *missing = mon_features_missing(&features, config.realtime_priority);
	if (missing) {
		dr_error("%s", missing);
		return EXIT_FAILURE;
	}
	become_realtime(config.realtime_priority);
	return run(&config, o.config);
}
