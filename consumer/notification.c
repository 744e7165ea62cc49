/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/notification.h"

#include <string.h>

#include "doctor/cloud/call.h"
#include "doctor/hmac.h"

void con_notification_done(struct con_notification *n)
{
	dr_json_free(n->root);
	*n = (struct con_notification){ 0 };
}

static int refuse(char why[CON_WHY_MAX], const char *what)
{
	snprintf(why, CON_WHY_MAX, "%s", what);
	return -EBADMSG;
}

/* An id that may stand in a line of the log and in a comparison. */
static bool is_word(const char *text)
{
	size_t n = 0;

	while (text && text[n] > 0x20 && text[n] < 0x7f && n <= CON_MESSAGE_ID_MAX)
		n++;
	return n > 0 && n <= CON_MESSAGE_ID_MAX && !text[n];
}

static int read_fault(const struct dr_json *fault, struct con_notification *n, char why[CON_WHY_MAX])
{
	const char *state = dr_json_get_str(fault, "state"), *raised = dr_json_get_str(fault, "raised_time");

	n->fault = dr_json_get_str(fault, "fault_id");
	n->type = dr_json_get_str(fault, "fault_type");
	if (!is_word(n->fault))
		return refuse(why, "fault.fault_id is missing, or no id");
	if (!is_word(n->type))
		return refuse(why, "fault.fault_type is missing, or no word");
	if (!state ||
	    (strcmp(state, "raised") != 0 && strcmp(state, "changed") != 0 && strcmp(state, "cleared") != 0))
		return refuse(why, "fault.state is neither raised, changed nor cleared");
	n->cleared = strcmp(state, "cleared") == 0;
	if (!raised || dr_wall_parse(raised, &n->raised, NULL) < 0)
		n->raised.ns = 0;
	return 0;
}

int con_notification_parse(const char *body, size_t len, struct con_notification *ret, char why[CON_WHY_MAX])
{
	DR_AUTO(con_notification_done) struct con_notification n = { 0 };
	size_t offset = 0;
	int r = dr_json_parse(body, len, &n.root, &offset);

	if (r == -EBADMSG)
		snprintf(why, CON_WHY_MAX, "it is not JSON at byte %zu", offset);
	if (r)
		return r;
	n.id = dr_json_get_str(n.root, "notification_id");
	n.subscription = dr_json_get_str(n.root, "subscription_id");
	n.servers = dr_json_get(n.root, "virtual_resource_info");
	if (!is_word(n.id))
		return refuse(why, "notification_id is missing, or no id");
	if (!is_word(n.subscription))
		return refuse(why, "subscription_id is missing, or no id");
	if (!dr_json_is_array(n.servers))
		return refuse(why, "virtual_resource_info is not a list");
	r = read_fault(dr_json_get(n.root, "fault"), &n, why);
	if (r)
		return r;
	*ret = n;
	n = (struct con_notification){ 0 };
	return 0;
}

const char *con_notification_server(const struct con_notification *n, const struct dr_json *item)
{
	const char *id = dr_json_get_str(item, "virtual_resource_id"),
		   *type = dr_json_get_str(item, "virtual_resource_type"),
		   *state = dr_json_get_str(item, "virtual_resource_state");

	if (!type || strcmp(type, "server") != 0 || !dr_api_id_valid(id) || strlen(id) > CON_ID_MAX)
		return NULL;
	if (n->cleared)
		return id;
	return state && strcmp(state, "error") == 0 ? id : NULL;
}

bool con_signature_fits(const char *secret, const char *signature, const void *body, size_t len)
{
	static const char prefix[] = "sha256=";
	unsigned char differs = 0;
	char hex[DR_HMAC_HEX];

	if (!signature || strlen(signature) != sizeof(prefix) - 1 + DR_HMAC_HEX - 1 ||
	    strncmp(signature, prefix, sizeof(prefix) - 1) != 0 ||
	    dr_hmac_sha256(secret, strlen(secret), body, len, hex) < 0)
		return false;
	for (size_t i = 0; i < DR_HMAC_HEX - 1; i++)
		differs |= (unsigned char)(signature[sizeof(prefix) - 1 + i] ^ hex[i]);
	return !differs;
}

struct dr_json *con_subscription_body(const char *callback, const char *secret, const char *project,
				      const struct con_ids *servers)
{
	struct dr_json *o = dr_json_object(), *filter, *ids;

	dr_json_add_str(o, "callback", callback);
	dr_json_add_str(o, "secret", secret);
	filter = dr_json_add_object(o, "filter");
	dr_json_push(dr_json_add_array(filter, "resource_types"), dr_json_string("server"));
	dr_json_add_str(filter, "severity", "critical");
	if (project) {
		dr_json_add_str(filter, "project", project);
		return o;
	}
	ids = dr_json_add_array(filter, "ids");
	for (size_t i = 0; i < servers->count; i++)
		dr_json_push(ids, dr_json_string(servers->ids[i]));
	return o;
}

static bool text_is(const struct dr_json *o, const char *key, const char *wanted)
{
	const char *text = dr_json_get_str(o, key);

	return wanted ? text && strcmp(text, wanted) == 0 : !text;
}

static bool has_id(const struct con_ids *ids, const char *id)
{
	for (size_t i = 0; id && i < ids->count; i++) {
		if (strcmp(ids->ids[i], id) == 0)
			return true;
	}
	return false;
}

/* In whatever order; neither has one twice. */
static bool same_ids(const struct dr_json *shown, const struct con_ids *wanted)
{
	if (dr_json_size(shown) != wanted->count)
		return false;
	for (const struct dr_json *v = dr_json_first(shown); v; v = dr_json_next(v)) {
		if (!has_id(wanted, dr_json_str(v)))
			return false;
	}
	return true;
}

bool con_subscription_fits(const struct dr_json *shown, const char *callback, const char *project,
			   const struct con_ids *servers)
{
	const struct dr_json *filter = dr_json_get(shown, "filter"),
			     *types = dr_json_get(filter, "resource_types"),
			     *ids = dr_json_get(filter, "ids");
	const char *type = dr_json_str(dr_json_at(types, 0));

	return text_is(shown, "callback", callback) && dr_json_size(types) == 1 && type &&
	       strcmp(type, "server") == 0 && text_is(filter, "severity", "critical") &&
	       dr_json_size(dr_json_get(filter, "fault_types")) == 0 && text_is(filter, "project", project) &&
	       (project ? dr_json_size(ids) == 0 : same_ids(ids, servers));
}
