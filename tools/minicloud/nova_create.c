/* SPDX-License-Identifier: Apache-2.0 */
/* Booting a server. */
#include <string.h>

#include "tools/minicloud/nova.h"

#define SCHEDULE_MS 20 /* until the scheduler has looked at it */

/* required first, in the order in which jsonschema asks for them */
static const struct mc_property server_properties[] = {
	{ .name = "name",
	  .kind = MC_KIND_STRING,
	  .required = true,
	  .min_length = 1,
	  .max_length = MC_NAME_MAX },
	{ .name = "flavorRef", .required = true },
	{ .name = "networks", .since = 37, .required = true },
	{ .name = "networks", .until = 36 },
	{ .name = "imageRef", .kind = MC_KIND_STRING },
	{ .name = "metadata", .kind = MC_KIND_OBJECT },
	{ .name = "adminPass", .kind = MC_KIND_STRING },
	{ .name = "availability_zone", .kind = MC_KIND_STRING, .min_length = 1, .max_length = 255 },
	{ .name = "config_drive" },
	{ .name = "key_name" },
	{ .name = "user_data" },
	{ .name = "security_groups" },
	{ .name = "min_count" },
	{ .name = "max_count" },
	{ .name = "return_reservation_id" },
	{ .name = "block_device_mapping_v2" },
	{ .name = "OS-DCF:diskConfig" },
	{ .name = "accessIPv4" },
	{ .name = "accessIPv6" },
	{ .name = "personality", .until = 56 },
	{ .name = "description", .since = 19 },
	{ .name = "tags", .since = 52 },
	{ .name = "trusted_image_certificates", .since = 63 },
	{ .name = "host", .kind = MC_KIND_STRING, .since = 74, .min_length = 1, .max_length = 255 },
	{ .name = "hypervisor_hostname",
	  .kind = MC_KIND_STRING,
	  .since = 74,
	  .min_length = 1,
	  .max_length = 255 },
	{ .name = "hostname", .kind = MC_KIND_STRING, .since = 90 },
};
static const struct mc_schema server_schema = { server_properties, DR_ARRAY_SIZE(server_properties) };

static const struct mc_property body_properties[] = {
	{ .name = "server", .required = true },
	{ .name = "os:scheduler_hints" },
	{ .name = "OS-SCH-HNT:scheduler_hints" },
};
static const struct mc_schema body_schema = { body_properties, DR_ARRAY_SIZE(body_properties) };

static bool complain(struct mc_req *q, const char *field, const struct dr_json *value, const char *what)
{
	DR_AUTO_BUF struct dr_buf complaint = { 0 };

	mc_schema_complain(&complaint, field, value);
	mc_python_repr(&complaint, value);
	dr_buf_puts(&complaint, what);
	mc_fail(q, 400, "%s", dr_buf_str(&complaint));
	return false;
}

static bool check_metadata(struct mc_req *q, const struct dr_json *metadata)
{
	for (const struct dr_json *v = dr_json_first(metadata); v; v = dr_json_next(v)) {
		if (!dr_json_str(v))
			return complain(q, dr_json_key(v), v, " is not of type 'string'");
	}
	return true;
}

/* The form only: "none", "auto", or a list of objects whose uuid is one. */
static bool check_networks(struct mc_req *q, const struct dr_json *networks)
{
	static const char *const words[] = { "none", "auto", NULL };
	static const char wrong[] = " is not valid under any of the given schemas";
	const char *word = dr_json_str(networks);

	if (!networks || (q->minor >= 37 && mc_name_index(words, word) >= 0))
		return true;
	if (!dr_json_is_array(networks))
		return complain(q, "networks", networks, wrong);
	for (const struct dr_json *n = dr_json_first(networks); n; n = dr_json_next(n)) {
		const char *uuid = dr_json_get_str(n, "uuid");

		const char *port = dr_json_get_str(n, "port");

		if (!dr_json_is_object(n) || (uuid && !mc_is_uuid(uuid)) || (port && !mc_is_uuid(port)))
			return complain(q, "networks", networks, wrong);
	}
	return true;
}

/* A port that is asked for is the owner's, and nobody's yet. False: answered. */
static bool choose_port(struct mc_req *q, const char *id, struct mc_boot *boot)
{
	struct mc_port *p = mc_port_find(&q->cloud->model, id);

	if (!p || (p->project != q->token->project && !q->is_admin)) {
		mc_fail(q, 400, "Port id %s could not be found.", id);
		return false;
	}
	if (p->server) {
		mc_fail(q, 409, "Port %s is still in use.", id);
		return false;
	}
	boot->port = p;
	return true;
}

