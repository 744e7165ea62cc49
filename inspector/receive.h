/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_RECEIVE_H
#define DOCTOR_INSPECTOR_RECEIVE_H

/*
 * The HTTP side:
 *   PUT or POST /events   an array of events. 200: accepted, {"accepted": n, "duplicates": n}. 400: refused,
 *                         {"error": {"code": 400, "message": "...", "position": "events[0].time"},
 *                         "accepted": n}. A body that cannot be read is refused whole; of events for hosts
 *                         that Nova does not know, the others are accepted all the same, and the answer is
 *                         400. 503: the queue is full, {"error": {"code": 503, "message": "..."},
 *                         "accepted": n}: n is 0, unless the queue filled up while Nova was asked about
 *                         some of the hosts. The whole may be sent again.
 *   GET /healthz          200, or 503 while the map is stale
 *   GET /v1/incidents     what was done, and what was not
 */

#include "doctor/http_server.h"
#include "inspector/inspector.h"

/* The handler for dr_http_server_new(); userdata is the struct ins_inspector. */
void ins_receive(struct dr_http_exchange *x, void *userdata);

#endif
