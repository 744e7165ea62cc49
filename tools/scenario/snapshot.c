/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/snapshot.h"

#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"

int sc_snapshot_take(struct sc_cloud *c, struct sc_snapshot *ret, char **ret_error)
{
	struct sc_snapshot s = { .computes = calloc(SC_COMPUTES_MAX, sizeof(*s.computes)) };
	int n = s.computes ? sc_cloud_computes(c, s.computes, ret_error) : -ENOMEM, r = n < 0 ? n : 0;

	s.ncomputes = n < 0 ? 0 : (size_t)n;
	if (r == 0)
		r = sc_cloud_servers(c, SC_ADMIN, &s.servers, &s.nservers, ret_error);
	if (r == 0)
		r = sc_cloud_ports(c, &s.ports, &s.nports, ret_error);
	if (r == 0)
		*ret = s;
	else
		sc_snapshot_done(&s);
	return r;
}

void sc_snapshot_done(struct sc_snapshot *s)
{
	free(s->computes);
	free(s->servers);
	free(s->ports);
	*s = (struct sc_snapshot){ 0 };
}

static bool server_allowed(const struct sc_allowed *a, const char *id)
{
	for (size_t i = 0; i < a->nservers; i++)
		if (strcmp(a->servers[i], id) == 0)
			return true;
	return false;
}

struct teller {
	sc_differs_fn fn;
	void *userdata;
	size_t n;
};

static void tell(struct teller *t, const char *fmt, ...) DR_PRINTF(2, 3);
static void tell(struct teller *t, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	t->n++;
	if (t->fn)
		t->fn(text, t->userdata);
}

static const char *compute_state(const struct sc_compute *c)
{
	return c->forced_down ? "forced down" : !c->enabled ? "disabled" : "not forced down";
}

static void compare_computes(const struct sc_snapshot *before, const struct sc_snapshot *after,
			     const struct sc_allowed *allowed, struct teller *t)
{
	for (size_t i = 0; i < before->ncomputes; i++) {
		const struct sc_compute *b = &before->computes[i];

		for (size_t k = 0; k < after->ncomputes; k++) {
			const struct sc_compute *a = &after->computes[k];

			if (strcmp(a->host, b->host) != 0 ||
			    (allowed->host && strcmp(a->host, allowed->host) == 0) ||
			    (a->forced_down == b->forced_down && a->enabled == b->enabled))
				continue;
			tell(t, "host %s was %s and is %s in Nova", a->host, compute_state(b),
			     compute_state(a));
		}
	}
}

static const struct sc_server *find_server(const struct sc_snapshot *s, const char *id)
{
	for (size_t i = 0; i < s->nservers; i++)
		if (strcmp(s->servers[i].id, id) == 0)
			return &s->servers[i];
	return NULL;
}

static void compare_servers(const struct sc_snapshot *before, const struct sc_snapshot *after,
			    const struct sc_allowed *allowed, struct teller *t)
{
	for (size_t i = 0; i < after->nservers; i++) {
		const struct sc_server *a = &after->servers[i], *b = find_server(before, a->id);

		if (server_allowed(allowed, a->id))
			continue;
		if (!b) {
			if (!allowed->booted && strncmp(a->name, SC_PREFIX, strlen(SC_PREFIX)) == 0)
				tell(t, "VM %s (%s) was booted", a->id, a->name);
			continue;
		}
		if ((strcmp(a->status, "ERROR") == 0) != (strcmp(b->status, "ERROR") == 0))
			tell(t, "VM %s on %s was %s and is %s", a->id, a->host, b->status, a->status);
	}
}

/* What was not said counts as ACTIVE: it is what Neutron's users take it for, and what an inspector sets
 * back. */
static bool same_status(const char *a, const char *b)
{
	return (strcmp(a, "DOWN") == 0) == (strcmp(b, "DOWN") == 0);
}

static void compare_ports(const struct sc_snapshot *before, const struct sc_snapshot *after,
			  const struct sc_allowed *allowed, struct teller *t)
{
	for (size_t i = 0; i < before->nports; i++) {
		const struct sc_port *b = &before->ports[i];

		if (server_allowed(allowed, b->device) ||
		    (allowed->ports_of && strcmp(b->host, allowed->ports_of) == 0))
			continue;
		for (size_t k = 0; k < after->nports; k++) {
			const struct sc_port *a = &after->ports[k];

			if (strcmp(a->id, b->id) == 0 &&
			    !same_status(a->data_plane_status, b->data_plane_status))
				tell(t,
				     "port %s on %s, of \"%s\", had data_plane_status \"%s\" and has \"%s\"",
				     a->id, b->host, a->device, b->data_plane_status, a->data_plane_status);
		}
	}
}

size_t sc_snapshot_compare(const struct sc_snapshot *before, const struct sc_snapshot *after,
			   const struct sc_allowed *allowed, sc_differs_fn fn, void *userdata)
{
	struct teller t = { .fn = fn, .userdata = userdata };

	compare_computes(before, after, allowed, &t);
	compare_servers(before, after, allowed, &t);
	compare_ports(before, after, allowed, &t);
	return t.n;
}

size_t sc_snapshot_ports(const struct sc_snapshot *s, const char *server, const char *status,
			 size_t *ret_such)
{
	size_t n = 0, such = 0;

	for (size_t i = 0; i < s->nports; i++) {
		if (strcmp(s->ports[i].device, server) != 0)
			continue;
		n++;
		such += strcmp(s->ports[i].data_plane_status, status) == 0;
	}
	*ret_such = such;
	return n;
}
