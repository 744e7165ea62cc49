/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be said of a good configuration. */
#include <string.h>

#include "doctor/buf.h"
#include "user/config.h"

int mon_config_slow_target(const struct mon_config *c, size_t after)
{
	for (size_t i = after; i < c->target_count; i++) {
		const struct mon_target *t = &c->targets[i];
		if (t->detect.ns > t->interval.ns * t->multiplier)
			return (int)i;
	}
	return -1;
}

int mon_config_lonely_interface(const struct mon_config *c, size_t after)
{
	size_t targets[MON_INTERFACES_MAX] = { 0 }, judged[MON_INTERFACES_MAX] = { 0 };

	for (size_t i = 0; i < c->target_count; i++) {
		targets[c->targets[i].interface]++;
		judged[c->targets[i].interface] += !c->targets[i].canary;
	}
	for (size_t i = after; i < c->interface_count; i++) {
		bool more = c->discover.nova && !strcmp(c->interfaces[i].name, c->discover.interface);
		if (targets[i] == 1 && judged[i] == 1 && !more)
			return (int)i;
	}
	return -1;
}

static void put_count(struct dr_buf *b, const char *before, size_t n, const char *what)
{
	dr_buf_printf(b, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

char *mon_config_summary(const struct mon_config *c)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	size_t interfaces = 0;

	for (size_t i = 0; i < c->interface_count; i++)
		interfaces += c->interfaces[i].name[0] != '\0';
	put_count(&b, "", c->target_count, "target");
	put_count(&b, " on ", interfaces, "interface");
	if (c->link_count)
		put_count(&b, ", ", c->link_count, "link");
	if (c->discover.nova)
		dr_buf_puts(&b, ", and what Nova knows");
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}
