/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_CALL_H
#define DOCTOR_CLOUD_CALL_H

/*
 * One call to a service, ready for dr_cloud_send(), with the memory that its request points to. The
 * helpers in nova.h, aodh.h, glance.h and neutron.h fill it; they are pure: no socket, no clock.
 *
 *	DR_AUTO_CALL struct dr_api_call call = {};
 *
 *	r = dr_nova_server_show(&call, &api, id);
 *	if (r)
 *		return r;
 *	r = dr_cloud_send(cloud, &call.req, on_server, self);
 *
 * req points into its own call: fill it where it stays and do not copy it. Filling it again ends what
 * was there. All helpers return 0, -ENOMEM, or -EINVAL for an argument that cannot stand in a request
 * (an empty id, an id with a slash); call.req is unusable then.
 */

#include "doctor/cloud/cloud.h"

struct dr_api_call {
	struct dr_cloud_request req;
	char *path;
	struct dr_json *body;
	char microversion[16]; /* "2.93" */
};

#define DR_AUTO_CALL DR_AUTO(dr_api_call_done)

void dr_api_call_done(struct dr_api_call *call);

/*
 * What the helpers are made of. fmt builds the path; body (may be NULL) is taken over in any case, also
 * on failure. A body that is an incomplete tree is noticed by dr_cloud_send().
 */
int dr_api_call_init(struct dr_api_call *call, const char *service, const char *method, struct dr_json *body,
		     const char *fmt, ...) DR_PRINTF(5, 6) DR_MUST_USE;

/* Percent-encodes text for a path segment or a query value (RFC 3986 §2.3); the caller frees it. */
char *dr_api_escape(const char *text) DR_MUST_USE;

/* True for what services use as ids: 1-64 letters, digits, '-', '_', '.'; not "." or "..". */
bool dr_api_id_valid(const char *id);

/*
 * The item of body[collection] whose member `name` is name ("flavors" of Nova, "images" of Glance,
 * "networks" of Neutron, ...). NULL if there is none; *ret_count (may be NULL) says how many there are.
 */
const struct dr_json *dr_api_find_by_name(const struct dr_json *body, const char *collection,
					  const char *name, size_t *ret_count);

/*
 * endpoint + path, without doubling a slash or a version ("http://h:9696/v2.0" + "/v2.0/ports"). A full
 * URL as path is returned as it is if it leads to the endpoint's host and port; else NULL with errno
 * EINVAL, so that no token is sent to where an answer points. NULL with ENOMEM. The caller frees it.
 */
char *dr_api_url(const char *endpoint, const char *path) DR_MUST_USE;

/* href of the "next" of a list of links ("servers_links", "ports_links"); NULL on the last page. */
const char *dr_api_link_next(const struct dr_json *body, const char *links);

/*
 * The query of such a link with its "?", within url: behind a proxy the rest (scheme, host) is often wrong.
 * NULL: none that leads to a next page.
 */
const char *dr_api_link_query(const char *url);

#endif
