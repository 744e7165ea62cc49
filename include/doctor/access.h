/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_ACCESS_H
#define DOCTOR_ACCESS_H

/*
 * Who may do what over HTTP. Roles come with a bearer token of a file (lib/io/tokens.c) or with the name in a
 * verified certificate; dr_access_judge() (lib/io/access.c, pure) decides from them and from what the request
 * says of itself.
 */

#include <stdbool.h>

#include "doctor/http_server.h"
#include "doctor/mem.h"

enum dr_role {
	DR_ROLE_MONITOR = 1 << 0,  /* posts events, and nothing else */
	DR_ROLE_READER = 1 << 1,   /* sees everything */
	DR_ROLE_OPERATOR = 1 << 2, /* decides; is a reader, too */
};

/* "monitor", "operator" or "reader". */
const char *dr_role_name(enum dr_role role);

/* "monitor, reader": what is allowed by it. -EINVAL: a word of it is no role, or there is none. */
int dr_roles_parse(const char *text, unsigned *ret) DR_MUST_USE;

#define DR_HOLDER_NAME_MAX 255

struct dr_holder {
	char name[DR_HOLDER_NAME_MAX + 1];
	unsigned roles;
};

/* ---------------------------------------------------------------- tokens */

#define DR_TOKEN_MIN 16 /* bytes */
#define DR_TOKEN_MAX 255
#define DR_TOKENS_MAX 1000

struct dr_tokens;

/*
 * Reads a file of lines "ROLE[,ROLE...] NAME TOKEN", with empty ones and those that begin with "#" left out.
 * The file must be as dr_secret_read() wants it. A name may have several tokens, so that they can be
 * changed one by one; a token is there once. *ret_error ("FILE:LINE: what", never with anything of a token)
 * is for people and the caller's; NULL when out of memory. -EINVAL: the text; else as dr_secret_read().
 */
int dr_tokens_load(const char *path, struct dr_tokens **ret, char **ret_error) DR_MUST_USE;
void dr_tokens_free(struct dr_tokens *t);
DR_DEFINE_FREEP(struct dr_tokens, dr_tokens_free)

size_t dr_tokens_count(const struct dr_tokens *t); /* 0 for NULL */

/* Whose token this is, NULL if nobody's. Takes as long for each token, whatever it has in common with one. */
const struct dr_holder *dr_tokens_find(const struct dr_tokens *t, const char *token);

/* ---------------------------------------------------------------- the decision */

struct dr_access_rules {
	bool tokens_wanted; /* tokens may be empty then */
	const struct dr_tokens *tokens;
	/* By a name in their certificates. Neither tokens nor clients: open to everybody. */
	const struct dr_holder *clients;
	size_t client_count;
	/* Names by which this server is called, beside its addresses and "localhost" */
	char *const *names;
	size_t name_count;
};

/*
 * By these headers (NULL: absent) a browser asks on behalf of a web page that is not this server's, or for
 * more than to read: nothing else sends them (fetch.spec.whatwg.org).
 */
bool dr_access_is_web_page(const char *origin, const char *sec_fetch_site);

/* Headers are NULL where absent. */
struct dr_access_request {
	unsigned role; /* one of enum dr_role is enough; 0: anybody */
	bool changes;  /* it is to change something, or takes what is scarce */
	const char *authorization, *x_auth_token;
	const struct dr_http_identity *identity;
	const char *host, *origin, *sec_fetch_site;
};

struct dr_access_verdict {
	unsigned status;  /* 0: it may; 401: who is it?; 403: it may not */
	bool wrong_token; /* 401: there was one */
	char reason[512]; /* of a refusal, for people; "" */
	char who[256];	  /* names of those whose token or certificate it is; "" */
};

/*
 * - What a browser sends on behalf of a web page is refused where it changes something, as
 *   dr_access_is_web_page() knows it. What our own page reads (GET of the same origin) has no Origin.
 * - Where it is open to everybody, the Host must be an address, "localhost" or one of our names: a page whose
 *   name was made to point at us (DNS rebinding) has another. Tokens are not looked at.
 * - Else a token as "Authorization: Bearer TOKEN" (RFC 6750) or "X-Auth-Token: TOKEN" and a verified
 *   certificate give what each of them gives.
 */
void dr_access_judge(const struct dr_access_rules *rules, const struct dr_access_request *q,
		     struct dr_access_verdict *ret);

#endif
