/* SPDX-License-Identifier: Apache-2.0 */
/* What a cloud is to have before VMs are booted: an image, a flavor, a network. */
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
#define IN_USE_LIMIT dr_sec(30)
#define LOOK dr_msec(200)

/* ---------------------------------------------------------------- what there is */

static bool is_active(const struct dr_json *image, const void *unused)
{
	const char *status = dr_json_get_str(image, "status");

	return status && strcmp(status, "active") == 0;
}

static bool is_internal(const struct dr_json *network, const void *unused)
{
	return !dr_json_get_bool(network, "router:external", false) &&
	       dr_json_size(dr_json_get(network, "subnets")) > 0;
}

/* What an image wants of a flavor. */
struct needs {
	unsigned ram_mb, disk_gb;
};

/* A flavor whose disk is 0 has one as large as its image. */
static bool is_large_enough(const struct dr_json *flavor, const void *userdata)
{
	const struct needs *n = userdata;
	double disk = dr_json_get_number(flavor, "disk", 0);

	return dr_json_get_number(flavor, "ram", 0) >= n->ram_mb && (disk <= 0 || disk >= n->disk_gb);
}

/* How a thing is chosen: by its name, else by its size. */
struct choice {
	const char *collection, *name;
	bool (*fits)(const struct dr_json *item, const void *userdata);
	const void *userdata;
	const char *least; /* number that is to be the least; NULL: the first one */
};

/* NULL: nothing fits. */
static const struct dr_json *choose(const struct dr_json *body, const struct choice *how)
{
	const struct dr_json *best = dr_api_find_by_name(body, how->collection, how->name, NULL);
	const struct dr_json *list = dr_json_get(body, how->collection);

	if (best && how->fits(best, how->userdata))
		return best;
	best = NULL;
	for (const struct dr_json *item = dr_json_first(list); item; item = dr_json_next(item)) {
		if (!how->fits(item, how->userdata))
			continue;
		if (!best || (how->least && dr_json_get_number(item, how->least, 1e18) <
						    dr_json_get_number(best, how->least, 1e18)))
			best = item;
	}
	return best;
}

static int none_fits(const struct choice *how, char **ret_error)
{
	*ret_error = dr_asprintf("the cloud has no \"%s\" among its %s, and no other that would do",
				 how->name, how->collection);
	return -ENOENT;
}

/* A copy, the caller's; NULL where nothing fits. */
static int look_for(struct sc_cloud *c, int made, struct dr_api_call *api_call, const struct choice *how,
		    struct dr_json **ret, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_OWNER, made, api_call, &body, ret_error);
	const struct dr_json *item;

	if (r < 0)
		return r;
	item = choose(body, how);
	*ret = item ? dr_json_copy(item) : NULL;
	return item && !*ret ? -ENOMEM : 0;
}

/* ---------------------------------------------------------------- image */

/* Rounded up. */
static unsigned whole(double n)
{
	unsigned down = n <= 0 ? 0 : n >= 1e6 ? 1000000 : (unsigned)n;

	return n > down ? down + 1 : down;
}

static void read_needs(const struct dr_json *image, struct needs *ret)
{
	double size = dr_json_get_number(image, "size", 0) / (1 << 30);

	ret->ram_mb = whole(dr_json_get_number(image, "min_ram", 0));
	ret->disk_gb = whole(DR_MAX(dr_json_get_number(image, "min_disk", 0), size));
}

static int find_image(struct sc_cloud *c, const char *id, char ret_id[64], struct needs *ret,
		      char **ret_error)
{
	static const struct choice images = { "images", "tiny", is_active, NULL, "size" };
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *image = NULL;
	int r;

	if (id)
		r = sc_call_must(c, SC_OWNER, dr_glance_image_show(&api_call, id), &api_call, &image,
				 ret_error);
	else
		r = look_for(c, dr_glance_images_list(&api_call, NULL), &api_call, &images, &image,
			     ret_error);
	if (r == 0 && !image)
		r = none_fits(&images, ret_error);
	if (r < 0)
		return r;
	sc_copy(ret_id, 64, dr_json_get_str(image, "id"));
	read_needs(image, ret);
	return 0;
}

/* ---------------------------------------------------------------- flavor */

#define RAM_MB 64
#define DISK_GB 1

static int make_flavor(struct sc_cloud *c, const char *prefix, const struct needs *needs,
		       struct dr_json **ret, char **ret_error)
{
	const struct dr_nova_size size = { .vcpus = 1,
					   .ram_mb = DR_MAX(needs->ram_mb, RAM_MB),
					   .disk_gb = DR_MAX(needs->disk_gb, DISK_GB) };
	DR_AUTO_FREE char *name = dr_asprintf("%sflavor", prefix);
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = name ? dr_nova_flavor_create(&api_call, &c->nova, name, &size) : -ENOMEM;

	r = sc_call_must(c, SC_ADMIN, r, &api_call, &body, ret_error);
	if (r < 0)
		return r;
	*ret = dr_json_copy(dr_json_get(body, "flavor"));
	return *ret ? 0 : -ENOMEM;
}

