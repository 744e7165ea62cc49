/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/replacement.h"

#include <stdio.h>
#include <string.h>

#include "doctor/cloud/nova.h"

#define NETWORKS_REQUIRED 37 /* since 2.37 a boot says which networks, or "none" */

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/*
 * Nova's task states of a rebuild, and of an evacuation, which is one on another host
 * (nova/compute/task_states.py). What was under way when its host died is not shown any more once the
 * server's state was reset.
 */
static bool is_being_rebuilt(const struct dr_json *server)
{
	const char *task = dr_json_get_str(server, "OS-EXT-STS:task_state");

	return is(task, "rebuilding") || is(task, "rebuild_block_device_mapping") ||
	       is(task, "rebuild_spawning");
}

enum con_event con_judge_lost(const struct dr_json *server)
{
	const char *status = dr_json_get_str(server, "status");
	const char *host_status = dr_json_get_str(server, "host_status");
	bool host_up = is(host_status, "UP"), host_down = is(host_status, "DOWN");

	if (!host_down && !is(status, "ERROR"))
		return CON_ALIVE;
	if (is_being_rebuilt(server))
		return CON_RETRY;
	if (host_down)
		return CON_LOST;
	/* a policy may hide the host's status, and a cell that is cut off does not tell it */
	return host_up ? CON_UNSETTLED : CON_LOST;
}

enum con_event con_judge_replacement(const struct dr_json *server)
{
	const char *status = dr_json_get_str(server, "status");
	const struct dr_json *launched = dr_json_get(server, "OS-SRV-USG:launched_at");
	bool host_down = is(dr_json_get_str(server, "host_status"), "DOWN");
	struct dr_nova_server s;

	if (dr_nova_server_parse(server, &s) != 0)
		return CON_RETRY;
	if (is(status, "BUILD") && !dr_json_is_string(launched))
		return host_down ? CON_FAILED : CON_BUILDS;
	if (is(status, "ERROR") && dr_json_is_null(launched))
		return CON_FAILED;
	return is(status, "ACTIVE") && !host_down ? CON_IS_ACTIVE : CON_WAS_ACTIVE;
}

void con_replacement_why(enum con_event event, const struct dr_json *server, const char *id, char *text,
			 size_t size)
{
	const char *fault = dr_json_str(dr_json_path(server, "fault.message"));
	const char *status = dr_json_get_str(server, "status");

	if (event == CON_FAILED)
		snprintf(text, size, "replacement %s failed: %s", id, fault ? fault : "no reason is told");
	else if (event == CON_WAS_ACTIVE)
		snprintf(text, size,
			 "its replacement %s was in use and is %s now, perhaps on a host that is down: "
			 "it is left to its owner",
			 id, status ? status : "in a state that Nova does not tell");
	else if (event == CON_RETRY)
		snprintf(text, size, "the cell of replacement %s does not answer", id);
}

static bool is_going(const struct dr_json *server)
{
	const char *status = dr_json_get_str(server, "status");

	return is(status, "DELETED") || is(status, "SOFT_DELETED") ||
	       is(dr_json_get_str(server, "OS-EXT-STS:task_state"), "deleting");
}

static unsigned rank(enum con_event event)
{
	static const unsigned ranks[CON_EVENT_COUNT] = {
		[CON_FAILED] = 1,
		[CON_BUILDS] = 2,
		[CON_WAS_ACTIVE] = 3,
		[CON_IS_ACTIVE] = 4,
	};

	return ranks[event];
}

static void add(struct con_replacements *list, const char *id, enum con_event event, bool best)
{
	bool again = strcmp(list->id, id) == 0; /* pages overlap when servers come and go meanwhile */

	if (best && !again && list->id[0] && list->event != CON_FAILED)
		memcpy(list->other, list->id, sizeof(list->other));
	else if (!best && !again && event != CON_FAILED)
		snprintf(list->other, sizeof(list->other), "%s", id);
	if (best) {
		snprintf(list->id, sizeof(list->id), "%s", id);
		list->event = event;
	}
}

const struct dr_json *con_replacements_add(struct con_replacements *list, const struct dr_json *page,
					   const char *lost_id)
{
	const struct dr_json *found = NULL;
	struct dr_nova_server server;

	for (const struct dr_json *s = dr_json_first(page); s; s = dr_json_next(s)) {
		int r = dr_nova_server_parse(s, &server);
		enum con_event event;
		bool best;

		if (r > 0 && !is(server.id, lost_id))
			list->partial = true;
		if (r != 0 || is_going(s) ||
		    !is(dr_json_get_str(dr_json_get(s, "metadata"), CON_METADATA_KEY), lost_id))
			continue;
		event = con_judge_replacement(s);
		best = !list->id[0] || rank(event) > rank(list->event);
		add(list, server.id, event, best);
		if (best)
			found = s;
	}
	return found;
}

/* One entry a port, so that a server with two legs in a network gets two again. */
static void add_networks(struct dr_json *out, const struct con_boot *b)
{
	const char *member = b->keep_addresses ? "id" : "network_id";
	struct dr_json *networks;

	if (dr_json_size(b->ports) == 0) {
		if (b->microversion >= NETWORKS_REQUIRED)
			dr_json_add_str(out, "networks", "none");
		return;
	}
	networks = dr_json_add_array(out, "networks");
	for (const struct dr_json *p = dr_json_first(b->ports); p; p = dr_json_next(p)) {
		const char *id = dr_json_get_str(p, member);

		if (id)
			dr_json_add_str(dr_json_push_object(networks), b->keep_addresses ? "port" : "uuid",
					id);
	}
}

