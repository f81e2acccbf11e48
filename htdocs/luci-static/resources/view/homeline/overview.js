'use strict';
'require view';
'require poll';
'require ui';
'require homeline.rpc as api';
'require homeline.common as common';
'require homeline.dongles as dongles';

/* How often the page looks, and how much more seldom at the signal's history (one sample a minute): seconds. */
const STEP = 5;
const PLOT_STEP = 60;

/* The plot: its coordinates, dBm at its lower and upper edge, and after which silence the line has a gap. */
const WIDTH = 480, HEIGHT = 96;
const LOWEST = -113, HIGHEST = -51;
const GAP = 600;
const BUCKETS = 160;

function registration(value) {
	switch (value) {
	case 'roaming': return _('Roaming');
	case 'emergency': return _('Emergency calls only');
	case 'denied': return _('Refused');
	case 'searching': return _('Searching');
	case 'idle': return _('Not registered');
	default: return '';
	}
}

function technology(value) {
	const names = { gsm: '2G', gprs: '2G GPRS', edge: '2G EDGE', umts: '3G', hsdpa: '3G HSDPA', hsupa: '3G HSUPA',
		hspa: '3G HSPA', 'hspa-plus': '3G HSPA+', lte: '4G LTE', '5gnr': '5G' };

	return names[value] || value || '';
}

/* --- the signal --- */

function heightOf(dbm) {
	const level = Math.min(Math.max(dbm, LOWEST), HIGHEST);

	return HEIGHT - (level - LOWEST) / (HIGHEST - LOWEST) * HEIGHT;
}

/* Means of at most BUCKETS equal spans, oldest first, as [time, dBm]; so a plot is as small for two days as for one. */
function thinned(samples, start, end) {
	const span = (end - start) / BUCKETS, sums = new Map();

	samples.forEach((sample) => {
		const bucket = Math.min(Math.floor((sample.at - start) / span), BUCKETS - 1);
		const sum = sums.get(bucket) || [ 0, 0, 0 ];

		sums.set(bucket, [ sum[0] + sample.at, sum[1] + sample.dbm, sum[2] + 1 ]);
	});

	return Array.from(sums.keys()).sort((a, b) => a - b).map((key) => {
		const sum = sums.get(key);

		return [ sum[0] / sum[2], sum[1] / sum[2] ];
	});
}

/* Runs of points without a gap. */
function runs(points, gap) {
	return points.reduce((found, point) => {
		const last = found[found.length - 1];

		if (last && point[0] - last[last.length - 1][0] <= gap)
			last.push(point);
		else
			found.push([ point ]);

		return found;
	}, []);
}

function plot(history, hours, now) {
	const end = now, start = now - hours * 3600;
	const samples = history.filter((sample) => sample.at >= start && sample.at <= end);
	const x = (at) => ((at - start) / (end - start) * WIDTH).toFixed(1);
	const children = [ -105, -85 ].map((level) => common.svg('line', {
		'class': 'hl-rule', 'x1': 0, 'x2': WIDTH, 'y1': heightOf(level), 'y2': heightOf(level)
	}));

	runs(thinned(samples, start, end), Math.max(GAP, 2 * (end - start) / BUCKETS)).forEach((run) => {
		const line = run.map((point) => x(point[0]) + ',' + heightOf(point[1]).toFixed(1)).join(' L');

		children.push(common.svg('path', {
			'class': 'hl-area',
			'd': 'M' + x(run[0][0]) + ',' + HEIGHT + ' L' + line + ' L' + x(run[run.length - 1][0]) + ',' + HEIGHT + ' Z'
		}));
		children.push(common.svg('path', { 'class': 'hl-line', 'd': 'M' + line + (run.length == 1 ? ' h2' : '') }));
	});

	const levels = samples.map((sample) => sample.dbm);
	const words = levels.length
		? _('Signal of the last %d hours: between %d and %d dBm').format(hours, Math.min.apply(null, levels), Math.max.apply(null, levels))
		: _('No signal was measured in the last %d hours').format(hours);

	return E('figure', { 'class': 'hl-plot' }, [
		common.svg('svg', {
			'viewBox': '0 0 ' + WIDTH + ' ' + HEIGHT, 'preserveAspectRatio': 'none', 'role': 'img', 'aria-label': words
		}, children),
		E('span', { 'class': 'hl-level', 'style': 'top:%dpx'.format(heightOf(-85)) }, [ '−85 dBm' ]),
		E('span', { 'class': 'hl-level', 'style': 'top:%dpx'.format(heightOf(-105)) }, [ '−105 dBm' ]),
		E('figcaption', {}, [
			E('span', {}, [ common.moment(start) + ' ' + (hours >= 24 ? common.clock(start) : '') ]),
			E('span', {}, [ _('now') ])
		])
	]);
}

