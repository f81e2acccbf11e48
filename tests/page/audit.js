/*
 * What a keyboard, a screen reader and weak eyes need of a page, as far as a script can see it: names of controls, ids,
 * references, and contrast (WCAG 2.2: 1.1.1, 1.3.1, 1.4.3, 2.4.3, 4.1.2). Gives the complaints, each with its element.
 */
const complaints = [];

const shown = (node) => {
	const style = getComputedStyle(node), box = node.getBoundingClientRect();

	return style.visibility != 'hidden' && style.display != 'none' && box.width > 1 && box.height > 1;
};

const complain = (node, words) => complaints.push(`${words}: ${node.outerHTML.slice(0, 160)}`);

const referenced = (node, name) => (node.getAttribute(name) || '').split(/\s+/).filter((id) => id);

const nameOf = (node) => {
	const by = referenced(node, 'aria-labelledby').map((id) => document.getElementById(id)).filter((each) => each);
	const labels = Array.from(node.labels || []);

	return (node.getAttribute('aria-label') || by.concat(labels).map((each) => each.textContent).join(' ') ||
		(node.matches('input, select, textarea') ? '' : node.textContent) || node.getAttribute('title') || node.getAttribute('alt') || '').trim();
};

document.querySelectorAll('a[href], button, input:not([type="hidden"]), select, textarea, summary, [role="img"], [role="region"]').forEach((node) => {
	if (shown(node) && !nameOf(node))
		complain(node, 'has no name');

	if (node.tabIndex > 0)
		complain(node, 'changes the order of the keyboard');
});

document.querySelectorAll('img:not([alt])').forEach((node) => complain(node, 'has no alt'));
document.querySelectorAll('button button, a button, button a, label label').forEach((node) => complain(node, 'is inside of another control'));
document.querySelectorAll('[onclick], [style*="cursor: pointer"]').forEach((node) => complain(node, 'only works with a mouse'));
document.querySelectorAll('ul > :not(li):not(script), dl > :not(dt):not(dd):not(div)').forEach((node) => complain(node, 'does not belong into a list'));

const seen = new Set();

document.querySelectorAll('[id]').forEach((node) => {
	if (seen.has(node.id))
		complain(node, 'has an id that another has');

	seen.add(node.id);
});

[ 'aria-labelledby', 'aria-describedby', 'aria-controls', 'for' ].forEach((name) => {
	document.querySelectorAll(`[${name}]`).forEach((node) => referenced(node, name).forEach((id) => {
		if (!document.getElementById(id))
			complain(node, `${name} names nothing`);
	}));
});

/* --- contrast --- */

const colour = (text) => {
	const found = /rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/.exec(text);

	return found ? [ +found[1], +found[2], +found[3], found[4] === undefined ? 1 : +found[4] ] : null;
};

const over = (top, bottom, opacity) => {
	const part = top[3] * opacity;

	return [ 0, 1, 2 ].map((place) => top[place] * part + bottom[place] * (1 - part)).concat(1);
};

/* The text's colour and what is behind it, or null where a picture is. */
const colours = (node) => {
	const chain = [];

	for (let place = node; place; place = place.parentElement)
		chain.unshift(place);

	let behind = [ 255, 255, 255, 1 ], opacity = 1;

	for (const each of chain) {
		const style = getComputedStyle(each), own = colour(style.backgroundColor);

		if (style.backgroundImage != 'none')
			return null;

		opacity *= +style.opacity;

		if (own && own[3])
			behind = over(own, behind, opacity);
	}

	return [ over(colour(getComputedStyle(node).color), behind, opacity), behind ];
};

const luminance = (rgb) => {
	const [ r, g, b ] = rgb.map((each) => each / 255).map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));

	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const walker = document.createTreeWalker(document.getElementById('view'), NodeFilter.SHOW_TEXT);
const judged = new Set();

for (let text = walker.nextNode(); text; text = walker.nextNode()) {
	const node = text.parentElement;

	if (!text.data.trim() || judged.has(node) || !shown(node) || node.closest('[disabled], option'))
		continue;

	judged.add(node);

	const pair = colours(node);

	if (!pair)
		continue;

	const style = getComputedStyle(node), size = parseFloat(style.fontSize);
	const large = size >= 24 || (size >= 18.6 && +style.fontWeight >= 700);
	const [ light, dark ] = pair.map(luminance).sort((a, b) => b - a);
	const ratio = (light + 0.05) / (dark + 0.05);

	if (ratio < (large ? 3 : 4.5))
		complain(node, `has a contrast of ${ratio.toFixed(2)}`);
}

return complaints;
