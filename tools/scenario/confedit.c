/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/confedit.h"

#include <string.h>

#include "doctor/conf.h"
#include "doctor/json.h"

#define BLANKS " \t\r"
#define VALUE_MAX 256

/* One line of a text, without its end. */
struct line {
	const char *at;
	size_t len;
};

/* The next line from *p on, which is moved behind it; false at the end. */
static bool next_line(const char **p, struct line *ret)
{
	if (!**p)
		return false;
	*ret = (struct line){ *p, strcspn(*p, "\n") };
	*p += ret->len + ((*p)[ret->len] == '\n');
	return true;
}

static struct line trim(const char *at, size_t len)
{
	while (len && strchr(BLANKS, at[0])) {
		at++;
		len--;
	}
	while (len && strchr(BLANKS, at[len - 1]))
		len--;
	return (struct line){ at, len };
}

static bool is(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->at, text, l->len) == 0;
}

static void put_line(struct dr_buf *out, const struct line *l)
{
	dr_buf_append(out, l->at, l->len);
	dr_buf_puts(out, "\n");
}

/* ---------------------------------------------------------------- ini */

static bool is_head(const struct line *l, const char *section)
{
	struct line t = trim(l->at, l->len);

	if (t.len < 2 || t.at[0] != '[' || t.at[t.len - 1] != ']')
		return false;
	t.at++;
	t.len -= 2;
	return !section || is(&t, section);
}

/* Whether it sets that key, to *ret. */
static bool is_key(const struct line *l, const char *key, struct line *ret)
{
	size_t n = 0;
	struct line name;

	while (n < l->len && l->at[n] != '=' && l->at[n] != ':')
		n++;
	if (n == l->len || (l->len && strchr("#; \t[", l->at[0])))
		return false;
	name = trim(l->at, n);
	*ret = trim(l->at + n + 1, l->len - n - 1);
	return is(&name, key);
}

/* It goes on with the value of the line before. */
static bool goes_on(const struct line *l)
{
	return l->len && (l->at[0] == ' ' || l->at[0] == '\t') && trim(l->at, l->len).len;
}

bool sc_ini_get(const char *text, const char *section, const char *key, char *ret, size_t size)
{
	bool here = false, found = false;
	struct line l, value;

	while (next_line(&text, &l)) {
		if (is_head(&l, NULL))
			here = is_head(&l, section);
		else if (here && is_key(&l, key, &value)) {
			snprintf(ret, size, "%.*s", (int)value.len, value.at);
			found = true;
		}
	}
	return found;
}

/* All but the lines that set the key; where the first of them was, the new one is. */
static bool replace(const char *text, const char *section, const char *key, const char *value,
		    struct dr_buf *out)
{
	bool here = false, found = false, dropping = false;
	struct line l, old;

	while (next_line(&text, &l)) {
		if (dropping && goes_on(&l))
			continue;
		dropping = false;
		if (is_head(&l, NULL)) {
			here = is_head(&l, section);
		} else if (here && is_key(&l, key, &old)) {
			if (!found)
				dr_buf_printf(out, "%s = %s\n", key, value);
			found = dropping = true;
			continue;
		}
		put_line(out, &l);
	}
	return found;
}

static void add(const char *text, const char *section, const char *key, const char *value, struct dr_buf *out)
{
	bool added = false;
	struct line l;

	while (next_line(&text, &l)) {
		put_line(out, &l);
		if (!added && is_head(&l, section)) {
			dr_buf_printf(out, "%s = %s\n", key, value);
			added = true;
		}
	}
	if (!added)
		dr_buf_printf(out, "[%s]\n%s = %s\n", section, key, value);
}

int sc_ini_set(const char *text, const char *section, const char *key, const char *value, struct dr_buf *out)
{
	char old[VALUE_MAX];
	size_t before = out->len;

	if (sc_ini_get(text, section, key, old, sizeof(old)) && strcmp(old, value) == 0)
		return 1;
	if (replace(text, section, key, value, out))
		return out->error;
	if (!out->error && out->len > before) {
		out->len = before;
		out->data[before] = '\0';
	}
	add(text, section, key, value, out);
	return out->error;
}

/* ---------------------------------------------------------------- nova.conf */

static bool is_one_of(const char *value, const char *const good[])
{
	for (size_t i = 0; good[i]; i++)
		if (strcmp(value, good[i]) == 0)
			return true;
	return false;
}

