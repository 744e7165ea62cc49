/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-consumer: composed here and nowhere else. */
#include <string.h>
#include <sys/resource.h>

#include "consumer/consumer.h"
#include "doctor/daemon.h"
#include "doctor/log.h"
#include "doctor/secret.h"

#define PURPOSE "Hears when one of the owner's servers is lost, and recovers it."
#define WAITS_FOR "not all alarms are in Aodh"
#define STOP_MAX dr_sec(10) /* for deleting the alarms at the end */
#define FILES_MAX 8192	    /* connections of those who close late, and our own */

static int read_config(struct dr_conf *conf, void *config)
{
	return con_config_read(conf, config);
}

struct starting {
	struct dr_loop *loop;
	struct dr_daemon_start start;
};

static void starting_done(struct starting *s)
{
	dr_daemon_start_done(&s->start);
}

static void on_started(int error, const char *why, void *userdata)
{
	struct starting *s = userdata;

	if (error) {
		dr_error("%s", why);
		dr_loop_exit(s->loop, EXIT_FAILURE);
		return;
	}
	dr_daemon_started(&s->start);
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

static int on_hup(struct dr_source *s, int signo, void *userdata)
{
	DR_AUTO_FREE char *why = NULL;
	int r = con_consumer_reload(userdata, &why);

	if (r < 0)
		dr_error("%s; certificates stay as they were", why ? why : strerror(-r));
	else
		dr_info("certificates were read again");
	return 0;
}

static void allow_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= FILES_MAX)
		return;
	l.rlim_cur = DR_MIN(l.rlim_max, (rlim_t)FILES_MAX);
	if (setrlimit(RLIMIT_NOFILE, &l))
		dr_warning("few connections are possible at once: %s", strerror(errno));
}

/* The cloud's calls end with it; what waits for them goes after it. */
static int serve(struct dr_loop *loop, struct dr_cloud **cloud, const struct con_config *config)
{
	DR_AUTO(starting_done) struct starting starting = { .loop = loop };
	DR_AUTO(con_consumer_freep) struct con_consumer *c = NULL;
	DR_AUTO(dr_source_freep) struct dr_source *hup = NULL;
	DR_AUTO_FREE char *why = NULL;
	int r = dr_daemon_start_init(&starting.start, loop, WAITS_FOR);

	if (r == 0)
		r = con_consumer_new(loop, *cloud, config, on_started, &starting, &c, &why);
	if (r == 0)
		r = dr_loop_add_signal(loop, SIGHUP, on_hup, c, &hup);
	if (r < 0 && why) {
		dr_error("%s", why);
		return EXIT_FAILURE;
	}
	if (r < 0) {
		dr_error("cannot serve at %s port %u: %s", config->listen.address, config->listen.port,
			 strerror(-r));
		return EXIT_FAILURE;
	}
	dr_info("serving url=%s servers=%zu", con_consumer_url(c), config->servers.count);
	if (!config->listen.loopback && !config->tls.client_ca)
		dr_warning("insecure_listen: whoever reaches this port can tell of failures");
	r = dr_loop_run(loop);
	starting_done(&starting);
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
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(dr_cloud_freep) struct dr_cloud *cloud = NULL;
	DR_AUTO_FREE char *error = NULL;
	int r;

	r = dr_cloud_conf_load(config->cloud, &access, &error);
	if (r < 0) {
		if (error)
			dr_daemon_errors(error);
		else
			dr_error("reading the credentials: %s", strerror(-r));
		return DR_EXIT_USAGE;
	}
	const struct dr_http_client_opts opts = { .ca_file = access.cacert, .insecure = access.insecure };

	r = dr_loop_new(&loop);
	if (r == 0)
		r = dr_loop_ping_watchdog(loop);
	if (r == 0)
		r = dr_daemon_signals_init(&signals, loop);
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
	struct dr_daemon_options o;
	int status = dr_daemon_options(argc, argv, "doctor-consumer", PURPOSE, &o);

	if (status >= 0)
		return status;
	status = dr_daemon_config(o.config, read_config, &config);
	if (status)
		return status;
	if (o.check) {
		printf("%s: good, %zu servers, alarms to %s port %u\n", o.config, config.servers.count,
		       config.listen.address, config.listen.port);
		return EXIT_SUCCESS;
	}
	int r = dr_secret_process();
	if (r)
		dr_warning("core dumps of this process may have secrets in them: %s", strerror(-r));
	allow_files();
	return run(&config);
}
