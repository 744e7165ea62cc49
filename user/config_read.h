/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_CONFIG_READ_H
#define DOCTOR_USER_CONFIG_READ_H

/* What the files that read the configuration have in common (config.c, config_inspectors.c,
 * config_targets.c). */

#include "user/config.h"

/* What a target inherits where it says nothing itself. */
struct mon_timing {
	struct dr_dur interval;
	int64_t multiplier, rise;
};

struct mon_reader {
	struct dr_conf *conf;
	mon_ifindex_fn ifindex;
	struct mon_config *c;
	const char *interface;		   /* for all targets; NULL: none */
	struct dr_conf_node *interface_at; /* where that stands */
	bool interface_refused;		   /* once is enough, however many targets inherit it */
	int kind;			   /* for all targets: index in the names of kinds */
	struct mon_timing timing;
};

/* A word that is safe in a path, a log line and a metric label. */
void mon_read_name(struct mon_reader *r, struct dr_conf_node *map, const char *key, const char *fallback,
		   char *ret, size_t size);

/* fallback as for dr_conf_str() */
void mon_read_host(struct mon_reader *r, struct dr_conf_node *map, const char *fallback,
		   char ret[MON_HOST_MAX]);

/* An absolute path of at most max characters; *ret is NULL where absent and fallback NULL. -ENOMEM. */
int mon_read_path(struct mon_reader *r, struct dr_conf_node *map, const char *key, const char *fallback,
		  size_t max, char **ret) DR_MUST_USE;

/* Where and how events are delivered. -ENOMEM. */
int mon_read_inspectors(struct mon_reader *r, struct dr_conf_node *root) DR_MUST_USE;

/* What is watched: targets, links, discovery. -ENOMEM. */
int mon_read_watched(struct mon_reader *r, struct dr_conf_node *root) DR_MUST_USE;

enum mon_twin {
	MON_NO_TWIN,
	MON_TWIN_PLANE,	 /* the same host and plane */
	MON_TWIN_ADDRESS /* the same interface, kind and address */
};

/* Enters c->targets[i] in c->twins, which is made when there is none, if no target there is its twin; else
 * *ret_of is that one. -ENOMEM. */
int mon_config_enter(struct mon_config *c, uint32_t i, enum mon_twin *ret, uint32_t *ret_of) DR_MUST_USE;

#endif
