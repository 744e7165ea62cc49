// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/config.h"

#define NO_CLOUD "none"

void ins_config_done(struct ins_config *c)
{
	ins_admission_conf_done(&c->access);
	free(c->cloud);
	free(c->journal);
	ins_policies_done(&c->faults);
	ins_fence_conf_done(&c->fence);
	ins_bus_conf_done(&c->bus);
	ins_north_conf_done(&c->north);
	*c = (struct ins_config){};
}

static int read_clients(struct dr_conf *f, struct dr_conf_node *root, struct ins_admission_conf *c)
{
	struct dr_conf_node *clients = dr_conf_map(f, root, "clients");

	c->clients = calloc(dr_conf_count(clients) + 1, sizeof(*c->clients));
	if (!c->clients)
		return -ENOMEM;
	for (; c->client_count < dr_conf_count(clients); c->client_count++) {
		struct dr_holder *h = &c->clients[c->client_count];
		struct dr_conf_node *n = dr_conf_value(clients, c->client_count);
		const char *text = dr_conf_scalar(n);

		if (!text || dr_roles_parse(text, &h->roles))
			dr_conf_error(f, n, "these are not roles, one or more of monitor, operator, reader");
		if (dr_strcpy(h->name, sizeof(h->name), dr_conf_key(clients, c->client_count)))
			dr_conf_error(f, n, "the name is too long");
	}
	if (clients && !c->client_ca)
		dr_conf_error(f, clients, "nobody shows a certificate without tls.client_ca");
	if (!c->client_count && c->client_ca)
		dr_conf_error(f, dr_conf_get(f, root, "tls"),
			      "client_ca is of no use without clients, who say what each may do");
	return 0;
}

static int read_names(struct dr_conf *f, struct dr_conf_node *root, struct ins_admission_conf *c)
{
	struct dr_conf_node *names = dr_conf_list(f, root, "names");

	c->names = calloc(dr_conf_count(names) + 1, sizeof(*c->names));
	if (!c->names)
		return -ENOMEM;
	for (size_t i = 0; i < dr_conf_count(names); i++) {
		struct dr_conf_node *n = dr_conf_item(names, i);
		const char *text = dr_conf_scalar(n);

		if (!text || !*text || strpbrk(text, ":/ "))
			dr_conf_error(f, n, "is no host name");
		c->names[c->name_count] = strdup(text ? text : "");
		if (!c->names[c->name_count++])
			return -ENOMEM;
	}
	return 0;
}

/* What others need to be let in safely, and is not there; "" if it is. */
static void what_is_missing(const struct ins_admission_conf *c, char ret[128])
{
	bool who = c->tokens || c->client_count;

	snprintf(ret, 128, "%s%s%s", c->cert ? "" : "tls.cert and tls.key", c->cert || who ? "" : ", and ",
		 who ? "" : "tokens (or tls.client_ca and clients)");
}

static int read_access(struct dr_conf *f, struct dr_conf_node *root, struct ins_config *c)
{
	const char *text;
	char missing[128];
	bool insecure;
	int r;

	dr_conf_bool(f, root, "insecure_listen", false, &insecure);
	dr_conf_str(f, root, "listen", "127.0.0.1:12345", &text);
	dr_conf_bool(f, root, "open_healthz", false, &c->access.open_healthz);
	if ((r = dr_conf_tls(f, root, &c->access.cert, &c->access.key, &c->access.client_ca)) ||
	    (r = dr_conf_text(f, root, "tokens", &c->access.tokens)) ||
	    (r = read_clients(f, root, &c->access)) || (r = read_names(f, root, &c->access)))
		return r;
	what_is_missing(&c->access, missing);
	if (dr_http_listen_parse(text, &c->listen))
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is no numeric address and port such as 127.0.0.1:12345 or [::1]:12345",
			      text);
	else if (!c->listen.loopback && !insecure && missing[0])
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is reached from elsewhere, and whoever reaches it can take hosts down: "
			      "this needs %s; or listen on loopback, or say insecure_listen: true",
			      text, missing);
	return 0;
}

