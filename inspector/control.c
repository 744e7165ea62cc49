// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/control.h"

/* Answers 405 unless the method is this one. */
static bool has_method(struct dr_http_exchange *x, const char *method)
{
	if (!strcmp(dr_http_method(x), method))
		return true;
	dr_http_set_header(x, "Allow", method);
	dr_http_reply_error(x, 405, "this takes %s", method);
	return false;
}

/* ---------------------------------------------------------------- incidents */

static void release(struct dr_http_exchange *x, struct ins_inspector *s, const char *id)
{
	const char *state = NULL;
	struct dr_json *o;

	switch (ins_inspector_release(s, id, dr_http_peer(x), &state)) {
	case 0:
		o = dr_json_object();
		dr_json_add_str(o, "id", id);
		dr_json_add_bool(o, "released", true);
		dr_http_reply_json(x, 202, o);
		break;
	case 1:
		dr_http_reply_error(x, 404, "there is no incident %s", id);
		break;
	default:
		dr_http_reply_error(x, 409, "incident %s is not held, it is %s", id, state);
	}
}

/* "PREFIX WHAT SUFFIX": WHAT, of one segment, into buf; false: the path is another. */
static bool segment(const char *path, const char *prefix, const char *suffix, char buf[256])
{
	size_t len = strlen(prefix), rest;
	const char *end;

	if (strncmp(path, prefix, len))
		return false;
	path += len;
	end = strchrnul(path, '/');
	rest = (size_t)(end - path);
	if (!rest || rest >= 256 || strcmp(end, suffix))
		return false;
	memcpy(buf, path, rest);
	buf[rest] = '\0';
	return true;
}

bool ins_control(struct dr_http_exchange *x, struct ins_inspector *s)
{
	char what[256];

	if (segment(dr_http_path(x), "/v1/incidents/", "/release", what)) {
		if (has_method(x, "POST"))
			release(x, s, what);
		return true;
	}
	return false;
}
