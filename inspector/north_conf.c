// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/north_conf.h"

#define RULES_MAX 1000

void ins_north_conf_done(struct ins_north_conf *c)
{
	free(c->callbacks.items);
	free(c->ca_file);
	*c = (struct ins_north_conf){};
}

static unsigned read_count(struct dr_conf *f, struct dr_conf_node *map, const char *key, int64_t max,
			   int64_t fallback)
{
	int64_t n;

	dr_conf_int(f, map, key, 1, max, fallback, &n);
	return (unsigned)n;
}

static void read_retry(struct dr_conf *f, struct dr_conf_node *north, struct ins_north_retry *c)
{
	struct dr_conf_node *retry = dr_conf_map(f, north, "retry");

	c->attempts = read_count(f, retry, "attempts", 100000, 100);
	dr_conf_dur(f, retry, "pause", dr_msec(10), dr_sec(600), dr_msec(500), &c->pause);
	dr_conf_dur(f, retry, "pause_max", dr_msec(10), dr_sec(3600), dr_sec(60), &c->pause_max);
	dr_conf_dur(f, retry, "expire", dr_sec(1), dr_sec(7 * 86400), dr_sec(3600), &c->expire);
	dr_conf_dur(f, retry, "acknowledge", dr_msec(10), dr_sec(3600), dr_sec(60), &c->acknowledge);
	if (c->pause_max.ns < c->pause.ns)
		dr_conf_error(f, dr_conf_get(f, retry, "pause_max"), "is shorter than pause");
	dr_conf_check_keys(f, retry);
}

static int read_callbacks(struct dr_conf *f, struct dr_conf_node *north, struct ins_callback_rules *ret)
{
	struct dr_conf_node *list = dr_conf_list(f, north, "callbacks");
	size_t n = dr_conf_count(list);

	if (!list)
		return 0;
	if (n < 1 || n > RULES_MAX) {
		dr_conf_error(f, list, "must have 1 to %d hosts or networks", RULES_MAX);
		return 0;
	}
	ret->items = calloc(n, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dr_conf_node *item = dr_conf_item(list, i);
		const char *text = dr_conf_scalar(item);

		if (text && !ins_callback_rule_parse(text, &ret->items[ret->count]))
			ret->count++;
		else
			dr_conf_error(f, item,
				      "\"%s\" is no host such as consumer.example.org, .example.org, "
				      "192.0.2.7 or 192.0.2.0/24",
				      text ? text : "");
	}
	return 0;
}

int ins_north_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_north_conf *ret)
{
	struct dr_conf_node *north = dr_conf_map(f, root, "northbound");
	const char *ca_file;
	int r;

	ret->subscriptions = read_count(f, north, "subscriptions", 10000, 100);
	ret->pending = read_count(f, north, "pending", 10000, 1000);
	ret->parallel = read_count(f, north, "parallel", 256, 32);
	ret->per_subscriber = read_count(f, north, "per_subscriber", 64, 4);
	ret->history = read_count(f, north, "history", 100000, 1000);
	dr_conf_dur(f, north, "timeout", dr_msec(100), dr_sec(300), dr_sec(5), &ret->timeout);
	read_retry(f, north, &ret->retry);
	r = read_callbacks(f, north, &ret->callbacks);
	dr_conf_str(f, north, "ca_file", NULL, &ca_file);
	dr_conf_check_keys(f, north);
	if (r || !ca_file)
		return r;
	ret->ca_file = strdup(ca_file);
	return ret->ca_file ? 0 : -ENOMEM;
}
