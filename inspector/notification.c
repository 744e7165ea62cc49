// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/cloud/call.h"
#include "doctor/json.h"
#include "inspector/notification.h"

/* ---------------------------------------------------------------- the shortcut */

#define UUID_LEN 36
#define UNIQUE_LEN 32

/* The hex digits of a UUID; -EINVAL: it is none. */
static int unique_id(const char *uuid, char ret[UNIQUE_LEN + 1])
{
	size_t n = 0;

	if (strlen(uuid) != UUID_LEN)
		return -EINVAL;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? uuid[i] != '-' : !isxdigit((unsigned char)uuid[i]))
			return -EINVAL;
		if (!dash)
			ret[n++] = uuid[i];
	}
	ret[n] = '\0';
	return 0;
}

/* "2026-11-22 14:03:21.710436" */
static const char *timestamp(struct dr_wall when, char buf[DR_TIME_STR_MAX])
{
	dr_wall_format(when, buf);
	buf[strcspn(buf, "T")] = ' ';
	buf[strcspn(buf, "Z")] = '\0';
	return buf;
}

static char *plain_body(const struct ins_notice *n, const char *unique)
{
	DR_AUTO_JSON struct dr_json *o = dr_json_object();
	DR_AUTO_FREE char *publisher = dr_asprintf("compute.%s", n->host);
	char time[DR_TIME_STR_MAX];
	struct dr_json *payload;

	if (!publisher)
		return NULL;
	dr_json_add_str(o, "message_id", n->message_id);
	dr_json_add_str(o, "publisher_id", publisher);
	dr_json_add_str(o, "event_type", n->event_type ? n->event_type : "compute.instance.update");
	dr_json_add_str(o, "priority", "INFO");
	payload = dr_json_add_object(o, "payload");
	dr_json_add_str(payload, "tenant_id", n->project_id);
	dr_json_add_str(payload, "instance_id", n->server_id);
	dr_json_add_str(payload, "state", n->state);
	dr_json_add_str(o, "timestamp", timestamp(n->when, time));
	dr_json_add_str(o, "_unique_id", unique);
	return dr_json_print(o);
}

int ins_notice_body(const struct ins_notice *n, bool wrapped, char **ret)
{
	DR_AUTO_JSON struct dr_json *o = NULL;
	DR_AUTO_FREE char *plain = NULL;
	char unique[UNIQUE_LEN + 1];
	int r = unique_id(n->message_id, unique);

	if (r)
		return r;
	plain = plain_body(n, unique);
	if (!plain)
		return -ENOMEM;
	if (!wrapped) {
		*ret = DR_TAKE_PTR(plain);
		return 0;
	}
	o = dr_json_object();
	dr_json_add_str(o, "oslo.version", "2.0");
	dr_json_add_str(o, "oslo.message", plain);
	*ret = dr_json_print(o);
	return *ret ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------- Nova's */

/*
 * Of an evacuation, too: the new host says this, and only then is the server said to be there
 * (compute/manager.py, rebuild_instance()). So who says it counts, not what it says.
 */
#define REBUILD_END "rebuild.end"

/*
 * Those that tell where a server is in the end. Not the others: at the start of an action, and in what a
 * source says when a live migration has ended (live_migration._post.end), the host is an old one.
 */
static const char *const unversioned[] = {
	"update",
	"create.end",
	"resize.end",
	"finish_resize.end",
	"resize.revert.end",
	"live_migration.post.dest.end",
	"live_migration._rollback.end",
	REBUILD_END,
	"unshelve.end",
	"shelve_offload.end",
	"soft_delete.end",
	"restore.end",
	"delete.end",
};

static const char *const versioned[] = {
	"update",
	"create.end",
	"resize.end",
	"resize_finish.end",
	"resize_revert.end",
	"live_migration_post_dest.end",
	"live_migration_rollback.end",
	REBUILD_END,
	"unshelve.end",
	"shelve_offload.end",
	"soft_delete.end",
	"restore.end",
	"delete.end",
};

static bool is_one_of(const char *event, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(event, names[i]))
			return true;
	return false;
}

