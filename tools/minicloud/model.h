/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_MODEL_H
#define MC_MODEL_H

/*
 * What the cloud consists of, in memory: who may do what, compute hosts and their services, servers,
 * images, the network and its ports. No socket, no clock, no log: times are given, ids come from a
 * seeded generator, so that a test can replay everything. Alarms: alarm.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "doctor/clock.h"
#include "doctor/json.h"
#include "doctor/mem.h"
#include "tools/minicloud/alarm.h"
#include "tools/minicloud/index.h"

#define MC_UUID_SIZE 37 /* with dashes and the NUL */
#define MC_HEX_SIZE 33	/* Keystone's form, without dashes */
#define MC_TOKEN_SIZE 184
#define MC_NAME_MAX 255 /* bytes of a server's or image's name, as Nova and Glance have it */
#define MC_HOSTS_MAX 10000
#define MC_VMS_PER_HOST_MAX 1000

/* ---- who ---- */

enum mc_role { /* a higher role implies the lower ones, as keystone-manage bootstrap sets it up */
	MC_ROLE_NONE,
	MC_ROLE_READER,
	MC_ROLE_MEMBER,
	MC_ROLE_ADMIN,
	MC_ROLE_COUNT,
};

#define MC_SERVICE_COUNT 5 /* in the catalogue */
#define MC_INTERFACE_COUNT 3

struct mc_catalogue_ids {
	char service[MC_HEX_SIZE], endpoint[MC_INTERFACE_COUNT][MC_HEX_SIZE];
};

/* What others point to (projects, users, flavors, networks) stays in memory when it is deleted. */

struct mc_quota { /* -1: as many as one likes */
	int64_t instances, cores, ram_mb, ports;
};

struct mc_project {
	TAILQ_ENTRY(mc_project) entry; /* oldest first */
	char id[MC_HEX_SIZE];
	char *name, *description;
	struct mc_quota quota;
	bool deleted;
};

struct mc_grant {
	const struct mc_project *project;
	enum mc_role role; /* the highest */
};

struct mc_user {
	TAILQ_ENTRY(mc_user) entry; /* oldest first */
	char id[MC_HEX_SIZE];
	char *name, *password, *description;
	struct mc_grant *grants;
	size_t grant_count;
	bool deleted;
};

struct mc_token {
	TAILQ_ENTRY(mc_token) entry; /* oldest first */
	char id[MC_TOKEN_SIZE];
	char audit_id[23];
	const struct mc_user *user;
	const struct mc_project *project; /* the model's `nowhere` if unscoped, never NULL */
	enum mc_role role;		  /* MC_ROLE_NONE if unscoped */
	struct dr_wall issued, expires;
};

/* ---- compute ---- */

struct mc_service {
	char uuid[MC_UUID_SIZE];
	unsigned id; /* the number that microversions before 2.53 show */
	const char *binary, *zone;
	char *host;
	bool disabled, forced_down;
	bool silent;	       /* it has not reported for too long */
	char *disabled_reason; /* NULL: none */
	struct dr_wall changed;
};

TAILQ_HEAD(mc_servers, mc_server);

struct mc_host { /* a compute host: its service and its one hypervisor */
	struct mc_service service;
	char hypervisor_uuid[MC_UUID_SIZE];
	struct mc_servers servers; /* oldest first */
	unsigned server_count;
	bool evacuated; /* servers were, and its nova-compute has not cleaned up since */
};

struct mc_aggregate {
	TAILQ_ENTRY(mc_aggregate) entry; /* oldest first */
	unsigned id;
	char uuid[MC_UUID_SIZE];
	char *name;
	char *zone; /* the availability zone that it makes; NULL: none */
	struct mc_host **hosts;
	size_t host_count;
	struct dr_wall created;
};

struct mc_flavor {
	TAILQ_ENTRY(mc_flavor) entry; /* by id, as Nova lists them */
	char id[MC_NAME_MAX + 1];
	char *name;
	unsigned vcpus, ram_mb, disk_gb;
	bool deleted;
};

struct mc_group {		     /* of servers */
	TAILQ_ENTRY(mc_group) entry; /* oldest first */
	char id[MC_UUID_SIZE];
	char *name;
	char policy[20];
	const struct mc_project *project;
	const struct mc_user *user;
};

