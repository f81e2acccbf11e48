'use strict';
'require baseclass';
'require dom';
'require request';
'require uci';
'require validation';

/* The lab's stand-in for LuCI's ui.js: dialogs, notices, indicators, the menu, tabs, changes, and the widgets of forms. */

let modal = null;

function notice(title, children, kinds) {
	const node = E('div', { 'class': [ 'alert-message', 'fade-in', ...kinds ].join(' ') }, [
		E('div', { 'style': 'flex:1' }),
		E('button', { 'type': 'button', 'class': 'btn', 'click': () => node.remove() }, [ _('Dismiss') ])
	]);

	if (title)
		dom.append(node.firstChild, E('h4', {}, title));

	dom.append(node.firstChild, children);
	document.getElementById('maincontent').insertBefore(node, document.getElementById('view'));

	return node;
}

/* --- widgets: `render` makes the node, `getValue` and `setValue` speak for it, `isValid` judges it --- */

const Element = baseclass.extend({
	__init__: function(value, options) {
		this.value = value;
		this.options = Object.assign({ optional: true }, options);
	},

	/* Binds `node` as this widget; `input` is what is judged, and said to have changed. */
	bind: function(node, input, events) {
		this.node = node;
		this.input = input;
		dom.bindClassInstance(node, this);

		const check = L.validation.attach(this);

		this.triggerValidation = check;
		events.forEach((name) => input.addEventListener(name, () => {
			check();
			node.dispatchEvent(new CustomEvent('widget-change', { bubbles: true }));
		}));

		return node;
	},

	getValue: function() {
		return this.input.value;
	},

	setValue: function(value) {
		this.input.value = value === null || value === undefined ? '' : value;
	},

	isChanged: function() {
		return String(this.getValue()) != String(this.value || '');
	},

	isValid: function() {
		return !this.error;
	},

	getValidationError: function() {
		return this.error || '';
	},

	registerEvents: function() {},

	attributes: function() {
		return {
			'id': this.options.id ? `widget.${this.options.id}` : null, 'name': this.options.name, 'placeholder': this.options.placeholder,
			'disabled': this.options.disabled ? '' : null, 'readonly': this.options.readonly ? '' : null, 'maxlength': this.options.maxlength
		};
	}
});

const Textfield = Element.extend({
	render: function() {
		const input = E('input', Object.assign(this.attributes(), {
			'type': this.options.password ? 'password' : 'text', 'class': 'cbi-input-text', 'value': this.value,
			'autocomplete': this.options.password ? 'new-password' : null
		}));

		return this.bind(E('div', { 'id': this.options.id }, [ input ]), input, [ 'input', 'blur' ]);
	}
});

const Textarea = Element.extend({
	render: function() {
		const input = E('textarea', Object.assign(this.attributes(), {
			'class': 'cbi-input-textarea', 'rows': this.options.rows, 'cols': this.options.cols, 'wrap': this.options.wrap
		}));

		input.value = this.value || '';

		return this.bind(E('div', { 'id': this.options.id }, [ input ]), input, [ 'input', 'blur' ]);
	}
});

const Checkbox = Element.extend({
	render: function() {
		const input = E('input', Object.assign(this.attributes(), { 'type': 'checkbox' }));

		input.checked = this.value !== null && this.value !== undefined && String(this.value) == String(this.options.value_enabled || '1');

		return this.bind(E('div', { 'id': this.options.id, 'class': 'cbi-checkbox' }, [
			input, E('label', { 'for': input.id }, [])
		]), input, [ 'change' ]);
	},

	isChecked: function() {
		return this.input.checked;
	},

	getValue: function() {
		return this.input.checked ? this.options.value_enabled || '1' : this.options.value_disabled || '0';
	},

	setValue: function(value) {
		this.input.checked = String(value) == String(this.options.value_enabled || '1');
	}
});

const Select = Element.extend({
	__init__: function(value, choices, options) {
		this.super('__init__', [ value, options ]);
		this.choices = choices;
	},

	/* LuCI's wants choices: null is an error of its caller's. */
	keys: function() {
		if (!this.choices)
			throw new TypeError('no choices');

		return this.options.sort ? this.options.sort.filter((key) => key in this.choices) : Object.keys(this.choices);
	},

	render: function() {
		const chosen = L.toArray(this.value).map(String);
		const input = E('select', Object.assign(this.attributes(), {
			'class': 'cbi-input-select', 'multiple': this.options.multiple ? '' : null
		}), this.keys().map((key) => E('option', { 'value': key, 'selected': chosen.includes(key) ? '' : null }, [ this.choices[key] ])));

		if (!this.options.multiple && this.options.optional && !('' in this.choices))
			input.insertBefore(E('option', { 'value': '', 'selected': chosen.length ? null : '' }, [ this.options.placeholder || _('-- Please choose --') ]), input.firstChild);

		return this.bind(E('div', { 'id': this.options.id }, [ input ]), input, [ 'change' ]);
	},

	getValue: function() {
		return this.options.multiple ? Array.from(this.input.selectedOptions).map((each) => each.value) : this.input.value;
	},

	setValue: function(value) {
		const chosen = L.toArray(value).map(String);

		Array.from(this.input.options).forEach((each) => { each.selected = chosen.includes(each.value); });
	}
});

