'use strict';
'require baseclass';
'require homeline.rpc as api';

/*
 * What values may be. Simple kinds are judged here, in words that can be translated; a test holds these against the
 * service's own. Regular expressions, templates, times and `value` are judged by the service (`check_value`), and telephone
 * numbers are brought into their international form by it (`normalize_number`).
 */

/* A character that cannot be seen: controls, formats, unassigned ones, and blanks other than the blank. */
const UNSEEN = /[\p{C}]|(?! )\p{Z}/u;

const E164 = /^\+[1-9][0-9]{6,14}$/;
const DIALLED = /^[+0][0-9 ()\/.-]{6,24}$/;
const HOST = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?)*\.?$/;
const FOUR = /^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(?!$)|$)){4}$/;
const SIX = /^(?=.*:.*:)[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,15})?$/;
const DOTS = /(^|\/)\.{1,2}(\/|$)/;

const isHost = (value) => /:/.test(value) ? SIX.test(value)
	: /^[0-9.]+$/.test(value) ? FOUR.test(value) : HOST.test(value);

const isFileBelow = (pattern) => (value) => pattern.test(value) && !/\/\/|\/$| $/.test(value) && !DOTS.test(value);

const SIMPLE = {
	host: [ isHost, () => _('Enter a host name or an address.') ],
	mail: [ /^(?=.{3,254}$)[A-Za-z0-9!#$%&'*+\/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+\/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/,
		() => _('Enter one address, such as me@example.org.') ],
	pem: [ isFileBelow(/^\/etc\/(ssl|homeline)\/[^\/]/),
		() => _('Enter a file below /etc/ssl or /etc/homeline.') ],
	maildir: [ isFileBelow(/^(\/etc|\/mnt\/[^\/]+)\/homeline\/[^\/]/),
		() => _('Enter a folder below /etc/homeline or /mnt/DISK/homeline.') ],
	program: [ /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/,
		() => _('Enter the name of a program in /etc/homeline/commands.d, without a folder.') ],
	database: [ isFileBelow(/^(\/etc|\/mnt\/[^\/]+)\/homeline\/[^\/]/),
		() => _('Enter a file below /etc/homeline or /mnt/DISK/homeline.') ],
	device: [ isFileBelow(/^\/dev\/[^\/]/), () => _('Enter a device, such as /dev/ttyUSB2.') ],
	imei: [ /^[0-9]{14,16}$/, () => _('Enter the 15 digits of the IMEI.') ],
	usbPath: [ /^[0-9]+-[0-9]+(\.[0-9]+){0,6}$/, () => _('Enter a socket, such as 1-1.2.') ],
	pin: [ /^[0-9]{4,8}$/, () => _('A PIN has four to eight digits.') ],
	driverOption: [ /^[a-z][a-z0-9_]{0,31}=[A-Za-z0-9_.:\/+=,-]{1,64}$/, () => _('Enter it as name=value.') ],
	clock: [ /^([01][0-9]|2[0-3]):[0-5][0-9]$/, () => _('Enter a time of day, such as 08:30.') ],
	topic: [ /^[A-Za-z0-9_.-]{1,64}(\/[A-Za-z0-9_.-]{1,64}){0,3}$/,
		() => _('Enter letters, digits and _ . - in parts set off by /.') ],
	ussd: [ /^[*#][0-9*#]{1,40}$/, () => _('Enter a code, such as *100#.') ],
	url: [ /^https?:\/\/[A-Za-z0-9.\[\]:_-]{1,260}(\/[!-~]{0,900})?(\?[!-~]{0,900})?$/,
		() => _('Enter an address that begins with https:// or http://.') ],
	header: [ /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}: ?[ -~]{1,512}$/, () => _('Enter it as Name: value.') ],
	bearer: [ /^[!-~]{1,512}$/, () => _('Enter letters, digits and signs without blanks.') ],
	mediaType: [ /^[A-Za-z0-9!#$&^_.+-]{1,63}\/[A-Za-z0-9!#$&^_.+-]{1,63}(; ?[!-~]{1,64})?$/,
		() => _('Enter a media type, such as text/plain.') ],
	botToken: [ /^[0-9]{3,20}:[A-Za-z0-9_-]{20,64}$/, () => _('Enter the token as @BotFather shows it.') ],
	chat: [ /^(-?[0-9]{1,20}|@[A-Za-z0-9_]{3,64})$/, () => _('Enter a chat\'s number, or a channel\'s @name.') ],
	sipPassword: [ /^[!-~]([ -~]{0,126}[!-~])?$/, () => _('Enter letters, digits and signs without accents.') ],
	amount: [ /^-?[0-9]{1,9}([.][0-9]{1,4})?$/, () => _('Enter an amount, such as 5.50.') ]
};

/* A verdict: `value` as it is to be saved, and `error`, words or null. */
const verdict = (value, error) => ({ value: value, error: error || null });

const judged = {};

/* The service's verdict, asked once for each value. Without the service everything is taken: it says later, in its
 * problems, what is wrong. */
function remembered(key, ask, otherwise) {
	judged[key] ??= ask().catch(() => {
		delete judged[key];

		return verdict(otherwise);
	});

	return judged[key];
}

function byService(row, type, value) {
	return remembered([ type, row.name, value ].join('\n'), () =>
		api.checkValue({ section: type, option: row.name, value: value }).then((reply) =>
			verdict(value, reply.ok ? null : _('This cannot be used: %s').format(reply.error))), value);
}

function normalized(value, must) {
	return remembered([ 'number', must, value ].join('\n'), () =>
		api.normalizeNumber({ number: value }).then((reply) => (reply.e164 || !must)
			? verdict(reply.e164 || value)
			: verdict(value, _('This is no telephone number that can be dialled from everywhere, such as +41791234567.'))),
		value);
}

return baseclass.extend({
	/* The words that are wrong with a value at once, or null. `type` is the section's. */
	quick: function(row, value) {
		if (row.widget == 'number')
			return (/^[0-9]{1,10}$/.test(value) && +value >= row.low && +value <= row.high) ? null
				: _('Enter a number from %d to %d.').format(row.low, row.high);

		const simple = SIMPLE[row.check];

		if (simple)
			return (typeof(simple[0]) == 'function' ? simple[0](value) : simple[0].test(value)) ? null : simple[1]();

		const limit = row.limit || { pattern: 64, times: 64 }[row.check] || 1024;

		if (row.widget == 'text' && UNSEEN.test(value))
			return _('A character of it cannot be shown.');

		if (row.widget == 'text' && Array.from(value).length > limit)
			return _('Enter at most %d characters.').format(limit);

		return null;
	},

	/* The verdict on a value, once the service was asked where it has to be: a promise, which does not reject. */
	whole: function(row, type, value) {
		const error = this.quick(row, value);

		if (error)
			return Promise.resolve(verdict(value, error));

		switch (row.check) {
		case 'e164':
			return E164.test(value) ? Promise.resolve(verdict(value)) : normalized(value, true);

		case 'pattern':
			return (DIALLED.test(value) && !E164.test(value)) ? normalized(value, false) : Promise.resolve(verdict(value));

		case 'regex':
		case 'template':
		case 'times':
		case 'value':
			return byService(row, type, value);
		}

		return Promise.resolve(verdict(value));
	}
});
