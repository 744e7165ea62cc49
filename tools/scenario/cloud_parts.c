/* SPDX-License-Identifier: Apache-2.0 */
/* What a cloud is to have before VMs are booted: an account, an image, a flavor, a network. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "doctor/cloud/glance.h"
#include "doctor/cloud/neutron.h"
#include "tools/scenario/cloud_private.h"

#define UPLOAD_LIMIT dr_sec(300)
#define ACTIVE_LIMIT dr_sec(60)
#define LOOK dr_msec(200)

/* ---------------------------------------------------------------- account */

static void add_known(struct dr_json *o, const char *key, const char *value)
{
	if (value)
		dr_json_add_str(o, key, value);
}

static void add_entry(struct dr_json *clouds, const char *name, const struct dr_cloud_conf *c)
{
	struct dr_json *o = dr_json_add_object(clouds, name), *auth = dr_json_add_object(o, "auth");

	add_known(auth, "auth_url", c->auth_url);
	add_known(auth, "username", c->username);
	add_known(auth, "user_id", c->user_id);
	add_known(auth, "password", c->password);
	add_known(auth, "user_domain_name", c->user_domain_name);
	add_known(auth, "user_domain_id", c->user_domain_id);
	add_known(auth, "project_name", c->project_name);
	add_known(auth, "project_id", c->project_id);
	add_known(auth, "project_domain_name", c->project_domain_name);
	add_known(auth, "project_domain_id", c->project_domain_id);
	add_known(auth, "application_credential_id", c->application_credential_id);
	add_known(auth, "application_credential_name", c->application_credential_name);
	add_known(auth, "application_credential_secret", c->application_credential_secret);
	if (c->application_credential_id || c->application_credential_name)
		dr_json_add_str(o, "auth_type", "v3applicationcredential");
	add_known(o, "region_name", c->region_name);
	add_known(o, "interface", c->interface);
	add_known(o, "cacert", c->cacert);
	dr_json_add_bool(o, "verify", !c->insecure);
}

/* JSON is YAML. */
static int write_clouds(const char *path, const struct dr_cloud_conf *given)
{
	DR_AUTO_JSON struct dr_json *root = dr_json_object();
	struct dr_json *clouds = dr_json_add_object(root, "clouds");
	DR_AUTO_CLOSE int fd = -1;
	DR_AUTO_FREE char *text = NULL;
	size_t len;

	add_entry(clouds, "admin", given);
	add_entry(clouds, "doctor", given);
	text = dr_json_print(root);
	if (!text)
		return -ENOMEM;
	len = strlen(text);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 || write(fd, text, len) != (ssize_t)len ? dr_errno() : 0;
}

int sc_cloud_write_given(const char *path, char **ret_error)
{
	struct dr_cloud_conf given = { 0 };
	int r = dr_cloud_conf_load(NULL, &given, ret_error);

	if (r < 0)
		return r;
	r = write_clouds(path, &given);
	dr_cloud_conf_done(&given);
	if (r < 0)
		*ret_error = dr_asprintf("cannot write %s: %s", path, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- what there is */

static bool is_active(const struct dr_json *image)
{
	const char *status = dr_json_get_str(image, "status");

	return status && strcmp(status, "active") == 0;
}

static bool is_internal(const struct dr_json *network)
{
	return !dr_json_get_bool(network, "router:external", false);
}

static bool any(const struct dr_json *item)
{
	return true;
}

/* How a thing is chosen where none has the name. */
struct choice {
	const char *collection, *name;
	bool (*fits)(const struct dr_json *item);
	const char *least; /* number that is to be the least; NULL: the first one */
};

static const struct dr_json *choose(const struct dr_json *body, const struct choice *how)
{
	const struct dr_json *best = dr_api_find_by_name(body, how->collection, how->name, NULL);
	const struct dr_json *list = dr_json_get(body, how->collection);

	if (best)
		return best;
	for (const struct dr_json *item = dr_json_first(list); item; item = dr_json_next(item)) {
		if (!how->fits(item))
			continue;
		if (!best || (how->least && dr_json_get_number(item, how->least, 1e18) <
						    dr_json_get_number(best, how->least, 1e18)))
			best = item;
	}
	return best;
}

static int find_part(struct sc_cloud *c, int made, struct dr_api_call *api_call, const struct choice *how,
		     char ret_id[64], char **ret_error)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_OWNER, made, api_call, &body, ret_error);
	const char *id;

	if (r < 0)
		return r;
	id = dr_json_get_str(choose(body, how), "id");
	if (!id) {
		if (ret_error)
			*ret_error = dr_asprintf(
				"the cloud has no \"%s\" among its %s, and no other that would do", how->name,
				how->collection);
		return -ENOENT;
	}
	sc_copy(ret_id, 64, id);
	return 0;
}

