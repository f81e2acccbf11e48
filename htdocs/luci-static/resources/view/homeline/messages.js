'use strict';
'require view';
'require poll';
'require ui';
'require homeline.rpc as api';
'require homeline.common as common';

/* Seconds between two looks; entries of a page. */
const STEP = 5;
const CONVERSATIONS = 30, MESSAGES = 50;

/* Seconds in which a delivery report may still come, so that a sent message is looked at again. */
const REPORT = 3600;

/* Words and mood of a message's state. */
function messageState(message) {
	switch (message.state) {
	case 'queued': return [ _('Waiting'), 'idle' ];
	case 'sending': return [ _('Sending'), 'idle' ];
	case 'sent': return [ _('Sent'), 'idle' ];
	case 'delivered': return [ _('Delivered'), 'good' ];
	case 'failed': return [ message.direction == 'in' ? _('Cannot be read') : _('Not sent'), 'bad' ];
	case 'unknown': return [ _('May have been sent'), 'fair' ];
	case 'incomplete': return [ N_(message.parts_missing || 0, '%d part is missing', '%d parts are missing').format(message.parts_missing || 0), 'fair' ];
	case 'archived': return [ _('Archive of the SIM'), 'idle' ];
	default: return null;
	}
}

/* Names of letters, such as a bank's, take no answer. */
function answerable(peer) {
	return /^\+?[0-9*#]+$/.test(peer);
}

function shownName(peer, name) {
	return E('bdi', {}, [ name || peer ]);
}

function preview(message) {
	const text = message.text || message.note || message.error || (message.data ? _('Data') : '');

	return (message.direction == 'out' ? _('You: %s').format(text) : text).slice(0, 120);
}

/* --- what is shown --- */

const state = {
	dongles: [],

	text: '', /* searched for in the list */
	conversations: [],
	moreConversations: false,

	open: null, /* { peer, name }, { all: true } or { fresh: true } for a new message */
	filter: {},
	messages: [], /* newest first */
	moreMessages: false,
	loaded: false,
	mark: '', /* what the list said of them when they were asked for */
	fresh: new Set(), /* ids that were unread when they were shown */
	selected: null /* a Set of ids while messages are being chosen */
};

const nodes = {};

/* Which answer is the last one: an earlier one that comes late is dropped. */
let listTurn = 0, threadTurn = 0;

/* --- loading --- */

function loadList(older) {
	const turn = ++listTurn;
	const last = state.conversations[state.conversations.length - 1];

	return api.listConversations({
		text: state.text, limit: CONVERSATIONS, before: older && last ? last.last.id : null
	}).then((reply) => {
		if (turn != listTurn)
			return;

		const found = reply.conversations || [];
		const peers = new Set(found.map((each) => each.peer));

		if (older) {
			const known = new Set(state.conversations.map((each) => each.peer));

			state.conversations = state.conversations.concat(found.filter((each) => !known.has(each.peer)));
			state.moreConversations = reply.more;
		}
		else if (state.conversations.length > CONVERSATIONS && found.length) {
			/* Pages that were turned to stay, below those that moved up. */
			const edge = found[found.length - 1].last.id;

			state.conversations = found.concat(state.conversations.filter((each) =>
				!peers.has(each.peer) && each.last.id < edge));
		}
		else {
			state.conversations = found;
			state.moreConversations = reply.more;
		}

		showList();
	});
}

function criteria(before) {
	const filter = state.filter;

	return {
		peer: state.open.peer || '', text: filter.text || '', direction: filter.direction || '', dongle: filter.dongle || '',
		unread: filter.unread || null, details: true, before: before, limit: MESSAGES
	};
}

function loadThread(older) {
	if (!state.open || state.open.fresh)
		return Promise.resolve();

	const turn = ++threadTurn;
	const last = state.messages[state.messages.length - 1];

	if (!older)
		state.mark = mark();

	return api.listMessages(criteria(older && last ? last.id : null)).then((reply) => {
		if (turn != threadTurn)
			return undefined;

		const found = reply.messages || [];

		if (older) {
			state.messages = state.messages.concat(found);
			state.moreMessages = reply.more;
		}
		else {
			const edge = reply.more && found.length ? found[found.length - 1].id : 0;
			const kept = state.loaded ? state.messages.filter((each) => each.id < edge) : [];

			state.messages = found.concat(kept);
			state.moreMessages = kept.length ? state.moreMessages : reply.more;
		}

		state.loaded = true;
		showThread(older);

		return older ? undefined : markSeen(found);
	});
}

/* Who opens a conversation reads it; in the list of all messages nothing is marked by looking at it. */
function markSeen(messages) {
	const ids = messages.filter((each) => each.unread).map((each) => each.id);

	if (!ids.length || state.open.all || state.filter.unread || !common.mayWrite() || document.hidden)
		return undefined;

	ids.forEach((id) => state.fresh.add(id));

	return api.markRead({ ids: ids }).then(() => {
		state.messages.forEach((each) => { each.unread = each.unread && ids.indexOf(each.id) < 0; });
		showThread();

		return loadList();
	});
}

/* What the list says of what is open; another one tells that the messages have changed. */
function mark() {
	const found = state.open.all ? state.conversations[0] : state.conversations.find((each) => each.peer == state.open.peer);

	return JSON.stringify(found || null);
}

/* Whether something of the open conversation can have changed since it was asked for. */
function isStale() {
	const now = Date.now() / 1000;

	return state.open && !state.open.fresh && (state.mark != mark() || state.messages.some((each) =>
		each.state == 'queued' || each.state == 'sending' || (each.state == 'sent' && each.report && now - each.sent_at < REPORT)));
}

function refresh() {
	return loadList().then(() => (isStale() ? loadThread() : undefined)).then(() => say(''), (error) => say(api.words(error)));
}

/* One look that fails is followed by the next; what is shown stays. */
function say(words) {
	nodes.trouble.textContent = words;
}

function reload() {
	return Promise.all([ loadList(), loadThread() ]);
}

/* --- the list of conversations --- */

function entry(key, current, title, aside, words, badge, click, unread) {
	return E('li', { 'data-key': key }, [
		E('button', {
			'type': 'button', 'class': 'hl-entry' + (unread ? ' hl-unread' : ''), 'aria-current': current ? 'true' : 'false', 'click': click
		}, [ E('span', {}, [ title ]), aside, E('span', { 'class': 'hl-soft' }, [ words ]), badge ])
	]);
}

function conversationEntry(item) {
	const peer = item.peer, name = item.name;
	const badge = item.unread ? E('span', { 'class': 'hl-badge' }, [
		String(item.unread), E('span', { 'class': 'hl-hidden' }, [ ' ', _('unread') ])
	]) : E('span', {}, []);

	return entry('peer ' + peer, state.open && state.open.peer == peer, shownName(peer, name),
		common.time(item.last.at || item.last.sent_at), E('bdi', {}, [ preview(item.last) ]), badge,
		() => open({ peer: peer, name: name }, { text: state.text }), item.unread);
}

function showList() {
	const all = entry('all', state.open && state.open.all, _('All messages'), E('span', {}, []), _('of all numbers, to search and filter'),
		E('span', {}, []), () => open({ all: true }, { text: state.text }), false);
	const found = state.conversations.map(conversationEntry);

	if (!found.length)
		found.push(E('li', { 'class': 'hl-empty', 'data-key': 'none' }, [
			state.text ? _('Nothing was found.') : _('No messages have come or gone yet.')
		]));

	if (state.moreConversations)
		found.push(E('li', { 'class': 'hl-empty', 'data-key': 'more' }, [
			common.button(_('Show more'), () => loadList(true))
		]));

	common.show(nodes.list, [ all ].concat(found));
}

/* --- a conversation --- */

function sendAgain(id, unknown) {
	if (!unknown)
		return api.resendMessage({ id: id }).then(reload);

	common.ask(_('Send again'), [
		_('The answer of the modem was lost, so this message may have arrived. Sent again, it may arrive twice.')
	], _('Send again'), () => api.resendMessage({ id: id }).then(reload));

	return undefined;
}

function askDelete(ids) {
	common.ask(_('Delete'), [
		N_(ids.length, 'This message is deleted for good, with what is known of its forwarding.',
			'These %d messages are deleted for good, with what is known of their forwarding.').format(ids.length)
	], _('Delete'), () => api.deleteMessages({ ids: ids }).then(() => {
		state.messages = state.messages.filter((each) => ids.indexOf(each.id) < 0);
		state.selected = null;
		showMain();

		return reload();
	}), 'cbi-button-negative important');
}

/* The whole conversation, up to what the list knows of: what comes while the question stands is kept. */
function askDeleteAll() {
	const opened = state.open;
	const known = state.conversations.filter((each) => each.peer == opened.peer).map((each) => each.last).concat(state.messages);
	const last = Math.max(0, ...known.map((each) => each.id));

	common.ask(_('Delete the conversation'), [
		_('All messages from and to %s are deleted for good, with what is known of their forwarding.').format(opened.name || opened.peer)
	], _('Delete'), () => api.deleteConversation({ peer: opened.peer, before: last + 1 }).then(() => {
		open(null);

		return loadList();
	}), 'cbi-button-negative important');
}

function marks(message) {
	const found = [];

	if (message.flash)
		found.push(common.pill(_('Flash'), 'fair', { 'title': _('Meant to be shown at once and not kept') }));

	if (message.note)
		found.push(E('span', { 'class': 'hl-strong' }, [ message.note ]));

	if (message.port)
		found.push(E('span', { 'class': 'hl-soft' }, [ _('For port %d').format(message.port) ]));

	return found.length ? E('p', {}, found.reduce((all, each) => all.concat(each, ' '), [])) : '';
}

function words(message) {
	if (message.text)
		return E('div', { 'class': 'hl-text', 'dir': 'auto' }, [ message.text ]);

	return message.data ? E('div', { 'class': 'hl-data' }, [ message.data ]) : '';
}

function foot(message) {
	const id = message.id, found = messageState(message);
	const again = message.direction == 'out' && (message.state == 'failed' || message.state == 'unknown') && common.mayWrite();
	const unknown = message.state == 'unknown';

	return E('div', { 'class': 'hl-foot' }, [
		common.time(message.sent_at || message.at, common.clock(message.sent_at || message.at)),
		found ? E('span', { 'class': 'hl-mood hl-' + found[1] }, [ found[0] ]) : '',
		message.dongle && state.dongles.length > 1 ? E('span', {}, [ message.dongle ]) : '',
		forwarded(message),
		again ? E('button', { 'type': 'button', 'class': 'hl-link', 'data-key': 'again', 'click': () => sendAgain(id, unknown) }, [ _('Send again') ]) : '',
		E('button', { 'type': 'button', 'class': 'hl-link', 'data-key': 'details', 'click': () => showDetails(id) }, [ _('Details') ])
	]);
}

/* How far the message was forwarded, at a glance. */
function forwarded(message) {
	const counts = message.deliveries;

	if (!counts)
		return '';

	if (counts.failed)
		return E('span', { 'class': 'hl-mood hl-bad' }, [ _('Forwarding failed') ]);

	return E('span', {}, [ counts.pending ? _('Being forwarded') : _('Forwarded') ]);
}

function bubble(message) {
	const id = message.id;
	const box = state.selected ? E('input', {
		'type': 'checkbox', 'aria-label': _('Choose this message'), 'click': (ev) => {
			state.selected[ev.currentTarget.checked ? 'add' : 'delete'](id);
			showBar();
		}
	}) : '';

	return E('li', {
		'class': 'hl-message hl-' + message.direction + (message.unread || state.fresh.has(id) ? ' hl-new' : ''),
		'data-key': 'message %d'.format(id)
	}, [ box, E('div', { 'class': 'hl-bubble' }, [
		state.open.all ? E('div', { 'class': 'hl-strong' }, [
			message.direction == 'out' ? _('To', 'homeline') + ' ' : '', shownName(message.peer || _('unknown'), message.name)
		]) : '',
		marks(message),
		words(message),
		message.error ? E('p', { 'class': 'hl-error' }, [ message.error ]) : '',
		message.code ? common.copyButton(_('Copy %s').format(message.code), message.code) : '',
		foot(message)
	]) ]);
}

function threadItems() {
	const found = [];
	let day = null;

	state.messages.slice().reverse().forEach((message) => {
		const words = common.day(message.sent_at || message.at);

		if (words != day)
			found.push(E('li', { 'class': 'hl-day', 'data-key': 'day ' + words + (day === null ? '' : message.id) }, [ words ]));

		day = words;
		found.push(bubble(message));
	});

	if (!found.length && state.loaded)
		found.push(E('li', { 'class': 'hl-empty', 'data-key': 'none' }, [ _('Nothing was found.') ]));

	if (state.moreMessages)
		found.unshift(E('li', { 'class': 'hl-day', 'data-key': 'more' }, [
			common.button(_('Show older ones'), () => loadThread(true))
		]));

	return found;
}

/* Shows the messages. Who reads the newest goes on to see the newest; who reads older ones stays where he is. */
function showThread(older) {
	const pane = nodes.scroll;
	const fromEnd = pane.scrollHeight - pane.scrollTop;
	const atEnd = fromEnd - pane.clientHeight < 40;

	common.show(nodes.thread, threadItems());

	if (older)
		pane.scrollTop = pane.scrollHeight - fromEnd;
	else if (atEnd)
		pane.scrollTop = pane.scrollHeight;
}

/* --- details of a message --- */

function deliveryRow(id, item) {
	const found = common.deliveryState(item.state), delivery = item.id;
	const told = [ item.error ];

	if (item.next_at)
		told.push(_('next try %s').format(common.exact(item.next_at)));

	if (item.done_at)
		told.push(common.exact(item.done_at));

	return E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td', 'data-title': _('Channel', 'homeline') }, [ item.channel ]),
		E('td', { 'class': 'td', 'data-title': _('Rule') }, [ item.rule ]),
		E('td', { 'class': 'td', 'data-title': _('State', 'homeline') }, [ common.pill(found[0], found[1]) ]),
		E('td', { 'class': 'td', 'data-title': _('Tries') }, [ String(item.attempts) ]),
		E('td', { 'class': 'td', 'data-title': _('What came of it') }, [ told.filter((each) => each).join(' · ') ]),
		E('td', { 'class': 'td' }, [ E('div', { 'class': 'hl-buttons' }, [
			common.mayWrite() && (item.state == 'failed' || item.state == 'pending')
				? common.button(_('Try now'), () => api.retryDelivery({ id: delivery }).then(() => showDetails(id))) : '',
			common.mayWrite() && item.state == 'pending'
				? common.button(_('Give up'), () => api.dropDelivery({ id: delivery }).then(() => showDetails(id))) : ''
		]) ])
	]);
}

