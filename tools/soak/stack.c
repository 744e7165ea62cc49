/* SPDX-License-Identifier: Apache-2.0 */
/* The programs: a cloud in memory, the inspector, the monitor, and ears of ours beside the inspector's. */
#include <string.h>

#include "tools/soak/soak.h"

#define READY_LIMIT dr_sec(60)
#define UP_LIMIT dr_sec(60)
#define STOP_LIMIT dr_sec(20)
#define EVENTS_MAX (1 << 20) /* bytes of a body */

/* Nobody is held: what is to be seen is that all is found, done and undone. Little is remembered, so that
 * what fills up is full soon. */
static const char settings[] = "verify: 100ms\n"
			       "timeout: 2s\n"
			       "retry: {pause_max: 2s}\n"
			       "recovery: {hold: 500ms}\n"
			       "brake: {hosts: 10000, share: 100%}\n"
			       "flap: {half_life: 1s, limit: 100000, reuse: 1000}\n"
			       "refresh: 10s\n"
			       "history: 50\n";

/* ---------------------------------------------------------------- the cloud */

static int start_cloud(struct soak *s, char **ret_error)
{
	char binary[600], listen[32], yaml[128], hosts[16];
	const char *const argv[] = { binary, "--listen", listen, "--clouds-yaml",
				     yaml,   "--hosts",	 hosts,	 "--vms-per-host",
				     "2",    NULL };
	const struct sc_child_opts child = { .name = "minicloud", .dir = s->cb.dir, .argv = argv };
	int r = cb_free_port();

	if (r < 0)
		return r;
	s->cloud_port = (unsigned)r;
	snprintf(binary, sizeof(binary), "%s/minicloud", s->cb.bin);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", s->cloud_port);
	snprintf(yaml, sizeof(yaml), "%s/clouds.yaml", s->cb.dir);
	snprintf(hosts, sizeof(hosts), "%u", s->opts.hosts);
	r = sc_child_start(&child, &s->minicloud, ret_error);
	if (r == 0)
		r = sc_child_wait_ready(s->minicloud, READY_LIMIT, NULL);
	if (r == 0 && setenv("OS_CLIENT_CONFIG_FILE", yaml, 1) < 0)
		r = dr_errno();
	return r == 1 ? -EIO : r;
}

static int log_in(struct soak *s, char **ret_error)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf conf = {};
	int r = dr_cloud_conf_load("admin", &conf, ret_error);

	return r ? r : dr_cloud_new(s->cb.loop, s->cb.http, &conf, &s->cloud);
}

/* ---------------------------------------------------------------- ears */

int soak_host_of(const struct soak *s, const char *name)
{
	unsigned n;
	int end = 0;

	if (!name || sscanf(name, "compute-%u%n", &n, &end) != 1 || name[end] || n < 1 || n > s->truth.count)
		return -1;
	return (int)n - 1;
}

static void take_event(struct soak *s, const struct dr_json *e)
{
	const char *type = dr_json_get_str(e, "type"), *time = dr_json_get_str(e, "time"),
		   *status = dr_json_str(dr_json_path(e, "details.status")),
		   *name = dr_json_str(dr_json_path(e, "details.hostname"));
	int host = soak_host_of(s, name);
	struct dr_wall decided;
	struct dr_mono at;
	bool down;

	if (host < 0 || !type || !status || !time || dr_wall_parse(time, &decided, NULL))
		return;
	down = strcmp(status, "down") == 0;
	if (strcmp(type, "compute.host.down") != 0 && strcmp(type, "compute.host.up") != 0) {
		s->degraded += down;
		if (down)
			fprintf(stderr, "%s is said to be %s, which it is not\n", name, type);
		return;
	}
	at = dr_mono_add(dr_mono_now(), (struct dr_dur){ decided.ns - dr_wall_now().ns });
	if (soak_truth_verdict(&s->truth, (size_t)host, down, at) == SOAK_FALSE)
		fprintf(stderr, "%s is said to be %s at %s, which it was not\n", name, status, time);
}

static void on_events(struct dr_http_exchange *x, void *userdata)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	size_t len;
	const char *text = dr_http_body(x, &len);

	dr_http_reply(x, 200, "application/json", "{}", 2);
	if (dr_json_parse(text, len, &body, NULL))
		return;
	for (const struct dr_json *e = dr_json_first(body); e; e = dr_json_next(e))
		take_event(userdata, e);
}