enum mc_vm_state {
	MC_VM_BUILDING,
	MC_VM_ACTIVE,
	MC_VM_ERROR,
};

enum mc_task_state {
	MC_TASK_NONE,
	MC_TASK_SCHEDULING,
	MC_TASK_SPAWNING,
	MC_TASK_DELETING,
};

struct mc_fault {
	unsigned code; /* 0: none */
	const char *message;
	struct dr_wall created;
};

struct mc_server {
	TAILQ_ENTRY(mc_server) entry;	   /* in mc_model.servers, oldest first */
	TAILQ_ENTRY(mc_server) host_entry; /* in host->servers if host is set */
	char id[MC_UUID_SIZE];
	char reservation_id[11]; /* "r-" and eight */
	uint64_t number;	 /* grows with each one; instance-%08x */
	char *name;
	char *description;    /* NULL: none */
	char *requested_host; /* NULL: any */
	const struct mc_project *project;
	const struct mc_user *user;
	const struct mc_flavor *flavor;
	char image_id[MC_UUID_SIZE];
	struct mc_network *network; /* gets a port there when it is built; NULL: none */
	bool halted;		    /* its hypervisor says that it does not run, whatever vm_state is */
	struct dr_json *metadata;
	struct mc_host *host;		/* NULL until it is scheduled */
	struct mc_port *port;		/* NULL: none */
	struct mc_port *requested_port; /* it gets this one; NULL: a new one, if any */
	struct mc_group *group;		/* NULL: none */
	struct dr_json *tags;		/* an array of texts */
	enum mc_vm_state vm_state;
	enum mc_task_state task_state;
	struct mc_fault fault;
	struct dr_wall created, updated, launched; /* launched.ns 0: never */
};

/* ---- network, images ---- */

struct mc_network {		       /* and its one subnet, if it has any */
	TAILQ_ENTRY(mc_network) entry; /* oldest first */
	char id[MC_UUID_SIZE], subnet_id[MC_UUID_SIZE];
	char *name, *subnet_name;
	const struct mc_project *project;
	uint32_t base;	 /* of the subnet, host byte order */
	unsigned prefix; /* 0: there is no subnet */
	uint8_t *used;	 /* one byte for each address of the subnet */
	uint32_t next;	 /* to be tried */
	unsigned ports;	 /* of it */
	bool dhcp, deleted;
	struct dr_wall created;
};

struct mc_port {
	TAILQ_ENTRY(mc_port) entry; /* oldest first */
	char id[MC_UUID_SIZE];
	uint64_t number;
	uint32_t address; /* host byte order */
	uint8_t mac[6];
	struct mc_network *network;
	const struct mc_project *project;
	struct mc_server *server;  /* NULL: it is nobody's */
	bool preexisting;	   /* it stays when its server goes */
	struct dr_json *pairs;	   /* allowed address pairs, an array */
	char *name;		   /* NULL: "" */
	char data_plane_status[8]; /* "ACTIVE", "DOWN", "": not set */
	struct dr_wall created, updated;
	unsigned revision;
};

struct mc_floating { /* a floating address, of an external network that is not shown otherwise */
	TAILQ_ENTRY(mc_floating) entry; /* oldest first */
	char id[MC_UUID_SIZE];
	uint32_t address; /* host byte order */
	const struct mc_project *project;
	struct mc_port *port; /* NULL: it leads nowhere */
	struct dr_wall created, updated;
	unsigned revision;
};

enum mc_image_status {
	MC_IMAGE_QUEUED,
	MC_IMAGE_ACTIVE,
};

struct mc_image {
	TAILQ_ENTRY(mc_image) entry; /* oldest first */
	char id[MC_UUID_SIZE];
	char *name; /* NULL: none */
	const struct mc_project *project;
	enum mc_image_status status;
	char visibility[10]; /* "public", "private", "shared", "community" */
	char disk_format[12], container_format[12];
	uint64_t size;
	unsigned min_disk, min_ram;
	bool is_protected;
	struct dr_json *properties, *tags; /* an object of texts, an array of texts */
	struct dr_wall created, updated;
};

