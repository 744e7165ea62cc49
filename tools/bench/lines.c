/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/lines.h"

#include <arpa/inet.h>
#include <string.h>

/* The IPv4 address that text begins with, up to one of the characters in ends. */
static bool address(const char *text, const char *ends, uint32_t *ret)
{
	char buf[INET_ADDRSTRLEN];
	size_t n = strspn(text, "0123456789.");
	struct in_addr a;

	if (n >= sizeof(buf) || !text[n] || !strchr(ends, text[n]))
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (inet_pton(AF_INET, buf, &a) != 1)
		return false;
	*ret = ntohl(a.s_addr);
	return true;
}

/* The address behind a word. */
static bool address_after(const char *line, const char *word, const char *ends, uint32_t *ret)
{
	const char *at = strstr(line, word);

	return at && address(at + strlen(word), ends, ret);
}

/*
 * 10.2.0.1 : [0], 64 bytes, 0.080 ms (0.080 avg, 0% loss)
 * 10.2.0.1 : [1], timed out (0.080 avg, 50% loss)
 */
enum bench_said bench_line_fping(const char *line, uint32_t *ret_address)
{
	const char *at = strstr(line, " : [");
	bool answer = at && strstr(at, " bytes, "), timeout = at && strstr(at, "], timed out");

	if (answer == timeout || !address(line, " ", ret_address))
		return BENCH_SAID_NOTHING;
	return answer ? BENCH_SAID_ANSWER : BENCH_SAID_TIMEOUT;
}

/*
 * 56 bytes from 10.2.0.1 (10.2.0.1): icmp_seq=1 ttl=64 time=0.04 ms
 * echo reply from 10.2.0.1 (10.2.0.1): icmp_seq=1 timeout
 */
enum bench_said bench_line_oping(const char *line, uint32_t *ret_address)
{
	size_t len = strlen(line);
	bool timeout = strncmp(line, "echo reply from ", 16) == 0;

	if (!address_after(line, " from ", " ", ret_address) || !strstr(line, "icmp_seq="))
		return BENCH_SAID_NOTHING;
	if (timeout)
		return len > 8 && strcmp(line + len - 8, " timeout") == 0 ? BENCH_SAID_TIMEOUT
									  : BENCH_SAID_NOTHING;
	return strstr(line, " time=") ? BENCH_SAID_ANSWER : BENCH_SAID_NOTHING;
}

/*
 * ... state-change: [mhop:no peer:10.2.0.1 local:10.1.0.1 vrf:default ifname:v0] up -> down
 * reason:control-expired
 */
enum bench_said bench_line_bfdd(const char *line, uint32_t *ret_address)
{
	const char *at = strstr(line, "state-change: [");

	if (!at || !address_after(at, " peer:", " ", ret_address))
		return BENCH_SAID_NOTHING;
	if (strstr(at, "] up -> "))
		return BENCH_SAID_DOWN;
	return strstr(at, " -> up") ? BENCH_SAID_UP : BENCH_SAID_NOTHING;
}

/* 2026-11-22 20:24:09.054 <TRACE> b: Session to 10.2.0.1 changed state from Up to Down */
enum bench_said bench_line_bird(const char *line, uint32_t *ret_address)
{
	const char *at = strstr(line, ": Session to ");

	if (!at || !address_after(at, " to ", " ", ret_address))
		return BENCH_SAID_NOTHING;
	if (strstr(at, " changed state from Up to "))
		return BENCH_SAID_DOWN;
	return strstr(at, " to Up") ? BENCH_SAID_UP : BENCH_SAID_NOTHING;
}

/* The value of a word, up to the next space. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = line; (at = strstr(at, key)); at += len) {
		if ((at == line || at[-1] == ' ') && at[len] == '=')
			return at + len + 1;
	}
	return NULL;
}

bool bench_line_number(const char *line, const char *key, double *ret)
{
	const char *text = value_of(line, key);
	char *end;
	double d;

	if (!text)
		return false;
	d = strtod(text, &end);
	if (end == text || (*end && *end != ' '))
		return false;
	*ret = d;
	return true;
}

bool bench_line_verdict(const char *line, char host[64], double *ret_late_us)
{
	const char *name = value_of(line, "host");
	size_t n = name ? strcspn(name, " ") : 0;

	if (!strstr(line, "target down ") || !n || n >= 64 ||
	    !bench_line_number(line, "late_us", ret_late_us))
		return false;
	memcpy(host, name, n);
	host[n] = '\0';
	return true;
}

enum bench_said bench_streak_feed(struct bench_streak *s, enum bench_said said, unsigned need)
{
	enum bench_said now = BENCH_SAID_NOTHING;

	if (said == BENCH_SAID_UP || said == BENCH_SAID_DOWN)
		now = said;
	if (said == BENCH_SAID_ANSWER) {
		s->timeouts = 0;
		if (++s->answers >= need)
			now = BENCH_SAID_UP;
	} else if (said == BENCH_SAID_TIMEOUT) {
		s->answers = 0;
		if (++s->timeouts >= need)
			now = BENCH_SAID_DOWN;
	}
	if (now == BENCH_SAID_NOTHING || s->state == (int)now)
		return BENCH_SAID_NOTHING;
	s->state = (int)now;
	return now;
}
