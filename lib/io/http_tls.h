/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_IO_HTTP_TLS_H
#define DOCTOR_LIB_IO_HTTP_TLS_H

/* Between http_server.c and http_tls.c. A session is a gnutls_session_t. */

#include <stdbool.h>

#include "doctor/http_server.h"

/* Of what the program links: TLS 1.2 and 1.3, key exchange with forward secrecy. */
#define HTTP_TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

struct dr_http_tls *http_tls_ref(struct dr_http_tls *t);

/* Clients are asked for a certificate, and may go on without. */
bool http_tls_asks(const struct dr_http_tls *t);

/* Before the handshake of a session; t must outlive it. Without it no handshake succeeds. */
void http_tls_use(struct dr_http_tls *t, void *session);

/* After the handshake: verifies what the client has shown against t's authorities. */
void http_tls_identify(const struct dr_http_tls *t, void *session, struct dr_http_identity *ret);

#endif