function deliveryTable(id, deliveries) {
	return deliveries.length ? E('table', { 'class': 'table' }, [
		E('tr', { 'class': 'tr table-titles' }, [ _('Channel', 'homeline'), _('Rule'), _('State', 'homeline'), _('Tries'), _('What came of it'), '' ].map((each) =>
			E(each ? 'th' : 'td', { 'class': 'th' }, [ each ])))
	].concat(deliveries.map((each) => deliveryRow(id, each)))) : E('p', {}, [ _('No rule forwards it.') ]);
}

function partItem(part) {
	return E('div', {}, [
		E('p', { 'class': 'hl-strong' }, [ _('Part %d').format(part.number), part.error ? ': ' + part.error : '' ]),
		E('p', { 'class': 'hl-data' }, [ part.pdu ]),
		common.copyButton(_('Copy'), part.pdu)
	]);
}

function facts(message) {
	const found = messageState(message);

	return [
		[ message.direction == 'in' ? _('From', 'homeline') : _('To', 'homeline'), [ message.name, message.peer, message.peer_raw != message.peer ? message.peer_raw : '' ].filter((each) => each).join(', ') ],
		[ _('State', 'homeline'), found ? found[0] : _('Received') ],
		[ message.direction == 'in' ? _('Sent') : _('Taken by the network'), message.sent_at ? common.exact(message.sent_at) : '' ],
		[ _('Stored'), message.at ? common.exact(message.at) : '' ],
		[ _('Report'), message.delivered_at ? common.exact(message.delivered_at) : '' ],
		[ _('Dongle'), message.dongle ],
		[ _('Encoding'), { gsm7: 'GSM-7', ucs2: 'UCS-2', '8bit': _('8-bit data') }[message.encoding] || message.encoding ],
		[ _('SMS'), String(message.parts) ],
		[ _('Error'), message.error ]
	].filter((each) => each[1]);
}

