// SPDX-License-Identifier: Apache-2.0
// The page of doctor-inspector: shows what GET /v1/stream tells (docs/api.md), and changes nothing.
'use strict';

const SILENCE_MS = 10000; // the inspector says something every two seconds
const PAUSES_MS = [300, 1000, 2000, 5000];

// ---------------------------------------------------------------- what needs somebody

function alarm(mood, title, ...more) {
	return { mood, title, more };
}

function lines(incidents) {
	const shown = incidents.slice(0, 8).map((i) => el('li', {}, `${i.host}: ${i.reason}; to act all the same: `, el('code', {}, `doctorctl incidents release ${i.id}`)));

	return el('ul', { class: 'steps' }, ...shown, incidents.length > 8 ? el('li', {}, `and ${incidents.length - 8} more`) : null);
}

function heldAlarms() {
	const loud = [...known.incidents.values()].map((i) => i.told).filter(isLoud);
	const brake = loud.filter((i) => i.held_by === 'brake'), stale = loud.filter((i) => i.held_by === 'stale');
	const braked = Math.max(brake.length, known.health ? known.health.held_by_brake : 0); // of very many not all are told
	const out = [];

	if (brake.length)
		out.push(alarm('bad', `▲ The brake holds ${plural(braked, 'incident')}: NOT marked down, a person decides`, lines(brake)));
	if (stale.length)
		out.push(alarm('bad', `▲ ${plural(stale.length, 'incident')} held, as what was said is too old: a person decides`, lines(stale)));
	return out;
}

function healthAlarms(health) {
	const degraded = health.status === 'degraded';
	const problems = health.problems.filter((p) => !/held until a person decides$|^no cloud is configured/.test(p)); // shown in other words
	const out = problems.map((p, n) => alarm(degraded && n === 0 ? 'bad' : 'busy', (degraded && n === 0 ? '✕ It cannot act: ' : '◆ ') + p));

	if (health.no_cloud)
		out.push(alarm('note', '◇ No cloud is configured: hosts are judged, and nothing is done for them',
			el('p', {}, 'Where the cloud is goes into the configuration of the inspector: ', el('code', {}, 'cloud: admin'))));
	else if (health.dry_run)
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

// Of an inspector that knows no host: what comes first.
function showNoHosts() {
	const none = known.complete && !known.hosts.size;

	$('hosts-none').hidden = !none || withoutCloud();
	$('hosts-first').hidden = !none || !withoutCloud();
}

function showSummary() {
	const counts = {};

	for (const host of known.hosts.values())
		counts[host.state] = (counts[host.state] || 0) + 1;
	const worst = Object.keys(STATES).find((s) => counts[s]);
	const parts = Object.keys(STATES).filter((s) => s !== 'up' && counts[s]).map((s) => `${STATES[s].sign} ${counts[s]} ${STATES[s].word}`);
	const all = known.hosts.size;
	const said = !all ? [withoutCloud() ? 'No monitor has told of a host yet' : 'Nova has no hosts'] : parts.length ? [...parts, `of ${plural(all, 'host')}`] : [all === 1 ? '● The one host is up' : `● All ${all} hosts are up`];

	if (!known.complete)
		return;
	if ($('summary').textContent !== said.join(' · '))
		$('summary').replaceChildren(...said.flatMap((s, n) => [n ? ' · ' : '', el('span', { class: 'part' }, s)]));
	$('summary').dataset.mood = worst && link.state !== 'lost' ? STATES[worst].mood : 'note';
	document.title = link.state === 'lost' ? '✕ not connected – Doctor' : parts.length ? `${parts[0]} – Doctor` : 'Doctor';
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
		h.no_cloud ? ['Cloud', 'none is configured'] : ['Map of Nova', `${plural(h.hosts, 'host')}, ${plural(h.servers, 'server')}, read ${long(h.map_age_seconds * 1000)} ago`],
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
		showNoHosts();
		showSummary();
		showAlarms();
	}, 30);
}

// ---------------------------------------------------------------- the stream

const on = {
	health(health) {
		known.health = health;
		showHealth();
		showKey();
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

// One event: lines "event: NAME" and "data: JSON", in which U+2028 ends none.
function take(message) {
	const fields = Object.fromEntries(message.split('\n').map((line) => /^(\w+): ?(.*)$/s.exec(line)).filter(Boolean).map((m) => [m[1], m[2]]));

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
	const alone = String(withoutCloud()), list = $('key-list');

	if (list.dataset.alone === alone)
		return;
	list.dataset.alone = alone;
	facts(list, Object.keys(STATES).filter((s) => saysOf(s) !== null).map((s) => [`${STATES[s].sign} ${STATES[s].word}`, saysOf(s)]));
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
