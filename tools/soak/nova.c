/* SPDX-License-Identifier: Apache-2.0 */
/* What Nova was asked for, and what it says: hosts that are dead and marked, or alive and not. */
#include <string.h>

#include "doctor/cloud/neutron.h"
#include "doctor/cloud/nova.h"
#include "tools/soak/soak.h"

#define PAUSE dr_sec(2)
/* From a host's end until Nova has it down, and from its return until Nova has it up: the cloud fails
 * meanwhile. */
#define MARK_LIMIT dr_sec(25)
/* A request may be under way when the host comes back, and repeated until that is known. */
#define ASK_SLACK dr_sec(3)
#define ANSWER_LIMIT dr_sec(5)

static const struct dr_nova_api api = { .min = 1, .max = 93, .use = DR_NOVA_SERVICE_UUID };

/* ---------------------------------------------------------------- what it says */

static void judge(struct soak *s, size_t host, bool forced)
{
	const struct soak_change *c = &s->truth.hosts[host].last;
	bool over = dr_mono_sub(dr_mono_now(), c->end).ns > MARK_LIMIT.ns;

	if (forced == c->down || !over || s->nova.complained[host])
		return;
	s->nova.complained[host] = true;
	if (c->down)
		s->nova.late++;
	else
		s->nova.stuck++;
	fprintf(stderr, "compute-%zu is %s for %.0f s, and %s in Nova\n", host + 1,
		c->down ? "dead" : "alive", dr_dur_seconds(dr_mono_sub(dr_mono_now(), c->end)),
		forced ? "forced down" : "not forced down");
}

static void on_services(const struct dr_cloud_reply *r, void *userdata)
{
	struct soak *s = userdata;

	s->nova.asking = false;
	if (r->error || r->status != 200) {
		s->nova.unanswered++;
		return;
	}
	for (const struct dr_json *v = dr_json_first(dr_json_get(r->json, "services")); v;
	     v = dr_json_next(v)) {
		struct dr_nova_service service;
		int host = -1;

		if (dr_nova_service_parse(v, &service) == 0)
			host = soak_host_of(s, service.host);
		if (host < 0 || !service.id)
			continue;
		if (!s->nova.ids[host])
			s->nova.ids[host] = strdup(service.id);
		judge(s, (size_t)host, service.forced_down);
	}
}

/* ---------------------------------------------------------------- what it was asked for */

static int service_of(const struct soak *s, const char *path)
{
	const char *id = strrchr(path, '/') + 1;

	for (size_t i = 0; i < s->truth.count; i++)
		if (s->nova.ids[i] && strcmp(s->nova.ids[i], id) == 0)
			return (int)i;
	return -1;
}

static void look_at(struct soak *s, const struct dr_json *request)
{
	const char *path = dr_json_get_str(request, "path"), *body = dr_json_get_str(request, "body");
	int64_t number, status;
	struct dr_wall received;
	struct dr_mono at;
	int host;

	if (dr_json_get_i64(request, "number", &number) || dr_json_get_i64(request, "status", &status) ||
	    (uint64_t)number <= s->nova.seen) /* told twice, as the answer before was late */
		return;
	s->nova.seen = (uint64_t)number;
	if (status != 200 || !path || !strstr(path, "/os-services/") || !body ||
	    !strstr(body, "\"forced_down\":true") || !cb_time(request, "received", &received))
		return;
	s->nova.force_downs++;
	host = service_of(s, path);
	at = dr_mono_add(dr_mono_now(), (struct dr_dur){ received.ns - dr_wall_now().ns });
	if (host >= 0 && soak_truth_was_down(&s->truth, (size_t)host, at, ASK_SLACK))
		return;
	s->nova.wrong++;
	fprintf(stderr, "compute-%d was forced down while it lived\n", host + 1);
}

static void on_requests(const struct dr_http_response *r, void *userdata)
{
	struct soak *s = userdata;
	DR_AUTO_JSON struct dr_json *body = NULL;

	if (r->error || r->status != 200 || dr_json_parse(dr_buf_str(&r->body), r->body.len, &body, NULL)) {
		s->nova.unanswered++;
		return;
	}
	for (const struct dr_json *v = dr_json_first(dr_json_get(body, "requests")); v; v = dr_json_next(v))
		look_at(s, v);
}