struct mc_model {
	uint32_t host_ip; /* of the first hypervisor; 0: 127.0.0.1 for all */
	uint64_t random[4];
	TAILQ_HEAD(mc_projects, mc_project) projects; /* admin, service, doctor, and those that were made */
	struct mc_project nowhere;		      /* owns nothing */
	TAILQ_HEAD(mc_users, mc_user) users;	      /* admin, doctor, and those that were made */
	char role_ids[MC_ROLE_COUNT][MC_HEX_SIZE];
	struct mc_catalogue_ids catalogue_ids[MC_SERVICE_COUNT];
	struct dr_dur token_ttl;
	TAILQ_HEAD(mc_tokens, mc_token) tokens;
	struct mc_index token_index;

	struct mc_service control[2]; /* scheduler and conductor */
	struct mc_host *hosts;
	size_t host_count;
	TAILQ_HEAD(mc_aggregates, mc_aggregate) aggregates;
	unsigned aggregate_number;
	struct mc_index host_index;		   /* by name */
	struct mc_index service_index;		   /* by UUID, compute services */
	struct mc_index hypervisor_index;	   /* by UUID */
	TAILQ_HEAD(mc_flavors, mc_flavor) flavors; /* m1.tiny, and those that were made */
	struct mc_servers servers;
	struct mc_index server_index;
	uint64_t server_number;
	size_t server_count;

	TAILQ_HEAD(mc_networks, mc_network) networks; /* doctor-net, and those that were made */
	TAILQ_HEAD(mc_ports, mc_port) ports;
	struct mc_index port_index;
	uint64_t port_number;
	TAILQ_HEAD(mc_floatings, mc_floating) floatings;
	char external_id[MC_UUID_SIZE]; /* of the external network */
	TAILQ_HEAD(mc_groups, mc_group) groups;

	TAILQ_HEAD(mc_images, mc_image) images;
	struct mc_index image_index;

	struct mc_alarms alarms;
	struct mc_index alarm_index;
};

struct mc_model_opts {
	uint64_t seed[4]; /* not all zero */
	unsigned hosts, vms_per_host;
	uint32_t host_ip; /* IPv4 of compute-1, the others follow; 0: 127.0.0.1 for all, as in the sandbox */
	struct dr_dur token_ttl;
};

/* The same cloud as the sandbox is. -EINVAL (a bound is exceeded, seed is zero), -ENOMEM. */
int mc_model_init(struct mc_model *m, const struct mc_model_opts *opts, struct dr_wall now) DR_MUST_USE;
void mc_model_done(struct mc_model *m); /* also of a zero-initialised one */

uint64_t mc_random(struct mc_model *m);
void mc_new_uuid(struct mc_model *m, char out[MC_UUID_SIZE]); /* version 4, RFC 4122 */
void mc_new_hex(struct mc_model *m, char out[MC_HEX_SIZE]);   /* the same without dashes */
bool mc_is_uuid(const char *text);			      /* the form with dashes, any case */

/* ---- who ---- */

struct mc_project *mc_project_find(const struct mc_model *m, const char *id_or_name);
struct mc_user *mc_user_by_id(const struct mc_model *m, const char *id);
struct mc_user *mc_user_by_name(const struct mc_model *m, const char *name);
/* No two of one name: the caller looks before. NULL: out of memory. The model owns it. */
struct mc_project *mc_project_create(struct mc_model *m, const char *name, const char *description);
void mc_project_delete(struct mc_model *m, struct mc_project *p); /* its tokens go; what it owns stays */
struct mc_user *mc_user_create(struct mc_model *m, const char *name, const char *password,
			       const char *description);		       /* as above */
int mc_user_set_password(struct mc_user *u, const char *password) DR_MUST_USE; /* -ENOMEM */
void mc_user_delete(struct mc_model *m, struct mc_user *u);		       /* and his tokens */
int mc_user_grant(struct mc_user *u, const struct mc_project *p, enum mc_role role) DR_MUST_USE; /* -ENOMEM */
void mc_identity_done(struct mc_model *m);
enum mc_role mc_role_of(const struct mc_user *u, const struct mc_project *p);
const char *mc_role_name(enum mc_role role);

