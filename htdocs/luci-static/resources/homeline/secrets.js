'use strict';
'require baseclass';
'require form';
'require rpc';
'require uci';
'require ui';

/*
 * Secrets live in a second file, which pages may write and not read (docs/luci.md). What is typed goes into the
 * session's staged changes of `homeline_secret`, beside those of `homeline`, and Save & Apply, the confirmation and the
 * way back treat both alike. LuCI cannot list changes of a file that it may not read; therefore there is always a
 * visible change of `homeline` beside a hidden one, and where the visible ones were taken back the hidden ones are too.
 */

const CONFIG = 'homeline_secret';

const callAdd = rpc.declare({ object: 'uci', method: 'add', params: [ 'config', 'type', 'name', 'values' ], reject: true });
const callSet = rpc.declare({ object: 'uci', method: 'set', params: [ 'config', 'section', 'values' ], reject: true });
const callDelete = rpc.declare({ object: 'uci', method: 'delete', params: [ 'config', 'section', 'options' ], reject: true });
const callRevert = rpc.declare({ object: 'uci', method: 'revert', params: [ 'config' ], reject: true });

/* What is known of the secrets in force, {type: {name: {option: 'set' or 'not set'}}}, and what was staged here. */
let known = {};
const staged = {};

const idOf = (section_id, option) => '%s.%s'.format(section_id, option);

function forget() {
	for (const id in staged)
		delete staged[id];
}

function revert() {
	forget();

	return callRevert(CONFIG).catch(() => {});
}

/* Where nothing of `homeline` is staged, write a value of the section once more, which LuCI lists as a change. */
function makeVisible(section_id) {
	return uci.changes().then((changes) => {
		const section = uci.get('homeline', section_id) || {};
		const names = Object.keys(section).filter((name) => name.charAt(0) != '.');
		const name = names.find((each) => Array.isArray(section[each])) || names[0];

		if ('homeline' in changes)
			return null;

		/* Only a dongle's section may have no values. */
		return (name ? callDelete('homeline', section_id, [ name ]) : Promise.resolve())
			.then(() => callSet('homeline', section_id, name ? { [name]: section[name] } : { enabled: '1' }))
			.then(() => {
				uci.unload('homeline');

				return uci.load('homeline');
			});
	});
}

document.addEventListener('uci-reverted', revert);
document.addEventListener('uci-applied', forget);

const Secret = form.Value.extend({
	__name__: 'CBI.Value',

	/* Nothing that was saved comes back. */
	load: function() {
		return null;
	},

	cfgvalue: function() {
		return null;
	},

	/* Whether there is one already; undefined where that cannot be known, as the section is not in force. */
	isSet: function(section_id) {
		const id = idOf(section_id, this.option);

		if (id in staged)
			return staged[id] != null;

		const sections = known[this.sectionType] || {};

		return (section_id in sections) ? sections[section_id][this.option] == 'set' : undefined;
	},

	/* Whether there will be one, as the form stands. */
	willBeSet: function(section_id) {
		return (this.formvalue(section_id) || '').length > 0 || (!!this.isSet(section_id) && !this.cleared);
	},

	renderWidget: function(section_id) {
		const is_set = this.isSet(section_id);
		const options = {
			id: this.cbid(section_id),
			password: true,
			optional: this.rmempty || is_set,
			placeholder: is_set ? _('set; empty keeps it') : _('not set'),
			validate: L.bind(this.validate, this, section_id),
			disabled: this.readonly ?? this.map.readonly
		};
		const widget = this.many ? new ui.DynamicList([], null, options) : new ui.Textfield('', options);
		const node = widget.render();

		if (!is_set || options.disabled)
			return node;

		return E('div', {}, [ node, this.renderClear(section_id) ]);
	},

	renderClear: function(section_id) {
		const option = this;

		return E('button', {
			'class': 'btn cbi-button cbi-button-remove hl-clear',
			'click': function(ev) {
				ev.preventDefault();
				option.cleared = !option.cleared;
				ev.currentTarget.firstChild.data = option.cleared ? _('Keep it after all') : _('Delete this secret');
				ev.currentTarget.setAttribute('aria-pressed', option.cleared ? 'true' : 'false');
			},
			'aria-pressed': 'false'
		}, [ _('Delete this secret') ]);
	},

	parse: function(section_id) {
		const value = this.formvalue(section_id);
		const active = this.isActive(section_id);
		const given = active && value != null && value.length > 0;

		if (active && !this.isValid(section_id))
			return Promise.reject(new TypeError('%s: %s'.format(this.title, this.getValidationError(section_id))));

		this.waiting = {};

		if (given)
			this.waiting[section_id] = { value: value };
		else if (this.cleared)
			this.waiting[section_id] = { value: null };

		return Promise.resolve();
	},

	/* Stage what was typed, once the whole form was found right; the names of the sections. */
	flush: function() {
		return Promise.all(Object.keys(this.waiting || {}).map((section_id) => {
			const value = this.waiting[section_id].value;
			const task = (value != null)
				? callAdd(CONFIG, this.sectionType, section_id, { [this.option]: value })
				: callDelete(CONFIG, section_id, [ this.option ]).catch(() => {});

			delete this.waiting[section_id];
			this.cleared = false;
			staged[idOf(section_id, this.option)] = value && true;

			return task.then(() => section_id);
		}));
	}
});

return baseclass.extend({
	/* The form option of a secret. `sectionType` is the section's type, `many` that it is a list. */
	Value: Secret,

	/* To be called by a page's load(): `config` is what get_config answers, or null where the service does not run. Takes
	 * back hidden changes whose visible ones were taken back on another page. */
	load: function(config) {
		known = config || {};

		return uci.changes().then((changes) => ('homeline' in changes) ? null : revert());
	},

	/* The names of a section's secrets that are staged here and not yet in force. */
	staged: function(section_id) {
		return Object.keys(staged).filter((id) => staged[id] && id.startsWith(section_id + '.')).map((id) => id.split('.')[1]);
	},

	/* Have a form stage its secrets as it is saved. */
	watch: function(map) {
		const save = map.save;

		map.save = function(callback, silent) {
			const secrets = this.children.flatMap((section) =>
				section.children.filter((option) => option instanceof Secret));
			let touched = [];

			return save.call(this, () => Promise.resolve(callback ? callback() : null)
				.then(() => Promise.all(secrets.map((option) => option.flush())))
				.then((names) => { touched = names.flat(); }), silent)
				.then((node) => (touched.length ? makeVisible(touched[0]) : Promise.resolve()).then(() => node));
		};
	},

	/* The secrets of a section that is deleted go with it. */
	remove: function(section_id) {
		return callDelete(CONFIG, section_id, null).catch(() => {});
	}
});
