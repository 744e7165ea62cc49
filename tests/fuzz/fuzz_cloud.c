/* SPDX-License-Identifier: Apache-2.0 */
/* What a cloud may answer, whatever it was asked: one body, given to all that reads bodies of services. */
#include "consumer/replacement.h"
#include "doctor/cloud/aodh.h"
#include "doctor/cloud/glance.h"
#include "doctor/cloud/neutron.h"
#include "doctor/cloud/nova.h"
#include "inspector/map.h"
#include "lib/cloud/keystone.h"
#include "lib/cloud/session.h"
#include "tests/fuzz/fuzz.h"
#include "user/discover_list.h"

static const struct dr_nova_api nova = { .min = 1, .max = 90, .use = 90 };

/* A request that was made of an answer must be one. */
static void check_call(const struct dr_api_call *call, const char *prefix)
{
	FUZZ_CHECK(!strncmp(call->req.path, prefix, strlen(prefix)));
	for (const char *p = call->req.path; *p; p++)
		FUZZ_CHECK(*p > 0x20 && *p < 0x7f);
}

/* ---------------------------------------------------------------- Keystone */

static void read_token(const struct dr_json *body)
{
	static const char *const types[] = { "compute", "alarming", "network" };
	DR_AUTO(dr_keystone_token_done) struct dr_keystone_token t = {};
	int r = dr_keystone_token_parse(body, &t);

	FUZZ_CHECK(r == 0 || r == -EBADMSG);
	if (r)
		return;
	FUZZ_CHECK(t.lifetime.ns > 0 && dr_json_is_array(t.catalog));
	for (size_t i = 0; i < DR_ARRAY_SIZE(types); i++) {
		const char *url = dr_keystone_endpoint(t.catalog, types[i], "public", NULL);
		DR_AUTO_FREE char *full = url ? dr_api_url(url, "/v2.0/x?y=z") : NULL;

		FUZZ_CHECK(!url || full || errno == EINVAL);
		FUZZ_CHECK(!full || strstr(full, "/x?y=z"));
	}
}

/* ---------------------------------------------------------------- Nova */

static void read_version(const struct dr_json *body)
{
	struct dr_nova_api api = {};
	int r = dr_nova_version_parse(body, &api);

	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -ENOTSUP);
	FUZZ_CHECK(r ? !api.use : api.use >= DR_NOVA_FORCE_DOWN && api.use <= DR_NOVA_NEWEST_KNOWN);
	FUZZ_CHECK(r || (api.min <= api.use && api.use <= api.max));
}

static void read_service(const struct dr_json *row, struct ins_map *map)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	struct ins_host host = {};
	struct dr_nova_service s;
	int r = dr_nova_service_parse(row, &s);

	FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
	if (r < 0)
		return;
	FUZZ_CHECK(s.host && s.binary && (r == 1 || s.state));
	r = dr_nova_force_down(&call, &nova, s.id, s.host, s.binary, true);
	FUZZ_CHECK(r == (dr_api_id_valid(s.id) ? 0 : -EINVAL));
	if (!r)
		check_call(&call, "/os-services/");
	FUZZ_CHECK(!dr_nova_services_list(&call, &nova, s.host, s.binary));
	check_call(&call, "/os-services?host=");
	if (snprintf(host.name, sizeof(host.name), "%s", s.host) < (int)sizeof(host.name))
		FUZZ_CHECK(ins_map_add_host(map, &host) == (host.name[0] ? 0 : -EINVAL));
}

static void read_hypervisor(const struct dr_json *row, struct mon_hypervisors *h)
{
	struct dr_nova_hypervisor v;
	int r = dr_nova_hypervisor_parse(row, &v);

	FUZZ_CHECK(r == 0 ? v.hostname && v.host : r == -EBADMSG);
	FUZZ_CHECK(!mon_hypervisors_add(h, row));
}

static void boot_again(const struct dr_json *server, const struct dr_json *ports, bool keep_addresses)
{
	const struct con_boot b = { .server = server,
				    .ports = ports,
				    .fault = "f",
				    .keep_addresses = keep_addresses,
				    .microversion = DR_NOVA_NEWEST_KNOWN };
	DR_AUTO_JSON struct dr_json *boot = NULL;
	DR_AUTO_FREE char *text = NULL;
	const char *why = NULL;
	int r = con_boot_body(&b, &boot, &why);

	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -ENOTSUP);
	FUZZ_CHECK((r == -ENOTSUP) == (why != NULL));
	if (r)
		return;
	text = dr_json_print(boot);
	FUZZ_CHECK(text && dr_json_str(dr_json_path(boot, "server.metadata." CON_METADATA_KEY)));
	FUZZ_CHECK(dr_json_str(dr_json_path(boot, "server.metadata." CON_FAULT_KEY)));
}

static void read_server(const struct dr_json *server, const struct dr_json *ports, struct ins_map *map)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	char why[200] = "";
	struct dr_nova_server s;
	int r = dr_nova_server_parse(server, &s);
	enum con_event event = con_judge_replacement(server);

	FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
	FUZZ_CHECK((r == 0) == (event != CON_RETRY));
	FUZZ_CHECK(con_judge_lost(server) < CON_EVENT_COUNT && event < CON_EVENT_COUNT);
	boot_again(server, ports, false);
	boot_again(server, ports, true);
	if (r < 0)
		return;
	con_replacement_why(event, server, s.id, why, sizeof(why));
	FUZZ_CHECK(dr_api_id_valid(s.id) && (r == 1 || s.name));
	FUZZ_CHECK(!dr_nova_reset_state(&call, &nova, s.id, "error"));
	check_call(&call, "/servers/");
	if (s.host) {
		r = ins_map_add_vm(map, s.host, s.id, s.tenant_id, s.vm_state);
		FUZZ_CHECK(r == 0 || r == -EINVAL);
	}
}

