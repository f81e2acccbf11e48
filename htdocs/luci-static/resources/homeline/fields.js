'use strict';
'require baseclass';
'require form';
'require uci';
'require ui';
'require homeline.checks as checks';
'require homeline.common as common';
'require homeline.options as options';
'require homeline.secrets as secrets';

/*
 * LuCI's form options, made of the rows of `options.js`. What a field holds is judged as it is typed and again before
 * it is saved; the words stand below the field.
 */

/* The choices of a row whose values are other sections' names, as [name, title]. */
function sectionsOf(of) {
	const types = (of == 'channel') ? options.channels : of.split(' ');

	return types.flatMap((type) => uci.sections('homeline', type).map((section) => {
		const name = section['.name'];

		return [ name, (of == 'channel') ? '%s (%s)'.format(name, common.channelType(type)) : name ];
	}));
}

/* Regions that browsers know beside the countries of ISO 3166. */
const OTHER_REGIONS = 'AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ';

/* The countries as [code, name], by their names in the page's language. */
function countries() {
	const names = common.formatter(Intl.DisplayNames, { type: 'region', fallback: 'none' });
	const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');

	return letters.flatMap((first) => letters.map((second) => first + second))
		.filter((code) => !OTHER_REGIONS.includes(code) && names.of(code) && new Intl.Locale('und-' + code).region == code)
		.map((code) => [ code, names.of(code) ])
		.sort((a, b) => a[1].localeCompare(b[1]));
}

/* A tick in the list has no words beside it: it says whose it is. */
function named(option) {
	option.renderWidget = function(section_id, index, value) {
		const node = form.Flag.prototype.renderWidget.call(this, section_id, index, value);

		node.querySelector('input[type="checkbox"]').setAttribute('aria-label', '%s: %s'.format(this.title, section_id));

		return node;
	};
}

/* What is in the configuration and not to be chosen: shown all the same, so that saving does not lose it. */
function withMissing(choices, value) {
	const known = choices.map((choice) => choice[0]);

	return choices.concat(options.items(value).filter((name) => !known.includes(name))
		.map((name) => [ name, _('%s (not there)').format(name) ]));
}

function classOf(row) {
	if (row.secret)
		return secrets.Value;

	if (row.lines)
		return form.TextValue;

	if (row.check == 'country')
		return form.ListValue;

	switch (row.widget) {
	case 'flag': return form.Flag;
	case 'choice': return row.ordered ? form.DynamicList : row.many ? form.MultiValue : form.ListValue;
	case 'section': return row.many ? form.MultiValue : form.ListValue;
	}

	return row.many ? form.DynamicList : form.Value;
}

/* Each value of a field with its verdict. */
function verdicts(option, values) {
	return Promise.all(values.map((value) => checks.whole(option.row, option.sectionType, value)));
}

function say(option, section_id, words) {
	const field = option.map.findElement('data-field', option.cbid(section_id));
	const place = field ? field.querySelector('.hl-error') : null;

	if (!place)
		return;

	place.textContent = words || '';
}

/* Say what keeps a form from being saved, and show the tab on which it is. */
function refuse(option, section_id, words) {
	const field = option.map.findElement('data-field', option.cbid(section_id));
	const pane = field && field.closest('[data-tab][data-tab-active="false"]');
	const link = pane && option.map.root.querySelector('.cbi-tabmenu > [data-tab="%s"] > a'.format(pane.getAttribute('data-tab')));

	say(option, section_id, words);

	if (link)
		link.click();

	return new TypeError('%s: %s'.format(option.title, words));
}

/* Judge what a field holds now. The latest question wins. */
function look(option, section_id) {
	const turn = option.turn = (option.turn || 0) + 1;

	return verdicts(option, options.items(option.formvalue(section_id)).filter((value) => value !== '')).then((found) => {
		const wrong = found.find((one) => one.error);

		if (turn == option.turn)
			say(option, section_id, wrong ? wrong.error : null);

		return { values: found.map((one) => one.value), error: wrong ? wrong.error : null };
	});
}

/* A text of several lines is one line in UCI, as templates write it: `\n` and `\\`. */
const toLines = (value) => value && value.replace(/\\(\\|n)/g, (found) => (found == '\\n') ? '\n' : found);
const fromLines = (value) => value && value.replace(/\r?\n/g, '\\n');

function asLines(option, Widget) {
	option.rows = 4;

	option.formvalue = function(section_id) {
		return fromLines(Widget.prototype.formvalue.call(this, section_id));
	};
}

/* Whether a row must not be empty, as the form stands. */
function isNeeded(option, section_id) {
	const get = (name) => {
		const other = option.section.children.find((each) => each.option == name);

		return (other instanceof secrets.Value) ? other.willBeSet(section_id)
			: other && other.isActive(section_id) && other.formvalue(section_id);
	};

	return (typeof(option.row.needed) == 'function') ? option.row.needed(get) : option.row.needed;
}

/* Fields that are typed into are judged at once, with the words below them. */
function frame(option, Widget) {
	option.validate = function(section_id, value) {
		return (value == null || value === '') ? true
			: (checks.quick(this.row, this.row.lines ? fromLines(value) : value) || true);
	};

	/* The widget is found by its id, wherever it stands. */
	option.renderWidget = function(section_id, index, value) {
		const shown = this.row.lines ? toLines(value) : value;
		const node = E('div', { 'class': (this.row.lines || this.row.long) ? 'hl-long' : null }, [
			Widget.prototype.renderWidget.call(this, section_id, index, shown),
			E('div', { 'class': 'hl-error', 'role': 'alert' })
		]);

		/* Not as the dialogue goes away, when the field loses the focus. */
		node.addEventListener('widget-change', () => node.isConnected ? look(this, section_id) : null);

		return node;
	};
}

