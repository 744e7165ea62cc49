/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/config.h"

#define INTERVAL_MIN dr_msec(1)
#define INTERVAL_MAX dr_sec(60)
#define MULTIPLIER_MAX 15 /* below DR_RING: every probe that a verdict counts is remembered */
#define RISE_MAX 1000

void mon_config_done(struct mon_config *c)
{
	free(c->inspector_url);
	free(c->targets);
	*c = (struct mon_config){ 0 };
}

struct reader {
	struct dr_conf *conf;
	mon_ifindex_fn ifindex;
	struct mon_config *c;
};

/* What a target inherits where it says nothing itself. */
struct timing {
	struct dr_dur interval;
	int64_t multiplier, rise;
};

static void read_timing(struct dr_conf *conf, struct dr_conf_node *map, const struct timing *from,
			struct timing *ret)
{
	struct timing t;

	dr_conf_dur(conf, map, "interval", INTERVAL_MIN, INTERVAL_MAX, from->interval, &t.interval);
	dr_conf_int(conf, map, "multiplier", 1, MULTIPLIER_MAX, from->multiplier, &t.multiplier);
	dr_conf_int(conf, map, "rise", 1, RISE_MAX, from->rise, &t.rise);
	*ret = t;
}

/* A word that is safe in a path, a log line and a metric label. */
static void read_name(struct dr_conf *conf, struct dr_conf_node *map, const char *key, const char *fallback,
		      char *ret, size_t size)
{
	const char *text;

	ret[0] = '\0';
	dr_conf_str(conf, map, key, fallback, &text);
	if (!text)
		return;
	struct dr_conf_node *at = dr_conf_get(conf, map, key);
	if (!*text ||
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ||
	    *text == '.')
		dr_conf_error(
			conf, at,
			"\"%s\" is not a name: letters, digits, '.', '_' and '-' are, not beginning with '.'",
			text);
	else if (dr_strcpy(ret, size, text))
		dr_conf_error(conf, at, "longer than %zu characters", size - 1);
}

/* The interface's index in the table, added if new; -1 after an error. */
static int find_interface(struct reader *r, const char *name, const struct dr_conf_node *at)
{
	struct mon_config *c = r->c;

	for (size_t i = 0; i < c->interface_count; i++) {
		if (strcmp(c->interfaces[i].name, name) == 0)
			return (int)i;
	}
	if (c->interface_count == MON_INTERFACES_MAX) {
		dr_conf_error(r->conf, at, "more than %d interfaces", MON_INTERFACES_MAX);
		return -1;
	}
	struct mon_interface *i = &c->interfaces[c->interface_count];
	if (dr_strcpy(i->name, sizeof(i->name), name)) {
		dr_conf_error(r->conf, at, "\"%s\" is too long for an interface name (15 characters)", name);
		return -1;
	}
	i->ifindex = r->ifindex(name);
	if (!i->ifindex) {
		dr_conf_error(r->conf, at, "no interface \"%s\" here; \"ip link\" lists them", name);
		return -1;
	}
	return (int)c->interface_count++;
}

static void read_address(struct dr_conf *conf, struct dr_conf_node *map, struct in_addr *ret)
{
	const char *text;

	if (!dr_conf_str(conf, map, "address", DR_CONF_REQUIRED, &text))
		return;
	struct dr_conf_node *at = dr_conf_get(conf, map, "address");
	if (inet_pton(AF_INET, text, ret) != 1) {
		dr_conf_error(conf, at, "\"%s\" is not an IPv4 address, as in 192.0.2.17", text);
		return;
	}
	uint32_t a = ntohl(ret->s_addr);
	if (a == 0 || a == 0xffffffff || (a >> 28) == 0xe)
		dr_conf_error(conf, at, "%s is not the address of one host", text);
	else if ((a >> 24) == 127)
		dr_conf_error(conf, at, "%s is this machine itself", text);
}

