'use strict';
'require baseclass';
'require rpc';

/* The lab's stand-in for LuCI's uci.js: a copy of each configuration that was loaded, and what was changed in it here. */

const calls = {
	get: rpc.declare({ object: 'uci', method: 'get', params: [ 'config' ], expect: { values: {} }, reject: true }),
	set: rpc.declare({ object: 'uci', method: 'set', params: [ 'config', 'section', 'values' ], reject: true }),
	add: rpc.declare({ object: 'uci', method: 'add', params: [ 'config', 'type', 'name', 'values' ], expect: { section: '' }, reject: true }),
	remove: rpc.declare({ object: 'uci', method: 'delete', params: [ 'config', 'section', 'options' ], reject: true }),
	order: rpc.declare({ object: 'uci', method: 'order', params: [ 'config', 'sections' ], reject: true }),
	changes: rpc.declare({ object: 'uci', method: 'changes', expect: { changes: {} } })
};

const state = {}; /* by configuration: { sections: {name: values}, order: [names], added, changed, removed, moved } */

let last = 0;

function of(config) {
	return state[config] || { sections: {}, order: [], added: {}, changed: {}, removed: new Set(), moved: false };
}

function fresh(values) {
	const order = Object.values(values).sort((a, b) => a['.index'] - b['.index']).map((each) => each['.name']);

	return { sections: values, order: order, added: {}, changed: {}, removed: new Set(), moved: false };
}

return baseclass.extend({
	load: function(configs) {
		const wanted = L.toArray(configs).filter((config) => !(config in state));

		return Promise.all(wanted.map((config) => calls.get(config).then((values) => { state[config] = fresh(values); }))).then(() => {
			document.dispatchEvent(new CustomEvent('uci-loaded'));

			return wanted;
		});
	},

	unload: function(configs) {
		L.toArray(configs).forEach((config) => { delete state[config]; });
	},

	sections: function(config, type, work) {
		const found = of(config).order.map((name) => this.get(config, name)).filter((each) => each && (!type || each['.type'] == type));

		if (typeof work == 'function')
			found.forEach((each) => work(each, each['.name']));

		return found;
	},

	get: function(config, section, option) {
		const known = of(config);

		if (known.removed.has(section) || !(section in known.sections || section in known.added))
			return null;

		const values = Object.assign({}, known.sections[section] || known.added[section], known.changed[section]);

		Object.keys(values).forEach((name) => {
			if (values[name] === null)
				delete values[name];
		});

		if (option === undefined || option === null)
			return values;

		return option in values ? values[option] : null;
	},

	set: function(config, section, option, value) {
		if (!this.get(config, section) || option.startsWith('.'))
			return;

		const changed = of(config).changed, empty = value === '' || value === undefined || (Array.isArray(value) && !value.length);

		changed[section] = Object.assign({}, changed[section], { [option]: empty ? null : value });
	},

	unset: function(config, section, option) {
		this.set(config, section, option, null);
	},

	add: function(config, type, name) {
		const known = of(config), made = name || `new${++last}`;

		known.removed.delete(made);
		known.added[made] = { '.type': type, '.name': made, '.anonymous': !name, '.index': 1000 + last };
		known.order.push(made);

		return made;
	},

	remove: function(config, section) {
		const known = of(config);

		if (section in known.added)
			delete known.added[section];
		else
			known.removed.add(section);

		delete known.changed[section];
		known.order = known.order.filter((each) => each != section);
	},

	get_first: function(config, type, option) {
		const first = this.sections(config, type)[0];

		return first ? this.get(config, first['.name'], option) : null;
	},

	move: function(config, section, other, after) {
		const known = of(config);

		known.order = known.order.filter((each) => each != section);
		known.order.splice(other === null ? known.order.length : known.order.indexOf(other) + (after ? 1 : 0), 0, section);
		known.moved = true;

		return true;
	},

	resolveSID: function(config, section) {
		return section;
	},

	/* Stages all of it at rpcd, in an order that makes sense there; then what is here is loaded anew. */
	save: function() {
		const configs = Object.keys(state);

		return configs.reduce((before, config) => before.then(() => this.stage(config, state[config])), Promise.resolve()).then(() => {
			this.unload(configs);

			return this.load(configs);
		});
	},

	stage: function(config, known) {
		const names = {}, steps = [];

		Object.keys(known.added).forEach((section) => steps.push(() => {
			const made = known.added[section], values = Object.assign({}, known.changed[section]);

			Object.keys(values).forEach((option) => { if (values[option] === null) delete values[option]; });

			return calls.add(config, made['.type'], made['.anonymous'] ? null : section, values).then((name) => { names[section] = name; });
		}));
		Object.keys(known.changed).filter((section) => !(section in known.added)).forEach((section) => {
			const values = known.changed[section], stored = known.sections[section];
			const set = {}, gone = [];

			Object.keys(values).forEach((option) => {
				if (values[option] !== null)
					set[option] = values[option];
				else if (option in stored)
					gone.push(option);
			});

			if (Object.keys(set).length)
				steps.push(() => calls.set(config, section, set));

			if (gone.length)
				steps.push(() => calls.remove(config, section, gone));
		});
		known.removed.forEach((section) => steps.push(() => calls.remove(config, section)));

		if (known.moved)
			steps.push(() => calls.order(config, known.order.map((section) => names[section] || section)));

		return steps.reduce((before, step) => before.then(step), Promise.resolve());
	},

	changes: function() {
		return calls.changes();
	}
});
