/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_CALLBACK_H
#define DOCTOR_INSPECTOR_NORTH_CALLBACK_H

/*
 * Where webhooks may go. Whoever may subscribe makes the inspector send requests, from where it stands, so
 * that a setting can say which hosts are good. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/mem.h"

#define INS_CALLBACK_MAX 2048
#define INS_CALLBACK_HOST_MAX 256

struct ins_callback_rule {
	char host[INS_CALLBACK_HOST_MAX]; /* "consumer.example.org"; ".example.org": all in that domain */
	int family;			  /* AF_INET, AF_INET6: a network instead; 0 */
	unsigned char address[16];
	unsigned bits;
};

struct ins_callback_rules {
	struct ins_callback_rule *items; /* none: everything is allowed */
	size_t count;
};

/* A name, ".domain", an address or a network such as 192.0.2.0/24 or 2001:db8::/32. -EINVAL. */
int ins_callback_rule_parse(const char *text, struct ins_callback_rule *ret) DR_MUST_USE;

/*
 * NULL: a good http or https URL that the rules allow; else what is wrong with it, for people. Names are
 * compared as they stand: an address that a name leads to is not looked at.
 */
const char *ins_callback_check(const char *url, const struct ins_callback_rules *rules);

#endif
