// SPDX-License-Identifier: Apache-2.0
/* doctor-inspector: composed here and nowhere else. */
#include <string.h>
#include <sys/stat.h>

#include "doctor/daemon.h"
#include "doctor/log.h"
#include "inspector/bus.h"
#include "doctor/secret.h"
#include "inspector/dialect.h"
#include "inspector/receive.h"

#define PURPOSE "Receives fault events, marks the host down in Nova and its servers as failed."
#define WAITS_FOR "Nova has not been read, and nobody is listened to before"
#define PER_PEER 64 /* connections from one address, so that one alone does not take all */
#define TIDY dr_sec(10)
#define BESIDE_RESETS 8 /* connections for force-down, lists and the map while all resets are under way */

static int read_config(struct dr_conf *conf, void *config)
{
	return ins_config_read(conf, config);
}

/* Files that it names are refused for that; it is installed as everybody's to read. */
static void warn_of_password(const struct ins_config *c, const char *path)
{
	struct stat st;

	if (c->bus.password && stat(path, &st) == 0 && (st.st_mode & S_IROTH))
		dr_warning("%s: others than its owner and group can read bus.password in it; chmod o= %s, or "
			   "use password_file",
			   path, path);
}

/* "cloud: none" is how it begins; who goes on to set credentials wants them used. */
static int without_credentials(void)
{
	static const char *const names[] = { "OS_CLOUD", "OS_AUTH_URL" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		dr_error("the configuration says \"cloud: none\", and the environment has %s: take one of "
			 "them away",
			 names[i]);
		return DR_EXIT_USAGE;
	}
	return 0;
}

/* 0, or the exit status after the error has been printed, line by line. */
static int read_credentials(const struct ins_config *config, struct dr_cloud_conf *ret)
{
	DR_AUTO_FREE char *why = NULL;
	int r;

	if (config->no_cloud)
		return without_credentials();
	r = dr_cloud_conf_load(config->cloud, ret, &why);
	if (!r)
		return 0;
	if (why)
		dr_daemon_errors(why);
	else
		dr_error("reading the credentials: %s", strerror(-r));
	return r == -EINVAL || r == -ENOENT ? DR_EXIT_USAGE : EXIT_FAILURE;
}

/* 0, or the exit status after the error has been printed. */
static int read_access(const struct ins_config *c, struct ins_admission **ret)
{
	DR_AUTO_FREE char *why = NULL;
	int r = ins_admission_new(&c->access, ret, &why);

	if (!r)
		return 0;
	dr_error("%s", why ? why : strerror(-r));
	return r == -ENOMEM ? EXIT_FAILURE : DR_EXIT_USAGE;
}

/* All there is while it runs; ended in this order, from below. */
struct program {
	const struct ins_config *config;
	struct dr_loop *loop;
	struct dr_daemon_signals signals;
	struct dr_daemon_start start;
	struct dr_source *hangup, *tidy;
	struct ins_admission *admission;
	struct dr_http_client *http;
	struct ins_nova *nova;
	struct ins_journal *journal;
	struct ins_fencer *fencer;
	struct ins_bus *bus;
	struct ins_inspector *inspector;
	struct ins_receiver *receiver;
	struct ins_live *live;
	struct dr_http_server *server;
	struct dr_cloud *cloud;
};

static void program_done(struct program *p)
{
	/* calls end first, so that nobody hears of them afterwards; then who waits for Nova is answered */
	ins_bus_free(p->bus);
	dr_cloud_free(p->cloud);
	ins_nova_stop(p->nova);
	ins_inspector_stop(p->inspector);
	dr_http_server_free(p->server);
	ins_fencer_free(p->fencer);
	ins_journal_stop(p->journal);
	ins_receiver_free(p->receiver);
	ins_live_free(p->live);
	ins_inspector_free(p->inspector);
	ins_journal_free(p->journal);
	ins_nova_free(p->nova);
	dr_http_client_free(p->http);
	dr_source_free(p->tidy);
	dr_source_free(p->hangup);
	dr_daemon_start_done(&p->start);
	dr_daemon_signals_done(&p->signals);
	dr_loop_free(p->loop);
}

static int serve(struct program *p)
{
	const struct dr_http_server_opts opts = {
		.address = p->config->listen.address,
		.port = p->config->listen.port,
		.body_max = INS_BODY_MAX,
		.server_name = "doctor-inspector",
		.per_peer_max = p->config->listen.loopback ? 0 : PER_PEER,
		.tls = ins_admission_tls(p->admission),
		.admit = ins_receive_admit,
	};
	int r = dr_http_server_new(p->loop, &opts, ins_receive, p->receiver, &p->server);

	if (r)
		dr_error("listening on %s port %u: %s", p->config->listen.address, p->config->listen.port,
			 strerror(-r));
	return r;
}

/* Loopback is open unless somebody wants it otherwise; elsewhere that is what insecure_listen stands for. */
static void warn_of_insecurity(const struct program *p)
{
	if (p->config->listen.loopback)
		return;
	if (ins_admission_open(p->admission))
		dr_warning("insecure_listen: whoever reaches this port can take hosts down");
	else if (!ins_admission_tls(p->admission))
		dr_warning("insecure_listen: without tls, tokens and events can be seen and changed on their "
			   "way");
}

