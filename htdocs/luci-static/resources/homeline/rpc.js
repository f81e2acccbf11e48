'use strict';
'require baseclass';
'require rpc';

/*
 * The bus object `homeline` (docs/ubus.md): each method that a page uses is declared here, once. The groups of
 * acl.d/luci-app-homeline.json name exactly these; a test compares the two.
 *
 * A method takes its arguments by name, `api.listMessages({ peer: '+41791112233', limit: 50 })`, and gives a promise of
 * the reply. It rejects where the call fails; `words(error)` is what to tell people then.
 */

/* How long the service may hold a call, such as one that waits for the network: such calls go alone, since the replies
 * of a batch come together. */
const SLOW = { nobatch: true };

/* Milliseconds between two looks at a job, and how long one may take at most. */
const JOB_STEP = 1000;
const JOB_END = 120000;

function declare(method, params, options) {
	const call = rpc.declare(Object.assign({ object: 'homeline', method: method, params: params, reject: true }, options));

	return (args) => call.apply(null, params.map((name) => (args || {})[name]));
}

const getJob = declare('get_job', [ 'job' ]);

/* The end of a call that answered `pending`: its result, or an error with the service's own words. */
function finish(reply) {
	const since = Date.now();

	function look() {
		return getJob({ job: reply.job }).then((job) => {
			if (job.state == 'done')
				return job.result || {};

			if (job.state == 'failed')
				throw new Error(job.error || _('It failed, and the log of the service says why.'));

			if (Date.now() - since > JOB_END)
				throw new Error(_('It takes too long; it goes on without this page.'));

			return new Promise((resolve) => window.setTimeout(resolve, JOB_STEP)).then(look);
		});
	}

	return (reply && reply.pending && reply.job) ? look() : Promise.resolve(reply);
}

/* A method whose end may come from a job. */
function declareJob(method, params) {
	const call = declare(method, params, SLOW);

	return (args) => call(args).then(finish);
}

const CODE = /failed with (?:ubus code|error) (-?\d+)/;

return baseclass.extend({
	status: declare('status', [ 'dongle' ]),
	signalHistory: declare('signal_history', [ 'dongle', 'hours' ]),

	listMessages: declare('list_messages', [ 'direction', 'dongle', 'peer', 'text', 'unread', 'details', 'before',
		'limit' ]),
	listConversations: declare('list_conversations', [ 'text', 'before', 'limit' ]),
	getMessage: declare('get_message', [ 'id' ]),
	previewMessage: declare('preview_message', [ 'text' ]),
	normalizeNumber: declare('normalize_number', [ 'number' ]),
	sendMessage: declare('send_message', [ 'to', 'text', 'dongle', 'flash', 'report' ]),
	resendMessage: declare('resend_message', [ 'id' ]),
	markRead: declare('mark_read', [ 'ids' ]),
	deleteMessages: declare('delete_messages', [ 'ids' ]),
	deleteConversation: declareJob('delete_conversation', [ 'peer', 'before' ]),
	releaseArchived: declare('release_archived', [ 'dongle', 'forward' ]),
	retryDelivery: declare('retry_delivery', [ 'id', 'event' ]),
	dropDelivery: declare('drop_delivery', [ 'id', 'channel' ]),

	sendUssd: declareJob('send_ussd', [ 'code', 'dongle' ]),
	cancelUssd: declare('cancel_ussd', [ 'dongle' ], SLOW),
	listUssd: declare('list_ussd', []),

	listCalls: declare('list_calls', [ 'direction', 'state', 'dongle', 'peer', 'unread', 'before', 'limit' ]),
	listVoicemail: declare('list_voicemail', [ 'unread', 'before', 'limit' ]),
	originate: declareJob('originate', [ 'phone', 'to' ]),
	hangup: declare('hangup', [ 'channel' ]),

	newPhonePassword: declareJob('new_phone_password', [ 'phone', 'provision' ]),
	renderConfig: declareJob('render_config', [ 'dry_run', 'restart', 'sections' ]),

	getConfig: declare('get_config', []),
	checkValue: declare('check_value', [ 'section', 'option', 'value' ]),
	testRule: declareJob('test_rule', [ 'rule' ]),
	explainRule: declare('explain_rule',
		[ 'rule', 'event', 'time', 'from', 'text', 'dongle', 'kind', 'state', 'key', 'subject', 'template', 'codes' ]),
	listFields: declare('list_fields', []),

	listPorts: declare('list_ports', []),
	listLog: declare('list_log', [ 'level', 'before', 'limit' ]),

	listAlerts: declare('list_alerts', [ 'all', 'before', 'limit' ]),
	acknowledgeAlert: declare('acknowledge_alert', [ 'id' ]),

	resetDongle: declare('reset_dongle', [ 'dongle' ], SLOW),
	enterPin: declareJob('enter_pin', [ 'dongle', 'pin' ]),

	/* The ubus status of a failed call (a negative one is uhttpd's), or null. */
	code: function(error) {
		const found = CODE.exec(error && error.message);

		return found ? +found[1] : null;
	},

	/* What a failed call means, for people. `meanings` has words for statuses that mean more than usual here. */
	words: function(error, meanings) {
		const code = this.code(error);

		if (meanings && meanings[code])
			return meanings[code];

		switch (code) {
		case 2: return _('The service does not take this value.');
		case 3: return _('The installed version of the service cannot do this yet.');
		case 4: return _('It is not there any more.');
		case 5: return _('This cannot be done now: the dongle is not ready.');
		case 6: return _('It was refused.');
		case 7: return _('There was no answer in time.');
		case 8: return _('The dongle cannot do this.');
		case 9: return _('The dongle, the network or the database refused it; the log of the service says why.');
		case 11: return _('The service is busy. Try again in a moment.');
		case -32000: return _('The service homeline is not running.');
		case -32002: return _('You may not do this, or your session has ended.');
		}

		/* LuCI puts where it happened behind its words. */
		return String((error && error.message) || error).split('\n  at ')[0];
	}
});
