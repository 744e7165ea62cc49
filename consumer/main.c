/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-consumer: composed here and nowhere else. */
#include <getopt.h>
#include <string.h>

#include "consumer/consumer.h"
#include "doctor/log.h"

#define EXIT_USAGE 2
#define STOP_MAX dr_sec(10) /* for deleting the alarms at the end */

static const char usage[] =
	"usage: doctor-consumer [--config FILE] [--check]\n"
	"Hears from Aodh when one of the owner's servers is lost, and boots a replacement.\n"
	"  -c, --config FILE  configuration (default /etc/doctor/doctor-consumer.yaml)\n"
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
			puts("doctor-consumer " DR_VERSION);
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
		fprintf(stderr, "doctor-consumer: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	return -1;
}

/* 0, or the exit status after every error has been printed. */
static int read_config(const char *path, struct con_config *ret)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(con_config_done) struct con_config c = { 0 };
	int r;

	r = dr_conf_load(path, &conf);
	if (r == 0)
		r = con_config_read(conf, &c);
	if (r < 0) {
		dr_error("reading %s: %s", path, strerror(-r));
		return EXIT_FAILURE;
	}
	if (dr_conf_error_count(conf) == 0) {
		*ret = c;
		c = (struct con_config){ 0 };
		return 0;
	}
	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_error("%s", dr_conf_error_text(conf, i));
	return EXIT_USAGE;
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	dr_loop_exit(userdata, EXIT_SUCCESS);
	return 0;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct dr_loop *loop = userdata;

	if (error) {
		dr_error("%s", why);
		dr_loop_exit(loop, EXIT_FAILURE);
		return;
	}
	dr_notify("READY=1");
}

static void stop(struct dr_loop *loop, struct con_consumer *c)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), STOP_MAX);

	dr_notify("STOPPING=1");
	con_consumer_stop(c);
	while (con_consumer_busy(c)) {
		struct dr_dur left = dr_mono_sub(end, dr_mono_now());

		/* a second signal ends the wait */
		if (left.ns <= 0 || dr_loop_run_once(loop, left) < 0) {
			dr_warning("not all alarms are deleted");
			return;
		}
	}
}

/* The cloud's calls end with it; what waits for them goes after it. */
static int serve(struct dr_loop *loop, struct dr_cloud **cloud, const struct con_config *config)
{
	DR_AUTO(con_consumer_freep) struct con_consumer *c = NULL;
	int r = con_consumer_new(loop, *cloud, config, on_started, loop, &c);

	if (r < 0) {
		dr_error("cannot serve at %s port %u: %s", config->listen.address, config->listen.port,
			 strerror(-r));
		return EXIT_FAILURE;
	}
	dr_info("serving url=%s servers=%zu", con_consumer_url(c), config->server_count);
	r = dr_loop_run(loop);
	stop(loop, c);
	dr_cloud_free(DR_TAKE_PTR(*cloud));
	if (r < 0) {
		dr_error("ended by a failure: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return r;
}

static int run(const struct con_config *config)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf access = { 0 };
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_source_freep) struct dr_source *term = NULL, *interrupt = NULL;
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(dr_cloud_freep) struct dr_cloud *cloud = NULL;
	DR_AUTO_FREE char *error = NULL;
	int r;

	r = dr_cloud_conf_load(config->cloud, &access, &error);
	if (r < 0) {
		dr_error("%s", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	const struct dr_http_client_opts opts = { .ca_file = access.cacert, .insecure = access.insecure };

	r = dr_loop_new(&loop);
	if (r == 0)
		r = dr_loop_add_signal(loop, SIGTERM, on_signal, loop, &term);
	if (r == 0)
		r = dr_loop_add_signal(loop, SIGINT, on_signal, loop, &interrupt);
	if (r == 0)
		r = dr_http_client_new(loop, &opts, &http);
	if (r == 0)
		r = dr_cloud_new(loop, http, &access, &cloud);
	if (r < 0) {
		dr_error("cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return serve(loop, &cloud, config);
}

int main(int argc, char **argv)
{
	DR_AUTO(con_config_done) struct con_config config = { 0 };
	struct options o = { .config = "/etc/doctor/doctor-consumer.yaml" };
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = read_config(o.config, &config);
	if (status)
		return status;
	if (o.check) {
		printf("%s: good, %zu servers, alarms to %s port %u\n", o.config, config.server_count,
		       config.listen.address, config.listen.port);
		return EXIT_SUCCESS;
	}
	return run(&config);
}
