'use strict';
'require view';
'require poll';
'require homeline.rpc as api';
'require homeline.common as common';

/* Seconds between two looks at the dialogue, and at the dongles and balances. */
const STEP = 5, STATUS_STEP = 30;

/* How many codes and choices are offered to click. */
const RECENT = 8, CHOICES = 12;

/* A line of a menu: its number in front. */
const CHOICE = /^\s*(\d{1,2}|[*#])\s*(?:[.):>=-]\s*|\s)\S/;

/* An order about a service of the network or a PIN, not a question (3GPP TS 22.030 6.5.2): what is done, with what. */
const ORDER = /^(\*\*|\*|##|#)(\d{2,3})(?:\*([^*#]*))?[*\d+]*#/;

const state = {
	dongles: [],
	balances: [],
	dongle: '',
	exchanges: [], /* newest first, of all dongles */
	open: [], /* dongles whose network waits for an answer */
	asked: null /* { code, dongle, at, error } of this page's own that has not ended well yet */
};

const nodes = {};

/* What a code would change, in words; '' for one that only asks. */
function change(code) {
	const found = ORDER.exec(code);

	if (!found)
		return '';

	switch (found[2]) {
	case '21': case '67': case '61': case '62': case '002': case '004':
		return found[1].charAt(0) == '#' ? _('This code ends a diversion of calls.')
			: found[3] ? _('This code diverts calls. Who calls the number of this SIM reaches %s then, and Homeline does not see the call.').format(found[3])
				: _('This code diverts calls to the number that the network had before. Homeline does not see them then.');

	case '33': case '331': case '332': case '330': case '35': case '351': case '333': case '353': case '03':
		return _('This code bars calls, ends a bar, or changes the password for that.');

	case '04': case '042': case '05': case '052':
		return _('This code changes or unlocks a PIN. Wrong tries lock the SIM.');
	}

	return found[1].length == 2 ? _('This code changes a service of the SIM in its network.') : '';
}

function isOpen() {
	return state.open.indexOf(state.dongle) >= 0;
}

/* --- asking --- */

function ask(code) {
	const asked = { code: code, dongle: state.dongle, at: Date.now() / 1000 };

	state.asked = asked;
	show(true);

	return api.sendUssd({ code: code, dongle: asked.dongle }).then(() => {
		if (state.asked === asked)
			state.asked = null;
	}, (error) => {
		asked.error = api.words(error, {
			2: _('This is no code: one has at most 182 characters.'),
			4: _('This dongle is not there any more.'),
			7: _('The network did not answer in time.'),
			8: _('The dongle cannot do this now; perhaps another code still waits for its answer.'),
			9: _('The network or the dongle refused the code.')
		});
	}).then(look).then(() => {
		/* What was clicked may be gone: the keyboard goes on beside the answer. */
		if (document.activeElement === document.body)
			nodes.scroll.focus({ preventScroll: true });
	});
}

/* Sends a code, after a question where it changes something. */
function send(code) {
	const words = change(code);

	if (state.asked && !state.asked.error)
		return undefined;

	if (!words)
		return ask(code);

	common.ask(_('Send %s?').format(code), [ words, _('The network does it at once.') ], _('Send'), () => { ask(code); },
		'cbi-button-negative important');

	return undefined;
}

/* What was typed: a code has no blanks, an answer to a menu may have. */
function typed() {
	const words = nodes.code.value.trim();
	const code = isOpen() ? words : words.replace(/\s+/g, '');

	if (!code) {
		nodes.code.focus();

		return undefined;
	}

	if (state.asked && !state.asked.error)
		return undefined;

	nodes.code.value = '';

	return send(code);
}

function cancel() {
	return api.cancelUssd({ dongle: state.dongle }).catch((error) => {
		if (api.code(error) != 5) /* it has ended by itself */
			throw error;
	}).then(look);
}

/* --- what is shown --- */

function bubble(key, direction, children) {
	return E('li', { 'class': 'hl-message hl-' + direction, 'data-key': key }, [ E('div', { 'class': 'hl-bubble' }, children) ]);
}

function choices(text) {
	const found = text.split('\n').map((line) => [ (CHOICE.exec(line) || [])[1], line.trim() ]).filter((each) => each[0]);

	return found.length ? E('div', { 'class': 'hl-buttons', 'role': 'group', 'aria-label': _('Choices of the menu') },
		found.slice(0, CHOICES).map((each) => E('button', {
			'type': 'button', 'class': 'btn cbi-button', 'data-key': 'choice ' + each[1], 'click': () => send(each[0])
		}, [ E('bdi', {}, [ each[1].slice(0, 60) ]) ]))) : '';
}

function exchange(item, key, last) {
	const answer = bubble(key + ' answer', 'in', [
		item.code ? '' : common.pill(_('Sent by the network unasked'), 'idle'),
		E('div', { 'class': 'hl-text', 'dir': 'auto' }, [ item.text || _('The network ended the dialogue without a word.') ]),
		last && isOpen() && common.mayWrite() ? choices(item.text || '') : '',
		E('div', { 'class': 'hl-foot' }, [
			common.time(item.at, common.clock(item.at)),
			last && isOpen() ? E('span', { 'class': 'hl-mood hl-fair' }, [ _('The network waits for an answer') ]) : ''
		])
	]);

	return item.code ? [ bubble(key + ' code', 'out', [ E('div', { 'class': 'hl-text' }, [ E('bdi', {}, [ item.code ]) ]) ]), answer ] : [ answer ];
}

function pending() {
	const asked = state.asked;

	if (!asked || asked.dongle != state.dongle)
		return [];

	return [
		bubble('asked', 'out', [ E('div', { 'class': 'hl-text' }, [ E('bdi', {}, [ asked.code ]) ]) ]),
		bubble('waiting', 'in', [ asked.error
			? E('p', { 'class': 'hl-error', 'data-key': 'error' }, [ asked.error ])
			: E('p', { 'class': 'spinning', 'data-key': 'spinning' }, [ _('Waiting for the network, up to a minute') ]) ])
	];
}

function thread() {
	const own = state.exchanges.filter((each) => each.dongle == state.dongle).reverse();
	const seen = {};
	let day = null;

	const found = own.reduce((all, item, i) => {
		const words = common.day(item.at), mark = '%d %s'.format(item.at, item.code);

		seen[mark] = (seen[mark] || 0) + 1;

		if (words != day)
			all.push(E('li', { 'class': 'hl-day', 'data-key': 'day ' + words }, [ words ]));

		day = words;

		return all.concat(exchange(item, mark + ' ' + seen[mark], i == own.length - 1));
	}, []).concat(pending());

	return found.length ? found : [
		E('li', { 'class': 'hl-empty', 'data-key': 'none' }, [ _('Nothing was asked since the service was started.') ])
	];
}

/* Codes that were sent lately, without answers to menus. */
function recent() {
	const codes = Array.from(new Set(state.exchanges.filter((each) => each.dongle == state.dongle && /^[*#]/.test(each.code))
		.map((each) => each.code))).slice(0, RECENT);

	return codes.length ? [ E('span', { 'class': 'hl-soft', 'data-key': 'words' }, [ _('Lately sent:') ]) ].concat(codes.map((code) => E('button', {
		'type': 'button', 'class': 'btn cbi-button', 'data-key': 'code ' + code, 'click': () => send(code)
	}, [ E('bdi', {}, [ code ]) ]))) : [];
}

function balance(item) {
	return E('div', { 'class': 'hl-tile', 'data-key': 'balance ' + item.name }, [
		E('div', {}, [ item.name, ' ', E('span', { 'class': 'hl-soft' }, [ item.dongle ]) ]),
		item.amount !== undefined ? E('div', { 'class': 'hl-said' }, [
			E('span', { 'class': 'hl-count' }, [ item.amount, item.unit ? ' ' + item.unit : '' ]), item.low ? common.pill(_('Low'), 'bad') : ''
		]) : '',
		item.read_at ? E('div', { 'class': 'hl-soft' }, [ common.time(item.read_at, common.exact(item.read_at)) ])
			: E('div', { 'class': 'hl-soft', 'data-key': 'unread' }, [ _('not read yet') ]),
		item.error || item.waits ? E('div', { 'class': 'hl-soft', 'data-key': 'error' }, [ item.error || item.waits ]) : ''
	]);
}

/* `follow` goes to the newest, as does who is there already. */
function show(follow) {
	const pane = nodes.scroll, known = state.dongles.filter((each) => each.name == state.dongle)[0];
	const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;

	common.show(nodes.balances, state.balances.map(balance));
	common.show(nodes.thread, thread());
	nodes.away.textContent = !known ? _('There is no dongle.')
		: known.state == 'ready' ? '' : _('The dongle is not ready; the overview says why.');

	if (nodes.recent) {
		common.show(nodes.recent, isOpen() ? [] : recent()); /* to a menu, a code would be an answer */
		nodes.code.placeholder = isOpen() ? '' : '*100#';
		nodes.label.textContent = isOpen() ? _('Answer') : _('Code');
		nodes.end.style.display = isOpen() ? '' : 'none';
	}

	if (follow || atEnd)
		pane.scrollTop = pane.scrollHeight;
}

/* --- the page --- */

function take(reply) {
	const names = state.dongles.map((each) => each.name);

	state.exchanges = reply.ussd || [];
	state.open = reply.open || [];

	if (names.indexOf(state.dongle) < 0)
		state.dongle = state.open[0] || (state.dongles.filter((each) => each.state == 'ready')[0] || state.dongles[0] || {}).name || '';
}

function look() {
	return api.listUssd().then((reply) => {
		take(reply);
		nodes.trouble.textContent = '';
	}, (error) => { nodes.trouble.textContent = api.words(error); }).then(() => show());
}

function takeStatus(status) {
	state.dongles = (status.dongles || []).filter((each) => each.state != 'disabled');
	state.balances = status.balances || [];
}

function lookAtStatus() {
	return api.status().then((status) => {
		const before = state.dongles.map((each) => each.name).join();

		takeStatus(status);

		if (before != state.dongles.map((each) => each.name).join())
			showDongles();

		show();
	}, () => undefined);
}

function showDongles() {
	nodes.dongles.replaceChildren.apply(nodes.dongles, state.dongles.length < 2 ? [] : [
		common.select(_('Dongle'), state.dongle, state.dongles.map((each) => [ each.name, each.name ]), (value) => {
			state.dongle = value;
			show(true);
		})
	]);
}

function composer() {
	nodes.label = E('label', { 'for': 'homeline-code' }, [ _('Code') ]);
	nodes.code = E('input', {
		'type': 'text', 'id': 'homeline-code', 'class': 'hl-grow', 'autocomplete': 'off', 'autocapitalize': 'off', 'spellcheck': 'false',
		'maxlength': 182
	});
	nodes.end = common.button(_('End the menu'), cancel);
	nodes.recent = E('div', { 'class': 'hl-buttons hl-recent' }, []);

	const button = common.button(_('Send'), typed, { kind: 'cbi-button-action important' });

	nodes.code.addEventListener('keydown', (ev) => {
		if (ev.key == 'Enter')
			button.click();
	});

	return E('div', { 'class': 'hl-compose' }, [ nodes.recent, E('div', {}, [ nodes.label, nodes.code, button, nodes.end ]) ]);
}

return view.extend({
	load: function() {
		return Promise.all([
			api.listUssd().catch((error) => ({ error: error })),
			L.resolveDefault(api.status(), {}),
			common.style()
		]);
	},

	render: function(found) {
		nodes.trouble = E('p', { 'class': 'hl-error', 'role': 'alert' }, found[0].error ? [ api.words(found[0].error) ] : []);
		nodes.balances = E('div', { 'class': 'hl-tiles' }, []);
		nodes.dongles = E('div', {}, []);
		nodes.away = E('p', { 'class': 'hl-soft hl-grow', 'aria-live': 'polite' }, []);
		nodes.thread = E('ul', { 'class': 'hl-thread', 'aria-label': _('Codes and answers'), 'aria-live': 'polite' }, []);
		nodes.scroll = E('div', { 'class': 'hl-scroll', 'tabindex': 0, 'role': 'region', 'aria-label': _('Codes and answers') }, [ nodes.thread ]);

		takeStatus(found[1]);
		take(found[0]);
		showDongles();

		const page = E('div', { 'class': 'hl-page' }, [
			E('h2', {}, [ _('USSD') ]),
			nodes.trouble,
			E('p', {}, [ _('Codes such as *100# ask the network of the SIM, which answers with a text or a menu. What they do and cost is up to the network.') ]),
			nodes.balances,
			E('div', { 'class': 'hl-said' }, [ nodes.dongles, nodes.away ]),
			E('div', { 'class': 'hl-dialogue' }, [
				nodes.scroll,
				common.mayWrite() ? composer() : ''
			])
		]);

		show();
		window.setTimeout(() => { nodes.scroll.scrollTop = nodes.scroll.scrollHeight; });
		poll.add(look, STEP);
		poll.add(lookAtStatus, STATUS_STEP);

		return page;
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
