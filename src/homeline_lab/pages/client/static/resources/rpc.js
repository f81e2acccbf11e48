'use strict';
'require baseclass';
'require request';

/* The lab's stand-in for LuCI's rpc.js: calls of one turn go in one batch, unless they ask to go alone. */

const WORDS = [
	'Command OK', 'Invalid command', 'Invalid argument', 'Method not found', 'Resource not found', 'No data received',
	'Permission denied', 'Request timeout', 'Not supported', 'Unspecified error', 'Connection lost'
];

let number = 0, waiting = [];

function post(calls) {
	const single = calls.length == 1;

	request.post(L.env.ubuspath, single ? calls[0].message : calls.map((each) => each.message)).then((answer) => {
		if (!answer.ok)
			throw new Error('RPC call failed with HTTP error %d: %s'.format(answer.status, answer.statusText));

		const replies = single ? [ answer.json() ] : answer.json();

		calls.forEach((each, place) => each.done(replies[place]));
	}).catch((error) => calls.forEach((each) => each.fail(error)));
}

function call(message, alone) {
	return new Promise((done, fail) => {
		const entry = { message: message, done: done, fail: fail };

		if (alone) {
			post([ entry ]);
			return;
		}

		waiting.push(entry);

		if (waiting.length == 1)
			window.setTimeout(() => post(waiting.splice(0)), 0);
	});
}

function read(self, options, reply) {
	if (reply.error)
		L.raise('RPCError', 'RPC call to %s/%s failed with error %d: %s', options.object, options.method, reply.error.code, reply.error.message);

	const [ status, found ] = reply.result;

	if (options.reject && status !== 0)
		L.raise('RPCError', 'RPC call to %s/%s failed with ubus code %d: %s', options.object, options.method, status, self.getStatusText(status));

	return reply.result.length > 1 ? found : status;
}

function expected(options, found) {
	const key = Object.keys(options.expect || {})[0];

	if (key === undefined)
		return found;

	const value = key === '' || found === null || found === undefined ? found : found[key];
	const kind = (thing) => Object.prototype.toString.call(thing);

	return kind(value) == kind(options.expect[key]) ? value : options.expect[key];
}

return baseclass.extend({
	declare: function(options) {
		return (...values) => {
			const names = options.params || [], given = {};

			names.forEach((name, place) => { given[name] = values[place]; });

			return call({
				jsonrpc: '2.0', id: ++number, method: 'call', params: [ L.env.sessionid, options.object, options.method, given ]
			}, options.nobatch).then((reply) => {
				const found = expected(options, read(this, options, reply));

				return options.filter ? options.filter.call(this, found, given, ...values.slice(names.length)) : found;
			});
		};
	},

	getSessionID: function() {
		return L.env.sessionid;
	},

	getStatusText: function(status) {
		return WORDS[status] || 'Unknown error code';
	}
});