/* --- pieces --- */

function fact(words, value, kind) {
	return value === undefined || value === null || value === '' ? [] : [
		E('dt', {}, [ words ]),
		E('dd', kind ? { 'class': kind } : {}, [ value.nodeType ? value : String(value) ])
	];
}

function meter(used, size) {
	return E('span', { 'class': 'hl-storage' }, [
		E('meter', {
			'min': 0, 'max': size, 'value': used, 'high': Math.ceil(size * 0.8),
			'aria-label': _('Messages on the SIM')
		}),
		E('span', {}, [ _('%d of %d').format(used, size) ])
	]);
}

function table(titles, rows) {
	return E('table', { 'class': 'table hl-table' }, [
		E('tr', { 'class': 'tr table-titles', 'data-key': 'titles' },
			titles.map((title) => E('th', { 'class': 'th', 'scope': 'col' }, [ title ])))
	].concat(rows.map((row) => E('tr', { 'class': 'tr', 'data-key': 'row ' + row.key }, row.cells.map((cell, place) =>
		E('td', { 'class': 'td', 'data-title': titles[place] }, [ cell && cell.nodeType ? cell : String(cell) ]))))));
}

/* --- what the buttons do --- */

function askPin(dongle) {
	const field = E('input', {
		'id': 'homeline-pin', 'type': 'password', 'inputmode': 'numeric', 'autocomplete': 'off', 'maxlength': 8,
		'aria-describedby': 'homeline-pin-tries'
	});
	const words = E('p', { 'class': 'hl-error', 'role': 'alert' }, []);
	const tries = dongle.pin_tries === undefined ? _('How many tries are left is not known.')
		: N_(dongle.pin_tries, 'One try is left: another wrong PIN locks the SIM.', '%d tries are left.').format(dongle.pin_tries);

	const button = common.ask(_('Enter the PIN'), [
		E('p', {}, [
			E('label', { 'for': 'homeline-pin' }, [ _('PIN of the SIM in %s').format(dongle.name) ]), E('br'), field
		]),
		E('p', { 'id': 'homeline-pin-tries' }, [ tries ]),
		E('p', {}, [ _('It is used once and not kept. To have it entered at every start, put it into the settings.') ]),
		words
	], _('Enter'), () => {
		if (!/^\d{4,8}$/.test(field.value)) {
			words.textContent = _('A PIN has four to eight digits.');
			field.focus();

			return Promise.reject(null);
		}

		return api.enterPin({ dongle: dongle.name, pin: field.value });
	});

	field.addEventListener('keydown', (ev) => {
		if (ev.key == 'Enter')
			button.click();
	});
	field.focus();
}

function askReset(name) {
	common.ask(_('Reset the dongle'), [
		_('The modem in %s is restarted, which takes up to a minute. Messages wait meanwhile; a call in progress ends.').format(name)
	], _('Reset', 'homeline'), () => api.resetDongle({ dongle: name }), 'cbi-button-negative important');
}

function askRelease(name) {
	const forward = E('input', { 'type': 'checkbox', 'id': 'homeline-forward' });

	common.ask(_('Old messages on the SIM'), [
		_('They come into the inbox. What becomes of them on the SIM is then as the settings of the dongle say.'),
		E('p', {}, [
			forward, ' ',
			E('label', { 'for': 'homeline-forward' }, [ _('Treat them as new: unread, and forwarded by the rules') ])
		])
	], _('Take them into the inbox'), () => api.releaseArchived({ dongle: name, forward: forward.checked }).then((reply) =>
		common.done(N_(reply.count, '%d message was taken into the inbox.', '%d messages were taken into the inbox.').format(reply.count))));
}

/* --- the cards --- */

