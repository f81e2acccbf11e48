/* Runs before a page's own scripts: remembers what a page must not do. */
window.complaints = [];

addEventListener('error', (ev) => window.complaints.push(`error: ${ev.message || (ev.target && ev.target.outerHTML)}`), true);
addEventListener('unhandledrejection', (ev) => window.complaints.push(`unhandled: ${ev.reason && ev.reason.stack || ev.reason}`));
[ 'alert', 'confirm', 'prompt', 'open', 'print' ].forEach((name) => {
	window[name] = (...words) => window.complaints.push(`${name}: ${words.join(' ')}`);
});
