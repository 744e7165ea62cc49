/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/plan.h"

#include <arpa/inet.h>
#include <string.h>

const char *con_recovery_kind_name(enum con_recovery_kind kind)
{
	static const char *const names[] = { "recreate", "switchover", "exec", "none" };

	return names[kind];
}

static void texts_free(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void con_plan_done(struct con_plan *p)
{
	size_t words = 0;

	while (p->command && p->command[words])
		words++;
	texts_free(p->command, words);
	texts_free(p->addresses, p->address_count);
	free(p->servers.ids);
	free(p->standbys.ids);
	con_match_done(&p->match);
	*p = (struct con_plan){ 0 };
}

bool con_is_uuid(const char *text)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < CON_UUID_LEN; i++) {
		if (!text[i] || (pattern[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i])))
			return false;
	}
	return text[CON_UUID_LEN] == '\0';
}

bool con_ids_have(const struct con_ids *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->ids[i], id) == 0)
			return true;
	}
	return false;
}

int con_ids_read(struct dr_conf *f, struct dr_conf_node *map, const char *key, size_t max,
		 struct con_ids *ret)
{
	struct dr_conf_node *list = dr_conf_list(f, map, key);
	size_t n = dr_conf_count(list);
	struct con_ids found = { 0 };

	if (n > max) {
		dr_conf_error(f, list, "%zu are more than the %zu supported", n, max);
		return 0;
	}
	if (n == 0)
		return 0;
	found.ids = calloc(n, sizeof(*found.ids));
	if (!found.ids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dr_conf_node *item = dr_conf_item(list, i);
		const char *id = dr_conf_scalar(item);

		if (!id || !con_is_uuid(id))
			dr_conf_error(f, item,
				      "\"%s\" is no server id such as 8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11",
				      id ? id : "");
		else if (con_ids_have(&found, id))
			dr_conf_error(f, item, "\"%s\" is listed twice", id);
		else
			memcpy(found.ids[found.count++], id, CON_UUID_LEN);
	}
	*ret = found;
	return 0;
}

/* A list of texts that ends with NULL; *ret stays NULL if there is no such key, or an empty list. */
static int read_texts(struct dr_conf *f, struct dr_conf_node *map, const char *key, char ***ret,
		      size_t *ret_count)
{
	struct dr_conf_node *list = dr_conf_list(f, map, key);
	size_t n = dr_conf_count(list);
	char **texts;

	if (n == 0)
		return 0;
	texts = calloc(n + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = dr_conf_scalar(dr_conf_item(list, i));

		if (!text)
			dr_conf_error(f, dr_conf_item(list, i), "must be a text");
		texts[i] = strdup(text ? text : "");
		if (!texts[i]) {
			texts_free(texts, i);
			return -ENOMEM;
		}
	}
	*ret = texts;
	*ret_count = n;
	return 0;
}

static void read_retry(struct dr_conf *f, struct dr_conf_node *map, const struct con_recovery_conf *like,
		       struct con_recovery_conf *c)
{
	int64_t attempts;

	*c = *like;
	dr_conf_int(f, map, "attempts", 1, 1000, like->attempts, &attempts);
	c->attempts = (unsigned)attempts;
	dr_conf_dur(f, map, "pause", dr_msec(10), dr_sec(600), like->pause, &c->pause);
	dr_conf_dur(f, map, "pause_max", dr_msec(10), dr_sec(3600), like->pause_max, &c->pause_max);
	if (c->pause_max.ns < c->pause.ns)
		dr_conf_error(f, dr_conf_get(f, map, "pause_max"), "is shorter than pause");
}

static void read_recreate(struct dr_conf *f, struct dr_conf_node *root, const struct con_plan *like,
			  struct con_plan *p)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "recreate");

	read_retry(f, map, &like->retry, &p->retry);
	dr_conf_dur(f, map, "boot_timeout", dr_sec(1), dr_sec(3600), like->retry.boot_timeout,
		    &p->retry.boot_timeout);
	dr_conf_dur(f, map, "settle", dr_msec(0), dr_sec(60), like->retry.settle, &p->retry.settle);
	dr_conf_bool(f, map, "keep_addresses", like->keep_addresses, &p->keep_addresses);
	dr_conf_bool(f, map, "delete_lost", like->delete_lost, &p->delete_lost);
	dr_conf_check_keys(f, map);
}

static void check_addresses(struct dr_conf *f, struct dr_conf_node *list, const struct con_plan *p)
{
	unsigned char bytes[16];
	char host[64];

	for (size_t i = 0; i < p->address_count; i++) {
		snprintf(host, sizeof(host), "%.*s", (int)strcspn(p->addresses[i], "/"), p->addresses[i]);
		if (inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1)
			dr_conf_error(f, dr_conf_item(list, i), "\"%s\" is no address such as 192.0.2.10",
				      p->addresses[i]);
	}
}

