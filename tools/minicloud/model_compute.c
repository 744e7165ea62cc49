/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/minicloud/model.h"

/* ---- hosts and their services ---- */

struct mc_host *mc_host_by_name(const struct mc_model *m, const char *name)
{
	return mc_index_get(&m->host_index, name);
}

struct mc_host *mc_host_by_service(const struct mc_model *m, const char *service_uuid)
{
	return mc_index_get(&m->service_index, service_uuid);
}

struct mc_host *mc_host_by_hypervisor(const struct mc_model *m, const char *hypervisor_uuid)
{
	return mc_index_get(&m->hypervisor_index, hypervisor_uuid);
}

enum mc_host_status mc_host_status(const struct mc_host *h)
{
	if (!h)
		return MC_HOST_STATUS_NONE;
	if (h->service.forced_down)
		return MC_HOST_STATUS_DOWN;
	return h->service.disabled ? MC_HOST_STATUS_MAINTENANCE : MC_HOST_STATUS_UP;
}

const char *mc_host_status_name(enum mc_host_status s)
{
	static const char *const names[] = { "", "DOWN", "MAINTENANCE", "UP" };

	return names[s];
}

int mc_service_set_disabled(struct mc_service *s, bool disabled, const char *reason, struct dr_wall now)
{
	char *copy = NULL;

	if (disabled && reason) {
		copy = strdup(reason);
		if (!copy)
			return -ENOMEM;
	}
	free(s->disabled_reason);
	s->disabled_reason = copy;
	s->disabled = disabled;
	s->changed = now;
	return 0;
}

void mc_service_set_forced_down(struct mc_service *s, bool forced_down, struct dr_wall now)
{
	s->forced_down = forced_down;
	s->changed = now;
}

/* What the filters for groups say: of (anti-)affinity, the soft ones only weigh. */
static bool group_allows(const struct mc_host *h, const struct mc_server *s)
{
	const struct mc_server *other;

	TAILQ_FOREACH(other, &h->servers, host_entry)
	{
		if (s->group && other != s && other->group == s->group &&
		    !strcmp(s->group->policy, "anti-affinity"))
			return false;
	}
	return true;
}

/* Where the others of an affinity group are; NULL: nowhere yet, or it is in none. */
static const struct mc_host *affine_host(const struct mc_model *m, const struct mc_server *s)
{
	const struct mc_server *other;

	if (!s->group || strcmp(s->group->policy, "affinity"))
		return NULL;
	TAILQ_FOREACH(other, &m->servers, entry)
	{
		if (other != s && other->group == s->group && other->host)
			return other->host;
	}
	return NULL;
}

/* The least loaded host that may take a server; the first of equals. NULL: no valid host. */
static struct mc_host *choose_host(const struct mc_model *m, const struct mc_server *s)
{
	const struct mc_host *affine = affine_host(m, s);
	const char *requested = s->requested_host;
	struct mc_host *best = NULL;

	for (size_t i = 0; i < m->host_count; i++) {
		struct mc_host *h = &m->hosts[i];

		if ((requested && strcmp(h->service.host, requested)) || (affine && h != affine) ||
		    !group_allows(h, s))
			continue;
		if (mc_host_status(h) == MC_HOST_STATUS_UP && (!best || h->server_count < best->server_count))
			best = h;
	}
	return best;
}

/* ---- servers ---- */

static void server_free(struct mc_model *m, struct mc_server *s)
{
	if (s->port && s->port->preexisting)
		mc_port_release(s->port);
	mc_port_free(m, s->port);
	if (s->host) {
		TAILQ_REMOVE(&s->host->servers, s, host_entry);
		s->host->server_count--;
	}
	if (mc_index_remove(&m->server_index, s->id)) {
		TAILQ_REMOVE(&m->servers, s, entry);
		m->server_count--;
	}
	free(s->name);
	free(s->description);
	free(s->requested_host);
	dr_json_free(s->metadata);
	dr_json_free(s->tags);
	free(s);
}

static bool copy_text(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return *out || !text;
}

static void new_reservation(struct mc_model *m, char out[11])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";

	memcpy(out, "r-", 2);
	for (int i = 2; i < 10; i++)
		out[i] = alphabet[mc_random(m) >> 59];
	out[10] = '\0';
}

struct mc_server *mc_server_create(struct mc_model *m, const struct mc_boot *boot, struct dr_wall now)
{
	struct mc_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	mc_new_uuid(m, s->id);
	new_reservation(m, s->reservation_id);
	s->project = boot->project;
	s->user = boot->user;
	s->flavor = boot->flavor ? boot->flavor : mc_flavor_next(m, NULL);
	strcpy(s->image_id, boot->image->id);
	s->network = boot->network ? boot->network : boot->networked ? mc_network_next(m, NULL, NULL) : NULL;
	s->requested_port = boot->port;
	s->group = boot->group;
	s->vm_state = MC_VM_BUILDING;
	s->task_state = MC_TASK_SCHEDULING;
	s->created = s->updated = now;
	s->metadata = boot->metadata ? dr_json_copy(boot->metadata) : dr_json_object();
	s->tags = boot->tags ? dr_json_copy(boot->tags) : dr_json_array();
	if (!s->metadata || !s->tags || !copy_text(&s->name, boot->name) ||
	    !copy_text(&s->description, boot->description) ||
	    !copy_text(&s->requested_host, boot->requested_host) ||
	    mc_index_add(&m->server_index, s->id, s)) {
		server_free(m, s);
		return NULL;
	}
	s->number = ++m->server_number;
	TAILQ_INSERT_TAIL(&m->servers, s, entry);
	m->server_count++;
	return s;
}

