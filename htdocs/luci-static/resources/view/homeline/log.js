'use strict';
'require view';
'require poll';
'require homeline.common as common';
'require homeline.dongles as dongles';
'require homeline.options as options';
'require homeline.rpc as api';

/* How often the page looks, in seconds; how many lines it shows at first, and how many the service keeps. */
const STEP = 5;
const FEW = 50;
const ALL = 300;

const MOODS = { error: 'bad', warning: 'fair' };

const state = { level: 'debug', limit: FEW };
let root = null;

function line(each) {
	return E('tr', { 'class': 'tr', 'data-key': String(each.id) }, [
		E('td', { 'class': 'td nowrap' }, [ common.time(each.at, common.exact(each.at)) ]),
		E('td', { 'class': 'td' }, [ common.pill(each.level, MOODS[each.level] || 'idle') ]),
		E('td', { 'class': 'td hl-data' }, [ each.text ])
	]);
}

function look() {
	return api.listLog(state).then((reply) => [
		reply.lines.length ? E('table', { 'class': 'table hl-table', 'data-key': 'lines' }, reply.lines.map(line))
			: E('p', { 'class': 'hl-empty', 'data-key': 'none' }, [ _('Nothing yet.') ]),
		reply.more ? common.button(_('Older'), () => show({ limit: ALL }), { attributes: { 'data-key': 'older' } }) : ''
	], dongles.away);
}

function refresh() {
	return look().then((nodes) => common.show(root, nodes.filter((node) => node)));
}

function show(change) {
	Object.assign(state, change);

	return refresh();
}

return view.extend({
	load: function() {
		return Promise.all([ look(), common.style() ]);
	},

	render: function(found) {
		const levels = options.rows('homeline').find((row) => row.name == 'log_level').values;

		root = common.show(E('div', {}, []), found[0].filter((node) => node));
		poll.add(refresh, STEP);

		return E('div', { 'class': 'hl-page' }, [
			E('h2', {}, [ _('Log') ]),
			E('div', { 'class': 'hl-toolbar' }, [
				common.select(_('Show'), state.level, levels, (value) => show({ level: value, limit: FEW })),
				E('a', { 'href': L.url('admin/status/logs') }, [ _('The router\'s whole log') ])
			]),
			root
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
