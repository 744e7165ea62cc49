// SPDX-License-Identifier: Apache-2.0
// The page of doctor-inspector: shows what GET /v1/stream tells (docs/api.md), and changes nothing.
'use strict';

const SILENCE_MS = 10000; // the inspector says something every two seconds
const PAUSES_MS = [300, 1000, 2000, 5000];
const CALM_OPEN = 60; // a group of more hosts that are up is folded
const OPEN_SHOWN = 300;
const ENDED_SHOWN = 50;
const LONG_MS = 5000; // on the scale of a time-line

// ---------------------------------------------------------------- elements

const $ = (id) => document.getElementById(id);

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes))
		if (value !== undefined && value !== false)
			node.setAttribute(name, value === true ? '' : value);
	node.append(...children.filter((c) => c !== undefined && c !== null && c !== ''));
	return node;
}

// Children are nodes or text; text is text, whatever is in it.
function el(name, attributes = {}, ...children) {
	return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
	return fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

const plural = (n, one, many = one + 's') => `${n} ${n === 1 ? one : many}`;

const byName = new Intl.Collator('en', { numeric: true }).compare;

// ---------------------------------------------------------------- times

let ahead = 0; // ms that the inspector's clock is ahead of ours, to a second

const now = () => Date.now() + ahead;

// Milliseconds since the epoch, with those of a microsecond behind the point; NaN: none that can be reckoned with.
function ms(time) {
	const parts = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)([.,]\d+)?(Z|[+-]\d\d:?\d\d)$/.exec(time || '');

	return parts ? Date.parse(`${parts[1]}T${parts[2]}${parts[4]}`) + Number((parts[3] || '.0').replace(',', '.')) * 1000 : NaN;
}

function clock(time) {
	const text = String(time).replace('T', ' ');
	const today = new Date(now()).toISOString().slice(0, 10);

	return text.startsWith(today) ? text.slice(11, 19) : text.slice(0, 19);
}

