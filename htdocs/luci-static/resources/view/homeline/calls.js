'use strict';
'require view';
'require poll';
'require ui';
'require fs';
'require homeline.rpc as api';
'require homeline.common as common';

/* Seconds between two looks; calls of a page. */
const STEP = 5;
const CALLS = 30;

/* Words and mood of a call's state. */
function callState(state) {
	switch (state) {
	case 'answered': return [ _('Answered'), 'good' ];
	case 'missed': return [ _('Missed'), 'bad' ];
	case 'voicemail': return [ _('Voicemail'), 'fair' ];
	case 'failed': return [ _('Not answered'), 'idle' ];
	case 'refused': return [ _('Not allowed'), 'bad' ];
	default: return [ state, 'idle' ];
	}
}

function direction(name) {
	switch (name) {
	case 'in': return _('received');
	case 'out': return _('made');
	case 'internal': return _('between phones');
	default: return name;
	}
}

/* The paths of the arrows: down to us, up to the other end, there and back. */
const ARROWS = { in: 'M19 5 6 18M6 8v10h10', out: 'M5 19 18 6M8 6h10v10', internal: 'M8 5 3 10l5 5M3 10h18M16 9l5 5-5 5' };

function arrow(call) {
	return common.svg('svg', {
		'viewBox': '0 0 24 24', 'width': 18, 'height': 18, 'role': 'img', 'class': 'hl-' + callState(call.state)[1],
		'aria-label': direction(call.direction)
	}, [ common.svg('path', { 'd': ARROWS[call.direction] || '' }) ]);
}

/* Seconds as minutes and seconds. */
function length(seconds) {
	return Math.floor(seconds / 60) + ':' + String(Math.floor(seconds) % 60).padStart(2, '0');
}