/* Choices to tick; LuCI unfolds a list instead, with the same values. */
const Dropdown = Select.extend({
	render: function() {
		if (!this.options.multiple)
			return this.super('render', []);

		const chosen = L.toArray(this.value).map(String);
		const input = E('div', { 'class': 'cbi-dropdown-list' }, this.keys().map((key, place) => {
			const id = `widget.${this.options.id}.${place}`;
			const box = E('input', { 'type': 'checkbox', 'id': id, 'value': key, 'disabled': this.options.disabled ? '' : null });

			box.checked = chosen.includes(key);

			return E('label', { 'for': id }, [ box, ' ', this.choices[key] ]);
		}));

		return this.bind(E('div', { 'id': this.options.id, 'class': 'cbi-dropdown' }, [ input ]), input, [ 'change' ]);
	},

	getValue: function() {
		if (!this.options.multiple)
			return this.super('getValue', []);

		return Array.from(this.input.querySelectorAll('input:checked')).map((each) => each.value);
	},

	setValue: function(value) {
		if (!this.options.multiple)
			return this.super('setValue', [ value ]);

		const chosen = L.toArray(value).map(String);

		this.input.querySelectorAll('input').forEach((each) => { each.checked = chosen.includes(each.value); });

		return undefined;
	}
});

/* A value to choose or to type. */
const Combobox = Select.extend({
	render: function() {
		const list = `list.${this.options.id}`;
		const input = E('input', Object.assign(this.attributes(), { 'type': 'text', 'class': 'cbi-input-text', 'list': list, 'value': this.value }));

		return this.bind(E('div', { 'id': this.options.id }, [
			input, E('datalist', { 'id': list }, this.keys().map((key) => E('option', { 'value': key }, [ this.choices[key] ])))
		]), input, [ 'input', 'blur' ]);
	},

	getValue: function() {
		return this.input.value;
	},

	setValue: function(value) {
		this.input.value = value === null || value === undefined ? '' : value;
	}
});

const DynamicList = Select.extend({
	__init__: function(value, choices, options) {
		this.super('__init__', [ value, choices || {}, options ]);
	},

	render: function() {
		const list = `list.${this.options.id}`;
		const input = E('input', Object.assign(this.attributes(), { 'type': this.options.password ? 'password' : 'text', 'class': 'cbi-input-text', 'list': list }));
		const add = E('button', { 'type': 'button', 'class': 'btn cbi-button cbi-button-add', 'aria-label': _('Add'), 'disabled': this.options.disabled ? '' : null,
			'click': () => this.take() }, [ '+' ]);
		const node = E('div', { 'id': this.options.id, 'class': 'cbi-dynlist' }, [
			E('div', { 'class': 'add-item' }, [ input, add, E('datalist', { 'id': list }, this.keys().map((key) => E('option', { 'value': key }, [ this.choices[key] ]))) ])
		]);

		input.addEventListener('keydown', (ev) => {
			if (ev.key == 'Enter') {
				ev.preventDefault();
				this.take();
			}
		});
		this.bind(node, input, [ 'input', 'blur' ]);
		L.toArray(this.value).forEach((each) => this.addItem(node, String(each)));

		return node;
	},

	/* What was typed becomes an item; a value that is wrong stays where it is. */
	take: function() {
		const value = this.input.value.trim();

		this.triggerValidation();

		if (!value || this.error)
			return;

		this.addItem(this.node, value);
		this.input.value = '';
		this.triggerValidation();
		this.node.dispatchEvent(new CustomEvent('widget-change', { bubbles: true }));
	},

	addItem: function(node, value) {
		const shown = this.options.password ? '••••••' : (this.choices[value] || value);
		const item = E('div', { 'class': 'item' }, [
			E('span', {}, [ shown ]), E('input', { 'type': 'hidden', 'value': value }),
			E('button', { 'type': 'button', 'class': 'btn', 'disabled': this.options.disabled ? '' : null, 'aria-label': _('Remove %s').format(shown), 'click': () => {
				item.remove();
				node.dispatchEvent(new CustomEvent('widget-change', { bubbles: true }));
			} }, [ '×' ])
		]);

		node.insertBefore(item, node.lastElementChild);
	},

	getValue: function() {
		const typed = this.input.value.trim();
		const values = Array.from(this.node.querySelectorAll('.item > input')).map((each) => each.value);

		return typed ? values.concat(typed) : values;
	},

	setValue: function(value) {
		this.node.querySelectorAll('.item').forEach((each) => each.remove());
		L.toArray(value).forEach((each) => this.addItem(this.node, String(each)));
	}
});

