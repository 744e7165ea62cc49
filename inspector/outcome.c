// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "inspector/outcome.h"

struct row {
	unsigned from, to; /* status */
	enum ins_outcome force_down, reset, list;
};

/*
 * The first row that fits. 401 comes here only after a new login has been tried. 404: a service's id changes
 * when it is deleted and registers again; a server is deleted by its owner any time. 409: another request is
 * at it, or it is locked. 400, 403 and the rest of 4xx come from us or from policy and do not change by
 * waiting, except 408 (slow), 413 and 429 (limits of a proxy or of Nova).
 *
 * Force-down is waited for as long as it is wanted: nothing else is done for a dead host before Nova took it,
 * and Nova is likely to be in trouble just when hosts die.
 */
static const struct row table[] = {
	{ 200, 299, INS_OUT_OK, INS_OUT_OK, INS_OUT_OK },
	{ 401, 401, INS_OUT_WAIT, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 404, 404, INS_OUT_STALE, INS_OUT_GONE, INS_OUT_RETRY },
	{ 408, 408, INS_OUT_WAIT, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 409, 409, INS_OUT_RETRY, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 413, 413, INS_OUT_WAIT, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 429, 429, INS_OUT_WAIT, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 500, 599, INS_OUT_WAIT, INS_OUT_RETRY, INS_OUT_RETRY },
	{ 0, 999, INS_OUT_FAIL, INS_OUT_FAIL, INS_OUT_FAIL },
};

enum ins_outcome ins_outcome_of(enum ins_request request, int error, unsigned status)
{
	const struct row *r = table;

	if (error == -EACCES)
		return INS_OUT_WAIT;
	if (error) /* time-outs, lost connections, a catalogue in the making: none of them says "done" */
		return request == INS_REQ_FORCE_DOWN ? INS_OUT_WAIT : INS_OUT_RETRY;
	while (r->to != 999 && (status < r->from || status > r->to))
		r++;
	switch (request) {
	case INS_REQ_FORCE_DOWN:
		return r->force_down;
	case INS_REQ_RESET:
		return r->reset;
	case INS_REQ_LIST:
		break;
	}
	return r->list;
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
