/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_PAGE_H
#define DOCTOR_INSPECTOR_PAGE_H

/*
 * The page for people: what is in inspector/page/, put into the program when it is built. It shows what GET
 * /v1/... answers and the stream tells, changes nothing, and has nothing in it that is not in the source: so
 * everybody may have it, as a browser that asks for a page cannot show a token.
 */

#include "doctor/http_server.h"

#define INS_STREAM_PATH "/v1/stream" /* live.h */

bool ins_page_has(const char *path);

/* Answers GET of one of the page's files; false: it is another request. */
bool ins_page_handle(struct dr_http_exchange *x);

#endif
