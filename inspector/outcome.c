// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "inspector/outcome.h"

#define RETRY_AFTER_MAX 60 /* seconds */

struct row {
	unsigned from, to;    /* status */
	const char *outcomes; /* of each request, in their order: see letters */
};

static const struct {
	char letter;
	enum ins_outcome outcome;
} letters[] = {
	{ 'o', INS_OUT_OK },	{ 'g', INS_OUT_GONE }, { 'r', INS_OUT_RETRY },
	{ 's', INS_OUT_STALE }, { 'w', INS_OUT_WAIT }, { 'f', INS_OUT_FAIL },
};

/*
 * The first row that fits; columns: force-down, force-up, reset, list, diagnose, ports, port.
 *
 * 401 comes here only after a new login has been tried. 404: a service's id changes when it is deleted and
 * registers again; a server or port is deleted by its owner any time. 409: another request is at it, or it is
 * locked; of diagnostics: it does not run. 400, 403 and the rest of 4xx come from us or from policy and do
 * not change by waiting, except 408 (slow), 413 and 429 (limits of a proxy or of Nova), and 400 to force-up:
 * Nova refuses it while evacuations of the host are not completed, which its nova-compute does when it
 * starts.
 *
 * What is wanted is waited for: Nova is likely to be in trouble just when hosts die. 501: a hypervisor's
 * driver has no diagnostics.
 */
static const struct row table[] = {
	{ 200, 299, "ooooooo" }, { 400, 400, "fwfffff" }, { 401, 401, "wwwwwww" }, { 404, 404, "ssgrgfg" },
	{ 408, 408, "wwwwwww" }, { 409, 409, "rrrrfrr" }, { 413, 413, "wwwwwww" }, { 429, 429, "wwwwwww" },
	{ 501, 501, "wwwwfww" }, { 500, 599, "wwwwwww" }, { 0, 999, "fffffff" },
};

static enum ins_outcome outcome_of(char letter)
{
	size_t i = 0;

	while (letters[i].letter != letter)
		i++;
	return letters[i].outcome;
}

enum ins_outcome ins_outcome_of(enum ins_request request, int error, unsigned status)
{
	const struct row *r = table;

	/* there is no network service: it will not come by waiting */
	if (error == -ENOENT && (request == INS_REQ_PORTS || request == INS_REQ_PORT))
		return INS_OUT_FAIL;
	if (error) /* time-outs, lost connections, a catalogue in the making: none of them says "done" */
		return INS_OUT_WAIT;
	while (r->to != 999 && (status < r->from || status > r->to))
		r++;
	return outcome_of(r->outcomes[request]);
}

struct dr_dur ins_retry_after(const char *value)
{
	char *end;
	unsigned long n;

	if (!value || *value < '0' || *value > '9')
		return (struct dr_dur){ 0 };
	n = strtoul(value, &end, 10);
	return *end ? (struct dr_dur){ 0 } : dr_sec((int64_t)DR_MIN(n, (unsigned long)RETRY_AFTER_MAX));
}

struct dr_dur ins_retry_pause(const struct ins_retry_conf *c, enum ins_outcome outcome, unsigned attempts)
{
	struct dr_dur pause = c->pause;

	if (outcome != INS_OUT_RETRY && outcome != INS_OUT_STALE && outcome != INS_OUT_WAIT)
		return (struct dr_dur){ -1 };
	if (outcome != INS_OUT_WAIT && attempts >= c->attempts)
		return (struct dr_dur){ -1 };
	for (unsigned i = 1; i < attempts && pause.ns < c->pause_max.ns; i++)
		pause.ns *= 2;
	return pause.ns < c->pause_max.ns ? pause : c->pause_max;
}
