/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud: an OpenStack in memory. Here it is put together; see cloud.h. */
#include <string.h>
#include <sys/random.h>

#include "doctor/log.h"
#include "tools/minicloud/cloud.h"
#include "tools/minicloud/clouds_yaml.h"
#include "tools/minicloud/options.h"

#define BODY_MAX (64u << 20) /* an image */
#define CONNECTIONS_MAX 1024

struct minicloud {
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_http_server *server;
	struct dr_source *sigterm, *sigint;
	struct mc_cloud cloud;
	bool cloud_there;
};

static void minicloud_done(struct minicloud *m)
{
	dr_http_server_free(m->server);
	if (m->cloud_there)
		mc_cloud_done(&m->cloud);
	dr_http_client_free(m->http);
	dr_source_free(m->sigterm);
	dr_source_free(m->sigint);
	dr_loop_free(m->loop);
}

static int on_signal(struct dr_source *s, int signo, void *userdata)
{
	struct minicloud *m = userdata;

	dr_notify("STOPPING=1");
	dr_loop_exit(m->loop, 0);
	return 0;
}

static int start_loop(struct minicloud *m)
{
	struct dr_http_client_opts client = { .per_host_max = 64, .user_agent = "minicloud/" DR_VERSION };
	int r;

	r = dr_loop_new(&m->loop);
	if (!r)
		r = dr_loop_add_signal(m->loop, SIGTERM, on_signal, m, &m->sigterm);
	if (!r)
		r = dr_loop_add_signal(m->loop, SIGINT, on_signal, m, &m->sigint);
	if (!r)
		r = dr_http_client_new(m->loop, &client, &m->http);
	return r;
}

static int start_cloud(struct minicloud *m, const struct mc_options *o)
{
	struct mc_cloud_opts cloud = { .latency = o->latency, .fails = o->fails };
	int r;

	cloud.model.hosts = o->hosts;
	cloud.model.host_ip = o->host_ip;
	cloud.model.vms_per_host = o->vms_per_host;
	cloud.model.token_ttl = o->token_ttl;
	if (getrandom(cloud.model.seed, sizeof(cloud.model.seed), 0) != sizeof(cloud.model.seed))
		return dr_errno();
	r = mc_cloud_init(&m->cloud, m->loop, m->http, &cloud);
	m->cloud_there = !r;
	return r;
}

static int start_server(struct minicloud *m, const struct mc_options *o)
{
	struct dr_http_server_opts server = {
		.address = o->listen.address,
		.port = o->listen.port,
		.body_max = BODY_MAX,
		.bodies_max = 4UL * BODY_MAX,
		.connections_max = CONNECTIONS_MAX,
		.server_name = "minicloud/" DR_VERSION,
	};
	const char *address = o->listen.address, *open = o->listen.ipv6 ? "[" : "",
		   *close = o->listen.ipv6 ? "]" : "";
	int r;

	r = dr_http_server_new(m->loop, &server, mc_dispatch, &m->cloud, &m->server);
	if (r < 0)
		return r;
	if (o->listen.any)
		address = o->listen.ipv6 ? "::1" : "127.0.0.1";
	snprintf(m->cloud.url, sizeof(m->cloud.url), "http://%s%s%s:%u", open, address, close,
		 dr_http_server_port(m->server));
	return 0;
}

static int run(const struct mc_options *o)
{
	DR_AUTO(minicloud_done) struct minicloud m = { 0 };
	int r;

	r = start_loop(&m);
	if (!r)
		r = start_cloud(&m, o);
	if (r < 0) {
		dr_error("cannot start: %s", strerror(-r));
		return 1;
	}
	r = start_server(&m, o);
	if (r < 0) {
		dr_error("cannot listen address=%s port=%u: %s", o->listen.address, o->listen.port,
			 strerror(-r));
		return 1;
	}
	r = o->clouds_yaml ? mc_clouds_yaml_write(o->clouds_yaml, m.cloud.url) : 0;
	if (r < 0) {
		dr_error("cannot write %s: %s", o->clouds_yaml, strerror(-r));
		return 1;
	}
	dr_info("serving auth_url=%s/identity/v3 hosts=%zu servers=%zu", m.cloud.url,
		m.cloud.model.host_count, m.cloud.model.server_count);
	dr_notify("READY=1");
	r = dr_loop_run(m.loop);
	if (r < 0)
		dr_error("ended: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
	struct mc_options options;
	char error[256];

	switch (mc_options_read(argc, argv, &options, error)) {
	case MC_OPTIONS_HELP:
		fputs(mc_options_help, stdout);
		return 0;
	case MC_OPTIONS_VERSION:
		puts("minicloud " DR_VERSION);
		return 0;
	case MC_OPTIONS_BAD:
		dr_error("%s", error);
		return 2;
	case MC_OPTIONS_RUN:
		break;
	}
	return run(&options);
}
