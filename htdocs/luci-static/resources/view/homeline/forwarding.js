'use strict';
'require view';
'require form';
'require uci';
'require ui';
'require homeline.common as common';
'require homeline.explain as explain';
'require homeline.fields as fields';
'require homeline.options as options';
'require homeline.inforce as inForce';
'require homeline.secrets as secrets';

const NAME = /^[A-Za-z0-9_]{1,64}$/;

/* The titles of what a row of choices or names holds, joined. */
function titles(type, name, value) {
	const row = options.rows(type).find((each) => each.name == name);
	const words = Object.fromEntries((row.values || []).map((each) => [ each[0], each[1] || each[0] ]));

	return options.items(value ?? row.byDefault?.split(' ')).map((each) => words[each] || each).join(', ');
}

/* A column that only shows. */
function column(section, name, title, show) {
	const option = section.option(form.DummyValue, '_' + name, title);

	option.modalonly = false;
	option.textvalue = (section_id) => E('span', {}, [].concat(show(section_id)));
}

function wrongName(name) {
	if (!NAME.test(name))
		return _('A name has letters, digits and _, at most 64.');

	if (uci.get('homeline', name))
		return _('There is a section of this name already.');

	return null;
}

/* --- sections --- */

/* A grid whose sections are added by name, and by type where it has several. */
const Grid = form.GridSection.extend({
	__name__: 'CBI.GridSection',

	types: function() {
		return [ this.sectiontype ];
	},

	renderSectionAdd: function() {
		const types = this.types(), id = 'hl-new-' + this.sectiontype;
		const name = E('input', {
			'type': 'text', 'id': id, 'class': 'cbi-section-create-name', 'placeholder': _('Name'), 'autocomplete': 'off',
			'disabled': this.map.readonly || null, 'aria-describedby': id + '-error', 'maxlength': '64'
		});
		const type = E('select', { 'class': 'cbi-input-select', 'aria-label': _('Type'), 'disabled': this.map.readonly || null },
			types.map((each) => E('option', { 'value': each }, [ common.channelType(each) ])));
		const error = E('div', { 'class': 'hl-error', 'id': id + '-error', 'role': 'alert' });
		const add = E('button', {
			'class': 'cbi-button cbi-button-add', 'disabled': true,
			'click': ui.createHandlerFn(this, (ev) => this.handleAdd(ev, name.value, type.value))
		}, [ _('Add') ]);

		name.addEventListener('input', () => {
			const wrong = wrongName(name.value);

			error.textContent = (name.value && wrong) || '';
			add.disabled = !!wrong;
		});
		name.addEventListener('keydown', (ev) => {
			if (ev.key == 'Enter') {
				ev.preventDefault();
				add.click();
			}
		});

		return E('div', { 'class': 'cbi-section-create cbi-tblsection-create hl-add' }, [
			E('label', { 'for': id }, [ this.addTitle ]), ' ',
			types.length > 1 ? type : '', ' ', E('div', {}, [ name, error ]), ' ', add
		]);
	},

	handleAdd: function(ev, name, type) {
		this.map.addedSection = uci.add('homeline', type, name);

		return this.renderMoreOptionsModal(name);
	},

	modaltitle: function(section_id) {
		const type = uci.get('homeline', section_id)['.type'];

		return '%s: %s'.format(this.types().length > 1 ? common.channelType(type) : this.one, section_id);
	},

	addModalOptions: function(modal) {
		secrets.watch(modal.map);
	},

	handleRemove: function(section_id, ev) {
		return secrets.remove(section_id).then(() => form.GridSection.prototype.handleRemove.call(this, section_id, ev));
	}
});

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
const Rules = Grid.extend({
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
const Channels = Grid.extend({
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

		const remove = () => Grid.prototype.handleRemove.call(this, section_id, ev);

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
	}
});

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

	return [ titles('rule', 'events', rule.events), from.length ? E('div', { 'class': 'hl-soft' }, [ from.join(', ') ]) : '' ];
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
	const preset = titles('webhook', 'preset', channel.preset);

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

function section(map, Section, type, title, help, addTitle, one) {
	const grid = map.section(Section, type, title, help);

	Object.assign(grid, { anonymous: false, addremove: true, nodescriptions: true, addTitle: addTitle, one: one });

	return grid;
}

function addRules(map) {
	const grid = section(map, Rules, 'rule', _('Rules'), _('Which events go to which channels.'), _('New rule'),
		_('Rule'));

	grid.sortable = true;
	column(grid, 'what', _('Forwards'), what);
	column(grid, 'when', _('When'), when);
	column(grid, 'to', _('To'), (section_id) => options.items(uci.get('homeline', section_id, 'channels')).join(', ') || '—');
	column(grid, 'health', _('State'), (section_id) => inForce.health('rules', section_id));
	show(grid, 'rule');
}

function addChannels(map) {
	const grid = section(map, Channels, 'channel', _('Channels'), _('Where rules can send: accounts and their secrets.'),
		_('New channel'));

	column(grid, 'type', _('Type'), (section_id) => common.channelType(uci.get('homeline', section_id)['.type']));
	column(grid, 'target', _('Leads to'), target);
	column(grid, 'users', _('Used by'), usedBy);
	column(grid, 'health', _('State'), (section_id) => inForce.health('channels', section_id));
}

/* The fields of a type; those for the grid show there in words. */
function show(grid, type) {
	fields.add(grid, type).filter((option) => option.row.grid).forEach((option) => {
		option.editable = (option.row.name == 'enabled');

		if (option.row.widget != 'flag')
			option.textvalue = (section_id) => E('span', {},
				[ titles(type, option.row.name, uci.get('homeline', section_id, option.row.name)).replace(/\\n/g, ' ') || '—' ]);
	});
}

function addOthers(map) {
	const mailboxes = section(map, Grid, 'mailbox', _('Mailboxes'),
		_('Where answers to forwarded mails arrive, to be sent as SMS.'), _('New mailbox'), _('Mailbox'));
	const schedules = section(map, Grid, 'schedule', _('Schedules'), _('What is done regularly to keep a SIM alive.'),
		_('New schedule'), _('Schedule'));
	const balances = section(map, Grid, 'balance', _('Balances'), _('What is left on a prepaid SIM, read by a USSD code.'),
		_('New balance'), _('Balance'));
	const replies = section(map, Grid, 'auto_reply', _('Auto-replies'), _('Answers to whoever writes.'),
		_('New auto-reply'), _('Auto-reply'));

	column(mailboxes, 'health', _('State'), (section_id) => inForce.health('channels', section_id));
	show(mailboxes, 'mailbox');
	column(schedules, 'turn', _('State'), (section_id) => inForce.turn('schedules', section_id));
	show(schedules, 'schedule');
	column(balances, 'turn', _('State'), (section_id) => inForce.turn('balances', section_id));
	show(balances, 'balance');
	show(replies, 'auto_reply');
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

		return map.render().then((node) => E('div', { 'class': 'hl-page' }, [ node ]));
	}
});
