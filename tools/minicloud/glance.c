/* SPDX-License-Identifier: Apache-2.0 */
/* Image API v2 as Glance 25 (Zed) answers it. The bytes of an image are counted and forgotten; so there is
 * no checksum either. */
#include <string.h>

#include "tools/minicloud/cloud.h"

static const char *const visibilities[] = { "community", "public", "private", "shared", NULL };
static const char *const disk_formats[] = { "ami", "ari",   "aki", "vhd", "vhdx",  "vmdk",
					    "raw", "qcow2", "vdi", "iso", "ploop", NULL };
static const char *const container_formats[] = { "ami", "ari",	  "aki",	"bare", "ovf",
						 "ova", "docker", "compressed", NULL };

static void unauthorized(struct mc_req *q)
{
	mc_webob_error(
		q, 401,
		"This server could not verify that you are authorized to access the document you requested. "
		"Either you supplied the wrong credentials (e.g., bad password), or your browser does not "
		"understand how to supply the credentials required.");
}

static void no_route(struct mc_req *q, bool path_known)
{
	char text[128];

	if (!path_known) {
		mc_webob_error(q, 404, NULL);
		return;
	}
	snprintf(text, sizeof(text), "The method %s is not allowed for this resource. ", q->method);
	mc_webob_error(q, 405, text);
}

/* ---- versions ---- */

static void reply_versions(struct mc_req *q, unsigned status)
{
	static const unsigned minors[] = { 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "versions");
	char base[256], href[300], id[16];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/image/v2/", base);
	for (size_t i = 0; i < DR_ARRAY_SIZE(minors); i++) {
		struct dr_json *v = dr_json_push_object(list), *link;

		snprintf(id, sizeof(id), "v2.%u", minors[i]);
		dr_json_add_str(v, "id", id);
		dr_json_add_str(v, "status", i ? "SUPPORTED" : "CURRENT");
		link = dr_json_push_object(dr_json_add_array(v, "links"));
		dr_json_add_str(link, "rel", "self");
		dr_json_add_str(link, "href", href);
	}
	mc_reply(q, status, body);
}

static void get_choices(struct mc_req *q)
{
	reply_versions(q, 300);
}

static void get_versions(struct mc_req *q)
{
	reply_versions(q, 200);
}

/* ---- views ---- */

static void add_text_or_null(struct dr_json *o, const char *key, const char *text)
{
	dr_json_add_str(o, key, *text ? text : NULL);
}

static void add_size(struct dr_json *o, const char *key, const struct mc_image *image)
{
	dr_json_add(o, key,
		    image->status == MC_IMAGE_ACTIVE ? dr_json_int((int64_t)image->size) : dr_json_null());
}

