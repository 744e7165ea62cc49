/* SPDX-License-Identifier: Apache-2.0 */
/* What the components of a run are told. Pure. */
#include <string.h>

#include "tools/scenario/scenario.h"

/* Hosts are back at once here; a flap is over before it would be believed, either way. */
#define HOLD "500ms"
#define HOLD_FLAPS "2s"
#define CONFIRM_FLAPS "2s"

static void listen_at(struct dr_buf *out, const char *listen)
{
	dr_buf_printf(out, "listen: %s\n", listen);
	if (strncmp(listen, "127.", 4) != 0)
		dr_buf_puts(out, "insecure_listen: true\n");
}

void sc_config_monitor(struct dr_buf *out, const char *name, const char *ifname, const struct sc_opts *opts,
		       const char *inspector, const struct sc_config_target *targets, size_t n)
{
	char interval[DR_TIME_STR_MAX];

	dr_buf_printf(out,
		      "name: %s\n"
		      "interface: %s\n"
		      "interval: %s\n"
		      "multiplier: %u\n"
		      "inspector:\n"
		      "  url: http://%s/events\n"
		      "targets:\n",
		      name, ifname, dr_dur_format(opts->interval, interval), opts->multiplier, inspector);
	for (size_t i = 0; i < n; i++) {
		dr_buf_printf(out, "  - host: \"%s\"\n    address: %s\n", targets[i].host,
			      targets[i].address);
		if (targets[i].plane)
			dr_buf_printf(out, "    plane: %s\n", targets[i].plane);
		if (targets[i].ifname)
			dr_buf_printf(out, "    interface: %s\n", targets[i].ifname);
	}
}

void sc_config_compute_monitor(struct dr_buf *out, const char *name, const char *host, const char *ifname,
			       const char *inspector)
{
	dr_buf_printf(out,
		      "name: %s\n"
		      "host: \"%s\"\n"
		      "inspector:\n"
		      "  url: http://%s/events\n"
		      "links:\n"
		      "  - interface: %s\n"
		      "    plane: data\n",
		      name, host, inspector, ifname);
}

void sc_config_inspector(struct dr_buf *out, const char *listen, const char *dir, const struct sc_opts *opts)
{
	listen_at(out, listen);
	dr_buf_printf(out, "cloud: admin\njournal: %s/inspector.db\nrecovery:\n  hold: %s\n", dir,
		      opts->fault == SC_FAULT_FLAP ? HOLD_FLAPS : HOLD);
	if (opts->scenario == SC_FALSE_ALARM)
		dr_buf_puts(out, "judge:\n  confirm: " CONFIRM_FLAPS "\n");
}

void sc_config_consumer(struct dr_buf *out, const char *listen, const struct sc_vm *vms, size_t n)
{
	listen_at(out, listen);
	dr_buf_puts(out, "cloud: doctor\nrecovery: recreate\nservers:\n");
	for (size_t i = 0; i < n; i++)
		dr_buf_printf(out, "  - %s\n", vms[i].id);
}
