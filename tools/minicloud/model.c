/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/model.h"

#include <string.h>

#include "doctor/buf.h"

/* xoshiro256**, https://prng.di.unimi.it/ */
uint64_t mc_random(struct mc_model *m)
{
	uint64_t *s = m->random, x = s[1] * 5, t = s[1] << 17;
	uint64_t result = (x << 7 | x >> 57) * 9;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

void mc_new_uuid(struct mc_model *m, char out[MC_UUID_SIZE])
{
	uint64_t a = mc_random(m), b = mc_random(m);

	snprintf(out, MC_UUID_SIZE, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
		 (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, (unsigned)(b >> 48 & 0x3fff) | 0x8000,
		 (unsigned long long)(b & 0xffffffffffffULL));
}

void mc_new_hex(struct mc_model *m, char out[MC_HEX_SIZE])
{
	char uuid[MC_UUID_SIZE];
	size_t n = 0;

	mc_new_uuid(m, uuid);
	for (const char *p = uuid; *p; p++) {
		if (*p != '-')
			out[n++] = *p;
	}
	out[n] = '\0';
}

bool mc_is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (!text || strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
			return false;
	}
	return true;
}

/* ---- putting it together, taking it down ---- */

static int init_people(struct mc_model *m)
{
	struct mc_project *admins = mc_project_create(m, "admin", "");
	struct mc_project *services = mc_project_create(m, "service", "");
	struct mc_project *owners = mc_project_create(m, "doctor", "");
	struct mc_user *admin = mc_user_create(m, "admin", "admin", NULL);
	struct mc_user *owner = mc_user_create(m, "doctor", "doctor", NULL);

	if (!admins || !services || !owners || !admin || !owner ||
	    mc_user_grant(admin, admins, MC_ROLE_ADMIN) < 0 ||
	    mc_user_grant(owner, owners, MC_ROLE_MEMBER) < 0)
		return -ENOMEM;
	return 0;
}

static int init_identity(struct mc_model *m)
{
	for (size_t i = 0; i < MC_ROLE_COUNT; i++)
		mc_new_hex(m, m->role_ids[i]);
	for (size_t i = 0; i < MC_SERVICE_COUNT; i++) {
		mc_new_hex(m, m->catalogue_ids[i].service);
		for (size_t k = 0; k < MC_INTERFACE_COUNT; k++)
			mc_new_hex(m, m->catalogue_ids[i].endpoint[k]);
	}
	return init_people(m);
}

static int init_service(struct mc_model *m, struct mc_service *s, unsigned id, const char *binary,
			const char *host, struct dr_wall now)
{
	*s = (struct mc_service){ .id = id, .binary = binary, .changed = now };
	s->zone = strcmp(binary, "nova-compute") ? "internal" : "nova";
	mc_new_uuid(m, s->uuid);
	s->host = strdup(host);
	return s->host ? 0 : -ENOMEM;
}

static int init_host(struct mc_model *m, struct mc_host *h, unsigned number, struct dr_wall now)
{
	char name[32];
	int r;

	TAILQ_INIT(&h->servers);
	snprintf(name, sizeof(name), "compute-%u", number);
	r = init_service(m, &h->service, number + DR_ARRAY_SIZE(m->control), "nova-compute", name, now);
	if (r < 0)
		return r;
	mc_new_uuid(m, h->hypervisor_uuid);
	r = mc_index_add(&m->host_index, h->service.host, h);
	if (r < 0)
		return r;
	r = mc_index_add(&m->service_index, h->service.uuid, h);
	if (r < 0)
		return r;
	return mc_index_add(&m->hypervisor_index, h->hypervisor_uuid, h);
}

static int init_compute(struct mc_model *m, unsigned hosts, struct dr_wall now)
{
	static const char *const control[] = { "nova-scheduler", "nova-conductor" };
	struct mc_flavor *tiny = mc_flavor_create(m, "1", "m1.tiny");
	int r;

	if (!tiny)
		return -ENOMEM;
	tiny->vcpus = 1;
	tiny->ram_mb = 64;
	tiny->disk_gb = 1;
	for (size_t i = 0; i < DR_ARRAY_SIZE(control); i++) {
		r = init_service(m, &m->control[i], (unsigned)i + 1, control[i], "controller", now);
		if (r < 0)
			return r;
	}
	m->hosts = calloc(hosts ? hosts : 1, sizeof(*m->hosts));
	if (!m->hosts)
		return -ENOMEM;
	while (m->host_count < hosts) {
		struct mc_host *h = &m->hosts[m->host_count++];

		r = init_host(m, h, (unsigned)m->host_count, now);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A network that has room for the servers there are from the start and as many again. */
static int init_network(struct mc_model *m, size_t servers, struct dr_wall now)
{
	struct mc_network *n = mc_network_create(m, "doctor-net", mc_project_find(m, "doctor"), now);
	uint32_t base = 192u << 24 | 168u << 16 | 30u << 8;
	unsigned prefix = 24;

	if (!n)
		return -ENOMEM;
	if (servers > 100) {
		base = 10u << 24;
		prefix = 8;
		while (prefix < 24 && (1u << (31 - prefix)) / 2 > servers + 16)
			prefix++;
	}
	return mc_subnet_create(m, n, "doctor-subnet", base, prefix);
}

static int init_images(struct mc_model *m, struct dr_wall now)
{
	struct mc_image *image = mc_image_create(m, "tiny", mc_project_find(m, "admin"), now);

	if (!image)
		return -ENOMEM;
	image->status = MC_IMAGE_ACTIVE;
	image->size = 1024;
	strcpy(image->visibility, "public");
	strcpy(image->disk_format, "raw");
	strcpy(image->container_format, "bare");
	return 0;
}

static int boot_servers(struct mc_model *m, unsigned per_host, struct dr_wall now)
{
	for (size_t i = 0; i < m->host_count; i++) {
		for (unsigned k = 0; k < per_host; k++) {
			char name[64];
			struct mc_boot boot = {
				.name = name,
				.requested_host = m->hosts[i].service.host,
				.project = mc_project_find(m, "doctor"),
				.user = mc_user_by_name(m, "doctor"),
				.image = TAILQ_FIRST(&m->images),
				.networked = true,
			};
			struct mc_server *s;

			snprintf(name, sizeof(name), "vm-%zu-%u", i + 1, k + 1);
			s = mc_server_create(m, &boot, now);
			if (!s)
				return -ENOMEM;
			while (mc_server_step(m, s, now) == MC_STEP_AGAIN)
				;
		}
	}
	return 0;
}

int mc_model_init(struct mc_model *m, const struct mc_model_opts *opts, struct dr_wall now)
{
	int r;

	*m = (struct mc_model){ .token_ttl = opts->token_ttl, .host_ip = opts->host_ip };
	TAILQ_INIT(&m->projects);
	TAILQ_INIT(&m->users);
	TAILQ_INIT(&m->flavors);
	TAILQ_INIT(&m->networks);
	TAILQ_INIT(&m->tokens);
	TAILQ_INIT(&m->aggregates);
	TAILQ_INIT(&m->servers);
	TAILQ_INIT(&m->ports);
	TAILQ_INIT(&m->floatings);
	TAILQ_INIT(&m->groups);
	TAILQ_INIT(&m->images);
	TAILQ_INIT(&m->alarms);
	if (opts->hosts > MC_HOSTS_MAX || opts->vms_per_host > MC_VMS_PER_HOST_MAX)
		return -EINVAL;
	memcpy(m->random, opts->seed, sizeof(m->random));
	if (!(m->random[0] | m->random[1] | m->random[2] | m->random[3]))
		return -EINVAL;
	r = init_identity(m);
	if (!r)
		r = init_compute(m, opts->hosts, now);
	if (!r)
		r = init_network(m, (size_t)opts->hosts * opts->vms_per_host, now);
	if (!r)
		r = init_images(m, now);
	if (!r)
		r = boot_servers(m, opts->vms_per_host, now);
	if (r < 0)
		mc_model_done(m);
	return r;
}

static void service_done(struct mc_service *s)
{
	free(s->host);
	free(s->disabled_reason);
}

static void free_servers(struct mc_model *m)
{
	for (struct mc_server *s; (s = m->servers.tqh_first);) {
		s->task_state = MC_TASK_DELETING;
		mc_server_step(m, s, s->updated);
	}
}

void mc_model_done(struct mc_model *m)
{
	free_servers(m);
	for (struct mc_port *p; (p = m->ports.tqh_first);) /* that are nobody's */
		mc_port_free(m, p);
	for (struct mc_floating *f; (f = m->floatings.tqh_first);) {
		TAILQ_REMOVE(&m->floatings, f, entry);
		free(f);
	}
	for (struct mc_group *g; (g = m->groups.tqh_first);)
		mc_group_delete(m, g);
	for (struct mc_token *t; (t = m->tokens.tqh_first);)
		mc_token_revoke(m, t);
	for (struct mc_image *i; (i = m->images.tqh_first);)
		mc_image_delete(m, i);
	for (struct mc_alarm *a; (a = m->alarms.tqh_first);) {
		TAILQ_REMOVE(&m->alarms, a, entry);
		mc_alarm_free(a);
	}
	for (struct mc_aggregate *a; (a = m->aggregates.tqh_first);)
		mc_aggregate_delete(m, a);
	for (size_t i = 0; i < DR_ARRAY_SIZE(m->control); i++)
		service_done(&m->control[i]);
	for (size_t i = 0; i < m->host_count; i++)
		service_done(&m->hosts[i].service);
	free(m->hosts);
	mc_networks_done(m);
	mc_flavors_done(m);
	mc_identity_done(m);
	mc_index_done(&m->token_index);
	mc_index_done(&m->host_index);
	mc_index_done(&m->service_index);
	mc_index_done(&m->hypervisor_index);
	mc_index_done(&m->server_index);
	mc_index_done(&m->port_index);
	mc_index_done(&m->image_index);
	mc_index_done(&m->alarm_index);
	*m = (struct mc_model){ 0 };
}
