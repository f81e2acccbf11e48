'use strict';
'require view';
'require form';
'require uci';
'require homeline.common as common';
'require homeline.explain as explain';
'require homeline.fields as fields';
'require homeline.grids as grids';
'require homeline.options as options';
'require homeline.inforce as inForce';
'require homeline.rpc as api';
'require homeline.secrets as secrets';

/* The handle by which LuCI lets the mouse move a row takes the arrow keys too. */
function byKeys(grid, section_id, handle) {
	handle.setAttribute('aria-label', _('Move up or down with the arrow keys'));
	handle.setAttribute('data-handle', section_id);
	handle.addEventListener('keydown', (ev) => {
		const step = { ArrowUp: -1, ArrowDown: 1 }[ev.key];
		const names = grid.cfgsections(), other = names[names.indexOf(section_id) + step];

		if (!step)
			return;

		ev.preventDefault();

		if (other && uci.move('homeline', section_id, other, step > 0))
			grid.map.save(null, true).then(() => grid.map.root.querySelector('[data-handle="%s"]'.format(section_id)).focus());
	});
}

/* The rules, in the order in which they are read. */
const Rules = grids.Grid.extend({
	renderRowActions: function(section_id) {
		const cell = this.super('renderRowActions', [ section_id ]);
		const test = common.button(_('Test'), () => explain.test(section_id), {
			kind: 'cbi-button-neutral hl-test',
			attributes: {
				'title': inForce.has('rules', section_id) ? _('Send a test message through its channels') : _('Save and apply first'),
				'disabled': (this.map.readonly || !inForce.has('rules', section_id)) ? true : null
			}
		});

		const handle = cell.querySelector('.drag-handle');

		if (handle && !this.map.readonly)
			byKeys(this, section_id, handle);

		cell.lastChild.insertBefore(test, cell.lastChild.firstChild);

		return cell;
	},

	renderSectionAdd: function() {
		return E('div', { 'class': 'hl-toolbar' }, [
			this.super('renderSectionAdd', []),
			common.button(_('Why was it not forwarded?'), () => explain.why(), { kind: 'cbi-button-neutral hl-why' })
		]);
	},

	addModalOptions: function(modal, section_id) {
		const option = modal.taboption('how', form.DummyValue, '_preview', _('Preview'));

		option.renderWidget = function() {
			const value = (name) => modal.formvalue(section_id, name) || '';

			return explain.preview(
				() => ({ subject: value('subject'), template: value('template'), codes: value('codes') }),
				(call) => [ 'input', 'widget-change' ].forEach((name) => modal.map.root.addEventListener(name, call)));
		};

		return this.super('addModalOptions', [ modal, section_id ]);
	}
});

/* All channels' accounts in one list: sections of several types. */
const Channels = grids.Grid.extend({
	types: function() {
		return options.channels;
	},

	cfgsections: function() {
		return uci.sections('homeline').filter((section) => options.channels.includes(section['.type']))
			.map((section) => section['.name']);
	},

	addModalOptions: function(modal, section_id) {
		fields.add(modal, uci.get('homeline', section_id)['.type']);

		return this.super('addModalOptions', [ modal, section_id ]);
	},

	handleRemove: function(section_id, ev) {
		const users = uci.sections('homeline', 'rule').filter((rule) => options.items(rule.channels).includes(section_id));

		const remove = () => grids.Grid.prototype.handleRemove.call(this, section_id, ev);

		if (!users.length)
			return remove();

		common.ask(_('Delete the channel %s?').format(section_id), [
			_('These rules use it: %s.').format(users.map((rule) => rule['.name']).join(', ')),
			_('It is taken out of them. A rule without any other channel is switched off.')
		], _('Delete'), () => {
			users.forEach((rule) => leave(this.map, rule, section_id));

			return remove();
		}, 'cbi-button-negative important');

		return Promise.resolve();
	},

	render: function() {
		const gone = (inForce.status().channels || []).filter((each) => each.gone);

		return this.super('render', []).then((node) => {
			node.appendChild(E('ul', { 'class': 'hl-notices' }, gone.map(waiting)));

			return node;
		});
	}
});

/* What waits for a channel that is not there any more, or not yet again: whose mistake has to be mended. */
function waiting(channel) {
	const words = N_(channel.pending, '%d delivery waits for %s, which is not in force.', '%d deliveries wait for %s, which is not in force.')
		.format(channel.pending, channel.name);
	const node = E('li', { 'class': 'hl-notice hl-fair', 'data-channel': channel.name }, [ E('div', {}, [ words ]) ]);

	if (common.mayWrite())
		node.appendChild(common.button(_('Give up…'), () => common.ask(_('Give up what waits for %s?').format(channel.name), [
			_('It is not sent any more. The messages stay, and each can be tried again from its details.')
		], _('Give up'), () => api.dropDelivery({ channel: channel.name }).then(() => node.remove()), 'cbi-button-negative important')));

	return node;
}

