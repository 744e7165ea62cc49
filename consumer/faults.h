/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_FAULTS_H
#define DOCTOR_CONSUMER_FAULTS_H

/*
 * What became of each fault of each server: once told, it is there until it is old, also after a restart
 * (SQLite, see doctor/store.h). What is written here is on the disk when the function returns.
 */

#include <sys/queue.h>

#include "consumer/alarm.h"
#include "consumer/plan.h"
#include "doctor/store.h"
#include "doctor/uuid.h"

#define CON_FAULTS_KEPT 1000 /* that have ended; the oldest of more are forgotten */

enum con_fault_state {
	CON_FAULT_OPEN,	      /* its recovery is wanted or under way */
	CON_FAULT_RECOVERED,  /* a replacement is ACTIVE, the standby has the addresses, the program succeeded
			       */
	CON_FAULT_UNNEEDED,   /* the server was not lost, or is replaced already */
	CON_FAULT_GAVE_UP,    /* a person must help */
	CON_FAULT_HEARD_ONLY, /* recovery none */
};

const char *con_fault_state_name(enum con_fault_state state);

struct con_fault {
	TAILQ_ENTRY(con_fault) entry; /* oldest first */
	char id[DR_UUID_STR];
	char server[CON_ID_MAX + 1];
	char alarm[CON_ID_MAX + 1];	       /* of Aodh, that told it; "": none did */
	char incident[CON_MESSAGE_ID_MAX + 1]; /* fault_id of the inspector; "" */
	char type[CON_MESSAGE_ID_MAX + 1];     /* as the inspector calls it; "": only Aodh has told it */
	bool cleared;			       /* the inspector says so */
	struct dr_wall heard, ended;	       /* ended.ns 0: not yet */
	enum con_recovery_kind kind;
	enum con_fault_state state;
	unsigned attempts;		  /* begun */
	char replacement[CON_ID_MAX + 1]; /* or the standby that took over; "" */
	char why[600];			  /* for people; "" */
	struct dr_json *moves; /* what a switchover moves, or the ports that a replacement is to get; NULL */
	bool returned;	       /* of a switchover: it was switched back */
	bool back_wanted;      /* the same: a person has asked for that, and it has not ended yet */
	bool armed;	       /* Aodh's alarm was armed again afterwards */
	bool told;	       /* to the webhook */
	bool before;	       /* its recovery may have been begun by an earlier life; not kept */
};

struct con_faults;

/* path NULL: in memory, gone with the process. As dr_store_open(). */
int con_faults_open(const char *path, struct con_faults **ret, char **ret_error) DR_MUST_USE;
void con_faults_free(struct con_faults *f);
DR_DEFINE_FREEP(struct con_faults, con_faults_free)

/* The next after this one, oldest first; NULL: the first. Valid until con_faults_add() forgets it: never
 * while it is open. */
struct con_fault *con_faults_next(const struct con_faults *f, const struct con_fault *after);
struct con_fault *con_faults_last(const struct con_faults *f, const char *server); /* NULL: none */
struct con_fault *con_faults_find(const struct con_faults *f, const char *id);

/*
 * A new, open one, with server, alarm, incident, type, kind and heard as from has them, and the word that
 * told of it, see con_faults_heard(). Negative as dr_store_open(): nothing has changed.
 */
int con_faults_add(struct con_faults *f, const struct con_fault *from, const char *word,
		   struct con_fault **ret) DR_MUST_USE;

/* What was changed in it, and the word that told of it (NULL: none), to the disk. */
int con_faults_save(struct con_faults *f, struct con_fault *fault, const char *word) DR_MUST_USE;

/*
 * The fault that these words have told of: "aodh SERVER MESSAGE" or "inspector SERVER FAULT"; NULL: none that
 * is remembered.
 */
struct con_fault *con_faults_heard(struct con_faults *f, const char *word);

/* One text that outlives the process ("" if it was never set). The caller frees *ret. */
int con_faults_get_text(struct con_faults *f, const char *key, char **ret) DR_MUST_USE;
int con_faults_set_text(struct con_faults *f, const char *key, const char *text) DR_MUST_USE;

/* ---- which fault a word is of; pure ---- */

/*
 * Is what is told of a server now the same fault as the last of it, though its word is new? While the last is
 * open it is. Afterwards alarm and notification of one failure may still follow one another, and several
 * alarms of it come in quick succession, so what is told within same_fault of it is the same, unless the
 * inspector has cleared it meanwhile. The one alarm of an incident that goes on may be as late as it likes.
 * when: received, or for the inspector raised.
 */
bool con_fault_is_same(const struct con_fault *last, bool from_inspector, struct dr_wall when,
		       struct dr_dur same_fault);

#endif