static enum mc_step fail(struct mc_server *s, const char *message, struct dr_wall now)
{
	s->vm_state = MC_VM_ERROR;
	s->task_state = MC_TASK_NONE;
	s->fault = (struct mc_fault){ .code = 500, .message = message, .created = now };
	s->updated = now;
	return MC_STEP_DONE;
}

/* The host's list stays sorted by age, though servers may be scheduled out of turn. */
static void place(struct mc_server *s, struct mc_host *h)
{
	struct mc_server *before = TAILQ_LAST(&h->servers, mc_servers);

	while (before && before->number > s->number)
		before = TAILQ_PREV(before, mc_servers, host_entry);
	if (before)
		TAILQ_INSERT_AFTER(&h->servers, before, s, host_entry);
	else
		TAILQ_INSERT_HEAD(&h->servers, s, host_entry);
	h->server_count++;
	s->host = h;
}

static enum mc_step schedule(struct mc_model *m, struct mc_server *s, struct dr_wall now)
{
	struct mc_host *h = choose_host(m, s);

	if (!h)
		return fail(s, "No valid host was found. There are not enough hosts available.", now);
	place(s, h);
	s->task_state = MC_TASK_SPAWNING;
	s->updated = now;
	return MC_STEP_AGAIN;
}

/* NULL: another has it by now. */
static struct mc_port *take_port(struct mc_server *s, struct dr_wall now)
{
	struct mc_port *p = s->requested_port;

	if (p->server)
		return NULL;
	p->server = s;
	p->preexisting = true;
	mc_port_touch(p, now);
	return p;
}

static enum mc_step spawn(struct mc_model *m, struct mc_server *s, struct dr_wall now)
{
	if (s->network && !s->port) {
		s->port = s->requested_port ? take_port(s, now) : mc_port_create(m, s, now);
		if (!s->port)
			return fail(s,
				    "Build of instance aborted: Failed to allocate the network(s), not "
				    "rescheduling.",
				    now);
	}
	s->vm_state = MC_VM_ACTIVE;
	s->task_state = MC_TASK_NONE;
	s->updated = s->launched = now;
	return MC_STEP_DONE;
}

enum mc_step mc_server_step(struct mc_model *m, struct mc_server *s, struct dr_wall now)
{
	switch (s->task_state) {
	case MC_TASK_SCHEDULING:
		return schedule(m, s, now);
	case MC_TASK_SPAWNING:
		return spawn(m, s, now);
	case MC_TASK_DELETING:
		server_free(m, s);
		return MC_STEP_GONE;
	case MC_TASK_NONE:
		break;
	}
	return MC_STEP_DONE;
}

struct mc_server *mc_server_find(const struct mc_model *m, const char *id)
{
	return mc_index_get(&m->server_index, id);
}

bool mc_server_runs(const struct mc_server *s)
{
	return s->host && s->launched.ns && !s->halted;
}

void mc_server_reset_state(struct mc_server *s, enum mc_vm_state state, struct dr_wall now)
{
	s->vm_state = state;
	s->task_state = MC_TASK_NONE;
	s->updated = now;
}

void mc_server_mark_deleting(struct mc_server *s, struct dr_wall now)
{
	s->task_state = MC_TASK_DELETING;
	s->updated = now;
}

const char *mc_server_status(const struct mc_server *s)
{
	static const char *const names[] = { "BUILD", "ACTIVE", "ERROR" };

	return names[s->vm_state];
}

const char *mc_vm_state_name(enum mc_vm_state state)
{
	static const char *const names[] = { "building", "active", "error" };

	return names[state];
}

const char *mc_task_state_name(enum mc_task_state state)
{
	static const char *const names[] = { NULL, "scheduling", "spawning", "deleting" };

	return names[state];
}

struct mc_server *mc_server_next(const struct mc_model *m, const struct mc_server *after,
				 const struct mc_host *host, const struct mc_project *project)
{
	struct mc_server *s;

	if (host) {
		s = TAILQ_LAST(&host->servers, mc_servers);
		if (after && after->host == host)
			s = TAILQ_PREV(after, mc_servers, host_entry);
		while (s && ((after && s->number >= after->number) || (project && s->project != project)))
			s = TAILQ_PREV(s, mc_servers, host_entry);
		return s;
	}
	s = after ? TAILQ_PREV(after, mc_servers, entry) : TAILQ_LAST(&m->servers, mc_servers);
	while (s && project && s->project != project)
		s = TAILQ_PREV(s, mc_servers, entry);
	return s;
}