/* Forgets expired ones on the way. NULL: out of memory. project may be NULL. The model owns it. */
struct mc_token *mc_token_issue(struct mc_model *m, const struct mc_user *u, const struct mc_project *p,
				struct dr_wall now);
/* NULL: unknown or expired. */
struct mc_token *mc_token_find(struct mc_model *m, const char *id, struct dr_wall now);
void mc_token_revoke(struct mc_model *m, struct mc_token *t);
void mc_tokens_expire(struct mc_model *m); /* all of them, now */

/* ---- compute ---- */

enum mc_host_status { /* in the order in which Nova asks; "" before a server has a host */
	MC_HOST_STATUS_NONE,
	MC_HOST_STATUS_DOWN,
	MC_HOST_STATUS_MAINTENANCE,
	MC_HOST_STATUS_UP,
};

struct mc_host *mc_host_by_name(const struct mc_model *m, const char *name);
struct mc_host *mc_host_by_service(const struct mc_model *m, const char *service_uuid);
struct mc_host *mc_host_by_hypervisor(const struct mc_model *m, const char *hypervisor_uuid);
enum mc_host_status mc_host_status(const struct mc_host *h); /* h NULL: none */
const char *mc_host_status_name(enum mc_host_status s);
/* reason NULL: none. -ENOMEM leaves everything as it was. */
int mc_service_set_disabled(struct mc_service *s, bool disabled, const char *reason,
			    struct dr_wall now) DR_MUST_USE;
void mc_service_set_forced_down(struct mc_service *s, bool forced_down, struct dr_wall now);

/* No two of one name or id: the caller looks before. NULL: out of memory. The model owns it. */
struct mc_flavor *mc_flavor_create(struct mc_model *m, const char *id, const char *name);
struct mc_flavor *mc_flavor_find(const struct mc_model *m, const char *id);
struct mc_flavor *mc_flavor_by_name(const struct mc_model *m, const char *name);
/* The next that is not deleted (NULL: the first). */
struct mc_flavor *mc_flavor_next(const struct mc_model *m, const struct mc_flavor *after);
void mc_flavors_done(struct mc_model *m);

/* What the servers of a project take. */
void mc_quota_used(const struct mc_model *m, const struct mc_project *p, struct mc_quota *ret);

/* No two of one name: the caller looks before. NULL: out of memory. The model owns it. */
struct mc_aggregate *mc_aggregate_create(struct mc_model *m, const char *name, const char *zone,
					 struct dr_wall now);
void mc_aggregate_delete(struct mc_model *m, struct mc_aggregate *a);
struct mc_aggregate *mc_aggregate_find(const struct mc_model *m, unsigned id);
struct mc_aggregate *mc_aggregate_by_name(const struct mc_model *m, const char *name);
/* -EEXIST: it is in there; -EBUSY: it is in another zone; -ENOMEM. */
int mc_aggregate_add_host(const struct mc_model *m, struct mc_aggregate *a, struct mc_host *h) DR_MUST_USE;
bool mc_aggregate_remove_host(struct mc_aggregate *a,
			      const struct mc_host *h); /* false: it is not in there */
const char *mc_host_zone(const struct mc_model *m,
			 const struct mc_host *h); /* "nova" if no aggregate has one */

struct mc_boot {
	const char *name, *description, *requested_host; /* the latter two may be NULL */
	const struct mc_project *project;
	const struct mc_user *user;
	const struct mc_image *image;
	const struct mc_flavor *flavor; /* NULL: the first */
	bool networked;
	struct mc_network *network;	/* NULL: the first, if it is to be networked */
	struct mc_port *port;		/* instead of a new one; NULL */
	struct mc_group *group;		/* NULL: none */
	const struct dr_json *metadata; /* copied; NULL: none */
	const struct dr_json *tags;	/* copied; NULL: none */
};

/* A server that is BUILDING and SCHEDULING. NULL: out of memory. */
struct mc_server *mc_server_create(struct mc_model *m, const struct mc_boot *boot, struct dr_wall now);

