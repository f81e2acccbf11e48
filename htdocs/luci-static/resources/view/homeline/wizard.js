'use strict';
'require view';
'require form';
'require poll';
'require uci';
'require ui';
'require homeline.common as common';
'require homeline.dongles as dongles';
'require homeline.explain as explain';
'require homeline.fields as fields';
'require homeline.inforce as inForce';
'require homeline.options as options';
'require homeline.rpc as api';
'require homeline.secrets as secrets';

/*
 * From a fresh installation to the first forwarded message. Applying loads the page anew, so the step, and which
 * sections the assistant made, are kept in the browser's tab; all else stands in UCI.
 */

const KEY = 'homeline-wizard';
const STEP = 3; /* seconds between two looks at the dongle */
const ON = 0, DONGLE = 1, CHANNEL = 2, TEST = 3, CALLS = 4;

/* The fields that are enough, by the type of a channel. */
const FEW = {
	email: [ 'to', 'from', 'host', 'tls', 'port', 'user', 'password' ],
	telegram: [ 'token', 'chats' ],
	webhook: [ 'preset', 'url', 'secret_url', 'target', 'token', 'body' ],
	mqtt: [ 'host', 'tls', 'port', 'user', 'password', 'discovery' ]
};

const TRUNK = [ 'type', 'host', 'username', 'password' ];

/* What the dongle's step asks for, by the reason of its state. */
const ASKS = { not_configured: 'usb_path', sim_pin: 'pin', sim_pin_wrong: 'pin' };

const state = { step: ON };
let root = null, live = null, asked = null, ports = [];

function keep(changes) {
	Object.assign(state, changes);
	window.sessionStorage.setItem(KEY, JSON.stringify(state));
}

function recall() {
	try {
		Object.assign(state, JSON.parse(window.sessionStorage.getItem(KEY)));
	}
	catch (e) { /* somebody else's words under our key: begin anew */ }

	const last = (uci.get('homeline', 'main', 'enabled') != '1' || !dongle()) ? ON : uci.get('homeline', state.channel) ? CALLS : CHANNEL;

	state.step = Math.min(Math.max(+state.step || ON, ON), last);
}

const dongle = () => (uci.sections('homeline', 'dongle')[0] || {})['.name'];

/* A name that no section has yet. */
function free(name) {
	return uci.get('homeline', name) ? free(name + '_') : name;
}

/* --- forms --- */

/* A form with a few of a section's fields. */
function ask(section_id, type, names) {
	const map = new form.Map('homeline');
	const section = map.section(form.NamedSection, section_id, type);

	fields.add(section, type, (row) => names.includes(row.name)).forEach((option) => {
		if (option.option == 'country')
			option.rmempty = false;
	});
	dongles.offer(section, ports, inForce.all('dongles'));
	secrets.watch(map);

	return map;
}

/* Save a form, and what `more` adds once it was found right, and put it into force; then go to a step. */
function apply(map, step, more) {
	return map.save(more, true).then(() => uci.changes()).then((changes) => {
		keep({ step: step });

		return Object.keys(changes).length ? ui.changes.apply(true) : paint();
	});
}

/* What a step made and did not save is not there for the next one. */
function go(step) {
	keep({ step: step });
	uci.unload('homeline');

	return uci.load('homeline').then(paint);
}

function buttons(words, work) {
	return E('div', { 'class': 'hl-buttons' }, [
		state.step ? common.button(_('Back'), () => go(state.step - 1)) : '',
		common.button(words, work, { kind: 'cbi-button-action important hl-next' })
	]);
}

/* --- the steps, each a promise of its nodes --- */

function switchOn() {
	const map = ask('main', 'homeline', [ 'country' ]);

	return map.render().then((node) => [
		E('p', {}, [ _('Plug the dongle with the SIM into the router. Homeline then receives its messages and forwards them.') ]),
		node,
		buttons(_('Switch on'), () => apply(map, DONGLE, () => {
			uci.set('homeline', 'main', 'enabled', '1');

			if (!dongle())
				uci.set('homeline', uci.add('homeline', 'dongle', free('stick')), 'enabled', '1');
		}))
	]);
}

