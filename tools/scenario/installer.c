/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/installer.h"

#include <string.h>

#include "doctor/buf.h"

static const struct sc_installer *const installers[] = { &sc_installer_local };

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
