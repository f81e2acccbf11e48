/*
 * The lab's stand-in for LuCI's luci.js: classes, the DOM, requests, polling, views and the loader of modules, with
 * the names and the behaviour that our pages rely on and no more. Written for the lab; the pages are judged on the
 * real one.
 */
(() => {
	'use strict';

	/* --- classes: `extend` makes one, `super` calls what it overrides --- */

	class Base {
		constructor(...values) {
			if (typeof this.__init__ == 'function')
				this.__init__(...values);
		}

		super(name, ...values) {
			const depths = this.__depths__ || Object.defineProperty(this, '__depths__', { value: {} }).__depths__;
			const owner = depths[name] || ownerOf(Object.getPrototypeOf(this), name, this[name]);
			const parent = ownerOf(Object.getPrototypeOf(owner), name);

			if (!parent)
				return null;

			if (typeof parent[name] != 'function')
				return parent[name];

			const before = depths[name];

			depths[name] = parent;

			try {
				return parent[name].apply(this, values.length == 1 && Array.isArray(values[0]) ? values[0] : values);
			}
			finally {
				depths[name] = before;
			}
		}

		static extend(properties) {
			const Made = class extends this {};

			Object.assign(Made.prototype, properties);

			return Made;
		}

		static singleton(properties) {
			return new (this.extend(properties))();
		}
	}

	function ownerOf(place, name) {
		while (place && !Object.prototype.hasOwnProperty.call(place, name))
			place = Object.getPrototypeOf(place);

		return place;
	}

	/* --- the DOM --- */

	const data = new WeakMap(), instances = new WeakMap();

	const dom = {
		elem: (thing) => thing !== null && typeof thing == 'object' && 'nodeType' in thing,

		parse: (text) => {
			const holder = document.createElement('template');

			holder.innerHTML = text;

			return holder.content.firstElementChild;
		},

		append: (node, children) => {
			if (Array.isArray(children)) {
				for (const child of children)
					node.appendChild(dom.elem(child) ? child : document.createTextNode(String(child)));
			}
			else if (dom.elem(children))
				node.appendChild(children);
			else if (typeof children == 'function')
				return dom.append(node, children(node));
			else if (children !== null && children !== undefined)
				node.innerHTML = String(children); /* as with LuCI: a bare string is HTML */

			return node.lastChild;
		},

		content: (node, children) => {
			while (node.firstChild)
				node.removeChild(node.firstChild);

			return dom.append(node, children);
		},

		attr: (node, name, value) => {
			const all = typeof name == 'object' ? name : { [name]: value };

			for (const [ key, each ] of Object.entries(all || {})) {
				if (each === null || each === undefined)
					continue;

				if (typeof each == 'function')
					node.addEventListener(key, each);
				else
					node.setAttribute(key, typeof each == 'object' ? JSON.stringify(each) : each);
			}
		},

		create: (what, attributes, children) => {
			let node = what;

			if (Array.isArray(what)) {
				node = document.createDocumentFragment();
				dom.append(node, what);

				return node;
			}

			if (!dom.elem(what))
				node = what.startsWith('<') ? dom.parse(what) : document.createElement(what);

			if (attributes !== null && typeof attributes == 'object' && !Array.isArray(attributes) && !dom.elem(attributes))
				dom.attr(node, attributes);
			else
				children = attributes;

			dom.append(node, children);

			return node;
		},

		data: (node, key, value) => {
			const own = data.get(node) || {};

			if (value !== undefined) {
				own[key] = value;
				data.set(node, own);
			}

			return key === undefined ? own : own[key];
		},

		bindClassInstance: (node, instance) => {
			instances.set(node, instance);

			return instance;
		},

		findClassInstance: (node) => {
			for (let place = node; place; place = place.parentNode)
				if (instances.has(place))
					return instances.get(place);

			return null;
		},

		callClassMethod: (node, method, ...values) => {
			const instance = dom.findClassInstance(node);

			return instance && typeof instance[method] == 'function' ? instance[method](...values) : null;
		},

		isEmpty: (node) => !node || !node.firstElementChild
	};

	/* --- requests --- */

	function answerOf(response, body) {
		return {
			ok: response.ok, status: response.status, statusText: response.statusText, headers: response.headers, url: response.url,
			responseText: body, text: () => body, json: () => JSON.parse(body), blob: () => body
		};
	}

	const request = {
		request: (url, options = {}) => {
			const headers = { 'Content-Type': typeof options.content == 'string' ? 'application/x-www-form-urlencoded' : 'application/json' };
			const query = options.query ? new URLSearchParams(options.query).toString() : '';
			const post = /^post$/i.test(options.method || '');
			const body = options.content === undefined ? (post ? query : undefined)
				: typeof options.content == 'string' ? options.content : JSON.stringify(options.content);

			if (post && query && options.content === undefined)
				headers['Content-Type'] = 'application/x-www-form-urlencoded';

			return fetch(query && !post ? `${url}?${query}` : url, {
				method: post ? 'POST' : 'GET', body: body, headers: post ? headers : undefined, credentials: 'same-origin',
				signal: AbortSignal.timeout(options.timeout || 30000)
			}).then((response) => (options.responseType == 'blob' ? response.blob() : response.text())
				.then((body) => answerOf(response, body)));
		},
		get: (url, options) => request.request(url, Object.assign({ method: 'get' }, options)),
		post: (url, content, options) => request.request(url, Object.assign({ method: 'post', content: content }, options))
	};

	/* --- polling: each function again and again, never twice at once --- */

	const poll = {
		queue: [],
		timer: null,
		tick: 0,

		add: (work, interval) => {
			const entry = { work: work, interval: interval || L.env.pollinterval || 5, busy: false };

			poll.queue = poll.queue.filter((each) => each.work !== work);
			poll.queue.push(entry);

			if (poll.timer === null)
				poll.start();

			return true;
		},

		remove: (work) => {
			poll.queue = poll.queue.filter((each) => each.work !== work);

			if (!poll.queue.length)
				poll.stop();
		},

		step: () => {
			for (const each of poll.queue) {
				if (each.busy || poll.tick % each.interval)
					continue;

				each.busy = true;
				Promise.resolve(each.work()).finally(() => { each.busy = false; });
			}

			poll.tick++;
		},

		start: () => {
			if (poll.timer !== null)
				return false;

			poll.tick = 0;
			poll.timer = window.setInterval(poll.step, 1000);
			poll.step();
			document.dispatchEvent(new CustomEvent('poll-start'));

			return true;
		},

		stop: () => {
			window.clearInterval(poll.timer);
			poll.timer = null;
			document.dispatchEvent(new CustomEvent('poll-stop'));

			return true;
		},

		active: () => poll.timer !== null
	};

	/* --- views --- */

	const View = Base.extend({
		__init__: function() {
			const place = document.getElementById('view');

			Promise.resolve(this.load())
				.then((found) => this.render(found))
				.then((nodes) => {
					dom.content(place, nodes);
					dom.append(place, this.addFooter());
				})
				.catch(L.error);
		},

		load: () => undefined,
		render: () => undefined,

		maps: function(work) {
			return Promise.all(Array.from(document.querySelectorAll('#maincontent .cbi-map')).map((node) =>
				Promise.resolve(dom.callClassMethod(node, work))));
		},

		handleSave: function() {
			return this.maps('save');
		},

		handleSaveApply: function(ev, mode) {
			return this.handleSave(ev).then(() => L.require('ui')).then((ui) => ui.changes.apply(mode == '0'));
		},

		handleReset: function() {
			return this.maps('reset');
		},

		addFooter: function() {
			const buttons = [
				[ 'handleSaveApply', _('Save & Apply'), 'btn cbi-button cbi-button-apply important' ],
				[ 'handleSave', _('Save'), 'btn cbi-button cbi-button-save' ],
				[ 'handleReset', _('Reset'), 'btn cbi-button cbi-button-reset' ]
			].filter((each) => this[each[0]]);

			return buttons.length ? E('div', { 'class': 'cbi-page-actions' }, buttons.map(([ name, words, kind ]) => E('button', {
				'class': kind,
				'disabled': L.hasViewPermission() ? null : '',
				'click': (ev) => {
					const button = ev.currentTarget;

					button.disabled = true;
					Promise.resolve(this[name](ev, '0')).catch(L.error).finally(() => { button.disabled = false; });
				}
			}, [ words ]))) : E([]);
		}
	});

	/* --- the loader --- */

	const classes = { baseclass: Base, dom: dom, poll: poll, request: request, view: View };
	const DIRECTIVE = /^\s*(?:'([^']*)'|"([^"]*)");/;
	const REQUIRE = /^require (\S+)(?: as (\w+))?$/;

	function directives(source) {
		const found = [];
		let rest = source.replace(/^\s*(\/\*[^]*?\*\/|\/\/.*\n)*/, ''), match;

		while ((match = DIRECTIVE.exec(rest))) {
			found.push(match[1] || match[2]);
			rest = rest.slice(match[0].length).replace(/^\s*(\/\*[^]*?\*\/|\/\/.*\n)*/, '');
		}

		return found;
	}

	function made(name, url, source) {
		const wanted = directives(source).map((each) => REQUIRE.exec(each)).filter((each) => each);
		const names = wanted.map((each) => each[2] || each[1].replace(/[^A-Za-z0-9]/g, '_'));

		return Promise.all(wanted.map((each) => L.require(each[1]))).then((parts) => {
			const code = new Function('window', 'document', 'L', ...names, `${source}\n//# sourceURL=${url}`);
			const found = code(window, document, L, ...parts);

			if (typeof found != 'function' || !(found.prototype instanceof Base))
				throw new Error(`${name} is no class`);

			return new found();
		});
	}

	class LuCI {
		constructor(environment) {
			this.env = environment;
			environment.cgi_base = environment.scriptname.replace(/\/[^/]+$/, '');
			this.dom = dom;
			this.Poll = poll;
			this.Request = request;
			this.Class = Base;
			this.view = View;
			window.E = dom.create;
			window.L = this;
			document.addEventListener('poll-start', () => this.indicate(_('Refreshing'), 'active'));
			document.addEventListener('poll-stop', () => this.indicate(_('Paused'), 'inactive'));
		}

		indicate(words, style) {
			this.require('ui').then((ui) => ui.showIndicator('poll-status', words, () => (poll.active() ? poll.stop() : poll.start()), style));
		}

		require(name) {
			const url = this.resource(`${name.replace(/\./g, '/')}.js`);

			if (!classes[name])
				classes[name] = request.get(url).then((answer) => {
					if (!answer.ok)
						throw new Error(`${url}: ${answer.status}`);

					return made(name, url, answer.text());
				});

			return Promise.resolve(classes[name]);
		}

		path(prefix, parts) {
			return [ prefix, ...parts ].map((each) => String(each).replace(/\/+$/, '')).join('/');
		}

		url(...parts) {
			return this.path(this.env.scriptname, parts);
		}

		resource(...parts) {
			return this.path(this.env.resource, parts);
		}

		media(...parts) {
			return this.path(this.env.media, parts);
		}

		location() {
			return this.url(...this.env.requestpath);
		}

		isObject(thing) {
			return thing !== null && typeof thing == 'object';
		}

		toArray(thing) {
			if (Array.isArray(thing))
				return thing;

			if (thing === null || thing === undefined)
				return [];

			return typeof thing == 'string' ? thing.split(/\s+/).filter((each) => each) : [ thing ];
		}

		sortedKeys(thing) {
			return Object.keys(thing || {}).sort();
		}

		bind(work, self, ...values) {
			return work.bind(self, ...values);
		}

		resolveDefault(promise, otherwise) {
			return Promise.resolve(promise).catch(() => otherwise);
		}

		raise(name, words, ...values) {
			const error = new Error(words.format(...values) + '\n  at raise'); /* LuCI puts the whole way there */

			error.name = name;
			throw error;
		}

		error(error) {
			window.console.error(error);
			L.require('ui').then((ui) => ui.addNotification(error.name, E('pre', {}, [ error.message ]), 'danger'));

			throw error;
		}

		hasViewPermission() {
			const node = this.env.nodespec;

			return node && node.satisfied ? !node.readonly : null;
		}

		hasSystemFeature() {
			return false;
		}
	}

	window.LuCI = LuCI;
})();
