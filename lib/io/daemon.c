/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <string.h>

#include "doctor/daemon.h"
#include "doctor/journal.h"
#include "doctor/log.h"

#define START_MAX dr_sec(30) /* without a watchdog */

static void usage(FILE *f, const char *name, const char *purpose)
{
	fprintf(f,
		"usage: %s [--config FILE] [--check]\n%s\n"
		"  -c, --config FILE  configuration (default /etc/doctor/%s.yaml)\n"
		"      --check        check the configuration and exit\n"
		"  -v, --verbose      more log lines\n"
		"      --version      print the version\n"
		"  -h, --help         this text\n",
		name, purpose, name);
}

int dr_daemon_options(int argc, char **argv, const char *name, const char *purpose,
		      struct dr_daemon_options *ret)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'C' },
		{ "verbose", no_argument, NULL, 'v' },	    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { 0 },
	};

	dr_journal_start(name);
	snprintf(ret->default_config, sizeof(ret->default_config), "/etc/doctor/%s.yaml", name);
	ret->config = ret->default_config;
	ret->check = false;
	for (int c; (c = getopt_long(argc, argv, "c:vh", longs, NULL)) != -1;) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 'C':
			ret->check = true;
			break;
		case 'v':
			dr_log_set_level(DR_LOG_DEBUG);
			break;
		case 'V':
			printf("%s %s\n", name, DR_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout, name, purpose);
			return EXIT_SUCCESS;
		default:
			usage(stderr, name, purpose);
			return DR_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"\n", name, argv[optind]);
		usage(stderr, name, purpose);
		return DR_EXIT_USAGE;
	}
	return -1;
}

int dr_daemon_config(const char *path, dr_daemon_read_fn read, void *config)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(path, &conf);

	if (r == 0)
		r = read(conf, config);
	if (r < 0) {
		dr_error("reading %s: %s", path, strerror(-r));
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_error("%s", dr_conf_error_text(conf, i));
	dr_daemon_warnings(conf);
	return dr_conf_error_count(conf) ? DR_EXIT_USAGE : 0;
}

void dr_daemon_warnings(const struct dr_conf *conf)
{
	for (size_t i = 0; i < DR_MIN(dr_conf_warning_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_warning("%s", dr_conf_warning_text(conf, i));
}

void dr_daemon_errors(char *text)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		dr_error("%s", line);
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	dr_loop_exit(userdata, EXIT_SUCCESS);
	return 0;
}

int dr_daemon_signals_init(struct dr_daemon_signals *s, struct dr_loop *l)
{
	DR_AUTO(dr_source_freep) struct dr_source *term = NULL;
	int r = dr_loop_add_signal(l, SIGTERM, on_signal, l, &term);

	if (r == 0)
		r = dr_loop_add_signal(l, SIGINT, on_signal, l, &s->interrupt);
	if (r == 0)
		s->term = DR_TAKE_PTR(term);
	return r;
}

void dr_daemon_signals_done(struct dr_daemon_signals *s)
{
	dr_source_free(DR_TAKE_PTR(s->term));
	dr_source_free(DR_TAKE_PTR(s->interrupt));
}

static int on_start_takes_long(struct dr_source *timer, void *userdata)
{
	struct dr_daemon_start *s = userdata;
	char state[256];

	s->told = true;
	dr_warning("not started yet: %s", s->waits_for);
	snprintf(state, sizeof(state), "READY=1\nSTATUS=not started yet: %s", s->waits_for);
	dr_notify(state);
	return 0;
}

int dr_daemon_start_init(struct dr_daemon_start *s, struct dr_loop *l, const char *waits_for)
{
	struct dr_dur most = dr_watchdog_period();
	int r = dr_loop_add_timer(l, on_start_takes_long, s, &s->timer);

	s->waits_for = waits_for;
	return r ? r : dr_timer_arm(s->timer, most.ns ? most : START_MAX);
}

void dr_daemon_started(struct dr_daemon_start *s)
{
	dr_timer_disarm(s->timer);
	dr_notify(s->told ? "STATUS=" : "READY=1");
	s->told = true;
}

void dr_daemon_start_done(struct dr_daemon_start *s)
{
	dr_source_free(DR_TAKE_PTR(s->timer));
}
