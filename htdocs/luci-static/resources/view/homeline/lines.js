'use strict';
'require view';
'require form';
'require uci';
'require ui';
'require homeline.common as common';
'require homeline.fields as fields';
'require homeline.grids as grids';
'require homeline.inforce as inForce';
'require homeline.options as options';
'require homeline.qr as qr';
'require homeline.rpc as api';
'require homeline.secrets as secrets';

const STAYS = () => _('Save and apply the phone first.');

/* Where the audit has found something: /etc/asterisk/FILE line N [SECTION] */
const PLACE = /^\/etc\/asterisk\/(\S+)(?: line \d+)?(?: \[(.*)\])?$/;

/* --- phones --- */

/* The router as a telephone reaches it, by what this browser calls it. */
function server(phone, sip) {
	const port = phone.secure ? sip.tls_port : sip.port;
	const host = (phone.secure && sip.external_address) || window.location.hostname;

	return (port == (phone.secure ? 5061 : 5060)) ? host : '%s:%d'.format(host, port);
}

function transport(phone, sip) {
	return phone.secure ? 'TLS' : [ 'udp', 'tcp', 'tls' ].find((each) => sip.transports.includes(each)).toUpperCase();
}

function fact(title, words, copied) {
	return [
		E('dt', {}, [ title ]),
		E('dd', {}, copied ? [ E('code', {}, [ words ]), ' ', common.copyButton(_('Copy'), words) ] : [ words ])
	];
}

function app(name, words) {
	return E('details', {}, [ E('summary', {}, [ name ]), E('p', {}, [ words ]) ]);
}

/* What Linphone fetches its account from, once. */
function provisioning(reply) {
	if (!reply.provisioning)
		return '';

	const address = 'http://%s:%d/%s'.format(window.location.hostname, reply.provisioning.port, reply.provisioning.token);
	const code = qr.svg(address, _('Address for Linphone'));

	return E('details', { 'open': '' }, [
		E('summary', {}, [ 'Linphone' ]),
		E('p', {}, [ _('Scan this with Linphone (remote provisioning), in the router\'s network. It works once, for %d minutes.')
			.format(reply.provisioning.seconds / 60) ]),
		E('p', {}, code ? [ code ] : []),
		common.copyButton(_('Copy the address'), address)
	]);
}

/* The only time that a phone's password is seen. */
function showPassword(reply) {
	const config = inForce.config(), sip = config.sip || {};
	const phone = (config.phone || {})[reply.phone] || {};

	ui.showModal(_('The phone %s').format(reply.phone), [
		E('p', {}, [ _('The password is shown this once. It counts from now on.') ]),
		E('dl', { 'class': 'hl-facts' }, [].concat(
			fact(_('User name'), reply.username, true),
			fact(_('Password'), reply.password, true),
			fact(_('Server, domain'), server(phone, sip), true),
			fact(_('Transport'), transport(phone, sip)),
			fact(_('Media encryption'), phone.secure ? _('SRTP (SDES), mandatory') : _('none', 'homeline')),
			fact(_('Proxy, STUN, ICE, TURN'), _('none', 'homeline'))
		)),
		provisioning(reply),
		app('Acrobits, Groundwire', _('A new account, Generic SIP. Leave push notifications off: with them a server of the maker\'s registers in your name, and is refused.')),
		app('Bria', _('A new SIP account; the user name is the User ID. Leave the push service off.')),
		E('div', { 'class': 'right button-row' }, [ E('button', { 'type': 'button', 'class': 'btn', 'click': ui.hideModal }, [ _('Close') ]) ])
	]);
}

function askPassword(section_id) {
	common.ask(_('A new password for %s?').format(section_id), [
		_('The one before does not count any more: telephones that have it are cut off.')
	], _('Make a password'), () => api.newPhonePassword({ phone: section_id, provision: true })
		.catch((error) => { throw new Error(api.words(error, { 4: STAYS(), 8: _('Its account is not at this router.') })); })
		.then((reply) => grids.refresh().then((config) => secrets.load(config)).catch(() => {}).then(() => {
			window.setTimeout(() => showPassword(reply));
		})));
}

