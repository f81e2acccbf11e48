'use strict';
'require baseclass';
'require dom';
'require uci';
'require ui';

/* The lab's stand-in for LuCI's form.js: maps, grids with an editor in a dialog, and options of the kinds that our pages
 * use, with the names and the order of things that they rely on. */

const isEmpty = (value) => value === null || value === undefined || value === '' || (Array.isArray(value) && !value.length);
const isSame = (a, b) => JSON.stringify(a) == JSON.stringify(b);
const plain = (text) => E('div', {}, String(text || '')).textContent;

/* --- options --- */

const AbstractValue = baseclass.extend({
	__init__: function(map, section, name, title, description) {
		Object.assign(this, {
			map: map, section: section, option: name, title: title, description: description, deps: [], cfgvalues: {},
			rmempty: true, optional: false, default: null
		});
	},

	cbid: function(section_id) {
		return `cbid.${this.map.config}.${section_id}.${this.option}`;
	},

	depends: function(name, value) {
		this.deps.push(typeof name == 'string' ? { [name]: value } : name);
	},

	load: function(section_id) {
		return uci.get(this.map.config, section_id, this.option);
	},

	cfgvalue: function(section_id, value) {
		if (value !== undefined)
			this.cfgvalues[section_id] = value;

		return this.cfgvalues[section_id];
	},

	textvalue: function(section_id) {
		const value = this.cfgvalue(section_id) ?? this.default;

		return value === null ? null : '%h'.format(L.toArray(value).join(' '));
	},

	field: function(section_id) {
		return this.map.findElement('data-field', this.cbid(section_id));
	},

	getUIElement: function(section_id) {
		const node = this.map.findElement('id', this.cbid(section_id));
		const widget = node ? dom.findClassInstance(node) : null;

		return widget instanceof ui.AbstractElement ? widget : null;
	},

	formvalue: function(section_id) {
		const widget = this.getUIElement(section_id);

		return widget ? widget.getValue() : null;
	},

	validate: function() {
		return true;
	},

	getValidator: function(section_id) {
		return (value) => this.validate(section_id, value);
	},

	isValid: function(section_id) {
		const widget = this.getUIElement(section_id);

		return widget ? widget.isValid() : true;
	},

	getValidationError: function(section_id) {
		const widget = this.getUIElement(section_id);

		return widget ? widget.getValidationError() : '';
	},

	isActive: function(section_id) {
		const field = this.field(section_id);

		return field !== null && !field.classList.contains('hidden');
	},

	isSatisfied: function(section_id) {
		const holds = (dependency) => Object.entries(dependency).filter(([ name ]) => !name.startsWith('!')).every(([ name, wanted ]) => {
			const other = this.section.children.find((each) => each.option == name);
			const value = other && other.isActive(section_id) ? other.formvalue(section_id) : null;

			return dependency['!contains'] ? L.toArray(value).includes(wanted) : isSame(value, wanted);
		});

		return !this.deps.length || this.deps.some(holds);
	},

	/* Shows or hides the field; whether that changed anything. */
	checkDepends: function(section_id) {
		const field = this.field(section_id);

		if (!field || !this.deps.length || field.classList.contains('hidden') != this.isSatisfied(section_id))
			return false;

		field.classList.toggle('hidden');

		return true;
	},

	options: function(section_id, more) {
		return Object.assign({
			id: this.cbid(section_id), optional: this.optional || this.rmempty, datatype: this.datatype, placeholder: this.placeholder,
			validate: this.getValidator(section_id), disabled: this.readonly ?? this.map.readonly, sort: this.keylist
		}, more);
	},

	transformChoices: function() {
		return this.keylist && this.keylist.length ? Object.fromEntries(this.keylist.map((key, place) => [ key, this.vallist[place] ])) : null;
	},

	render: function(index, section_id, in_table) {
		return Promise.resolve(this.renderWidget(section_id, index, this.cfgvalue(section_id))).then((node) =>
			in_table ? this.renderCell(section_id, node) : this.renderFrame(section_id, node));
	},

	renderCell: function(section_id, node) {
		return E('td', { 'class': 'td cbi-value-field', 'data-title': plain(this.title), 'data-name': this.option }, [
			this.watched(E('div', { 'data-field': this.cbid(section_id) }, [ node ]))
		]);
	},

	renderFrame: function(section_id, node) {
		const frame = E('div', { 'class': 'cbi-value', 'data-field': this.cbid(section_id), 'data-name': this.option });

		const id = `widget.${this.cbid(section_id)}`, single = node.querySelector(`[id="${CSS.escape(id)}"]`);

		if (!single) { /* several ticks: a group with a name */
			node.setAttribute('role', 'group');
			node.setAttribute('aria-label', plain(this.title));
		}

		dom.append(frame, E(single ? 'label' : 'span', { 'class': 'cbi-value-title', 'for': single ? id : null }, [ plain(this.title) ]));
		dom.append(frame, E('div', { 'class': 'cbi-value-field' }, [ node ]));

		if (this.description)
			dom.append(frame.lastChild, E('div', { 'class': 'cbi-value-description' }, this.description));

		return this.watched(frame);
	},

	watched: function(node) {
		node.addEventListener('widget-change', () => this.map.checkDepends());
		dom.bindClassInstance(node, this);

		return node;
	},

	parse: function(section_id) {
		const value = this.formvalue(section_id);

		if (!this.isActive(section_id))
			return Promise.resolve(this.retain ? null : this.remove(section_id));

		if (!this.isValid(section_id))
			return Promise.reject(new TypeError('%s: %s'.format(plain(this.title), this.getValidationError(section_id))));

		if (isEmpty(value))
			return this.rmempty || this.optional ? Promise.resolve(this.remove(section_id))
				: Promise.reject(new TypeError(_('Option "%s" must not be empty.').format(plain(this.title))));

		return Promise.resolve(isSame(value, this.cfgvalue(section_id)) ? null : this.write(section_id, value));
	},

	write: function(section_id, value) {
		return uci.set(this.map.config, section_id, this.option, value);
	},

	remove: function(section_id) {
		return uci.unset(this.map.config, section_id, this.option);
	}
});

