// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/severity.h"

static const char *const names[INS_SEVERITIES] = {
	[INS_INFO] = "info",
	[INS_WARNING] = "warning",
	[INS_CRITICAL] = "critical",
};

const char *ins_severity_name(enum ins_severity s)
{
	return names[s];
}

bool ins_severity_parse(const char *name, enum ins_severity *ret)
{
	for (int i = 0; i < INS_SEVERITIES; i++)
		if (!strcmp(name, names[i])) {
			*ret = (enum ins_severity)i;
			return true;
		}
	return false;
}