function showDongle() {
	live = E('div', { 'aria-live': 'polite' }, []);
	asked = E('div', {}, []);

	return look().then(() => [
		live, asked, buttons(_('Next'), () => go(CHANNEL))
	]);
}

function showChannel() {
	const place = E('div', {}, []), known = uci.get('homeline', state.channel);
	const types = Object.keys(FEW).map((type) => [ type, common.channelType(type) ]);
	let type = known ? known['.type'] : '', made = null, map = null;

	function choose(chosen) {
		if (made)
			uci.remove('homeline', made);

		type = chosen;
		made = null;

		if (!type)
			return place.replaceChildren();

		if (!known || known['.type'] != type)
			made = uci.add('homeline', type, free('my_' + type));

		map = ask(made || state.channel, type, FEW[type]);

		return map.render().then((node) => place.replaceChildren(node));
	}

	return Promise.resolve(choose(type)).then(() => [
		E('p', {}, [ _('Where shall messages go? More ways, and more rules, are under Forwarding.') ]),
		E('p', {}, [ common.select(_('Channel', 'homeline'), type, [ [ '', _('-- Please choose --') ] ].concat(types), choose) ]),
		place,
		buttons(_('Save and go on'), () => {
			if (!type)
				throw new Error(_('Choose a channel first.'));

			return apply(map, TEST, () => {
				const channel = made || state.channel, old = made && known ? state.channel : null;

				if (old)
					uci.remove('homeline', old);

				keep({ channel: channel, rule: ruleTo(channel) });

				return old ? secrets.remove(old) : null;
			});
		})
	]);
}

/* The rule that leads to a channel: the assistant's own, or a new one. */
function ruleTo(channel) {
	const rules = uci.sections('homeline', 'rule');
	const found = rules.find((rule) => rule['.name'] == state.rule)
		|| rules.find((rule) => options.items(rule.channels).includes(channel));
	const name = found ? found['.name'] : uci.add('homeline', 'rule', free('everything'));

	if (!found)
		uci.set('homeline', name, 'events', [ 'message', 'alert' ]);

	uci.set('homeline', name, 'channels', [ channel ]);

	return name;
}

function showTest() {
	return Promise.resolve([
		E('p', {}, [ _('Messages and alerts go to %s now. Send a test, and see that it arrives.').format(state.channel) ]),
		E('p', {}, [ common.button(_('Send a test'), () => explain.test(state.rule), { kind: 'cbi-button-action hl-test' }) ]),
		buttons(_('Next'), () => go(CALLS))
	]);
}

function finish() {
	window.sessionStorage.removeItem(KEY);
	window.location.href = L.url('admin/services/homeline/overview');
}

/* A trunk, for who wants one; with the first of them Homeline begins to write Asterisk's configuration. */
function showCalls() {
	const way = (page, words) => E('li', {}, [ E('a', { 'href': L.url('admin/services/homeline', page) }, [ words ]) ]);
	const place = E('div', {}, []), trunk = uci.sections('homeline', 'trunk')[0];

	function add() {
		const map = ask(uci.add('homeline', 'trunk', free('provider')), 'trunk', TRUNK);

		return map.render().then((node) => place.replaceChildren(node, common.button(_('Save'), () => apply(map, CALLS, () => {
			if (!uci.get('homeline', 'sip'))
				uci.add('homeline', 'sip', 'sip');

			uci.set('homeline', 'sip', 'enabled', '1');
		}), { kind: 'cbi-button-apply hl-save' })));
	}

	place.appendChild(trunk ? E('p', {}, [ _('The trunk %s is set up.').format(trunk['.name']) ])
		: common.button(_('Add a trunk'), add, { kind: 'cbi-button-add hl-trunk' }));

	return Promise.resolve([
		E('p', {}, [ _('Calls, too? A trunk carries them over the internet, through Asterisk. Messages need none.') ]),
		place,
		E('ul', {}, [
			way('lines', _('Calls: lines, trunks and phones')),
			way('forwarding', _('More rules and channels')),
			way('settings', _('Settings'))
		]),
		buttons(_('Finish'), finish)
	]);
}

