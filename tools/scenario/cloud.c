/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/cloud_private.h"

#include <limits.h>
#include <string.h>

#include "doctor/cloud/aodh.h"
#include "doctor/cloud/neutron.h"

#define PAGES_MAX 1000

static const char *const names[SC_ROLES] = { [SC_ADMIN] = "administrator",
					     [SC_OWNER] = "owner",
					     [SC_BOOTER] = "administrator in the owner's project" };

int sc_call(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *call, struct dr_json **ret,
	    char **ret_error)
{
	DR_AUTO_FREE char *error = NULL;
	int r = made;

	if (r == 0)
		r = dr_cloud_call(c->session[as], &call->req, ret, &error);
	if (r != 0 && ret_error) {
		free(*ret_error);
		*ret_error = dr_asprintf("%s %s as %s: %s", made ? "preparing a request" : call->req.method,
					 made ? "" : call->req.path, names[as],
					 error ? error : strerror(r < 0 ? -r : EPROTO));
	}
	return r;
}

int sc_call_must(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *api_call,
		 struct dr_json **ret, char **ret_error)
{
	int r = sc_call(c, as, made, api_call, ret, ret_error);

	return r > 0 ? -EREMOTEIO : r;
}

int sc_call_may_lack(struct sc_cloud *c, enum sc_role as, int made, struct dr_api_call *api_call,
		     struct dr_json **ret, char **ret_error)
{
	int r = sc_call(c, as, made, api_call, ret, ret_error);

	if (r == 404 && ret_error) {
		free(*ret_error);
		*ret_error = NULL;
	}
	return r == 404 ? 1 : r > 0 ? -EREMOTEIO : r;
}

static int bad(char **ret_error, const char *what)
{
	if (ret_error)
		*ret_error = dr_asprintf("the cloud's answer has no %s", what);
	return -EBADMSG;
}

void sc_copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* ---------------------------------------------------------------- sessions */

int sc_cloud_log_in(struct sc_cloud *c, enum sc_role as, const struct dr_cloud_conf *conf, char **ret_error)
{
	const struct dr_http_client_opts opts = { .ca_file = conf->cacert, .insecure = conf->insecure };
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf copy = { 0 };
	int r = dr_cloud_conf_copy(conf, &copy);

	dr_cloud_free(c->session[as]);
	c->session[as] = NULL;
	dr_http_client_free(c->http[as]);
	c->http[as] = NULL;
	if (r == 0)
		r = dr_http_client_new(c->loop, &opts, &c->http[as]);
	if (r == 0)
		r = dr_cloud_new(c->loop, c->http[as], &copy, &c->session[as]);
	if (r < 0)
		*ret_error = dr_asprintf("cannot use the cloud as %s: %s", names[as], strerror(-r));
	return r;
}

bool sc_cloud_has(const struct sc_cloud *c, enum sc_role as)
{
	return c->session[as];
}

static int negotiate(struct sc_cloud *c, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_ADMIN, dr_nova_version_get(&api_call), &api_call, &body, ret_error);

	if (r < 0)
		return r;
	r = dr_nova_version_parse(body, &c->nova);
	if (r < 0)
		return bad(ret_error, "usable version of Nova");
	if (c->nova.use < 74) { /* `host` at boot; host_status came with 2.16 */
		if (ret_error)
			*ret_error = dr_asprintf("Nova offers microversions up to 2.%u, 2.74 is needed",
						 c->nova.max);
		return -ENOTSUP;
	}
	return 0;
}

int sc_cloud_open(const struct dr_cloud_conf *admin, struct sc_cloud **ret, char **ret_error)
{
	DR_AUTO(sc_cloud_freep) struct sc_cloud *c = calloc(1, sizeof(*c));
	int r = c ? dr_loop_new(&c->loop) : -ENOMEM;

	if (r < 0) {
		*ret_error = dr_asprintf("cannot use the cloud: %s", strerror(-r));
		return r;
	}
	r = sc_cloud_log_in(c, SC_ADMIN, admin, ret_error);
	if (r == 0)
		r = negotiate(c, ret_error);
	if (r == 0)
		*ret = DR_TAKE_PTR(c);
	return r;
}

int sc_cloud_open_entries(struct sc_cloud **ret, char **ret_error)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf admin = { 0 }, owner = { 0 };
	DR_AUTO(sc_cloud_freep) struct sc_cloud *c = NULL;
	int r = dr_cloud_conf_load("admin", &admin, ret_error);

	if (r == 0)
		r = dr_cloud_conf_load("doctor", &owner, ret_error);
	if (r == 0)
		r = sc_cloud_open(&admin, &c, ret_error);
	if (r == 0)
		r = sc_cloud_log_in(c, SC_OWNER, &owner, ret_error);
	if (r == 0)
		*ret = DR_TAKE_PTR(c);
	return r;
}

