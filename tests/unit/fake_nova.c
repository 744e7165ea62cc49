// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "tests/unit/fake_nova.h"

static void reply_text(struct dr_http_exchange *x, unsigned status, char *text)
{
	assert_non_null(text);
	dr_http_reply(x, status, "application/json", text, strlen(text));
	free(text);
}

static void keystone(struct fake *f, struct dr_http_exchange *x)
{
	unsigned port = dr_http_server_port(f->server);
	DR_AUTO_FREE char *network =
		dr_asprintf(", {\"type\": \"network\", \"endpoints\": [{\"interface\": \"public\", "
			    "\"url\": \"http://127.0.0.1:%u\"}]}",
			    port);

	assert_non_null(network);
	dr_http_set_header(x, "X-Subject-Token", "token");
	reply_text(x, 201,
		   dr_asprintf("{\"token\": {\"issued_at\": \"2026-11-22T17:00:00.000000Z\", \"expires_at\": "
			       "\"2026-11-22T18:00:00.000000Z\", \"project\": {\"id\": \"p\"}, \"catalog\": "
			       "[{\"type\": \"compute\", \"endpoints\": [{\"interface\": \"public\", "
			       "\"url\": \"http://127.0.0.1:%u/v2.1\"}]}%s]}}",
			       port, f->network ? network : ""));
}

static void version(struct fake *f, struct dr_http_exchange *x)
{
	reply_text(x, 200,
		   dr_asprintf("{\"version\": {\"id\": \"v2.1\", \"version\": \"%s\", \"min_version\": "
			       "\"2.1\"}}",
			       f->max_version));
}

static void services(struct fake *f, struct dr_http_exchange *x)
{
	DR_AUTO_BUF struct dr_buf b = {};

	dr_buf_puts(&b, "{\"services\": [{\"binary\": \"nova-scheduler\", \"host\": \"controller\", \"id\": "
			"\"s0\", \"state\": \"up\"}");
	for (size_t i = 0; i < f->host_count; i++) {
		const struct fake_host *h = &f->hosts[i];

		dr_buf_printf(&b,
			      ", {\"binary\": \"nova-compute\", \"host\": \"%s\", \"id\": \"%s\", "
			      "\"status\": \"%s\", \"state\": \"%s\", \"forced_down\": %s",
			      h->name, h->id, h->disabled ? "disabled" : "enabled",
			      h->forced_down || h->silent ? "down" : "up", h->forced_down ? "true" : "false");
		if (h->disabled_reason)
			dr_buf_printf(&b, ", \"disabled_reason\": \"%s\"", h->disabled_reason);
		if (h->zone)
			dr_buf_printf(&b, ", \"zone\": \"%s\"", h->zone);
		dr_buf_puts(&b, "}");
	}
	dr_buf_puts(&b, "]}");
	assert_int_equal(b.error, 0);
	dr_http_reply(x, 200, "application/json", b.data, b.len);
}

/* An aggregate of one host each, as often as it is named: who reads it puts them together. */
static void aggregates(struct fake *f, struct dr_http_exchange *x)
{
	DR_AUTO_BUF struct dr_buf b = {};
	const char *comma = "";

	dr_buf_puts(&b, "{\"aggregates\": [");
	for (size_t i = 0; i < f->host_count; i++) {
		const struct fake_host *h = &f->hosts[i];

		if (!h->aggregate)
			continue;
		dr_buf_printf(&b, "%s{\"id\": %zu, \"name\": \"%s\", \"hosts\": [\"%s\"]}", comma, i,
			      h->aggregate, h->name);
		comma = ", ";
	}
	dr_buf_puts(&b, "]}");
	assert_int_equal(b.error, 0);
	dr_http_reply(x, 200, "application/json", b.data, b.len);
}

static void force_down(struct fake *f, struct dr_http_exchange *x, const char *id)
{
	for (size_t i = 0; i < f->host_count; i++) {
		struct fake_host *h = &f->hosts[i];
		bool by_body = !strcmp(id, "force-down") && strstr(dr_http_body(x, NULL), h->name);

		bool down = strstr(dr_http_body(x, NULL), "true");

		if (!by_body && strcmp(h->id, id))
			continue;
		if (!down && h->evacuated) {
			reply_text(x, 400,
				   strdup("{\"badRequest\": {\"code\": 400, \"message\": \"Service "
					  "has evacuations that are not completed\"}}"));
			return;
		}
		h->forced_down = down;
		reply_text(x, 200, strdup("{\"service\": {}}"));
		return;
	}
	reply_text(x, 404, strdup("{\"itemNotFound\": {\"code\": 404, \"message\": \"no such service\"}}"));
}

