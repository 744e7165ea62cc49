/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, each with one subnet or none, and the ports on them. */
#include <string.h>

#include "tools/minicloud/model.h"

struct mc_network *mc_network_create(struct mc_model *m, const char *name, const struct mc_project *project,
				     struct dr_wall now)
{
	struct mc_network *n = calloc(1, sizeof(*n));

	if (!n || !(n->name = strdup(name))) {
		free(n);
		return NULL;
	}
	mc_new_uuid(m, n->id);
	n->project = project;
	n->created = now;
	TAILQ_INSERT_TAIL(&m->networks, n, entry);
	return n;
}

struct mc_network *mc_network_next(const struct mc_model *m, const struct mc_network *after,
				   const struct mc_project *project)
{
	struct mc_network *n = after ? TAILQ_NEXT(after, entry) : TAILQ_FIRST(&m->networks);

	while (n && (n->deleted || (project && n->project != project)))
		n = TAILQ_NEXT(n, entry);
	return n;
}

struct mc_network *mc_network_find(const struct mc_model *m, const char *id)
{
	struct mc_network *n = NULL;

	while (id && (n = mc_network_next(m, n, NULL)) && strcmp(n->id, id))
		;
	return n;
}

struct mc_network *mc_network_by_subnet(const struct mc_model *m, const char *subnet_id)
{
	struct mc_network *n = NULL;

	while (subnet_id && (n = mc_network_next(m, n, NULL)) &&
	       (!n->prefix || strcmp(n->subnet_id, subnet_id)))
		;
	return n;
}

int mc_subnet_create(struct mc_model *m, struct mc_network *n, const char *name, uint32_t base,
		     unsigned prefix)
{
	if (n->prefix)
		return -EEXIST;
	n->used = calloc(1u << (32 - prefix), 1);
	n->subnet_name = strdup(name);
	if (!n->used || !n->subnet_name) {
		free(n->used);
		free(n->subnet_name);
		n->used = NULL;
		n->subnet_name = NULL;
		return -ENOMEM;
	}
	mc_new_uuid(m, n->subnet_id);
	n->base = base;
	n->prefix = prefix;
	n->next = 2; /* after the network itself and the gateway */
	return 0;
}

void mc_networks_done(struct mc_model *m)
{
	for (struct mc_network *n; (n = m->networks.tqh_first);) {
		TAILQ_REMOVE(&m->networks, n, entry);
		free(n->name);
		free(n->subnet_name);
		free(n->used);
		free(n);
	}
}

/* ---- ports ---- */

/* 0: none is left. */
static uint32_t take_address(struct mc_network *net)
{
	uint32_t size = net->prefix ? 1u << (32 - net->prefix) : 0;

	for (uint32_t tries = 2; tries + 1 < size; tries++) {
		uint32_t n = net->next++;

		if (net->next >= size - 1)
			net->next = 2;
		if (!net->used[n]) {
			net->used[n] = 1;
			return net->base + n;
		}
	}
	return 0;
}

static void new_mac(struct mc_model *m, uint8_t mac[6])
{
	static const uint8_t neutron[] = { 0xfa, 0x16, 0x3e }; /* the prefix that Neutron uses */
	uint64_t r = mc_random(m);

	memcpy(mac, neutron, 3);
	memcpy(mac + 3, &r, 3);
}

struct mc_port *mc_port_create(struct mc_model *m, struct mc_server *s, struct dr_wall now)
{
	struct mc_network *n = s->network;
	struct mc_port *p = n->deleted ? NULL : calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	new_mac(m, p->mac);
	p->address = take_address(n);
	p->pairs = dr_json_array();
	mc_new_uuid(m, p->id);
	if (!p->address || !p->pairs || mc_index_add(&m->port_index, p->id, p)) {
		if (p->address)
			n->used[p->address - n->base] = 0;
		dr_json_free(p->pairs);
		free(p);
		return NULL;
	}
	p->number = ++m->port_number;
	p->network = n;
	n->ports++;
	p->server = s;
	p->project = s->project;
	p->created = p->updated = now;
	p->revision = 1;
	TAILQ_INSERT_TAIL(&m->ports, p, entry);
	return p;
}

void mc_port_free(struct mc_model *m, struct mc_port *p)
{
	struct mc_floating *f;

	if (!p)
		return;
	TAILQ_FOREACH(f, &m->floatings, entry)
	{
		if (f->port == p)
			f->port = NULL;
	}
	mc_index_remove(&m->port_index, p->id);
	p->network->used[p->address - p->network->base] = 0;
	p->network->ports--;
	TAILQ_REMOVE(&m->ports, p, entry);
	dr_json_free(p->pairs);
	free(p->name);
	free(p);
}