function showDetails(id) {
	return api.getMessage({ id: id }).then((reply) => {
		const message = reply.message;

		ui.showModal(_('Message'), [
			E('div', { 'class': 'hl-page hl-modal' }, [
				E('dl', { 'class': 'hl-facts' }, facts(message).reduce((all, each) => all.concat(
					E('dt', {}, [ each[0] ]), E('dd', {}, [ each[1] ])), [])),
				message.direction == 'in' ? E('div', {}, [
					E('h4', {}, [ _('Forwarding') ]), deliveryTable(id, reply.deliveries || [])
				]) : '',
				E('details', {}, [ E('summary', {}, [ _('Raw PDU') ]) ].concat((reply.parts || []).map(partItem)))
			]),
			E('div', { 'class': 'right button-row' }, [
				common.mayWrite() ? common.button(_('Delete…'), () => askDelete([ id ]), { kind: 'cbi-button-negative' }) : '', ' ',
				common.mayWrite() && message.unread
					? common.button(_('Mark as read'), () => api.markRead({ ids: [ id ] }).then(() => ui.hideModal()).then(reload)) : '', ' ',
				E('button', { 'type': 'button', 'class': 'btn', 'click': ui.hideModal }, [ _('Close') ])
			])
		]);
	}).catch(common.fail.bind(common));
}

