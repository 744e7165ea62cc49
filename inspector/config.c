// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/config.h"

void ins_config_done(struct ins_config *c)
{
	free(c->cloud);
	ins_north_conf_done(&c->north);
	*c = (struct ins_config){};
}

static void read_listen(struct dr_conf *f, struct dr_conf_node *root, struct ins_config *c)
{
	const char *text;
	bool insecure;

	dr_conf_bool(f, root, "insecure_listen", false, &insecure);
	dr_conf_str(f, root, "listen", "127.0.0.1:12345", &text);
	if (dr_http_listen_parse(text, &c->listen))
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is no numeric address and port such as 127.0.0.1:12345 or [::1]:12345",
			      text);
	else if (!c->listen.loopback && !insecure)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is reached from elsewhere, and whoever reaches it can take hosts down: "
			      "listen on loopback, or say insecure_listen: true",
			      text);
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

static void read_brake(struct dr_conf *f, struct dr_conf_node *root, struct ins_brake_conf *c)
{
	struct dr_conf_node *brake = dr_conf_map(f, root, "brake");
	int64_t hosts;

	dr_conf_int(f, brake, "hosts", 0, 10000, 3, &hosts);
	c->hosts = (unsigned)hosts;
	dr_conf_share(f, brake, "share", 1000, 50, &c->share_permille);
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
	dr_conf_check_keys(f, maintenance);
}

int ins_config_read(struct dr_conf *f, struct ins_config *ret)
{
	DR_AUTO(ins_config_done) struct ins_config c = {};
	struct dr_conf_node *root = dr_conf_root(f);
	const char *cloud;
	int r;

	read_listen(f, root, &c);
	dr_conf_bool(f, root, "remote_shutdown", false, &c.remote_shutdown);
	dr_conf_str(f, root, "cloud", NULL, &cloud);
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
	dr_conf_bool(f, root, "dry_run", false, &c.dry_run);
	r = ins_north_conf_read(f, root, &c.north);
	if (r)
		return r;
	dr_conf_check_keys(f, root);

	if (cloud) {
		c.cloud = strdup(cloud);
		if (!c.cloud)
			return -ENOMEM;
	}
	*ret = c;
	c = (struct ins_config){};
	return 0;
}
