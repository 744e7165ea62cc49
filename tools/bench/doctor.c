/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-monitor, with an inspector of our own beside it that takes the time of its events. */
#include <dirent.h>
#include <string.h>

#include "doctor/http_server.h"
#include "tools/bench/watch.h"

#define PINS "/sys/fs/bpf/doctor/"

struct bench_inspector {
	struct bench_watch *watch;
	struct dr_http_server *server;
};

/* "h17": 17; -1: no host of ours. */
static int host_of(const struct bench_watch *w, const char *name)
{
	char *end;
	unsigned long n;

	if (!name || name[0] != 'h' || name[1] < '0' || name[1] > '9')
		return -1;
	n = strtoul(name + 1, &end, 10);
	return *end || n >= w->o.net->nhosts ? -1 : (int)n;
}

/* ---------------------------------------------------------------- the inspector */

static void take_event(struct bench_watch *w, const struct dr_json *e, struct dr_mono at)
{
	const char *status = dr_json_str(dr_json_path(e, "details.status")),
		   *time = dr_json_get_str(e, "time");
	int host = host_of(w, dr_json_str(dr_json_path(e, "details.hostname")));
	struct dr_wall decided;

	if (host < 0 || !status)
		return;
	bench_watch_verdict(w, (size_t)host, strcmp(status, "up") == 0, at);
	if (time && dr_wall_parse(time, &decided, NULL) == 0)
		w->seen[host].decided =
			dr_mono_add(dr_mono_now(), (struct dr_dur){ decided.ns - dr_wall_now().ns });
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct dr_mono at = dr_mono_now();
	struct bench_inspector *i = userdata;
	DR_AUTO_JSON struct dr_json *body = NULL;
	size_t len;
	const char *text = dr_http_body(x, &len);

	dr_http_reply(x, 200, "application/json", "{}", 2);
	if (dr_json_parse(text, len, &body, NULL))
		return;
	for (struct dr_json *e = dr_json_first(body); e; e = dr_json_next(e))
		take_event(i->watch, e, at);
}

static int listen_there(struct bench_watch *w)
{
	struct dr_http_server_opts opts = { .body_max = 16 << 20 };
	struct bench_inspector *i = calloc(1, sizeof(*i));
	int r, back;

	if (!i)
		return -ENOMEM;
	w->inspector = i;
	i->watch = w;
	r = bench_net_visit(w->o.net, BENCH_WATCHER, &back);
	if (r < 0)
		return r;
	r = dr_http_server_new(w->o.loop, &opts, on_request, i, &i->server);
	bench_net_leave(back);
	return r;
}

void bench_inspector_free(struct bench_inspector *i)
{
	if (i)
		dr_http_server_free(i->server);
	free(i);
}

/* ---------------------------------------------------------------- the monitor */

void bench_doctor_line(struct bench_watch *w, const char *line)
{
	double late, skipped;
	char name[64];
	int host;

	if (bench_line_number(line, "skipped", &skipped))
		w->skipped += skipped;
	if (!bench_line_verdict(line, name, &late))
		return;
	host = host_of(w, name);
	if (host < 0)
		return;
	w->seen[host].late_us = late;
	w->seen[host].lates++;
}

static int start_with(struct bench_watch *w, const char *settings, char **ret_error)
{
	DR_AUTO_FREE char *program = dr_asprintf("%s/doctor-monitor", w->o.bin);
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char config[256], interval[DR_TIME_STR_MAX], address[BENCH_ADDRESS_MAX];
	int r = program ? listen_there(w) : -ENOMEM;

	if (r < 0) {
		*ret_error = dr_asprintf("cannot listen for the monitor's events: %s", strerror(-r));
		return r;
	}
	dr_buf_printf(&b, "name: %s\ninterface: %s\ninterval: %s\nmultiplier: %u\nrise: 3\n", w->name,
		      w->o.net->ifname, dr_dur_format(w->o.interval, interval), w->o.multiplier);
	dr_buf_puts(&b, settings);
	dr_buf_printf(&b, "inspector:\n  url: http://127.0.0.1:%u/events\ntargets:\n",
		      dr_http_server_port(w->inspector->server));
	for (size_t i = 0; i < w->o.net->nhosts; i++)
		dr_buf_printf(&b, "  - {host: h%zu, address: %s}\n", i,
			      bench_address(w->o.net->hosts[i].address, address));
	r = bench_watch_write(w, "monitor.yaml", &b, config, sizeof(config), ret_error);
	if (r < 0)
		return r;
	return bench_watch_spawn(w, BENCH_WATCHER, (const char *const[]){ program, "--config", config, NULL },
				 false, ret_error);
}

static int start(struct bench_watch *w, char **ret_error)
{
	return start_with(w, "", ret_error);
}

static int start_consuming(struct bench_watch *w, char **ret_error)
{
	return start_with(w, "consume_replies: true\n", ret_error);
}

void bench_monitor_clean(const char *name)
{
	char path[sizeof(PINS) + BENCH_NAME_MAX + NAME_MAX + 2];
	DIR *d;

	if (!name[0])
		return;
	snprintf(path, sizeof(path), PINS "%s", name);
	d = opendir(path);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		snprintf(path, sizeof(path), PINS "%s/%s", name, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
	snprintf(path, sizeof(path), PINS "%s", name);
	rmdir(path);
}

const struct bench_tool bench_doctor = { .name = "doctor-monitor", .start = start };
const struct bench_tool bench_consuming = { .name = "same, consuming", .start = start_consuming };
