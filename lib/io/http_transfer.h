/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_IO_HTTP_TRANSFER_H
#define DOCTOR_LIB_IO_HTTP_TRANSFER_H

/*
 * One request as a curl easy handle, and its answer. Private to lib/io/http_*.c: http_transfer.c makes it and
 * takes what comes, http_client.c drives it and decides when it is over.
 */

#include <curl/curl.h>

#include "doctor/http_client.h"

/* What all calls of a client share; outlives them. */
struct dr_http_settings {
	char *user_agent, *ca_file, *cert_file, *key_file, *no_proxy, *unix_socket;
	bool insecure;
	size_t answer_max; /* 0: the default */
};

struct dr_http_transfer {
	struct dr_http_client *client;
	struct dr_http_transfer *prev, *next; /* in the client's list */
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	struct dr_source *deadline;
	struct dr_dur timeout;
	struct dr_mono start;
	dr_http_done_fn fn;
	void *userdata;
	struct dr_http_response response;
	char curl_error[CURL_ERROR_SIZE];
};

/* 0, -EINVAL or -ENOMEM as dr_http_send(). client, deadline, fn and userdata are left for the caller. */
int dr_http_transfer_new(const struct dr_http_settings *settings, const struct dr_http_request *req,
			 struct dr_http_transfer **ret) DR_MUST_USE;
void dr_http_transfer_free(struct dr_http_transfer *c); /* not in any list, nor in a multi handle */
DR_DEFINE_FREEP(struct dr_http_transfer, dr_http_transfer_free)

/* The errno for how curl ended it, and the text for people (valid as long as c); 0 for an answer. */
int dr_http_transfer_error(const struct dr_http_transfer *c, CURLcode code, const char **ret_reason);

#endif
