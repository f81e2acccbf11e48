'use strict';
'require baseclass';
'require ui';
'require uci';
'require homeline.common as common';
'require homeline.options as options';
'require homeline.rpc as api';

/*
 * The dialogues that say what rules do: why something was (not) forwarded, a test through a rule's channels, and the
 * preview of a template. All that they show came from strangers or the service: text nodes only.
 */

const LATEST = 20;
const PAUSE = 400; /* milliseconds without typing before a preview is asked for */

/* Parts of a rule, as `explain_rule` names them: mostly options of it. */
function criterionTitle(name) {
	const option = options.rows('rule').find((row) => row.name == name);

	return (name == 'code') ? _('One-time code') : option ? option.title : name;
}

function mark(good) {
	return E('span', { 'class': 'hl-mark hl-' + (good ? 'good' : 'bad'), 'role': 'img', 'aria-label': good ? _('yes') : _('no') },
		[ good ? '✔' : '✘' ]);
}

function criterion(finding) {
	return E('li', { 'class': finding.matched ? 'hl-met' : 'hl-unmet' }, [
		mark(finding.matched), ' ',
		E('span', { 'class': 'hl-strong' }, [ criterionTitle(finding.criterion) ]), ': ', finding.words
	]);
}

/* What goes out, as a rule's channels would show it. */
function sample(subject, text) {
	return E('figure', { 'class': 'hl-sample' }, [
		E('figcaption', { 'class': 'hl-strong' }, [ subject || '' ]),
		E('pre', {}, [ text || '' ])
	]);
}

function explained(rule) {
	const channels = rule.channels.join(', ');
	const verdict = !rule.matches ? _('does nothing with it')
		: channels ? _('forwards it to %s').format(channels) : _('answers it');

	return E('details', { 'class': 'hl-rule', 'open': rule.matches ? null : '', 'data-rule': rule.rule }, [
		E('summary', {}, [ mark(rule.matches), ' ', E('span', { 'class': 'hl-strong' }, [ rule.rule ]), ' ', verdict ]),
		E('ul', {}, rule.criteria.map(criterion)),
		rule.matches ? sample(rule.subject, rule.text) : ''
	]);
}

function delivered(delivery) {
	return E('li', {}, [
		'%s → %s: '.format(delivery.rule, delivery.channel), common.deliveryState(delivery.state)[0],
		delivery.hold_until && delivery.state == 'pending' ? ' (%s)'.format(_('quiet until %s').format(common.exact(delivery.hold_until))) : '',
		(delivery.error || delivery.note) ? ' (%s)'.format(delivery.error || delivery.note) : ''
	]);
}

/* Kinds of events that can be made up, as [kind, title, what its text is called]; an empty one has none. */
const kinds = () => [
	[ 'message', _('Message'), _('Text') ],
	[ 'call', _('Missed call'), '' ],
	[ 'voicemail', _('Voicemail'), '' ],
	[ 'ussd', _('USSD answer'), _('Text') ],
	[ 'report', _('Delivery report'), _('Text') ],
	[ 'alert', _('Alert', 'homeline'), _('Text') ]
];

function messageChoice(message) {
	const text = message.text.length > 60 ? message.text.slice(0, 60) + '…' : message.text;

	return E('option', { 'value': String(message.id) },
		[ '%s, %s: %s'.format(message.peer || message.peer_raw || _('withheld'), common.exact(message.at), text) ]);
}

function labelled(id, title, node, help) {
	node.id = id;

	return E('div', { 'class': 'cbi-value' }, [
		E('label', { 'class': 'cbi-value-title', 'for': id }, [ title ]),
		E('div', { 'class': 'cbi-value-field' }, [ node, help ? E('div', { 'class': 'cbi-value-description' }, [ help ]) : '' ])
	]);
}

function choice(values) {
	return E('select', { 'class': 'cbi-input-select' }, values.map((value) => E('option', { 'value': value[0] }, [ value[1] ])));
}

function dialogue(messages) {
	const which = E('select', { 'class': 'cbi-input-select' },
		[ E('option', { 'value': '' }, [ _('Something made up') ]) ].concat(messages.map(messageChoice)));
	const kind = choice(kinds());
	const from = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'autocomplete': 'off' });
	const key = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'autocomplete': 'off' });
	const text = E('textarea', { 'class': 'cbi-input-textarea', 'rows': '3' });
	const rows = {
		kind: labelled('hl-explain-kind', _('Kind'), kind),
		from: labelled('hl-explain-from', _('From', 'homeline'), from, _('A number or a name; of USSD, the code.')),
		key: labelled('hl-explain-key', _('Key', 'homeline'), key, _('An alert\'s key, such as database.opened.')),
		text: labelled('hl-explain-text', _('Text'), text)
	};
	const made = E('div', {}, Object.values(rows));
	const answer = E('div', { 'class': 'hl-answer', 'aria-live': 'polite' });
	const choose = () => {
		made.hidden = which.value != '';
		rows.from.hidden = (kind.value == 'alert');
		rows.key.hidden = (kind.value != 'alert');
		rows.text.hidden = !kinds().find((each) => each[0] == kind.value)[2];
	};

	which.value = messages.length ? String(messages[0].id) : '';
	[ which, kind ].forEach((select) => select.addEventListener('change', () => {
		choose();
		answer.replaceChildren();
	}));
	choose();

	function ask() {
		const args = which.value ? { event: +which.value }
			: Object.assign({ kind: kind.value, text: text.value }, (kind.value == 'alert') ? { key: key.value } : { from: from.value });
		const became = which.value ? api.getMessage({ id: +which.value }) : Promise.resolve({ deliveries: [] });

		return Promise.all([ api.explainRule(args), became ]).then((replies) => {
			const rules = replies[0].rules, deliveries = replies[1].deliveries;

			answer.replaceChildren(...[
				deliveries.length ? E('h5', {}, [ _('What became of it') ]) : '',
				E('ul', {}, deliveries.map(delivered)),
				E('h5', {}, [ _('What the rules in force say') ]),
				rules.length ? '' : E('p', {}, [ _('There is no rule.') ]),
				...rules.map(explained)
			]);
		}).catch((error) => {
			answer.replaceChildren(E('p', { 'class': 'hl-error', 'role': 'alert' }, [ api.words(error) ]));
		});
	}

	return E('div', { 'class': 'hl-page hl-explain' }, [
		labelled('hl-explain-which', _('What'), which), made,
		E('div', { 'class': 'hl-buttons' }, [
			common.button(_('Explain'), ask, { kind: 'cbi-button-action important' })
		]),
		answer
	]);
}