/* --- the dongle, live --- */

function dongleNodes(each, advice) {
	const words = dongles.state(each.state);

	return E('section', { 'class': 'hl-card', 'data-key': each.name }, [
		E('div', { 'class': 'hl-head' }, [ E('h3', {}, [ each.name ]), common.pill(words[0], words[1]) ]),
		each.reason ? E('p', { 'class': 'hl-strong', 'data-key': 'reason' }, [ dongles.reason(each.reason) ]) : '',
		each.pin_tries !== undefined ? E('p', { 'data-key': 'tries' },
			[ N_(each.pin_tries, '%d try is left.', '%d tries are left.').format(each.pin_tries) ]) : '',
		advice ? E('p', { 'data-key': 'advice' }, [ advice ]) : '',
		each.signal_dbm !== undefined ? E('p', { 'class': 'hl-signal', 'data-key': 'signal' }, [
			dongles.signalBars(each.signal_dbm), E('span', {}, [ [ each.operator, dongles.strength(each.signal_dbm).words ].filter((one) => one).join(', ') ])
		]) : '',
		each.number ? E('p', { 'class': 'hl-number', 'data-key': 'number' }, [ each.number ]) : ''
	]);
}

function portList() {
	return ports.length ? E('ul', { 'data-key': 'ports' }, ports.map((port) =>
		E('li', { 'data-key': port.port }, [ '%s: %s'.format(port.port, dongles.portWords(port)) ])))
		: E('p', { 'data-key': 'ports' }, [ _('No modem is seen on USB.') ]);
}

/* Ask for what keeps the dongle from being ready; a form that is there stays as it is. */
function askFor(each) {
	const name = each ? ASKS[each.reason] : undefined;

	if (asked.getAttribute('data-asks') == String(name))
		return null;

	asked.setAttribute('data-asks', name);

	if (!name)
		return asked.replaceChildren();

	const map = ask(each.name, 'dongle', [ name ]);

	return map.render().then((node) => asked.replaceChildren(node,
		common.button(_('Save'), () => apply(map, DONGLE), { kind: 'cbi-button-apply hl-save' })));
}

function look() {
	return Promise.all([ api.status(), api.listPorts() ]).then((found) => {
		const status = found[0], advice = Object.fromEntries(status.problems.map((problem) => [ problem.where, problem.advice ]));
		const waits = status.dongles.filter((each) => each.state != 'ready');

		ports = found[1].ports;
		common.show(live, status.dongles.map((each) => dongleNodes(each, advice['dongle ' + each.name]))
			.concat(waits.length ? [ portList() ] : []));

		return askFor(waits.find((each) => ASKS[each.reason]));
	}, (error) => { common.show(live, dongles.away(error)); });
}

/* --- the page --- */

function paint() {
	const titles = [ _('Switch on'), _('Dongle and SIM'), _('Channel', 'homeline'), _('Test'), _('Calls') ];
	const steps = [ switchOn, showDongle, showChannel, showTest, showCalls ];

	return steps[state.step]().then((nodes) => root.replaceChildren(
		E('ol', { 'class': 'hl-list hl-buttons', 'aria-label': _('Steps') }, titles.map((words, step) =>
			E('li', { 'aria-current': step == state.step ? 'step' : null },
				[ common.pill('%d. %s'.format(step + 1, words), step < state.step ? 'good' : step == state.step ? 'fair' : 'idle') ]))),
		...nodes));
}

return view.extend({
	load: function() {
		return Promise.all([ uci.load('homeline'), inForce.load(), common.style() ])
			.then((loaded) => common.mayWrite() ? secrets.load(loaded[1]) : null);
	},

	render: function() {
		const page = E('div', { 'class': 'hl-page' }, [ E('h2', {}, [ _('Set up Homeline') ]) ]);

		if (!common.mayWrite()) {
			page.appendChild(E('p', {}, [ _('You may look at everything and change nothing.') ]));

			return page;
		}

		root = E('div', {}, []);
		page.appendChild(root);
		recall();
		poll.add(() => state.step == DONGLE ? look() : Promise.resolve(), STEP);

		return paint().then(() => page);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
