// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/map.h"

/* Room for one more item; items of size bytes. */
static int grow(void **items, size_t *cap, size_t count, size_t size)
{
	size_t n = *cap ? *cap * 2 : 8;
	void *p;

	if (count < *cap)
		return 0;
	p = reallocarray(*items, n, size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = n;
	return 0;
}

void ins_vms_done(struct ins_vms *v)
{
	free(v->items);
	*v = (struct ins_vms){};
}

static int make_vm(struct ins_vm *vm, const char *id, const char *project, const char *state)
{
	*vm = (struct ins_vm){};
	return dr_strcpy(vm->id, sizeof(vm->id), id) ||
	       dr_strcpy(vm->project, sizeof(vm->project), project ? project : "") ||
	       dr_strcpy(vm->state, sizeof(vm->state), state ? state : "");
}

int ins_vms_add(struct ins_vms *v, const char *id, const char *project, const char *state)
{
	struct ins_vm vm;
	int r;

	if (make_vm(&vm, id, project, state))
		return -EINVAL;
	r = grow((void **)&v->items, &v->cap, v->count, sizeof(*v->items));
	if (r)
		return r;
	v->items[v->count++] = vm;
	return 0;
}

static struct ins_vm *find(const struct ins_vms *v, const char *id)
{
	for (size_t i = 0; i < v->count; i++)
		if (!strcmp(v->items[i].id, id))
			return &v->items[i];
	return NULL;
}

const struct ins_vm *ins_vms_get(const struct ins_vms *v, const char *id)
{
	return find(v, id);
}

int ins_vms_copy(const struct ins_vms *v, struct ins_vms *ret)
{
	struct ins_vms copy = { .count = v->count, .cap = v->count };

	if (v->count) {
		copy.items = reallocarray(NULL, v->count, sizeof(*v->items));
		if (!copy.items)
			return -ENOMEM;
		memcpy(copy.items, v->items, v->count * sizeof(*v->items));
	}
	ins_vms_done(ret);
	*ret = copy;
	return 0;
}

struct ins_map *ins_map_new(void)
{
	return calloc(1, sizeof(struct ins_map));
}

void ins_map_free(struct ins_map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++)
		ins_vms_done(&m->hosts[i].vms);
	free(m->hosts);
	free(m);
}

int ins_map_add_host(struct ins_map *m, const struct ins_host *host)
{
	int r;

	if (!host->name[0])
		return -EINVAL;
	r = grow((void **)&m->hosts, &m->cap, m->count, sizeof(*m->hosts));
	if (r)
		return r;
	m->hosts[m->count] = *host;
	m->hosts[m->count].vms = (struct ins_vms){};
	m->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct ins_host *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void ins_map_sort(struct ins_map *m)
{
	size_t n = 0;

	/* unstable for equal names, which only two cells with one host name can give us */
	if (m->count)
		qsort(m->hosts, m->count, sizeof(*m->hosts), by_name);
	for (size_t i = 0; i < m->count; i++) {
		if (n && !strcmp(m->hosts[n - 1].name, m->hosts[i].name)) {
			ins_vms_done(&m->hosts[n - 1].vms);
			n--;
		}
		m->hosts[n++] = m->hosts[i];
	}
	m->count = n;
}

struct ins_host *ins_map_get(const struct ins_map *m, const char *name)
{
	struct ins_host key;

	if (dr_strcpy(key.name, sizeof(key.name), name) || !m->count)
		return NULL;
	return bsearch(&key, m->hosts, m->count, sizeof(*m->hosts), by_name);
}

int ins_map_add_vm(struct ins_map *m, const char *host, const char *id, const char *project,
		   const char *state)
{
	struct ins_host *h = ins_map_get(m, host);
	int r;

	if (!h) {
		m->unplaced++;
		return 0;
	}
	r = ins_vms_add(&h->vms, id, project, state);
	if (!r)
		m->vm_count++;
	return r;
}

/* *ret_host: where it is. NULL: nowhere. */
static struct ins_vm *locate(const struct ins_map *m, const char *host, const char *id,
			     struct ins_host **ret_host)
{
	struct ins_host *h = host ? ins_map_get(m, host) : NULL;
	struct ins_vm *vm = h ? find(&h->vms, id) : NULL;

	for (size_t i = 0; !vm && i < m->count; i++) {
		h = &m->hosts[i];
		vm = find(&h->vms, id);
	}
	*ret_host = h;
	return vm;
}

const struct ins_vm *ins_map_vm(const struct ins_map *m, const char *host, const char *id)
{
	struct ins_host *h;

	return locate(m, host, id, &h);
}

bool ins_map_drop(struct ins_map *m, const char *host, const char *id)
{
	struct ins_host *h;
	struct ins_vm *vm = locate(m, host, id, &h);

	if (!vm)
		return false;
	*vm = h->vms.items[--h->vms.count];
	m->vm_count--;
	return true;
}

int ins_map_put(struct ins_map *m, const char *host, const char *id, const char *project, const char *state)
{
	struct ins_host *to = ins_map_get(m, host), *at;
	struct ins_vm *vm = locate(m, host, id, &at), now;
	int r = 0;

	if (make_vm(&now, id, project, state))
		return -EINVAL;
	if (vm && at == to) {
		*vm = now;
		return 0;
	}
	if (to)
		r = ins_map_add_vm(m, host, id, project, state);
	if (r)
		return r;
	if (vm) {
		*vm = at->vms.items[--at->vms.count];
		m->vm_count--;
	}
	return to ? 0 : 1;
}

void ins_map_move_vms(struct ins_map *to, struct ins_map *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct ins_host *h = ins_map_get(to, from->hosts[i].name);

		if (!h)
			continue;
		ins_vms_done(&h->vms);
		h->vms = from->hosts[i].vms;
		from->hosts[i].vms = (struct ins_vms){};
	}
	from->vm_count = to->vm_count = 0;
	for (size_t i = 0; i < to->count; i++)
		to->vm_count += to->hosts[i].vms.count;
	to->unplaced = from->unplaced;
}

/* Length of the first label; 0 for what is no name with a domain (an address, "1.2"). */
static size_t label(const char *name)
{
	size_t len = strcspn(name, ".");

	return strspn(name, "0123456789") >= len ? 0 : len;
}

/* One of both is the short form of the other. */
static bool short_of(const char *a, const char *b)
{
	size_t len = label(a);

	if (!len || len != label(b) || strncmp(a, b, len))
		return false;
	return !a[len] != !b[len];
}

enum ins_match ins_map_resolve(const struct ins_map *m, const char *name, struct ins_host **ret_host)
{
	struct ins_host *found = ins_map_get(m, name);

	if (!found) {
		for (size_t i = 0; i < m->count; i++) {
			if (!short_of(name, m->hosts[i].name))
				continue;
			if (found)
				return INS_MATCH_MANY;
			found = &m->hosts[i];
		}
	}
	if (!found)
		return INS_MATCH_NONE;
	*ret_host = found;
	return INS_MATCH_ONE;
}
