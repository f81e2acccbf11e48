'use strict';
'require baseclass';
'require homeline.common as common';

/*
 * A text as a QR code (ISO/IEC 18004): byte mode, level M, versions 1 to 6. These have at most one alignment pattern and
 * no version information; 106 octets are enough for an address. The mask is always the first: readers take each, and
 * what is encoded is random enough.
 */

/* Of versions 1 to 6: codewords of data, of error correction in each block, and blocks, all of one length. */
const DATA = [ 16, 28, 44, 64, 86, 108 ];
const CHECK = [ 10, 16, 26, 18, 24, 16 ];
const BLOCKS = [ 1, 1, 1, 2, 2, 4 ];

/* Level M, mask 0, with their own check bits, masked (7.9.1). */
const FORMAT = 0x5412;
const QUIET = 4;

/* Powers and logarithms of GF(256), by x^8 + x^4 + x^3 + x^2 + 1. */
const POWER = [], LOG = [];

for (let exponent = 0, value = 1; exponent < 255; exponent++) {
	POWER[exponent] = value;
	LOG[value] = exponent;
	value = (value << 1) ^ (value > 127 ? 0x11d : 0);
}

function times(a, b) {
	return (a && b) ? POWER[(LOG[a] + LOG[b]) % 255] : 0;
}

/* The rest of a division by the generator: `count` codewords (Reed and Solomon). */
function correction(data, count) {
	const rest = data.concat(Array(count).fill(0));
	let generator = [ 1 ];

	for (let root = 0; root < count; root++)
		generator = generator.concat(0).map((each, place) => each ^ times(generator[place - 1], POWER[root]));

	for (let at = 0; at < data.length; at++) {
		const factor = rest[at];

		generator.forEach((each, place) => { rest[at + place] ^= times(each, factor); });
	}

	return rest.slice(data.length);
}

/* Columns of several rows, one after the other. */
function interleave(rows) {
	return rows[0].flatMap((first, place) => rows.map((row) => row[place]));
}

/* All codewords of a text, in the order in which they stand in the code. */
function codewords(octets, version) {
	const nibbles = [ 4, octets.length >> 4, octets.length & 15 ].concat(octets.flatMap((each) => [ each >> 4, each & 15 ]), 0);
	const data = Array.from({ length: DATA[version] }, (nothing, at) => (2 * at < nibbles.length)
		? (nibbles[2 * at] << 4) | nibbles[2 * at + 1] : ((at - nibbles.length / 2) % 2 ? 0x11 : 0xec));
	const length = DATA[version] / BLOCKS[version];
	const blocks = Array.from({ length: BLOCKS[version] }, (nothing, at) => data.slice(at * length, (at + 1) * length));

	return interleave(blocks).concat(interleave(blocks.map((block) => correction(block, CHECK[version]))));
}

/* What is the same in each code of a size: rows of 0 and 1, undefined where data go. */
function frame(size) {
	const rows = Array.from({ length: size }, () => Array(size));

	/* Rings around a centre; those of the distances in `light` are light. */
	const rings = (row, column, radius, light) => {
		for (let y = Math.max(row - radius, 0); y <= Math.min(row + radius, size - 1); y++)
			for (let x = Math.max(column - radius, 0); x <= Math.min(column + radius, size - 1); x++)
				rows[y][x] = light.includes(Math.max(Math.abs(y - row), Math.abs(x - column))) ? 0 : 1;
	};

	for (let at = 8; at < size - 8; at++)
		rows[6][at] = rows[at][6] = 1 - at % 2;

	rings(3, 3, 4, [ 2, 4 ]);
	rings(3, size - 4, 4, [ 2, 4 ]);
	rings(size - 4, 3, 4, [ 2, 4 ]);

	if (size > 21)
		rings(size - 7, size - 7, 2, [ 1 ]);

	for (let bit = 0; bit < 15; bit++) {
		const value = (FORMAT >> bit) & 1;

		if (bit < 8) {
			rows[bit + (bit > 5)][8] = value;
			rows[8][size - 1 - bit] = value;
		}
		else {
			rows[8][(bit > 8) ? 14 - bit : 7] = value;
			rows[size - 15 + bit][8] = value;
		}
	}

	rows[size - 8][8] = 1;

	return rows;
}

/* Puts the bits where there is room, in columns of two, up and down in turn. */
function fill(rows, words) {
	const size = rows.length;
	let bit = 0;

	for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
		if (right == 6)
			right--;

		for (let step = 0; step < 2 * size; step++) {
			const y = up ? size - 1 - (step >> 1) : step >> 1, x = right - step % 2;

			if (rows[y][x] === undefined) {
				rows[y][x] = ((words[bit >> 3] >> (7 - bit % 8)) & 1) ^ ((x + y) % 2 ? 0 : 1);
				bit++;
			}
		}
	}

	return rows;
}

return baseclass.extend({
	/* The code as an SVG, or null where the text is too long. */
	svg: function(text, title) {
		const octets = Array.from(new TextEncoder().encode(text));
		const version = DATA.findIndex((count) => count >= octets.length + 2);

		if (version < 0)
			return null;

		const rows = fill(frame(21 + 4 * version), codewords(octets, version)), size = rows.length + 2 * QUIET;
		const dark = rows.flatMap((row, y) => row.map((value, x) => value ? 'M%d %dh1v1h-1z'.format(x + QUIET, y + QUIET) : ''));

		return common.svg('svg', {
			'viewBox': '0 0 %d %d'.format(size, size), 'class': 'hl-qr', 'role': 'img', 'aria-label': title,
			'shape-rendering': 'crispEdges'
		}, [
			common.svg('rect', { 'width': size, 'height': size, 'fill': '#fff' }),
			common.svg('path', { 'd': dark.join(''), 'fill': '#000' })
		]);
	}
});
