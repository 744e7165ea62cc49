// SPDX-License-Identifier: Apache-2.0
// Hosts by zone and state, and all about one of them.
'use strict';

const CALM_OPEN = 60; // a group of more hosts that are up is folded

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
	cell.button.setAttribute('aria-label', [told.name, about.word, ...(withoutCloud() ? [] : [plural(told.servers, 'server')])].join(', '));
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

function titleOf(zone) {
	if (zone.name)
		return `Zone ${zone.name}`;
	return withoutCloud() ? 'Told of by monitors' : 'In no zone';
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
		setText(zone.title, [titleOf(zone), plural(c.all, 'host'), ...words].join(' · '));
		setText(zone.said, `${STATES.up.sign} ${c.up} up`);
		zone.calm.setAttribute('aria-label', `${titleOf(zone)}, up`);
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

function novaFacts(h) {
	if (withoutCloud())
		return [['In Nova', 'no cloud is configured']];
	return [
		['Zone', h.zone], ['Aggregates', (h.aggregates || []).join(', ')], ['Servers', String(h.servers)],
		['In Nova', h.in_nova ? [h.up ? 'up' : 'down', h.forced_down && 'forced down', h.disabled && 'disabled'].filter(Boolean).join(', ') : 'not known'],
		['Read', `${long(h.read_age_seconds * 1000)} ago`],
	];
}

function hostBody(h, state) {
	return [
		el('p', { 'data-mood': STATES[state].mood }, `${STATES[state].sign} ${STATES[state].word}: ${saysOf(state)}.`),
		facts(el('dl'), [
			...novaFacts(h), ['Monitors needed', String(h.monitors_needed)],
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
