/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_AODH_H
#define MC_AODH_H

#include "tools/minicloud/cloud.h"

/*
 * The alarm that the request's body defines, without id, reason and times; the caller owns it. NULL: the
 * request has been answered with what is wrong.
 */
struct mc_alarm *mc_aodh_read_alarm(struct mc_req *q) DR_MUST_USE;

#endif
