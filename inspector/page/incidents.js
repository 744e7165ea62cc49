// SPDX-License-Identifier: Apache-2.0
// Incidents, and what was done about each, as a time-line.
'use strict';

const OPEN_SHOWN = 300;
const ENDED_SHOWN = 50;
const LONG_MS = 5000; // on the scale of a time-line

// ---------------------------------------------------------------- the time-line of an incident

// What belongs together: [kinds of actions, what it is called, check point of its first and last success]
const SPANS = [
	[['fence'], 'fenced'],
	[['force_down'], 'host marked down', 'T04'],
	[['list_before', 'list_after'], 'servers found', 'T02'],
	[['reset_state'], 'servers set to error', 'T03'],
	[['notify'], 'told on the bus', 'T05'],
	[['list_ports'], 'ports found'],
	[['port_down'], 'ports set to DOWN'],
];
const SPANS_BACK = [
	[['force_up'], 'host released'],
	[['list_back'], 'servers found'],
	[['restore_state'], 'servers set to active'],
	[['notify_back'], 'told on the bus'],
	[['list_ports_back'], 'ports found'],
	[['port_back'], 'ports set back'],
];

const FAILED = ['failed'];
const UNFINISHED = ['pending', 'sent', 'paused'];

function spanOf(incident, zero, [kinds, name, point]) {
	const actions = incident.actions.filter((a) => kinds.includes(a.action) && a.started);

	if (!actions.length)
		return null;
	const failed = actions.filter((a) => FAILED.includes(a.result)).length;
	const open = actions.some((a) => UNFINISHED.includes(a.result));
	const many = actions.length > 1 && !kinds.includes('list_before') ? ` (${actions.length})` : '';
	const times = incident.times, points = [times[point], times[point + '_last']].filter(Boolean);

	return {
		label: (point ? point + ' ' : '') + name + many + (failed ? `, ${failed} failed` : open ? ', under way' : ''),
		from: Math.min(...actions.map((a) => ms(a.started))) - zero,
		to: Math.max(...actions.map((a) => ms(a.finished || '') || now())) - zero,
		kind: failed ? 'failed' : open ? 'under-way' : '',
		points: points.map((t) => ms(t) - zero),
	};
}

// When something was done for the first time; Infinity: nothing was.
const actedAt = (incident) => Math.min(...incident.actions.map((a) => ms(a.started)).filter((t) => t >= 0));

// The way there, from when the report came; or, where long nothing was done about it, from when that began.
function wayThere(incident) {
	const received = ms(incident.received), acted = actedAt(incident), waited = acted - received > LONG_MS && acted < Infinity;
	const zero = waited ? acted : received, raw = ms(incident.times.T01) - zero, told = ms(incident.times.T09_northbound) - zero;
	const spans = SPANS.map((s) => spanOf(incident, zero, s)).filter(Boolean);
	const rows = [];

	if (raw > -LONG_MS && raw <= 0)
		rows.push({ label: 'T01 failure, by the monitor’s clock', from: raw, to: raw, points: [raw] });
	if (!waited && acted < Infinity)
		rows.push({ label: 'reported and judged', from: 0, to: acted - received, points: [] });
	rows.push(...spans.sort((a, b) => a.from - b.from));
	if (told >= 0 && told < LONG_MS)
		rows.push({ label: 'T09 acknowledged by a subscriber', from: told, to: told, points: [told] });
	return { zero: waited ? `when it was acted upon, ${long(acted - received)} after the report` : 'when the report came', rows };
}

function rowsBack(incident) {
	const zero = ms(incident.back);

	return SPANS_BACK.map((s) => spanOf(incident, zero, s)).filter(Boolean);
}

const ROW = 34;

function valueOf(row) {
	const [unit, by] = row.to < 10000 ? ['ms', 1] : ['s', 1000];

	return (row.from === row.to ? '' : `${short(row.from / by)} – `) + `${short(row.to / by)} ${unit}`;
}

function drawRow(row, y, at) {
	const x = at(row.from), width = Math.max(0.6, at(row.to) - x);

	return [
		svg('text', { x: '0', y: y + 13 }, row.label),
		svg('text', { x: '100%', y: y + 13, 'text-anchor': 'end' }, valueOf(row)),
		svg('line', { class: 'axis', x1: '0', x2: '100%', y1: y + 23, y2: y + 23 }),
		row.to > row.from ? svg('rect', { class: `span ${row.kind || ''}`, x: `${x}%`, y: y + 18, width: `${width}%`, height: 10 }) : null,
		...row.points.map((p) => svg('svg', { x: `${at(p)}%`, y: y + 23, overflow: 'visible', width: 1, height: 1 },
			svg('path', { class: 'point', d: 'M-5 0 L0 -5 L5 0 L0 5 Z' }))),
	];
}

// Bars from the first row's begin to the last one's end; a diamond is a check point.
function drawTimeline(title, rows) {
	const from = Math.min(0, ...rows.map((r) => r.from)), to = Math.max(from + 0.1, ...rows.flatMap((r) => [r.to, ...r.points]));
	const at = (t) => 1 + 97.5 * (t - from) / (to - from);
	const says = `${title}: ` + rows.map((r) => `${r.label} ${valueOf(r)}`).join('; ');

	return svg('svg', { class: 'timeline', role: 'img', 'aria-label': says, height: rows.length * ROW },
		...rows.flatMap((r, n) => drawRow(r, n * ROW, at)));
}