const Value = AbstractValue.extend({
	value: function(key, words) {
		(this.keylist ??= []).push(String(key));
		(this.vallist ??= []).push(String(words ?? key));
	},

	renderWidget: function(section_id, index, value) {
		const Widget = this.transformChoices() ? ui.Combobox : ui.Textfield, options = this.options(section_id, { password: this.password });
		const shown = L.toArray(value ?? this.default).length ? (value ?? this.default) : '';

		return (this.transformChoices() ? new Widget(shown, this.transformChoices(), options) : new Widget(shown, options)).render();
	}
});

const TextValue = Value.extend({
	renderWidget: function(section_id, index, value) {
		return new ui.Textarea(value ?? this.default, this.options(section_id, { rows: this.rows, cols: this.cols, wrap: this.wrap })).render();
	}
});

const DynamicList = Value.extend({
	renderWidget: function(section_id, index, value) {
		return new ui.DynamicList(L.toArray(value ?? this.default), this.transformChoices(), this.options(section_id)).render();
	}
});

const MultiValue = DynamicList.extend({
	renderWidget: function(section_id, index, value) {
		return new ui.Dropdown(L.toArray(value ?? this.default), this.transformChoices(), this.options(section_id, { multiple: true })).render();
	}
});

const ListValue = Value.extend({
	renderWidget: function(section_id, index, value) {
		return new ui.Select(value ?? this.default, this.transformChoices(), this.options(section_id, { optional: this.optional })).render();
	}
});

const Flag = Value.extend({
	__init__: function(...values) {
		this.super('__init__', values);
		Object.assign(this, { enabled: '1', disabled: '0', default: '0' });
	},

	renderWidget: function(section_id, index, value) {
		return new ui.Checkbox(value ?? this.default, this.options(section_id)).render();
	},

	formvalue: function(section_id) {
		const widget = this.getUIElement(section_id);

		return widget && widget.isChecked() ? this.enabled : this.disabled;
	},

	textvalue: function(section_id) {
		return (this.cfgvalue(section_id) ?? this.default) == this.enabled ? _('Yes') : _('No');
	},

	parse: function(section_id) {
		const value = this.formvalue(section_id);

		if (!this.isActive(section_id))
			return Promise.resolve(this.retain ? null : this.remove(section_id));

		return Promise.resolve(value == this.default && (this.optional || this.rmempty) ? this.remove(section_id) : this.write(section_id, value));
	}
});

