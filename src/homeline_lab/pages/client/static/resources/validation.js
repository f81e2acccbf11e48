'use strict';
'require baseclass';

/* The lab's stand-in for LuCI's validation.js: datatypes as expressions, such as or(port, "any") or range(1, 9). */

const ADDRESS4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const HOSTNAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

function isAddress6(value) {
	try {
		return /:/.test(value) && !!new URL(`http://[${value}]/`);
	}
	catch (e) {
		return false;
	}
}

const whole = (value) => /^-?\d+$/.test(value);
const between = (value, low, high) => value !== '' && +value >= +low && +value <= +high;

/* By name: whether a value is right, and the words where it is not. */
const TYPES = {
	string: [ () => true, () => '' ],
	uinteger: [ (value) => whole(value) && +value >= 0, () => _('positive integer value') ],
	integer: [ whole, () => _('valid integer value') ],
	ufloat: [ (value) => value !== '' && +value >= 0, () => _('positive decimal value') ],
	float: [ (value) => value !== '' && !isNaN(value), () => _('valid decimal value') ],
	port: [ (value) => whole(value) && between(value, 0, 65535), () => _('valid port value') ],
	range: [ between, (low, high) => _('value between %s and %s').format(low, high) ],
	min: [ (value, low) => between(value, low, Infinity), (low) => _('value greater or equal to %s').format(low) ],
	max: [ (value, high) => between(value, -Infinity, high), (high) => _('value smaller or equal to %s').format(high) ],
	minlength: [ (value, least) => value.length >= least, (least) => _('value with at least %s characters').format(least) ],
	maxlength: [ (value, most) => value.length <= most, (most) => _('value with at most %s characters').format(most) ],
	rangelength: [ (value, low, high) => between(value.length, low, high), (low, high) => _('value between %s and %s characters').format(low, high) ],
	ip4addr: [ (value) => ADDRESS4.test(value), () => _('valid IPv4 address') ],
	ip6addr: [ isAddress6, () => _('valid IPv6 address') ],
	ipaddr: [ (value) => ADDRESS4.test(value) || isAddress6(value), () => _('valid IP address') ],
	hostname: [ (value) => HOSTNAME.test(value), () => _('valid hostname') ],
	host: [ (value) => ADDRESS4.test(value) || isAddress6(value) || HOSTNAME.test(value), () => _('valid hostname or IP address') ],
	cidr: [ (value) => /^[0-9a-fA-F.:]+\/\d+$/.test(value), () => _('valid IP network') ],
	uciname: [ (value) => /^[A-Za-z0-9_]+$/.test(value), () => _('valid UCI identifier') ],
	phonedigit: [ (value) => /^[0-9*#!.]+$/.test(value), () => _('valid phone digit (0-9, "*", "#", "!" or ".")') ],
	timehhmmss: [ (value) => /^\d\d:\d\d:\d\d$/.test(value), () => _('valid time (HH:MM:SS)') ],
	file: [ (value) => value.startsWith('/'), () => _('valid file path') ]
};

/* [name, [arguments]] of an expression; an argument is an expression or a text in quotes. */
function parsed(source) {
	let rest = source;

	function one() {
		const quoted = /^\s*(?:"([^"]*)"|'([^']*)')/.exec(rest);

		if (quoted) {
			rest = rest.slice(quoted[0].length);

			return [ '"', [ quoted[1] === undefined ? quoted[2] : quoted[1] ] ];
		}

		const word = /^\s*([A-Za-z0-9_.-]+)/.exec(rest);
		const found = [ word[1], [] ];

		rest = rest.slice(word[0].length);

		if (/^\s*\(/.test(rest)) {
			do {
				rest = rest.replace(/^\s*[(,]/, '');
				found[1].push(one());
			} while (/^\s*,/.test(rest));

			rest = rest.replace(/^\s*\)/, '');
		}

		return found;
	}

	return one();
}

/* Null where the value is right, else what is expected. */
function judge([ name, values ], value) {
	if (name == '"')
		return value == values[0] ? null : _('"%s"').format(values[0]);

	if (name == 'or') {
		const found = values.map((each) => judge(each, value));

		return found.includes(null) ? null : found.join(', ');
	}

	if (name == 'and')
		return values.map((each) => judge(each, value)).find((each) => each !== null) || null;

	if (name == 'not' || name == 'neg')
		return judge(values[0], value.replace(/^!\s*/, ''));

	if (name == 'list')
		return value.split(/\s+/).map((each) => judge(values[0], each)).find((each) => each !== null) || null;

	if (!TYPES[name])
		throw new Error(`the lab's stand-in knows no datatype ${name}`);

	const words = values.map((each) => each[0] == '"' ? each[1][0] : each[0]);

	return TYPES[name][0](value, ...words) ? null : TYPES[name][1](...words);
}

/* What is wrong with a value: null, or words. `check` is the form's own: true, or words. */
function wrong(type, optional, check, value) {
	if (value === '' || value === null || value === undefined)
		return optional ? (check ? own(check, '') : null) : _('Expecting: %s').format(_('non-empty value'));

	const expected = type ? judge(parsed(type), value) : null;

	return expected ? _('Expecting: %s').format(expected) : own(check, value);
}

function own(check, value) {
	const found = check ? check(value) : true;

	return found === true || found === null || found === undefined ? null : found || _('Invalid value');
}

const validation = {
	/* Judges a widget as it changes: `error`, the class of its field, and a tooltip. A function that judges it now. */
	attach: function(widget) {
		const options = widget.options, field = widget.input;

		return () => {
			const list = field.parentNode && field.parentNode.className == 'add-item';
			const value = field.value === undefined ? '' : field.value;
			const items = list ? widget.node.querySelectorAll('.item').length : 0;

			widget.error = options.multiple || field.type == 'checkbox' ? null
				: wrong(options.datatype, options.optional || items > 0, options.validate, value);
			field.classList.toggle('cbi-input-invalid', !!widget.error);
			field.setAttribute('aria-invalid', widget.error ? 'true' : 'false');

			if (widget.error)
				field.setAttribute('title', widget.error);
			else
				field.removeAttribute('title');

			widget.node.dispatchEvent(new CustomEvent(widget.error ? 'validation-failure' : 'validation-success', { bubbles: true }));

			return !widget.error;
		};
	},

	field: function(field, type, optional, check, events) {
		const judgeNow = () => {
			const error = wrong(type, optional, check, field.value);

			field.classList.toggle('cbi-input-invalid', !!error);

			return !error;
		};

		(events.length ? events : [ 'blur', 'input' ]).forEach((name) => field.addEventListener(name, judgeNow));

		return judgeNow;
	}
};

L.validation = validation;

return baseclass.extend(validation);