function long(span) {
	const s = Math.max(0, Math.round(span / 1000));

	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.round(s / 60)} min`;
	return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

const short = (n) => n.toFixed(Math.abs(n) < 10 ? 1 : 0);

// ---------------------------------------------------------------- what the states of hosts and incidents are

const STATES = { // the worst first
	held: { sign: '▲', mood: 'bad', word: 'held', says: 'said to be down, and a rule forbids to act: a person decides' },
	failed: { sign: '✕', mood: 'bad', word: 'not done', says: 'what was to be done failed, all of it or in part' },
	down: { sign: '■', mood: 'bad', word: 'down', says: 'marked down in Nova' },
	silent: { sign: '▼', mood: 'bad', word: 'silent', says: 'Nova hears nothing of its nova-compute' },
	acting: { sign: '◆', mood: 'busy', word: 'acting', says: 'reported, and being judged or marked down' },
	returning: { sign: '◐', mood: 'busy', word: 'returning', says: 'heard again; what was changed is changed back' },
	fault: { sign: '◇', mood: 'note', word: 'fault', says: 'an open fault for which it is not marked down' },
	maintenance: { sign: '□', mood: 'note', word: 'maintenance', says: 'somebody works on it' },
	disabled: { sign: '○', mood: 'note', word: 'disabled', says: 'by a person, in Nova' },
	up: { sign: '●', mood: 'good', word: 'up', says: 'nothing is known against it' },
};

const OF_INCIDENT = {
	resolving: 'acting', waiting: 'acting', forcing: 'acting', marking: 'acting', held: 'held', failed: 'failed',
	incomplete: 'failed', recovering: 'returning', restoring: 'returning', marked: 'down',
};

function stateOf(host) {
	const by = OF_INCIDENT[host.incident_state];

	if (by && (by !== 'down' || host.forced_down))
		return by;
	if (host.forced_down)
		return 'down';
	if (host.maintenance)
		return 'maintenance';
	if (host.disabled)
		return 'disabled';
	if (!host.up)
		return 'silent';
	return host.incident ? 'fault' : 'up';
}

function signOf(incident) {
	const by = OF_INCIDENT[incident.state];

	if (incident.state === 'closed')
		return { sign: '●', mood: 'good' };
	return by ? STATES[by] : { sign: '◇', mood: 'note' };
}

// A hold that only a person ends is loud; the others are rules that an operator has set.
const isLoud = (incident) => incident.state === 'held' && ['brake', 'stale'].includes(incident.held_by);
const hasEnded = (incident) => incident.state === 'closed' || incident.state === 'refused';

// ---------------------------------------------------------------- what is known

const known = {
	health: null,
	hosts: new Map(), // by name: what was told, its state, its cell
	zones: new Map(), // by name: elements
	incidents: new Map(), // by id: what was told, its item
	maintenance: [],
	complete: false, // everything was told once
};

// ---------------------------------------------------------------- news, for those who hear the page

const news = [];

function tell(text) {
	if (!news.length)
		setTimeout(() => {
			const more = news.length - 4;

			$('news').textContent = news.slice(0, 4).join(' ') + (more > 0 ? ` And ${more} changes more.` : '');
			news.length = 0;
		}, 1000);
	news.push(text);
}

// ---------------------------------------------------------------- hosts

function groupOf(zone, calm) {
	return calm ? zone.calm : zone.loud;
}

function newZone(name) {
	const id = 'zone-' + known.zones.size;
	const zone = {
		title: el('h3', { id }),
		loud: el('ul', { class: 'cells', 'aria-labelledby': id }),
		calm: el('ul', { class: 'cells calm' }),
		said: el('summary'),
	};

	zone.rest = el('details', { class: 'zone' }, zone.said, zone.calm);
	zone.root = el('div', {}, zone.title, zone.loud, zone.rest);
	zone.name = name;
	known.zones.set(name, zone);
	const after = [...known.zones.values()].filter((z) => byName(z.name, name) > 0).sort((a, b) => byName(a.name, b.name))[0];
	$('zones').insertBefore(zone.root, after ? after.root : null);
	return zone;
}

// Keeps a group sorted; the first cell of a group is its way in for the Tab key.
function insert(list, item, name) {
	let low = 0, high = list.children.length;

	while (low < high) {
		const middle = (low + high) >> 1;

		if (byName(list.children[middle].dataset.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	list.insertBefore(item, list.children[low] || null);
}

function newCell(name) {
	const sign = el('span', { 'aria-hidden': 'true' });
	const word = el('span', { class: 'word' });
	const button = el('button', { type: 'button', class: 'cell', tabindex: '-1', 'aria-haspopup': 'dialog' }, sign,
		el('span', { class: 'name', title: name }, name), word);

	return { sign, word, button, item: el('li', { 'data-name': name }, button) };
}

function showHost(told) {
	const host = known.hosts.get(told.name) || { cell: newCell(told.name) };
	const state = stateOf(told), about = STATES[state], { cell } = host;
	const zone = known.zones.get(told.zone || '') || newZone(told.zone || '');
	const list = groupOf(zone, state === 'up');
	const hadFocus = document.activeElement === cell.button;

	if (state !== host.state) {
		cell.button.dataset.mood = about.mood;
		cell.button.dataset.state = state;
		setText(cell.sign, about.sign);
		setText(cell.word, about.word);
		cell.button.classList.toggle('changed', host.state !== undefined);
	}
	cell.button.setAttribute('aria-label', `${told.name}, ${about.word}, ${plural(told.servers, 'server')}`);
	if (cell.item.parentNode !== list)
		insert(list, cell.item, told.name);
	if (hadFocus)
		cell.button.focus();
	known.hosts.set(told.name, Object.assign(host, { told, state, zone }));
}

function forget(host) {
	host.cell.item.remove();
	known.hosts.delete(host.told.name);
}

const showsHost = (host) => host.told.name.toLowerCase().includes($('find').value.trim().toLowerCase());

// Headings with their counts, what is hidden, and where Tab enters each group.
function showZones() {
	const counts = new Map([...known.zones.values()].map((z) => [z, { all: 0, up: 0, seen: 0, words: {} }]));

	for (const host of known.hosts.values()) {
		const c = counts.get(host.zone), seen = showsHost(host);

		c.all++;
		if (host.state === 'up')
			c.up++;
		else
			c.words[host.state] = (c.words[host.state] || 0) + 1;
		c.seen += seen;
		host.cell.item.hidden = !seen;
	}
	for (const [zone, c] of counts) {
		const words = Object.keys(STATES).filter((s) => c.words[s]).map((s) => `${c.words[s]} ${STATES[s].word}`);

		zone.root.hidden = !c.seen;
		setText(zone.title, [zone.name ? `Zone ${zone.name}` : 'In no zone', plural(c.all, 'host'), ...words].join(' · '));
		setText(zone.said, `${STATES.up.sign} ${c.up} up`);
		zone.calm.setAttribute('aria-label', `${zone.name ? `Zone ${zone.name}` : 'In no zone'}, up`);
		zone.rest.hidden = !c.up || $('only').checked;
		if (zone.folded === undefined && c.all)
			zone.rest.open = !(zone.folded = c.up > CALM_OPEN);
		enterAtFirst(zone.loud);
		enterAtFirst(zone.calm);
	}
}

function enterAtFirst(list) {
	const cells = [...list.children].filter((i) => !i.hidden).map((i) => i.firstChild);
	const entry = cells.find((b) => b === document.activeElement) || cells[0];

	for (const button of list.querySelectorAll('.cell[tabindex="0"]'))
		if (button !== entry)
			button.tabIndex = -1;
	if (entry && entry.tabIndex !== 0)
		entry.tabIndex = 0;
}

function columnsOf(cells) {
	const top = cells[0].offsetTop, next = cells.findIndex((c) => c.offsetTop > top);

	return next < 0 ? cells.length : next;
}

function onArrow(event) {
	const from = event.target.closest('.cell');

	if (!from)
		return;
	const cells = [...from.closest('ul').querySelectorAll('li:not([hidden]) > .cell')], at = cells.indexOf(from);
	const down = event.key === 'ArrowDown' || event.key === 'ArrowUp' ? columnsOf(cells) : 0;
	const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + down, ArrowUp: at - down, Home: 0, End: cells.length - 1 }[event.key];

	if (to === undefined)
		return;
	event.preventDefault();
	if (!cells[to])
		return;
	from.tabIndex = -1;
	cells[to].tabIndex = 0;
	cells[to].focus();
}

// ---------------------------------------------------------------- one host

function facts(list, pairs) {
	list.replaceChildren(...pairs.filter((p) => p[1] !== undefined && p[1] !== '').flatMap(([name, value]) =>
		[el('dt', {}, name), el('dd', {}, value)]));
	return list;
}

function list(level, title, lines) {
	return lines.length ? [el(level, {}, title), el('ul', { class: 'steps' }, ...lines.map((l) => el('li', {}, l)))] : [];
}

function hostBody(h, state) {
	return [
		el('p', { 'data-mood': STATES[state].mood }, `${STATES[state].sign} ${STATES[state].word}: ${STATES[state].says}.`),
		facts(el('dl'), [
			['Zone', h.zone], ['Aggregates', (h.aggregates || []).join(', ')], ['Servers', String(h.servers)],
			['In Nova', h.in_nova ? [h.up ? 'up' : 'down', h.forced_down && 'forced down', h.disabled && 'disabled'].filter(Boolean).join(', ') : 'not known'],
			['Read', `${long(h.read_age_seconds * 1000)} ago`], ['Monitors needed', String(h.monitors_needed)],
			['Flaps', h.flap.held ? `held for ${long((h.flap.left_seconds || 0) * 1000)} more` : ''],
		]),
		...list('h3', 'What monitors say', h.monitors.map((m) => `${m.monitor || 'one without a name'}: ${m.says}, since ${clock(m.since)}`)),
		...list('h3', 'Maintenance', h.maintenance.map((m) => `until ${clock(m.until)}, by ${m.by === 'alarm' ? 'an alarm' : 'a person'}: ${m.reason}`)),
		...list('h3', 'Its last incidents', h.incidents.map((i) => `${clock(i.received)} ${i.fault}: ${i.state}, ${i.reason}`)),
		...list('h3', 'What led to nothing', h.not_acted_on.slice(-5).map((n) => `${clock(n.time)} ${n.verdict}: ${n.reason}`)),
		el('p', { class: 'hint' }, 'More: ', el('code', {}, `doctorctl why ${h.name}`)),
	];
}

async function openHost(name) {
	const dialog = $('host');

	setText($('host-title'), name);
	$('host-body').replaceChildren(el('p', {}, 'Being asked for.'));
	dialog.dataset.name = name;
	if (!dialog.open)
		dialog.showModal();
	const answer = await get('/v1/hosts/' + encodeURIComponent(name));
	const host = known.hosts.get(name);

	if (dialog.dataset.name === name)
		$('host-body').replaceChildren(...(answer.body && host ? hostBody(answer.body, host.state) : [el('p', {}, answer.why || 'It is no more.')]));
}

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
		i.state === 'held' ? el('p', {}, 'To act all the same: ', el('code', {}, `doctorctl incident release ${i.id}`)) : null,
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

// The oldest beyond what is shown; the only open one is unfolded.
function trimIncidents() {
	const open = $('open').children, ended = $('ended').children;

	for (const [rest, max] of [[open, OPEN_SHOWN], [ended, ENDED_SHOWN]])
		while (rest.length > max) {
			known.incidents.delete(rest[max].dataset.id);
			rest[max].remove();
		}
	$('open-none').hidden = open.length > 0;
	$('ended-none').hidden = ended.length > 0;
	if (open.length === 1 && !open[0].dataset.seen) {
		open[0].dataset.seen = 'yes';
		open[0].firstChild.open = true;
	}
}

// ---------------------------------------------------------------- what needs somebody

function alarm(mood, title, ...more) {
	return { mood, title, more };
}

function lines(incidents) {
	const shown = incidents.slice(0, 8).map((i) => el('li', {}, `${i.host}: ${i.reason}; to act all the same: `, el('code', {}, `doctorctl incident release ${i.id}`)));

	return el('ul', { class: 'steps' }, ...shown, incidents.length > 8 ? el('li', {}, `and ${incidents.length - 8} more`) : null);
}

function heldAlarms() {
	const loud = [...known.incidents.values()].map((i) => i.told).filter(isLoud);
	const brake = loud.filter((i) => i.held_by === 'brake'), stale = loud.filter((i) => i.held_by === 'stale');
	const out = [];

	if (brake.length)
		out.push(alarm('bad', `▲ The brake holds ${plural(brake.length, 'incident')}: NOT marked down, a person decides`, lines(brake)));
	if (stale.length)
		out.push(alarm('bad', `▲ ${plural(stale.length, 'incident')} held, as what was said is too old: a person decides`, lines(stale)));
	return out;
}

function healthAlarms(health) {
	const degraded = health.status === 'degraded';
	const problems = health.problems.filter((p) => !/held until a person decides$/.test(p));
	const out = problems.map((p, n) => alarm(degraded && n === 0 ? 'bad' : 'busy', (degraded && n === 0 ? '✕ It cannot act: ' : '◆ ') + p));

	if (health.dry_run)
		out.push(alarm('note', '◇ Dry run: hosts are judged, and nothing is changed in the cloud'));
	return out;
}

function showAlarms() {
	const all = [];

	if (link.state === 'lost')
		all.push(alarm('bad', `✕ Not connected: what is shown is of ${link.since ? clock(new Date(link.since).toISOString()) : 'no time'}`, el('p', {}, link.why)));
	all.push(...heldAlarms(), ...(known.health ? healthAlarms(known.health) : []));
	const nodes = all.map((a) => el('div', { class: 'alarm', 'data-mood': a.mood }, el('strong', {}, a.title), ...a.more));
	const text = nodes.map((n) => n.textContent).join('\n'), box = $('alarms');

	if (box.said === text)
		return;
	if (known.complete)
		for (const a of all.filter((a) => !(box.titles || []).includes(a.title)))
			tell(a.title + '.');
	box.said = text;
	box.titles = all.map((a) => a.title);
	box.hidden = !nodes.length;
	$('alarm-list').replaceChildren(...nodes);
}

function showSummary() {
	const counts = {};

	for (const host of known.hosts.values())
		counts[host.state] = (counts[host.state] || 0) + 1;
	const worst = Object.keys(STATES).find((s) => counts[s]);
	const parts = Object.keys(STATES).filter((s) => s !== 'up' && counts[s]).map((s) => `${STATES[s].sign} ${counts[s]} ${STATES[s].word}`);
	const all = known.hosts.size;
	const said = !all ? ['Nova has no hosts'] : parts.length ? [...parts, `of ${plural(all, 'host')}`] : [all === 1 ? '● The one host is up' : `● All ${all} hosts are up`];

	if (!known.complete)
		return;
	if ($('summary').textContent !== said.join(' · '))
		$('summary').replaceChildren(...said.flatMap((s, n) => [n ? ' · ' : '', el('span', { class: 'part' }, s)]));
	$('summary').dataset.mood = worst ? STATES[worst].mood : 'note';
	document.title = parts.length ? `${parts[0]} – Doctor` : 'Doctor';
}

function showMaintenance() {
	$('maintenance-none').hidden = known.maintenance.length > 0;
	$('maintenance-list').replaceChildren(...known.maintenance.map((m) => el('li', {},
		el('strong', {}, m.host), ` until ${clock(m.until)}, since ${clock(m.since)}, by ${m.by === 'alarm' ? 'an alarm' : 'a person'}`, m.reason ? `: ${m.reason}` : '')));
}

function showHealth() {
	const h = known.health;

	if (!h)
		return;
	facts($('facts'), [
		['Status', h.status], ['Version', h.version], ['Since', clock(h.started)],
		['Map of Nova', `${plural(h.hosts, 'host')}, ${plural(h.servers, 'server')}, read ${long(h.map_age_seconds * 1000)} ago`],
		['Incidents', `${h.incidents_active} worked on, ${h.incidents_pending} waiting or held`],
		['Events waiting', String(h.events_queued)],
		['Journal', !h.journal.kept ? 'none is kept' : h.journal.failing ? `cannot be written: ${h.journal.reason}` : `written, ${plural(h.journal.pending, 'row')} waiting`],
		['Bus', h.bus ? (h.bus.connected ? `connected to ${h.bus.host}` : `not there: ${h.bus.reason || ''}`) : 'none is configured'],
		['Fencing', h.fence.method + (h.fence.required ? ', required' : '')],
		['Northbound', h.northbound && `${plural(h.northbound.subscriptions, 'subscription')}, ${h.northbound.pending} notifications waiting`],
	]);
}

// Once for many changes.
let planned = false;

function plan() {
	if (planned)
		return;
	planned = true;
	setTimeout(() => {
		planned = false;
		trimIncidents();
		showZones();
		showSummary();
		showAlarms();
	}, 30);
}

// ---------------------------------------------------------------- the stream

const on = {
	health(health) {
		known.health = health;
		showHealth();
	},
	hosts(all) {
		const names = new Set(all.hosts.map((h) => h.name));

		for (const host of [...known.hosts.values()])
			if (!names.has(host.told.name))
				forget(host);
		all.hosts.forEach(showHost);
	},
	host(host) {
		const before = known.hosts.get(host.name) && known.hosts.get(host.name).state;

		showHost(host);
		if (known.hosts.get(host.name).state !== before)
			tell(`${host.name} is ${STATES[stateOf(host)].word}.`);
	},
	maintenance(all) {
		known.maintenance = all.maintenance;
		showMaintenance();
	},
	incidents(all) {
		const ids = new Set(all.incidents.map((i) => i.id));

		for (const [id, incident] of [...known.incidents])
			if (!ids.has(id)) {
				incident.item.root.remove();
				known.incidents.delete(id);
			}
		all.incidents.forEach(showIncident);
		known.complete = true;
	},
	incident(incident) {
		const before = known.incidents.get(incident.id);

		if (!before || before.told.state !== incident.state)
			tell(`Incident of ${incident.host}: ${incident.state}.`);
		showIncident(incident);
	},
};

// One event: lines "event: NAME" and "data: JSON".
function take(message) {
	const fields = Object.fromEntries(message.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line)).filter(Boolean).map((m) => [m[1], m[2]]));

	if (fields.data && Object.hasOwn(on, fields.event)) {
		on[fields.event](JSON.parse(fields.data));
		plan();
	}
}

const link = { state: 'connecting', since: 0, why: '', failures: 0 };

function setLink(state, why = '') {
	if (link.state !== state && known.complete && state !== 'connecting')
		tell(state === 'live' ? 'Connected again.' : 'The connection is lost.');
	Object.assign(link, { state, why });
	$('link').dataset.state = state;
	setText($('link'), { live: '● live', lost: '✕ not connected', connecting: '◐ connecting' }[state]);
	plan();
}

let token = sessionStorage.getItem('token') || '';

const credentials = () => (token ? { Authorization: `Bearer ${token}` } : {});

async function whyOf(response) {
	const body = await response.json().catch(() => null);

	return body && body.error ? body.error.message : `status ${response.status}`;
}

async function get(path) {
	try {
		const response = await fetch(path, { headers: credentials(), cache: 'no-store' });

		return response.ok ? { body: await response.json() } : { why: await whyOf(response) };
	} catch (error) {
		return { why: `The inspector does not answer: ${error.message}` };
	}
}

// Returns when the stream has ended in good order.
async function follow() {
	const stop = new AbortController();
	let watch = setTimeout(() => stop.abort(), SILENCE_MS);

	try {
		const response = await fetch('/v1/stream', { headers: credentials(), cache: 'no-store', signal: stop.signal });

		if (!response.ok)
			throw Object.assign(new Error(await whyOf(response)), { status: response.status });
		ahead = (Date.parse(response.headers.get('Date')) || Date.now()) - Date.now();
		$('access').hidden = true;
		const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();

		for (let rest = '', heard = false;; heard = true) {
			const { value, done } = await reader.read();

			if (done && !heard)
				throw new Error('The stream has ended at once.');
			if (done)
				return;
			clearTimeout(watch);
			watch = setTimeout(() => stop.abort(), SILENCE_MS);
			rest += value;
			const messages = rest.split('\n\n');

			rest = messages.pop();
			messages.forEach(take);
			link.since = now();
			link.failures = 0;
			if (link.state !== 'live')
				setLink('live');
		}
	} finally {
		clearTimeout(watch);
	}
}

const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

let entered = null; // who waits for a token

function askForToken(why) {
	setText($('access-why'), why);
	if ($('access').hidden) {
		$('access').hidden = false;
		$('token').focus();
	}
	return new Promise((resolve) => { entered = resolve; });
}

function onToken(event) {
	event.preventDefault();
	token = $('token').value.trim();
	sessionStorage.setItem('token', token);
	$('token').value = '';
	if (entered)
		entered();
}

async function followAlways() {
	for (;;) {
		try {
			await follow(); // ends in good order as streams do: there is a next one
			await pause(PAUSES_MS[0]);
		} catch (error) {
			setLink('lost', error.name === 'AbortError' ? 'Nothing was heard for 10 seconds.' : error.message);
			if (error.status === 401 || (error.status === 403 && token))
				await askForToken(error.message);
			else
				await pause(PAUSES_MS[Math.min(link.failures++, PAUSES_MS.length - 1)]);
		}
	}
}

// ---------------------------------------------------------------- the start

function showKey() {
	facts($('key-list'), Object.values(STATES).map((s) => [`${s.sign} ${s.word}`, s.says]));
}

function start() {
	showKey();
	setLink('connecting');
	$('access-form').addEventListener('submit', onToken);
	$('find').addEventListener('input', plan);
	$('only').addEventListener('change', plan);
	$('zones').addEventListener('keydown', onArrow);
	$('zones').addEventListener('click', (event) => {
		const cell = event.target.closest('.cell');

		if (cell)
			openHost(cell.parentNode.dataset.name);
	});
	setInterval(() => {
		for (const { told, item } of known.incidents.values())
			setText(item.when, whenOf(told));
	}, 20000);
	followAlways();
}

start();
