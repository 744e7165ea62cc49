/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/fail.h"

#include <string.h>

#include "doctor/buf.h"

static bool read_count(const char *text, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n > max)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* Cuts the next field off *rest, up to a colon. NULL: there is none. */
static char *next_field(char **rest)
{
	return *rest ? strsep(rest, ":") : NULL;
}

int mc_fails_add(struct mc_fails *f, const char *spec)
{
	struct mc_fail item = { .left = MC_FAIL_UNLIMITED };
	DR_AUTO_FREE char *copy = strdup(spec);
	char *rest = copy, *service, *method, *prefix, *status, *count;

	if (!copy)
		return -ENOMEM;
	service = next_field(&rest);
	method = next_field(&rest);
	prefix = next_field(&rest);
	status = next_field(&rest);
	count = next_field(&rest);
	if (!status || rest || !*service || !*method)
		return -EINVAL;
	if (dr_strcpy(item.service, sizeof(item.service), service) ||
	    dr_strcpy(item.method, sizeof(item.method), method) ||
	    dr_strcpy(item.prefix, sizeof(item.prefix), prefix))
		return -EINVAL;
	if (!read_count(status, 599, &item.status) || (item.status && item.status < 200))
		return -EINVAL;
	if (count && (!read_count(count, 1000000, &item.left) || !item.left))
		return -EINVAL;
	if (f->count == MC_FAILS_MAX)
		return -ENOSPC;
	f->items[f->count++] = item;
	return 0;
}

static bool matches(const char *wanted, const char *have)
{
	return !strcmp(wanted, "*") || !strcmp(wanted, have);
}

bool mc_fails_take(struct mc_fails *f, const char *service, const char *method, const char *path,
		   unsigned *ret_status)
{
	for (size_t i = 0; i < f->count; i++) {
		struct mc_fail *item = &f->items[i];

		if (!item->left || !matches(item->service, service) || !matches(item->method, method) ||
		    strncmp(path, item->prefix, strlen(item->prefix)))
			continue;
		if (item->left != MC_FAIL_UNLIMITED)
			item->left--;
		*ret_status = item->status;
		return true;
	}
	return false;
}
