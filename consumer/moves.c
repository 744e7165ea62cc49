/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/moves.h"

#include <string.h>

static bool equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const struct dr_json *find(const struct dr_json *list, const char *key, const char *value)
{
	const struct dr_json *item = dr_json_first(list);

	while (item && !equal(dr_json_get_str(item, key), value))
		item = dr_json_next(item);
	return item;
}

static const char *first_address(const struct dr_json *port)
{
	return dr_json_str(dr_json_path(port, "fixed_ips.0.ip_address"));
}

static void plan_floating(struct dr_json *moves, const struct dr_json *lost_ports,
			  const struct dr_json *standby_ports, const struct dr_json *floating,
			  const char **ret_why)
{
	for (const struct dr_json *f = dr_json_first(floating); f; f = dr_json_next(f)) {
		const struct dr_json *from = find(lost_ports, "id", dr_json_get_str(f, "port_id")), *to;
		struct dr_json *move;

		if (!from)
			continue;
		to = find(standby_ports, "network_id", dr_json_get_str(from, "network_id"));
		if (!to)
			to = dr_json_first(standby_ports);
		if (!to || !first_address(to)) {
			*ret_why =
				"the standby has no port with an address that a floating one could lead to";
			continue;
		}
		move = dr_json_push_object(moves);
		dr_json_add_str(move, "floating", dr_json_get_str(f, "id"));
		dr_json_add_str(move, "address", dr_json_get_str(f, "floating_ip_address"));
		dr_json_add_str(move, "from", dr_json_get_str(from, "id"));
		dr_json_add_str(move, "from_address", dr_json_get_str(f, "fixed_ip_address"));
		dr_json_add_str(move, "to", dr_json_get_str(to, "id"));
		dr_json_add_str(move, "to_address", first_address(to));
	}
}

static const struct dr_json *pair_of(const struct dr_json *port, const char *address)
{
	return find(dr_json_get(port, "allowed_address_pairs"), "ip_address", address);
}

static void plan_pair(struct dr_json *moves, const char *address, const struct dr_json *lost_ports,
		      const struct dr_json *standby_ports, const char **ret_why)
{
	for (const struct dr_json *from = dr_json_first(lost_ports); from; from = dr_json_next(from)) {
		const struct dr_json *to;
		struct dr_json *move;

		if (!pair_of(from, address))
			continue;
		to = find(standby_ports, "network_id", dr_json_get_str(from, "network_id"));
		if (!to) {
			*ret_why = "the standby has no port in the network of an address that is to be moved";
			continue;
		}
		move = dr_json_push_object(moves);
		dr_json_add_str(move, "pair", address);
		dr_json_add_str(move, "from", dr_json_get_str(from, "id"));
		dr_json_add_str(move, "to", dr_json_get_str(to, "id"));
	}
}

struct dr_json *con_moves_plan(const struct con_plan *plan, const struct dr_json *lost_ports,
			       const struct dr_json *standby_ports, const struct dr_json *floating,
			       const char **ret_why)
{
	struct dr_json *moves = dr_json_array();

	*ret_why = NULL;
	if (plan->floating)
		plan_floating(moves, lost_ports, standby_ports, floating, ret_why);
	for (size_t i = 0; i < plan->address_count; i++)
		plan_pair(moves, plan->addresses[i], lost_ports, standby_ports, ret_why);
	return moves;
}

static void add_same(struct dr_json *o, const char *key, const struct dr_json *from, const char *from_key)
{
	if (dr_json_get_str(from, from_key))
		dr_json_add_str(o, key, dr_json_get_str(from, from_key));
}

struct dr_json *con_moves_reverse(const struct dr_json *moves)
{
	struct dr_json *back = dr_json_array();

	for (const struct dr_json *m = dr_json_first(moves); m; m = dr_json_next(m)) {
		struct dr_json *o = dr_json_push_object(back);

		add_same(o, "floating", m, "floating");
		add_same(o, "pair", m, "pair");
		add_same(o, "address", m, "address");
		add_same(o, "from", m, "to");
		add_same(o, "from_address", m, "to_address");
		add_same(o, "to", m, "from");
		add_same(o, "to_address", m, "from_address");
	}
	return back;
}

bool con_move_is_done(const struct dr_json *move, const struct dr_json *floating)
{
	const struct dr_json *f = find(floating, "id", dr_json_get_str(move, "floating"));
	const char *address = dr_json_get_str(move, "to_address");

	return f && equal(dr_json_get_str(f, "port_id"), dr_json_get_str(move, "to")) &&
	       (!address || equal(dr_json_get_str(f, "fixed_ip_address"), address));
}

static bool leaves(const struct dr_json *moves, const char *port, const char *address)
{
	for (const struct dr_json *m = dr_json_first(moves); m; m = dr_json_next(m)) {
		if (equal(dr_json_get_str(m, "pair"), address) && equal(dr_json_get_str(m, "from"), port))
			return true;
	}
	return false;
}

struct dr_json *con_moves_pairs(const struct dr_json *moves, const struct dr_json *port)
{
	const char *id = dr_json_get_str(port, "id");
	DR_AUTO_JSON struct dr_json *pairs = dr_json_array();
	bool changed = false;

	for (const struct dr_json *p = dr_json_first(dr_json_get(port, "allowed_address_pairs")); p;
	     p = dr_json_next(p)) {
		if (leaves(moves, id, dr_json_get_str(p, "ip_address")))
			changed = true;
		else
			dr_json_push(pairs, dr_json_copy(p));
	}
	for (const struct dr_json *m = dr_json_first(moves); m; m = dr_json_next(m)) {
		const char *address = dr_json_get_str(m, "pair");

		if (!address || !equal(dr_json_get_str(m, "to"), id) || find(pairs, "ip_address", address))
			continue;
		/* without a MAC address it is the port's own */
		dr_json_add_str(dr_json_push_object(pairs), "ip_address", address);
		changed = true;
	}
	return changed ? DR_TAKE_PTR(pairs) : NULL;
}
