/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/installer.h"

#include <string.h>

#include "doctor/buf.h"

static const struct sc_installer *const installers[] = { &sc_installer_local, &sc_installer_apex,
							 &sc_installer_fuel };

const struct sc_installer *sc_installer_find(const char *name, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf names = { 0 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(installers); i++) {
		if (strcmp(installers[i]->name, name) == 0)
			return installers[i];
		dr_buf_printf(&names, "%s%s", i ? ", " : "", installers[i]->name);
	}
	*ret_error = dr_asprintf("there is no installer \"%s\"; those that are known: %s", name,
				 dr_buf_str(&names));
	return NULL;
}

static bool can(const struct sc_installer *installer, enum sc_scenario scenario, enum sc_fault fault)
{
	unsigned faults = installer->faults[scenario];

	return fault == SC_FAULTS ? faults != 0 : (faults & SC_FAULT_BIT(fault)) != 0;
}

/* "fault_management: silent-drop, link-down; false_alarm: load" */
static void list_faults(const struct sc_installer *installer, struct dr_buf *out)
{
	for (enum sc_scenario s = 0; s < SC_CLEANUP; s++) {
		const char *before = ": ";

		if (!installer->faults[s])
			continue;
		dr_buf_printf(out, "%s%s", out->len ? "; " : "", sc_scenario_name(s));
		for (enum sc_fault f = 0; f < SC_FAULTS; f++) {
			if (!can(installer, s, f) || !sc_fault_fits(f, s))
				continue;
			dr_buf_printf(out, "%s%s", before, sc_fault_name(f));
			before = ", ";
		}
	}
}

int sc_installer_check(const struct sc_installer *installer, const struct sc_opts *opts, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf list = { 0 };

	if (opts->scenario != SC_CLEANUP && !can(installer, opts->scenario, opts->fault)) {
		list_faults(installer, &list);
		*ret_error = dr_asprintf("the installer %s cannot make the fault %s of %s; what it can: %s",
					 installer->name, sc_fault_name(opts->fault),
					 sc_scenario_name(opts->scenario), dr_buf_str(&list));
		return -EINVAL;
	}
	return installer->check ? installer->check(installer, opts, ret_error) : 0;
}