/* What follows prefix in event; NULL: something else does not begin so. */
static const char *after(const char *event, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(event, prefix, len) ? NULL : event + len;
}

/* A member that is a text or null (then ""). -EBADMSG: another thing, or too long. */
static int read_text(const struct dr_json *o, const char *key, char *ret, size_t size)
{
	const struct dr_json *v = dr_json_get(o, key);

	if (!v || dr_json_is_null(v)) {
		ret[0] = '\0';
		return 0;
	}
	if (!dr_json_is_string(v) || dr_strcpy(ret, size, dr_json_str(v)))
		return -EBADMSG;
	return 0;
}

/* id_key: how the form at hand calls the server's id. */
static int read_server(const struct dr_json *data, const char *id_key, const char *action,
		       struct ins_change *c)
{
	char deleted_at[64];

	if (!dr_json_get(data, "host"))
		return 1; /* Nova always has it: this is a shortcut, ours say */
	if (read_text(data, id_key, c->server, sizeof(c->server)) || !dr_api_id_valid(c->server) ||
	    read_text(data, "tenant_id", c->project, sizeof(c->project)) ||
	    read_text(data, "host", c->host, sizeof(c->host)) ||
	    read_text(data, "state", c->state, sizeof(c->state)) ||
	    read_text(data, "deleted_at", deleted_at, sizeof(deleted_at)))
		return -EBADMSG;
	c->kind = INS_CHANGE_SERVER;
	c->deleted = deleted_at[0] || !strcmp(action, "delete.end") || !strcmp(c->state, "deleted");
	return 0;
}

static int read_service(const struct dr_json *data, struct ins_change *c)
{
	char binary[64];

	if (read_text(data, "binary", binary, sizeof(binary)) ||
	    read_text(data, "host", c->host, sizeof(c->host)))
		return -EBADMSG;
	c->kind = INS_CHANGE_SERVICE;
	return strcmp(binary, "nova-compute") || !c->host[0] ? 1 : 0;
}

/* "compute.HOST" of the unversioned, "nova-compute:HOST" of the versioned. 1: another's word. */
static int read_publisher(const struct dr_json *message, struct ins_change *c)
{
	const char *publisher = dr_json_get_str(message, "publisher_id");
	const char *host = publisher ? after(publisher, "nova-compute:") : NULL;

	if (publisher && !host)
		host = after(publisher, "compute.");
	if (!host || !host[0])
		return 1;
	return dr_strcpy(c->host, sizeof(c->host), host) ? -EBADMSG : 0;
}

static int read_message(const struct dr_json *message, struct ins_change *c)
{
	const char *event = dr_json_get_str(message, "event_type"), *action;
	const struct dr_json *payload = dr_json_get(message, "payload");
	const struct dr_json *data = dr_json_get(payload, "nova_object.data");
	int r = 1;

	if (!event || !dr_json_is_object(payload))
		return -EBADMSG;
	if (after(event, "service."))
		return read_service(data, c);
	if ((action = after(event, "compute.instance."))) {
		if (is_one_of(action, unversioned, DR_ARRAY_SIZE(unversioned)))
			r = read_server(payload, "instance_id", action, c);
	} else if ((action = after(event, "instance."))) {
		if (is_one_of(action, versioned, DR_ARRAY_SIZE(versioned)))
			r = read_server(data, "uuid", action, c);
	}
	return !r && !strcmp(action, REBUILD_END) ? read_publisher(message, c) : r;
}

int ins_notification_parse(const char *body, size_t len, struct ins_change *ret)
{
	DR_AUTO_JSON struct dr_json *outer = NULL, *inner = NULL;
	struct ins_change c = {};
	const char *wrapped;
	int r = dr_json_parse(body, len, &outer, NULL);

	if (r)
		return r;
	wrapped = dr_json_get_str(outer, "oslo.message");
	if (wrapped) {
		r = dr_json_parse(wrapped, strlen(wrapped), &inner, NULL);
		if (r)
			return r;
	}
	r = read_message(wrapped ? inner : outer, &c);
	if (!r)
		*ret = c;
	return r;
}
