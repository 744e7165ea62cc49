// SPDX-License-Identifier: Apache-2.0
#include "doctor/cloud/glance.h"

int dr_glance_images_list(struct dr_api_call *call, const char *name)
{
	DR_AUTO_FREE char *n = name ? dr_api_escape(name) : NULL;

	if (!name)
		return dr_api_call_init(call, "image", "GET", NULL, "/v2/images");
	if (!n)
		return -ENOMEM;
	return dr_api_call_init(call, "image", "GET", NULL, "/v2/images?name=%s", n);
}

int dr_glance_image_show(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "image", "GET", NULL, "/v2/images/%s", id);
}

int dr_glance_image_create(struct dr_api_call *call, const char *name, const char *visibility)
{
	struct dr_json *body;

	if (!name)
		return -EINVAL;
	body = dr_json_object();
	dr_json_add_str(body, "name", name);
	dr_json_add_str(body, "disk_format", "raw");
	dr_json_add_str(body, "container_format", "bare");
	if (visibility)
		dr_json_add_str(body, "visibility", visibility);
	return dr_api_call_init(call, "image", "POST", body, "/v2/images");
}

int dr_glance_image_upload(struct dr_api_call *call, const char *id, const void *data, size_t len)
{
	int r;

	if (!dr_api_id_valid(id) || !data)
		return -EINVAL;
	r = dr_api_call_init(call, "image", "PUT", NULL, "/v2/images/%s/file", id);
	if (r)
		return r;
	call->req.raw_body = data;
	call->req.raw_len = len;
	call->req.content_type = "application/octet-stream";
	return 0;
}

int dr_glance_image_delete(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "image", "DELETE", NULL, "/v2/images/%s", id);
}

int dr_glance_image_parse(const struct dr_json *image, struct dr_glance_image *ret)
{
	struct dr_glance_image i = {
		.id = dr_json_get_str(image, "id"),
		.name = dr_json_get_str(image, "name"),
		.status = dr_json_get_str(image, "status"),
	};

	if (!dr_api_id_valid(i.id))
		return -EBADMSG;
	*ret = i;
	return 0;
}
