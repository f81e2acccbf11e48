'use strict';
'require baseclass';
'require ui';
'require homeline.rpc as api';

/*
 * What several pages show in the same way.
 *
 * Nearly all that these pages show came from strangers: it goes into text nodes only. E() takes a bare string for HTML,
 * so children are always given in an array.
 */

/* Milliseconds after the last key until the service is asked. */
const PAUSE = 300;

const SVG = 'http://www.w3.org/2000/svg';
const language = document.documentElement.lang.replace(/_/g, '-') || undefined;

/* A formatter of Intl, or of the browser's own language where LuCI's has a name that Intl does not know. */
function formatter(Kind, options) {
	try {
		return new Kind(language, options);
	}
	catch (e) {
		return new Kind(undefined, options);
	}
}

const clock = formatter(Intl.DateTimeFormat, { hour: '2-digit', minute: '2-digit' });
const dayAndMonth = formatter(Intl.DateTimeFormat, { day: 'numeric', month: 'short' });
const wholeDay = formatter(Intl.DateTimeFormat, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const everything = formatter(Intl.DateTimeFormat, { dateStyle: 'medium', timeStyle: 'medium' });

function sameDay(a, b) {
	return a.toDateString() == b.toDateString();
}

/* The node's place among its brothers: what has the same key, or none, and the same name, is the same node. */
function alike(a, b) {
	return a.nodeType == b.nodeType && a.nodeName == b.nodeName &&
		(a.nodeType != 1 || a.getAttribute('data-key') == b.getAttribute('data-key'));
}

function update(node, fresh) {
	if (node.nodeType != 1) {
		if (node.data != fresh.data)
			node.data = fresh.data;

		return;
	}

	/* What the visitor opened stays open, and a button at work stays so. */
	const kept = (name) => (name == 'open' && node.nodeName == 'DETAILS') || node.hasAttribute('data-busy');

	Array.from(node.attributes).forEach((attribute) => {
		if (!fresh.hasAttribute(attribute.name) && !kept(attribute.name))
			node.removeAttribute(attribute.name);
	});

	Array.from(fresh.attributes).forEach((attribute) => {
		if (node.getAttribute(attribute.name) != attribute.value && !kept(attribute.name))
			node.setAttribute(attribute.name, attribute.value);
	});

	merge(node, Array.from(fresh.childNodes));
}

function merge(parent, fresh) {
	let place = parent.firstChild;

	fresh.forEach((node) => {
		let found = place;

		while (found && !alike(found, node))
			found = found.nextSibling;

		if (!found) {
			parent.insertBefore(node, place);
			return;
		}

		if (found === place)
			place = place.nextSibling;
		else
			parent.insertBefore(found, place);

		update(found, node);
	});

	while (place) {
		const next = place.nextSibling;

		parent.removeChild(place);
		place = next;
	}
}

return baseclass.extend({
	formatter: formatter,

	/* Whether this visitor may change anything. */
	mayWrite: function() {
		return L.hasViewPermission() !== false;
	},

	/* Loads our style sheet; resolves when it is in force, so that nothing is seen without it. */
	style: function() {
		if (document.getElementById('homeline-style'))
			return Promise.resolve();

		return new Promise((resolve) => {
			document.head.appendChild(E('link', {
				'id': 'homeline-style',
				'rel': 'stylesheet',
				'href': L.resource('homeline/homeline.css'),
				'load': () => resolve(),
				'error': () => resolve()
			}));
		});
	},

	/* Makes `parent` show `fresh` (an array of nodes) by changing what differs: no flicker, and focus, selection and
	 * scrolling stay. What is the same thing in both has the same `data-key`; its handlers stay those of the first. */
	show: function(parent, fresh) {
		merge(parent, fresh);

		return parent;
	},

	svg: function(name, attributes, children) {
		const node = document.createElementNS(SVG, name);

		Object.keys(attributes || {}).forEach((key) => node.setAttribute(key, attributes[key]));
		(children || []).forEach((child) => node.appendChild(child));

		return node;
	},

	/* --- times: seconds since 1970 --- */

	/* As short as a list needs it. */
	moment: function(seconds) {
		const at = new Date(seconds * 1000), now = new Date();

		if (sameDay(at, now))
			return clock.format(at);

		return at.getFullYear() == now.getFullYear() ? dayAndMonth.format(at) : at.toLocaleDateString(language);
	},

	clock: function(seconds) {
		return clock.format(new Date(seconds * 1000));
	},

	day: function(seconds) {
		const at = new Date(seconds * 1000), now = new Date();

		return sameDay(at, now) ? _('Today') : wholeDay.format(at);
	},

	exact: function(seconds) {
		return everything.format(new Date(seconds * 1000));
	},

	/* How long ago, in words; `now` is the router's clock. */
	ago: function(seconds, now) {
		const passed = Math.max(0, Math.round(now - seconds));

		if (passed < 60)
			return _('just now');

		if (passed < 3600)
			return _('%d min ago').format(passed / 60);

		if (passed < 86400)
			return _('%d h ago').format(passed / 3600);

		return N_(Math.floor(passed / 86400), '%d day ago', '%d days ago').format(passed / 86400);
	},

	/* A <time> with the whole truth as its tooltip. */
	time: function(seconds, words) {
		return E('time', {
			'datetime': new Date(seconds * 1000).toISOString(),
			'title': this.exact(seconds)
		}, [ words || this.moment(seconds) ]);
	},

	/* --- Asterisk: words and mood --- */

	/* Of a trunk or a phone. */
	peerState: function(state) {
		switch (state) {
		case 'reachable': return [ _('Reachable'), 'good' ];
		case 'registered': return [ _('Registered'), 'good' ];
		case 'unreachable': return [ _('Unreachable'), 'bad' ];
		case 'unregistered': return [ _('Not registered'), 'idle' ];
		case 'rejected': return [ _('Refused'), 'bad' ];
		case 'disabled': return [ _('Switched off'), 'idle' ];
		case 'missing': return [ _('Not in Asterisk'), 'bad' ];
		case 'unknown': return [ _('Not known'), 'idle' ];
		default: return [ state, 'fair' ];
		}
	},

	/* Of the configuration. */
	asteriskState: function(value) {
		switch (value) {
		case 'applied': return [ _('Running'), 'good' ];
		case 'waiting': return [ _('Written; Asterisk is away'), 'fair' ];
		case 'pending_restart': return [ _('A part waits for a restart'), 'fair' ];
		case 'refused': return [ _('The configuration cannot be made'), 'bad' ];
		case 'rolled_back': return [ _('Asterisk did not take the new configuration'), 'bad' ];
		case 'failed': return [ _('Asterisk did not take the configuration'), 'bad' ];
		case 'stuck': return [ _('Asterisk does not answer'), 'bad' ];
		default: return [ value, 'idle' ];
		}
	},

	/* --- small things --- */

	/* A state in a coloured pill; `mood` is good, fair, bad or idle. */
	pill: function(words, mood, attributes) {
		return E('span', Object.assign({ 'class': 'hl-pill hl-' + mood }, attributes), [ words ]);
	},

	/* --- words that several pages have --- */

	/* What people call a type of channel. */
	channelType: function(type) {
		switch (type) {
		case 'email': return _('E-mail');
		case 'telegram': return 'Telegram';
		case 'webhook': return _('Webhook, ntfy, Slack, …');
		case 'mqtt': return _('MQTT, Home Assistant');
		case 'sms': return _('SMS to other phones');
		case 'sip_message': return _('Phones, by SIP');
		case 'command': return _('Own program');
		default: return type || '';
		}
	},

	/* How it goes with a rule or a channel, by its entry in `status`: words and mood. */
	health: function(summary) {
		if (summary.gone)
			return [ _('Not there'), 'bad' ];

		if (summary.connected === false)
			return [ _('Not connected'), 'bad' ];

		if (summary.last_error && (summary.last_error_at || 0) > (summary.last_success || 0))
			return [ _('Failing'), 'bad' ];

		return summary.last_success || summary.connected ? [ _('Works'), 'good' ] : [ _('Not used yet'), 'idle' ];
	},

	/* Words and mood of a delivery's state. */
	deliveryState: function(state) {
		switch (state) {
		case 'pending': return [ _('Waiting'), 'fair' ];
		case 'sending': return [ _('Under way'), 'fair' ];
		case 'done': return [ _('Delivered'), 'good' ];
		case 'failed': return [ _('Given up'), 'bad' ];
		default: return [ state, 'idle' ];
		}
	},

	/* `work`, once nothing has called for it for a moment, such as after the last key. */
	delayed: function(work) {
		let timer = null;

		return () => {
			window.clearTimeout(timer);
			timer = window.setTimeout(work, PAUSE);
		};
	},

	/* A choice among `options`, each a value and its words. */
	select: function(words, value, options, change, attributes) {
		return E('select', Object.assign({ 'aria-label': words, 'change': (ev) => change(ev.currentTarget.value) }, attributes),
			options.map((each) => E('option', { 'value': each[0], 'selected': each[0] == (value || '') ? '' : null }, [ each[1] ])));
	},

	/* A button that is busy until `work` (which may give a promise) has ended, and says what went wrong; a rejection
	 * without an error was told already. */
	button: function(words, work, options) {
		const meanings = (options || {}).meanings, self = this;

		return E('button', Object.assign({
			'type': 'button',
			'class': 'btn cbi-button ' + ((options || {}).kind || ''),
			'click': function(ev) {
				const node = ev.currentTarget;

				ev.preventDefault();

				if (node.hasAttribute('data-busy'))
					return undefined;

				node.setAttribute('data-busy', '');
				node.classList.add('spinning');

				return Promise.resolve().then(() => work(ev)).catch((e) => e && self.fail(e, meanings)).then(() => {
					node.removeAttribute('data-busy');
					node.classList.remove('spinning');
				});
			}
		}, (options || {}).attributes), [ words ]);
	},

	/* Says an error on top of the page. */
	fail: function(error, meanings) {
		ui.addNotification(null, E('p', {}, [ api.words(error, meanings) ]), 'error');
	},

	/* Says that something was done. */
	done: function(words) {
		const note = ui.addNotification(null, E('p', {}, [ words ]), 'info');

		window.setTimeout(() => {
			if (note && note.parentNode)
				note.parentNode.removeChild(note);
		}, 5000);
	},

	/* Asks before `work` is done; `kind` is the class of the button that does it. */
	ask: function(title, questions, words, work, kind) {
		const button = this.button(words, () => Promise.resolve(work()).then(() => ui.hideModal()),
			{ kind: kind || 'cbi-button-action important' });

		ui.showModal(title, [
			E('div', {}, questions.map((each) => (each.nodeType ? each : E('p', {}, [ each ])))),
			E('div', { 'class': 'right button-row' }, [
				E('button', { 'type': 'button', 'class': 'btn', 'click': ui.hideModal }, [ _('Cancel') ]), ' ', button
			])
		]);

		return button;
	},

	/* Puts a text on the clipboard. A page without TLS has no clipboard of its own, so there the old way is taken. */
	copy: function(text) {
		if (navigator.clipboard && window.isSecureContext)
			return navigator.clipboard.writeText(text);

		const field = E('textarea', { 'style': 'position:fixed;opacity:0', 'aria-hidden': 'true' });

		field.value = text;
		document.body.appendChild(field);
		field.select();
		document.execCommand('copy');
		document.body.removeChild(field);

		return Promise.resolve();
	},

	copyButton: function(words, text) {
		const button = this.button(words, () => this.copy(text).then(() => {
			button.textContent = _('Copied');
			window.setTimeout(() => { button.textContent = words; }, 2000);
		}), { kind: 'hl-copy' });

		return button;
	}
});
