'use strict';
'require baseclass';
'require homeline.common as common';
'require homeline.rpc as api';

/*
 * What the service says of the sections that are in force: how it goes with them, and what keeps others from being so.
 */

const LISTS = [ 'dongles', 'rules', 'channels', 'schedules', 'balances', 'outbounds', 'trunks', 'phones' ];

/* By list and name; empty where the service does not run. `mistakes` are words by a section's name. */
const found = {};
let mistakes = {}, now = 0, known = {}, state = {};

function byName(list) {
	return Object.fromEntries(list.map((each) => [ each.name, each ]));
}

/* The service's words about sections that are left out, by their names. */
function mistakesOf(problems) {
	const words = {};

	(problems || []).forEach((problem) => {
		const where = /^(?:homeline_secret[.])?([A-Za-z0-9_]+)(?:[.](.*))?$/.exec(problem.where || '');

		if (where)
			words[where[1]] = '%s %s'.format(where[2] || '', problem.text).trim();
	});

	return words;
}

function trouble(words, state) {
	return [ common.pill(state || _('Error'), 'bad'), E('div', { 'class': 'hl-soft hl-clip', 'title': words }, [ words ]) ];
}

/* What is not in force, and why. */
function missing(section_id) {
	if (mistakes[section_id])
		return trouble(mistakes[section_id]);

	return common.pill(_('Not in force'), 'idle', { 'title': _('Not saved and applied yet, or switched off') });
}

/* How it goes with a rule or a channel. */
function health(list, section_id) {
	const summary = found[list][section_id];

	if (!summary)
		return missing(section_id);

	const state = common.health(summary);

	if (state[1] == 'bad')
		return trouble(summary.last_error || '', state[0]);

	if (summary.pending)
		return common.pill(N_(summary.pending, '%d waits', '%d wait').format(summary.pending), 'fair');

	return [
		common.pill(state[0], state[1]),
		summary.last_success ? E('div', { 'class': 'hl-soft' }, [ common.ago(summary.last_success, now) ]) : ''
	];
}

/* When something is done next, and what came of it; of a balance the amount. */
function turn(list, section_id) {
	const state = found[list][section_id];

	if (!state)
		return missing(section_id);

	if (state.error)
		return trouble(state.error, _('Failing'));

	const amount = (state.amount != null) ? E('div', { 'class': 'hl-strong' }, [ [ state.amount, state.unit ].join(' ') ]) : '';

	return [
		amount, state.waits ? E('div', {}, [ state.waits ]) : '',
		state.next_at ? E('div', { 'class': 'hl-soft' }, [ _('next: %s').format(common.exact(state.next_at)) ]) : ''
	];
}

/* How a trunk or a phone stands with Asterisk. */
function peer(list, section_id) {
	const one = found[list][section_id];

	if (!one)
		return section(list.slice(0, -1), section_id);

	const words = common.peerState(one.state);

	return common.pill(words[0], words[1]);
}

/* Whether a section is in force, of one of which no more is known. */
function section(type, section_id) {
	return (known[type] || {})[section_id] ? common.pill(_('in force'), 'good') : missing(section_id);
}

/* The replies of `get_config` and `status`. */
function take([ config, status ]) {
	const asterisk = status.asterisk || {};

	LISTS.forEach((list) => { found[list] = byName((status[list] || asterisk[list] || []).filter((each) => !each.gone)); });
	state = status;
	known = (config && config.config) || {};
	mistakes = mistakesOf(config && config.problems);
	now = status.time || 0;

	return config && config.config;
}

return baseclass.extend({
	/* Asks the service; gives its effective configuration, or null where it does not run. */
	load: () => Promise.all([ L.resolveDefault(api.getConfig(), null), L.resolveDefault(api.status(), {}) ]).then(take),

	/* Likewise later; where it does not answer, all stays as it was known. */
	again: () => Promise.all([ api.getConfig(), api.status() ]).then(take),

	has: (list, name) => !!found[list][name],

	/* What `status` answered, and the effective configuration; empty where the service does not run. */
	status: () => state,

	config: () => known,

	/* What `status` says of one. */
	get: (list, name) => found[list][name],

	all: (list) => Object.values(found[list]),

	missing: missing,

	health: health,

	peer: peer,

	/* The seconds that are left of today's, where they are counted. */
	outbound: (section_id) => (found.outbounds[section_id] || {}).seconds_left,

	section: section,

	turn: turn
});