const Hiddenfield = Element.extend({
	render: function() {
		const input = E('input', { 'type': 'hidden', 'id': `widget.${this.options.id}`, 'value': this.value });

		return this.bind(E('div', { 'id': this.options.id }, [ input ]), input, []);
	}
});

/* --- the menu --- */

const menu = {
	load: function() {
		this.menu = this.menu || request.get(L.url('admin/menu')).then((answer) => answer.json());

		return Promise.resolve(this.menu);
	},

	flushCache: function() {
		this.menu = null;
	},

	getChildren: function(node) {
		return Object.entries(node.children || {}).filter((each) => each[1].satisfied && 'title' in each[1])
			.map(([ name, child ]) => Object.assign({}, child, { name: name }))
			.sort((a, b) => (a.order || 1000) - (b.order || 1000) || (a.name < b.name ? -1 : 1));
	}
};

/* --- the changes that wait to be applied --- */

const changes = {
	init: function() {
		return uci.changes().then((found) => this.renderChangeIndicator(found));
	},

	renderChangeIndicator: function(found) {
		this.changes = found;
		this.setIndicator(Object.values(found).reduce((sum, each) => sum + each.length, 0));
	},

	setIndicator: function(count) {
		if (count)
			ui.showIndicator('uci-changes', _('Unsaved Changes: %d').format(count), () => this.displayChanges());
		else
			ui.hideIndicator('uci-changes');
	},

	displayChanges: function() {
		ui.showModal(_('Configuration / Changes'), [
			E('div', { 'class': 'uci-change-list' }, Object.entries(this.changes).map(([ config, list ]) => E('div', {}, [
				E('h5', {}, [ config ]), ...list.map((each) => E('div', {}, [ E('code', {}, [ each.flat().join(' ') ]) ]))
			]))),
			E('div', { 'class': 'button-row right' }, [
				E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': () => ui.hideModal() }, [ _('Close') ]), ' ',
				E('button', { 'type': 'button', 'class': 'btn cbi-button cbi-button-positive important', 'click': () => this.apply(true) }, [ _('Save & Apply') ]), ' ',
				E('button', { 'type': 'button', 'class': 'btn cbi-button cbi-button-reset', 'click': () => this.revert() }, [ _('Revert') ])
			])
		]);
	},

	post: function(action, token) {
		return request.request(L.url('admin/uci', action), { method: 'post', query: { sid: L.env.sessionid, token: token || L.env.token } });
	},

	say: function(words, kind) {
		ui.showModal(null, [ E('p', { 'class': kind || 'spinning' }, [ words ]) ]);
	},

	/* Applies, and confirms when the router still answers; without that rpcd goes back by itself. */
	apply: function(checked) {
		this.say(_('Starting configuration apply…'));

		return this.post(checked ? 'apply_rollback' : 'apply_unchecked').then((answer) => {
			if (!answer.ok)
				throw new Error(_('Apply request failed with status %s').format(answer.status));

			return checked ? this.confirm(answer.json().token, Date.now() + L.env.apply_rollback * 1000) : undefined;
		}).then(() => {
			document.dispatchEvent(new CustomEvent('uci-applied'));
			this.setIndicator(0);
			this.say(_('Configuration changes applied.'), 'notice');
			window.setTimeout(() => window.location.reload(), L.env.apply_display * 1000);
		}).catch((error) => this.say(error.message, 'alert-message warning'));
	},

	confirm: function(token, deadline) {
		return new Promise((resolve) => window.setTimeout(resolve, L.env.apply_holdoff * 1000)).then(() =>
			this.post('confirm', token).catch(() => ({ status: 0 }))).then((answer) => {
			if (answer.status == 200 || answer.status == 204)
				return undefined;

			if (Date.now() > deadline)
				throw new Error(_('Configuration changes have been rolled back!'));

			return this.confirm(token, deadline);
		});
	},

	revert: function() {
		this.say(_('Reverting configuration…'));

		return this.post('revert').then(() => {
			document.dispatchEvent(new CustomEvent('uci-reverted'));
			this.setIndicator(0);
			window.setTimeout(() => window.location.reload(), L.env.apply_display * 1000);
		});
	}
};