void sc_cloud_free(struct sc_cloud *c)
{
	if (!c)
		return;
	for (enum sc_role as = 0; as < SC_ROLES; as++) {
		dr_cloud_free(c->session[as]);
		dr_http_client_free(c->http[as]);
	}
	dr_loop_free(c->loop);
	free(c);
}

/* ---------------------------------------------------------------- computes */

static int by_host(const void *a, const void *b)
{
	return strcmp(((const struct sc_compute *)a)->host, ((const struct sc_compute *)b)->host);
}

int sc_cloud_computes(struct sc_cloud *c, struct sc_compute ret[SC_COMPUTES_MAX], char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int n = 0, r;

	r = sc_call_must(c, SC_ADMIN, dr_nova_services_list(&api_call, &c->nova, NULL, "nova-compute"),
			 &api_call, &body, ret_error);
	if (r < 0)
		return r;
	for (const struct dr_json *row = dr_json_first(dr_json_get(body, "services"));
	     row && n < SC_COMPUTES_MAX; row = dr_json_next(row)) {
		struct dr_nova_service s;

		if (dr_nova_service_parse(row, &s) != 0 || !s.host || !s.id || !s.state || !s.status)
			continue; /* of a cell that does not answer */
		COPY(ret[n].id, s.id);
		COPY(ret[n].host, s.host);
		ret[n].up = strcmp(s.state, "up") == 0;
		ret[n].enabled = strcmp(s.status, "enabled") == 0;
		ret[n].forced_down = s.forced_down;
		n++;
	}
	qsort(ret, (size_t)n, sizeof(ret[0]), by_host);
	return n;
}

int sc_cloud_force_down(struct sc_cloud *c, const struct sc_compute *compute, bool down, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;

	return sc_call_must(
		c, SC_ADMIN,
		dr_nova_force_down(&api_call, &c->nova, compute->id, compute->host, "nova-compute", down),
		&api_call, &body, ret_error);
}

/* ---------------------------------------------------------------- servers */

/* https://docs.openstack.org/api-ref/compute/#limits-limits */
int sc_cloud_room(struct sc_cloud *c, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	const struct dr_json *limits;
	int64_t most, used;
	int r = sc_call_may_lack(c, SC_OWNER, dr_api_call_init(&api_call, "compute", "GET", NULL, "/limits"),
				 &api_call, &body, ret_error);

	if (r != 0)
		return r == 1 ? INT_MAX : r;
	limits = dr_json_path(body, "limits.absolute");
	if (dr_json_get_i64(limits, "maxTotalInstances", &most) < 0 ||
	    dr_json_get_i64(limits, "totalInstancesUsed", &used) < 0)
		return bad(ret_error, "limit of instances");
	if (most < 0)
		return INT_MAX;
	return (int)DR_MIN(DR_MAX(most - used, (int64_t)0), (int64_t)INT_MAX);
}

int sc_cloud_boot(struct sc_cloud *c, const struct sc_parts *parts, const char *name, const char *host,
		  char ret_id[64], char **ret_error)
{
	struct dr_nova_server_spec spec = { .name = name,
					    .image_id = parts->image,
					    .flavor_id = parts->flavor,
					    .network_id = parts->network,
					    .host = host };
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	const char *id;
	int r;

	r = sc_call_must(c, sc_cloud_has(c, SC_BOOTER) ? SC_BOOTER : SC_OWNER,
			 dr_nova_server_create(&api_call, &c->nova, &spec), &api_call, &body, ret_error);
	if (r < 0)
		return r;
	id = dr_json_str(dr_json_path(body, "server.id"));
	if (!id)
		return bad(ret_error, "server.id");
	sc_copy(ret_id, 64, id);
	return 0;
}

static void copy_server(struct sc_server *to, const struct dr_nova_server *s)
{
	COPY(to->id, s->id);
	COPY(to->name, s->name);
	COPY(to->status, s->status);
	COPY(to->host, s->host);
	COPY(to->host_status, s->host_status);
	COPY(to->fault, s->fault);
}

int sc_cloud_server(struct sc_cloud *c, enum sc_role as, const char *id, struct sc_server *ret,
		    char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct dr_nova_server s;
	int r = sc_call_may_lack(c, as, dr_nova_server_show(&api_call, &c->nova, id), &api_call, &body,
				 ret_error);

	if (r != 0)
		return r;
	if (dr_nova_server_parse(dr_json_get(body, "server"), &s) < 0)
		return bad(ret_error, "server");
	copy_server(ret, &s);
	return 0;
}

