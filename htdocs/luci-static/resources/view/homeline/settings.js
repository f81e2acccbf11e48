'use strict';
'require view';
'require form';
'require uci';
'require homeline.common as common';
'require homeline.dongles as dongles';
'require homeline.fields as fields';
'require homeline.grids as grids';
'require homeline.inforce as inForce';
'require homeline.rpc as api';
'require homeline.secrets as secrets';

/* How it goes with a dongle. */
function stateOf(section_id) {
	const dongle = inForce.get('dongles', section_id);

	if (!dongle)
		return inForce.missing(section_id);

	const words = dongles.state(dongle.state);

	return [ common.pill(words[0], words[1]), E('div', { 'class': 'hl-soft hl-clip' }, [ dongles.reason(dongle.reason) ]) ];
}

function modemOf(section_id) {
	const dongle = inForce.get('dongles', section_id) || {};

	return [ [ dongle.manufacturer, dongle.model ].filter((each) => each).join(' ') || '—' ];
}

return view.extend({
	load: function() {
		return Promise.all([ L.resolveDefault(api.listPorts(), {}), uci.load('homeline'), inForce.load(), common.style() ])
			.then((loaded) => Promise.resolve(common.mayWrite() ? secrets.load(loaded[2]) : null).then(() => loaded[0].ports || []));
	},

	render: function(ports) {
		const map = new form.Map('homeline', _('Settings'), _('The service itself, and the modems with their SIMs.'));

		map.tabbed = true;

		fields.add(map.section(form.NamedSection, 'main', 'homeline', _('General'),
			_('LuCI\'s backup (System, Backup) has the settings, the secrets and, while the database is below /etc, all messages.')),
			'homeline');

		const grid = grids.section(map, grids.Grid, 'dongle', _('Dongles'), _('Each with a name of its own.'), _('New dongle'), _('Dongle'));

		grids.column(grid, 'modem', _('Modem'), modemOf);
		grids.column(grid, 'state', _('State', 'homeline'), stateOf);
		grids.show(grid, 'dongle');
		dongles.offer(grid, ports, inForce.all('dongles'));

		return grids.page(map);
	}
});
