/* SPDX-License-Identifier: Apache-2.0 */
/* Small texts: times, durations, addresses, URLs, ids, headers, and what goes into a request, JSON or a log.
 */
#include <sys/socket.h>

#include "doctor/cloud/call.h"
#include "doctor/http_client.h"
#include "doctor/http_server.h"
#include "doctor/log.h"
#include "inspector/north_callback.h"
#include "inspector/outcome.h"
#include "inspector/source.h"
#include "tests/fuzz/fuzz.h"
#include "user/config.h"

static void read_time(const char *text)
{
	char out[DR_TIME_STR_MAX];
	struct dr_wall w, again;
	bool zoned;

	if (dr_wall_parse(text, &w, NULL))
		return;
	FUZZ_CHECK(strlen(dr_wall_format(w, out)) == strlen("2026-11-22T14:03:21.710436Z"));
	if (w.ns < 0 ||
	    w.ns / DR_NSEC_PER_SEC > 9214646400 - 1) /* what we write is read, from 1970 to 2261 */
		return;
	FUZZ_CHECK(!dr_wall_parse(out, &again, &zoned) && zoned);
	FUZZ_CHECK(w.ns - again.ns >= 0 && w.ns - again.ns < DR_NSEC_PER_USEC);
}

static void read_duration(const char *text)
{
	char out[DR_TIME_STR_MAX];
	struct dr_dur d, again;

	if (dr_dur_parse(text, &d))
		return;
	FUZZ_CHECK(d.ns >= 0);
	FUZZ_CHECK(!dr_dur_parse(dr_dur_format(d, out), &again) && again.ns == d.ns);
}

static void escape(const char *text)
{
	DR_AUTO_FREE char *escaped = dr_api_escape(text);
	const char *p = escaped;

	FUZZ_CHECK(escaped);
	for (; *text; text++) {
		unsigned byte = (unsigned char)*p++;

		if (byte == '%') {
			FUZZ_CHECK(sscanf(p, "%2X", &byte) == 1);
			p += 2;
		} else {
			FUZZ_CHECK(!strchr("/?#&=+ ", (int)byte));
		}
		FUZZ_CHECK(byte == (unsigned char)*text);
	}
	FUZZ_CHECK(!*p);
}

static void read_id(const char *text)
{
	struct ins_refusal why;
	char id[INS_SOURCE_MAX];

	if (!ins_source_id(text, strlen(text), id, &why))
		FUZZ_CHECK(!strcmp(id, text) && !fuzz_has_control(id));
	if (dr_api_id_valid(text))
		FUZZ_CHECK(strlen(text) <= 64 && !strpbrk(text, "/%?# "));
}

static void read_addresses(const char *text)
{
	char out[MON_ADDRESS_STR_MAX], url[MON_URL_STR_MAX];
	struct dr_http_listen listen;
	__be32 address[4], again[4];
	const char *at;
	int family = mon_address_parse(text, address);

	FUZZ_CHECK(family == 4 || family == 6 || family == -EINVAL || family == -EAFNOSUPPORT);
	if (family > 0) {
		FUZZ_CHECK(mon_address_is_v4(address) == (family == 4));
		FUZZ_CHECK(mon_address_parse(mon_address_format(address, out), again) == family);
		FUZZ_CHECK(!memcmp(address, again, sizeof(address)));
	}
	if (!dr_http_listen_parse(text, &listen))
		FUZZ_CHECK(listen.address[0] && !(listen.any && listen.loopback));
	mon_url_format(text, url);
	at = strstr(url, "://");
	FUZZ_CHECK(!at || !memchr(at + 3, '@', strcspn(at + 3, "/?#")));
}

/* url below an endpoint, or elsewhere, which is refused. */
static void join(const char *endpoint, const char *url)
{
	DR_AUTO_FREE char *full = dr_api_url(endpoint, url);
	const char *host = strstr(endpoint, "://");
	size_t origin;

	if (!full) {
		FUZZ_CHECK(errno == EINVAL);
		return;
	}
	FUZZ_CHECK(host);
	origin = (size_t)(host + 3 - endpoint) + strcspn(host + 3, "/?#");
	FUZZ_CHECK(!strncasecmp(full, endpoint, origin));
	FUZZ_CHECK(!full[origin] || strchr("/?#", full[origin]));
}