static unsigned read_count(struct dr_conf *f, struct dr_conf_node *map, const char *key, int64_t max,
			   int64_t fallback)
{
	int64_t n;

	dr_conf_int(f, map, key, 1, max, fallback, &n);
	return (unsigned)n;
}

static void read_retry(struct dr_conf *f, struct dr_conf_node *root, struct ins_retry_conf *c)
{
	struct dr_conf_node *retry = dr_conf_map(f, root, "retry");

	c->attempts = read_count(f, retry, "attempts", 1000, 8);
	dr_conf_dur(f, retry, "pause", dr_msec(1), dr_sec(60), dr_msec(200), &c->pause);
	dr_conf_dur(f, retry, "pause_max", dr_msec(1), dr_sec(600), dr_sec(10), &c->pause_max);
	dr_conf_dur(f, retry, "expire", dr_msec(0), dr_sec(31 * 86400), dr_msec(0), &c->expire);
	if (c->pause_max.ns < c->pause.ns)
		dr_conf_error(f, dr_conf_get(f, retry, "pause_max"), "is shorter than pause");
	dr_conf_check_keys(f, retry);
}

static void read_judge(struct dr_conf *f, struct dr_conf_node *root, struct ins_judge_conf *c)
{
	struct dr_conf_node *judge = dr_conf_map(f, root, "judge");

	c->monitors = read_count(f, judge, "monitors", INS_QUORUM_MAX, 1);
	dr_conf_dur(f, judge, "confirm", dr_msec(0), dr_sec(600), dr_msec(0), &c->confirm);
	dr_conf_dur(f, judge, "forget", dr_sec(1), dr_sec(7 * 86400), dr_sec(3600), &c->forget);
	if (c->forget.ns <= c->confirm.ns)
		dr_conf_error(f, dr_conf_get(f, judge, "forget"),
			      "is not longer than confirm, so that nothing would ever be confirmed");
	dr_conf_check_keys(f, judge);
}

static void read_share(struct dr_conf *f, struct dr_conf_node *map, unsigned hosts_fallback,
		       uint32_t share_fallback, struct ins_brake_share *ret)
{
	int64_t hosts;

	dr_conf_int(f, map, "hosts", 0, 10000, hosts_fallback, &hosts);
	ret->hosts = (unsigned)hosts;
	dr_conf_share(f, map, "share", 1000, share_fallback, &ret->share_permille);
}

static void read_brake(struct dr_conf *f, struct dr_conf_node *root, struct ins_brake_conf *c)
{
	static const char *const per[] = {
		[INS_PER_CLOUD] = "cloud", [INS_PER_ZONE] = "zone", [INS_PER_AGGREGATE] = "aggregate", NULL
	};
	struct dr_conf_node *brake = dr_conf_map(f, root, "brake"), *group;
	int n;

	read_share(f, brake, 3, 50, &c->cloud);
	dr_conf_enum(f, brake, "per", per, INS_PER_CLOUD, &n);
	c->per = (enum ins_brake_per)n;
	group = dr_conf_map(f, brake, "group");
	read_share(f, group, 2, 100, &c->group);
	dr_conf_check_keys(f, group);
	dr_conf_dur(f, brake, "window", dr_sec(1), dr_sec(7 * 86400), dr_sec(600), &c->window);
	dr_conf_bool(f, brake, "resume", false, &c->resume);
	dr_conf_check_keys(f, brake);
}