/* False: answered. */
static bool choose_group(struct mc_req *q, struct mc_boot *boot)
{
	const struct dr_json *hints = dr_json_get(q->body, "os:scheduler_hints");
	const char *id;

	if (!hints)
		hints = dr_json_get(q->body, "OS-SCH-HNT:scheduler_hints");
	id = dr_json_get_str(hints, "group");
	if (!id)
		return true;
	boot->group = mc_group_find(&q->cloud->model, id);
	if (boot->group && (q->is_admin || boot->group->project == q->token->project))
		return true;
	mc_fail(q, 400, "Instance group %s could not be found.", id);
	return false;
}

/* False: answered. */
static bool choose_network(struct mc_req *q, const char *uuid, struct mc_boot *boot)
{
	struct mc_network *n = mc_network_find(&q->cloud->model, uuid);

	if (!n || (n->project != q->token->project && !q->is_admin)) {
		mc_fail(q, 400, "Network %s could not be found.", uuid);
		return false;
	}
	if (!n->prefix) {
		mc_fail(q, 400, "Network %s requires a subnet in order to boot instances on.", uuid);
		return false;
	}
	boot->network = n;
	return true;
}

/* False: answered. boot->networked: the server gets a port. */
static bool choose_networks(struct mc_req *q, const struct dr_json *networks, struct mc_boot *boot)
{
	const char *word = dr_json_str(networks);

	if (word || !networks) {
		/* "auto", or nothing asked for: the one network of the project */
		if (!word || strcmp(word, "none"))
			boot->network = mc_network_next(&q->cloud->model, NULL, q->token->project);
		boot->networked = boot->network != NULL;
		return true;
	}
	for (const struct dr_json *n = dr_json_first(networks); n; n = dr_json_next(n)) {
		const char *uuid = dr_json_get_str(n, "uuid"), *port = dr_json_get_str(n, "port");

		if (port && !choose_port(q, port, boot))
			return false;
		if (uuid && !choose_network(q, uuid, boot))
			return false;
	}
	boot->networked = dr_json_size(networks) > 0;
	return true;
}

/* Where it is to run: "host", or "zone:host" for administrators. False: answered. */
static bool choose_destination(struct mc_req *q, const struct dr_json *server, struct mc_boot *boot)
{
	const char *zone = dr_json_get_str(server, "availability_zone");
	const char *colon = zone ? strchr(zone, ':') : NULL;

	boot->requested_host = dr_json_get_str(server, "host");
	if (colon) {
		if (!q->is_admin) {
			mc_nova_forbid(q, "servers:create:forced_host");
			return false;
		}
		boot->requested_host = colon + 1;
		return true;
	}
	if (zone && strcmp(zone, "nova")) {
		mc_fail(q, 400, "The requested availability zone is not available");
		return false;
	}
	if (!boot->requested_host)
		boot->requested_host = dr_json_get_str(server, "hypervisor_hostname");
	if (boot->requested_host && !mc_host_by_name(&q->cloud->model, boot->requested_host)) {
		mc_fail(q, 400, "Compute host %s could not be found.", boot->requested_host);
		return false;
	}
	return true;
}

static bool choose_image(struct mc_req *q, const struct dr_json *server, struct mc_boot *boot)
{
	const struct dr_json *ref = dr_json_get(server, "imageRef");
	const char *id = dr_json_str(ref);
	const struct mc_image *image;

	if (!id || !*id) {
		mc_fail(q, 400, "Missing imageRef attribute");
		return false;
	}
	if (!mc_is_uuid(id))
		return complain(q, "imageRef", ref, " is not valid under any of the given schemas");
	image = mc_image_find(&q->cloud->model, id);
	if (!image || !mc_image_visible(image, q->token->project, q->is_admin)) {
		mc_fail(q, 400, "Can not find requested image");
		return false;
	}
	if (image->status != MC_IMAGE_ACTIVE) {
		mc_fail(q, 400, "Image %s is not active.", id);
		return false;
	}
	boot->image = image;
	return true;
}

static bool choose_flavor(struct mc_req *q, const struct dr_json *server, struct mc_boot *boot)
{
	const char *id = dr_json_get_str(server, "flavorRef");

	boot->flavor = mc_flavor_find(&q->cloud->model, id);
	if (!boot->flavor)
		mc_fail(q, 400, "Flavor %s could not be found.", id ? id : "");
	return boot->flavor;
}