/* Appends the servers of one page; *n counts them. */
static int append_page(const struct dr_json *body, struct sc_server **list, size_t *n)
{
	const struct dr_json *rows = dr_json_get(body, "servers");
	struct sc_server *grown = reallocarray(*list, *n + dr_json_size(rows) + 1, sizeof(**list));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	for (const struct dr_json *row = dr_json_first(rows); row; row = dr_json_next(row)) {
		struct dr_nova_server s;

		if (dr_nova_server_parse(row, &s) == 0)
			copy_server(&grown[(*n)++], &s);
	}
	return 0;
}

int sc_cloud_servers(struct sc_cloud *c, enum sc_role as, struct sc_server **ret, size_t *ret_count,
		     char **ret_error)
{
	DR_AUTO_FREE struct sc_server *list = NULL;
	DR_AUTO_FREE char *next = NULL;
	size_t n = 0;

	for (int page = 0; page < PAGES_MAX; page++) {
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };
		DR_AUTO_JSON struct dr_json *body = NULL;
		int r;

		r = next ? dr_nova_servers_more(&api_call, &c->nova, next)
			 : dr_nova_servers_list(&api_call, &c->nova, as == SC_ADMIN, NULL, 0);
		r = sc_call_must(c, as, r, &api_call, &body, ret_error);
		if (r == 0)
			r = append_page(body, &list, &n);
		if (r < 0)
			return r;
		free(next);
		next = dr_nova_servers_next(body) ? strdup(dr_nova_servers_next(body)) : NULL;
		if (!next)
			break;
	}
	*ret = DR_TAKE_PTR(list);
	*ret_count = n;
	return 0;
}

int sc_cloud_is_used(struct sc_cloud *c, const char *host, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_ADMIN, dr_nova_servers_list(&api_call, &c->nova, true, host, 1), &api_call,
			     &body, ret_error);

	return r < 0 ? r : dr_json_size(dr_json_get(body, "servers")) > 0;
}

int sc_cloud_delete_server(struct sc_cloud *c, const char *id, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_may_lack(c, SC_OWNER, dr_nova_server_delete(&api_call, &c->nova, id), &api_call,
				 &body, ret_error);

	return r == 1 ? 0 : r;
}

/* ---------------------------------------------------------------- ports */

/* A cloud without Neutron's extension data-plane-status tells of none. */
int sc_cloud_ports(struct sc_cloud *c, struct sc_port **ret, size_t *ret_count, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	DR_AUTO_FREE struct sc_port *list = NULL;
	const struct dr_json *rows;
	size_t n = 0;
	int r = sc_call_must(c, SC_ADMIN, dr_neutron_ports_list(&api_call, NULL, NULL), &api_call, &body,
			     ret_error);

	if (r < 0)
		return r;
	rows = dr_json_get(body, "ports");
	list = calloc(dr_json_size(rows) + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct dr_json *row = dr_json_first(rows); row; row = dr_json_next(row)) {
		struct dr_neutron_port p;

		if (dr_neutron_port_parse(row, &p) < 0)
			continue;
		COPY(list[n].id, p.id);
		COPY(list[n].device, p.device_id);
		COPY(list[n].host, p.host);
		COPY(list[n].data_plane_status, p.data_plane_status);
		n++;
	}
	*ret = DR_TAKE_PTR(list);
	*ret_count = n;
	return 0;
}

/* ---------------------------------------------------------------- alarms */

int sc_cloud_alarms(struct sc_cloud *c, struct sc_alarm **ret, size_t *ret_count, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	DR_AUTO_FREE struct sc_alarm *list = NULL;
	size_t n = 0;
	int r = sc_call_must(c, SC_OWNER, dr_aodh_alarms_list(&api_call, NULL), &api_call, &body, ret_error);

	if (r < 0)
		return r;
	list = calloc(dr_json_size(body) + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct dr_json *row = dr_json_first(body); row; row = dr_json_next(row)) {
		struct dr_aodh_alarm a;

		if (dr_aodh_alarm_parse(row, &a) < 0)
			continue;
		COPY(list[n].id, a.id);
		COPY(list[n].instance, a.instance_id);
		COPY(list[n].state, a.state);
		n++;
	}
	*ret = DR_TAKE_PTR(list);
	*ret_count = n;
	return 0;
}

int sc_cloud_delete_alarm(struct sc_cloud *c, const char *id, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_may_lack(c, SC_OWNER, dr_aodh_alarm_delete(&api_call, id), &api_call, &body,
				 ret_error);

	return r == 1 ? 0 : r;
}
