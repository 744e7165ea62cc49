/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-monitor: composed here and nowhere else. */
#include <getopt.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "doctor/log.h"
#include "user/features.h"
#include "user/monitor.h"

#define EXIT_USAGE 2
#define FLUSH_MAX dr_sec(1) /* for undelivered events at the end */

static const char usage[] =
	"usage: doctor-monitor [--config FILE] [--check]\n"
	"Watches hosts from inside the kernel and tells the inspector of those that fall silent.\n"
	"  -c, --config FILE  configuration (default /etc/doctor/doctor-monitor.yaml)\n"
	"      --check        check the configuration and exit\n"
	"  -v, --verbose      more log lines\n"
	"      --version      print the version\n"
	"  -h, --help         this text\n";

struct options {
	const char *config;
	bool check;
};

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'C' },
		{ "verbose", no_argument, NULL, 'v' },	    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { 0 },
	};

	for (int c; (c = getopt_long(argc, argv, "c:vh", longs, NULL)) != -1;) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'v':
			dr_log_set_level(DR_LOG_DEBUG);
			break;
		case 'V':
			puts("doctor-monitor " DR_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "doctor-monitor: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	return -1;
}

/* 0, or the exit status after every error has been printed. */
static int read_config(const char *path, struct mon_config *ret)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(path, &conf);

	if (r == 0)
		r = mon_config_read(conf, if_nametoindex, ret);
	if (r < 0) {
		dr_error("reading %s: %s", path, strerror(-r));
		return EXIT_FAILURE;
	}
	if (r == 0)
		return 0;
	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_error("%s", dr_conf_error_text(conf, i));
	return EXIT_USAGE;
}

static void warn_of_lonely_interfaces(const struct mon_config *c)
{
	for (int i = -1; (i = mon_config_lonely_interface(c, (size_t)(i + 1))) >= 0;)
		dr_warning("interface %s has one target only: its silence cannot be told from our own "
			   "deafness, so it will be "
			   "\"isolated\" and never \"down\"; watch a second address there, the gateway say",
			   c->interfaces[i].name);
}

/* Page faults and other threads must not delay a probe or a report. */
static void become_realtime(int priority)
{
	struct sched_param param = { .sched_priority = priority > 1 ? priority - 1 : priority };

	if (priority == 0)
		return;
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		dr_warning("memory is not locked: %s", strerror(errno));
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		dr_warning("the event loop is not real-time: %s", strerror(errno));
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	dr_loop_exit(userdata, 0);
	return 0;
}

static int flush(struct dr_loop *loop, const struct monitor *m)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), FLUSH_MAX);

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

static int serve(struct dr_loop *loop, struct dr_http_client **http, const struct mon_config *config)
{
	DR_AUTO(monitor_freep) struct monitor *m = NULL;
	DR_AUTO_FREE char *error = NULL;
	int r = monitor_start(loop, *http, config, &m, &error);

	if (r) {
		dr_error("%s", error ? error : strerror(-r));
		return EXIT_FAILURE;
	}
	dr_info("watching name=%s targets=%zu interfaces=%zu pins=%s/%s", config->name, config->target_count,
		config->interface_count, config->pin_root, config->name);
	dr_notify("READY=1");
	r = dr_loop_run(loop);
	dr_notify("STOPPING=1");
	monitor_stop(m);
	if (r == 0 && flush(loop, m))
		dr_warning("the inspector was not reached in the last moment");
	dr_http_client_free(DR_TAKE_PTR(*http));
	if (r < 0)
		dr_error("ended by a failure: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct mon_config *config)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_source_freep) struct dr_source *term = NULL, *interrupt = NULL;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	struct dr_http_client_opts opts = { .user_agent = "doctor-monitor/" DR_VERSION };
	int r;

	if ((r = dr_loop_new(&loop)) || (r = dr_loop_add_signal(loop, SIGTERM, on_signal, loop, &term)) ||
	    (r = dr_loop_add_signal(loop, SIGINT, on_signal, loop, &interrupt)) ||
	    (r = dr_http_client_new(loop, &opts, &http))) {
		dr_error("starting: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return serve(loop, &http, config);
}

int main(int argc, char **argv)
{
	DR_AUTO(mon_config_done) struct mon_config config = { 0 };
	struct options o = { .config = "/etc/doctor/doctor-monitor.yaml" };
	struct mon_features features;
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = read_config(o.config, &config);
	if (status)
		return status;
	warn_of_lonely_interfaces(&config);
	if (o.check) {
		printf("%s: good, %zu targets on %zu interfaces\n", o.config, config.target_count,
		       config.interface_count);
		return EXIT_SUCCESS;
	}
	mon_features_probe(&features);
	DR_AUTO_FREE char *missing = mon_features_missing(&features, config.realtime_priority > 0);
	if (missing) {
		dr_error("%s", missing);
		return EXIT_FAILURE;
	}
	become_realtime(config.realtime_priority);
	return run(&config);
}
