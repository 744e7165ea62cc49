/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_MOVES_H
#define DOCTOR_CONSUMER_MOVES_H

/*
 * What a switchover moves, as a list that can be kept and undone. Pure.
 *
 *   {"floating": ID, "address": A, "from": PORT, "from_address": A, "to": PORT, "to_address": A}
 *   {"pair": ADDRESS, "from": PORT, "to": PORT}
 */

#include "consumer/plan.h"
#include "doctor/json.h"

/*
 * From what Neutron tells: the lost server's ports, the standby's, and the floating addresses. Each leads to
 * the standby's port in the same network, or a floating one to its first port where there is none. Of the
 * plan's addresses only those that are a pair of a port of the lost server. NULL: out of memory. *ret_why
 * (a literal) says what keeps an address from being moved; NULL: nothing does.
 */
struct dr_json *con_moves_plan(const struct con_plan *plan, const struct dr_json *lost_ports,
			       const struct dr_json *standby_ports, const struct dr_json *floating,
			       const char **ret_why);

/* The same the other way round. */
struct dr_json *con_moves_reverse(const struct dr_json *moves);

/* Where the move's floating address leads is where it is to lead. floating: as Neutron lists them now. */
bool con_move_is_done(const struct dr_json *move, const struct dr_json *floating);

/*
 * The pairs that this port is to have when all moves are made; NULL: just what it has now (or out of memory,
 * then a later look sees that it is missing). port: as Neutron lists it.
 */
struct dr_json *con_moves_pairs(const struct dr_json *moves, const struct dr_json *port);

#endif