static void read_target(struct reader *r, struct dr_conf_node *n, const char *interface,
			const struct timing *inherited, struct mon_target *t)
{
	const char *host, *name;
	struct timing timing;

	if (!dr_conf_is_map(n)) {
		dr_conf_error(r->conf, n, "is not a target: \"host\" and \"address\" are expected");
		return;
	}
	if (dr_conf_str(r->conf, n, "host", DR_CONF_REQUIRED, &host)) {
		struct dr_conf_node *at = dr_conf_get(r->conf, n, "host");
		if (!*host || host[strcspn(host, " \t\r\n\"\\/")])
			dr_conf_error(r->conf, at, "\"%s\" is not a host name", host);
		else if (dr_strcpy(t->host, sizeof(t->host), host))
			dr_conf_error(r->conf, at, "longer than %d characters", MON_HOST_MAX - 1);
	}
	read_name(r->conf, n, "plane", "data", t->plane, sizeof(t->plane));
	dr_conf_bool(r->conf, n, "canary", false, &t->canary);
	read_address(r->conf, n, &t->address);
	read_timing(r->conf, n, inherited, &timing);
	t->interval = timing.interval;
	t->multiplier = (uint32_t)timing.multiplier;
	t->rise = (uint32_t)timing.rise;

	dr_conf_str(r->conf, n, "interface", interface, &name);
	if (name) {
		int i = find_interface(r, name, dr_conf_get(r->conf, n, "interface"));
		t->interface = i < 0 ? 0 : (unsigned)i;
	} else {
		dr_conf_error(r->conf, n, "has no \"interface\", and there is none for all");
	}
	dr_conf_check_keys(r->conf, n);
}

struct where {
	const struct mon_target *t;
	const struct dr_conf_node *n;
};

static int by_host_plane(const void *a, const void *b)
{
	const struct mon_target *x = ((const struct where *)a)->t, *y = ((const struct where *)b)->t;
	int r = strcmp(x->host, y->host);
	return r ? r : strcmp(x->plane, y->plane);
}

static int by_address(const void *a, const void *b)
{
	const struct mon_target *x = ((const struct where *)a)->t, *y = ((const struct where *)b)->t;
	if (x->interface != y->interface)
		return x->interface < y->interface ? -1 : 1;
	return memcmp(&x->address, &y->address, sizeof(x->address));
}

