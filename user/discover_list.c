/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/cloud/nova.h"
#include "user/discover_list.h"

#define COMPLAINTS_MAX 4096 /* bytes */

void mon_hypervisors_done(struct mon_hypervisors *h)
{
	free(h->items);
	dr_buf_done(&h->complaints);
	*h = (struct mon_hypervisors){ 0 };
}

/* What Nova has as names of hosts, and is safe in a log line, a label and a path. */
static bool is_host(const char *text)
{
	return *text && strlen(text) < MON_HOST_MAX &&
	       !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")];
}

/* NULL, or what is wrong. */
static const char *read_pair(const char *host, const char *address, struct mon_discovered *ret)
{
	const char *fault;

	*ret = (struct mon_discovered){ 0 };
	if (!host || !is_host(host))
		return "has no name that a host can have";
	if (!address)
		return "has no address";
	if (mon_address_parse(address, ret->address) < 0)
		return "has an address that is none";
	fault = mon_address_fault(ret->address);
	if (!fault)
		memcpy(ret->host, host, strlen(host) + 1);
	return fault;
}

/* ---------------------------------------------------------------- from Nova */

static void complain(struct mon_hypervisors *h, const char *host, const char *address, const char *what)
{
	if (h->complaints.len > COMPLAINTS_MAX)
		return;
	dr_buf_printf(&h->complaints, "hypervisor left out, it %s: host=", what);
	/* Nova's texts, into our log */
	for (const char *p = host ? host : ""; *p && p < host + MON_HOST_MAX; p++)
		dr_buf_printf(&h->complaints, "%c", *p > ' ' && *p < 0x7f ? *p : '?');
	dr_buf_puts(&h->complaints, " address=");
	for (const char *p = address ? address : ""; *p && p < address + MON_ADDRESS_STR_MAX; p++)
		dr_buf_printf(&h->complaints, "%c", *p > ' ' && *p < 0x7f ? *p : '?');
	dr_buf_puts(&h->complaints, "\n");
}

static int append(struct mon_hypervisors *h, const struct mon_discovered *d)
{
	if (h->count == MON_TARGETS_MAX)
		return -ENOSPC;
	if (h->count == h->room) {
		size_t room = h->room ? h->room * 2 : 64;
		struct mon_discovered *items = reallocarray(h->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		h->items = items;
		h->room = room;
	}
	h->items[h->count++] = *d;
	return 0;
}

int mon_hypervisors_add(struct mon_hypervisors *h, const struct dr_json *row)
{
	struct dr_nova_hypervisor v;
	struct mon_discovered d;
	const char *fault;

	if (dr_nova_hypervisor_parse(row, &v)) {
		complain(h, NULL, NULL, "has no service");
		return 0;
	}
	fault = read_pair(v.host, v.host_ip, &d);
	if (!fault)
		return append(h, &d);
	complain(h, v.host, v.host_ip, fault);
	return 0;
}

static int by_host(const void *a, const void *b)
{
	const struct mon_discovered *x = *(struct mon_discovered *const *)a;
	const struct mon_discovered *y = *(struct mon_discovered *const *)b;

	return strcmp(x->host, y->host) ?: (x > y) - (x < y);
}

static int by_address(const void *a, const void *b)
{
	const struct mon_discovered *x = *(struct mon_discovered *const *)a;
	const struct mon_discovered *y = *(struct mon_discovered *const *)b;

	return memcmp(x->address, y->address, sizeof(x->address)) ?: (x > y) - (x < y);
}

static void complain_of(struct mon_hypervisors *h, const struct mon_discovered *d, const char *what)
{
	char address[MON_ADDRESS_STR_MAX];

	complain(h, d->host, mon_address_format(d->address, address), what);
}

static void forget(struct mon_discovered *d)
{
	memset(d->address, 0, sizeof(d->address));
}

/* One service with many nodes (Ironic) lists each with the same address: nothing is lost. */
static void forget_same_hosts(struct mon_hypervisors *h, struct mon_discovered **list, size_t n)
{
	for (size_t i = 1, first = 0; i < n; i++) {
		if (strcmp(list[i]->host, list[first]->host) != 0) {
			first = i;
			continue;
		}
		if (memcmp(list[i]->address, list[first]->address, sizeof(list[i]->address)) != 0)
			complain_of(h, list[i], "is listed before with another address");
		forget(list[i]);
	}
}

static void forget_same_addresses(struct mon_hypervisors *h, struct mon_discovered **list, size_t n)
{
	for (size_t i = 1, first = 0; i < n; i++) {
		if (memcmp(list[i]->address, list[first]->address, sizeof(list[i]->address)) != 0) {
			first = i;
			continue;
		}
		complain_of(h, list[i], "has the address of another host");
		forget(list[i]);
	}
}

static bool is_forgotten(const struct mon_discovered *d)
{
	static const __be32 none[4];

	return memcmp(d->address, none, sizeof(none)) == 0;
}

/* Those that are left, in order; returns how many. */
static size_t order(struct mon_hypervisors *h, struct mon_discovered **list,
		    int (*compare)(const void *, const void *))
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (!is_forgotten(&h->items[i]))
			list[n++] = &h->items[i];
	}
	qsort(list, n, sizeof(struct mon_discovered *), compare);
	return n;
}

