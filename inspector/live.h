/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_LIVE_H
#define DOCTOR_INSPECTOR_LIVE_H

/*
 * GET /v1/stream: what there is to see, and then what changes of it, as server-sent events (docs/api.md).
 * While somebody looks it is compared with what was told four times a second, so that whatever changes in
 * between is told once. Who takes it more slowly than it changes is told all of it anew when he has caught
 * up: what waits for him does not grow. Nothing is done while nobody looks.
 */

#include "doctor/http_server.h"
#include "inspector/inspector.h"

#define INS_VIEWERS_MAX 16 /* more: 503 */

struct ins_live;

/* s must outlive it. */
int ins_live_new(struct dr_loop *l, struct ins_inspector *s, struct ins_live **ret) DR_MUST_USE;
void ins_live_free(struct ins_live *v); /* after the server */
DR_DEFINE_FREEP(struct ins_live, ins_live_free)

/* Answers GET of its path; false: another path. */
bool ins_live_handle(struct ins_live *v, struct dr_http_exchange *x);

/* Streams end after so long, instead of 10 minutes. */
void ins_live_set_life(struct ins_live *v, struct dr_dur life);

/* Ends all streams: who looks comes again, and is asked anew who he is. */
void ins_live_dismiss(struct ins_live *v);

size_t ins_live_viewers(const struct ins_live *v);

#endif