const Phones = grids.Grid.extend({
	renderRowActions: function(section_id) {
		const cell = this.super('renderRowActions', [ section_id ]);

		cell.lastChild.insertBefore(common.button(_('Password…'), () => askPassword(section_id), {
			kind: 'cbi-button-neutral hl-password',
			attributes: { 'disabled': (this.map.readonly || uci.get('homeline', section_id, 'where') == 'twilio') ? true : null }
		}), cell.lastChild.firstChild);

		return cell;
	}
});

/* --- Asterisk --- */

/* What would change in Asterisk's files by what is saved here, applied or not. */
function showChanges() {
	const sections = uci.sections('homeline').map((section) =>
		Object.assign({ '.secrets': secrets.staged(section['.name']) }, section));

	return api.renderConfig({ dry_run: true, sections: sections }).catch((error) => {
		throw new Error(api.words(error, { 8: _('Enable Asterisk, save and apply first.') }));
	}).then((reply) => {
		const files = reply.files.filter((file) => file.changed);

		ui.showModal(_('Changes of Asterisk\'s files'), [
			reply.error ? E('p', { 'class': 'hl-error' }, [ reply.error ]) : '',
			files.length || reply.error ? '' : E('p', {}, [ _('Nothing changes.') ]),
			E('div', {}, files.map((file) => E('details', { 'open': '' }, [
				E('summary', {}, [ file.name ]), E('pre', { 'class': 'hl-diff', 'tabindex': '0' }, file.diff.split('\n').slice(2).map(changedLine))
			]))),
			E('ul', { 'class': 'hl-results' }, (reply.problems || []).map((problem) =>
				E('li', {}, [ '%s: %s'.format(problem.where, problem.text) ]))),
			E('div', { 'class': 'right button-row' }, [ E('button', { 'type': 'button', 'class': 'btn', 'click': ui.hideModal }, [ _('Close') ]) ])
		]);
	});
}

function changedLine(line) {
	const mood = { '+': 'good', '-': 'bad' }[line.charAt(0)];

	return E('div', { 'class': mood ? 'hl-mark hl-' + mood : null }, [ line || ' ' ]);
}

function askRestart() {
	common.ask(_('Restart Asterisk now?'), [ _('Calls that are up end.') ], _('Restart'),
		() => api.renderConfig({ restart: true }).then(() => common.done(_('Asterisk is started again.'))));
}

/* What the audit found in files that the owner wrote: places and words. */
function findings() {
	return (inForce.status().problems || []).map((problem) => ({ problem: problem, place: PLACE.exec(problem.where) }))
		.filter((each) => each.place)
		.map((each) => Object.assign(each, { key: '%s:%s'.format(each.place[1], (each.place[2] || each.place[1]).replace(/[^!-~]/g, '_')) }));
}

/* Accept a finding, or take that back; it counts as all else does, once it is applied. */
function accept(map, key, accepted) {
	if (!uci.get('homeline', 'sip'))
		uci.add('homeline', 'sip', 'sip');

	uci.set('homeline', 'sip', 'accepted', accepted.includes(key) ? accepted.filter((each) => each != key) : accepted.concat(key));

	return map.save(null, true);
}

function finding(map, each) {
	const accepted = options.items(uci.get('homeline', 'sip', 'accepted')), there = accepted.includes(each.key);

	return E('div', { 'class': 'hl-rule', 'data-key': each.key }, [
		E('strong', {}, [ each.problem.where ]), ' ', there ? common.pill(_('will be accepted'), 'idle') : '',
		E('p', {}, [ each.problem.text ]),
		E('p', { 'class': 'hl-soft' }, [ each.problem.advice || '' ]),
		map.readonly ? '' : common.button(there ? _('Do not accept') : _('Accept'), () => accept(map, each.key, accepted))
	]);
}