function alertItem(alert, now) {
	const name = alert.dongle;
	const buttons = [];

	if (name && alert.key.startsWith('archived.'))
		buttons.push(common.button(_('Take them into the inbox…'), () => askRelease(name), { kind: 'cbi-button-action' }));

	if (!alert.acknowledged)
		buttons.push(common.button(_('Acknowledge'), () => api.acknowledgeAlert({ id: alert.id }).then(refresh)));

	return E('li', { 'class': 'hl-notice hl-' + ({ critical: 'bad', warning: 'fair' }[alert.severity] || 'idle'), 'data-key': 'alert %d'.format(alert.id) }, [
		E('div', {}, [
			E('p', { 'class': 'hl-strong' }, [ alert.text ]),
			alert.advice ? E('p', {}, [ alert.advice ]) : '',
			E('p', { 'class': 'hl-soft' }, [
				common.time(alert.raised_at, common.ago(alert.raised_at, now)),
				alert.acknowledged ? ' · ' + _('acknowledged') : ''
			])
		]),
		E('div', { 'class': 'hl-buttons' }, common.mayWrite() ? buttons : [])
	]);
}

function problemItem(problem) {
	return E('li', { 'class': 'hl-notice hl-fair', 'data-key': 'problem %s %s'.format(problem.where, problem.text) }, [
		E('div', {}, [
			E('p', { 'class': 'hl-strong' }, [ problem.where ? problem.where + ': ' + problem.text : problem.text || '' ]),
			problem.advice ? E('p', {}, [ problem.advice ]) : ''
		])
	]);
}

function dongleButtons(dongle) {
	const pin = (dongle.state == 'locked' && /^sim_pin/.test(dongle.reason));
	const name = dongle.name;
	const buttons = [];

	if (pin)
		buttons.push(common.button(_('Enter PIN…'), () => {
			const known = state.status.dongles.filter((each) => each.name == name)[0];

			return known && askPin(known);
		}, { kind: 'cbi-button-action important', attributes: { 'data-key': 'pin' } }));

	if (dongle.state != 'disabled')
		buttons.push(common.button(_('Reset…'), () => askReset(name), { attributes: { 'data-key': 'reset' } }));

	return E('div', { 'class': 'hl-buttons' }, buttons);
}

function signalLine(dongle) {
	const roaming = registration(dongle.registration);

	return E('div', { 'class': 'hl-signal' }, [
		dongle.signal_dbm !== undefined ? dongles.signalBars(dongle.signal_dbm) : '',
		E('span', { 'class': 'hl-strong' }, [ dongle.operator || _('No network') ]),
		E('span', {}, [ technology(dongle.technology) ]),
		roaming ? common.pill(roaming, 'fair') : '',
		dongle.signal_dbm !== undefined
			? E('span', { 'class': 'hl-soft' }, [ '%d dBm, %s'.format(dongle.signal_dbm, dongles.strength(dongle.signal_dbm).words) ]) : ''
	]);
}

function dongleCard(dongle, advice, now) {
	const words = dongles.state(dongle.state);
	const model = [ dongle.manufacturer, dongle.model ].filter((each) => each).join(' ');
	const trouble = dongle.reason
		? dongles.reason(dongle.reason) + (dongle.pin_tries !== undefined && /^sim_p/.test(dongle.reason)
			? ' ' + N_(dongle.pin_tries, '%d try is left.', '%d tries are left.').format(dongle.pin_tries) : '') : '';

	return E('section', { 'class': 'hl-card', 'data-key': 'dongle ' + dongle.name, 'aria-label': _('Dongle %s').format(dongle.name) }, [
		E('div', { 'class': 'hl-head' }, [ E('h3', {}, [ dongle.name ]), common.pill(words[0], words[1]) ]),
		trouble ? E('p', { 'class': 'hl-strong', 'data-key': 'trouble' }, [ trouble ]) : '',
		dongle.detail ? E('p', { 'class': 'hl-soft', 'data-key': 'detail' }, [ dongle.detail ]) : '',
		advice ? E('p', { 'data-key': 'advice' }, [ advice ]) : '',
		E('div', { 'class': 'hl-body', 'data-key': 'body' }, [ E('div', {}, [
			signalLine(dongle),
			(state.history[dongle.name] || []).length || dongle.state == 'ready' ? plot(state.history[dongle.name] || [], 24, now) : ''
		]), E('dl', { 'class': 'hl-facts' }, [].concat(
			fact(_('Number'), dongle.number, 'hl-number'),
			fact(_('Since'), common.time(dongle.since, common.ago(dongle.since, now))),
			fact(_('Modem'), model),
			fact(_('Firmware'), dongle.firmware),
			fact(_('SIM (ICCID)'), dongle.iccid, 'hl-number'),
			fact(_('IMEI'), dongle.imei, 'hl-number'),
			dongle.storage_size ? fact(_('On the SIM'), meter(dongle.storage_used || 0, dongle.storage_size)) : [],
			fact(_('Calls'), dongle.voice === undefined ? '' : dongle.voice ? _('possible') : _('not possible')),
			fact(_('Port'), dongle.port)
		)) ]),
		common.mayWrite() ? dongleButtons(dongle) : ''
	]);
}