const DummyValue = Value.extend({
	renderWidget: function(section_id, index, value) {
		return E('div', { 'id': this.cbid(section_id) }, [ L.toArray(value ?? this.default).join(' ') ]);
	},

	parse: () => Promise.resolve()
});

/* --- sections --- */

const AbstractSection = baseclass.extend({
	__init__: function(map, type, title, description) {
		Object.assign(this, { map: map, sectiontype: type, title: title, description: description, children: [], addremove: false });
	},

	tab: function(name, title) {
		(this.tab_names ??= []).push(name);
		(this.tabs ??= {})[name] = { name: name, title: title };
	},

	option: function(Kind, name, title, description) {
		const made = new Kind(this.map, this, name, title, description);

		this.children.push(made);

		return made;
	},

	taboption: function(tab, ...values) {
		return Object.assign(this.option(...values), { tab: tab });
	},

	getUIElement: function(section_id, name) {
		return this.children.find((each) => each.option == name).getUIElement(section_id);
	},

	formvalue: function(section_id, name) {
		return this.children.find((each) => each.option == name).formvalue(section_id);
	},

	load: function() {
		return Promise.all(this.cfgsections().flatMap((section_id) => this.children.map((option) =>
			Promise.resolve(option.load(section_id)).then((value) => option.cfgvalue(section_id, value ?? null)))));
	},

	/* The options that are to be saved from this form. */
	edited: function() {
		return this.children;
	},

	parse: function() {
		return Promise.all(this.cfgsections().flatMap((section_id) => this.edited().map((option) => option.parse(section_id))));
	},

	checkDepends: function() {
		return this.cfgsections().map((section_id) => this.edited().map((option) => option.checkDepends(section_id)).includes(true)).includes(true);
	}
});

/* One section, by itself or in the dialog of a grid: its options, in tabs where there are some. */
const NamedSection = AbstractSection.extend({
	__init__: function(map, section_id, ...values) {
		this.super('__init__', [ map, ...values ]);
		this.section = section_id;
	},

	cfgsections: function() {
		return uci.get(this.map.config, this.section) ? [ this.section ] : [];
	},

	rows: function(tab) {
		const options = this.children.filter((option) => !tab || (option.tab || this.tab_names[0]) == tab);

		return Promise.all(options.map((option, place) => option.render(place, this.section, false)));
	},

	render: function() {
		const attributes = {
			'class': 'cbi-section', 'id': `cbi-${this.map.config}-${this.section}`,
			'data-tab': this.map.tabbed ? this.sectiontype : null, 'data-tab-title': this.map.tabbed ? this.title : null
		};
		const head = [
			...(this.title ? [ E('h3', {}, [ this.title ]) ] : []),
			...(this.description ? [ E('div', { 'class': 'cbi-section-descr' }, [ this.description ]) ] : [])
		];

		if (!this.tabs)
			return this.rows().then((rows) => E('div', attributes, [ ...head, ...rows ]));

		return Promise.all(this.tab_names.map((name) => this.rows(name).then((rows) =>
			E('div', { 'data-tab': name, 'data-tab-title': this.tabs[name].title }, rows)))).then((panes) => {
			const node = E('div', attributes, [ ...head, E('div', { 'class': 'cbi-section-node-tabbed' }, panes) ]);

			ui.tabs.initTabGroup(panes);

			return node;
		});
	}
});

