/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/alarm.h"

#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/cloud/call.h"

static int DR_PRINTF(2, 3) refuse(char why[CON_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CON_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static bool is_printable(const char *text)
{
	while (*text > 0x20 && *text < 0x7f)
		text++;
	return *text == '\0';
}

/* The trait's value; NULL if there is none, or none that is a text. A trait is [name, code, value]. */
static const char *trait(const struct dr_json *traits, const char *name)
{
	for (const struct dr_json *t = dr_json_first(traits); t; t = dr_json_next(t)) {
		const char *n = dr_json_str(dr_json_at(t, 0));

		if (n && strcmp(n, name) == 0)
			return dr_json_str(dr_json_at(t, 2));
	}
	return NULL;
}

static int check_traits(const struct dr_json *traits, char why[CON_WHY_MAX])
{
	size_t i = 0;

	if (!dr_json_is_array(traits))
		return refuse(why, "reason_data.event.traits is not a list");
	for (const struct dr_json *t = dr_json_first(traits); t; t = dr_json_next(t), i++) {
		if (dr_json_size(t) != 3 || !dr_json_str(dr_json_at(t, 0)))
			return refuse(why, "reason_data.event.traits[%zu] is not [name, code, value]", i);
	}
	return 0;
}

/* Copies an id that is fit to stand in a request, in a log line and in a comparison. */
static int copy_id(char dst[CON_ID_MAX + 1], const char *id, const char *what, char why[CON_WHY_MAX])
{
	if (!id)
		return refuse(why, "%s is missing, or not a text", what);
	if (!dr_api_id_valid(id) || dr_strcpy(dst, CON_ID_MAX + 1, id) < 0)
		return refuse(why, "%s is no id", what);
	return 0;
}

static int read_event(const struct dr_json *event, struct con_alarm *a, char why[CON_WHY_MAX])
{
	const char *message_id = dr_json_get_str(event, "message_id"),
		   *generated = dr_json_get_str(event, "generated");
	const struct dr_json *traits = dr_json_get(event, "traits");
	int r;

	if (!dr_json_is_object(event))
		return refuse(why, "reason_data.event is missing, or not an object");
	if (!message_id)
		return refuse(why, "reason_data.event.message_id is missing, or not a text");
	if (!message_id[0] || !is_printable(message_id) ||
	    dr_strcpy(a->message_id, sizeof(a->message_id), message_id) < 0)
		return refuse(why, "reason_data.event.message_id is no id");
	r = check_traits(traits, why);
	if (r < 0)
		return r;
	/* a time that cannot be read is no reason not to recover */
	if (!generated || dr_wall_parse(generated, &a->generated, NULL) < 0)
		a->generated.ns = 0;
	return copy_id(a->server_id, trait(traits, "instance_id"), "the trait instance_id", why);
}

static int read_alarm(const struct dr_json *root, struct con_alarm *a, char why[CON_WHY_MAX])
{
	const char *current = dr_json_get_str(root, "current"), *type, *state;
	const struct dr_json *data = dr_json_get(root, "reason_data"), *event = dr_json_get(data, "event");
	int r;

	if (!dr_json_is_object(root))
		return refuse(why, "it is not a JSON object");
	r = copy_id(a->alarm_id, dr_json_get_str(root, "alarm_id"), "alarm_id", why);
	if (r < 0)
		return r;
	if (!current)
		return refuse(why, "current is missing, or not a text");
	if (strcmp(current, "alarm") != 0) {
		snprintf(why, CON_WHY_MAX, "the alarm's state is %.40s", current);
		return 1;
	}
	type = dr_json_get_str(data, "type");
	if (!type || strcmp(type, "event") != 0)
		return refuse(why, "reason_data.type is not event: only event alarms name a server");
	r = read_event(event, a, why);
	if (r < 0)
		return r;
	state = trait(dr_json_get(event, "traits"), "state");
	if (state && strcmp(state, "error") != 0) {
		snprintf(why, CON_WHY_MAX, "the server's state is %.40s", state);
		return 1;
	}
	return 0;
}

int con_alarm_parse(const char *body, size_t len, struct con_alarm *ret, char why[CON_WHY_MAX])
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	struct con_alarm a = { 0 };
	size_t offset = 0;
	int r;

	r = dr_json_parse(body, len, &root, &offset);
	if (r == -EBADMSG)
		return refuse(why, "it is not JSON at byte %zu", offset);
	if (r < 0)
		return r;
	r = read_alarm(root, &a, why);
	if (r >= 0)
		*ret = a;
	return r;
}
