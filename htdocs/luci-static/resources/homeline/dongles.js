'use strict';
'require baseclass';
'require homeline.common as common';
'require homeline.rpc as api';

/* What is said of dongles on more than one page. */

/* From which level on the signal has so many bars. */
const BARS = [ -109, -101, -93, -85, -75 ];

/* What a state of a dongle is in words, and whether that is well. */
function stateOf(state) {
	switch (state) {
	case 'disabled': return [ _('Switched off'), 'idle' ];
	case 'absent': return [ _('Not plugged in'), 'bad' ];
	case 'blocked': return [ _('Its port cannot be had'), 'bad' ];
	case 'opening': return [ _('Opening the port'), 'fair' ];
	case 'starting': return [ _('Setting up'), 'fair' ];
	case 'locked': return [ _('SIM locked'), 'bad' ];
	case 'searching': return [ _('Searching for a network'), 'fair' ];
	case 'denied': return [ _('Refused by the network'), 'bad' ];
	case 'ready': return [ _('Ready'), 'good' ];
	case 'recovering': return [ _('Recovering'), 'fair' ];
	case 'failed': return [ _('Failed'), 'bad' ];
	default: return [ state, 'idle' ];
	}
}

/* Why it is so. */
function reasonOf(reason) {
	switch (reason) {
	case 'not_configured': return _('Several modems are there, and the settings do not say which is meant.');
	case 'no_port': return _('Nothing is plugged in that fits.');
	case 'unplugged': return _('It was unplugged.');
	case 'port_owned': return _('Another program has the port.');
	case 'no_permission': return _('The service may not open the port.');
	case 'open_timeout': return _('The port hangs.');
	case 'not_a_modem': return _('The port does not answer like a modem.');
	case 'mute': return _('It has stopped answering.');
	case 'garbage': return _('Its answers make no sense.');
	case 'sim_missing': return _('There is no SIM in it.');
	case 'sim_pin': return _('The SIM asks for its PIN.');
	case 'sim_pin_wrong': return _('The PIN of the settings is wrong; it is not tried again.');
	case 'sim_pin_few_tries': return _('Too few tries are left to risk the PIN of the settings.');
	case 'sim_puk': return _('The SIM asks for its PUK.');
	case 'sim_busy': return _('The SIM is not ready yet.');
	case 'sim_failure': return _('The SIM does not work.');
	case 'no_network': return _('No network was found.');
	case 'registration_denied': return _('The network refuses this SIM.');
	case 'step_failed': return _('A step of its start was refused.');
	case 'reset': return _('It is being reset.');
	case 'asterisk_down': return _('Asterisk drives it and does not answer.');
	case 'driver_missing': return _('Asterisk runs without the driver for it.');
	case 'not_loaded': return _('The driver in Asterisk does not have it in use.');
	default: return reason;
	}
}

/* How strong a signal is, in bars and in words. */
function strength(dbm) {
	const bars = BARS.filter((least) => dbm >= least).length;
	const words = [ _('none', 'signal'), _('very weak'), _('weak'), _('fair'), _('good'), _('excellent') ];

	return { bars: bars, words: words[bars] };
}

function signalBars(dbm) {
	const found = strength(dbm);
	const bars = BARS.map((_least, place) => common.svg('rect', {
		'x': place * 6, 'y': 16 - 4 * (place + 1) + 2, 'width': 4, 'height': 4 * (place + 1) - 2, 'rx': 1,
		'class': place < found.bars ? 'hl-on' : 'hl-off'
	}));

	return common.svg('svg', {
		'class': 'hl-bars hl-bars-' + found.bars, 'viewBox': '0 0 28 18', 'width': 28, 'height': 18, 'role': 'img',
		'aria-label': _('Signal: %s').format(found.words)
	}, bars);
}

/* What stands in place of everything while the service does not answer. */
function away(error) {
	return [
		E('div', { 'class': 'alert-message warning', 'data-key': 'away' }, [
			E('p', { 'class': 'hl-strong' }, [ api.words(error) ]),
			api.code(error) == -32000
				? E('p', {}, [ _('Start it under System, Startup; if it is started and this stays, the system log says why.') ]) : ''
		])
	];
}

/* What a port is, and whose. */
function portWords(port) {
	const name = [ port.manufacturer, port.product ].filter((each) => each).join(' ') || '%s:%s'.format(port.vendor_id, port.product_id);
	const owner = port.dongle ? _('used by %s').format(port.dongle) : port.holder ? _('held by %s').format(port.holder) : port.trouble;

	return owner ? '%s (%s)'.format(name, owner) : name;
}

/* What fields of a dongle's section offer, as [value, words] by option: the ports of `list_ports` and the modems of `status`. */
function offers(ports, known) {
	const devices = ports.map((port) => [ port.port, '%s: %s'.format(port.port, portWords(port)) ]);
	const sockets = ports.map((port) => [ port.usb_path, '%s: %s'.format(port.usb_path, portWords(port)) ]);

	return {
		imei: known.filter((dongle) => dongle.imei).map((dongle) => [ dongle.imei, '%s (%s)'.format(dongle.imei, dongle.name) ]),
		usb_path: Object.entries(Object.fromEntries(sockets.filter((socket) => socket[0]))),
		port: devices, data: devices, audio: devices
	};
}

/* Put them into a form's section. */
function offer(section, ports, known) {
	const found = offers(ports, known);

	section.children.forEach((option) => (found[option.option] || []).forEach((each) => option.value(each[0], each[1])));
}

return baseclass.extend({
	portWords: portWords,

	offer: offer,

	state: stateOf,

	reason: reasonOf,

	strength: strength,

	signalBars: signalBars,

	away: away
});
