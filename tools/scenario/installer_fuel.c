/* SPDX-License-Identifier: Apache-2.0 */
/* OPNFV Fuel: the Fuel master, and its nodes on Ubuntu. */
#include "tools/scenario/confedit.h"
#include "tools/scenario/installer.h"
#include "tools/scenario/remote.h"

static const struct sc_conf_change changes[] = {
	{ .paths = { "/etc/nova/nova.conf" },
	  .services = { "nova-api", "nova-conductor", "nova-scheduler" },
	  .edit = sc_edit_nova },
	{ .services = { "nova-api" }, .edit = sc_edit_policy },
	{ .paths = { "/etc/ceilometer/event_pipeline.yaml" },
	  .services = { "ceilometer-agent-notification" },
	  .edit = sc_edit_pipeline },
	{ .edit = NULL }, /* the end */
};

/* Upstart or systemd, whichever the release of Ubuntu has. */
static const struct sc_conf_plan plan = { changes, "restart() { service \"$1\" restart; }" };

static const struct sc_remote_kind kind = {
	.node = "Fuel master",
	.user = "root",
	.key_path = "/root/.ssh/id_rsa",
	.node_user = "root",
	.through = true,
	.list = "fuel node",
	.parse = sc_nodes_of_fuel,
	.conf = &plan,
};

const struct sc_installer sc_installer_fuel = { .name = "fuel", .remote = &kind, SC_REMOTE_FUNCTIONS };
