// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/alarm.h"

#define TRAITS "reason_data.event.traits"

static int refuse(struct ins_refusal *to, const char *position, const char *fmt, ...) DR_PRINTF(3, 4);
static int refuse(struct ins_refusal *to, const char *position, const char *fmt, ...)
{
	va_list ap;

	snprintf(to->position, sizeof(to->position), "%s", position);
	va_start(ap, fmt);
	vsnprintf(to->reason, sizeof(to->reason), fmt, ap);
	va_end(ap);
	return 1;
}

static int find_traits(const struct dr_json *root, const struct dr_json **ret, struct ins_refusal *why)
{
	static const char *const path[] = { "reason_data", "reason_data.event" };
	const struct dr_json *traits;

	if (!dr_json_is_object(root))
		return refuse(why, "", "must be an alarm of Aodh, an object");
	for (size_t i = 0; i < DR_ARRAY_SIZE(path); i++)
		if (!dr_json_is_object(dr_json_path(root, path[i])))
			return refuse(why, path[i], "must be an object");
	traits = dr_json_path(root, TRAITS);
	if (!dr_json_is_array(traits))
		return refuse(why, TRAITS, "must be an array of [name, type, value]");
	*ret = traits;
	return 0;
}

/* The value of the trait of this name, a text, and where it is. */
static int find_trait(const struct dr_json *traits, const char *name, const char **ret,
		      char position[INS_POSITION_MAX], struct ins_refusal *why)
{
	const char *found = NULL;
	size_t n = 0;

	for (const struct dr_json *v = dr_json_first(traits); v; v = dr_json_next(v), n++) {
		const char *key = dr_json_str(dr_json_at(v, 0));
		char place[INS_POSITION_MAX];

		snprintf(place, sizeof(place), TRAITS "[%zu]", n);
		if (!dr_json_is_array(v) || dr_json_size(v) != 3 || !key)
			return refuse(why, place, "must be [name, type, value]");
		if (strcmp(key, name))
			continue;
		if (found)
			return refuse(why, place, "%s is there twice", name);
		found = dr_json_str(dr_json_at(v, 2));
		snprintf(position, INS_POSITION_MAX, TRAITS "[%zu][2]", n);
		if (!found || !*found)
			return refuse(why, position, "%s must be a text", name);
		if (dr_has_control(found))
			return refuse(why, position, "%s has a control character in it", name);
	}
	if (!found)
		return refuse(why, TRAITS, "has no %s", name);
	*ret = found;
	return 0;
}

static int read_host(const struct dr_json *traits, struct ins_alarm *a, struct ins_refusal *why)
{
	const char *host = NULL;

	if (find_trait(traits, "host", &host, a->position, why))
		return 1;
	if (host[ins_host_span(host)])
		return refuse(
			why, a->position,
			"has a character at %zu that no host name of Nova has (letters, digits, '-', '.', "
			"'_')",
			ins_host_span(host));
	if (dr_strcpy(a->host, sizeof(a->host), host))
		return refuse(why, a->position, "is longer than %zu bytes", sizeof(a->host) - 1);
	return 0;
}

static int read_state(const struct dr_json *traits, struct ins_alarm *a, struct ins_refusal *why)
{
	char position[INS_POSITION_MAX];
	const char *state = NULL;

	if (find_trait(traits, "state", &state, position, why))
		return 1;
	a->begins = !strcmp(state, "IN_MAINTENANCE");
	if (a->begins || !strcmp(state, "MAINTENANCE_COMPLETE"))
		return 0;
	return refuse(why, position, "\"%.40s\" is neither IN_MAINTENANCE nor MAINTENANCE_COMPLETE", state);
}

int ins_alarm_parse(const char *body, size_t len, struct ins_alarm *ret, struct ins_refusal *ret_refusal)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	const struct dr_json *traits = NULL;
	struct ins_alarm a = {};
	size_t offset = 0;
	int r = dr_json_parse(body, len, &root, &offset);

	if (r == -EBADMSG)
		return ins_refuse_bytes(body, len, offset, ret_refusal);
	if (r)
		return r;
	if (find_traits(root, &traits, ret_refusal) || read_host(traits, &a, ret_refusal) ||
	    read_state(traits, &a, ret_refusal))
		return 1;
	*ret = a;
	return 0;
}