const GridSection = AbstractSection.extend({
	cfgsections: function() {
		return uci.sections(this.map.config, this.sectiontype).map((each) => each['.name']).filter((name) => this.filter(name));
	},

	filter: () => true,

	columns: function() {
		return this.children.filter((option) => !option.modalonly);
	},

	edited: function() {
		return this.columns().filter((option) => option.editable);
	},

	titleFn: function(name, section_id) {
		return typeof this[name] == 'function' ? this[name](section_id) : this[name];
	},

	renderTextValue: function(section_id, option) {
		return E('td', { 'class': 'td cbi-value-field', 'data-title': plain(option.title), 'data-name': option.option },
			option.textvalue(section_id) ?? E('em', {}, [ _('none') ]));
	},

	renderRow: function(section_id) {
		return Promise.all(this.columns().map((option, place) =>
			option.editable ? option.render(place, section_id, true) : this.renderTextValue(section_id, option))).then((cells) => {
			const row = E('tr', { 'class': 'tr cbi-section-table-row', 'data-sid': section_id }, [
				...(this.anonymous ? [] : [ E('td', { 'class': 'td cbi-section-table-titles' }, [ this.titleFn('sectiontitle', section_id) || section_id ]) ]),
				...cells, this.renderRowActions(section_id)
			]);

			if (this.sortable)
				this.sorts(row, section_id);

			return row;
		});
	},

	renderRowActions: function(section_id) {
		const words = _('Edit'), readonly = this.map.readonly ? '' : null;
		const cell = E('td', { 'class': 'td cbi-section-table-cell nowrap cbi-section-actions' }, [ E('div') ]);

		if (this.sortable)
			dom.append(cell.lastChild, [ E('button', { 'type': 'button', 'class': 'btn cbi-button drag-handle center', 'title': _('Drag to reorder'), 'disabled': readonly }, [ '☰' ]) ]);

		dom.append(cell.lastChild, [ E('button', {
			'type': 'button', 'class': 'btn cbi-button cbi-button-edit', 'title': words, 'click': ui.createHandlerFn(this, 'renderMoreOptionsModal', section_id)
		}, [ words ]) ]);

		if (this.addremove)
			dom.append(cell.lastChild, [ E('button', {
				'type': 'button', 'class': 'btn cbi-button cbi-button-remove', 'title': _('Delete'), 'disabled': readonly,
				'click': ui.createHandlerFn(this, 'handleRemove', section_id)
			}, [ _('Delete') ]) ]);

		return cell;
	},

	/* A row can be dragged by its handle to another's place. */
	sorts: function(row, section_id) {
		row.querySelector('.drag-handle').addEventListener('mousedown', () => { row.draggable = !this.map.readonly; });
		row.addEventListener('dragstart', (ev) => ev.dataTransfer.setData('text/plain', section_id));
		row.addEventListener('dragend', () => { row.draggable = false; });
		row.addEventListener('dragover', (ev) => ev.preventDefault());
		row.addEventListener('drop', (ev) => {
			const names = this.cfgsections(), moved = ev.dataTransfer.getData('text/plain');

			ev.preventDefault();

			if (names.includes(moved) && moved != section_id) {
				uci.move(this.map.config, moved, section_id, names.indexOf(moved) < names.indexOf(section_id));
				this.map.save(null, true);
			}
		});
	},

	renderSectionAdd: function() {
		return E([]);
	},

	render: function() {
		const titles = [ ...(this.anonymous ? [] : [ _('Name') ]), ...this.columns().map((option) => option.title), '' ];

		return Promise.all(this.cfgsections().map((section_id) => this.renderRow(section_id))).then((rows) => E('div', {
			'class': 'cbi-section cbi-tblsection', 'id': `cbi-${this.map.config}-${this.sectiontype}`,
			'data-tab': this.map.tabbed ? this.sectiontype : null, 'data-tab-title': this.map.tabbed ? this.title : null
		}, [
			E('h3', {}, [ this.title ]), E('div', { 'class': 'cbi-section-descr' }, [ this.description || '' ]),
			E('table', { 'class': 'table cbi-section-table' }, [
				E('tr', { 'class': 'tr cbi-section-table-titles table-titles' }, titles.map((title) => E('th', { 'class': 'th cbi-section-table-cell' }, [ plain(title) ]))),
				...rows,
				...(rows.length ? [] : [ E('tr', { 'class': 'tr placeholder' }, [ E('td', { 'class': 'td' }, [ E('em', {}, [ _('This section contains no values yet') ]) ]) ]) ])
			]),
			this.renderSectionAdd('cbi-tblsection-create')
		]));
	},

	handleRemove: function(section_id) {
		uci.remove(this.map.config, section_id);

		return this.map.save(null, true);
	},

	addModalOptions: () => undefined,

	/* The dialog is a map of its own, with a copy of each option. */
	renderMoreOptionsModal: function(section_id) {
		const map = new Map(this.map.config), section = map.section(NamedSection, section_id, this.sectiontype);

		map.readonly = this.map.readonly;
		section.tabs = this.tabs && Object.assign({}, this.tabs);
		section.tab_names = this.tab_names && this.tab_names.slice();
		this.children.filter((option) => option.modalonly !== false).forEach((option) => {
			const copy = section.option(option.constructor, option.option, option.title, option.description);

			Object.keys(option).filter((key) => ![ 'map', 'section', 'cfgvalues' ].includes(key)).forEach((key) => { copy[key] = option[key]; });
		});

		return Promise.resolve(this.addModalOptions(section, section_id)).then(() => map.render()).then((node) => ui.showModal(
			this.titleFn('modaltitle', section_id) || section_id, [
				node,
				E('div', { 'class': 'button-row' }, [
					E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': ui.createHandlerFn(this, 'handleModalCancel', map) }, [ _('Dismiss') ]), ' ',
					E('button', {
						'type': 'button', 'class': 'btn cbi-button cbi-button-positive important', 'disabled': map.readonly ? '' : null,
						'click': ui.createHandlerFn(this, 'handleModalSave', map)
					}, [ _('Save') ])
				])
			], 'cbi-modal'));
	},

	/* What was added and not saved is gone again. */
	handleModalCancel: function(map, ev, is_saving) {
		if (this.map.addedSection && is_saving !== true)
			uci.remove(this.map.config, this.map.addedSection);

		delete this.map.addedSection;
		ui.hideModal();

		return this.map.load().then(() => this.map.reset());
	},

	/* What is wrong stands at its field, so the dialog just stays. */
	handleModalSave: function(map, ev) {
		return map.save(null, true).then(() => this.handleModalCancel(map, ev, true)).catch(() => undefined);
	}
});

