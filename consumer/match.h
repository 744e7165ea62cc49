/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_MATCH_H
#define DOCTOR_CONSUMER_MATCH_H

/* Which of the owner's servers are meant, by what Nova tells of them. Pure. */

#include "doctor/conf.h"
#include "doctor/json.h"

struct con_pair {
	char *key, *value;
};

/* All that is there must fit; nothing is there: every server fits. */
struct con_match {
	char *name;		   /* pattern as of the shell, fnmatch(3) */
	struct con_pair *metadata; /* each key with exactly this value */
	size_t metadata_count;
	char **tags; /* each of them (2.26) */
	size_t tag_count;
};

void con_match_done(struct con_match *m);

/* The keys name, metadata and tags of map. Complaints gather in f; -ENOMEM. */
int con_match_read(struct dr_conf *f, struct dr_conf_node *map, struct con_match *ret) DR_MUST_USE;

bool con_match_empty(const struct con_match *m);

/* server: an item of Nova's body["servers"], with detail. */
bool con_match_fits(const struct con_match *m, const struct dr_json *server);

#endif
