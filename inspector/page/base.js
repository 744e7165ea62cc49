// SPDX-License-Identifier: Apache-2.0
// What the other scripts of the page share: elements, times, states, and what is known.
'use strict';

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

// The worst first. alone: what it says where there is no cloud; null: there it cannot be.
const STATES = {
	held: { sign: '▲', mood: 'bad', word: 'held', says: 'said to be down, and a rule forbids to act: a person decides' },
	failed: { sign: '✕', mood: 'bad', word: 'not done', says: 'what was to be done failed, all of it or in part' },
	down: { sign: '■', mood: 'bad', word: 'down', says: 'marked down in Nova', alone: null },
	rehearsed: { sign: '▣', mood: 'bad', word: 'would be marked down', says: 'judged to be down; a dry run, nothing is done for it', alone: 'judged to be down; without a cloud nothing is done for it' },
	silent: { sign: '▼', mood: 'bad', word: 'silent', says: 'Nova hears nothing of its nova-compute', alone: 'a monitor says that it is down' },
	acting: { sign: '◆', mood: 'busy', word: 'acting', says: 'reported, and being judged or marked down', alone: 'reported, and being judged' },
	returning: { sign: '◐', mood: 'busy', word: 'returning', says: 'heard again; what was changed is changed back', alone: null },
	fault: { sign: '◇', mood: 'note', word: 'fault', says: 'an open fault for which it is not marked down' },
	maintenance: { sign: '□', mood: 'note', word: 'maintenance', says: 'somebody works on it' },
	disabled: { sign: '○', mood: 'note', word: 'disabled', says: 'by a person, in Nova', alone: null },
	up: { sign: '●', mood: 'good', word: 'up', says: 'nothing is known against it' },
};

const OF_INCIDENT = {
	resolving: 'acting', waiting: 'acting', forcing: 'acting', marking: 'acting', held: 'held', failed: 'failed',
	incomplete: 'failed', recovering: 'returning', restoring: 'returning', marked: 'down', rehearsed: 'rehearsed',
};

function stateOf(host) {
	const by = OF_INCIDENT[host.incident_state];

	if (by && !(by === 'down' && !host.forced_down) && !(by === 'rehearsed' && host.forced_down))
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

const withoutCloud = () => Boolean(known.health && known.health.no_cloud);

const saysOf = (state) => (withoutCloud() && STATES[state].alone !== undefined ? STATES[state].alone : STATES[state].says);

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
