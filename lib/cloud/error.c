// SPDX-License-Identifier: Apache-2.0
/*
 * The message of an error body. Shapes seen:
 *   Nova       {"itemNotFound": {"message": "...", "code": 404}}   (and badRequest, computeFault, ...)
 *   Keystone   {"error": {"message": "...", "code": 401, "title": "Unauthorized"}}
 *   Neutron    {"NeutronError": {"type": "...", "message": "...", "detail": ""}} or "NeutronError": "..."
 *   Aodh       {"error_message": {"debuginfo": null, "faultcode": "Client", "faultstring": "..."}}, or
 *              "error_message": "..."
 *   Glance     {"message": "...", "code": "404 Not Found", "title": "Not Found"}
 *   Placement  {"errors": [{"status": 409, "title": "...", "detail": "..."}]}
 */
#include "doctor/cloud/cloud.h"

static const char *text(const struct dr_json *o, const char *key)
{
	const char *s = dr_json_get_str(o, key);

	return s && *s ? s : NULL;
}

static const char *message_of(const struct dr_json *v)
{
	static const char *const keys[] = { "message", "faultstring", "detail", "title" };
	const char *s = dr_json_str(v);

	if (s && *s)
		return s;
	for (size_t i = 0; i < DR_ARRAY_SIZE(keys); i++) {
		s = text(v, keys[i]);
		if (s)
			return s;
	}
	return NULL;
}

const char *dr_cloud_error_message(const struct dr_json *body)
{
	const struct dr_json *v;
	const char *s;

	if (!dr_json_is_object(body))
		return NULL;
	s = text(body, "message");
	if (s)
		return s;
	s = message_of(dr_json_path(body, "errors.0"));
	if (s)
		return s;
	s = message_of(dr_json_get(body, "error_message"));
	if (s)
		return s;
	/* the wrapped shapes have one member, named after the kind of error */
	v = dr_json_first(body);
	return v && dr_json_size(body) == 1 ? message_of(v) : NULL;
}