static int find_flavor(struct sc_cloud *c, const char *prefix, const struct needs *needs,
		       struct sc_parts *ret, char **ret_error)
{
	const struct choice flavors = { "flavors", "m1.tiny", is_large_enough, needs, "ram" };
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *flavor = NULL;
	int r = look_for(c, dr_nova_flavors_list(&api_call, &c->nova), &api_call, &flavors, &flavor,
			 ret_error);

	if (r == 0 && !flavor) {
		ret->made_flavor = true;
		r = prefix ? make_flavor(c, prefix, needs, &flavor, ret_error)
			   : none_fits(&flavors, ret_error);
	}
	if (r < 0)
		return r;
	COPY(ret->flavor, dr_json_get_str(flavor, "id"));
	ret->vcpus = whole(dr_json_get_number(flavor, "vcpus", 1));
	ret->ram_mb = whole(dr_json_get_number(flavor, "ram", 0));
	return 0;
}

/* ---------------------------------------------------------------- network */

#define CIDR "192.168.28.0/22" /* room for as many VMs as there may be, and their replacements */

static int make_network(struct sc_cloud *c, const char *prefix, char ret_id[64], char **ret_error)
{
	DR_AUTO_FREE char *name = dr_asprintf("%snetwork", prefix);
	DR_AUTO_CALL struct dr_api_call network = { 0 }, subnet = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = name ? dr_neutron_network_create(&network, name) : -ENOMEM;

	r = sc_call_must(c, SC_OWNER, r, &network, &body, ret_error);
	if (r < 0)
		return r;
	sc_copy(ret_id, 64, dr_json_str(dr_json_path(body, "network.id")));
	return sc_call_must(c, SC_OWNER, dr_neutron_subnet_create(&subnet, name, ret_id, CIDR), &subnet, NULL,
			    ret_error);
}

static int find_network(struct sc_cloud *c, const char *prefix, struct sc_parts *ret, char **ret_error)
{
	static const struct choice networks = { "networks", "doctor-net", is_internal, NULL, NULL };
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *network = NULL;
	int r = look_for(c, dr_neutron_networks_list(&api_call, NULL), &api_call, &networks, &network,
			 ret_error);

	if (r < 0)
		return r;
	if (network) {
		COPY(ret->network, dr_json_get_str(network, "id"));
		return 0;
	}
	ret->made_network = true;
	return prefix ? make_network(c, prefix, ret->network, ret_error) : none_fits(&networks, ret_error);
}

int sc_cloud_parts(struct sc_cloud *c, const char *image, const char *prefix, struct sc_parts *ret,
		   char **ret_error)
{
	struct sc_parts parts = { 0 };
	struct needs needs = { 0 };
	int r = find_image(c, image, parts.image, &needs, ret_error);

	if (r == 0)
		r = find_flavor(c, prefix, &needs, &parts, ret_error);
	if (r == 0)
		r = find_network(c, prefix, &parts, ret_error);
	if (r == 0)
		*ret = parts;
	return r;
}

/* ---------------------------------------------------------------- what was made */

static bool begins(const struct dr_json *item, const char *prefix)
{
	const char *name = dr_json_get_str(item, "name");

	return name && strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Nova lets go of a server's port soon after the server. */
static int delete_network(struct sc_cloud *c, const char *id, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), IN_USE_LIMIT);

	for (;;) {
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };
		int r = sc_call(c, SC_OWNER, dr_neutron_network_delete(&api_call, id), &api_call, NULL,
				ret_error);

		if (r <= 0)
			return r;
		if (r != 404 && (r != 409 || dr_mono_before(end, dr_mono_now())))
			return -EREMOTEIO;
		free(*ret_error);
		*ret_error = NULL;
		if (r == 404)
			return 0;
		nanosleep(&(struct timespec){ 0, LOOK.ns }, NULL);
	}
}

int sc_cloud_delete_networks(struct sc_cloud *c, const char *prefix, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call list = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_OWNER, dr_neutron_networks_list(&list, NULL), &list, &body, ret_error);

	for (const struct dr_json *n = dr_json_first(dr_json_get(body, "networks")); n && r == 0;
	     n = dr_json_next(n)) {
		if (begins(n, prefix))
			r = delete_network(c, dr_json_get_str(n, "id"), ret_error);
	}
	return r;
}

int sc_cloud_delete_flavors(struct sc_cloud *c, const char *prefix, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call list = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_ADMIN, dr_nova_flavors_list(&list, &c->nova), &list, &body, ret_error);

	for (const struct dr_json *f = dr_json_first(dr_json_get(body, "flavors")); f && r >= 0;
	     f = dr_json_next(f)) {
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };

		if (begins(f, prefix))
			r = sc_call_may_lack(
				c, SC_ADMIN,
				dr_nova_flavor_delete(&api_call, &c->nova, dr_json_get_str(f, "id")),
				&api_call, NULL, ret_error);
	}
	return r < 0 ? r : 0;
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

		if (r < 0 || is_active(body, NULL))
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
		const char *id = dr_json_get_str(i, "id");
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };

		if (!begins(i, prefix))
			continue;
		r = sc_call_may_lack(c, SC_OWNER, dr_glance_image_delete(&api_call, id), &api_call, NULL,
				     ret_error);
		r = r == 1 ? 0 : r;
	}
	return r;
}
