/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_CONTROL_H
#define DOCTOR_INSPECTOR_CONTROL_H

/*
 * What people ask the inspector and say to it by HTTP:
 *
 *   GET /v1/incidents/ID            200; 404: there is none of this id
 *   POST /v1/incidents/ID/release   acts on an incident that is held. 202; 404; 409: it is not held
 *   GET /v1/hosts                   Nova's computes, as last read
 *   GET /v1/hosts/HOST              all that is known of one; 404: nothing is
 *   GET /v1/maintenance             {"maintenance": [{"host", "since", "until", "by", "reason"}, ...]}
 *   PUT /v1/maintenance/HOST        {"until": TIME} or {"for": DURATION}, and "reason". 200, the host
 *                                   by Nova's name; 400: the body is wrong; 404: no such host
 *   DELETE /v1/maintenance/HOST     200; 404: it was not in maintenance
 */

#include "doctor/http_server.h"
#include "inspector/inspector.h"

/* False: the path is none of these, nothing was answered. */
bool ins_control(struct dr_http_exchange *x, struct ins_inspector *s);

#endif
