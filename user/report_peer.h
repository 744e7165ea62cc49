/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_PEER_H
#define DOCTOR_USER_REPORT_PEER_H

/* One inspector as an HTTP server: its TLS, its token, its dialect's way of a request. */

#include "doctor/http_client.h"
#include "doctor/loop.h"
#include "user/config.h"

#define MON_TOKEN_MAX 8192

struct mon_peer {
	const struct mon_inspector *inspector;
	struct dr_http_client *http;
	bool mode_said; /* that others can read its token */
};

/* Can we read its certificates and key? *ret_error says which not. */
int mon_peer_check_files(const struct mon_inspector *inspector, char **ret_error) DR_MUST_USE;
/* loop and inspector must outlive it. *ret_error names the file that cannot be read; NULL otherwise. */
int mon_peer_init(struct mon_peer *p, struct dr_loop *loop, const struct mon_inspector *inspector,
		  char **ret_error) DR_MUST_USE;
void mon_peer_done(struct mon_peer *p);

/*
 * Sends body in the dialect's way. hurried: somebody else can be asked, so do not wait long. 0: fn will be
 * called, as of dr_http_send(); else why (of 256 bytes) says what is wrong: with the token, say.
 */
int mon_peer_send(struct mon_peer *p, const char *body, bool hurried, dr_http_done_fn fn, void *userdata,
		  char *why) DR_MUST_USE;

/*
 * A token as it stands in a file, without white space at its end, into ret. -EMSGSIZE: larger than
 * MON_TOKEN_MAX; -EBADMSG: empty, or not printable; -EINVAL: no regular file; -errno of open and read.
 * *ret_mode: the file's.
 */
int mon_token_read(const char *path, char ret[MON_TOKEN_MAX + 1], mode_t *ret_mode) DR_MUST_USE;

#endif
