/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/access.h"
#include "doctor/buf.h"
#include "doctor/secret.h"

#define FILE_MAX (1UL << 20)

union token {
	char text[DR_TOKEN_MAX + 1]; /* with zeroes to its end */
	uint64_t words[(DR_TOKEN_MAX + 1) / sizeof(uint64_t)];
};

struct dr_tokens {
	struct dr_secret secret; /* a union token for each holder */
	struct dr_holder *holders;
	size_t count, room;
};

void dr_tokens_free(struct dr_tokens *t)
{
	if (!t)
		return;
	dr_secret_done(&t->secret);
	free(t->holders);
	free(t);
}

size_t dr_tokens_count(const struct dr_tokens *t)
{
	return t ? t->count : 0;
}

static const union token *token_at(const struct dr_tokens *t, size_t i)
{
	return (const union token *)(const void *)t->secret.data + i;
}

static bool is_same(const union token *a, const union token *b)
{
	volatile uint64_t difference = 0; /* or the compiler may see that it need not go on */

	for (size_t i = 0; i < DR_ARRAY_SIZE(a->words); i++)
		difference |= a->words[i] ^ b->words[i];
	return !difference;
}

const struct dr_holder *dr_tokens_find(const struct dr_tokens *t, const char *token)
{
	const struct dr_holder *found = NULL;
	size_t len = strlen(token);
	union token wanted = { .text = "" };

	if (!t || len < DR_TOKEN_MIN || len > DR_TOKEN_MAX)
		return NULL;
	memcpy(wanted.text, token, len);
	for (size_t i = 0; i < t->count; i++)
		if (is_same(token_at(t, i), &wanted))
			found = &t->holders[i];
	explicit_bzero(&wanted, sizeof(wanted));
	return found;
}

/* ---------------------------------------------------------------- the file */

/* NULL: there are too many words, or too few; else what is wrong; "": nothing */
static const char *check(const char *role, const char *name, const char *token, const char *more,
			 unsigned *ret_roles)
{
	if (!token || more)
		return "is not \"ROLE[,ROLE] NAME TOKEN\"";
	if (dr_roles_parse(role, ret_roles))
		return "the roles (first word) are not of monitor, operator, reader";
	if (strlen(name) > DR_HOLDER_NAME_MAX)
		return "the name (second word) is too long";
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~')
			return "the name (second word) has a character that is no ASCII";
	if (strlen(token) < DR_TOKEN_MIN)
		return "the token is too short: 16 characters at least, as of openssl rand -hex 32";
	if (strlen(token) > DR_TOKEN_MAX)
		return "the token is too long: 255 characters at most";
	for (const char *p = token; *p; p++)
		if (*p <= ' ' || *p > '~')
			return "the token has a character that no header has";
	return NULL;
}

/* NULL, or what is wrong. line is taken apart. */
static const char *add_line(struct dr_tokens *t, char *line)
{
	char *rest, *role = strtok_r(line, " \t\r", &rest);
	char *name = role ? strtok_r(NULL, " \t\r", &rest) : NULL;
	char *token = name ? strtok_r(NULL, " \t\r", &rest) : NULL;
	struct dr_holder *h = &t->holders[t->count];
	const char *bad;

	if (!role || *role == '#')
		return NULL;
	bad = check(role, name, token, token ? strtok_r(NULL, " \t\r", &rest) : NULL, &h->roles);
	if (bad)
		return bad;
	if (dr_tokens_find(t, token))
		return "the token is that of an earlier line";
	if (t->count == t->room)
		return "too many tokens";
	snprintf(h->name, sizeof(h->name), "%s", name);
	memcpy(t->secret.data + t->count++ * sizeof(union token), token, strlen(token));
	return NULL;
}

static int parse(const char *path, char *text, size_t len, struct dr_tokens *t, char **ret_error)
{
	const char *bad = NULL;
	unsigned n = 0;

	if (memchr(text, '\0', len))
		bad = "there is a zero byte in it";
	for (char *line; !bad && (line = strsep(&text, "\n")); n++)
		bad = add_line(t, line);
	if (!bad)
		return 0;
	*ret_error = n ? dr_asprintf("%s:%u: %s", path, n, bad) : dr_asprintf("%s: %s", path, bad);
	return -EINVAL;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++)
		n++;
	return n;
}

int dr_tokens_load(const char *path, struct dr_tokens **ret, char **ret_error)
{
	DR_AUTO(dr_tokens_freep) struct dr_tokens *t = calloc(1, sizeof(*t));
	DR_AUTO(dr_secret_done) struct dr_secret text = { 0 };
	int r;

	*ret_error = NULL;
	if (!t)
		return -ENOMEM;
	r = dr_secret_read(path, FILE_MAX, &text, ret_error);
	if (r)
		return r;
	t->room = DR_MIN(count_lines(text.data, text.len), (size_t)DR_TOKENS_MAX);
	t->holders = calloc(t->room + 1, sizeof(*t->holders)); /* one more, for a line that does not fit */
	r = dr_secret_new(t->room * sizeof(union token), &t->secret);
	if (r || !t->holders)
		return -ENOMEM;
	r = parse(path, text.data, text.len, t, ret_error);
	if (!r)
		*ret = DR_TAKE_PTR(t);
	return r;
}
