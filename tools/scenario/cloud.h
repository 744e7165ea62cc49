/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_CLOUD_H
#define SCENARIO_CLOUD_H

/*
 * What the scenario asks of an OpenStack: as its administrator and as the owner of the VMs. All calls wait
 * for their answer. On failure (negative) *ret_error is a text for people that the caller frees. Who they
 * are, and how the owner is made: owner.h.
 */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/cloud/nova.h"
#include "doctor/mem.h"

#define SC_PREFIX "doctor-test-" /* of the names of all that we make there */

enum sc_role {
	SC_ADMIN,
	SC_OWNER,
	SC_BOOTER, /* the administrator in the owner's project, where that is ours: he may choose a VM's host
		    */
	SC_ROLES
};

struct sc_cloud;

struct sc_compute {
	char id[64]; /* of the service */
	char host[256];
	bool up, enabled, forced_down;
};

struct sc_server {
	char id[64];
	char name[256];
	char status[32];
	char host[256];	      /* "" where policy hides it */
	char host_status[32]; /* the same */
	char fault[256];
};

#define SC_COMPUTES_MAX 64

/* As administrator only, for now. conf is copied. */
int sc_cloud_open(const struct dr_cloud_conf *admin, struct sc_cloud **ret, char **ret_error) DR_MUST_USE;
/* Another account, in the place of the one that had this role. */
int sc_cloud_log_in(struct sc_cloud *c, enum sc_role as, const struct dr_cloud_conf *conf,
		    char **ret_error) DR_MUST_USE;
bool sc_cloud_has(const struct sc_cloud *c, enum sc_role as);
/* Both, by the entries `admin` and `doctor` of the clouds.yaml that dr_cloud_conf_load() finds. */
int sc_cloud_open_entries(struct sc_cloud **ret, char **ret_error) DR_MUST_USE;
void sc_cloud_free(struct sc_cloud *c);
DR_DEFINE_FREEP(struct sc_cloud, sc_cloud_free)

/* The nova-compute services, sorted by host. How many (at most SC_COMPUTES_MAX), or negative. */
int sc_cloud_computes(struct sc_cloud *c, struct sc_compute ret[SC_COMPUTES_MAX],
		      char **ret_error) DR_MUST_USE;
int sc_cloud_force_down(struct sc_cloud *c, const struct sc_compute *compute, bool down,
			char **ret_error) DR_MUST_USE;

/*
 * Of what a VM is booted: image tiny, flavor m1.tiny, network doctor-net; where there is none of that name,
 * the smallest active image, the flavor with the least memory that the image fits in, the first network with
 * a subnet that is not an external one.
 */
struct sc_parts {
	char image[64], flavor[64], network[64];
	unsigned vcpus, ram_mb;		/* of the flavor */
	bool made_flavor, made_network; /* they were not there */
};
/*
 * image: the id of one that is to be used, NULL: none. prefix: flavor and network that are missing are made,
 * with a name that begins so; NULL: they are an error.
 */
int sc_cloud_parts(struct sc_cloud *c, const char *image, const char *prefix, struct sc_parts *ret,
		   char **ret_error) DR_MUST_USE;
/* Deletes the owner's networks, or the flavors, whose names begin with prefix; waits while ports are in use.
 */
int sc_cloud_delete_networks(struct sc_cloud *c, const char *prefix, char **ret_error) DR_MUST_USE;
int sc_cloud_delete_flavors(struct sc_cloud *c, const char *prefix, char **ret_error) DR_MUST_USE;

/*
 * Uploads a file, raw or qcow2 as it begins, as the owner's private image of this name, and waits until it is
 * active.
 */
int sc_cloud_upload(struct sc_cloud *c, const char *file, const char *name, char ret_id[64],
		    char **ret_error) DR_MUST_USE;
/* Deletes the owner's images whose names begin with prefix. */
int sc_cloud_delete_images(struct sc_cloud *c, const char *prefix, char **ret_error) DR_MUST_USE;

/* How many more servers the owner may have; INT_MAX: as many as he likes. Negative: an error. */
int sc_cloud_room(struct sc_cloud *c, char **ret_error) DR_MUST_USE;

/* In the owner's project. */
int sc_cloud_boot(struct sc_cloud *c, const struct sc_parts *parts, const char *name, const char *host,
		  char ret_id[64], char **ret_error) DR_MUST_USE;

/* 0, or 1: there is no such server. */
int sc_cloud_server(struct sc_cloud *c, enum sc_role as, const char *id, struct sc_server *ret,
		    char **ret_error) DR_MUST_USE;

/* All servers of the owner's project; as administrator, of all projects. The caller frees *ret. */
int sc_cloud_servers(struct sc_cloud *c, enum sc_role as, struct sc_server **ret, size_t *ret_count,
		     char **ret_error) DR_MUST_USE;

struct sc_port {
	char id[64];
	char device[64]; /* the server's id, or "" */
	char host[256];
	char data_plane_status[16]; /* "" if it has none */
};
/* All ports of all projects; the caller frees *ret. */
int sc_cloud_ports(struct sc_cloud *c, struct sc_port **ret, size_t *ret_count, char **ret_error) DR_MUST_USE;

/* Whether a host carries servers of any project: 1, 0 or negative. */
int sc_cloud_is_used(struct sc_cloud *c, const char *host, char **ret_error) DR_MUST_USE;

/* 0, also when there is none. */
int sc_cloud_delete_server(struct sc_cloud *c, const char *id, char **ret_error) DR_MUST_USE;

struct sc_alarm {
	char id[64];
	char instance[64]; /* that it is about, or "" */
	char state[32];
};
/* The owner's alarms; the caller frees *ret. */
int sc_cloud_alarms(struct sc_cloud *c, struct sc_alarm **ret, size_t *ret_count,
		    char **ret_error) DR_MUST_USE;
int sc_cloud_delete_alarm(struct sc_cloud *c, const char *id, char **ret_error) DR_MUST_USE;

#endif