function asteriskCard(asterisk, now) {
	const words = asterisk.running ? common.asteriskState(asterisk.configuration) : [ _('Not running'), 'bad' ];
	const peer = (kind) => (item) => {
		const contact = item.contact ? [ item.contact ] : (item.contacts || []).map((each) => [ each.user_agent, each.address ].filter((part) => part).join(', '));
		const found = common.peerState(item.state);

		return { key: kind + ' ' + item.name, cells: [
			item.name, kind, common.pill(found[0], found[1]), contact.join('; '), item.calls ? _('%d now').format(item.calls) : ''
		] };
	};
	const rows = (asterisk.trunks || []).map(peer(_('Trunk'))).concat((asterisk.phones || []).map(peer(_('Phone'))));

	return E('section', { 'class': 'hl-card', 'data-key': 'asterisk' }, [
		E('div', { 'class': 'hl-head' }, [ E('h3', {}, [ _('Asterisk') ]), common.pill(words[0], words[1]) ]),
		asterisk.error ? E('p', { 'class': 'hl-strong' }, [ asterisk.error ]) : '',
		(asterisk.missing_modules || []).length
			? E('p', {}, [ _('Missing modules: %s').format(asterisk.missing_modules.join(', ')) ]) : '',
		asterisk.version ? E('p', { 'class': 'hl-soft' }, [
			_('Version %s').format(asterisk.version),
			asterisk.since ? ' · ' + _('started %s').format(common.ago(asterisk.since, now)) : ''
		]) : '',
		rows.length ? table([ _('Name'), _('Kind'), _('State', 'homeline'), _('Contact'), _('Calls') ], rows) : ''
	]);
}

function channelsCard(channels, now) {
	const rows = channels.map((channel) => {
		const words = common.health(channel);
		const last = [];

		if (channel.last_success)
			last.push(E('div', { 'data-key': 'success' }, [ _('Delivered'), ' ', common.time(channel.last_success, common.ago(channel.last_success, now)) ]));

		if (channel.last_error)
			last.push(E('div', { 'class': 'hl-soft', 'data-key': 'error' }, [
				channel.last_error_at ? common.time(channel.last_error_at, common.ago(channel.last_error_at, now)) : '', ' ', channel.last_error
			]));

		return { key: channel.name, cells: [
			channel.name, common.channelType(channel.type), common.pill(words[0], words[1]), channel.pending || 0, channel.failed || 0, E('div', {}, last)
		] };
	});

	return E('section', { 'class': 'hl-card', 'data-key': 'channels' }, [
		E('div', { 'class': 'hl-head' }, [ E('h3', {}, [ _('Channels') ]) ]),
		table([ _('Name'), _('Kind'), _('State', 'homeline'), _('Waiting'), _('Given up'), _('Last') ], rows)
	]);
}

/* What is done every few days: a message that keeps a SIM alive, a question for what is left on it. */
function regularRow(kind, item, now, result) {
	const words = item.error ? [ _('Failing'), 'bad' ] : item.low ? [ _('Low'), 'bad' ] : item.waits ? [ _('Waits'), 'fair' ]
		: item.last_success ? [ _('Done'), 'good' ] : [ _('Not done yet'), 'idle' ];

	return { key: kind + ' ' + item.name, cells: [
		item.name, kind, item.dongle, common.pill(words[0], words[1]),
		E('div', {}, [
			result ? E('div', { 'class': 'hl-strong', 'data-key': 'result' }, [ result ]) : '',
			item.last_success ? common.time(item.last_success, common.ago(item.last_success, now)) : '',
			item.error || item.waits ? E('div', { 'class': 'hl-soft', 'data-key': 'why' }, [ item.error || item.waits ]) : ''
		]),
		item.next_at ? common.time(item.next_at) : ''
	] };
}

