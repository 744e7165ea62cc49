/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/access.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum dr_role role;
	unsigned allows;
} roles[] = {
	{ "monitor", DR_ROLE_MONITOR, DR_ROLE_MONITOR },
	{ "operator", DR_ROLE_OPERATOR, DR_ROLE_OPERATOR | DR_ROLE_READER },
	{ "reader", DR_ROLE_READER, DR_ROLE_READER },
};

const char *dr_role_name(enum dr_role role)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(roles); i++)
		if (roles[i].role == role)
			return roles[i].name;
	return "";
}

int dr_roles_parse(const char *text, unsigned *ret)
{
	unsigned allowed = 0;

	for (;; text++) {
		size_t len, i;

		text += strspn(text, " \t");
		len = strcspn(text, ", \t");
		for (i = 0; i < DR_ARRAY_SIZE(roles); i++)
			if (strlen(roles[i].name) == len && !memcmp(roles[i].name, text, len))
				break;
		if (i == DR_ARRAY_SIZE(roles))
			return -EINVAL;
		allowed |= roles[i].allows;
		text += len;
		text += strspn(text, " \t");
		if (!*text)
			break;
		if (*text != ',')
			return -EINVAL;
	}
	*ret = allowed;
	return 0;
}

/* ---------------------------------------------------------------- what the request says of itself */

bool dr_access_is_web_page(const char *origin, const char *sec_fetch_site)
{
	return origin || (sec_fetch_site && strcasecmp(sec_fetch_site, "none") &&
			  strcasecmp(sec_fetch_site, "same-origin"));
}

/* The Host header without its port, brackets and final dot; it is cut when it is longer than any name. */
static void host_name(const char *host, char ret[DR_HOLDER_NAME_MAX + 1])
{
	bool bracket = *host == '[';
	size_t len = bracket ? strcspn(++host, "]") : strcspn(host, ":");

	if (!bracket && len && host[len - 1] == '.')
		len--;
	snprintf(ret, DR_HOLDER_NAME_MAX + 1, "%.*s", (int)DR_MIN(len, (size_t)DR_HOLDER_NAME_MAX), host);
}

static bool is_address(const char *name)
{
	char text[DR_HOLDER_NAME_MAX + 8];
	struct dr_http_listen l;

	snprintf(text, sizeof(text), strchr(name, ':') ? "[%s]:0" : "%s:0", name);
	return !dr_http_listen_parse(text, &l);
}

/* HTTP/1.0 may go without a Host; a browser does not. */
static bool is_called_so(const struct dr_access_rules *rules, const char *host)
{
	char name[DR_HOLDER_NAME_MAX + 1];

	if (!host)
		return true;
	host_name(host, name);
	if (is_address(name) || !strcasecmp(name, "localhost"))
		return true;
	for (size_t i = 0; i < rules->name_count; i++)
		if (!strcasecmp(name, rules->names[i]))
			return true;
	return false;
}

/* ---------------------------------------------------------------- credentials */

static const char *bearer_token(const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)))
		return NULL;
	authorization += strlen(scheme);
	return authorization + strspn(authorization, " ");
}

static void refuse(struct dr_access_verdict *v, unsigned status, const char *reason)
{
	v->status = status;
	snprintf(v->reason, sizeof(v->reason), "%s", reason);
}

static void add_who(struct dr_access_verdict *v, const char *name)
{
	size_t len = strlen(v->who);

	snprintf(v->who + len, sizeof(v->who) - len, "%s%s", len ? "+" : "", name);
}

static unsigned by_token(const struct dr_access_rules *rules, const char *token, struct dr_access_verdict *v)
{
	const struct dr_holder *holder = token ? dr_tokens_find(rules->tokens, token) : NULL;

	if (holder)
		add_who(v, holder->name);
	else if (token)
		v->wrong_token = true;
	return holder ? holder->roles : 0;
}

static unsigned by_certificate(const struct dr_access_rules *rules, const struct dr_http_identity *id,
			       struct dr_access_verdict *v)
{
	unsigned allowed = 0;

	if (id->state != DR_HTTP_CERTIFICATE_GOOD)
		return 0;
	for (size_t i = 0; i < rules->client_count; i++)
		for (size_t n = 0; n < id->count; n++)
			if (!strcmp(rules->clients[i].name, id->names[n])) {
				allowed |= rules->clients[i].roles;
				add_who(v, id->names[n]);
				break;
			}
	return allowed;
}

static void refuse_unknown(const struct dr_access_rules *rules, const struct dr_http_identity *id,
			   struct dr_access_verdict *v)
{
	v->status = 401;
	if (id->state == DR_HTTP_CERTIFICATE_BAD)
		snprintf(v->reason, sizeof(v->reason), "the certificate is not good: %s", id->why);
	else if (id->state == DR_HTTP_CERTIFICATE_GOOD && rules->client_count)
		snprintf(v->reason, sizeof(v->reason),
			 "the certificate, of %s, is nobody's who is known here",
			 id->count ? id->names[0] : "no name");
	else if (v->wrong_token && rules->tokens_wanted)
		refuse(v, 401, "the token is nobody's who is known here");
	else if (rules->tokens_wanted)
		refuse(v, 401,
		       rules->client_count ? "a token or a certificate is needed" : "a token is needed");
	else
		refuse(v, 401, "a certificate is needed");
}

void dr_access_judge(const struct dr_access_rules *rules, const struct dr_access_request *q,
		     struct dr_access_verdict *ret)
{
	const char *bearer = bearer_token(q->authorization);
	unsigned allowed;

	*ret = (struct dr_access_verdict){ 0 };
	if (q->changes && dr_access_is_web_page(q->origin, q->sec_fetch_site)) {
		refuse(ret, 403, "a web page in a browser asks for this (Origin, Sec-Fetch-Site)");
		return;
	}
	if (!rules->tokens_wanted && !rules->client_count) {
		if (!is_called_so(rules, q->host))
			refuse(ret, 403, "the Host is no address, and none of the names of this server");
		return;
	}
	allowed = by_token(rules, bearer, ret) | by_token(rules, q->x_auth_token, ret) |
		  by_certificate(rules, q->identity, ret);
	if (!q->role || allowed & q->role)
		return;
	if (!ret->who[0])
		refuse_unknown(rules, q->identity, ret);
	else
		snprintf(ret->reason, sizeof(ret->reason), "%s needs the role %s for this", ret->who,
			 dr_role_name(q->role));
	ret->status = ret->who[0] ? 403 : 401;
}