/* Where it is set, or else where it was up to Newton. */
static bool get_either(const char *text, const char *section, const char *key, char ret[VALUE_MAX])
{
	return sc_ini_get(text, section, key, ret, VALUE_MAX) ||
	       sc_ini_get(text, "DEFAULT", key, ret, VALUE_MAX);
}

/* Sets it in the text that *text holds; 1: it was so. */
static int set_in(struct dr_buf *text, const char *section, const char *key, const char *value)
{
	struct dr_buf changed = { 0 };
	int r = sc_ini_set(dr_buf_str(text), section, key, value, &changed);

	if (r != 0) {
		dr_buf_done(&changed);
		return r;
	}
	dr_buf_done(text);
	*text = changed;
	return 0;
}

/* [DEFAULT] is where releases up to Newton look; later ones prefer the section. */
static int set_both(struct dr_buf *text, const char *section, const char *key, const char *value)
{
	int r = set_in(text, section, key, value), r2;

	if (r < 0)
		return r;
	r2 = set_in(text, "DEFAULT", key, value);
	return r2 < 0 ? r2 : r && r2;
}

static int edit_nova(struct dr_buf *text)
{
	static const char *const notifying[] = { "vm_state", "vm_and_task_state", NULL };
	static const char *const formats[] = { "unversioned", "both", NULL };
	static const char *const drivers[] = { "messagingv2", "messaging", NULL };
	char value[VALUE_MAX];
	bool changed = false;
	int r = 0;

	if (!get_either(dr_buf_str(text), "notifications", "notify_on_state_change", value) ||
	    !is_one_of(value, notifying)) {
		r = set_both(text, "notifications", "notify_on_state_change", "vm_state");
		changed = true;
	}
	if (r >= 0 &&
	    sc_ini_get(dr_buf_str(text), "notifications", "notification_format", value, sizeof(value)) &&
	    !is_one_of(value, formats)) {
		r = set_in(text, "notifications", "notification_format", "both");
		changed = true;
	}
	if (r >= 0 &&
	    (!sc_ini_get(dr_buf_str(text), "oslo_messaging_notifications", "driver", value, sizeof(value)) ||
	     !is_one_of(value, drivers))) {
		r = set_in(text, "oslo_messaging_notifications", "driver", "messagingv2");
		changed = true;
	}
	return r < 0 ? r : !changed;
}

int sc_edit_nova(const char *text, struct dr_buf *out, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	int r;

	dr_buf_puts(&b, text);
	r = b.error ? b.error : edit_nova(&b);
	if (r == 0)
		dr_buf_append(out, b.data, b.len);
	return r == 0 ? out->error : r;
}

/* ---------------------------------------------------------------- event_pipeline.yaml */

/* The list of publishers, not empty; NULL with an error in c. */
static struct dr_conf_node *find_publishers(struct dr_conf *c)
{
	struct dr_conf_node *sinks = dr_conf_list(c, dr_conf_root(c), "sinks"), *list;
	const char *name;

	for (size_t i = 0; i < dr_conf_count(sinks); i++) {
		struct dr_conf_node *sink = dr_conf_item(sinks, i);

		if (!dr_conf_is_map(sink) || !dr_conf_str(c, sink, "name", NULL, &name) ||
		    strcmp(name, "event_sink") != 0)
			continue;
		list = dr_conf_list(c, sink, "publishers");
		if (dr_conf_count(list) == 0)
			dr_conf_error(c, sink, "the sink event_sink has no publishers");
		return dr_conf_count(list) ? list : NULL;
	}
	if (dr_conf_error_count(c) == 0)
		dr_conf_error(c, sinks, "there is no sink event_sink");
	return NULL;
}

static bool has_publisher(const struct dr_conf_node *list)
{
	for (size_t i = 0; i < dr_conf_count(list); i++) {
		const char *text = dr_conf_scalar(dr_conf_item(list, i));

		if (text && strcmp(text, SC_PUBLISHER) == 0)
			return true;
	}
	return false;
}

/* Before the first one: as a line like that of it, or between the brackets. */
static void insert_publisher(const char *text, const struct dr_conf_node *list, struct dr_buf *out)
{
	const struct dr_conf_node *first = dr_conf_item(list, 0);
	const char *p = text;
	size_t column = dr_conf_column(first) - 1, dash = dr_conf_column(list) - 1;
	struct line l;

	for (size_t i = 1; next_line(&p, &l); i++) {
		if (i == dr_conf_line(first) && column <= l.len) {
			dr_buf_append(out, l.at, column);
			if (dash < l.len && dr_conf_line(list) == i && l.at[dash] == '-') {
				dr_buf_puts(out, SC_PUBLISHER "\n");
				dr_buf_printf(out, "%*s", (int)dash, "");
				dr_buf_append(out, l.at + dash, l.len - dash);
			} else {
				dr_buf_puts(out, "\"" SC_PUBLISHER "\", ");
				dr_buf_append(out, l.at + column, l.len - column);
			}
			dr_buf_puts(out, "\n");
		} else {
			put_line(out, &l);
		}
	}
}

