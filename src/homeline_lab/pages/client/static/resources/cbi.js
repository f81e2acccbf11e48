/* The lab's stand-in for LuCI's cbi.js: translations, plurals and formats, as far as our pages use them. */

function _(text) {
	return (window.TR || {})[text] || text;
}

function N_(count, one, many) {
	return _(count == 1 ? one : many);
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
