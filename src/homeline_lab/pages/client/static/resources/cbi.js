/* The lab's stand-in for LuCI's cbi.js: translations, plurals and formats, as far as our pages use them. */

/* The hash by which LuCI finds translations: Paul Hsieh's, of the octets of UTF-8. */
function sfh(text) {
	const octets = new TextEncoder().encode(text), whole = octets.length & ~3, rest = octets.length & 3;
	const pair = (at) => octets[at] | octets[at + 1] << 8, signed = (at) => octets[at] << 24 >> 24;
	let hash = octets.length;

	for (let at = 0; at < whole; at += 4) {
		hash = hash + pair(at) | 0;
		hash = hash << 16 ^ (pair(at + 2) << 11 ^ hash);
		hash = hash + (hash >>> 11) | 0;
	}

	const mix = (left, right) => {
		hash ^= hash << left;
		hash = hash + (hash >>> right) | 0;
	};

	if (rest > 1)
		hash = hash + pair(whole) | 0;

	if (rest == 1)
		hash = hash + signed(whole) | 0;

	if (rest == 3) {
		hash ^= hash << 16 ^ signed(whole + 2) << 18;
		hash = hash + (hash >>> 11) | 0;
	}
	else if (rest)
		mix(rest == 2 ? 11 : 10, rest == 2 ? 17 : 1);

	[ [ 3, 5 ], [ 4, 17 ], [ 25, 6 ] ].forEach((each) => mix(each[0], each[1]));

	return (hash >>> 0).toString(16).padStart(8, '0');
}

function translated(key) {
	return window.TR && window.TR[sfh(key)];
}

function _(text, context) {
	return translated((context ? context + '\u0001' : '') + text) || text;
}

/* Entry 0 is gettext's expression for plural forms, such as `nplurals=2; plural=n != 1;`. */
function N_(count, one, many, context) {
	const formula = translated.plural ??= new Function('n', ((window.TR || {})['00000000'] || 'plural=(n != 1);') + 'return +plural');
	const form = formula(count);

	return translated((context ? context + '\u0001' : '') + one + '\u0002' + form) || (form ? many : one);
}

(() => {
	'use strict';

	const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };

	function duration(seconds) {
		const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24;
		const rest = `${hours}h ${Math.floor(seconds / 60) % 60}m ${Math.floor(seconds) % 60}s`;

		return days ? `${days}d ${rest}` : rest;
	}

	function shown(kind, precision, value) {
		switch (kind) {
		case 'd': case 'i': return String(Math.trunc(Number(value)) || 0);
		case 'u': return String(Math.floor(Number(value)) || 0);
		case 'f': return (Number(value) || 0).toFixed(precision === undefined ? 6 : precision);
		case 'x': return Math.floor(Number(value)).toString(16);
		case 'h': return String(value).replace(/[&<>"']/g, (found) => ENTITIES[found]);
		case 't': return duration(Number(value) || 0);
		default: return String(value);
		}
	}

	Object.defineProperty(String.prototype, 'format', {
		value: function(...values) {
			return this.replace(/%(?:%|(0?)(\d*)(?:\.(\d+))?([a-z]))/g, (found, zero, width, precision, kind) =>
				found == '%%' ? '%' : shown(kind, precision && +precision, values.shift()).padStart(+width || 0, zero || ' '));
		}
	});
})();
