/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FAKE_NOVA_H
#define DOCTOR_TESTS_FAKE_NOVA_H

/*
 * A Keystone, a Nova and, if a test wants it, a Neutron for tests of the inspector, on the test's own loop:
 * computes, servers, ports, and answers that can be bent per request (a status, silence, holding back). It
 * writes down what it is asked.
 */

#include <limits.h>

#include "doctor/cloud/cloud.h"
#include "doctor/http_server.h"

#define FAKE_MAX 64

struct fake_host {
	char name[64], id[40];
	bool forced_down, disabled;
	const char *disabled_reason;  /* NULL: none is given */
	const char *zone, *aggregate; /* NULL: none */
	bool evacuated;		      /* it is not released from forced_down */
	bool silent;		      /* Nova does not hear it */
};

struct fake_vm {
	char id[40], host[64];
	bool error, deleted;
	bool stopped;	  /* the hypervisor does not run it: no diagnostics */
	unsigned resets;  /* accepted ones, to error */
	unsigned actives; /* to active */
};

struct fake_port {
	char id[40], host[64];
	char status[16]; /* data_plane_status; "": null */
};

/* The first rule that fits a request and has count left decides. */
struct fake_rule {
	const char *method, *path; /* path: a part of it, query included */
	unsigned status;	   /* 0: no answer before fake_release() */
	unsigned count;		   /* requests that it is for; UINT_MAX: all */
};

struct fake {
	struct dr_loop *loop;
	struct dr_http_server *server;
	struct fake_host hosts[FAKE_MAX];
	struct fake_vm vms[FAKE_MAX];
	struct fake_rule rules[FAKE_MAX];
	struct fake_port ports[FAKE_MAX];
	size_t host_count, vm_count, rule_count, port_count;

	const char *max_version; /* "2.93" */
	unsigned page;		 /* servers per page; 0: all */
	unsigned port_page;	 /* ports per page; 0: all */
	bool endless;		 /* a page links to itself */
	bool hide_hosts;	 /* policy neither shows where servers (and ports) are nor filters by it */
	bool network;		 /* there is a Neutron */
	bool no_data_plane;	 /* which does not have the extension */

	struct dr_http_exchange *held[FAKE_MAX];
	size_t held_count;

	char asked[512][160]; /* "PUT /os-services/1 {...}", in order */
	char ids[512][64];    /* their X-OpenStack-Request-ID */
	size_t asked_count;
};

int fake_new(struct dr_loop *l, struct fake **ret);
void fake_free(struct fake *f);
void fake_conf(const struct fake *f, struct dr_cloud_conf *ret); /* credentials for it */

struct fake_host *fake_add_host(struct fake *f, const char *name, const char *id);
struct fake_vm *fake_add_vm(struct fake *f, const char *id, const char *host);
struct fake_port *fake_add_port(struct fake *f, const char *id, const char *host, const char *status);
void fake_rule(struct fake *f, const char *method, const char *path, unsigned status, unsigned count);
void fake_rules_clear(struct fake *f);

/* Answers the oldest held request as if no rule had been there; false: none is held. */
bool fake_release(struct fake *f);
bool fake_release_last(struct fake *f); /* the same of the latest */

/* How many requests begin with this ("PUT /os-services"), and the place of the first; -1: none. */
size_t fake_count(const struct fake *f, const char *prefix);
int fake_first(const struct fake *f, const char *prefix);

#endif