static void add_vm(const struct fake *f, struct dr_buf *b, const struct fake_vm *vm, bool detail)
{
	if (!detail) {
		dr_buf_printf(b, "{\"id\": \"%s\", \"name\": \"vm\"}", vm->id);
		return;
	}
	dr_buf_printf(
		b,
		"{\"id\": \"%s\", \"name\": \"vm\", \"tenant_id\": \"p-%s\", \"OS-EXT-STS:vm_state\": \"%s\"",
		vm->id, vm->id, vm->error ? "error" : "active");
	if (!f->hide_hosts)
		dr_buf_printf(b, ", \"OS-EXT-SRV-ATTR:host\": \"%s\"", vm->host);
	dr_buf_puts(b, "}");
}

static void servers(struct fake *f, struct dr_http_exchange *x)
{
	const char *host = dr_http_query(x, "host"), *marker = dr_http_query(x, "marker");
	bool detail = strstr(dr_http_path(x), "/detail");
	DR_AUTO_BUF struct dr_buf b = {};
	const char *last = NULL;
	bool more = f->endless, passed = f->endless || !marker;
	unsigned n = 0;

	dr_buf_puts(&b, "{\"servers\": [");
	for (size_t i = 0; i < f->vm_count; i++) {
		struct fake_vm *vm = &f->vms[i];

		if (!passed) {
			passed = !strcmp(vm->id, marker);
			continue;
		}
		if (vm->deleted || (host && !f->hide_hosts && strcmp(host, vm->host)))
			continue;
		if (f->page && n == f->page) {
			more = true;
			break;
		}
		dr_buf_puts(&b, n++ ? ", " : "");
		add_vm(f, &b, vm, detail);
		last = vm->id;
	}
	dr_buf_puts(&b, "]");
	if (more)
		dr_buf_printf(
			&b,
			", \"servers_links\": [{\"rel\": \"next\", \"href\": \"http://proxy/wrong/servers/"
			"detail?all_tenants=1%s%s&marker=%s\"}]",
			host ? "&host=" : "", host ? host : "", last);
	dr_buf_puts(&b, "}");
	assert_int_equal(b.error, 0);
	dr_http_reply(x, 200, "application/json", b.data, b.len);
}

/* The one of a path behind "/v2.1/servers/"; NULL: 404 is answered. */
static struct fake_vm *find_vm(struct fake *f, struct dr_http_exchange *x, const char *path)
{
	const char *id = path + strlen("/v2.1/servers/");
	size_t len = strcspn(id, "/");

	for (size_t i = 0; i < f->vm_count; i++) {
		struct fake_vm *vm = &f->vms[i];

		if (!vm->deleted && strlen(vm->id) == len && !strncmp(vm->id, id, len))
			return vm;
	}
	reply_text(x, 404, strdup("{\"itemNotFound\": {\"code\": 404, \"message\": \"no such server\"}}"));
	return NULL;
}

static void reset(struct fake *f, struct dr_http_exchange *x, const char *path)
{
	struct fake_vm *vm = find_vm(f, x, path);

	if (!vm)
		return;
	vm->error = strstr(dr_http_body(x, NULL), "\"error\"");
	*(vm->error ? &vm->resets : &vm->actives) += 1;
	dr_http_reply(x, 202, NULL, "", 0);
}

static void diagnostics(struct fake *f, struct dr_http_exchange *x, const char *path)
{
	struct fake_vm *vm = find_vm(f, x, path);

	if (vm && vm->stopped)
		reply_text(x, 409,
			   strdup("{\"conflictingRequest\": {\"code\": 409, \"message\": \"Instance "
				  "is not running\"}}"));
	else if (vm)
		reply_text(x, 200, strdup("{\"state\": \"running\"}"));
}

/* ---------------------------------------------------------------- Neutron */