/* ---------------------------------------------------------------- the monitor */

static int write_monitor(const struct soak *s, const char *path)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	DR_AUTO_FCLOSE FILE *f = NULL;
	char address[BENCH_ADDRESS_MAX];

	dr_buf_printf(
		&b,
		"name: %s\ninterface: %s\ninterval: %dms\nmultiplier: %d\nrise: 3\ndelivery: all\n"
		"inspectors:\n  - url: http://127.0.0.1:%u/events\n  - url: http://127.0.0.1:%u/events\n"
		"targets:\n",
		s->monitor_name, s->net.ifname, SOAK_INTERVAL_MS, SOAK_MULTIPLIER, s->inspector.port,
		dr_http_server_port(s->ears));
	for (size_t i = 0; i < s->net.nhosts; i++)
		dr_buf_printf(&b, "  - {host: compute-%zu, address: %s}\n", i + 1,
			      bench_address(s->net.hosts[i].address, address));
	if (b.error)
		return b.error;
	f = fopen(path, "we");
	if (!f || fwrite(b.data, 1, b.len, f) != b.len || fflush(f))
		return dr_errno();
	return 0;
}

static int start_monitor(struct soak *s, char **ret_error)
{
	char binary[600], config[128];
	const char *const argv[] = { binary, "--config", config, NULL };
	const struct sc_child_opts child = { .name = "monitor", .dir = s->cb.dir, .argv = argv };
	const struct dr_http_server_opts ears = { .body_max = EVENTS_MAX };
	int r = dr_http_server_new(s->cb.loop, &ears, on_events, s, &s->ears);

	if (r < 0)
		return r;
	snprintf(s->monitor_name, sizeof(s->monitor_name), "soak-%d", (int)getpid());
	snprintf(binary, sizeof(binary), "%s/doctor-monitor", s->cb.bin);
	snprintf(config, sizeof(config), "%s/monitor.yaml", s->cb.dir);
	r = write_monitor(s, config);
	if (r == 0)
		r = sc_child_start(&child, &s->monitor, ret_error);
	if (r == 0)
		r = sc_child_wait_ready(s->monitor, READY_LIMIT, NULL);
	return r == 1 ? -EIO : r;
}

static bool all_known(void *userdata)
{
	const struct soak *s = userdata;

	return s->truth.known == s->truth.count;
}

int soak_stack_start(struct soak *s, char **ret_error)
{
	int r;

	if ((r = start_cloud(s, ret_error)) || (r = log_in(s, ret_error)) ||
	    (r = cb_inspector_start(&s->cb, "inspector", settings, &s->inspector, ret_error)) ||
	    (r = start_monitor(s, ret_error)))
		return r;
	r = cb_until(&s->cb, UP_LIMIT, all_known, s);
	if (r == 1)
		*ret_error = dr_asprintf("only %zu of %zu hosts are said to be up", s->truth.known,
					 s->truth.count);
	return r == 1 ? -ETIMEDOUT : r;
}

bool soak_stack_running(struct soak *s)
{
	return sc_child_running(s->minicloud) && sc_child_running(s->monitor) &&
	       sc_child_running(s->inspector.child);
}

static int stop(struct sc_child *c, char **ret_error)
{
	bool ran = sc_child_running(c);
	int status = sc_child_stop(c, STOP_LIMIT);

	if (ran && !status)
		return 0;
	if (!*ret_error)
		*ret_error = dr_asprintf("%s ended%s with status %d", sc_child_name(c),
					 ran ? "" : " by itself", status);
	return -EIO;
}

int soak_stack_stop(struct soak *s, char **ret_error)
{
	struct sc_child *all[] = { s->monitor, s->inspector.child, s->minicloud };
	int r = 0;

	for (size_t i = 0; i < DR_ARRAY_SIZE(all); i++)
		if (all[i] && stop(all[i], ret_error))
			r = -EIO;
	return r;
}

void soak_stack_done(struct soak *s)
{
	dr_http_server_free(s->ears);
	dr_cloud_free(s->cloud);
	sc_child_free(s->monitor);
	cb_inspector_done(&s->inspector);
	sc_child_free(s->minicloud);
}