/* Take a channel out of a rule; one without any other is switched off, which is what its row in the grid then says. */
function leave(map, rule, channel) {
	const left = options.items(rule.channels).filter((name) => name != channel);
	const name = rule['.name'], grid = map.children.find((each) => each.sectiontype == 'rule');

	uci.set('homeline', name, 'channels', left.length ? left : null);

	if (!left.length)
		grid.getUIElement(name, 'enabled').setValue('0');
}

/* --- columns --- */

function what(section_id) {
	const rule = uci.get('homeline', section_id);
	const from = options.items(rule.senders).concat(options.items(rule.patterns).map((pattern) => '/%s/'.format(pattern)));

	return [ grids.titles('rule', 'events', rule.events), from.length ? E('div', { 'class': 'hl-soft' }, [ from.join(', ') ]) : '' ];
}

function when(section_id) {
	const rule = uci.get('homeline', section_id);
	const quiet = options.items(rule.quiet).join('; ');

	return [
		options.items(rule.times).join('; ') || _('always'),
		quiet ? E('div', { 'class': 'hl-soft' }, [ _('quiet: %s').format(quiet) ]) : ''
	];
}

/* Where a channel leads, in a few words. */
function target(section_id) {
	const channel = uci.get('homeline', section_id);
	const preset = grids.titles('webhook', 'preset', channel.preset);

	switch (channel['.type']) {
	case 'email': return options.items(channel.to).join(', ');
	case 'telegram': return options.items(channel.chats).join(', ');
	case 'webhook': return [ preset, channel.target || channel.url ].filter((each) => each).join(', ');
	case 'mqtt': return channel.host;
	case 'sms': return options.items(channel.to).join(', ');
	case 'sip_message': return options.items(channel.phones).join(', ');
	case 'command': return channel.program;
	}

	return '';
}

function usedBy(section_id) {
	return uci.sections('homeline', 'rule').filter((rule) => options.items(rule.channels).includes(section_id))
		.map((rule) => rule['.name']).join(', ') || _('no rule');
}

/* --- the page --- */

function addRules(map) {
	const grid = grids.section(map, Rules, 'rule', _('Rules'), _('Which events go to which channels.'), _('New rule'),
		_('Rule'));

	grid.sortable = true;
	grids.column(grid, 'what', _('Forwards', 'homeline'), what);
	grids.column(grid, 'when', _('When'), when);
	grids.column(grid, 'to', _('To', 'homeline'), (section_id) => options.items(uci.get('homeline', section_id, 'channels')).join(', ') || '—');
	grids.column(grid, 'health', _('State', 'homeline'), (section_id) => inForce.health('rules', section_id));
	grids.show(grid, 'rule');
}

function addChannels(map) {
	const grid = grids.section(map, Channels, 'channel', _('Channels'), _('Where rules can send: accounts and their secrets.'),
		_('New channel'));

	grids.column(grid, 'type', _('Type'), (section_id) => common.channelType(uci.get('homeline', section_id)['.type']));
	grids.column(grid, 'target', _('Leads to'), target);
	grids.column(grid, 'users', _('Used by'), usedBy);
	grids.column(grid, 'health', _('State', 'homeline'), (section_id) => inForce.health('channels', section_id));
}

function addOthers(map) {
	const mailboxes = grids.section(map, grids.Grid, 'mailbox', _('Mailboxes'),
		_('Where answers to forwarded mails arrive, to be sent as SMS.'), _('New mailbox'), _('Mailbox'));
	const schedules = grids.section(map, grids.Grid, 'schedule', _('Schedules'), _('What is done regularly to keep a SIM alive.'),
		_('New schedule'), _('Schedule'));
	const balances = grids.section(map, grids.Grid, 'balance', _('Balances'), _('What is left on a prepaid SIM, read by a USSD code.'),
		_('New balance'), _('Balance'));
	const replies = grids.section(map, grids.Grid, 'auto_reply', _('Auto-replies'), _('Answers to whoever writes.'),
		_('New auto-reply'), _('Auto-reply'));

	grids.column(mailboxes, 'health', _('State', 'homeline'), (section_id) => inForce.health('channels', section_id));
	grids.show(mailboxes, 'mailbox');
	grids.column(schedules, 'turn', _('State', 'homeline'), (section_id) => inForce.turn('schedules', section_id));
	grids.show(schedules, 'schedule');
	grids.column(balances, 'turn', _('State', 'homeline'), (section_id) => inForce.turn('balances', section_id));
	grids.show(balances, 'balance');
	grids.show(replies, 'auto_reply');
}

return view.extend({
	load: function() {
		return Promise.all([ uci.load('homeline'), inForce.load(), common.style() ])
			.then((loaded) => common.mayWrite() ? secrets.load(loaded[1]) : null);
	},

	render: function() {
		const map = new form.Map('homeline', _('Forwarding'),
			_('Rules say which messages, calls and alerts go where; channels are the ways out.'));

		map.tabbed = true;
		addRules(map);
		addChannels(map);
		addOthers(map);

		return grids.page(map);
	}
});