/* Two targets with one host and plane, or one interface and address, are a slip of the pen. */
static int check_twins(struct reader *r, struct dr_conf_node *list)
{
	size_t n = r->c->target_count;
	DR_AUTO_FREE struct where *w = calloc(n + 1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		w[i] = (struct where){ &r->c->targets[i], dr_conf_item(list, i) };
	qsort(w, n, sizeof(*w), by_host_plane);
	for (size_t i = 1; i < n; i++) {
		if (by_host_plane(&w[i - 1], &w[i]) == 0)
			dr_conf_error(r->conf, w[i].n, "host \"%s\" has plane \"%s\" twice", w[i].t->host,
				      w[i].t->plane);
	}
	qsort(w, n, sizeof(*w), by_address);
	for (size_t i = 1; i < n; i++) {
		if (by_address(&w[i - 1], &w[i]) == 0)
			dr_conf_error(r->conf, w[i].n, "address %s is watched twice (by \"%s\" and \"%s\")",
				      inet_ntoa(w[i].t->address), w[i - 1].t->host, w[i].t->host);
	}
	return 0;
}

static int read_targets(struct reader *r, struct dr_conf_node *root)
{
	static const struct timing defaults = { { 100 * DR_NSEC_PER_MSEC }, 3, 3 };
	struct dr_conf_node *list = dr_conf_list(r->conf, root, "targets");
	size_t n = dr_conf_count(list);
	struct timing timing;
	const char *interface;

	dr_conf_str(r->conf, root, "interface", NULL, &interface);
	read_timing(r->conf, root, &defaults, &timing);
	if (n == 0 && dr_conf_error_count(r->conf) == 0)
		dr_conf_error(r->conf, list, "no targets: there is nothing to watch");
	if (n > MON_TARGETS_MAX) {
		dr_conf_error(r->conf, list, "%zu targets, more than %d", n, MON_TARGETS_MAX);
		return 0;
	}
	r->c->targets = calloc(n + 1, sizeof(*r->c->targets));
	if (!r->c->targets)
		return -ENOMEM;
	r->c->target_count = n;
	for (size_t i = 0; i < n; i++)
		read_target(r, dr_conf_item(list, i), interface, &timing, &r->c->targets[i]);
	return dr_conf_error_count(r->conf) ? 0 : check_twins(r, list);
}

static struct dr_dur gap_of(const struct mon_config *c, unsigned interface)
{
	int64_t first = INT64_MAX, second = INT64_MAX;

	for (size_t i = 0; i < c->target_count; i++) {
		int64_t interval = c->targets[i].interval.ns;
		if (c->targets[i].interface != interface || interval >= second)
			continue;
		second = interval < first ? first : interval;
		first = DR_MIN(first, interval);
	}
	if (second == INT64_MAX) /* one target alone is never judged */
		second = first;
	return (struct dr_dur){ second + second / 2 };
}

static void derive_times(struct mon_config *c)
{
	for (unsigned i = 0; i < c->interface_count; i++)
		c->interfaces[i].gap = gap_of(c, i);
	for (size_t i = 0; i < c->target_count; i++) {
		struct mon_target *t = &c->targets[i];
		t->detect.ns = DR_MAX(t->interval.ns * t->multiplier, 2 * c->interfaces[t->interface].gap.ns);
	}
}

static void read_inspector(struct reader *r, struct dr_conf_node *root)
{
	struct dr_conf_node *map = dr_conf_map(r->conf, root, "inspector");
	const char *url;

	dr_conf_str(r->conf, map, "url", "http://127.0.0.1:12345/events", &url);
	if (strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
		dr_conf_error(r->conf, dr_conf_get(r->conf, map, "url"),
			      "\"%s\" is not a URL, as in http://127.0.0.1:12345/events", url);
	dr_conf_check_keys(r->conf, map);
	r->c->inspector_url = strdup(url);
}

static int read_all(struct reader *r, struct dr_conf_node *root)
{
	static const char *const egress[] = { "auto", "tcx", "clsact", NULL };
	struct mon_config *c = r->c;
	const char *pin_root;
	int64_t priority;
	int e;

	read_name(r->conf, root, "name", "doctor-monitor", c->name, sizeof(c->name));
	dr_conf_str(r->conf, root, "pin_root", "/sys/fs/bpf/doctor", &pin_root);
	if (pin_root[0] != '/' || dr_strcpy(c->pin_root, sizeof(c->pin_root), pin_root))
		dr_conf_error(r->conf, dr_conf_get(r->conf, root, "pin_root"),
			      "\"%s\" is not an absolute path below %zu characters", pin_root,
			      sizeof(c->pin_root));
	dr_conf_enum(r->conf, root, "egress", egress, MON_EGRESS_AUTO, &e);
	c->egress = (enum mon_egress)e;
	dr_conf_bool(r->conf, root, "consume_replies", false, &c->consume_replies);
	dr_conf_int(r->conf, root, "realtime_priority", 0, 98, 50, &priority);
	c->realtime_priority = (int)priority;
	read_inspector(r, root);
	int err = read_targets(r, root);
	dr_conf_check_keys(r->conf, root);
	return err ? err : c->inspector_url ? 0 : -ENOMEM;
}

int mon_config_read(struct dr_conf *conf, mon_ifindex_fn ifindex, struct mon_config *ret)
{
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };
	struct reader r = { conf, ifindex, &c };
	struct dr_conf_node *root = dr_conf_root(conf);

	if (root && !dr_conf_is_map(root))
		dr_conf_check_keys(conf, root); /* says what is expected */
	if (dr_conf_error_count(conf))
		return 1;
	int err = read_all(&r, root);
	if (err)
		return err;
	if (dr_conf_error_count(conf))
		return 1;
	derive_times(&c);
	*ret = c;
	c = (struct mon_config){ 0 };
	return 0;
}

int mon_config_slow_target(const struct mon_config *c, size_t after)
{
	for (size_t i = after; i < c->target_count; i++) {
		const struct mon_target *t = &c->targets[i];
		if (t->detect.ns > t->interval.ns * t->multiplier)
			return (int)i;
	}
	return -1;
}

int mon_config_lonely_interface(const struct mon_config *c, size_t after)
{
	for (size_t i = after; i < c->interface_count; i++) {
		size_t n = 0;
		for (size_t k = 0; k < c->target_count; k++)
			n += c->targets[k].interface == i;
		if (n == 1)
			return (int)i;
	}
	return -1;
}