/* Sections of which there is one each: Asterisk, and the account at Twilio. */
const Fixed = grids.Grid.extend({
	cfgsections: () => [ 'sip', 'twilio' ],

	sectiontitle: (section_id) => (section_id == 'sip') ? 'Asterisk' : 'Twilio',

	modaltitle: function(section_id) {
		return this.sectiontitle(section_id);
	},

	renderMoreOptionsModal: function(section_id, ev) {
		if (!uci.get('homeline', section_id))
			this.map.addedSection = uci.add('homeline', section_id, section_id);

		return this.super('renderMoreOptionsModal', [ section_id, ev ]);
	},

	addModalOptions: function(modal, section_id) {
		fields.add(modal, section_id);

		return this.super('addModalOptions', [ modal, section_id ]);
	},

	render: function() {
		return this.super('render', []).then((node) => {
			const found = findings();

			node.appendChild(E('div', { 'class': 'hl-toolbar' }, [
				common.button(_('What changes in Asterisk\'s files?'), showChanges, {
					kind: 'cbi-button-neutral hl-changes', attributes: { 'disabled': this.map.readonly ? true : null }
				}),
				(inForce.status().asterisk || {}).configuration == 'pending_restart' && !this.map.readonly
					? common.button(_('Restart Asterisk…'), askRestart) : ''
			]));

			if (found.length)
				node.appendChild(E('div', { 'class': 'hl-findings' }, [ E('h3', {}, [ _('In files of your own') ]) ]
					.concat(found.map((each) => finding(this.map, each)))));

			return node;
		});
	}
});

function fixedState(section_id) {
	const asterisk = inForce.status().asterisk || {};

	if (section_id == 'twilio')
		return uci.get('homeline', 'twilio', 'account_sid') || _('not set');

	if (!asterisk.running && (asterisk.configuration || 'off') == 'off')
		return common.pill(_('Switched off'), 'idle');

	const words = asterisk.running ? common.asteriskState(asterisk.configuration) : [ _('Not running'), 'bad' ];

	return [ common.pill(words[0], words[1]), E('div', { 'class': 'hl-soft hl-clip' }, [ asterisk.error || '' ]) ];
}

/* --- the page --- */

/* What is left of an allowance today. */
function left(section_id) {
	const seconds = inForce.outbound(section_id);

	return (seconds === undefined) ? inForce.section('outbound', section_id)
		: common.pill(_('%d min left').format(seconds / 60), seconds > 0 ? 'good' : 'fair');
}

function list(map, Section, type, words, state) {
	const grid = grids.section(map, Section, type, ...words);

	grids.column(grid, 'state', _('State', 'homeline'), state);
	grids.show(grid, type);
}

return view.extend({
	load: function() {
		return Promise.all([ uci.load('homeline'), inForce.load(), common.style() ])
			.then((loaded) => common.mayWrite() ? secrets.load(loaded[1]) : null);
	},

	render: function() {
		const map = new form.Map('homeline', _('Lines'), _('Which phones ring, through whom calls go, and what may be called.'));

		map.tabbed = true;
		list(map, grids.Grid, 'line', [ _('Lines'), _('Numbers of SIMs, and what rings when they are called.'), _('New line'), _('Line') ],
			(section_id) => inForce.section('line', section_id));
		list(map, Phones, 'phone', [ _('Phones'), _('Accounts of softphones.'), _('New phone'), _('Phone') ],
			(section_id) => inForce.peer('phones', section_id));
		list(map, grids.Grid, 'trunk', [ _('Trunks'), _('Providers that carry calls over the internet.'), _('New trunk'), _('Trunk') ],
			(section_id) => inForce.peer('trunks', section_id));
		list(map, grids.Grid, 'outbound',
			[ _('Calls out'), _('What may be called. Nothing else can be.'), _('New permission'), _('Permission') ], left);

		const fixed = grids.section(map, Fixed, 'sip', 'Asterisk', _('The telephone exchange on the router.'));

		fixed.addremove = false;
		grids.column(fixed, 'state', _('State', 'homeline'), fixedState);

		return grids.page(map);
	}
});
