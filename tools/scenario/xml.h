/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_XML_H
#define SCENARIO_XML_H

#include "doctor/buf.h"

/*
 * Appends text as character data or the value of an attribute. What XML 1.0 does not know as a character, and
 * what is no UTF-8, becomes "?".
 */
void sc_xml_text(struct dr_buf *out, const char *text);

#endif
