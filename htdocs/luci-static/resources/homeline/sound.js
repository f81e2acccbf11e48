'use strict';
'require baseclass';

/*
 * Recordings as a browser can play them.
 *
 * Voicemail is coded as GSM full rate (ETSI EN 300 961, GSM 06.10), which no browser knows: it is decoded here, to the
 * bit as the standard has it. A file is either raw, 33 octets for each frame of 20 ms, or a WAV container with 65 octets
 * for each two frames (Microsoft's packing). A header may be wrong, since a recording can end in the middle: how much
 * there is says the file's length.
 */

const RATE = 8000; /* samples a second */
const FRAME = 160; /* samples of a frame */
const LONGEST = 4 << 20; /* octets; the longest recording that can be configured has 1 MB */

/* How many bits each parameter has: eight log area ratios, then four times lag, gain, grid, maximum and 13 pulses. */
const PULSES = new Array(13).fill(3);
const SUBFRAME = [ 7, 2, 2, 6 ].concat(PULSES);
const BITS = [ 6, 6, 5, 5, 4, 4, 3, 3 ].concat(SUBFRAME, SUBFRAME, SUBFRAME, SUBFRAME);

/* Tables 3.1, 3.2, 3.3 and 3.5 of the standard. */
const B = [ 0, 0, 2048, -2560, 94, -1792, -341, -1144 ];
const MIC = [ -32, -32, -16, -16, -8, -8, -4, -4 ];
const INVA = [ 13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708 ];
const QLB = [ 3277, 11469, 21299, 32767 ];
const FAC = [ 18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767 ];

/* --- arithmetic of 16 bits that saturates (5.1 of the standard) --- */

