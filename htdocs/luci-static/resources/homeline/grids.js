'use strict';
'require baseclass';
'require form';
'require poll';
'require uci';
'require ui';
'require homeline.common as common';
'require homeline.fields as fields';
'require homeline.inforce as inForce';
'require homeline.options as options';
'require homeline.secrets as secrets';

/*
 * Lists of sections, each with a dialogue for all of its options: what the pages of forwarding and of lines are made of.
 */

const STEP = 5; /* seconds between two looks at what cells show */
const NAME = /^[A-Za-z0-9_]{1,64}$/;

/* The titles of what a row of choices or names holds, joined. */
function titles(type, name, value) {
	const row = options.rows(type).find((each) => each.name == name);
	const words = Object.fromEntries((row.values || []).map((each) => [ each[0], each[1] || each[0] ]));

	return options.items(value ?? String(row.byDefault ?? '').split(' ')).map((each) => words[each] || each).join(', ');
}

/* What a column shows of a section. It is made anew where that is no longer so; all else on the page stays as it was typed. */
function cell(name, show, section_id) {
	const node = E('span', { 'data-shows': name }, [].concat(show(section_id)));

	node.look = () => {
		const fresh = cell(name, show, section_id);

		if (!fresh.isEqualNode(node))
			node.replaceWith(fresh);
	};

	return node;
}

/* A column that only shows. */
function column(section, name, title, show) {
	const option = section.option(form.DummyValue, '_' + name, title);

	option.modalonly = false;
	option.textvalue = (section_id) => cell(name, show, section_id);
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
		if (!this.addremove)
			return E([]);

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

/* A grid in a form. */
function section(map, Section, type, title, help, addTitle, one) {
	const grid = map.section(Section, type, title, help);

	Object.assign(grid, { anonymous: false, addremove: true, nodescriptions: true, addTitle: addTitle, one: one });

	return grid;
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

/* Ask the service how it goes now, and show that; gives its effective configuration. */
function refresh() {
	return inForce.again().then((config) => {
		document.querySelectorAll('[data-shows]').forEach((each) => each.look());

		return config;
	});
}

/* A form as a page, whose columns stay as the service says. */
function page(map) {
	return map.render().then((node) => {
		poll.add(() => refresh().catch(() => {}), STEP);

		return E('div', { 'class': 'hl-page' }, [ node ]);
	});
}

return baseclass.extend({
	/* A list of sections that are added by name; `types()` where it has several types. */
	Grid: Grid,

	titles: titles,

	column: column,

	page: page,

	refresh: refresh,

	section: section,

	show: show
});