static int on_hangup(struct dr_source *source, int signo, void *userdata)
{
	struct program *p = userdata;
	DR_AUTO_FREE char *why = NULL;
	int r = ins_admission_reload(p->admission, &why);

	if (r) {
		dr_error("%s; tokens and certificates stay as they were", why ? why : strerror(-r));
		return 0;
	}
	if (p->server && ins_admission_tls(p->admission))
		dr_http_server_set_tls(p->server, ins_admission_tls(p->admission));
	ins_live_dismiss(p->live);
	dr_info("tokens and certificates were read again tokens=%zu", ins_admission_tokens(p->admission));
	return 0;
}

/* What a burst of events or incidents took for a while does not stay until the next one. */
static int on_tidy(struct dr_source *s, void *userdata)
{
	dr_memory_trim();
	return dr_timer_arm(s, TIDY);
}

static void on_started(int error, const char *why, void *userdata)
{
	struct program *p = userdata;
	const struct ins_map *map;
	int r;

	if (error) {
		dr_error("%s", why);
		dr_loop_exit(p->loop, EXIT_FAILURE);
		return;
	}
	r = ins_inspector_start(p->inspector, ins_receiver_row, p->receiver);
	if (r)
		dr_error("%s: reading it: %s", p->config->journal, strerror(-r));
	if (r || serve(p)) {
		dr_loop_exit(p->loop, EXIT_FAILURE);
		return;
	}
	map = ins_nova_map(p->nova);
	dr_info("listening on=%s port=%u tls=%s hosts=%zu servers=%zu", p->config->listen.address,
		dr_http_server_port(p->server), ins_admission_tls(p->admission) ? "yes" : "no", map->count,
		map->vm_count);
	warn_of_insecurity(p);
	if (p->config->no_cloud)
		dr_warning(
			"no cloud is configured: the hosts that monitors tell of are judged, and nothing is "
			"done for them; that is what \"cloud\" in the configuration is for");
	else if (p->config->dry_run)
		dr_warning("dry run: hosts are judged, and nothing is changed in the cloud");
	dr_daemon_started(&p->start);
}

static int open_journal(struct program *p)
{
	DR_AUTO_FREE char *why = NULL;
	int r = ins_journal_new(p->loop, p->config->journal, &p->journal, &why);

	if (r)
		dr_error("the journal: %s", why ? why : strerror(-r));
	else if (!p->config->journal)
		dr_warning("there is no journal: incidents do not outlive this process");
	return r;
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
	struct ins_inspector_opts inspector = { .config = p->config };
	int r;

	if ((r = dr_loop_new(&p->loop)) || (r = dr_loop_ping_watchdog(p->loop)) ||
	    (r = dr_daemon_signals_init(&p->signals, p->loop)) ||
	    (r = dr_daemon_start_init(&p->start, p->loop, WAITS_FOR)) ||
	    (r = dr_loop_add_signal(p->loop, SIGHUP, on_hangup, p, &p->hangup)) ||
	    (r = dr_loop_add_timer(p->loop, on_tidy, NULL, &p->tidy)) || (r = dr_timer_arm(p->tidy, TIDY)) ||
	    (r = dr_http_client_new(p->loop, &opts, &p->http)) ||
	    (r = dr_cloud_new(p->loop, p->http, credentials, &p->cloud)) ||
	    (r = ins_nova_new(p->loop, p->cloud, p->config, &p->nova)) || (r = open_journal(p)) ||
	    (r = ins_bus_new(p->loop, &p->config->bus, p->nova, &p->bus)) ||
	    (r = ins_fencer_new(p->loop, &p->config->fence, &p->fencer)))
		return r;
	inspector.loop = p->loop;
	inspector.cloud = p->cloud;
	inspector.nova = p->nova;
	inspector.journal = p->journal;
	inspector.fencer = p->fencer;
	inspector.bus = p->bus;
	if ((r = ins_inspector_new(&inspector, &p->inspector)) ||
	    (r = ins_receiver_new(p->loop, p->inspector, p->config, p->admission, &p->receiver)) ||
	    (r = ins_live_new(p->loop, p->inspector, &p->live)))
		return r;
	ins_receiver_add_live(p->receiver, p->live);
	ins_receiver_add_north(p->receiver, ins_inspector_north(p->inspector));
	return ins_nova_start(p->nova, on_started, p);
}

static int run(const struct ins_config *config, struct ins_admission *admission,
	       struct dr_cloud_conf *credentials)
{
	DR_AUTO(program_done) struct program p = { .config = config, .admission = admission };
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
	DR_AUTO(ins_admission_freep) struct ins_admission *admission = NULL;
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf credentials = {};
	struct dr_daemon_options o;
	int status = dr_daemon_options(argc, argv, "doctor-inspector", PURPOSE, &o);

	if (status >= 0)
		return status;
	dr_memory_init();
	int r = dr_secret_process();
	if (r)
		dr_warning("core dumps of this process may have secrets in them: %s", strerror(-r));
	status = dr_daemon_config(o.config, read_config, &config);
	if (!status)
		status = read_access(&config, &admission);
	if (status)
		return status;
	warn_of_password(&config, o.config);
	if (o.check) {
		const char *cloud = config.no_cloud ? "none" : config.cloud;

		printf("%s: good, events to %s port %u, cloud %s%s\n", o.config, config.listen.address,
		       config.listen.port, cloud ? cloud : "of the environment",
		       config.dry_run ? ", dry run" : "");
		return EXIT_SUCCESS;
	}
	status = read_credentials(&config, &credentials);
	return status ? status : run(&config, admission, &credentials);
}