/* A withheld number and a name take no call. */
function callable(peer) {
	return /^\+?[0-9*#]+$/.test(peer || '');
}

function who(call) {
	return call.name || call.peer || call.peer_raw || _('Withheld number');
}

const state = {
	status: {},
	calls: [], /* newest first */
	more: false,
	missed: 0,
	voicemail: 0,
	filter: {},
	folder: null, /* of the recordings */
	selected: null /* a Set of ids while calls are being chosen */
};

const nodes = {};

/* Which answer is the last one: an earlier one that comes late is dropped. */
let turn = 0;

/* --- loading --- */

function load(older) {
	const mine = ++turn, filter = state.filter;
	const last = state.calls[state.calls.length - 1];

	return api.listCalls({
		direction: filter.direction || '', state: filter.state || '', dongle: filter.dongle || '', peer: filter.peer || '',
		unread: filter.unread || null, before: older && last ? last.id : null, limit: CALLS
	}).then((reply) => {
		if (mine != turn)
			return;

		take(reply, older);
		show();
	});
}

function take(reply, older) {
	const found = reply.calls || [];

	/* Pages that were turned to stay, below those of the first. */
	const edge = reply.more && found.length ? found[found.length - 1].id : 0;
	const kept = older ? [] : state.calls.filter((each) => each.id < edge);

	state.calls = older ? state.calls.concat(found) : found.concat(kept);
	state.more = kept.length ? state.more : reply.more;
	state.missed = reply.missed;
	state.voicemail = reply.voicemail;
}

function refresh() {
	return Promise.all([ api.status(), load() ]).then((found) => {
		state.status = found[0];
		nodes.trouble.textContent = '';
		show();
	}, (error) => { nodes.trouble.textContent = api.words(error); });
}

/* Another selection: what is shown is another list. */
function filterBy(name, value) {
	state.filter[name] = value;
	state.calls = [];
	state.more = false;

	return load().catch(common.fail.bind(common));
}

/* --- what can be done --- */

function markRead(ids) {
	return api.markRead({ ids: ids }).then(() => {
		state.selected = null;
		showBar();

		return refresh();
	});
}

function askDelete(ids) {
	common.ask(_('Delete'), [
		N_(ids.length, 'This call is deleted from the log for good, with its recording.',
			'These %d calls are deleted from the log for good, with their recordings.').format(ids.length)
	], _('Delete'), () => api.deleteMessages({ ids: ids }).then(() => {
		state.calls = state.calls.filter((each) => ids.indexOf(each.id) < 0);
		state.selected = null;
		showBar();

		return refresh();
	}), 'cbi-button-negative important');
}

function phones() {
	return (state.status.asterisk || {}).phones || [];
}

function isThere(phone) {
	return phone.state == 'registered';
}

/* Click to call: one of the owner's phones rings and then calls the number. */
function askCall(number) {
	const found = phones();
	const phone = common.select(_('Phone'), (found.filter(isThere)[0] || {}).name,
		found.map((each) => [ each.name, isThere(each) ? each.name : _('%s (not reachable)').format(each.name) ]), () => undefined, { 'id': 'homeline-phone' });
	const to = E('input', { 'type': 'tel', 'id': 'homeline-number', 'autocomplete': 'off', 'value': number || '' });

	const button = common.ask(_('Call'), [
		E('p', {}, [ E('label', { 'for': 'homeline-number' }, [ _('Number, as you would dial it') ]), E('br'), to ]),
		E('p', {}, [ E('label', { 'for': 'homeline-phone' }, [ _('Phone') ]), E('br'), phone ]),
		_('This phone rings first. When you pick it up, it calls the number.')
	], _('Call'), () => {
		if (!to.value.trim()) {
			to.focus();

			return Promise.reject(null);
		}

		return api.originate({ phone: phone.value, to: to.value.trim() }).then(() => {
			common.done(_('%s was picked up and calls.').format(phone.value));

			return refresh();
		}, (error) => {
			throw new Error(api.words(error, {
				2: _('This is no number that can be called.'),
				4: _('This phone is not there any more.'),
				5: _('The phone cannot be reached or is busy, or Asterisk is not running.'),
				7: _('Nobody picked up the phone.'),
				8: _('This phone is not registered at the router.')
			}));
		});
	});

	to.addEventListener('keydown', (ev) => {
		if (ev.key == 'Enter')
			button.click();
	});
	(number ? button : to).focus();
}

/* --- voicemail --- */

function folder() {
	return state.folder ? Promise.resolve(state.folder) : api.listVoicemail({ limit: 1 }).then((reply) => (state.folder = reply.folder));
}

/* A recording as a Blob. The address of a file is ours to ask for where rpcd's group says so: in the usual folder. */
function recording(name) {
	return folder().then((place) => fs.read_direct(place + '/' + name, 'blob').catch((error) => {
		throw error.name == 'PermissionError' ? new Error(_('Recordings in %s cannot be read from here.').format(place))
			: error.name == 'NotFoundError' ? new Error(_('The recording is not there any more.')) : error;
	}));
}

function download(name) {
	return recording(name).then((blob) => {
		const url = URL.createObjectURL(blob), link = E('a', { 'href': url, 'download': name });

		document.body.appendChild(link);
		link.click();
		document.body.removeChild(link);
		window.setTimeout(() => URL.revokeObjectURL(url), 60000);
	});
}

function closePlayer() {
	const audio = nodes.player.querySelector('audio');

	if (audio) {
		audio.pause();
		URL.revokeObjectURL(audio.src);
	}

	nodes.player.replaceChildren();
}

/* Who listens to a message has heard of it. */
function play(call) {
	return Promise.all([ L.require('homeline.sound'), recording(call.recording) ])
		.then((found) => found[0].playable(found[1])).then((sound) => {
			const words = _('Voicemail of %s').format(who(call));
			const audio = E('audio', { 'controls': '', 'src': URL.createObjectURL(sound), 'aria-label': words });

			closePlayer();
			nodes.player.replaceChildren(
				E('span', {}, [ E('bdi', { 'class': 'hl-strong' }, [ words ]), ' ', common.time(call.started_at, common.exact(call.started_at)) ]),
				audio,
				common.button(_('Close'), closePlayer)
			);
			nodes.player.scrollIntoView({ block: 'nearest' });
			L.resolveDefault(audio.play(), null); /* a browser may want a click on the player itself */

			const shown = state.calls.filter((each) => each.id == call.id)[0];

			return shown && shown.unread && common.mayWrite() ? markRead([ call.id ]) : undefined;
		});
}

/* --- calls that go on --- */

function legState(name) {
	switch (name) {
	case 'up': return _('speaking');
	case 'ring': case 'ringing': return _('rings');
	case 'down': return _('begins');
	default: return name;
	}
}

function active(leg) {
	const channel = leg.channel;

	return E('li', { 'class': 'hl-notice hl-good', 'data-key': 'leg ' + channel }, [
		E('div', { 'class': 'hl-said' }, [
			E('bdi', { 'class': 'hl-strong' }, [ leg.device || channel ]),
			E('bdi', {}, [ [ leg.name, leg.number, leg.other ].filter((each) => each).join(' · ') ]),
			E('span', { 'class': 'hl-soft' }, [ legState(leg.state), ' ', length(leg.seconds || 0) ])
		]),
		common.mayWrite() ? common.button(_('Hang up'), () => api.hangup({ channel: channel }).catch((error) => {
			if (api.code(error) != 4) /* it has ended by itself */
				throw error;
		}).then(refresh), { kind: 'cbi-button-negative' }) : ''
	]);
}

/* --- the log --- */

function facts(call) {
	return [
		[ _('Number'), [ call.peer, call.peer_raw != call.peer ? call.peer_raw : '' ].filter((each) => each).join(', ') ],
		[ _('Dialled'), call.dialled ],
		[ _('Phone'), call.through ],
		[ _('Line or trunk'), call.line ],
		[ _('Dongle'), call.dongle ],
		[ _('Allowed by'), call.rule ],
		[ _('Began'), call.started_at ? common.exact(call.started_at) : '' ],
		[ _('Answered'), call.answered_at ? common.exact(call.answered_at) : '' ],
		[ _('Ended'), call.ended_at ? common.exact(call.ended_at) : '' ],
		[ _('Reason'), [ call.reason, call.cause ? _('cause %d').format(call.cause) : '' ].filter((each) => each).join(', ') ],
		[ _('Recording'), call.recording ]
	].filter((each) => each[1]);
}

function details(call) {
	const id = call.id;

	return E('details', { 'data-key': 'details' }, [
		E('summary', {}, [ _('Details') ]),
		E('dl', { 'class': 'hl-facts' }, facts(call).reduce((all, each) => all.concat(
			E('dt', {}, [ each[0] ]), E('dd', {}, [ E('bdi', {}, [ each[1] ]) ])), [])),
		common.mayWrite() ? E('div', { 'class': 'hl-buttons' }, [
			call.unread ? common.button(_('Mark as read'), () => markRead([ id ]), { attributes: { 'data-key': 'read' } }) : '',
			common.button(_('Delete…'), () => askDelete([ id ]), { kind: 'cbi-button-negative', attributes: { 'data-key': 'delete' } })
		]) : ''
	]);
}

function buttons(call) {
	const peer = call.peer, found = [];

	if (call.recording) {
		found.push(common.button(_('Play'), () => play(call), { kind: 'cbi-button-action', attributes: { 'data-key': 'play' } }));
		found.push(common.button(_('Download'), () => download(call.recording), { attributes: { 'data-key': 'download' } }));
	}

	if (callable(peer) && common.mayWrite() && phones().length)
		found.push(common.button(_('Call…'), () => askCall(peer), { attributes: { 'data-key': 'call' } }));

	if (callable(peer) && call.direction != 'internal')
		found.push(E('a', {
			'class': 'btn cbi-button', 'data-key': 'messages', 'href': L.url('admin/services/homeline/messages') + '#peer=' + encodeURIComponent(peer)
		}, [ _('Messages') ]));

	return E('div', { 'class': 'hl-buttons', 'data-key': 'buttons' }, found);
}

function row(call) {
	const id = call.id, words = callState(call.state);
	const spoken = call.recording ? call.seconds : call.answered_at && call.ended_at ? call.ended_at - call.answered_at : 0;
	const box = state.selected ? E('input', {
		'type': 'checkbox', 'data-key': 'box', 'aria-label': _('Choose this call'), 'click': (ev) => {
			state.selected[ev.currentTarget.checked ? 'add' : 'delete'](id);
			showBar();
		}
	}) : '';

	return E('li', { 'class': 'hl-call' + (call.unread ? ' hl-unread' : ''), 'data-key': 'call %d'.format(id) }, [
		box,
		arrow(call),
		E('div', { 'class': 'hl-who', 'data-key': 'who' }, [
			E('div', {}, [
				E('bdi', { 'class': 'hl-name' }, [ who(call) ]), ' ',
				call.name && call.peer ? E('bdi', { 'class': 'hl-soft' }, [ call.peer ]) : ''
			]),
			E('div', { 'class': 'hl-said' }, [
				common.pill(words[0], words[1]),
				call.unread ? E('span', { 'class': 'hl-badge', 'data-key': 'new' }, [ _('new') ]) : '',
				common.time(call.started_at, common.clock(call.started_at)),
				spoken ? E('span', { 'data-key': 'length' }, [ length(spoken) ]) : '',
				E('span', { 'class': 'hl-soft', 'data-key': 'way' }, [ [ call.through, call.line || call.dongle ].filter((each) => each).join(' · ') ])
			])
		]),
		buttons(call),
		details(call)
	]);
}

function items() {
	const found = [];
	let day = null;

	state.calls.forEach((call) => {
		const words = common.day(call.started_at);

		if (words != day)
			found.push(E('li', { 'class': 'hl-day', 'data-key': 'day %s %d'.format(words, day === null ? 0 : call.id) }, [ words ]));

		day = words;
		found.push(row(call));
	});

	if (!found.length)
		found.push(E('li', { 'class': 'hl-empty', 'data-key': 'none' }, [
			Object.keys(state.filter).some((name) => state.filter[name]) ? _('Nothing was found.') : _('No calls have come or gone yet.')
		]));

	if (state.more)
		found.push(E('li', { 'class': 'hl-empty', 'data-key': 'more' }, [ common.button(_('Show older ones'), () => load(true)) ]));

	return found;
}

function show() {
	const asterisk = state.status.asterisk || {};

	nodes.missed.textContent = String(state.missed || 0);
	nodes.voicemail.textContent = String(state.voicemail || 0);
	nodes.off.textContent = asterisk.configuration == 'off' ? _('Calls are switched off: Homeline does not use Asterisk.')
		: asterisk.running === false ? _('Asterisk is not running: no calls come or go.') : '';
	nodes.dial.style.display = phones().length ? '' : 'none';
	common.show(nodes.active, (asterisk.channels || []).map(active));
	common.show(nodes.calls, items());
}

/* --- above the log --- */

function fields() {
	const filter = state.filter;
	const dongles = (state.status.dongles || []).map((each) => [ each.name, each.name ]);
	const peer = E('input', {
		'type': 'search', 'class': 'hl-grow', 'value': filter.peer || '', 'placeholder': _('Number'), 'aria-label': _('Number')
	});
	const unread = E('input', { 'type': 'checkbox', 'id': 'homeline-unread', 'change': () => filterBy('unread', unread.checked) });

	unread.checked = !!filter.unread;
	peer.addEventListener('input', common.delayed(() => filterBy('peer', peer.value.trim())));

	return [
		peer,
		common.select(_('Direction'), filter.direction, [ [ '', _('in and out') ] ].concat([ 'in', 'out', 'internal' ].map((each) =>
			[ each, direction(each) ])), (value) => filterBy('direction', value)),
		common.select(_('State', 'homeline'), filter.state, [ [ '', _('every state') ] ].concat([ 'answered', 'missed', 'voicemail', 'failed', 'refused' ].map((each) =>
			[ each, callState(each)[0] ])), (value) => filterBy('state', value)),
		dongles.length > 1 ? common.select(_('Dongle'), filter.dongle, [ [ '', _('every dongle') ] ].concat(dongles),
			(value) => filterBy('dongle', value)) : '',
		E('label', { 'for': 'homeline-unread' }, [ unread, ' ', _('new only') ]),
		common.mayWrite() ? common.button(_('Choose'), () => { state.selected = new Set(); showBar(); show(); }) : ''
	];
}

function chosen() {
	const ids = Array.from(state.selected), none = { 'disabled': ids.length ? null : '' };

	return [
		E('span', { 'class': 'hl-grow' }, [ N_(ids.length, '%d chosen', '%d chosen').format(ids.length) ]),
		common.button(_('All that are shown'), () => {
			nodes.calls.querySelectorAll('.hl-call > input').forEach((box) => { box.checked = true; });
			state.selected = new Set(state.calls.map((each) => each.id));
			showBar();
		}),
		common.button(_('Mark as read'), () => markRead(ids), { attributes: none }),
		common.button(_('Delete…'), () => askDelete(ids), { kind: 'cbi-button-negative', attributes: none }),
		common.button(_('Cancel'), () => { state.selected = null; showBar(); show(); })
	];
}

function showBar() {
	nodes.bar.replaceChildren.apply(nodes.bar, state.selected ? chosen() : fields());
}

/* A count that shows what it counts. */
function tile(count, words, filter) {
	return E('button', { 'type': 'button', 'class': 'hl-tile', 'click': () => {
		state.filter = { state: filter, unread: true };
		state.calls = [];
		state.selected = null;
		showBar();

		return load().catch(common.fail.bind(common));
	} }, [ count, ' ', words ]);
}

return view.extend({
	load: function() {
		return Promise.all([
			L.resolveDefault(api.status(), {}),
			api.listCalls({ limit: CALLS }).catch((error) => ({ error: error })),
			common.style()
		]);
	},

	render: function(found) {
		state.status = found[0];
		take(found[1]);

		nodes.trouble = E('p', { 'class': 'hl-error', 'role': 'alert' }, found[1].error ? [ api.words(found[1].error) ] : []);
		nodes.off = E('p', { 'class': 'hl-soft' }, []);
		nodes.active = E('ul', { 'class': 'hl-notices', 'aria-label': _('Calls that go on now') }, []);
		nodes.player = E('div', { 'class': 'hl-player', 'aria-live': 'polite' }, []);
		nodes.bar = E('div', { 'class': 'hl-bar' }, []);
		nodes.calls = E('ul', { 'class': 'hl-calls', 'aria-label': _('Calls') }, []);
		nodes.missed = E('span', { 'class': 'hl-count' }, []);
		nodes.voicemail = E('span', { 'class': 'hl-count' }, []);
		nodes.dial = common.mayWrite() ? common.button(_('Call a number…'), () => askCall(''), { kind: 'cbi-button-action important' }) : E('span');

		showBar();
		show();
		poll.add(refresh, STEP);

		return E('div', { 'class': 'hl-page' }, [
			E('h2', {}, [ _('Calls') ]),
			nodes.trouble,
			nodes.off,
			E('div', { 'class': 'hl-tiles' }, [
				tile(nodes.missed, _('missed, not seen'), 'missed'),
				tile(nodes.voicemail, _('voicemail, not heard'), 'voicemail'),
				nodes.dial
			]),
			nodes.active,
			nodes.player,
			nodes.bar,
			nodes.calls
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