static void print(const char *text)
{
	DR_AUTO_JSON struct dr_json *v = dr_json_string(text), *again = NULL;
	DR_AUTO_FREE char *printed = dr_json_print(v);

	FUZZ_CHECK(printed && !dr_json_parse(printed, strlen(printed), &again, NULL));
	FUZZ_CHECK(!strcmp(dr_json_str(v), dr_json_str(again)));
}

/* name may be any text, and so may be the lines. */
static void read_header(const char *name, const char *lines)
{
	struct dr_http_response h = { 0 };
	char value[32];

	dr_buf_puts(&h.headers, lines);
	if (dr_http_response_header(&h, name, value, sizeof(value)))
		FUZZ_CHECK(!strpbrk(value, "\r\n") && !strchr(" \t", value[0] ? value[0] : 'x') &&
			   strstr(lines, value));
	dr_http_response_done(&h);
}

/* What comes from outside is one line, and makes no field of its own. */
static int check_record(const struct dr_log_record *r, void *userdata)
{
	FUZZ_CHECK(!fuzz_has_control(r->message));
	FUZZ_CHECK(r->field_count == 2 && r->fields[0].key_len == 4 &&
		   !strncmp(r->fields[0].key, "host", 4) && r->fields[1].key_len == 6 &&
		   !strncmp(r->fields[1].key, "reason", 6));
	for (size_t i = 0; i < r->field_count; i++)
		FUZZ_CHECK(r->fields[i].value + r->fields[i].value_len <= r->message + strlen(r->message));
	return 0;
}

/* Digits alone are seconds, at most a minute. */
static void read_retry_after(const char *text)
{
	int64_t ns = ins_retry_after(text).ns;

	FUZZ_CHECK(ns >= 0 && ns <= dr_sec(60).ns && ns % DR_NSEC_PER_SEC == 0);
	if (!text[0] || text[strspn(text, "0123456789")])
		FUZZ_CHECK(!ns);
	else
		FUZZ_CHECK(ns == dr_sec(DR_MIN(strtoull(text, NULL, 10), 60ULL)).ns);
}

/* A URL that some rule forbids is forbidden without the others; one that is good goes to one host. */
static void read_callback(const char *url, const char *text)
{
	struct ins_callback_rule rule;
	const struct ins_callback_rules none = { 0 }, one = { &rule, 1 };
	const char *bad = ins_callback_check(url, &none);

	if (!bad) {
		FUZZ_CHECK(!strncmp(url, "http://", 7) || !strncmp(url, "https://", 8));
		FUZZ_CHECK(!fuzz_has_control(url) && !strpbrk(url, " #\\"));
		FUZZ_CHECK(!memchr(url + 7, '@', strcspn(url + 8, "/?#") + 1));
	}
	if (ins_callback_rule_parse(text, &rule)) /* rule is not touched then */
		return;
	FUZZ_CHECK(rule.family ? rule.bits <= (rule.family == AF_INET ? 32 : 128) : rule.host[0]);
	FUZZ_CHECK(!bad || ins_callback_check(url, &one));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *rest = data;
	size_t left = size, len;
	char cut;
	const uint8_t *line = fuzz_cut(&rest, &left, "\n", &len, &cut);
	DR_AUTO_FREE char *text = fuzz_text(line, len), *second = fuzz_text(rest, left);

	read_time(text);
	read_duration(text);
	escape(text);
	read_id(text);
	read_addresses(text);
	join(text, second);
	print(text);
	read_header(text, second);
	read_retry_after(text);
	read_callback(text, second);
	dr_log_set_sink(check_record, NULL);
	dr_warning("seen %s host=%s reason=\"%s\"", text, second, text);
	return 0;
}