static void add_image(struct dr_json *o, const struct mc_image *image)
{
	char path[80];

	for (const struct dr_json *p = dr_json_first(image->properties); p; p = dr_json_next(p))
		dr_json_add_str(o, dr_json_key(p), dr_json_str(p));
	dr_json_add_str(o, "name", image->name);
	add_text_or_null(o, "disk_format", image->disk_format);
	add_text_or_null(o, "container_format", image->container_format);
	dr_json_add_str(o, "visibility", image->visibility);
	add_size(o, "size", image);
	add_size(o, "virtual_size", image);
	dr_json_add_str(o, "status", image->status == MC_IMAGE_ACTIVE ? "active" : "queued");
	dr_json_add_str(o, "checksum", NULL);
	dr_json_add_bool(o, "protected", image->is_protected);
	dr_json_add_int(o, "min_ram", image->min_ram);
	dr_json_add_int(o, "min_disk", image->min_disk);
	dr_json_add_str(o, "owner", image->project->id);
	dr_json_add_bool(o, "os_hidden", false);
	dr_json_add_str(o, "os_hash_algo", NULL);
	dr_json_add_str(o, "os_hash_value", NULL);
	dr_json_add_str(o, "id", image->id);
	mc_add_time(o, "created_at", image->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated_at", image->updated, MC_TIME_SECONDS_Z);
	dr_json_add(o, "tags", dr_json_copy(image->tags));
	snprintf(path, sizeof(path), "/v2/images/%s", image->id);
	dr_json_add_str(o, "self", path);
	strcat(path, "/file");
	dr_json_add_str(o, "file", path);
	dr_json_add_str(o, "schema", "/v2/schemas/image");
	if (image->status == MC_IMAGE_ACTIVE)
		dr_json_add_str(o, "stores", "files");
}

/* ---- lists ---- */

static const char *const filters[] = { "limit", "name", "owner", "status", "visibility", NULL };

/* The parameters as given, as a query: for the links "first" and "next". */
static void print_query(const struct mc_req *q, struct dr_buf *b)
{
	for (size_t i = 0; filters[i]; i++) {
		const char *value = dr_http_query(q->x, filters[i]);

		if (!value)
			continue;
		dr_buf_printf(b, "%c%s=", strchr(dr_buf_str(b), '?') ? '&' : '?', filters[i]);
		mc_url_escape(b, value);
	}
}

static bool fits(const char *wanted, const char *have)
{
	return !wanted || (have && !strcmp(wanted, have));
}

static bool listed(const struct mc_req *q, const struct mc_image *image)
{
	return mc_image_visible(image, q->token->project, q->is_admin) &&
	       fits(dr_http_query(q->x, "name"), image->name) &&
	       fits(dr_http_query(q->x, "owner"), image->project->id) &&
	       fits(dr_http_query(q->x, "visibility"), image->visibility) &&
	       fits(dr_http_query(q->x, "status"), image->status == MC_IMAGE_ACTIVE ? "active" : "queued");
}

/* False: answered. */
static bool read_page(struct mc_req *q, uint64_t *ret_limit, const struct mc_image **ret_marker)
{
	const char *limit = dr_http_query(q->x, "limit"), *marker = dr_http_query(q->x, "marker");
	const struct mc_image *m = mc_image_find(&q->cloud->model, marker);

	*ret_limit = 25;
	if (mc_query_number(q, "limit", ret_limit) < 0) {
		mc_fail(q, 400, "limit param must be %s",
			limit[0] == '-' && limit[1] >= '0' && limit[1] <= '9' ? "positive" : "an integer");
		return false;
	}
	*ret_limit = DR_MIN(*ret_limit, MC_PAGE_MAX);
	if (marker && (!m || !mc_image_visible(m, q->token->project, q->is_admin))) {
		mc_fail(q, 400, "No image found with ID %s", marker);
		return false;
	}
	*ret_marker = m;
	return true;
}

static void list_images(struct mc_req *q)
{
	DR_AUTO_BUF struct dr_buf query = { 0 };
	const struct mc_image *image, *last = NULL, *marker;
	struct dr_json *body, *list;
	uint64_t limit, n = 0;

	if (!read_page(q, &limit, &marker))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "images");
	image = marker ? TAILQ_PREV(marker, mc_images, entry)
		       : TAILQ_LAST(&q->cloud->model.images, mc_images);
	for (; image && n < limit; image = TAILQ_PREV(image, mc_images, entry)) {
		if (!listed(q, image))
			continue;
		add_image(dr_json_push_object(list), image);
		last = image;
		n++;
	}
	dr_buf_puts(&query, "/v2/images");
	print_query(q, &query);
	dr_json_add_str(body, "first", dr_buf_str(&query));
	dr_json_add_str(body, "schema", "/v2/schemas/images");
	if (n && n == limit) {
		dr_buf_printf(&query, "%cmarker=%s", strchr(dr_buf_str(&query), '?') ? '&' : '?', last->id);
		dr_json_add_str(body, "next", dr_buf_str(&query));
	}
	mc_reply(q, 200, body);
}

/* The image of the path that the caller may see; NULL: answered. */
static struct mc_image *find(struct mc_req *q)
{
	struct mc_image *image = mc_image_find(&q->cloud->model, q->arg[0]);

	if (image && mc_image_visible(image, q->token->project, q->is_admin))
		return image;
	if (strcmp(q->method, "DELETE"))
		mc_fail(q, 404, "No image found with ID %s", q->arg[0]);
	else
		mc_fail(q, 404, "Failed to find image %s to delete", q->arg[0]);
	return NULL;
}

static void show_image(struct mc_req *q)
{
	const struct mc_image *image = find(q);
	struct dr_json *body;

	if (!image)
		return;
	body = dr_json_object();
	add_image(body, image);
	mc_reply(q, 200, body);
}

/* ---- create, upload, delete ---- */

static bool refuse_member(struct mc_req *q, const char *key, const char *what)
{
	mc_fail(q, 400, "Provided object does not match schema 'image': %s: %s", key, what);
	return false;
}

/* text in out of size; names NULL: any. False: answered. */
static bool read_name(struct mc_req *q, const struct dr_json *v, const char *const names[], char *out,
		      size_t size)
{
	const char *text = dr_json_str(v);

	if (dr_json_is_null(v))
		return true;
	if (!text || mc_name_index(names, text) < 0)
		return refuse_member(q, dr_json_key(v), "is not one of the values that it may have");
	snprintf(out, size, "%s", text);
	return true;
}

static bool read_number(struct mc_req *q, const char *key, unsigned *ret)
{
	int64_t n;

	if (dr_json_get_i64(q->body, key, &n) || n < 0 || n > INT32_MAX)
		return refuse_member(q, key, "is not of type 'integer'");
	*ret = (unsigned)n;
	return true;
}

static bool read_tags(struct mc_req *q, struct mc_image *image, const struct dr_json *tags)
{
	if (!dr_json_is_array(tags))
		return refuse_member(q, "tags", "is not of type 'array'");
	for (const struct dr_json *t = dr_json_first(tags); t; t = dr_json_next(t)) {
		if (!dr_json_str(t))
			return refuse_member(q, "tags", "is not of type 'string'");
		dr_json_push(image->tags, dr_json_copy(t));
	}
	return true;
}

