/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_PLAN_H
#define DOCTOR_CONSUMER_PLAN_H

/* What is done when a server is lost: the default, or a plan of its own. Pure. */

#include "consumer/match.h"
#include "consumer/recovery.h"

#define CON_UUID_LEN 36
#define CON_STANDBYS_MAX 16
#define CON_PLANS_MAX 1000

enum con_recovery_kind {
	CON_RECOVERY_RECREATE,	 /* boot a replacement */
	CON_RECOVERY_SWITCHOVER, /* a standby takes its addresses over */
	CON_RECOVERY_EXEC,	 /* run a program */
	CON_RECOVERY_NONE,	 /* alarms are received and logged */
};

const char *con_recovery_kind_name(enum con_recovery_kind kind);

/* Ids of servers. */
struct con_ids {
	char (*ids)[CON_UUID_LEN + 1];
	size_t count;
};

bool con_ids_have(const struct con_ids *list, const char *id);

struct con_plan {
	/* whom it is for; of the default neither is there */
	struct con_ids servers;
	struct con_match match;

	enum con_recovery_kind kind;
	struct con_recovery_conf retry; /* boots; or switchovers and runs, of which boot_* and settle say
					   nothing */

	/* recreate */
	bool keep_addresses; /* the lost server's ports, and with them all that they have */
	bool delete_lost;    /* once the replacement is ACTIVE */

	/* switchover */
	struct con_ids standbys;
	bool floating;	  /* its floating addresses */
	char **addresses; /* of allowed address pairs, as Neutron writes them */
	size_t address_count;
	bool back; /* when the fault is cleared */

	/* exec */
	char **command; /* ends with NULL; NULL: none */
	struct dr_dur time_limit;
};

void con_plan_done(struct con_plan *p);

/* "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", hexadecimal, lower case as Nova writes it. */
bool con_is_uuid(const char *text);

/* A list of ids in map, of at most max. Complaints gather in f; -ENOMEM. */
int con_ids_read(struct dr_conf *f, struct dr_conf_node *map, const char *key, size_t max,
		 struct con_ids *ret) DR_MUST_USE;

/*
 * The keys of a plan in map, but servers and match; what is absent is as in like. boot_late is what like has.
 * Complaints gather in f; -ENOMEM.
 */
int con_plan_read(struct dr_conf *f, struct dr_conf_node *map, const struct con_plan *like,
		  struct con_plan *ret) DR_MUST_USE;

/* The default, from the top of the file, where only what has a default of its own may be absent. */
int con_plan_read_default(struct dr_conf *f, struct dr_conf_node *root, struct dr_dur timeout,
			  struct con_plan *ret) DR_MUST_USE;

/* Each with whom it is for; the list "plans". *ret has *ret_count of them, also after -ENOMEM. */
int con_plans_read(struct dr_conf *f, struct dr_conf_node *root, const struct con_plan *like,
		   struct con_plan **ret, size_t *ret_count) DR_MUST_USE;

/* Is this plan this server's? row: as Nova lists it; NULL: not known, then only its id counts. */
bool con_plan_is_for(const struct con_plan *p, const char *server_id, const struct dr_json *row);

#endif
