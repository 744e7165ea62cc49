/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_RECEIVE_H
#define DOCTOR_INSPECTOR_RECEIVE_H

/*
 * The HTTP side; docs/api.md has it for people. What monitors send, in the words of dialect.h:
 *
 *   PUT, POST /events                                  INS_DOCTOR
 *   PUT /v1/data-sources/ID/tables/events/rows         INS_CONGRESS
 *   POST /v1/event                                     INS_VITRAGE
 *   POST /maintenance                                  a maintenance alarm (alarm.h)
 *
 *   200: accepted, {"accepted": n, "duplicates": n}. What was taken is in the journal, and never lost.
 *   400, 503: refused, {"error": {"code": 400, "message": "...", "position": "events[0].time"},
 *     "accepted": n}. A body that cannot be read, or that the queue has no room for, is refused whole: n
 *     is 0, nothing has changed. Of events for hosts that Nova does not know, the others are accepted all
 *     the same. The queue may fill up while Nova is asked about some of the hosts: n is what was taken
 *     until then. The whole may be sent again.
 *
 * For people and machines that look after it:
 *
 *   GET /healthz           200, or 503 while the map is stale
 *   GET /                  the page for people (page.h); GET /v1/stream  what it shows (live.h)
 *   GET /v1/incidents      what was done, and what was not; ?host=NAME, ?state=open|ended|STATE narrow it
 *   POST /events/shutdown  ends the loop with status 0, in the way of upstream's test harness; 403 unless
 *                          remote_shutdown is set
 *
 * 401 and 403: as in admission.h. 404 and 405 (with Allow) for the rest. Position is absent where the request
 * is as good as any: 503.
 */

#include "doctor/http_server.h"
#include "inspector/inspector.h"
#include "inspector/live.h"
#include "inspector/north.h"

struct ins_receiver;

/* All must outlive it. */
int ins_receiver_new(struct dr_loop *l, struct ins_inspector *s, const struct ins_config *c,
		     struct ins_admission *a, struct ins_receiver **ret) DR_MUST_USE;
/* The routes of north.h, too; n must outlive the server. */
void ins_receiver_add_north(struct ins_receiver *r, struct ins_north *n);
/* And that of live.h; v must outlive the server. */
void ins_receiver_add_live(struct ins_receiver *r, struct ins_live *v);
/* A row of a set, from before (journal.h). userdata is the struct ins_receiver. -ENOSPC, -ENOMEM. */
int ins_receiver_row(const char *source, const struct ins_event *e, void *userdata) DR_MUST_USE;
/* After ins_nova_stop(), which ends the requests that wait for Nova, and after the server. */
void ins_receiver_free(struct ins_receiver *r);
DR_DEFINE_FREEP(struct ins_receiver, ins_receiver_free)

/*
 * For dr_http_server_new(): who is let in, and the handler, which trusts that. userdata of both is the struct
 * ins_receiver.
 */
void ins_receive_admit(struct dr_http_exchange *x, void *userdata);
void ins_receive(struct dr_http_exchange *x, void *userdata);

#endif
