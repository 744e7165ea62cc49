/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/un.h>

#include "doctor/buf.h"
#include "user/config_read.h"

void mon_read_name(struct mon_reader *r, struct dr_conf_node *map, const char *key, const char *fallback,
		   char *ret, size_t size)
{
	const char *text;

	ret[0] = '\0';
	dr_conf_str(r->conf, map, key, fallback, &text);
	if (!text)
		return;
	struct dr_conf_node *at = dr_conf_get(r->conf, map, key);
	if (!*text ||
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ||
	    *text == '.')
		dr_conf_error(
			r->conf, at,
			"\"%s\" is not a name: letters, digits, '.', '_' and '-' are, not beginning with '.'",
			text);
	else if (dr_strcpy(ret, size, text))
		dr_conf_error(r->conf, at, "\"%.24s...\" has %zu characters, more than the maximum of %zu",
			      text, strlen(text), size - 1);
}

void mon_read_host(struct mon_reader *r, struct dr_conf_node *map, const char *fallback,
		   char ret[MON_HOST_MAX])
{
	const char *text;

	ret[0] = '\0';
	dr_conf_str(r->conf, map, "host", fallback, &text);
	if (!text)
		return;
	struct dr_conf_node *at = dr_conf_get(r->conf, map, "host");
	bool good = *text;
	for (const char *p = text; *p; p++)
		good = good && (unsigned char)*p > ' ' && *p != 0x7f && !strchr("\"\\/", *p);
	if (!good)
		dr_conf_error(r->conf, at,
			      "\"%s\" is not a host name: no blank, quote, slash or backslash is in one, as "
			      "in compute-1.example.org",
			      text);
	else if (dr_strcpy(ret, MON_HOST_MAX, text))
		dr_conf_error(r->conf, at, "\"%.24s...\" has %zu characters, more than the maximum of %d",
			      text, strlen(text), MON_HOST_MAX - 1);
}