static int parse_pipeline(const char *text, struct dr_conf **ret, struct dr_conf_node **ret_list,
			  char **ret_error)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL;
	struct dr_conf_node *list;
	int r = dr_conf_parse("event_pipeline.yaml", text, strlen(text), &c);

	if (r < 0)
		return r;
	list = find_publishers(c);
	if (!list || dr_conf_error_count(c)) {
		*ret_error = strdup(dr_conf_error_text(c, 0));
		return -EBADMSG;
	}
	*ret = DR_TAKE_PTR(c);
	*ret_list = list;
	return 0;
}

int sc_edit_pipeline(const char *text, struct dr_buf *out, char **ret_error)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL, *changed = NULL;
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct dr_conf_node *list;
	int r = parse_pipeline(text, &c, &list, ret_error);

	if (r < 0 || has_publisher(list))
		return r < 0 ? r : 1;
	insert_publisher(text, list, &b);
	r = b.error ? b.error : parse_pipeline(dr_buf_str(&b), &changed, &list, ret_error);
	if (r == 0 && !has_publisher(list)) { /* a way of writing YAML that is not known here */
		*ret_error = strdup("event_pipeline.yaml: no publisher can be put into event_sink");
		r = -EBADMSG;
	}
	if (r == 0)
		dr_buf_append(out, b.data, b.len);
	return r < 0 ? r : out->error;
}

/* ---------------------------------------------------------------- policy */

#define RULE "os_compute_api:servers:show:host_status"
/* without the names of other rules, which differ between releases */
#define ALLOWED "is_admin:True or project_id:%(project_id)s"

static bool is_allowed(const char *value)
{
	static const char *const good[] = { ALLOWED,
					    "rule:admin_or_owner",
					    "rule:project_reader_or_admin",
					    "rule:project_member_or_admin",
					    "rule:project_reader_api",
					    "@",
					    "",
					    NULL };

	return is_one_of(value, good);
}

static int edit_json(struct dr_json *o, struct dr_buf *out)
{
	const char *old = dr_json_get_str(o, RULE);
	DR_AUTO_FREE char *text = NULL;

	if (old && is_allowed(old))
		return 1;
	dr_json_add_str(o, RULE, ALLOWED);
	text = dr_json_print(o);
	if (!text)
		return -ENOMEM;
	dr_buf_printf(out, "%s\n", text);
	return out->error;
}

/* Whether a line of YAML sets the rule. */
static bool is_rule(const struct line *l)
{
	size_t quote = l->len && (l->at[0] == '"' || l->at[0] == '\'');

	return l->len > quote + strlen(RULE) && memcmp(l->at + quote, RULE, strlen(RULE)) == 0 &&
	       (quote ? l->at[quote + strlen(RULE)] == l->at[0] : l->at[strlen(RULE)] == ':');
}

static int edit_yaml(const char *text, struct dr_buf *out, char **ret_error)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL;
	const char *old, *p = text;
	struct line l;
	int r = dr_conf_parse("policy", text, strlen(text), &c);

	if (r < 0)
		return r;
	if (dr_conf_str(c, dr_conf_root(c), RULE, NULL, &old) && is_allowed(old))
		return 1;
	if (dr_conf_error_count(c)) {
		*ret_error = strdup(dr_conf_error_text(c, 0));
		return -EBADMSG;
	}
	while (next_line(&p, &l))
		if (!is_rule(&l))
			put_line(out, &l);
	dr_buf_puts(out, "\"" RULE "\": \"" ALLOWED "\"\n");
	return out->error;
}

int sc_edit_policy(const char *text, struct dr_buf *out, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *json = NULL;

	if (trim(text, strlen(text)).len == 0)
		json = dr_json_object();
	else if (dr_json_parse(text, strlen(text), &json, NULL) < 0)
		return edit_yaml(text, out, ret_error);
	return dr_json_is_object(json) ? edit_json(json, out) : edit_yaml(text, out, ret_error);
}