int sc_cloud_parts(struct sc_cloud *c, const char *image, struct sc_parts *ret, char **ret_error)
{
	static const struct choice images = { "images", "tiny", is_active, "size" },
				   flavors = { "flavors", "m1.tiny", any, "ram" },
				   networks = { "networks", "doctor-net", is_internal, NULL };
	DR_AUTO_CALL struct dr_api_call i = { 0 }, f = { 0 }, n = { 0 };
	struct sc_parts parts;
	int r = 0;

	COPY(parts.image, image);
	if (!image)
		r = find_part(c, dr_glance_images_list(&i, NULL), &i, &images, parts.image, ret_error);
	if (r == 0)
		r = find_part(c, dr_nova_flavors_list(&f, &c->nova), &f, &flavors, parts.flavor, ret_error);
	if (r == 0)
		r = find_part(c, dr_neutron_networks_list(&n, NULL), &n, &networks, parts.network, ret_error);
	if (r == 0)
		*ret = parts;
	return r;
}

/* ---------------------------------------------------------------- an image of ours */

struct file {
	void *data;
	size_t len;
};

static void unmap_file(struct file *f)
{
	if (f->data)
		munmap(f->data, f->len);
}

static int map_file(const char *path, struct file *ret, char **ret_error)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	void *data;
	int r = fd < 0 || fstat(fd, &st) < 0		  ? dr_errno()
		: !S_ISREG(st.st_mode) || st.st_size == 0 ? -EINVAL
							  : 0;

	if (r == 0) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED)
			r = dr_errno();
		else
			*ret = (struct file){ data, (size_t)st.st_size };
	}
	if (r < 0)
		*ret_error = dr_asprintf("image %s: %s", path,
					 r == -EINVAL ? "not a file with something in it" : strerror(-r));
	return r;
}

/* https://docs.openstack.org/api-ref/image/v2/#create-image */
static int create_image(struct sc_cloud *c, const char *name, const struct file *f, char ret_id[64],
			char **ret_error)
{
	bool qcow2 = f->len > 4 && memcmp(f->data, "QFI\xfb", 4) == 0;
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *answer = NULL;
	struct dr_json *body = dr_json_object();
	struct dr_glance_image image;
	int r;

	dr_json_add_str(body, "name", name);
	dr_json_add_str(body, "disk_format", qcow2 ? "qcow2" : "raw");
	dr_json_add_str(body, "container_format", "bare");
	dr_json_add_str(body, "visibility", "private");
	r = sc_call_must(c, SC_OWNER, dr_api_call_init(&api_call, "image", "POST", body, "/v2/images"),
			 &api_call, &answer, ret_error);
	if (r < 0)
		return r;
	if (dr_glance_image_parse(answer, &image) < 0) {
		*ret_error = dr_asprintf("the cloud's answer has no image");
		return -EBADMSG;
	}
	sc_copy(ret_id, 64, image.id);
	return 0;
}

static int wait_image(struct sc_cloud *c, const char *id, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), ACTIVE_LIMIT);

	for (;;) {
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };
		DR_AUTO_JSON struct dr_json *body = NULL;
		int r = sc_call_must(c, SC_OWNER, dr_glance_image_show(&api_call, id), &api_call, &body,
				     ret_error);

		if (r < 0 || is_active(body))
			return r;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0) {
			*ret_error = dr_asprintf("image %s is not active after %.0f s", id,
						 dr_dur_seconds(ACTIVE_LIMIT));
			return -ETIMEDOUT;
		}
		nanosleep(&(struct timespec){ 0, LOOK.ns }, NULL);
	}
}

int sc_cloud_upload(struct sc_cloud *c, const char *file, const char *name, char ret_id[64], char **ret_error)
{
	DR_AUTO(unmap_file) struct file f = { 0 };
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	int r = map_file(file, &f, ret_error);

	if (r == 0)
		r = create_image(c, name, &f, ret_id, ret_error);
	if (r < 0)
		return r;
	r = dr_glance_image_upload(&api_call, ret_id, f.data, f.len);
	api_call.req.timeout = UPLOAD_LIMIT;
	r = sc_call_must(c, SC_OWNER, r, &api_call, NULL, ret_error);
	return r < 0 ? r : wait_image(c, ret_id, ret_error);
}

int sc_cloud_delete_images(struct sc_cloud *c, const char *prefix, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call list = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_OWNER, dr_glance_images_list(&list, NULL), &list, &body, ret_error);
	const struct dr_json *images = dr_json_get(body, "images");

	for (const struct dr_json *i = dr_json_first(images); i && r == 0; i = dr_json_next(i)) {
		const char *name = dr_json_get_str(i, "name"), *id = dr_json_get_str(i, "id");
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };

		if (!name || !id || strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		r = sc_call_may_lack(c, SC_OWNER, dr_glance_image_delete(&api_call, id), &api_call, NULL,
				     ret_error);
		r = r == 1 ? 0 : r;
	}
	return r;
}