/* One more of these in the project? False: answered. Neutron is asked first. */
static bool check_quota(struct mc_req *q, const struct mc_boot *boot)
{
	const struct mc_quota *most = &q->token->project->quota;
	const struct mc_flavor *f = boot->flavor;
	struct mc_quota used;

	if (most->instances < 0 && most->cores < 0 && most->ram_mb < 0 && most->ports < 0)
		return true;
	mc_quota_used(&q->cloud->model, q->token->project, &used);
	if (boot->networked && !boot->port && most->ports >= 0 && used.ports >= most->ports) {
		mc_fail(q, 403, "Maximum number of ports exceeded");
		return false;
	}
	const struct {
		const char *name;
		int64_t most, used, asked;
	} rows[] = {
		{ "instances", most->instances, used.instances, 1 },
		{ "cores", most->cores, used.cores, f->vcpus },
		{ "ram", most->ram_mb, used.ram_mb, f->ram_mb },
	};
	DR_AUTO_BUF struct dr_buf which = { 0 }, asked = { 0 }, taken = { 0 }, all = { 0 };
	for (size_t i = 0; i < DR_ARRAY_SIZE(rows); i++) {
		const char *comma = which.len ? ", " : "";

		if (rows[i].most < 0 || rows[i].used + rows[i].asked <= rows[i].most)
			continue;
		dr_buf_printf(&which, "%s%s", comma, rows[i].name);
		dr_buf_printf(&asked, "%s%lld", comma, (long long)rows[i].asked);
		dr_buf_printf(&taken, "%s%lld", comma, (long long)rows[i].used);
		dr_buf_printf(&all, "%s%lld", comma, (long long)rows[i].most);
	}
	if (which.len)
		mc_fail(q, 403, "Quota exceeded for %s: Requested %s, but already used %s of %s %s",
			dr_buf_str(&which), dr_buf_str(&asked), dr_buf_str(&taken), dr_buf_str(&all),
			dr_buf_str(&which));
	return !which.len;
}

static bool read_boot(struct mc_req *q, const struct dr_json *server, struct mc_boot *boot)
{
	const struct dr_json *networks = dr_json_get(server, "networks");

	if (!mc_nova_check(q, NULL, q->body, &body_schema) ||
	    !mc_nova_check(q, "server", server, &server_schema) ||
	    !check_metadata(q, dr_json_get(server, "metadata")) || !check_networks(q, networks))
		return false;
	boot->name = dr_json_get_str(server, "name");
	boot->description = q->minor >= 19 ? dr_json_get_str(server, "description") : boot->name;
	boot->metadata = dr_json_get(server, "metadata");
	boot->tags = dr_json_get(server, "tags");
	boot->project = q->token->project;
	boot->user = q->token->user;
	if (q->token->role < MC_ROLE_MEMBER) {
		mc_nova_forbid(q, "servers:create");
		return false;
	}
	return choose_destination(q, server, boot) && choose_image(q, server, boot) &&
	       choose_networks(q, networks, boot) && choose_group(q, boot) &&
	       choose_flavor(q, server, boot) && check_quota(q, boot);
}

static void add_password(struct mc_req *q, struct dr_json *o, const struct dr_json *server)
{
	static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	const char *given = dr_json_get_str(server, "adminPass");
	char password[13];

	for (size_t i = 0; i < sizeof(password) - 1; i++)
		password[i] = alphabet[mc_random(&q->cloud->model) % (sizeof(alphabet) - 1)];
	password[sizeof(password) - 1] = '\0';
	dr_json_add_str(o, "adminPass", given ? given : password);
}

static void reply_created(struct mc_req *q, const struct mc_server *s)
{
	const struct dr_json *server = dr_json_get(q->body, "server");
	const struct dr_json *groups = dr_json_get(server, "security_groups");
	struct dr_json *body = dr_json_object(), *o = dr_json_add_object(body, "server");
	char base[256], location[400];

	mc_base_url(q, base, sizeof(base));
	snprintf(location, sizeof(location), "%s/compute/v2.1/servers/%s", base, s->id);
	dr_http_set_header(q->x, "Location", location);
	dr_json_add_str(o, "id", s->id);
	mc_nova_add_links(q, o, "servers", s->id);
	dr_json_add_str(o, "OS-DCF:diskConfig", "MANUAL");
	if (groups)
		dr_json_add(o, "security_groups", dr_json_copy(groups));
	else
		dr_json_add_str(dr_json_push_object(dr_json_add_array(o, "security_groups")), "name",
				"default");
	add_password(q, o, server);
	mc_reply(q, 202, body);
}

void mc_nova_server_create(struct mc_req *q)
{
	const struct dr_json *server = dr_json_get(q->body, "server");
	struct mc_boot boot = { 0 };
	const struct mc_server *s;

	if (!read_boot(q, server, &boot))
		return;
	s = mc_server_create(&q->cloud->model, &boot, q->now);
	if (!s) {
		mc_fail(q, 503, "out of memory");
		return;
	}
	reply_created(q, s);
	mc_job_start(q->cloud, s, q->request_id, dr_msec(SCHEDULE_MS));
}
