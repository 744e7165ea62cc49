/* SPDX-License-Identifier: Apache-2.0 */
/* OPNFV Apex: TripleO's undercloud, and its overcloud on RDO. */
#include "tools/scenario/confedit.h"
#include "tools/scenario/installer.h"
#include "tools/scenario/remote.h"

static const struct sc_conf_change changes[] = {
	{ .paths = { "/var/lib/config-data/puppet-generated/ceilometer/etc/ceilometer/event_pipeline.yaml",
		     "/etc/ceilometer/event_pipeline.yaml" },
	  .services = { "ceilometer" },
	  .edit = sc_edit_pipeline },
	{ .edit = NULL }, /* the end */
};

/* Its notification agent: in a container of podman or docker, or by itself. */
static const char restart[] =
	"restart() {\n"
	"	if systemctl cat tripleo_ceilometer_agent_notification >/dev/null 2>&1; then\n"
	"		systemctl restart tripleo_ceilometer_agent_notification\n"
	"	elif [ -n \"$(docker ps -q --filter name=ceilometer_agent_notification 2>/dev/null)\" ]; "
	"then\n"
	"		docker restart $(docker ps -q --filter name=ceilometer_agent_notification)\n"
	"	else\n"
	"		systemctl restart openstack-ceilometer-notification.service\n"
	"	fi\n"
	"}\n";

static const struct sc_conf_plan plan = { changes, restart };

static const struct sc_remote_kind kind = {
	.node = "undercloud",
	.user = "stack",
	.key_path = "/home/stack/.ssh/id_rsa",
	.node_user = "heat-admin",
	.list = ". /home/stack/stackrc && openstack server list -f json",
	.parse = sc_nodes_of_undercloud,
	.conf = &plan,
};

const struct sc_installer sc_installer_apex = { .name = "apex", .remote = &kind, SC_REMOTE_FUNCTIONS };
