// SPDX-License-Identifier: Apache-2.0
#include "inspector/admission.h"

#include <inttypes.h>
#include <string.h>

#include "doctor/log.h"
#include "inspector/page.h"

#define SAID_MAX 10 /* refusals that are logged within SAID_WINDOW; the others are counted */
#define SAID_WINDOW dr_sec(60)

struct ins_admission {
	const struct ins_admission_conf *conf;
	struct dr_http_tls *tls;
	struct dr_tokens *tokens;
	uint64_t refused;
	struct dr_mono window; /* of the log; since */
	unsigned said, unsaid;
};

void ins_admission_conf_done(struct ins_admission_conf *c)
{
	for (size_t i = 0; i < c->name_count; i++)
		free(c->names[i]);
	free(c->names);
	free(c->clients);
	free(c->cert);
	free(c->key);
	free(c->client_ca);
	free(c->tokens);
	*c = (struct ins_admission_conf){};
}

/* ---------------------------------------------------------------- roles */

static bool reads(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

unsigned ins_admission_role(const struct ins_admission_conf *c, const char *method, const char *path)
{
	/* path ends with "/": everything below it */
	static const struct {
		const char *path;
		unsigned role;
	} posts[] = {
		{ "/events", DR_ROLE_MONITOR },
		{ "/v1/event", DR_ROLE_MONITOR },
		{ "/v1/data-sources/", DR_ROLE_MONITOR },
	};
	if (reads(method) && ((c->open_healthz && !strcmp(path, "/healthz")) || ins_page_has(path)))
		return 0;
	for (size_t i = 0; i < DR_ARRAY_SIZE(posts); i++) {
		const char *p = posts[i].path;

		if (!strcmp(path, p) || (p[strlen(p) - 1] == '/' && begins(path, p)))
			return posts[i].role;
	}
	/* release, maintenance, shutdown, and whatever else there may be */
	return reads(method) ? DR_ROLE_READER : DR_ROLE_OPERATOR;
}

/* ---------------------------------------------------------------- refusals */

static void say_refused(struct ins_admission *a, const struct dr_http_exchange *x,
			const struct dr_access_verdict *v)
{
	struct dr_mono now = dr_mono_now();

	if (!a->window.ns || dr_mono_sub(now, a->window).ns > SAID_WINDOW.ns) {
		if (a->unsaid)
			dr_warning("requests were refused, and not logged one by one requests=%u", a->unsaid);
		a->window = now;
		a->said = a->unsaid = 0;
	}
	if (a->said == SAID_MAX) {
		a->unsaid++;
		return;
	}
	a->said++;
	dr_warning("request refused %.16s %.200s: %s status=%u peer=%s", dr_http_method(x), dr_http_path(x),
		   v->reason, v->status, dr_http_peer(x));
}

static void refuse(struct ins_admission *a, struct dr_http_exchange *x, const struct dr_access_verdict *v)
{
	a->refused++;
	say_refused(a, x, v);
	if (v->status == 401)
		dr_http_set_header(x, "WWW-Authenticate",
				   v->wrong_token
					   ? "Bearer realm=\"doctor-inspector\", error=\"invalid_token\""
					   : "Bearer realm=\"doctor-inspector\"");
	dr_http_reply_error(x, v->status, "%s", v->reason);
}

void ins_admission_judge(struct ins_admission *a, struct dr_http_exchange *x)
{
	const struct ins_admission_conf *c = a->conf;
	const char *method = dr_http_method(x);
	const struct dr_access_rules rules = {
		.tokens_wanted = c->tokens != NULL,
		.tokens = a->tokens,
		.clients = c->clients,
		.client_count = c->client_count,
		.names = c->names,
		.name_count = c->name_count,
	};
	const struct dr_access_request q = {
		.role = ins_admission_role(c, method, dr_http_path(x)),
		/* of streams there are few: other sites' pages must not take them */
		.changes = !reads(method) || !strcmp(dr_http_path(x), INS_STREAM_PATH),
		.authorization = dr_http_header(x, "Authorization"),
		.x_auth_token = dr_http_header(x, "X-Auth-Token"),
		.identity = dr_http_identity(x),
		.host = dr_http_header(x, "Host"),
		.origin = dr_http_header(x, "Origin"),
		.sec_fetch_site = dr_http_header(x, "Sec-Fetch-Site"),
	};
	struct dr_access_verdict v;
	char user[sizeof(v.who) + 80];

	dr_access_judge(&rules, &q, &v);
	if (v.status) {
		refuse(a, x, &v);
	} else if (v.who[0]) {
		snprintf(user, sizeof(user), "%s@%s", v.who, dr_http_peer(x));
		dr_http_set_user(x, user);
	}
}

/* ---------------------------------------------------------------- files */

int ins_admission_reload(struct ins_admission *a, char **ret_error)
{
	const struct ins_admission_conf *c = a->conf;
	const struct dr_http_tls_files files = { c->cert, c->key, c->client_ca };
	DR_AUTO(dr_http_tls_unrefp) struct dr_http_tls *tls = NULL;
	DR_AUTO(dr_tokens_freep) struct dr_tokens *tokens = NULL;
	int r = 0;

	*ret_error = NULL;
	if (c->cert)
		r = dr_http_tls_load(&files, &tls, ret_error);
	if (!r && c->tokens)
		r = dr_tokens_load(c->tokens, &tokens, ret_error);
	if (r)
		return r;
	dr_http_tls_unref(a->tls);
	dr_tokens_free(a->tokens);
	a->tls = DR_TAKE_PTR(tls);
	a->tokens = DR_TAKE_PTR(tokens);
	return 0;
}

int ins_admission_new(const struct ins_admission_conf *c, struct ins_admission **ret, char **ret_error)
{
	DR_AUTO(ins_admission_freep) struct ins_admission *a = calloc(1, sizeof(*a));
	int r;

	*ret_error = NULL;
	if (!a)
		return -ENOMEM;
	a->conf = c;
	r = ins_admission_reload(a, ret_error);
	if (!r)
		*ret = DR_TAKE_PTR(a);
	return r;
}

void ins_admission_free(struct ins_admission *a)
{
	if (!a)
		return;
	dr_http_tls_unref(a->tls);
	dr_tokens_free(a->tokens);
	free(a);
}

struct dr_http_tls *ins_admission_tls(const struct ins_admission *a)
{
	return a->tls;
}

size_t ins_admission_tokens(const struct ins_admission *a)
{
	return dr_tokens_count(a->tokens);
}

bool ins_admission_open(const struct ins_admission *a)
{
	return !a->conf->tokens && !a->conf->client_count;
}

uint64_t ins_admission_refused(const struct ins_admission *a)
{
	return a->refused;
}
