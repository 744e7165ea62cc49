/* SPDX-License-Identifier: Apache-2.0 */
/* What is watched: targets, links, discovery. */
#include <string.h>

#include "doctor/buf.h"
#include "user/config_read.h"

#define INTERVAL_MIN dr_msec(1)
#define INTERVAL_MAX dr_sec(60)
#define MULTIPLIER_MAX 15 /* below DR_RING: every probe that a verdict counts is remembered */
#define RISE_MAX 1000
#define ROOM_SPARE 64	     /* slots for targets that come by reload, besides as many as there are */
#define ROOM_DISCOVERED 1024 /* and for those that Nova may know */

enum kind_name {
	NAME_ECHO,
	NAME_ARP,
	NAME_ND
};

static void read_timing(struct mon_reader *r, struct dr_conf_node *map, const struct mon_timing *from,
			struct mon_timing *ret)
{
	struct mon_timing t;

	dr_conf_dur(r->conf, map, "interval", INTERVAL_MIN, INTERVAL_MAX, from->interval, &t.interval);
	dr_conf_int(r->conf, map, "multiplier", 1, MULTIPLIER_MAX, from->multiplier, &t.multiplier);
	dr_conf_int(r->conf, map, "rise", 1, RISE_MAX, from->rise, &t.rise);
	*ret = t;
}

static void read_kind_name(struct mon_reader *r, struct dr_conf_node *map, int fallback, int *ret)
{
	static const char *const names[] = { "echo", "arp", "nd", NULL };

	dr_conf_enum(r->conf, map, "kind", names, fallback, ret);
}

/* ---------------------------------------------------------------- interfaces */

/* One that may come must at least be one that can (dev_valid_name() of Linux); a colon is an alias's. */
static bool is_interface_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !name[strcspn(name, "/: \t\n\v\f\r")];
}

/* The interface's index here, its name in ret; 0 after an error. */
static unsigned check_interface(struct mon_reader *r, const char *name, const struct dr_conf_node *at,
				char ret[16])
{
	unsigned ifindex;

	if (dr_strcpy(ret, 16, name)) {
		dr_conf_error(r->conf, at, "\"%s\" is too long for an interface name (15 characters)", name);
		return 0;
	}
	if (!is_interface_name(name)) {
		dr_conf_error(r->conf, at, "\"%s\" is not a name of an interface; \"ip link\" lists them",
			      name);
		return 0;
	}
	ifindex = r->ifindex(name);
	if (!ifindex)
		dr_conf_error(r->conf, at, "no interface \"%s\" here; \"ip link\" lists them", name);
	if (ifindex == MON_AWAY)
		dr_conf_warning(
			r->conf, at,
			"no interface \"%s\" here now, it is watched as soon as it comes; \"ip link\" "
			"lists those that are here",
			name);
	return ifindex;
}

/* The number of an interface in the table, added if new; 0 after an error. */
static unsigned find_interface(struct mon_reader *r, const char *name, const struct dr_conf_node *at)
{
	struct mon_config *c = r->c;
	int known = mon_config_interface(c, name);

	if (known >= 0)
		return (unsigned)known;
	if (c->interface_count == MON_INTERFACES_MAX) {
		dr_conf_error(r->conf, at, "\"%s\" is one more than the maximum of %d interfaces", name,
			      MON_INTERFACES_MAX);
		return 0;
	}
	struct mon_interface *i = &c->interfaces[c->interface_count];
	i->ifindex = check_interface(r, name, at, i->name);
	if (!i->ifindex)
		return 0;
	return (unsigned)c->interface_count++;
}

/* That for all. */
static unsigned inherit_interface(struct mon_reader *r)
{
	size_t errors = dr_conf_error_count(r->conf);

	if (r->interface_refused)
		return 0;
	unsigned i = find_interface(r, r->interface, r->interface_at);
	r->interface_refused = dr_conf_error_count(r->conf) > errors;
	return i;
}

/*
 * As find_interface(), of the member "interface" or that for all; *ret_name is NULL where there is none,
 * which is an error of at.
 */
static unsigned read_interface(struct mon_reader *r, struct dr_conf_node *map, const struct dr_conf_node *at,
			       const char **ret_name)
{
	struct dr_conf_node *own = dr_conf_get(r->conf, map, "interface");

	dr_conf_str(r->conf, map, "interface", r->interface, ret_name);
	if (*ret_name)
		return own ? find_interface(r, *ret_name, own) : inherit_interface(r);
	dr_conf_error(r->conf, at, "has no \"interface\", and there is none for all");
	return 0;
}

/* ---------------------------------------------------------------- targets */