static bool has_name(const struct dr_json *groups, const char *name)
{
	for (const struct dr_json *g = dr_json_first(groups); g; g = dr_json_next(g)) {
		if (is(dr_json_get_str(g, "name"), name))
			return true;
	}
	return false;
}

/* Nova lists a group once for each port that has it. */
static void add_security_groups(struct dr_json *out, const struct dr_json *server)
{
	const struct dr_json *g = dr_json_first(dr_json_get(server, "security_groups"));
	struct dr_json *groups;

	if (!g)
		return;
	groups = dr_json_add_array(out, "security_groups");
	for (; g; g = dr_json_next(g)) {
		const char *name = dr_json_get_str(g, "name");

		if (name && !has_name(groups, name))
			dr_json_add_str(dr_json_push_object(groups), "name", name);
	}
}

static void add_metadata(struct dr_json *out, const struct con_boot *b, const char *lost_id)
{
	const struct dr_json *old = dr_json_get(b->server, "metadata");
	struct dr_json *metadata =
		dr_json_add(out, "metadata", dr_json_is_object(old) ? dr_json_copy(old) : dr_json_object());

	dr_json_add_str(metadata, CON_METADATA_KEY, lost_id);
	dr_json_add_str(metadata, CON_FAULT_KEY, b->fault);
}

/* Of a server that was booted from a volume: the same volume, which Cinder must let it have twice. */
static int add_volume(struct dr_json *out, const struct dr_json *server, const char **ret_why)
{
	const struct dr_json *volumes = dr_json_get(server, "os-extended-volumes:volumes_attached");
	const struct dr_json *first = dr_json_first(volumes);
	struct dr_json *v;

	if (dr_json_size(volumes) != 1 || !dr_json_get_str(first, "id")) {
		*ret_why = "it was booted from a volume, and which of its volumes that is is not known";
		return -ENOTSUP;
	}
	v = dr_json_push_object(dr_json_add_array(out, "block_device_mapping_v2"));
	dr_json_add_str(v, "uuid", dr_json_get_str(first, "id"));
	dr_json_add_str(v, "source_type", "volume");
	dr_json_add_str(v, "destination_type", "volume");
	dr_json_add_int(v, "boot_index", 0);
	dr_json_add_bool(v, "delete_on_termination", dr_json_get_bool(first, "delete_on_termination", false));
	return 0;
}

static void add_text(struct dr_json *out, const char *key, const char *text)
{
	if (text && text[0])
		dr_json_add_str(out, key, text);
}

/* "nova" is the name for hosts that are in no zone: to ask for it would tie the server to it. */
static void add_zone(struct dr_json *out, const struct dr_json *server)
{
	const char *zone = dr_json_get_str(server, "OS-EXT-AZ:availability_zone");

	if (zone && !is(zone, "nova"))
		add_text(out, "availability_zone", zone);
}

/* Where Nova shows them, and the boot's microversion takes them. */
static void add_newer(struct dr_json *out, const struct con_boot *b)
{
	const struct dr_json *tags = dr_json_get(b->server, "tags");

	if (b->microversion >= 19)
		add_text(out, "description", dr_json_get_str(b->server, "description"));
	if (b->microversion >= 52 && dr_json_size(tags) > 0)
		dr_json_add(out, "tags", dr_json_copy(tags));
}

/* A server is in one group at most. */
static void add_group(struct dr_json *body, const struct dr_json *groups, const char *lost_id)
{
	for (const struct dr_json *g = dr_json_first(groups); g; g = dr_json_next(g)) {
		const struct dr_json *m = dr_json_first(dr_json_get(g, "members"));

		while (m && !is(dr_json_str(m), lost_id))
			m = dr_json_next(m);
		if (m && dr_json_get_str(g, "id")) {
			dr_json_add_str(dr_json_add_object(body, "os:scheduler_hints"), "group",
					dr_json_get_str(g, "id"));
			return;
		}
	}
}

int con_boot_body(const struct con_boot *b, struct dr_json **ret, const char **ret_why)
{
	DR_AUTO_JSON struct dr_json *body = dr_json_object();
	struct dr_json *out = dr_json_add_object(body, "server");
	struct dr_nova_server s;
	int r;

	if (dr_nova_server_parse(b->server, &s))
		return -EBADMSG;
	if (!s.flavor_id) {
		*ret_why = "Nova does not tell its flavor";
		return -ENOTSUP;
	}
	dr_json_add_str(out, "name", s.name);
	if (s.image_id)
		dr_json_add_str(out, "imageRef", s.image_id);
	dr_json_add_str(out, "flavorRef", s.flavor_id);
	if (!s.image_id && (r = add_volume(out, b->server, ret_why)))
		return r;
	add_networks(out, b);
	if (!b->keep_addresses) /* else they are the ports' */
		add_security_groups(out, b->server);
	add_metadata(out, b, s.id);
	add_text(out, "key_name", dr_json_get_str(b->server, "key_name"));
	add_text(out, "user_data", dr_json_get_str(b->server, "OS-EXT-SRV-ATTR:user_data"));
	if (is(dr_json_get_str(b->server, "config_drive"), "True"))
		dr_json_add_bool(out, "config_drive", true);
	add_zone(out, b->server);
	add_newer(out, b);
	add_group(body, b->groups, s.id);
	*ret = DR_TAKE_PTR(body);
	return 0;
}