static int read_switchover(struct dr_conf *f, struct dr_conf_node *root, struct con_plan *p)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "switchover");
	int r = con_ids_read(f, map, "standby", CON_STANDBYS_MAX, &p->standbys);

	if (!r)
		r = read_texts(f, map, "addresses", &p->addresses, &p->address_count);
	if (r)
		return r;
	check_addresses(f, dr_conf_get(f, map, "addresses"), p);
	dr_conf_bool(f, map, "floating", true, &p->floating);
	dr_conf_bool(f, map, "back", false, &p->back);
	if (map)
		read_retry(f, map, &p->retry, &p->retry);
	if (p->kind == CON_RECOVERY_SWITCHOVER && !p->standbys.count)
		dr_conf_error(f, map, "switchover.standby is missing: the server that takes over");
	if (p->kind == CON_RECOVERY_SWITCHOVER && !p->floating && !p->address_count)
		dr_conf_error(f, map, "neither floating nor addresses: nothing is to be moved");
	dr_conf_check_keys(f, map);
	return 0;
}

static int read_exec(struct dr_conf *f, struct dr_conf_node *root, const struct con_plan *like,
		     struct con_plan *p)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "exec");
	size_t n = 0;
	int r = read_texts(f, map, "command", &p->command, &n);

	if (r)
		return r;
	if (n && p->command[0][0] != '/')
		dr_conf_error(f, dr_conf_get(f, map, "command"), "\"%s\" is no absolute path", p->command[0]);
	dr_conf_dur(f, map, "timeout", dr_msec(10), dr_sec(86400), like->time_limit, &p->time_limit);
	if (map && p->kind == CON_RECOVERY_EXEC)
		read_retry(f, map, &p->retry, &p->retry);
	if (p->kind == CON_RECOVERY_EXEC && !n)
		dr_conf_error(f, map, "exec.command is missing: the program that recovers");
	dr_conf_check_keys(f, map);
	return 0;
}

int con_plan_read(struct dr_conf *f, struct dr_conf_node *map, const struct con_plan *like,
		  struct con_plan *ret)
{
	static const char *const kinds[] = { "recreate", "switchover", "exec", "none", NULL };
	DR_AUTO(con_plan_done) struct con_plan p = { 0 };
	int kind, r;

	dr_conf_enum(f, map, "recovery", kinds, CON_RECOVERY_RECREATE, &kind);
	p.kind = (enum con_recovery_kind)kind;
	read_recreate(f, map, like, &p);
	if ((r = read_switchover(f, map, &p)) || (r = read_exec(f, map, like, &p)))
		return r;
	*ret = p;
	p = (struct con_plan){ 0 };
	return 0;
}

int con_plan_read_default(struct dr_conf *f, struct dr_conf_node *root, struct dr_dur timeout,
			  struct con_plan *ret)
{
	const struct con_plan like = {
		.retry = { .attempts = 5,
			   .pause = dr_sec(1),
			   .pause_max = dr_sec(30),
			   .boot_timeout = dr_sec(300),
			   .boot_late = timeout,
			   .settle = dr_sec(3) },
		.time_limit = dr_sec(60),
	};

	return con_plan_read(f, root, &like, ret);
}

static int read_plan(struct dr_conf *f, struct dr_conf_node *item, const struct con_plan *like,
		     struct con_plan *p)
{
	int r;

	if (!dr_conf_is_map(item)) {
		dr_conf_error(f, item, "must be a mapping: a plan");
		return 0;
	}
	r = con_plan_read(f, item, like, p);
	if (!r)
		r = con_ids_read(f, item, "servers", SIZE_MAX, &p->servers);
	if (!r)
		r = con_match_read(f, item, &p->match);
	if (r)
		return r;
	if (!p->servers.count && con_match_empty(&p->match))
		dr_conf_error(f, item, "whose is it? say servers, or name, metadata or tags");
	for (size_t i = 0; i < p->servers.count; i++) {
		if (con_ids_have(&p->standbys, p->servers.ids[i]))
			dr_conf_error(f, item, "%s cannot stand by for itself", p->servers.ids[i]);
	}
	dr_conf_check_keys(f, item);
	return 0;
}

int con_plans_read(struct dr_conf *f, struct dr_conf_node *root, const struct con_plan *like,
		   struct con_plan **ret, size_t *ret_count)
{
	struct dr_conf_node *list = dr_conf_list(f, root, "plans");
	size_t n = dr_conf_count(list);
	int r = 0;

	if (n > CON_PLANS_MAX) {
		dr_conf_error(f, list, "%zu are more than the %d supported", n, CON_PLANS_MAX);
		return 0;
	}
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	while (!r && *ret_count < n) {
		struct con_plan *p = &(*ret)[*ret_count];

		r = read_plan(f, dr_conf_item(list, (*ret_count)++), like, p);
	}
	return r;
}

bool con_plan_is_for(const struct con_plan *p, const char *server_id, const struct dr_json *row)
{
	return con_ids_have(&p->servers, server_id) ||
	       (row && !con_match_empty(&p->match) && con_match_fits(&p->match, row));
}