function close(words) {
	return E('div', { 'class': 'right button-row' }, [
		E('button', { 'type': 'button', 'class': 'btn cbi-button', 'click': ui.hideModal }, [ words || _('Close') ])
	]);
}

function tested(result) {
	return E('li', {}, [
		mark(result.ok), ' ', E('span', { 'class': 'hl-strong' }, [ result.channel ]), ': ',
		result.ok ? _('took the test message') : result.error
	]);
}

/* What templates may have in them, asked for when it is unfolded. */
function fieldList() {
	const list = E('div', { 'class': 'hl-fields' });
	const node = E('details', {}, [ E('summary', {}, [ _('Fields and filters') ]), list ]);

	node.addEventListener('toggle', () => {
		if (!node.open || list.firstChild)
			return;

		api.listFields().then((reply) => list.replaceChildren(
			E('dl', { 'class': 'hl-facts' }, reply.fields.flatMap((field) => [
				E('dt', {}, [ E('code', {}, [ '{%s}'.format(field.name) ]) ]), E('dd', {}, [ field.words ])
			])),
			E('p', { 'class': 'hl-soft' }, [ _('Filters: %s').format(reply.filters.map((name) => '{text|%s}'.format(name)).join(' ')) ])
		)).catch((error) => list.replaceChildren(E('p', { 'class': 'hl-error' }, [ api.words(error) ])));
	});

	return node;
}

return baseclass.extend({
	/* "Why was this not forwarded?" */
	why: function() {
		return api.listMessages({ direction: 'in', limit: LATEST }).then((reply) => {
			ui.showModal(_('Why was it not forwarded?'), [ dialogue(reply.messages), close() ], 'cbi-modal');
			document.getElementById('hl-explain-which').focus();
		}).catch((error) => common.fail(error));
	},

	/* Send a sample through each channel of a rule in force, and show what came of each. */
	test: function(rule) {
		const answer = E('div', { 'aria-live': 'polite' }, [
			E('p', { 'class': 'spinning' }, [ _('A test message is sent through each channel of the rule…') ])
		]);

		ui.showModal(_('Test of the rule %s').format(rule), [ E('div', { 'class': 'hl-page' }, [ answer ]), close() ]);

		return api.testRule({ rule: rule }).then((reply) => {
			answer.replaceChildren(E('ul', { 'class': 'hl-results' }, reply.results.map(tested)));
		}).catch((error) => {
			const words = api.words(error, { 4: _('The rule is not in force yet: save and apply first.') });

			answer.replaceChildren(E('p', { 'class': 'hl-error', 'role': 'alert' }, [ words ]));
		});
	},

	/* A node that shows what a template makes of a sample; `template` gives {subject, template, codes} as they are
	 * typed, `changed` is called with what has to be called when they, or fields of this node, change. */
	preview: function(template, changed) {
		const from = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'value': '+41791112233' });
		const text = E('input', { 'type': 'text', 'class': 'cbi-input-text', 'value': _('Your code is 482913. Do not share it.') });
		const answer = E('div', { 'class': 'hl-answer', 'aria-live': 'polite' });
		let timer = null, turn = 0;

		function ask() {
			const mine = ++turn;

			if (!answer.isConnected)
				return;

			api.explainRule(Object.assign({ from: from.value, text: text.value }, template())).then((reply) => {
				const shown = reply.preview || reply.rules.find((rule) => rule.matches) || {};

				if (mine == turn)
					answer.replaceChildren(shown.error
						? E('p', { 'class': 'hl-error', 'role': 'alert' }, [ shown.error ])
						: sample(shown.subject, shown.text));
			}).catch((error) => {
				if (mine == turn)
					answer.replaceChildren(E('p', { 'class': 'hl-soft' }, [ api.words(error, { 2: _('The text is no template.') }) ]));
			});
		}

		function soon() {
			window.clearTimeout(timer);
			timer = window.setTimeout(ask, PAUSE);
		}

		changed(soon);
		soon();

		return E('div', { 'class': 'hl-page hl-preview' }, [
			E('div', { 'class': 'hl-buttons' }, [
				E('label', {}, [ _('Sender'), ' ', from ]), E('label', {}, [ _('Text'), ' ', text ])
			]),
			answer,
			fieldList()
		]);
	}
});