/* One member of the request; what Glance does not know is a property of the image. False: answered. */
static bool read_member(struct mc_req *q, struct mc_image *image, const struct dr_json *v)
{
	const char *key = dr_json_key(v);

	if (!strcmp(key, "name"))
		return true; /* read before */
	if (!strcmp(key, "visibility"))
		return read_name(q, v, visibilities, image->visibility, sizeof(image->visibility));
	if (!strcmp(key, "disk_format"))
		return read_name(q, v, disk_formats, image->disk_format, sizeof(image->disk_format));
	if (!strcmp(key, "container_format"))
		return read_name(q, v, container_formats, image->container_format,
				 sizeof(image->container_format));
	if (!strcmp(key, "min_disk"))
		return read_number(q, key, &image->min_disk);
	if (!strcmp(key, "min_ram"))
		return read_number(q, key, &image->min_ram);
	if (!strcmp(key, "protected")) {
		image->is_protected = dr_json_get_bool(q->body, key, false);
		return true;
	}
	if (!strcmp(key, "tags"))
		return read_tags(q, image, v);
	if (!strcmp(key, "id"))
		return refuse_member(q, key, "is chosen by the service here");
	if (!dr_json_str(v))
		return refuse_member(q, key, "is not of type 'string'");
	dr_json_add_str(image->properties, key, dr_json_str(v));
	return true;
}

static bool read_image(struct mc_req *q, struct mc_image *image)
{
	for (const struct dr_json *v = dr_json_first(q->body); v; v = dr_json_next(v)) {
		if (!read_member(q, image, v))
			return false;
	}
	if (!q->is_admin && !strcmp(image->visibility, "public")) {
		mc_fail(q, 403, "You are not authorized to complete publicize_image action.");
		return false;
	}
	return true;
}

static void create_image(struct mc_req *q)
{
	const struct dr_json *name = dr_json_get(q->body, "name");
	struct mc_image *image;
	struct dr_json *body;
	char base[256], location[400];

	if (q->token->role < MC_ROLE_MEMBER) {
		mc_fail(q, 403, "You are not authorized to complete add_image action.");
		return;
	}
	if (name && !dr_json_is_null(name) &&
	    (!dr_json_str(name) || strlen(dr_json_str(name)) > MC_NAME_MAX)) {
		refuse_member(q, "name", "is not of type 'null', 'string', or too long");
		return;
	}
	image = mc_image_create(&q->cloud->model, dr_json_str(name), q->token->project, q->now);
	if (!image) {
		mc_fail(q, 503, "out of memory");
		return;
	}
	if (!read_image(q, image)) {
		mc_image_delete(&q->cloud->model, image);
		return;
	}
	mc_base_url(q, base, sizeof(base));
	snprintf(location, sizeof(location), "%s/image/v2/images/%s", base, image->id);
	dr_http_set_header(q->x, "Location", location);
	body = dr_json_object();
	add_image(body, image);
	mc_reply(q, 201, body);
}

static void upload_image(struct mc_req *q)
{
	struct mc_image *image = find(q);
	const char *type = dr_http_header(q->x, "Content-Type");
	size_t len;

	if (!image)
		return;
	dr_http_body(q->x, &len);
	if (!type || strcasecmp(type, "application/octet-stream")) {
		mc_fail(q, 415, "The request media type %s is not supported by this server.",
			type ? type : "None");
	} else if (!q->is_admin && image->project != q->token->project) {
		mc_fail(q, 403, "You are not authorized to complete upload_image action.");
	} else if (image->status == MC_IMAGE_ACTIVE) {
		mc_fail(q, 409, "Image status transition from active to saving is not allowed");
	} else if (!*image->disk_format || !*image->container_format) {
		mc_fail(q, 400, "Properties disk_format, container_format must be set prior to saving data.");
	} else {
		image->size = len;
		image->status = MC_IMAGE_ACTIVE;
		image->updated = q->now;
		mc_reply_empty(q, 204);
	}
}

static void delete_image(struct mc_req *q)
{
	struct mc_image *image = find(q);

	if (!image)
		return;
	if (!q->is_admin && image->project != q->token->project) {
		mc_fail(q, 403, "You do not own this image");
	} else if (image->is_protected) {
		mc_fail(q, 403, "Image %s is protected and cannot be deleted.", image->id);
	} else {
		mc_image_delete(&q->cloud->model, image);
		mc_reply_empty(q, 204);
	}
}

static const struct mc_route routes[] = {
	{ "GET", "", get_choices, MC_OPEN },
	{ "GET", "/versions", get_versions, MC_OPEN },
	{ "GET", "/v2/images", list_images, 0 },
	{ "POST", "/v2/images", create_image, MC_BODY },
	{ "GET", "/v2/images/{}", show_image, 0 },
	{ "DELETE", "/v2/images/{}", delete_image, 0 },
	{ "PUT", "/v2/images/{}/file", upload_image, 0 },
};

const struct mc_api mc_glance_api = {
	.type = "image",
	.name = "glance",
	.prefix = "/image",
	.url = "",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.error = mc_webob_error,
	.no_route = no_route,
	.unauthorized = unauthorized,
	.auth_uri = "/identity",
	.bad_body = "Malformed JSON in request body.",
};