static int ask_requests(struct soak *s)
{
	char url[96];
	struct dr_http_request req = { .method = "GET", .url = url, .timeout = ANSWER_LIMIT };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/minicloud/requests?after=%llu", s->cloud_port,
		 (unsigned long long)s->nova.seen);
	return dr_http_send(s->cb.http, &req, on_requests, s);
}

static int ask_services(struct soak *s)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	if (s->nova.asking)
		return 0;
	r = dr_nova_services_list(&call, &api, NULL, "nova-compute");
	call.req.timeout = ANSWER_LIMIT;
	if (r == 0)
		r = dr_cloud_send(s->cloud, &call.req, on_services, s);
	s->nova.asking = r == 0;
	return r;
}

static int on_time(struct dr_source *source, void *userdata)
{
	struct soak *s = userdata;

	s->error = ask_services(s);
	if (s->error == 0 && s->nova.ids[0]) /* they name hosts by that */
		s->error = ask_requests(s);
	return s->error ? 0 : dr_timer_arm(source, PAUSE);
}

int soak_nova_start(struct soak *s)
{
	int r = dr_loop_add_timer(s->cb.loop, on_time, s, &s->nova.timer);

	return r ? r : dr_timer_arm(s->nova.timer, dr_msec(1));
}

void soak_nova_stop(struct soak *s)
{
	dr_source_free(s->nova.timer);
	s->nova.timer = NULL;
}

void soak_nova_done(struct soak *s)
{
	for (size_t i = 0; s->nova.ids && i < s->truth.count; i++)
		free(s->nova.ids[i]);
	free(s->nova.ids);
	free(s->nova.complained);
}

/* ---------------------------------------------------------------- the end */

/* The answer to a call that is ready; the caller frees it. */
static int answer(struct soak *s, struct dr_api_call *call, int r, struct dr_json **ret, char **ret_error)
{
	if (r == 0)
		r = dr_cloud_call(s->cloud, &call->req, ret, ret_error);
	return r > 0 ? -EIO : r;
}

static int services_settled(struct soak *s, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = answer(s, &call, dr_nova_services_list(&call, &api, NULL, "nova-compute"), &body, ret_error);

	for (const struct dr_json *v = dr_json_first(dr_json_get(body, "services")); v && r == 0;
	     v = dr_json_next(v)) {
		struct dr_nova_service service;

		if (dr_nova_service_parse(v, &service) || service.forced_down) {
			*ret_error = dr_asprintf("%s is forced down", service.host);
			r = 1;
		}
	}
	return r;
}

static int servers_settled(struct soak *s, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	DR_AUTO_JSON struct dr_json *body = NULL;
	const char *next = NULL;
	int r = answer(s, &call, dr_nova_servers_list(&call, &api, true, NULL, 0), &body, ret_error);

	while (r == 0) {
		for (const struct dr_json *v = dr_json_first(dr_json_get(body, "servers")); v && r == 0;
		     v = dr_json_next(v)) {
			struct dr_nova_server server;

			if (dr_nova_server_parse(v, &server) || !server.status ||
			    strcmp(server.status, "ACTIVE") != 0) {
				*ret_error = dr_asprintf("server %s on %s is %s", server.id,
							 server.host ? server.host : "?",
							 server.status ? server.status : "?");
				r = 1;
			}
		}
		next = dr_nova_servers_next(body);
		if (r || !next)
			break;
		r = dr_nova_servers_more(&call, &api, next);
		dr_json_free(DR_TAKE_PTR(body));
		r = answer(s, &call, r, &body, ret_error);
	}
	return r;
}

static int ports_settled(struct soak *s, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = answer(s, &call, dr_neutron_ports_list(&call, NULL, NULL), &body, ret_error);

	for (const struct dr_json *v = dr_json_first(dr_json_get(body, "ports")); v && r == 0;
	     v = dr_json_next(v)) {
		struct dr_neutron_port port;

		if (dr_neutron_port_parse(v, &port) ||
		    (port.data_plane_status && strcmp(port.data_plane_status, "DOWN") == 0)) {
			*ret_error = dr_asprintf("the data plane of port %s is DOWN", port.id);
			r = 1;
		}
	}
	return r;
}

int soak_nova_settled(struct soak *s, char **ret_error)
{
	int r;

	if ((r = services_settled(s, ret_error)) || (r = servers_settled(s, ret_error)))
		return r;
	return ports_settled(s, ret_error);
}