function timeline(title, zero, rows) {
	return rows.length ? [el('h4', {}, title), el('p', { class: 'hint' }, `Counted from ${zero}.`), drawTimeline(title, rows)] : [];
}

function actionTable(actions) {
	const head = ['What', 'Of', 'Result', 'ms'].map((t) => el('th', { scope: 'col', class: t === 'ms' ? 'ms' : undefined }, t));
	const rows = actions.slice(0, 100).map((a) => el('tr', {},
		el('td', {}, a.action), el('td', {}, a.server || a.port || 'host'),
		el('td', {}, a.result + (a.reason ? `: ${a.reason}` : '') + (a.attempts > 1 ? ` (${a.attempts} attempts)` : '')),
		el('td', { class: 'ms' }, a.finished && a.started ? short(ms(a.finished) - ms(a.started)) : '')));

	return el('details', {}, el('summary', {}, `${plural(actions.length, 'action')}, one by one`),
		el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)),
		actions.length > 100 ? el('p', { class: 'hint' }, `And ${actions.length - 100} more.`) : null);
}

function incidentBody(i) {
	const votes = i.monitors || (i.verdict ? i.verdict.votes : []);
	const there = wayThere(i);

	return [
		i.state === 'held' ? el('p', {}, 'To act all the same: ', el('code', {}, `doctorctl incidents release ${i.id}`)) : null,
		...timeline('What was done', there.zero, there.rows),
		there.rows.length ? el('p', { class: 'hint' }, 'T00 is the monitor’s; T06 to T08 are Ceilometer’s and Aodh’s, T10 is the consumer’s.') : null,
		...timeline('The way back', 'when the host was heard again', rowsBack(i)),
		...list('h4', 'Decided', i.steps.map((s) => `${clock(s.time)} ${s.state}: ${s.reason}`)),
		...list('h4', 'What monitors say', votes.map((m) => `${m.monitor || 'one without a name'}: ${m.says}, since ${clock(m.since)}`)),
		i.actions.length ? actionTable(i.actions) : null,
		el('p', { class: 'hint' }, `${plural((i.servers || []).length, 'server')} on the host. In the logs of Nova and Neutron: `, el('code', {}, i.request_id)),
	].filter(Boolean);
}

// ---------------------------------------------------------------- incidents

function newItem(id) {
	const item = {
		sign: el('span', { class: 'state' }), name: el('strong'), fault: el('span'), why: el('span', { class: 'why' }),
		when: el('span', { class: 'when' }), body: el('div', { class: 'body' }),
	};

	item.details = el('details', {}, el('summary', {}, item.sign, ' ', item.name, ' ', item.fault, ' ', item.why, item.when), item.body);
	item.root = el('li', { 'data-id': id }, item.details);
	item.details.addEventListener('toggle', () => item.details.open && loadBody(id));
	return item;
}

async function loadBody(id) {
	const incident = known.incidents.get(id);

	if (!incident || incident.loading) {
		if (incident)
			incident.again = true;
		return;
	}
	incident.loading = true;
	incident.again = false;
	const answer = await get('/v1/incidents/' + id);
	const unfolded = incident.item.body.querySelector('details[open]');

	incident.loading = false;
	incident.item.body.replaceChildren(...(answer.body ? incidentBody(answer.body) : [el('p', {}, answer.why)]));
	if (unfolded && incident.item.body.querySelector('details'))
		incident.item.body.querySelector('details').open = true;
	if (incident.again)
		setTimeout(loadBody, 300, id);
}

function place(item, told) {
	const to = $(hasEnded(told) ? 'ended' : 'open');

	if (item.root.parentNode === to)
		return;
	const after = [...to.children].find((c) => known.incidents.get(c.dataset.id).told.received <= told.received);

	to.insertBefore(item.root, after || null);
}

function showIncident(told) {
	const incident = known.incidents.get(told.id) || { item: newItem(told.id) };
	const { item } = incident, sign = signOf(told);

	known.incidents.set(told.id, Object.assign(incident, { told }));
	item.root.dataset.mood = sign.mood;
	item.root.dataset.state = told.state;
	setText(item.sign, `${sign.sign} ${told.state}${told.held_by ? ` by ${told.held_by}` : ''}`);
	setText(item.name, told.host);
	setText(item.fault, told.fault);
	setText(item.why, told.reason);
	setText(item.when, whenOf(told));
	place(item, told);
	if (item.details.open)
		loadBody(told.id);
}

function whenOf(told) {
	const since = ms(told.received), until = ms(told.ended);

	return `${clock(told.received)}, ` + (until ? `lasted ${long(until - since)}` : `${long(now() - since)} ago`);
}

// The oldest that have ended, beyond what is shown, are forgotten; open ones are not: they are counted. The only open one is unfolded.
function trimIncidents() {
	const open = $('open').children, ended = $('ended').children, more = open.length - OPEN_SHOWN;

	while (ended.length > ENDED_SHOWN) {
		known.incidents.delete(ended[ENDED_SHOWN].dataset.id);
		ended[ENDED_SHOWN].remove();
	}
	[...open].forEach((item, n) => { item.hidden = n >= OPEN_SHOWN; });
	$('open-more').hidden = more <= 0;
	setText($('open-more-count'), String(more));
	$('open-none').hidden = open.length > 0;
	$('ended-none').hidden = ended.length > 0;
	if (open.length === 1 && !open[0].dataset.seen) {
		open[0].dataset.seen = 'yes';
		open[0].firstChild.open = true;
	}
}