static void add_port(const struct fake *f, struct dr_buf *b, const struct fake_port *p)
{
	const char *quote = p->status[0] ? "\"" : "";

	dr_buf_printf(b, "{\"id\": \"%s\"", p->id);
	if (!f->hide_hosts)
		dr_buf_printf(b, ", \"binding:host_id\": \"%s\"", p->host);
	if (!f->no_data_plane)
		dr_buf_printf(b, ", \"data_plane_status\": %s%s%s", quote, p->status[0] ? p->status : "null",
			      quote);
	dr_buf_puts(b, "}");
}

static void ports(struct fake *f, struct dr_http_exchange *x)
{
	const char *host = dr_http_query(x, "binding:host_id"), *marker = dr_http_query(x, "marker");
	const struct fake_port *last = NULL;
	DR_AUTO_BUF struct dr_buf b = {};
	bool more = false;
	unsigned n = 0;

	dr_buf_puts(&b, "{\"ports\": [");
	for (size_t i = 0; i < f->port_count && !more; i++) {
		const struct fake_port *p = &f->ports[i];

		if (marker && !strcmp(marker, p->id))
			marker = NULL;
		else if (!marker && (!host || f->hide_hosts || !strcmp(host, p->host))) {
			more = f->port_page && n == f->port_page;
			if (more)
				break;
			dr_buf_puts(&b, n++ ? ", " : "");
			add_port(f, &b, p);
			last = p;
		}
	}
	dr_buf_puts(&b, "]");
	if (more)
		dr_buf_printf(
			&b,
			", \"ports_links\": [{\"rel\": \"next\", \"href\": \"http://proxy/wrong/v2.0/ports?"
			"binding%%3Ahost_id=%s&marker=%s\"}]",
			host ? host : "", last->id);
	dr_buf_puts(&b, "}");
	assert_int_equal(b.error, 0);
	dr_http_reply(x, 200, "application/json", b.data, b.len);
}

static void set_port(struct fake *f, struct dr_http_exchange *x, const char *id)
{
	const char *body = dr_http_body(x, NULL);

	for (size_t i = 0; i < f->port_count; i++) {
		struct fake_port *p = &f->ports[i];

		if (strcmp(p->id, id))
			continue;
		if (strstr(body, "null")) { /* as Neutron has it */
			reply_text(x, 500, strdup("{\"NeutronError\": {\"message\": \"failed\"}}"));
			return;
		}
		strcpy(p->status, strstr(body, "ACTIVE") ? "ACTIVE" : "DOWN");
		reply_text(x, 200, strdup("{\"port\": {}}"));
		return;
	}
	reply_text(x, 404, strdup("{\"NeutronError\": {\"message\": \"no such port\"}}"));
}

static void answer(struct fake *f, struct dr_http_exchange *x)
{
	const char *path = dr_http_path(x), *method = dr_http_method(x);

	if (!strcmp(path, "/v3/auth/tokens"))
		keystone(f, x);
	else if (!strcmp(path, "/v2.1/"))
		version(f, x);
	else if (!strcmp(path, "/v2.1/os-services"))
		services(f, x);
	else if (!strcmp(path, "/v2.1/os-aggregates"))
		aggregates(f, x);
	else if (!strcmp(method, "PUT") && !strncmp(path, "/v2.1/os-services/", 18))
		force_down(f, x, path + 18);
	else if (!strcmp(method, "GET") && !strcmp(path, "/v2.0/ports"))
		ports(f, x);
	else if (!strcmp(method, "PUT") && !strncmp(path, "/v2.0/ports/", 12))
		set_port(f, x, path + 12);
	else if (!strcmp(method, "GET") && strstr(path, "/diagnostics"))
		diagnostics(f, x, path);
	else if (!strcmp(method, "GET") && !strncmp(path, "/v2.1/servers", 13))
		servers(f, x);
	else if (!strcmp(method, "POST") && !strncmp(path, "/v2.1/servers/", 14))
		reset(f, x, path);
	else
		fail_msg("unexpected: %s %s", method, path);
}

