/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_SHOW_H
#define DOCTOR_USER_SHOW_H

/*
 * Serves what status.c and metrics.c print, over HTTP:
 *
 *   GET  /metrics            both   Prometheus text
 *   GET  /healthz            both   200 while the monitor does its rounds, else 503
 *   GET  /v1/status          local  JSON, see docs/status.md
 *   GET  /v1/targets[?host=] local
 *   GET  /v1/links           local
 *   GET  /v1/counters        local
 *   POST /v1/reload          local  200 {"reload": "done", "changes": ...} or 422 {"error": {...}};
 *                                 500: taken over, but not as a whole
 *
 * "local" is the socket with a path, for its owner and group; "both" are it and the `metrics` address. And it
 * tells the service manager's watchdog that all is fresh.
 */

#include "doctor/http_server.h"
#include "user/status.h"

struct mon_show;

/* Fills all of *ret. */
typedef void (*mon_snapshot_fn)(void *userdata, struct mon_status *ret);
/* 0: done; MON_RELOAD_INCOMPLETE: the new configuration is in force, but for what *ret_text says; else the
 * old one stays. *ret_text (freed by the caller; NULL: nothing to say) says what changed or what is wrong, in
 * lines. */
#define MON_RELOAD_INCOMPLETE 2
typedef int (*mon_reload_fn)(void *userdata, char **ret_text);

/* Of config: metrics, metrics_on and socket. *ret_error (freed by the caller) says what is refused. */
int mon_show_new(struct dr_loop *loop, const struct mon_config *config, mon_snapshot_fn snapshot,
		 mon_reload_fn reload, void *userdata, struct mon_show **ret, char **ret_error) DR_MUST_USE;
void mon_show_free(struct mon_show *s); /* answers in the making end with 503 */
DR_DEFINE_FREEP(struct mon_show, mon_show_free)

/* Hands the local socket over to the user that the process will be. */
int mon_show_give(const struct mon_show *s, uid_t uid, gid_t gid) DR_MUST_USE;

/* Called once a second, at the end of a round. */
void mon_show_tick(struct mon_show *s, struct dr_mono now);

/* The target of that slot is no longer watched, and this was its story. s may be NULL. */
void mon_show_retired(struct mon_show *s, uint32_t slot, const char *interface, const char *plane,
		      const struct dr_track *track);

uint16_t mon_show_port(const struct mon_show *s); /* of the metrics; 0: none */

#endif
