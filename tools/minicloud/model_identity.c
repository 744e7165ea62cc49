/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/minicloud/model.h"

static const struct mc_quota unlimited = { -1, -1, -1, -1 };

static bool copy_text(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return *out || !text;
}

/* ---- projects ---- */

static void project_free(struct mc_project *p)
{
	free(p->name);
	free(p->description);
	free(p);
}

struct mc_project *mc_project_create(struct mc_model *m, const char *name, const char *description)
{
	struct mc_project *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (!copy_text(&p->name, name) || !copy_text(&p->description, description)) {
		project_free(p);
		return NULL;
	}
	mc_new_hex(m, p->id);
	p->quota = unlimited; /* as the sandbox has it */
	TAILQ_INSERT_TAIL(&m->projects, p, entry);
	return p;
}

struct mc_project *mc_project_find(const struct mc_model *m, const char *id_or_name)
{
	struct mc_project *p;

	if (!id_or_name)
		return NULL;
	TAILQ_FOREACH(p, &m->projects, entry)
	{
		if (!p->deleted && (!strcmp(p->id, id_or_name) || !strcmp(p->name, id_or_name)))
			return p;
	}
	return NULL;
}

void mc_project_delete(struct mc_model *m, struct mc_project *p)
{
	p->deleted = true;
	for (struct mc_token *t = TAILQ_FIRST(&m->tokens), *next; t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->project == p)
			mc_token_revoke(m, t);
	}
}

/* ---- users ---- */

static void user_free(struct mc_user *u)
{
	free(u->name);
	free(u->password);
	free(u->description);
	free(u->grants);
	free(u);
}

struct mc_user *mc_user_create(struct mc_model *m, const char *name, const char *password,
			       const char *description)
{
	struct mc_user *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	if (!copy_text(&u->name, name) || !copy_text(&u->password, password) ||
	    !copy_text(&u->description, description)) {
		user_free(u);
		return NULL;
	}
	mc_new_hex(m, u->id);
	TAILQ_INSERT_TAIL(&m->users, u, entry);
	return u;
}

struct mc_user *mc_user_by_id(const struct mc_model *m, const char *id)
{
	struct mc_user *u;

	TAILQ_FOREACH(u, &m->users, entry)
	{
		if (id && !u->deleted && !strcmp(u->id, id))
			return u;
	}
	return NULL;
}

struct mc_user *mc_user_by_name(const struct mc_model *m, const char *name)
{
	struct mc_user *u;

	TAILQ_FOREACH(u, &m->users, entry)
	{
		if (name && !u->deleted && !strcmp(u->name, name))
			return u;
	}
	return NULL;
}

int mc_user_set_password(struct mc_user *u, const char *password)
{
	char *copy = strdup(password);

	if (!copy)
		return -ENOMEM;
	free(u->password);
	u->password = copy;
	return 0;
}

void mc_user_delete(struct mc_model *m, struct mc_user *u)
{
	u->deleted = true;
	for (struct mc_token *t = TAILQ_FIRST(&m->tokens), *next; t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->user == u)
			mc_token_revoke(m, t);
	}
}

/* ---- roles ---- */

int mc_user_grant(struct mc_user *u, const struct mc_project *p, enum mc_role role)
{
	struct mc_grant *grown;

	for (size_t i = 0; i < u->grant_count; i++) {
		if (u->grants[i].project == p) {
			u->grants[i].role = DR_MAX(u->grants[i].role, role);
			return 0;
		}
	}
	grown = reallocarray(u->grants, u->grant_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	u->grants = grown;
	u->grants[u->grant_count++] = (struct mc_grant){ p, role };
	return 0;
}

enum mc_role mc_role_of(const struct mc_user *u, const struct mc_project *p)
{
	for (size_t i = 0; i < u->grant_count; i++) {
		if (u->grants[i].project == p)
			return u->grants[i].role;
	}
	return MC_ROLE_NONE;
}

void mc_identity_done(struct mc_model *m)
{
	for (struct mc_user *u; (u = m->users.tqh_first);) {
		TAILQ_REMOVE(&m->users, u, entry);
		user_free(u);
	}
	for (struct mc_project *p; (p = m->projects.tqh_first);) {
		TAILQ_REMOVE(&m->projects, p, entry);
		project_free(p);
	}
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
