// SPDX-License-Identifier: Apache-2.0
/* doctor-inspector: composed here and nowhere else. */
#include <getopt.h>
#include <string.h>

#include "doctor/log.h"
#include "inspector/receive.h"

#define EXIT_USAGE 2
#define BESIDE_RESETS 8 /* connections for force-down, lists and the map while all resets are under way */

static const char usage[] = "usage: doctor-inspector [--config FILE] [--check]\n"
			    "Receives fault events, marks the host down in Nova and its servers as failed.\n"
			    "  -c, --config FILE  configuration (default /etc/doctor/doctor-inspector.yaml)\n"
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
		{ "help", no_argument, NULL, 'h' },	    {},
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
			puts("doctor-inspector " DR_VERSION);
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
		fprintf(stderr, "doctor-inspector: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	return -1;
}

/* 0, or the exit status after every error has been printed. */
static int read_config(const char *path, struct ins_config *ret)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(path, &conf);

	if (!r)
		r = ins_config_read(conf, ret);
	if (r) {
		dr_error("reading %s: %s", path, strerror(-r));
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_error("%s", dr_conf_error_text(conf, i));
	return dr_conf_error_count(conf) ? EXIT_USAGE : 0;
}

/* 0, or the exit status after the error has been printed, line by line. */
static int read_credentials(const char *cloud, struct dr_cloud_conf *ret)
{
	DR_AUTO_FREE char *why = NULL;
	int r = dr_cloud_conf_load(cloud, ret, &why);

	if (!r)
		return 0;
	for (char *rest = why, *line; why && (line = strsep(&rest, "\n"));)
		dr_error("%s", line);
	if (!why)
		dr_error("reading the credentials: %s", strerror(-r));
	return r == -EINVAL || r == -ENOENT ? EXIT_USAGE : EXIT_FAILURE;
}

/* All there is while it runs; ended in this order, from below. */
struct program {
	const struct ins_config *config;
	struct dr_loop *loop;
	struct dr_source *term, *interrupt;
	struct dr_http_client *http;
	struct ins_nova *nova;
	struct ins_inspector *inspector;
	struct dr_http_server *server;
	struct dr_cloud *cloud;
};

static void program_done(struct program *p)
{
	/* calls end first, so that nobody hears of them afterwards; then who waits for Nova is answered */
	dr_cloud_free(p->cloud);
	ins_nova_stop(p->nova);
	dr_http_server_free(p->server);
	ins_inspector_free(p->inspector);
	ins_nova_free(p->nova);
	dr_http_client_free(p->http);
	dr_source_free(p->term);
	dr_source_free(p->interrupt);
	dr_loop_free(p->loop);
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	dr_loop_exit(userdata, EXIT_SUCCESS);
	return 0;
}

static int serve(struct program *p)
{
	const struct dr_http_server_opts opts = {
		.address = p->config->listen.address,
		.port = p->config->listen.port,
		.body_max = INS_BODY_MAX,
		.server_name = "doctor-inspector",
	};
	int r = dr_http_server_new(p->loop, &opts, ins_receive, p->inspector, &p->server);

	if (r)
		dr_error("listening on %s port %u: %s", p->config->listen.address, p->config->listen.port,
			 strerror(-r));
	return r;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct program *p = userdata;
	const struct ins_map *map;

	if (error) {
		dr_error("%s", why);
		dr_loop_exit(p->loop, EXIT_FAILURE);
		return;
	}
	if (serve(p)) {
		dr_loop_exit(p->loop, EXIT_FAILURE);
		return;
	}
	map = ins_nova_map(p->nova);
	dr_info("listening on=%s port=%u hosts=%zu servers=%zu", p->config->listen.address,
		dr_http_server_port(p->server), map->count, map->vm_count);
	dr_notify("READY=1");
}

static int compose(struct program *p, struct dr_cloud_conf *credentials)
{
	struct dr_http_client_opts opts = {
		.per_host_max = p->config->parallel + BESIDE_RESETS,
		.idle_max = p->config->parallel + BESIDE_RESETS,
		.user_agent = "doctor-inspector/" DR_VERSION,
		.ca_file = credentials->cacert,
		.insecure = credentials->insecure,
	};
	int r;

	if ((r = dr_loop_new(&p->loop)) ||
	    (r = dr_loop_add_signal(p->loop, SIGTERM, on_signal, p->loop, &p->term)) ||
	    (r = dr_loop_add_signal(p->loop, SIGINT, on_signal, p->loop, &p->interrupt)) ||
	    (r = dr_http_client_new(p->loop, &opts, &p->http)) ||
	    (r = dr_cloud_new(p->loop, p->http, credentials, &p->cloud)) ||
	    (r = ins_nova_new(p->loop, p->cloud, p->config, &p->nova)) ||
	    (r = ins_inspector_new(p->loop, p->cloud, p->nova, p->config, &p->inspector)))
		return r;
	return ins_nova_start(p->nova, on_started, p);
}

static int run(const struct ins_config *config, struct dr_cloud_conf *credentials)
{
	DR_AUTO(program_done) struct program p = { .config = config };
	int r = compose(&p, credentials);

	if (r) {
		dr_error("starting: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = dr_loop_run(p.loop);
	dr_notify("STOPPING=1");
	if (r < 0)
		dr_error("ended by a failure: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv)
{
	DR_AUTO(ins_config_done) struct ins_config config = {};
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf credentials = {};
	struct options o = { .config = "/etc/doctor/doctor-inspector.yaml" };
	int status = parse_options(argc, argv, &o);

	if (status >= 0)
		return status;
	status = read_config(o.config, &config);
	if (status)
		return status;
	if (o.check) {
		printf("%s: good, events to %s port %u, cloud %s\n", o.config, config.listen.address,
		       config.listen.port, config.cloud ? config.cloud : "of the environment");
		return EXIT_SUCCESS;
	}
	status = read_credentials(config.cloud, &credentials);
	return status ? status : run(&config, &credentials);
}