/* 4 or 6; 0 after an error. */
static int read_address(struct mon_reader *r, struct dr_conf_node *map, __be32 ret[4])
{
	const char *text;

	if (!dr_conf_str(r->conf, map, "address", DR_CONF_REQUIRED, &text))
		return 0;
	struct dr_conf_node *at = dr_conf_get(r->conf, map, "address");
	int family = mon_address_parse(text, ret);
	if (family == -EAFNOSUPPORT)
		dr_conf_error(r->conf, at, "%s is an IPv4 address mapped into IPv6: write it as IPv4", text);
	else if (family < 0 && strchr(text, '%'))
		dr_conf_error(r->conf, at, "\"%s\" has a scope: leave it out, \"interface\" gives it", text);
	else if (family < 0)
		dr_conf_error(r->conf, at,
			      "\"%s\" is not an IPv4 or IPv6 address, as in 192.0.2.17 or 2001:db8::17",
			      text);
	else if (mon_address_fault(ret))
		dr_conf_error(r->conf, at, "%s %s", text, mon_address_fault(ret));
	return family < 0 ? 0 : family;
}

static enum dr_kind kind_of(struct mon_reader *r, struct dr_conf_node *map, int name, int family)
{
	if (name == NAME_ARP && family == 6)
		dr_conf_error(r->conf, dr_conf_get(r->conf, map, "address"),
			      "kind arp wants an IPv4 address; for IPv6 there is nd");
	if (name == NAME_ND && family == 4)
		dr_conf_error(r->conf, dr_conf_get(r->conf, map, "address"),
			      "kind nd wants an IPv6 address; for IPv4 there is arp");
	if (name == NAME_ECHO)
		return family == 6 ? DR_KIND_ECHO6 : DR_KIND_ECHO4;
	return name == NAME_ARP ? DR_KIND_ARP : DR_KIND_ND;
}

static void read_target(struct mon_reader *r, struct dr_conf_node *n, struct mon_target *t)
{
	const char *interface;
	struct mon_timing timing;
	int kind;

	if (!dr_conf_is_map(n)) {
		dr_conf_error(r->conf, n, "is not a target: \"host\" and \"address\" are expected");
		return;
	}
	mon_read_host(r, n, DR_CONF_REQUIRED, t->host);
	mon_read_name(r, n, "plane", "data", t->plane, sizeof(t->plane));
	dr_conf_bool(r->conf, n, "canary", false, &t->canary);
	read_kind_name(r, n, r->kind, &kind);
	t->kind = kind_of(r, n, kind, read_address(r, n, t->address));
	read_timing(r, n, &r->timing, &timing);
	t->interval = timing.interval;
	t->multiplier = (uint32_t)timing.multiplier;
	t->rise = (uint32_t)timing.rise;
	t->interface = read_interface(r, n, n, &interface);
	dr_conf_check_keys(r->conf, n);
}

/* Two targets with one host and plane, or one interface, kind and address, are a slip of the pen. */
static int check_twins(struct mon_reader *r, struct dr_conf_node *list)
{
	const struct mon_target *t = r->c->targets;
	char address[MON_ADDRESS_STR_MAX];
	enum mon_twin twin;
	uint32_t of;

	for (uint32_t i = 0; i < r->c->target_count; i++) {
		int err = mon_config_enter(r->c, i, &twin, &of);
		if (err)
			return err;
		if (twin == MON_TWIN_PLANE)
			dr_conf_error(r->conf, dr_conf_item(list, i), "host \"%s\" has plane \"%s\" twice",
				      t[i].host, t[i].plane);
		else if (twin == MON_TWIN_ADDRESS)
			dr_conf_error(r->conf, dr_conf_item(list, i),
				      "address %s is watched twice (by \"%s\" and \"%s\")",
				      mon_address_format(t[i].address, address), t[of].host, t[i].host);
	}
	return 0;
}

static int read_targets(struct mon_reader *r, struct dr_conf_node *list)
{
	struct mon_config *c = r->c;
	size_t n = dr_conf_count(list);

	if (n > MON_TARGETS_MAX) {
		dr_conf_error(r->conf, list, "%zu targets, more than %d", n, MON_TARGETS_MAX);
		return 0;
	}
	c->targets = calloc(n + 1, sizeof(*c->targets));
	if (!c->targets)
		return -ENOMEM;
	c->target_count = n;
	c->target_space = n + 1;
	for (size_t i = 0; i < n; i++)
		read_target(r, dr_conf_item(list, i), &c->targets[i]);
	return dr_conf_error_count(r->conf) ? 0 : check_twins(r, list);
}

/* ---------------------------------------------------------------- links */

static void read_link(struct mon_reader *r, struct dr_conf_node *n, struct mon_link *l)
{
	const struct mon_config *c = r->c;
	const char *name;

	if (!dr_conf_is_map(n)) {
		dr_conf_error(r->conf, n, "is not a link: \"interface\" is expected");
		return;
	}
	mon_read_host(r, n, c->host, l->host);
	mon_read_name(r, n, "plane", "data", l->plane, sizeof(l->plane));
	dr_conf_str(r->conf, n, "interface", DR_CONF_REQUIRED, &name);
	dr_conf_check_keys(r->conf, n);
	if (!name || !check_interface(r, name, dr_conf_get(r->conf, n, "interface"), l->name))
		return;
	for (size_t i = 0; i < c->link_count; i++) {
		if (strcmp(c->links[i].name, l->name) == 0)
			dr_conf_error(r->conf, n, "interface \"%s\" is given twice", name);
	}
}