int mon_read_path(struct mon_reader *r, struct dr_conf_node *map, const char *key, const char *fallback,
		  size_t max, char **ret)
{
	const char *text;

	*ret = NULL;
	dr_conf_str(r->conf, map, key, fallback, &text);
	if (!text)
		return 0;
	if (text[0] != '/' || strlen(text) > max)
		dr_conf_error(r->conf, dr_conf_get(r->conf, map, key),
			      "\"%s\" is not an absolute path of at most %zu characters", text, max);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static bool is_off(const char *text)
{
	return !strcmp(text, "off") || !strcmp(text, "no") || !strcmp(text, "false");
}

static void read_isolation(struct mon_reader *r, struct dr_conf_node *root)
{
	struct dr_conf_node *map = dr_conf_map(r->conf, root, "isolation");
	struct mon_isolation *i = &r->c->isolation;
	int64_t targets;

	dr_conf_share(r->conf, map, "share", 999, 500, &i->share_permille);
	dr_conf_int(r->conf, map, "targets", 1, MON_TARGETS_MAX, 3, &targets);
	i->share_min = (uint32_t)targets;
	dr_conf_dur(r->conf, map, "blind_after", dr_msec(10), dr_sec(60), dr_sec(1), &i->blind_after);
	dr_conf_check_keys(r->conf, map);
}

static void read_grey(struct mon_reader *r, struct dr_conf_node *root)
{
	struct dr_conf_node *map = dr_conf_map(r->conf, root, "grey");
	struct mon_grey *g = &r->c->grey;
	int64_t factor;

	dr_conf_dur(r->conf, map, "window", dr_sec(1), dr_sec(3600), dr_sec(10), &g->window);
	dr_conf_share(r->conf, map, "loss", 1000, 50, &g->loss_permille);
	dr_conf_int(r->conf, map, "rtt_factor", 0, 1000, 3, &factor);
	g->rtt_factor = (uint32_t)factor;
	dr_conf_dur(r->conf, map, "rtt_step", dr_msec(0), dr_sec(60), dr_msec(1), &g->rtt_step);
	dr_conf_check_keys(r->conf, map);
}

static void read_metrics(struct mon_reader *r, struct dr_conf_node *root)
{
	const char *text;

	dr_conf_str(r->conf, root, "metrics", "off", &text);
	if (is_off(text))
		return;
	r->c->metrics_on = true;
	if (dr_http_listen_parse(text, &r->c->metrics))
		dr_conf_error(
			r->conf, dr_conf_get(r->conf, root, "metrics"),
			"\"%s\" is neither off nor a numeric address and port such as 127.0.0.1:9464 or "
			"[::1]:9464",
			text);
}

static int read_socket(struct mon_reader *r, struct dr_conf_node *root)
{
	DR_AUTO_FREE char *standard = dr_asprintf("/run/doctor/%s.sock", r->c->name);
	const char *text;

	if (!standard)
		return -ENOMEM;
	dr_conf_str(r->conf, root, "socket", standard, &text);
	if (is_off(text))
		return 0;
	return mon_read_path(r, root, "socket", standard, sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
			     &r->c->socket);
}

/* How the monitor itself runs. */
static int read_process(struct mon_reader *r, struct dr_conf_node *root)
{
	static const char *const egress[] = { "auto", "tcx", "clsact", NULL };
	static const char *const attach[] = { "auto", "native", "generic", "tc", "dispatcher", NULL };
	struct mon_config *c = r->c;
	const char *pin_root;
	int64_t priority;
	int e;

	dr_conf_str(r->conf, root, "pin_root", "/sys/fs/bpf/doctor", &pin_root);
	if (pin_root[0] != '/' || dr_strcpy(c->pin_root, sizeof(c->pin_root), pin_root))
		dr_conf_error(r->conf, dr_conf_get(r->conf, root, "pin_root"),
			      "\"%s\" is not an absolute path of at most %zu characters", pin_root,
			      sizeof(c->pin_root) - 1);
	mon_read_name(r, root, "user", NULL, c->user, sizeof(c->user));
	dr_conf_enum(r->conf, root, "attach", attach, MON_ATTACH_AUTO, &e);
	c->attach = (enum mon_attach_mode)e;
	dr_conf_enum(r->conf, root, "egress", egress, MON_EGRESS_AUTO, &e);
	c->egress = (enum mon_egress)e;
	dr_conf_bool(r->conf, root, "consume_replies", false, &c->consume_replies);
	dr_conf_bool(r->conf, root, "passive", true, &c->passive);
	dr_conf_int(r->conf, root, "realtime_priority", 0, 98, 50, &priority);
	c->realtime_priority = (int)priority;
	read_metrics(r, root);
	return read_socket(r, root);
}

static int read_all(struct mon_reader *r, struct dr_conf_node *root)
{
	struct mon_config *c = r->c;
	char self[MON_HOST_MAX] = "";
	int err;

	if (gethostname(self, sizeof(self) - 1))
		return dr_errno();
	mon_read_name(r, root, "name", "doctor-monitor", c->name, sizeof(c->name));
	mon_read_host(r, root, self, c->host);
	read_isolation(r, root);
	read_grey(r, root);
	if ((err = read_process(r, root)) || (err = mon_read_inspectors(r, root)) ||
	    (err = mon_read_watched(r, root)))
		return err;
	dr_conf_check_keys(r->conf, root);
	return 0;
}

int mon_config_read(struct dr_conf *conf, mon_ifindex_fn ifindex, struct mon_config *ret)
{
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };
	struct mon_reader r = { .conf = conf, .ifindex = ifindex, .c = &c };
	struct dr_conf_node *root = dr_conf_root(conf);

	if (root && !dr_conf_is_map(root))
		dr_conf_check_keys(conf, root); /* says what is expected */
	if (dr_conf_error_count(conf))
		return 1;
	int err = read_all(&r, root);
	if (err)
		return err;
	if (dr_conf_error_count(conf))
		return 1;
	mon_config_derive_times(&c);
	*ret = c;
	c = (struct mon_config){ 0 };
	return 0;
}
