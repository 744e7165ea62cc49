/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of tokens, and a request that comes with one: the file, behind \xff lines of a request: bits (a
 * digit: 1 it changes something, 2 it has a certificate), role, Authorization, X-Auth-Token, Host, Origin,
 * Sec-Fetch-Site, the certificate's name. An empty line: the request has no such header.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "doctor/access.h"
#include "tests/fuzz/fuzz.h"

#define LINES 8

/* Words of a line as the file's format has them: all of them, or NULL. */
static const char *token_of(char *line, char **ret_name)
{
	char *rest, *role = strtok_r(line, " \t\r", &rest);
	char *name = role ? strtok_r(NULL, " \t\r", &rest) : NULL;

	*ret_name = name;
	return name && *role != '#' ? strtok_r(NULL, " \t\r", &rest) : NULL;
}

/* Whatever is said of a file has nothing of a token in it; those of a good one are their holders'. */
static void check_file(const char *file, const struct dr_tokens *t, const char *error)
{
	DR_AUTO_FREE char *copy = strdup(file);
	char *rest = copy, *line, *name;
	size_t count = 0;

	FUZZ_CHECK(copy);
	while ((line = strsep(&rest, "\n"))) {
		const char *token = token_of(line, &name);
		const struct dr_holder *holder = token && t ? dr_tokens_find(t, token) : NULL;

		if (!token)
			continue;
		if (!t)
			FUZZ_CHECK(strlen(token) < DR_TOKEN_MIN || !strstr(error, token));
		else
			FUZZ_CHECK(holder && !strcmp(holder->name, name) && holder->roles);
		count++;
	}
	FUZZ_CHECK(!t || dr_tokens_count(t) == count);
}

static struct dr_tokens *load(const char *file)
{
	DR_AUTO_CLOSE int fd = memfd_create("tokens", MFD_CLOEXEC);
	DR_AUTO_FREE char *error = NULL;
	struct dr_tokens *t = NULL;
	char path[64];
	int r;

	FUZZ_CHECK(fd >= 0 && !fchmod(fd, 0600) && write(fd, file, strlen(file)) == (ssize_t)strlen(file));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = dr_tokens_load(path, &t, &error);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	FUZZ_CHECK(!r == !error && !r == !!t);
	FUZZ_CHECK(!error || (!strncmp(error, path, strlen(path)) && !fuzz_has_control(error)));
	check_file(file, t, error);
	return t;
}

static bool has_role(const struct dr_tokens *t, const char *token, unsigned role)
{
	const struct dr_holder *h = token ? dr_tokens_find(t, token) : NULL;

	return h && h->roles & role;
}

/* Who may, has a token or a certificate with the role; a web page may not change anything. */
static void check_verdict(const struct dr_access_rules *rules, const struct dr_access_request *q,
			  const struct dr_access_verdict *v)
{
	const char *bearer = q->authorization && !strncasecmp(q->authorization, "Bearer ", 7)
				     ? q->authorization + 7 + strspn(q->authorization + 7, " ")
				     : NULL;
	const char *site = q->sec_fetch_site;
	bool known = has_role(rules->tokens, bearer, q->role) ||
		     has_role(rules->tokens, q->x_auth_token, q->role);

	FUZZ_CHECK(v->status == 0 || v->status == 401 || v->status == 403);
	FUZZ_CHECK(!v->status == !v->reason[0] && !fuzz_has_control(v->who));
	if (q->changes &&
	    (q->origin || (site && strcasecmp(site, "none") && strcasecmp(site, "same-origin"))))
		FUZZ_CHECK(v->status == 403);
	else if (rules->tokens_wanted && q->role && !rules->client_count)
		FUZZ_CHECK(!v->status == known);
	else if (rules->tokens_wanted && q->role && !v->status && !known)
		FUZZ_CHECK(q->identity->state == DR_HTTP_CERTIFICATE_GOOD &&
			   !strcmp(q->identity->names[0], rules->clients[0].name));
	if (v->status == 401)
		FUZZ_CHECK(!v->who[0]);
	/* who calls himself or a host by it hears of that name */
	if (bearer && strlen(bearer) >= DR_TOKEN_MIN && v->status && !(q->host && strstr(q->host, bearer)) &&
	    !(q->origin && strstr(q->origin, bearer)) && !strstr(q->identity->names[0], bearer))
		FUZZ_CHECK(!strstr(v->reason, bearer));
}

static void judge(const struct dr_tokens *t, char *const lines[LINES])
{
	const struct dr_holder client = { .name = "monitor-1.example.org", .roles = DR_ROLE_MONITOR };
	static char called[] = "doctor.example.org";
	char *const names[] = { called };
	unsigned bits = lines[0][0] & 7;
	struct dr_http_identity id = { .state = bits & 2 ? DR_HTTP_CERTIFICATE_GOOD
							 : DR_HTTP_CERTIFICATE_NONE };
	struct dr_access_rules rules = {
		.tokens_wanted = t != NULL,
		.tokens = t,
		.clients = &client,
		.client_count = bits & 4 ? 1 : 0,
		.names = names,
		.name_count = 1,
	};
	struct dr_access_request q = { .changes = bits & 1, .identity = &id };
	const char **headers[] = { &q.authorization, &q.x_auth_token, &q.host, &q.origin, &q.sec_fetch_site };
	struct dr_access_verdict v;

	id.count = bits & 2 ? 1 : 0;
	snprintf(id.names[0], sizeof(id.names[0]), "%s", lines[7]);
	if (dr_roles_parse(lines[1], &q.role))
		q.role = DR_ROLE_OPERATOR;
	for (size_t i = 0; i < DR_ARRAY_SIZE(headers); i++)
		*headers[i] = lines[2 + i][0] ? lines[2 + i] : NULL;
	dr_access_judge(&rules, &q, &v);
	check_verdict(&rules, &q, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;
	char cut;
	const uint8_t *first = fuzz_cut(&data, &size, "\xff", &len, &cut);
	DR_AUTO_FREE char *file = fuzz_text(first, len);
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = load(file);
	char *lines[LINES];

	for (size_t i = 0; i < LINES; i++) {
		first = fuzz_cut(&data, &size, "\n", &len, &cut);
		lines[i] = fuzz_text(first, len);
	}
	judge(t, lines);
	for (size_t i = 0; i < LINES; i++)
		free(lines[i]);
	return 0;
}