/* --- above the messages --- */

/* Another selection: what is shown is another list. */
function filterBy(name, value) {
	state.filter[name] = value;
	state.messages = [];
	state.loaded = false;

	return loadThread().then(() => { nodes.scroll.scrollTop = nodes.scroll.scrollHeight; }).catch(common.fail.bind(common));
}

function filterFields() {
	const search = E('input', {
		'type': 'search', 'class': 'hl-grow', 'value': state.filter.text || '', 'placeholder': _('Words in the text'),
		'aria-label': _('Words in the text')
	});
	const unread = E('input', { 'type': 'checkbox', 'id': 'homeline-unread', 'change': () => filterBy('unread', unread.checked) });

	unread.checked = !!state.filter.unread;
	search.addEventListener('input', common.delayed(() => filterBy('text', search.value)));

	return E('div', { 'class': 'hl-filters' }, [
		search,
		common.select(_('Direction'), state.filter.direction, [ [ '', _('in and out') ], [ 'in', _('received') ], [ 'out', _('sent') ] ],
			(value) => filterBy('direction', value)),
		state.dongles.length > 1 ? common.select(_('Dongle'), state.filter.dongle,
			[ [ '', _('every dongle') ] ].concat(state.dongles.map((each) => [ each, each ])), (value) => filterBy('dongle', value)) : '',
		E('label', { 'for': 'homeline-unread' }, [ unread, ' ', _('unread only') ])
	]);
}

