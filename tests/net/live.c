/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "doctor/http_client.h"
#include "tests/net/live.h"
#include "tools/scenario/run.h"

const char *live_ifname(struct bed *b)
{
	return sc_topo_ifname(b->topo, SC_MONITOR);
}

/* ---------------------------------------------------------------- configurations */

void live_begin(struct bed *b, struct dr_buf *t, const char *extra)
{
	dr_buf_printf(t, "name: %s\ninterface: %s\n%ssocket: %s/run/socket\n", b->name, live_ifname(b),
		      strstr(extra, "interval:") ? "" : "interval: 10ms\n", b->dir);
	if (!strstr(extra, "inspectors:"))
		dr_buf_printf(t, "inspector: {url: \"http://127.0.0.1:%u/events\"}\n", b->port);
	dr_buf_printf(t, "%stargets:\n", extra);
}

void live_target(struct dr_buf *t, const char *host, const char *address, const char *more)
{
	dr_buf_printf(t, "  - {host: %s, address: \"%s\"%s}\n", host, address, more);
}

void live_start(struct bed *b, struct dr_buf *t, unsigned hosts)
{
	bed_write(b, dr_buf_str(t));
	bed_start(b);
	if (!bed_wait_events(b, hosts, BED_SOON))
		bed_fail(b, "only %u of %u hosts came up", b->nevents, hosts);
	for (unsigned i = 0; i < b->nevents; i++)
		assert_string_equal(b->events[i].status, "up");
	b->nevents = 0;
}

void live_hang_up(struct bed *b, const char *log)
{
	assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
	if (!bed_wait_log(b, log, BED_SOON))
		bed_fail(b, "no \"%s\" after SIGHUP", log);
}

void live_death_and_recovery(struct bed *b, int host)
{
	BED_MUST(sc_topo_drop(b->topo, host, &error));
	bed_expect_down(b, 0, sc_topo_name(b->topo, host));
	BED_MUST(sc_topo_restore(b->topo, host, &error));
	bed_expect_up(b, 1, sc_topo_name(b->topo, host));
	assert_int_equal(b->nevents, 2);
	b->nevents = 0;
}

/* ---------------------------------------------------------------- the local socket */

char *live_socket(struct bed *b)
{
	return dr_asprintf("%s/run/socket", b->dir);
}

unsigned live_get(struct bed *b, const char *path, struct dr_buf *body)
{
	DR_AUTO_FREE char *where = live_socket(b), *url = dr_asprintf("http://monitor%s", path);
	const struct dr_http_client_opts opts = { .unix_socket = where };
	const struct dr_http_request req = { .method = "GET", .url = url };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *client = NULL;
	DR_AUTO(dr_http_response_done) struct dr_http_response response = { 0 };

	assert_int_equal(dr_http_client_new(b->loop, &opts, &client), 0);
	assert_int_equal(dr_http_call(client, &req, &response), 0);
	if (response.error)
		bed_fail(b, "%s: %s", path, response.reason);
	if (body)
		dr_buf_append(body, dr_buf_str(&response.body), response.body.len);
	return response.status;
}

struct dr_json *live_json(struct bed *b, const char *path)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	struct dr_json *doc = NULL;
	unsigned status = live_get(b, path, &text);

	if (status != 200 || dr_json_parse(dr_buf_str(&text), text.len, &doc, NULL))
		bed_fail(b, "%s: status %u: %s", path, status, dr_buf_str(&text));
	return doc;
}

static bool find_number(const struct dr_json *doc, const char *dotted, int64_t *ret)
{
	DR_AUTO_FREE char *parent = strdup(dotted);
	char *last = strrchr(parent, '.');

	if (last)
		*last++ = '\0';
	return dr_json_get_i64(last ? dr_json_path(doc, parent) : doc, last ? last : dotted, ret) == 0;
}

int64_t live_number(struct bed *b, const char *path, const char *dotted)
{
	DR_AUTO_JSON struct dr_json *doc = live_json(b, path);
	int64_t n;

	if (!find_number(doc, dotted, &n))
		bed_fail(b, "%s has no number %s", path, dotted);
	return n;
}

void live_expect_text(struct bed *b, const char *path, const char *dotted, const char *text)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	for (;;) {
		DR_AUTO_JSON struct dr_json *doc = live_json(b, path);
		const char *now = dr_json_str(dr_json_path(doc, dotted));
		if (now && strcmp(now, text) == 0)
			return;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(b, "%s %s is \"%s\" and not \"%s\"", path, dotted, now ? now : "(none)",
				 text);
		bed_idle(b, dr_msec(20));
	}
}

void live_expect_number(struct bed *b, const char *path, const char *dotted, int64_t at_least)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	int64_t n;

	while ((n = live_number(b, path, dotted)) < at_least) {
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(b, "%s %s is %lld, less than %lld", path, dotted, (long long)n,
				 (long long)at_least);
		bed_idle(b, dr_msec(20));
	}
}

void live_expect_zero(struct bed *b, const char *path, const char *dotted)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	int64_t n;

	while ((n = live_number(b, path, dotted)) != 0) {
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(b, "%s %s stays %lld", path, dotted, (long long)n);
		bed_idle(b, dr_msec(20));
	}
}

int live_ctl(struct bed *b, struct dr_buf *out, const char *words)
{
	char program[600], copy[200];
	DR_AUTO_FREE char *where = live_socket(b);
	const char *argv[16] = { program, "--socket", where };
	unsigned n = 3;

	snprintf(program, sizeof(program), "%s/doctorctl", b->bin);
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *rest = copy, *word; (word = strsep(&rest, " ")) && n < DR_ARRAY_SIZE(argv) - 1;)
		argv[n++] = word;
	return sc_run(argv, NULL, out);
}

/* ---------------------------------------------------------------- IPv6 */

char *live_address6(struct bed *b, int host, bool link_local, char buf[48])
{
	const char *last = strrchr(sc_topo_address(b->topo, host), '.') + 1;

	snprintf(buf, 48, "%s::%s", link_local ? "fe80" : "fd00:d0c", last);
	return buf;
}

void live_enable_ipv6(struct bed *b)
{
	char address[48];

	for (int host = SC_MONITOR; host < (int)sc_topo_nhosts(b->topo); host++) {
		const char *ifname = sc_topo_ifname(b->topo, host);
		bed_on(b, host, "sysctl -qw net.ipv6.conf.%s.addr_gen_mode=1", ifname);
		bed_on(b, host, "sysctl -qw net.ipv6.conf.%s.disable_ipv6=0", ifname);
		for (int link_local = 0; link_local < 2; link_local++)
			bed_on(b, host, "ip -6 address add %s/64 dev %s nodad",
			       live_address6(b, host, link_local, address), ifname);
	}
}
