/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_RECORDED_H
#define DOCTOR_TESTS_RECORDED_H

/* Bodies that a real OpenStack (Zed) answered, tests/unit/recorded/NAME.json; fails the test if unreadable.
 */

#include "doctor/json.h"

struct dr_json *recorded(const char *name); /* the caller frees it */

#endif