int mon_hypervisors_tidy(struct mon_hypervisors *h)
{
	DR_AUTO_FREE struct mon_discovered **list = calloc(h->count + 1, sizeof(struct mon_discovered *));
	DR_AUTO_FREE struct mon_discovered *items = calloc(h->count + 1, sizeof(*items));

	if (!list || !items)
		return -ENOMEM;
	forget_same_hosts(h, list, order(h, list, by_host));
	forget_same_addresses(h, list, order(h, list, by_address));
	size_t n = order(h, list, by_host);
	for (size_t i = 0; i < n; i++)
		items[i] = *list[i];
	free(h->items);
	h->items = DR_TAKE_PTR(items);
	h->room = h->count + 1;
	h->count = n;
	return 0;
}

char *mon_hypervisors_line(const struct mon_hypervisors *h)
{
	DR_AUTO_BUF struct dr_buf b = { .limit = MON_DISCOVER_LINE_MAX };
	DR_AUTO_JSON struct dr_json *list = dr_json_array();
	char address[MON_ADDRESS_STR_MAX];

	for (size_t i = 0; i < h->count; i++) {
		struct dr_json *o = dr_json_push_object(list);

		dr_json_add_str(o, "host", h->items[i].host);
		dr_json_add_str(o, "address", mon_address_format(h->items[i].address, address));
	}
	DR_AUTO_FREE char *text = dr_json_print(list);
	if (!text)
		return NULL;
	dr_buf_puts(&b, text);
	dr_buf_puts(&b, "\n");
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}

/* ---------------------------------------------------------------- to the monitor */

static int bad(char *why, const char *what, size_t at)
{
	snprintf(why, 128, "item %zu %s", at, what);
	return -EBADMSG;
}

static int check_addresses(const struct mon_discovered *list, size_t n, char *why)
{
	DR_AUTO_FREE const struct mon_discovered **sorted =
		calloc(n + 1, sizeof(const struct mon_discovered *));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &list[i];
	qsort(sorted, n, sizeof(const struct mon_discovered *), by_address);
	for (size_t i = 1; i < n; i++) {
		if (memcmp(sorted[i]->address, sorted[i - 1]->address, sizeof(list->address)) == 0)
			return bad(why, "has an address that is there twice", (size_t)(sorted[i] - list));
	}
	return 0;
}

static int read_item(const struct dr_json *v, struct mon_discovered *ret, size_t at, char *why)
{
	const char *fault;

	if (!dr_json_is_object(v) || dr_json_size(v) != 2)
		return bad(why, "is no pair of host and address", at);
	fault = read_pair(dr_json_get_str(v, "host"), dr_json_get_str(v, "address"), ret);
	return fault ? bad(why, fault, at) : 0;
}

int mon_discovered_parse(const char *line, size_t len, struct mon_discovered **ret, size_t *ret_count,
			 char *why)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	size_t offset = 0, n = 0;
	int r = dr_json_parse(line, len, &root, &offset);

	if (r == -EBADMSG)
		snprintf(why, 128, "no JSON from byte %zu on", offset);
	if (r)
		return r;
	if (dr_json_is_null(root))
		return 1;
	if (!dr_json_is_array(root) || dr_json_size(root) > MON_TARGETS_MAX) {
		snprintf(why, 128, "no list of at most %d items", MON_TARGETS_MAX);
		return -EBADMSG;
	}
	DR_AUTO_FREE struct mon_discovered *list = calloc(dr_json_size(root) + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (const struct dr_json *v = dr_json_first(root); v; v = dr_json_next(v), n++) {
		r = read_item(v, &list[n], n, why);
		if (r)
			return r;
		if (n && strcmp(list[n - 1].host, list[n].host) >= 0)
			return bad(why, "is out of order, or there twice", n);
	}
	r = check_addresses(list, n, why);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(list);
	*ret_count = n;
	return 0;
}