function clipped(value) {
	return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

function product(a, b) {
	return clipped((a * b + 16384) >> 15);
}

/* --- a frame --- */

/* The parameters that begin at a bit of `octets`; `low` says that an octet's lowest bit is its first. */
function unpacked(octets, at, low) {
	return BITS.map((bits) => {
		let value = 0;

		for (let i = 0; i < bits; i++, at++) {
			const octet = octets[at >> 3];

			value = low ? value | (octet >> (at & 7) & 1) << i : value << 1 | (octet >> (7 - (at & 7)) & 1);
		}

		return value;
	});
}

/* 5.3.1: the pulses of a subframe. */
function pulses(maximum, coded) {
	let exponent = maximum > 15 ? (maximum >> 3) - 1 : 0;
	let mantissa = maximum - (exponent << 3);

	if (mantissa) {
		for (; mantissa <= 7; exponent--)
			mantissa = mantissa << 1 | 1;

		mantissa -= 8;
	}
	else {
		exponent = -4;
		mantissa = 7;
	}

	const shift = 6 - exponent, half = shift ? 1 << (shift - 1) : 0;

	return coded.map((each) => clipped(product(FAC[mantissa], (each << 1) - 7 << 12) + half) >> shift);
}

/* 5.2.9: reflection coefficients of log area ratios. */
function reflections(ratios) {
	return ratios.map((ratio) => {
		const size = Math.min(Math.abs(ratio), 32767);
		const found = size < 11059 ? size << 1 : size < 20070 ? size + 11059 : clipped((size >> 2) + 26112);

		return ratio < 0 ? -found : found;
	});
}

/* What goes from one frame to the next. */
function Decoder() {
	this.excitation = new Int16Array(120 + FRAME);
	this.lag = 40;
	this.ratios = new Array(8).fill(0);
	this.filter = new Int16Array(9);
	this.last = 0;
}

/* 5.3.2: the excitation of the frame, which goes on that of the frames before. */
Decoder.prototype.excite = function(words) {
	const line = this.excitation;

	line.copyWithin(0, FRAME);

	for (let part = 0; part < 4; part++) {
		const own = words.slice(8 + 17 * part, 25 + 17 * part);
		const start = 120 + 40 * part;

		this.lag = own[0] < 40 || own[0] > 120 ? this.lag : own[0];

		for (let k = start; k < start + 40; k++)
			line[k] = product(QLB[own[1]], line[k - this.lag]);

		pulses(own[3], own.slice(4)).forEach((pulse, i) => {
			const k = start + own[2] + 3 * i;

			line[k] = clipped(line[k] + pulse);
		});
	}
};

/* 5.3.3 and 5.3.4: the samples of the frame, into `samples` from `at` on. */
Decoder.prototype.speak = function(words, samples, at) {
	const old = this.ratios, v = this.filter;
	const fresh = B.map((b, i) => clipped(2 * product(INVA[i], clipped((words[i] + MIC[i] << 10) - 2 * b))));
	const steps = [
		[ 13, (i) => (old[i] >> 2) + (fresh[i] >> 2) + (old[i] >> 1) ],
		[ 27, (i) => (old[i] >> 1) + (fresh[i] >> 1) ],
		[ 40, (i) => (old[i] >> 2) + (fresh[i] >> 2) + (fresh[i] >> 1) ],
		[ FRAME, (i) => fresh[i] ]
	];
	let k = 0;

	steps.forEach((step) => {
		const r = reflections(B.map((b, i) => clipped(step[1](i))));

		for (; k < step[0]; k++) {
			let s = this.excitation[120 + k];

			for (let i = 7; i >= 0; i--) {
				s = clipped(s - product(r[i], v[i]));
				v[i + 1] = clipped(v[i] + product(r[i], s));
			}

			v[0] = s;
			this.last = clipped(s + product(this.last, 28180));
			samples[at + k] = clipped(2 * this.last) & ~7;
		}
	});

	this.ratios = fresh;
};

/* --- files --- */

/* Where the sound begins in a WAV container: behind the header of its chunk `data`. */
function beginning(octets) {
	for (let at = 12; at + 8 <= octets.length && at < 4096;) {
		if (String.fromCharCode.apply(null, octets.subarray(at, at + 4)) == 'data')
			return at + 8;

		at += 8 + (octets[at + 4] | octets[at + 5] << 8 | octets[at + 6] << 16);
	}

	return 60;
}

/* The bit at which each frame begins. */
function frames(octets, wav) {
	const found = [];

	if (wav) {
		for (let at = beginning(octets); at + 65 <= octets.length; at += 65)
			found.push(8 * at, 8 * at + 260);
	}
	else {
		for (let at = 0; at + 33 <= octets.length; at += 33)
			found.push(8 * at + 4);
	}

	return found;
}

return baseclass.extend({
	/* The samples (16 bits, 8000 a second) of a file's octets. */
	decode: function(octets) {
		const kept = octets.subarray(0, LONGEST);
		const wav = kept[0] == 0x52 && kept[1] == 0x49; /* RIFF */
		const starts = frames(kept, wav), decoder = new Decoder();
		const samples = new Int16Array(starts.length * FRAME);

		starts.forEach((start, i) => {
			const words = unpacked(kept, start, wav);

			decoder.excite(words);
			decoder.speak(words, samples, i * FRAME);
		});

		return samples;
	},

	/* A Blob that browsers play, of a Blob with a recording; gives a promise. */
	playable: function(blob) {
		return blob.arrayBuffer().then((content) => {
			/* Twilio's are MP3, which browsers play: a tag, or a frame's sync word, which no frame of GSM begins with. */
			const first = new Uint8Array(content, 0, Math.min(2, content.byteLength));

			if (first[0] == 0x49 || (first[0] == 0xff && first[1] >= 0xe0))
				return new Blob([ content ], { type: 'audio/mpeg' });

			const samples = this.decode(new Uint8Array(content)), size = 2 * samples.length;
			const file = new DataView(new ArrayBuffer(44 + size));
			const number = (at, value) => file.setUint32(at, value, true);

			/* RIFF, its length, WAVE, fmt: 16 octets, PCM with one channel, rate, octets a second, 2 of 16 bits; data */
			[ 0x46464952, 36 + size, 0x45564157, 0x20746d66, 16, 0x10001, RATE, 2 * RATE, 0x100002, 0x61746164, size ]
				.forEach((value, i) => number(4 * i, value));
			samples.forEach((sample, i) => file.setInt16(44 + 2 * i, sample, true));

			return new Blob([ file.buffer ], { type: 'audio/wav' });
		});
	}
});
