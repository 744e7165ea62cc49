/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_IO_HTTP_STREAM_H
#define DOCTOR_IO_HTTP_STREAM_H

/* Between http_server.c (requests and their answers) and http_stream.c (answers without an end). */

#include <microhttpd.h>

#include "doctor/http_server.h"

/* Those of a server; zero-initialised. */
struct http_streams {
	struct dr_http_stream *first;
};

/* Ends all of them, in the next runs of the server; before it is stopped. */
void http_streams_end(struct http_streams *list);

/* ---- of http_server.c ---- */

struct http_streams *http_server_streams(struct dr_http_exchange *x);
struct dr_source *http_server_timer(struct dr_http_exchange *x); /* its next run; lives as long as it */
struct MHD_Connection *http_server_connection(struct dr_http_exchange *x);
void http_server_reply(struct dr_http_exchange *x, unsigned status, const char *content_type,
		       struct MHD_Response *response);

#endif