static void read_links(struct mon_reader *r, struct dr_conf_node *root)
{
	struct dr_conf_node *list = dr_conf_list(r->conf, root, "links");
	size_t n = dr_conf_count(list);

	if (n > MON_INTERFACES_MAX) {
		dr_conf_error(r->conf, list, "%zu links, more than %d", n, MON_INTERFACES_MAX);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		read_link(r, dr_conf_item(list, i), &r->c->links[i]);
		r->c->link_count++;
	}
}

/* ---------------------------------------------------------------- discovery */

static int read_nova(struct mon_reader *r, struct dr_conf_node *at, struct dr_conf_node *nova)
{
	struct mon_discover *d = &r->c->discover;
	const char *interface, *cloud;
	struct mon_timing timing;

	d->nova = true;
	dr_conf_str(r->conf, nova, "cloud", NULL, &cloud);
	mon_read_name(r, nova, "plane", "management", d->plane, sizeof(d->plane));
	dr_conf_dur(r->conf, nova, "refresh", dr_sec(1), dr_sec(3600), dr_sec(30), &d->refresh);
	read_timing(r, nova, &r->timing, &timing);
	d->interval = timing.interval;
	d->multiplier = (uint32_t)timing.multiplier;
	d->rise = (uint32_t)timing.rise;
	read_interface(r, nova, at, &interface);
	dr_conf_check_keys(r->conf, nova);
	d->interface = interface ? strdup(interface) : NULL;
	d->cloud = cloud ? strdup(cloud) : NULL;
	return (interface && !d->interface) || (cloud && !d->cloud) ? -ENOMEM : 0;
}

/* "discover: nova", or "discover: {nova: {...}}" */
static int read_discover(struct mon_reader *r, struct dr_conf_node *root)
{
	struct dr_conf_node *at = dr_conf_get(r->conf, root, "discover");
	const char *word = dr_conf_scalar(at);

	if (word && strcmp(word, "nova") == 0)
		return read_nova(r, at, NULL);
	struct dr_conf_node *map = dr_conf_map(r->conf, root, "discover");
	struct dr_conf_node *nova = dr_conf_map(r->conf, map, "nova");
	dr_conf_check_keys(r->conf, map);
	if (map && !nova && dr_conf_error_count(r->conf) == 0)
		dr_conf_error(r->conf, map, "names nothing to ask; \"nova: {}\" is Nova with the defaults");
	return nova ? read_nova(r, nova, nova) : 0;
}

static void read_room(struct mon_reader *r, struct dr_conf_node *root)
{
	struct mon_config *c = r->c;
	size_t room = 2 * c->target_count + ROOM_SPARE + (c->discover.nova ? ROOM_DISCOVERED : 0);
	int64_t most;

	dr_conf_int(r->conf, root, "max_targets", 1, MON_TARGETS_MAX,
		    (int64_t)DR_MIN(room, (size_t)MON_TARGETS_MAX), &most);
	if ((size_t)most < c->target_count)
		dr_conf_error(r->conf, dr_conf_get(r->conf, root, "max_targets"),
			      "%lld is less than the %zu targets here", (long long)most, c->target_count);
	c->target_room = (size_t)most;
}

/* An empty list is how an installation begins; a file in which nothing is said of targets is a wrong one. */
static void check_something_is_watched(struct mon_reader *r, struct dr_conf_node *list)
{
	if (r->c->target_count || r->c->link_count || r->c->discover.nova)
		return;
	if (list)
		dr_conf_warning(r->conf, list, "nothing is watched as yet: the list is empty");
	else
		dr_conf_error(r->conf, NULL,
			      "no targets, no links and no discovery: there is nothing to watch");
}

int mon_read_watched(struct mon_reader *r, struct dr_conf_node *root)
{
	static const struct mon_timing defaults = { { 100 * DR_NSEC_PER_MSEC }, 3, 3 };
	struct dr_conf_node *list = dr_conf_list(r->conf, root, "targets");
	int err;

	dr_conf_str(r->conf, root, "interface", NULL, &r->interface);
	r->interface_at = dr_conf_get(r->conf, root, "interface");
	read_timing(r, root, &defaults, &r->timing);
	read_kind_name(r, root, NAME_ECHO, &r->kind);
	if ((err = read_targets(r, list)) || (err = read_discover(r, root)))
		return err;
	read_links(r, root);
	read_room(r, root);
	if (dr_conf_error_count(r->conf) == 0)
		check_something_is_watched(r, list);
	return 0;
}