function chosenButtons() {
	const ids = () => Array.from(state.selected);
	const none = { 'disabled': state.selected.size ? null : '' };

	return [
		E('span', { 'class': 'hl-grow' }, [ N_(state.selected.size, '%d chosen', '%d chosen').format(state.selected.size) ]),
		common.button(_('Mark as read'), () => api.markRead({ ids: ids() }).then(() => { state.selected = null; showMain(); }).then(reload), { attributes: none }),
		common.button(_('Delete…'), () => askDelete(ids()), { kind: 'cbi-button-negative', attributes: none }),
		state.open.peer ? common.button(_('Delete all…'), askDeleteAll, { kind: 'cbi-button-negative' }) : '',
		common.button(_('Cancel'), () => { state.selected = null; showMain(); })
	];
}

/* The line above the messages. It is made anew, not compared: its fields belong to one conversation. */
function showBar() {
	const opened = state.open;
	const back = common.button(_('Back'), () => open(null), { kind: 'hl-back' });
	const title = E('h3', { 'class': 'hl-grow' }, [
		opened.all ? _('All messages') : opened.fresh ? _('New message') : shownName(opened.peer, opened.name),
		opened.name && opened.peer != opened.name ? E('span', { 'class': 'hl-soft' }, [ ' ', opened.peer ]) : ''
	]);

	nodes.bar.replaceChildren.apply(nodes.bar, state.selected ? chosenButtons() : [ back, title ].concat(opened.fresh ? [] : [
		common.mayWrite() ? common.button(_('Choose'), () => { state.selected = new Set(); showMain(); }) : '',
		E('details', state.filter.text || opened.all ? { 'open': '' } : {}, [ E('summary', {}, [ _('Filter') ]), filterFields() ])
	]));
}

/* --- writing --- */

