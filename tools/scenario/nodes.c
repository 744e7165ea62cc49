/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/nodes.h"

#include <arpa/inet.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"

#define COLUMNS_MAX 24
#define NETWORK "ctlplane"

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* ---------------------------------------------------------------- undercloud */

/* "ctlplane=192.0.2.8, 2001:db8::8; other=...": the first address. */
static void address_of_text(const char *text, struct sc_node *ret)
{
	const char *at = strstr(text, NETWORK "=");

	if (at) {
		at += strlen(NETWORK "=");
		snprintf(ret->address, sizeof(ret->address), "%.*s", (int)strcspn(at, ",; "), at);
	}
}

/* Clients print text up to Ussuri, then {"ctlplane": ["192.0.2.8"]}. */
static void address_of(const struct dr_json *networks, struct sc_node *ret)
{
	const char *text = dr_json_str(networks);

	if (text)
		address_of_text(text, ret);
	text = dr_json_str(dr_json_first(dr_json_get(networks, NETWORK)));
	if (text)
		snprintf(ret->address, sizeof(ret->address), "%s", text);
}

int sc_nodes_of_undercloud(const char *text, struct sc_node ret[SC_NODES_MAX])
{
	DR_AUTO_JSON struct dr_json *list = NULL;
	int n = 0;

	if (dr_json_parse(text, strlen(text), &list, NULL) < 0 || !dr_json_is_array(list))
		return -EBADMSG;
	for (struct dr_json *o = dr_json_first(list); o && n < SC_NODES_MAX; o = dr_json_next(o)) {
		const char *name = dr_json_get_str(o, "Name");
		struct sc_node node = { 0 };

		if (!name || dr_strcpy(node.name, sizeof(node.name), name) < 0)
			return -EBADMSG;
		address_of(dr_json_get(o, "Networks"), &node);
		node.controller = strstr(name, "controller") != NULL;
		if (is_address(node.address))
			ret[n++] = node;
	}
	return n;
}

/* ---------------------------------------------------------------- Fuel */

/* Cuts a row of a table into its cells, without the blanks around them. */
static unsigned cut(char *row, char *cells[COLUMNS_MAX])
{
	unsigned n = 0;

	for (char *cell; n < COLUMNS_MAX && (cell = strsep(&row, "|"));) {
		size_t len;

		cell += strspn(cell, " \t\r");
		len = strlen(cell);
		while (len && strchr(" \t\r", cell[len - 1]))
			len--;
		cell[len] = '\0';
		cells[n++] = cell;
	}
	return n;
}

struct columns {
	unsigned id, address, roles, cluster, n;
};

static bool read_head(char *const cells[], unsigned n, struct columns *ret)
{
	struct columns c = { n, n, n, n, n };

	for (unsigned i = 0; i < n; i++) {
		unsigned *column = strcmp(cells[i], "id") == 0	      ? &c.id
				   : strcmp(cells[i], "ip") == 0      ? &c.address
				   : strcmp(cells[i], "roles") == 0   ? &c.roles
				   : strcmp(cells[i], "cluster") == 0 ? &c.cluster
								      : NULL;

		if (column)
			*column = i;
	}
	*ret = c;
	return c.id < n && c.address < n && c.roles < n && c.cluster < n;
}

/* False: no node that is part of a cloud. */
static bool read_row(char *const cells[], unsigned n, const struct columns *c, struct sc_node *ret)
{
	*ret = (struct sc_node){ 0 };
	if (n != c->n || !is_address(cells[c->address]) || !cells[c->roles][0])
		return false;
	snprintf(ret->name, sizeof(ret->name), "node-%s", cells[c->id]);
	snprintf(ret->address, sizeof(ret->address), "%s", cells[c->address]);
	snprintf(ret->cloud, sizeof(ret->cloud), "%s", cells[c->cluster]);
	ret->controller = strstr(cells[c->roles], "controller") != NULL;
	return true;
}

int sc_nodes_of_fuel(const char *text, struct sc_node ret[SC_NODES_MAX])
{
	DR_AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *cells[COLUMNS_MAX];
	struct columns c = { 0 };
	bool head = false;
	int n = 0;

	if (!copy)
		return -ENOMEM;
	for (char *row; n < SC_NODES_MAX && (row = strsep(&rest, "\n"));) {
		unsigned count = cut(row, cells);

		if (!head)
			head = read_head(cells, count, &c);
		else if (read_row(cells, count, &c, &ret[n]))
			n++;
	}
	return head ? n : -EBADMSG;
}

/* ---------------------------------------------------------------- both */

int sc_nodes_find(const struct sc_node *nodes, int n, const char *host)
{
	size_t len = strcspn(host, ".");

	for (int i = 0; i < n; i++)
		if (strcspn(nodes[i].name, ".") == len && strncmp(nodes[i].name, host, len) == 0)
			return i;
	return -ENOENT;
}