static void read_flap(struct dr_conf *f, struct dr_conf_node *root, struct ins_flap_conf *c)
{
	struct dr_conf_node *flap = dr_conf_map(f, root, "flap");
	int64_t limit;

	dr_conf_dur(f, flap, "half_life", dr_sec(1), dr_sec(7 * 86400), dr_sec(1800), &c->half_life);
	dr_conf_int(f, flap, "limit", INS_FLAP_PENALTY, 1000000, 2 * INS_FLAP_PENALTY, &limit);
	c->limit = (unsigned)limit;
	c->reuse = read_count(f, flap, "reuse", 1000000, 750);
	if (c->reuse >= c->limit)
		dr_conf_error(f, dr_conf_get(f, flap, "reuse"), "is not below limit (%u)", c->limit);
	dr_conf_check_keys(f, flap);
}

static void read_maintenance(struct dr_conf *f, struct dr_conf_node *root, struct ins_maintenance_conf *c)
{
	struct dr_conf_node *maintenance = dr_conf_map(f, root, "maintenance");

	dr_conf_bool(f, maintenance, "nova_disabled", true, &c->nova_disabled);
	dr_conf_dur(f, maintenance, "alarm_for", dr_sec(1), INS_MAINTENANCE_LONGEST, dr_sec(4 * 3600),
		    &c->alarm_for);
	dr_conf_check_keys(f, maintenance);
}

static void read_recovery(struct dr_conf *f, struct dr_conf_node *root, struct ins_recovery_conf *c)
{
	struct dr_conf_node *recovery = dr_conf_map(f, root, "recovery");

	dr_conf_bool(f, recovery, "undo", true, &c->undo);
	dr_conf_dur(f, recovery, "hold", dr_msec(0), dr_sec(86400), dr_sec(30), &c->hold);
	dr_conf_check_keys(f, recovery);
}

int ins_config_read(struct dr_conf *f, struct ins_config *ret)
{
	DR_AUTO(ins_config_done) struct ins_config c = {};
	struct dr_conf_node *root = dr_conf_root(f);
	const char *journal;
	int r;

	if ((r = read_access(f, root, &c)) || (r = dr_conf_text(f, root, "cloud", &c.cloud)))
		return r;
	dr_conf_bool(f, root, "remote_shutdown", false, &c.remote_shutdown);
	dr_conf_dur(f, root, "refresh", dr_sec(1), dr_sec(3600), dr_sec(30), &c.refresh);
	dr_conf_dur(f, root, "verify", dr_msec(0), dr_sec(5), dr_msec(100), &c.verify);
	dr_conf_dur(f, root, "timeout", dr_msec(100), dr_sec(300), dr_sec(10), &c.timeout);
	c.parallel = read_count(f, root, "parallel", 256, 16);
	c.queue = read_count(f, root, "queue", 100000, 1000);
	c.active = read_count(f, root, "active", 10000, 64);
	c.history = read_count(f, root, "history", 100000, 1000);
	read_retry(f, root, &c.retry);
	read_judge(f, root, &c.judge);
	read_brake(f, root, &c.brake);
	read_flap(f, root, &c.flap);
	read_maintenance(f, root, &c.maintenance);
	read_recovery(f, root, &c.recovery);
	dr_conf_bool(f, root, "dry_run", false, &c.dry_run);
	if (c.cloud && !strcmp(c.cloud, NO_CLOUD)) {
		free(DR_TAKE_PTR(c.cloud));
		c.no_cloud = c.dry_run = true;
	}
	dr_conf_str(f, root, "journal", "/var/lib/doctor/inspector.db", &journal);
	r = ins_policies_read(f, root, &c.faults);
	if (!r)
		r = ins_fence_conf_read(f, root, &c.fence);
	if (!r)
		r = ins_bus_conf_read(f, root, &c.bus);
	if (!r)
		r = ins_north_conf_read(f, root, &c.north);
	dr_conf_check_keys(f, root);

	if (!r && strcmp(journal, "none")) {
		c.journal = strdup(journal);
		r = c.journal ? 0 : -ENOMEM;
	}
	if (r)
		return r;
	*ret = c;
	c = (struct ins_config){};
	return 0;
}