function countWords(reply) {
	return (reply.encoding == 'ucs2' ? _('UCS-2 (with characters beyond the SMS alphabet)') : _('GSM-7')) + ' · ' +
		N_(reply.parts, '%d SMS', '%d SMS').format(reply.parts) + ' · ' +
		N_(reply.left, '%d character left', '%d characters left').format(reply.left);
}

function counter(text, output) {
	let turn = 0;

	return common.delayed(() => {
		const mine = ++turn;

		if (!text.value) {
			output.textContent = '';
			return;
		}

		api.previewMessage({ text: text.value }).then(countWords, (e) =>
			api.words(e, { 2: _('This is too long, or has characters that cannot be sent.') })).then((found) => {
			if (mine == turn)
				output.textContent = found;
		});
	});
}

function recipient(output) {
	const field = E('input', {
		'type': 'tel', 'id': 'homeline-to', 'autocomplete': 'off', 'placeholder': _('Number, as you would dial it'),
		'aria-describedby': 'homeline-to-words'
	});

	field.addEventListener('input', common.delayed(() => {
		const asked = field.value.trim();

		if (!asked) {
			output.textContent = '';
			return;
		}

		L.resolveDefault(api.normalizeNumber({ number: asked }), {}).then((reply) => {
			if (asked == field.value.trim())
				output.textContent = reply.e164 ? reply.e164 + (reply.region ? ' (' + reply.region + ')' : '')
					: reply.kind == 'short' ? _('A short code of your network') : _('This is no number that can be texted.');
		});
	}));

	return field;
}

function option(words, id) {
	const box = E('input', { 'type': 'checkbox', 'id': id });

	return [ box, E('label', { 'for': id }, [ box, ' ', words ]) ];
}

function composer() {
	const opened = state.open;
	const told = E('span', { 'id': 'homeline-to-words', 'class': 'hl-soft', 'aria-live': 'polite' }, []);
	const to = opened.fresh ? recipient(told) : null;
	const text = E('textarea', { 'id': 'homeline-text', 'rows': 2, 'placeholder': _('Write a message'), 'aria-describedby': 'homeline-count' });
	const count = E('span', { 'id': 'homeline-count', 'class': 'hl-soft hl-grow', 'aria-live': 'polite' }, []);
	const flash = option(_('Flash'), 'homeline-flash');
	const dongle = state.dongles.length > 1 ? common.select(_('Through'), '', [ [ '', _('any dongle') ] ].concat(state.dongles.map((each) => [ each, each ])),
		() => undefined) : null;

	const send = common.button(_('Send'), () => {
		if (!text.value || (to && !to.value.trim())) {
			(to && !to.value.trim() ? to : text).focus();

			return undefined;
		}

		return api.sendMessage({
			to: to ? to.value.trim() : opened.peer, text: text.value, dongle: dongle ? dongle.value : '', flash: flash[0].checked || null
		}).then((reply) => api.getMessage({ id: reply.id })).then((reply) => {
			text.value = '';
			count.textContent = '';

			if (opened.fresh && state.open === opened)
				return open({ peer: reply.message.peer, name: reply.message.name }).then(() => loadList());

			return reload().then(() => { nodes.scroll.scrollTop = nodes.scroll.scrollHeight; });
		});
	}, {
		kind: 'cbi-button-action important',
		meanings: { 2: _('The number or the text cannot be sent like this.') }
	});

	text.addEventListener('input', counter(text, count));
	text.addEventListener('keydown', (ev) => {
		if (ev.key == 'Enter' && (ev.ctrlKey || ev.metaKey))
			send.click();
	});

	return [
		to ? E('div', {}, [ E('label', { 'for': 'homeline-to' }, [ _('To', 'homeline') ]), E('span', { 'class': 'hl-grow' }, [ to ]), told ]) : '',
		E('label', { 'for': 'homeline-text', 'class': 'hl-hidden' }, [ _('Text of the message') ]),
		text,
		E('div', {}, [ count, dongle || '', flash[1], send ])
	];
}

function showComposer() {
	const opened = state.open;
	const none = !common.mayWrite() || opened.all || state.selected;
	const found = none ? [] : opened.fresh || answerable(opened.peer) ? composer()
		: [ E('p', { 'class': 'hl-soft' }, [ _('This sender cannot be answered: it is a name, not a number.') ]) ];

	nodes.compose.style.display = found.length ? '' : 'none';
	nodes.compose.replaceChildren.apply(nodes.compose, found);
}