/* --- maps --- */

const Map = baseclass.extend({
	__init__: function(config, title, description) {
		Object.assign(this, { config: config, title: title, description: description, children: [], data: uci, readonly: !L.hasViewPermission() });
	},

	section: function(Kind, ...values) {
		const made = new Kind(this, ...values);

		this.children.push(made);

		return made;
	},

	findElement: function(name, value) {
		return this.root ? this.root.querySelector(`[${name}="${CSS.escape(value)}"]`) : null;
	},

	load: function() {
		return uci.load(this.config).then(() => Promise.all(this.children.map((section) => section.load())));
	},

	render: function() {
		return this.load().then(() => this.renderContents());
	},

	renderContents: function() {
		const node = (this.root ??= E('div', { 'id': this.title ? `cbi-${this.config}` : null, 'class': 'cbi-map' }));
		const shown = node.querySelector('.cbi-tabmenu > .cbi-tab');

		dom.bindClassInstance(node, this);

		return Promise.all(this.children.map((section) => section.render())).then((sections) => {
			dom.content(node, [
				...(this.title ? [ E('h2', {}, [ this.title ]) ] : []),
				...(this.description ? [ E('div', { 'class': 'cbi-map-descr' }, [ this.description ]) ] : []),
				E('div', {}, sections)
			]);

			if (this.tabbed)
				ui.tabs.initTabGroup(sections);

			if (this.tabbed && shown)
				node.querySelector(`.cbi-tabmenu > [data-tab="${shown.getAttribute('data-tab')}"] > a`).click();

			this.checkDepends();

			return node;
		});
	},

	/* What a field shows may depend on one that was just shown itself. */
	checkDepends: function() {
		for (let turn = 0; turn < 10; turn++)
			if (!this.children.map((section) => section.checkDepends()).includes(true))
				break;
	},

	parse: function() {
		return Promise.all(this.children.map((section) => section.parse()));
	},

	save: function(callback, silent) {
		this.checkDepends();

		return this.parse().then(callback).then(() => uci.save()).then(() => this.load()).catch((error) => {
			if (!silent)
				ui.showModal(_('Save error'), [
					E('p', {}, [ error.message ]), E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': () => ui.hideModal() }, [ _('Dismiss') ])
				]);

			throw error;
		}).then(() => this.renderContents());
	},

	reset: function() {
		return this.renderContents();
	}
});

return baseclass.extend({
	Map: Map, GridSection: GridSection, NamedSection: NamedSection, Value: Value, TextValue: TextValue, DynamicList: DynamicList,
	MultiValue: MultiValue, ListValue: ListValue, Flag: Flag, DummyValue: DummyValue
});