function regularCard(schedules, balances, now) {
	const kinds = { sms: _('Message'), ussd: _('USSD code'), call: _('Call') };
	const rows = balances.map((item) => regularRow(_('Balance'), item, now, [ item.amount, item.unit ].filter((each) => each).join(' ')))
		.concat(schedules.map((item) => regularRow(kinds[item.action] || item.action, item, now, '')));

	return E('section', { 'class': 'hl-card', 'data-key': 'regular' }, [
		E('div', { 'class': 'hl-head' }, [ E('h3', {}, [ _('Done regularly') ]) ]),
		table([ _('Name'), _('Kind'), _('Dongle'), _('State', 'homeline'), _('Last'), _('Next') ], rows)
	]);
}

function tile(count, words, page) {
	return E('a', {
		'class': 'hl-tile' + (count ? ' hl-some' : ''), 'href': L.url('admin/services/homeline', page), 'data-key': words
	}, [ E('span', { 'class': 'hl-count' }, [ String(count || 0) ]), ' ', words ]);
}

/* --- the page --- */

/* The way to the assistant, as long as something that it makes is missing. */
function setUp(status) {
	const whole = status.enabled && status.dongles.length && status.rules.length;

	return whole || !common.mayWrite() ? '' : E('p', { 'data-key': 'set up' }, [
		E('a', { 'class': 'btn cbi-button cbi-button-action', 'href': L.url('admin/services/homeline/wizard') }, [ _('Set up Homeline') ])
	]);
}

const state = { status: '', alerts: [], history: {}, plotted: 0 };
let root = null;

function content() {
	const status = state.status, now = status.time;
	const own = {};

	/* What is wrong with a dongle stands on its card. */
	status.dongles.forEach((dongle) => { own['dongle ' + dongle.name] = true; });

	const notices = state.alerts.map((alert) => alertItem(alert, now))
		.concat(status.problems.filter((problem) => !own[problem.where]).map(problemItem));
	const advice = {};

	status.problems.forEach((problem) => { advice[problem.where] = problem.advice; });

	return [
		status.enabled ? '' : E('p', { 'class': 'alert-message warning', 'data-key': 'off' }, [
			_('Homeline is switched off. Messages stay on the SIM until it is switched on.')
		]),
		setUp(status),
		E('div', { 'class': 'hl-tiles', 'data-key': 'tiles' }, [
			tile(status.unread, N_(status.unread || 0, 'unread message', 'unread messages'), 'messages'),
			status.missed ? tile(status.missed, N_(status.missed, 'missed call', 'missed calls'), 'calls') : '',
			status.voicemail ? tile(status.voicemail, N_(status.voicemail, 'message on the voicemail', 'messages on the voicemail'), 'calls') : ''
		]),
		E('ul', { 'class': 'hl-notices', 'data-key': 'notices', 'aria-label': _('What needs a look') }, notices),
		E('div', { 'class': 'hl-cards', 'data-key': 'cards' }, status.dongles.map((dongle) =>
			dongleCard(dongle, advice['dongle ' + dongle.name], now)
		)),
		status.asterisk && status.asterisk.configuration != 'off' ? asteriskCard(status.asterisk, now) : '',
		(status.channels || []).length ? channelsCard(status.channels, now) : '',
		status.schedules || status.balances ? regularCard(status.schedules || [], status.balances || [], now) : '',
		E('p', { 'class': 'hl-soft', 'data-key': 'version' }, [
			_('Homeline %s, running for %t').format(status.version, status.uptime)
		])
	];
}

function loadHistory(status) {
	return Promise.all(status.dongles.map((dongle) =>
		L.resolveDefault(api.signalHistory({ dongle: dongle.name, hours: 24 }), {}).then((reply) => {
			state.history[dongle.name] = reply.samples || [];
		})));
}

function look() {
	return Promise.all([ api.status(), L.resolveDefault(api.listAlerts({ limit: 50 }), {}) ]).then((found) => {
		state.status = found[0];
		state.alerts = found[1].alerts || [];

		if (found[0].uptime - state.plotted >= PLOT_STEP || found[0].uptime < state.plotted || !state.plotted) {
			state.plotted = found[0].uptime || 1;

			return loadHistory(found[0]);
		}

		return undefined;
	}).then(() => content(), (error) => dongles.away(error).concat(setUp({})));
}

function refresh() {
	return look().then((nodes) => common.show(root, nodes.filter((node) => node)));
}

return view.extend({
	load: function() {
		return Promise.all([ look(), common.style() ]);
	},

	render: function(found) {
		root = E('div', { 'class': 'hl-page' }, []);
		common.show(root, found[0].filter((node) => node));
		poll.add(refresh, STEP);

		return E('div', {}, [ E('h2', {}, [ _('Homeline') ]), root ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