/* --- the page --- */

/* All that belongs to what is open. */
function showMain() {
	const opened = state.open;

	nodes.messenger.classList.toggle('hl-opened', !!opened);
	nodes.nothing.style.display = opened ? 'none' : '';
	[ nodes.bar, nodes.scroll, nodes.compose ].forEach((each) => { each.style.display = opened ? '' : 'none'; });

	if (!opened)
		return;

	showBar();
	showThread();
	showComposer();
}

/* The address names what is open, so that the browser's back, reload and bookmarks work. */
function address(opened) {
	return !opened ? '' : opened.all ? '#all' : opened.fresh ? '#new' : '#peer=' + encodeURIComponent(opened.peer);
}

function fromAddress() {
	const hash = window.location.hash;
	let peer = '';

	if (hash == '#all')
		return { all: true };

	if (hash == '#new')
		return common.mayWrite() ? { fresh: true } : null;

	try {
		peer = decodeURIComponent((/^#peer=(.+)$/.exec(hash) || [])[1] || '');
	}
	catch (e) {
		return null;
	}

	const known = state.conversations.filter((each) => each.peer == peer)[0];

	return peer ? { peer: peer, name: known && known.name } : null;
}

function open(what, filter) {
	state.open = what;
	state.filter = filter || {};
	state.messages = [];
	state.moreMessages = state.loaded = false;
	state.fresh = new Set();
	state.selected = null;

	if (window.location.hash != address(what))
		window.history.pushState(null, '', window.location.pathname + window.location.search + address(what));

	showList();
	showMain();

	if (what && what.fresh)
		document.getElementById('homeline-to').focus();

	return loadThread().then(() => { nodes.scroll.scrollTop = nodes.scroll.scrollHeight; }).catch(common.fail.bind(common));
}

function sidebar() {
	const search = E('input', { 'type': 'search', 'class': 'hl-grow', 'placeholder': _('Search'), 'aria-label': _('Search conversations') });

	search.addEventListener('input', common.delayed(() => {
		state.text = search.value;
		state.conversations = [];
		loadList().catch(common.fail.bind(common));
	}));

	return E('div', { 'class': 'hl-side' }, [
		E('div', { 'class': 'hl-bar' }, [
			search,
			common.mayWrite() ? common.button(_('New'), () => open({ fresh: true }), { kind: 'cbi-button-add', attributes: { 'aria-label': _('New message') } }) : ''
		]),
		E('div', { 'class': 'hl-scroll' }, [ nodes.list ])
	]);
}

return view.extend({
	load: function() {
		return Promise.all([
			L.resolveDefault(api.status(), null),
			api.listConversations({ limit: CONVERSATIONS }).catch((error) => ({ error: error })),
			common.style()
		]);
	},

	render: function(found) {
		const reply = found[1];

		state.dongles = ((found[0] || {}).dongles || []).map((each) => each.name);
		state.conversations = reply.conversations || [];
		state.moreConversations = reply.more;

		nodes.list = E('ul', { 'class': 'hl-list', 'aria-label': _('Conversations') }, []);
		nodes.bar = E('div', { 'class': 'hl-bar' }, []);
		nodes.thread = E('ul', { 'class': 'hl-thread', 'aria-label': _('Messages') }, []);
		nodes.scroll = E('div', { 'class': 'hl-scroll', 'tabindex': 0, 'role': 'region', 'aria-label': _('Messages') }, [ nodes.thread ]);
		nodes.compose = E('div', { 'class': 'hl-compose' }, []);
		nodes.nothing = E('p', { 'class': 'hl-empty' }, [ _('Choose a conversation, or write a new message.') ]);
		nodes.trouble = E('p', { 'class': 'hl-error', 'role': 'alert' }, reply.error ? [ api.words(reply.error) ] : []);
		nodes.messenger = E('div', { 'class': 'hl-messenger' }, [
			sidebar(),
			E('div', { 'class': 'hl-main' }, [ nodes.nothing, nodes.bar, nodes.scroll, nodes.compose ])
		]);

		window.addEventListener('popstate', () => open(fromAddress()));
		open(fromAddress());
		poll.add(refresh, STEP);

		return E('div', { 'class': 'hl-page' }, [ E('h2', {}, [ _('Messages') ]), nodes.trouble, nodes.messenger ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