static void read_servers(const struct dr_json *body)
{
	const struct dr_json *page = dr_json_get(body, "servers");
	const char *first = dr_json_get_str(dr_json_first(page), "id");
	const char *next = dr_nova_servers_next(body);
	struct con_replacements list = { 0 };
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	if (con_replacements_add(&list, page, first ? first : "lost"))
		FUZZ_CHECK(list.id[0]);
	FUZZ_CHECK(!list.id[0] || (dr_api_id_valid(list.id) && strcmp(list.id, list.other)));
	if (!next)
		return;
	r = dr_nova_servers_more(&call, &nova, next);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	if (!r)
		check_call(&call, "/servers");
}

/* ---------------------------------------------------------------- the others */

static void read_things(const struct dr_json *v)
{
	struct dr_neutron_port port;
	struct dr_aodh_alarm alarm;
	struct dr_glance_image image;

	if (!dr_neutron_port_parse(v, &port))
		FUZZ_CHECK(dr_api_id_valid(port.id));
	if (!dr_aodh_alarm_parse(v, &alarm))
		FUZZ_CHECK(dr_api_id_valid(alarm.id));
	if (!dr_glance_image_parse(v, &image))
		FUZZ_CHECK(dr_api_id_valid(image.id));
}

/* What the child of the monitor would write of these, the monitor reads. */
static void check_line(struct mon_hypervisors *h)
{
	DR_AUTO_FREE struct mon_discovered *list = NULL;
	DR_AUTO_FREE char *line = NULL;
	char why[128];
	size_t n, len;

	FUZZ_CHECK(!mon_hypervisors_tidy(h));
	line = mon_hypervisors_line(h);
	FUZZ_CHECK(line);
	len = strlen(line);
	FUZZ_CHECK(len && line[len - 1] == '\n');
	FUZZ_CHECK(!mon_discovered_parse(line, len - 1, &list, &n, why));
	FUZZ_CHECK(n == h->count && (!n || !memcmp(list, h->items, n * sizeof(*list))));
	for (const char *p = h->complaints.len ? h->complaints.data : ""; *p; p++)
		FUZZ_CHECK(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
}

static void read_line(const char *text, size_t len)
{
	DR_AUTO_FREE struct mon_discovered *list = NULL;
	char why[128] = "";
	size_t n = 0;
	int r = mon_discovered_parse(text, len, &list, &n, why);

	FUZZ_CHECK(r == 0 || r == 1 || r == -EBADMSG);
	FUZZ_CHECK((r == -EBADMSG) == (why[0] != '\0') && n <= MON_TARGETS_MAX);
	FUZZ_CHECK(!r || !list);
}

static void read_lists(const struct dr_json *root)
{
	static const char *const lists[] = { "services", "servers", "hypervisors", "ports", "images" };
	const struct dr_json *ports = dr_json_get(root, "ports");
	DR_AUTO(mon_hypervisors_done) struct mon_hypervisors h = { 0 };
	DR_AUTO(ins_map_freep) struct ins_map *map = ins_map_new();
	struct ins_host *host = NULL;

	FUZZ_CHECK(map);
	for (const struct dr_json *v = dr_json_first(dr_json_get(root, "services")); v; v = dr_json_next(v))
		read_service(v, map);
	ins_map_sort(map);
	for (size_t i = 0; i < map->count; i++)
		FUZZ_CHECK(ins_map_resolve(map, map->hosts[i].name, &host) == INS_MATCH_ONE &&
			   host == &map->hosts[i]);
	read_server(root, ports, map);
	read_server(dr_json_get(root, "server"), ports, map);
	for (size_t i = 0; i < DR_ARRAY_SIZE(lists); i++) {
		const struct dr_json *list = dr_json_get(root, lists[i]);

		for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
			read_things(v);
			read_server(v, ports, map);
			read_hypervisor(v, &h);
		}
		(void)dr_api_find_by_name(root, lists[i], "x", NULL);
	}
	for (const struct dr_json *v = dr_json_first(root); v; v = dr_json_next(v))
		read_things(v);
	check_line(&h);
}

/* As the session takes an answer of this status. */
static void take_reply(const char *text, size_t len, unsigned status)
{
	struct dr_http_response h = { .status = status };
	struct dr_cloud_reply reply;

	dr_buf_append(&h.body, text, len);
	FUZZ_CHECK(!dr_session_read_reply(&h, &reply));
	FUZZ_CHECK((status < 300) == !reply.reason[0] && !strpbrk(reply.reason, "\r\n") &&
		   !strstr(reply.reason, "<br />"));
	dr_json_free(reply.json);
	dr_http_response_done(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	const char *message;

	read_line((const char *)data, size);
	take_reply((const char *)data, size, 200);
	take_reply((const char *)data, size, 409);
	if (dr_json_parse((const char *)data, size, &root, NULL))
		return 0;
	message = dr_cloud_error_message(root);
	FUZZ_CHECK(!message || *message);
	read_token(root);
	read_version(root);
	read_servers(root);
	read_things(root);
	read_lists(root);
	return 0;
}
