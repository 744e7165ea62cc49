/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_GLANCE_H
#define DOCTOR_CLOUD_GLANCE_H

/* Glance's images, API v2: https://docs.openstack.org/api-ref/image/v2/ - errors, memory: see call.h. */

#include "doctor/cloud/call.h"

struct dr_glance_image {
	const char *id, *name, *status; /* "queued", "active", ... */
};

/* GET /v2/images, newest first; name NULL: all that one sees. Pages: body "next" is a path. */
int dr_glance_images_list(struct dr_api_call *call, const char *name) DR_MUST_USE;
int dr_glance_image_show(struct dr_api_call *call, const char *id) DR_MUST_USE;

/* POST /v2/images, disk format raw, container format bare; visibility NULL: Glance's default. 201. */
int dr_glance_image_create(struct dr_api_call *call, const char *name, const char *visibility) DR_MUST_USE;

/* PUT /v2/images/ID/file; data is not copied before dr_cloud_send(). 204. */
int dr_glance_image_upload(struct dr_api_call *call, const char *id, const void *data,
			   size_t len) DR_MUST_USE;
int dr_glance_image_delete(struct dr_api_call *call, const char *id) DR_MUST_USE; /* 204 */

/* The answer to create and show, or an item of body["images"]. -EBADMSG: no id. */
int dr_glance_image_parse(const struct dr_json *image, struct dr_glance_image *ret) DR_MUST_USE;

#endif
