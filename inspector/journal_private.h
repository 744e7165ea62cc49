/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_JOURNAL_PRIVATE_H
#define DOCTOR_INSPECTOR_JOURNAL_PRIVATE_H

/* Between journal.c (when it is written), journal_tables.c (what) and journal_read.c (and read again). */

#include "inspector/journal.h"
#include "inspector/table.h"

/* What was noted must not be written, as it is half of something: the file stays as it is, for good. */
void ins_journal_abandon(struct ins_journal *j);

/* SQL that leads from each version of the file to the next, for dr_store_open(). */
extern const char *const ins_journal_schema[];
extern const unsigned ins_journal_version;

extern const struct ins_table ins_table_incidents; /* of struct ins_incident */
extern const struct ins_table ins_table_steps;	   /* of those below */
extern const struct ins_table ins_table_servers;
extern const struct ins_table ins_table_actions;
extern const struct ins_table ins_table_votes; /* of struct ins_vote */
extern const struct ins_table ins_table_queue; /* of those below */
extern const struct ins_table ins_table_rows;
extern const struct ins_table ins_table_maintenance; /* of struct ins_upkeep */
extern const struct ins_table ins_table_brake;	     /* of struct ins_braked */
extern const struct ins_table ins_table_flap;	     /* of struct ins_flap */

struct ins_step_record {
	char incident[37];
	size_t number; /* of all */
	struct ins_step step;
};

struct ins_server_record {
	char incident[37];
	unsigned number;
	struct ins_vm vm;
};

struct ins_action_record {
	char incident[37];
	struct ins_action action;
};

struct ins_queue_record {
	uint64_t number;
	struct ins_event event;
	char host[INS_TEXT_MAX]; /* Nova's name */
	struct dr_mono received; /* by the wall clock in the file */
};

struct ins_row_record {
	char source[INS_TEXT_MAX];
	struct ins_event event;
};

/* To tell whether an incident's servers are those that were written. */
uint64_t ins_servers_digest(const struct ins_vms *v);

#endif