/* --- tabs: the children of a node that have data-tab become pages --- */

const tabs = {
	init: function() {},

	initTabGroup: function(panes) {
		const all = Array.from(panes).filter((pane) => pane.getAttribute('data-tab'));

		if (!all.length)
			return;

		const list = E('ul', { 'class': 'cbi-tabmenu', 'role': 'tablist' }, all.map((pane) => {
			const name = pane.getAttribute('data-tab');

			return E('li', { 'data-tab': name, 'role': 'presentation' }, [
				E('a', { 'href': '#', 'role': 'tab', 'click': (ev) => {
					ev.preventDefault();
					this.show(list, all, name);
				} }, [ pane.getAttribute('data-tab-title') ])
			]);
		}));

		all[0].parentNode.insertBefore(list, all[0]);
		this.show(list, all, all[0].getAttribute('data-tab'));
	},

	show: function(list, panes, name) {
		Array.from(list.children).forEach((each) => {
			const active = each.getAttribute('data-tab') == name;

			each.className = active ? 'cbi-tab' : 'cbi-tab-disabled';
			each.firstChild.setAttribute('aria-selected', active);
		});
		panes.forEach((pane) => {
			const active = pane.getAttribute('data-tab') == name;

			pane.setAttribute('data-tab-active', active);

			if (active)
				pane.dispatchEvent(new CustomEvent('cbi-tab-active', { detail: { tab: name } }));
		});
	},

	updateTabs: function() {}
};

const ui = {
	Textfield, Textarea, Checkbox, Select, Dropdown, Combobox, DynamicList, Hiddenfield, AbstractElement: Element,
	menu, changes, tabs,

	showModal: function(title, children, ...kinds) {
		this.hideModal();
		modal = E('div', { 'id': 'modal_overlay', 'tabindex': '-1' }, [
			E('div', { 'class': [ 'modal', 'cbi-modal', ...kinds ].join(' '), 'role': 'dialog', 'aria-modal': 'true', 'aria-label': title || _('Notice') }, [])
		]);

		if (title)
			dom.append(modal.firstChild, E('h4', {}, title));

		dom.append(modal.firstChild, children);
		document.body.appendChild(modal);
		document.body.classList.add('modal-overlay-active');
		modal.focus();

		return modal.firstChild;
	},

	hideModal: function() {
		if (modal)
			modal.remove();

		modal = null;
		document.body.classList.remove('modal-overlay-active');
	},

	addNotification: function(title, children, ...kinds) {
		return notice(title, children, kinds);
	},

	addTimeLimitedNotification: function(title, children, timeout, ...kinds) {
		const node = notice(title, children, kinds);

		window.setTimeout(() => node.remove(), timeout);

		return node;
	},

	showIndicator: function(id, words, handler, style) {
		const holder = document.getElementById('indicators');
		let node = holder.querySelector(`[data-indicator="${id}"]`);

		if (!node)
			node = holder.appendChild(E('button', { 'type': 'button', 'data-indicator': id, 'click': (ev) => node.handler && node.handler(ev) }, []));

		node.handler = handler;
		node.setAttribute('data-style', style || 'active');
		node.textContent = words;

		return true;
	},

	hideIndicator: function(id) {
		const node = document.querySelector(`#indicators [data-indicator="${id}"]`);

		if (node)
			node.remove();
	},

	createHandlerFn: function(self, work, ...values) {
		const call = typeof work == 'function' ? work : self[work];

		return (ev) => {
			const button = ev.currentTarget;

			button.classList.add('spinning');
			button.disabled = true;

			return Promise.resolve(call.apply(self, values.concat(ev))).catch((error) => {
				this.addNotification(null, E('p', {}, [ error.message ]), 'danger');
			}).finally(() => {
				button.classList.remove('spinning');
				button.disabled = false;
			});
		};
	},

	instantiateView: function(name) {
		return L.require(`view.${name}`).then((view) => {
			this.changes.init();

			return view;
		}).catch((error) => {
			dom.content(document.getElementById('view'), null);
			L.error(error);
		});
	},

	addValidator: function(field, type, optional, check, ...events) {
		return L.validation.field(field, type, optional, check, events);
	},

	itemlist: function(node, items) {
		for (let place = 0; place < items.length; place += 2)
			if (items[place + 1] !== null && items[place + 1] !== undefined)
				dom.append(node, [ E('strong', {}, [ items[place], ': ' ]), items[place + 1], E('br') ]);

		return node;
	}
};

document.addEventListener('uci-loaded', () => changes.init());

L.ui = ui;

return baseclass.extend(ui);
