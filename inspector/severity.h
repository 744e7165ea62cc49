/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_SEVERITY_H
#define DOCTOR_INSPECTOR_SEVERITY_H

#include <stdbool.h>

/* The severities of the Doctor requirements' annex, "NFVI faults"; the more severe the greater. The database
 * has these numbers. */
enum ins_severity {
	INS_INFO,
	INS_WARNING,
	INS_CRITICAL,
	INS_SEVERITIES,
};

const char *ins_severity_name(enum ins_severity s);
bool ins_severity_parse(const char *name, enum ins_severity *ret); /* false: it is none */

#endif