/*
 * The next step of its life: scheduled onto a host that is up, enabled and not forced down, the one with
 * the fewest servers (no such host: ERROR with a fault); spawned: ACTIVE, with its port; being deleted:
 * freed.
 */
enum mc_step {
	MC_STEP_DONE,  /* nothing to come */
	MC_STEP_AGAIN, /* the next step after a while */
	MC_STEP_GONE,  /* freed */
};
enum mc_step mc_server_step(struct mc_model *m, struct mc_server *s, struct dr_wall now);

struct mc_server *mc_server_find(const struct mc_model *m, const char *id);
bool mc_server_runs(const struct mc_server *s); /* as its hypervisor says */
void mc_server_reset_state(struct mc_server *s, enum mc_vm_state state, struct dr_wall now);
void mc_server_mark_deleting(struct mc_server *s, struct dr_wall now);
const char *mc_server_status(const struct mc_server *s); /* "BUILD", "ACTIVE", "ERROR" */
const char *mc_vm_state_name(enum mc_vm_state state);
const char *mc_task_state_name(enum mc_task_state state); /* NULL for none */

/*
 * The newest server that is older than `after` (NULL: the newest), of host (NULL: any), of project (NULL:
 * any): walks a list newest first, in pages.
 */
struct mc_server *mc_server_next(const struct mc_model *m, const struct mc_server *after,
				 const struct mc_host *host, const struct mc_project *project);

/* ---- network, images ---- */

/* One without a subnet. NULL: out of memory. The model owns it. */
struct mc_network *mc_network_create(struct mc_model *m, const char *name, const struct mc_project *project,
				     struct dr_wall now);
struct mc_network *mc_network_find(const struct mc_model *m, const char *id);
struct mc_network *mc_network_by_subnet(const struct mc_model *m, const char *subnet_id);
/* The next that is not deleted (NULL: the first) of project (NULL: any). */
struct mc_network *mc_network_next(const struct mc_model *m, const struct mc_network *after,
				   const struct mc_project *project);
/* base: host byte order; prefix 8 to 30. -EEXIST: it has one; -ENOMEM. */
int mc_subnet_create(struct mc_model *m, struct mc_network *n, const char *name, uint32_t base,
		     unsigned prefix) DR_MUST_USE;
void mc_networks_done(struct mc_model *m);

/* For a server, on its network. NULL: no memory, no address, or the network is gone. */
struct mc_port *mc_port_create(struct mc_model *m, struct mc_server *s, struct dr_wall now);
struct mc_port *mc_port_find(const struct mc_model *m, const char *id);
void mc_port_free(struct mc_model *m, struct mc_port *p); /* of no server; NULL-safe */
/* The port is nobody's any more. */
void mc_port_release(struct mc_port *p);

/* One that leads nowhere yet. NULL: out of memory. The model owns it. */
struct mc_floating *mc_floating_create(struct mc_model *m, const struct mc_project *project,
				       struct dr_wall now);
struct mc_floating *mc_floating_find(const struct mc_model *m, const char *id);

struct mc_group *mc_group_create(struct mc_model *m, const char *name, const char *policy,
				 const struct mc_project *project, const struct mc_user *user);
struct mc_group *mc_group_find(const struct mc_model *m, const char *id);
void mc_group_delete(struct mc_model *m, struct mc_group *g); /* its servers are in none then */

/* After a change: another revision. */
void mc_port_touch(struct mc_port *p, struct dr_wall now);
/* The next port after this one (NULL: the first) of project (NULL: any). */
struct mc_port *mc_port_next(const struct mc_model *m, const struct mc_port *after,
			     const struct mc_project *project);
char *mc_ip_format(uint32_t address, char out[16]);
char *mc_mac_format(const uint8_t mac[6], char out[18]);

struct mc_image *mc_image_create(struct mc_model *m, const char *name, const struct mc_project *project,
				 struct dr_wall now); /* NULL: out of memory; name may be NULL */
struct mc_image *mc_image_find(const struct mc_model *m, const char *id);
void mc_image_delete(struct mc_model *m, struct mc_image *image);
bool mc_image_visible(const struct mc_image *image, const struct mc_project *project, bool is_admin);

#endif
