/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_INSPECTOR_H
#define DOCTOR_INSPECTOR_INSPECTOR_H

/*
 * receive → judge → plan → act → record. Accepted events wait in a bounded queue, are judged one after the
 * other, open, repeat or end an incident, and are never lost: what cannot be acted on now keeps its place.
 * A host that is reported up takes its faults out of the queue: they are recorded as superseded.
 */

#include "doctor/buf.h"
#include "inspector/event.h"
#include "inspector/executor.h"
#include "inspector/north.h"
#include "inspector/nova.h"

struct ins_inspector;

struct ins_inspector_opts {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	struct ins_nova *nova;
	struct ins_journal *journal;
	struct ins_fencer *fencer;
	struct ins_bus *bus;
	const struct ins_config *config;
};

/* All must outlive it, but for the session: end that first, then this. */
int ins_inspector_new(const struct ins_inspector_opts *o, struct ins_inspector **ret) DR_MUST_USE;
void ins_inspector_free(struct ins_inspector *s); /* logs what is unfinished */
DR_DEFINE_FREEP(struct ins_inspector, ins_inspector_free)

/*
 * Goes on with what the journal has; row hears of the sets of data sources. After the computes have been
 * read, before any event is taken. Negative: the journal cannot be read, or out of memory.
 */
typedef int (*ins_row_fn)(const char *source, const struct ins_event *e, void *userdata);
int ins_inspector_start(struct ins_inspector *s, ins_row_fn row, void *userdata) DR_MUST_USE;

/* No event is taken any more, nor anybody told; before the HTTP server ends. */
void ins_inspector_stop(struct ins_inspector *s);

struct ins_north *ins_inspector_north(const struct ins_inspector *s); /* NULL: there is none */
struct ins_nova *ins_inspector_nova(const struct ins_inspector *s);
struct ins_journal *ins_inspector_journal(const struct ins_inspector *s);

/* Taken before (the same report, sent again): acknowledge it, it is not acted on twice. */
bool ins_inspector_seen(const struct ins_inspector *s, const struct ins_event *e);

/* The computes as last read have a host of exactly this name, or it does not matter whether they have. */
bool ins_inspector_knows(const struct ins_inspector *s, const struct ins_event *e);

/* The computes as last read have no such host, or several; reason (for people) says which. That an incident
 * is over is not refused. */
bool ins_inspector_refuses(const struct ins_inspector *s, const struct ins_event *e, char reason[384]);

/* Events that the queue takes now. */
size_t ins_inspector_room(const struct ins_inspector *s);

/*
 * Queues an event; it is judged in a later turn of the loop. There must be room. fresh: the computes were
 * read after the event came. Only then a short name is believed to mean the one host that it fits: another
 * that it fits, too, may have registered since an older reading. Else the event is kept until Nova can be
 * asked.
 */
void ins_inspector_take(struct ins_inspector *s, const struct ins_event *e, bool fresh);

/* Records an event that is not taken. */
void ins_inspector_refused(struct ins_inspector *s, const struct ins_event *e, const char *reason);

/*
 * A person (by: who, for people) wants the held incident of this id to be acted upon. 1: there is none of
 * this id; 2: it is not held, *ret_state says what it is.
 */
int ins_inspector_release(struct ins_inspector *s, const char *id, const char *by,
			  const char **ret_state) DR_MUST_USE;

/*
 * A person works on this host (by its name or a short one that fits one; u->host becomes Nova's name):
 * nothing is done about it until u ends. What is being done goes on. 1: Nova has no such host, or several;
 * why says which. -ENOMEM, -ENOSPC.
 */
int ins_inspector_maintain(struct ins_inspector *s, const char *host, struct ins_upkeep *u, const char *by,
			   char why[384]) DR_MUST_USE;

/*
 * He is done: what is still said to be down is judged anew. alarm: only what an alarm has begun ends. 1: Nova
 * has no such host, or several; 2: it was not in maintenance; why says so.
 */
int ins_inspector_maintained(struct ins_inspector *s, const char *host, bool alarm, const char *by,
			     char why[384]) DR_MUST_USE;

struct dr_json *ins_inspector_maintenance(const struct ins_inspector *s)
	DR_MUST_USE;								    /* GET /v1/maintenance */
struct dr_json *ins_inspector_incidents(const struct ins_inspector *s) DR_MUST_USE; /* GET /v1/incidents */
/* The same of one host (its name, or the monitor's; NULL: all), "open", "ended" or in one state (NULL: any).
 */
struct dr_json *ins_inspector_incidents_of(const struct ins_inspector *s, const char *host,
					   const char *state) DR_MUST_USE;
bool ins_inspector_state_known(const char *state);

/* GET /v1/incidents/ID. 1: there is none of this id. */
int ins_inspector_incident(const struct ins_inspector *s, const char *id, struct dr_json **ret) DR_MUST_USE;

struct dr_json *ins_inspector_hosts(const struct ins_inspector *s) DR_MUST_USE; /* GET /v1/hosts */

/* GET /v1/hosts/HOST. 1: neither Nova nor a monitor has told of it; why says so. */
int ins_inspector_host(const struct ins_inspector *s, const char *host, struct dr_json **ret,
		       char why[384]) DR_MUST_USE;

/*
 * GET /metrics, into b; its error tells. What requests were refused and not admitted is the receiver's. Looks
 * also for what ended without being sent, to count it.
 */
void ins_inspector_metrics(struct ins_inspector *s, uint64_t requests_refused, uint64_t requests_not_admitted,
			   struct dr_buf *b);

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good) DR_MUST_USE;

#endif