static struct fake_rule *find_rule(struct fake *f, const char *method, const char *target)
{
	for (size_t i = 0; i < f->rule_count; i++) {
		struct fake_rule *r = &f->rules[i];

		if (r->count && !strcmp(r->method, method) && strstr(target, r->path)) {
			r->count -= r->count != UINT_MAX;
			return r;
		}
	}
	return NULL;
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct fake *f = userdata;
	const char *path = dr_http_path(x), *host = dr_http_query(x, "host");
	const char *id = dr_http_header(x, "x-openstack-request-id");
	char target[160];
	struct fake_rule *rule;

	snprintf(target, sizeof(target), "%s%s%s", !strncmp(path, "/v2.1", 5) ? path + 5 : path,
		 host ? "?host=" : "", host ? host : "");
	if (f->asked_count < DR_ARRAY_SIZE(f->asked)) {
		snprintf(f->asked[f->asked_count], sizeof(f->asked[0]), "%s %.150s", dr_http_method(x),
			 target);
		snprintf(f->ids[f->asked_count++], sizeof(f->ids[0]), "%s", id ? id : "");
	}
	rule = find_rule(f, dr_http_method(x), target);
	if (!rule) {
		answer(f, x);
	} else if (rule->status) {
		reply_text(x, rule->status,
			   dr_asprintf("{\"fault\": {\"code\": %u, \"message\": \"as the test wants it\"}}",
				       rule->status));
	} else {
		assert_true(f->held_count < FAKE_MAX);
		dr_http_defer(x);
		f->held[f->held_count++] = x;
	}
}

bool fake_release(struct fake *f)
{
	struct dr_http_exchange *x = f->held[0];

	if (!f->held_count)
		return false;
	f->held_count--;
	memmove(f->held, f->held + 1, f->held_count * sizeof(f->held[0]));
	answer(f, x);
	return true;
}

bool fake_release_last(struct fake *f)
{
	if (!f->held_count)
		return false;
	answer(f, f->held[--f->held_count]);
	return true;
}

int fake_new(struct dr_loop *l, struct fake **ret)
{
	struct dr_http_server_opts opts = {};
	struct fake *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = l;
	f->max_version = "2.93";
	*ret = f;
	return dr_http_server_new(l, &opts, on_request, f, &f->server);
}

void fake_free(struct fake *f)
{
	dr_http_server_free(f->server);
	free(f);
}

void fake_conf(const struct fake *f, struct dr_cloud_conf *ret)
{
	*ret = (struct dr_cloud_conf){
		.auth_url = dr_asprintf("http://127.0.0.1:%u", dr_http_server_port(f->server)),
		.user_id = strdup("u"),
		.password = strdup("p"),
		.project_id = strdup("p"),
	};
}

struct fake_host *fake_add_host(struct fake *f, const char *name, const char *id)
{
	struct fake_host *h = &f->hosts[f->host_count++];

	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->id, sizeof(h->id), "%s", id);
	return h;
}

struct fake_vm *fake_add_vm(struct fake *f, const char *id, const char *host)
{
	struct fake_vm *vm = &f->vms[f->vm_count++];

	snprintf(vm->id, sizeof(vm->id), "%s", id);
	snprintf(vm->host, sizeof(vm->host), "%s", host);
	return vm;
}

struct fake_port *fake_add_port(struct fake *f, const char *id, const char *host, const char *status)
{
	struct fake_port *p = &f->ports[f->port_count++];

	snprintf(p->id, sizeof(p->id), "%s", id);
	snprintf(p->host, sizeof(p->host), "%s", host);
	snprintf(p->status, sizeof(p->status), "%s", status);
	return p;
}

void fake_rule(struct fake *f, const char *method, const char *path, unsigned status, unsigned count)
{
	f->rules[f->rule_count++] = (struct fake_rule){ method, path, status, count };
}

void fake_rules_clear(struct fake *f)
{
	f->rule_count = 0;
}

size_t fake_count(const struct fake *f, const char *prefix)
{
	size_t n = 0;

	for (size_t i = 0; i < f->asked_count; i++)
		n += !strncmp(f->asked[i], prefix, strlen(prefix));
	return n;
}

int fake_first(const struct fake *f, const char *prefix)
{
	for (size_t i = 0; i < f->asked_count; i++)
		if (!strncmp(f->asked[i], prefix, strlen(prefix)))
			return (int)i;
	return -1;
}
