/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/minicloud/model.h"

const struct mc_project *mc_project_find(const struct mc_model *m, const char *id_or_name)
{
	for (size_t i = 0; id_or_name && i < DR_ARRAY_SIZE(m->projects); i++) {
		const struct mc_project *p = &m->projects[i];

		if (!strcmp(p->id, id_or_name) || !strcmp(p->name, id_or_name))
			return p;
	}
	return NULL;
}

const struct mc_user *mc_user_by_id(const struct mc_model *m, const char *id)
{
	for (size_t i = 0; id && i < DR_ARRAY_SIZE(m->users); i++) {
		if (!strcmp(m->users[i].id, id))
			return &m->users[i];
	}
	return NULL;
}

const struct mc_user *mc_user_by_name(const struct mc_model *m, const char *name)
{
	for (size_t i = 0; name && i < DR_ARRAY_SIZE(m->users); i++) {
		if (!strcmp(m->users[i].name, name))
			return &m->users[i];
	}
	return NULL;
}

enum mc_role mc_role_of(const struct mc_user *u, const struct mc_project *p)
{
	if (!strcmp(u->name, "admin") && !strcmp(p->name, "admin"))
		return MC_ROLE_ADMIN;
	if (!strcmp(u->name, "doctor") && !strcmp(p->name, "doctor"))
		return MC_ROLE_MEMBER;
	return MC_ROLE_NONE;
}

const char *mc_role_name(enum mc_role role)
{
	static const char *const names[MC_ROLE_COUNT] = { "", "reader", "member", "admin" };

	return names[role];
}

/* ---- tokens ---- */

static void random_text(struct mc_model *m, char *out, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < len; i++)
		out[i] = alphabet[mc_random(m) >> 58];
	out[len] = '\0';
}

static void forget_expired(struct mc_model *m, struct dr_wall now)
{
	/* Oldest first, and all live equally long. */
	for (struct mc_token *t; (t = TAILQ_FIRST(&m->tokens)) && t->expires.ns <= now.ns;)
		mc_token_revoke(m, t);
}

struct mc_token *mc_token_issue(struct mc_model *m, const struct mc_user *u, const struct mc_project *p,
				struct dr_wall now)
{
	struct mc_token *t;

	forget_expired(m, now);
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	random_text(m, t->id, sizeof(t->id) - 1);
	memcpy(t->id, "gAAAAAB", 7); /* what a Fernet token begins with */
	random_text(m, t->audit_id, sizeof(t->audit_id) - 1);
	t->user = u;
	t->project = p ? p : &m->nowhere;
	t->role = p ? mc_role_of(u, p) : MC_ROLE_NONE;
	t->issued = now;
	t->expires.ns = now.ns + m->token_ttl.ns;
	if (mc_index_add(&m->token_index, t->id, t)) {
		free(t);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&m->tokens, t, entry);
	return t;
}

struct mc_token *mc_token_find(struct mc_model *m, const char *id, struct dr_wall now)
{
	struct mc_token *t = mc_index_get(&m->token_index, id);

	return t && t->expires.ns > now.ns ? t : NULL;
}

void mc_token_revoke(struct mc_model *m, struct mc_token *t)
{
	mc_index_remove(&m->token_index, t->id);
	TAILQ_REMOVE(&m->tokens, t, entry);
	free(t);
}

void mc_tokens_expire(struct mc_model *m)
{
	for (struct mc_token *t; (t = TAILQ_FIRST(&m->tokens));)
		mc_token_revoke(m, t);
}
