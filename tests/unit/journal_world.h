/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_JOURNAL_WORLD_H
#define TESTS_JOURNAL_WORLD_H

/* A journal in a directory of its own, what it gives back, and what is logged meanwhile. */

#include "inspector/journal.h"

#define JOURNAL_MAX 4096 /* incidents read */

struct journal_world {
	char dir[40];
	char path[64];
	struct dr_loop *loop;
	struct ins_journal *journal;

	struct ins_incident *incidents[JOURNAL_MAX]; /* by journal_read() */
	size_t incident_count;
	struct ins_vote votes[4];
	struct ins_event queued[4], rows[4];
	char queued_host[4][INS_TEXT_MAX];
	struct dr_mono queued_at[4];
	struct ins_upkeep upkeep[4];
	struct ins_braked braked[4];
	struct ins_flap flaps[4];
	size_t vote_count, queued_count, row_count, upkeep_count, braked_count, flap_count;

	unsigned errors, warnings; /* logged */
	char last[512];
};

int journal_setup(void **state); /* for cmocka; *state is a struct journal_world */
int journal_teardown(void **state);

void journal_open(struct journal_world *w);
void journal_close(struct journal_world *w);

int journal_try_read(struct journal_world *w); /* in place of what was read before */
void journal_read(struct journal_world *w);
void journal_reopen(struct journal_world *w); /* and read */
void journal_forget_read(struct journal_world *w);

/* The loop runs until all that was noted is on disk. */
void journal_settle(struct journal_world *w);

void journal_exec(struct journal_world *w, const char *sql);
int64_t journal_ask(struct journal_world *w, const char *sql);

/* An incident of this host with so many actions, nothing of it empty. */
struct ins_incident *journal_incident(const char *host, unsigned actions);
void journal_assert_same(const struct ins_incident *a, const struct ins_incident *b);

#endif