/* What the service has to judge is judged before it is saved; numbers of telephones are saved as international ones. */
function judge(option, Widget) {
	option.parse = function(section_id) {
		if (!this.isActive(section_id) || !this.isValid(section_id))
			return Widget.prototype.parse.call(this, section_id);

		return look(this, section_id).then((found) => {
			const error = found.error || (!found.values.length && isNeeded(this, section_id) && _('This is needed.'));

			if (error)
				throw refuse(this, section_id, error);

			if (!found.values.length || isSame(found.values, this.cfgvalue(section_id)))
				return Widget.prototype.parse.call(this, section_id);

			return this.write(section_id, this.row.many ? found.values : found.values[0]);
		});
	};
}

/* The same of a secret, which is never there to be compared. */
function judgeSecret(option, Widget) {
	option.parse = function(section_id) {
		const missing = this.isActive(section_id) && !this.willBeSet(section_id) && isNeeded(this, section_id);

		if (missing)
			return Promise.reject(refuse(this, section_id, _('This is needed.')));

		return Widget.prototype.parse.call(this, section_id);
	};
}

function isSame(values, saved) {
	return JSON.stringify(values) == JSON.stringify(options.items(saved));
}

/* A value that is the default is not written. */
function sparing(option, byDefault, Widget) {
	option.write = function(section_id, value) {
		return (options.items(value).join(' ') == byDefault)
			? this.remove(section_id) : Widget.prototype.write.call(this, section_id, value);
	};
}

/* A list that is written as a single value is one item. */
function whole(option, row) {
	option.load = function(section_id) {
		const items = options.items(uci.get('homeline', section_id, row.name));

		if (row.suggest)
			offer(this, Array.isArray(row.suggest) ? row.suggest : sectionsOf(row.suggest));

		return items.length ? items : null;
	};
}

/* What a field offers, in the place of what it offered before. */
function offer(option, choices) {
	option.keylist = [];
	option.vallist = [];
	choices.forEach((choice) => option.value(choice[0], choice[1] || choice[0]));
}

function choose(option, row) {
	if (row.values) {
		offer(option, row.values);

		if (row.ordered)
			option.validate = (section_id, value) => !value || option.keylist.includes(value) || _('Choose one of the list.');

		return;
	}

	/* LuCI's own gives null where there is nothing to choose, which its widget of several choices cannot take. */
	if (row.many)
		option.transformChoices = function() {
			return form.Value.prototype.transformChoices.call(this) || {};
		};

	option.load = function(section_id) {
		const value = options.items(uci.get('homeline', section_id, row.name));

		offer(this, (row.many ? [] : [ [ '', row.none || (row.needed ? _('-- Please choose --') : _('automatic')) ] ])
			.concat(withMissing(row.of ? sectionsOf(row.of) : countries(), value)));

		return !value.length ? null : row.many ? value : value[0];
	};
}

function dress(option, row, type, Widget) {
	Object.assign(option, {
		row: row, sectionType: type, many: row.many, rmempty: row.needed !== true,
		modalonly: !row.grid ? true : (row.name == 'enabled') ? false : null
	});

	if (row.none)
		option.placeholder = row.none;

	if (row.many && !row.secret)
		whole(option, row);

	if (row.widget == 'flag') {
		option.default = row.byDefault;
		named(option);
	}
	else if (row.widget == 'choice') {
		option.default = (row.many && row.byDefault) ? row.byDefault.split(' ') : row.byDefault;

		if (!row.many && !row.byDefault)
			Object.assign(option, { optional: true, placeholder: _('automatic') });

		choose(option, row);
		sparing(option, row.byDefault, Widget);
	}
	else if (row.widget == 'section' || row.check == 'country')
		choose(option, row);
	else {
		if (row.byDefault != null)
			option.placeholder = String(row.byDefault);

		if (row.lines)
			asLines(option, Widget);

		frame(option, Widget);
		(row.secret ? judgeSecret : judge)(option, Widget);
	}
}

/* form.js's dependencies of a row on others of the form: any of the values, or of a list that contains them. */
function depend(option, rows, only) {
	for (const name in only) {
		const other = rows.find((row) => row.name == name);

		if (!other)
			continue;

		options.items(only[name]).forEach((value) => {
			const dependency = { [name]: value };

			if (other.many)
				dependency['!contains'] = true;

			option.depends(dependency);
		});
	}
}

return baseclass.extend({
	/* Add the rows of a type to a section of a form: all, or those that `filter` lets through. */
	add: function(section, type, filter) {
		const rows = options.rows(type).filter(filter || (() => true));
		const tabs = options.tabs(rows);

		if (tabs.length > 1)
			tabs.filter((tab) => !(section.tab_names || []).includes(tab[0]))
				.forEach((tab) => section.tab(tab[0], tab[1]));

		return rows.map((row) => {
			const Widget = classOf(row);
			const option = (tabs.length > 1)
				? section.taboption(row.tab || tabs[0][0], Widget, row.name, row.title, row.help)
				: section.option(Widget, row.name, row.title, row.help);

			dress(option, row, type, Widget);
			depend(option, rows, row.only);

			return option;
		});
	},

	sectionsOf: sectionsOf
});
