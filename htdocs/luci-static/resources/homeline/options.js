'use strict';
'require baseclass';

/*
 * The options of UCI's sections as fields of forms: one row for each (docs/uci.md). `fields.js` makes LuCI's form
 * options of them. A test compares the rows with the service's own tables: names, lists, secrets, choices, limits and
 * defaults, both ways.
 *
 * A row: name, kind, title, help, and what is particular. `tab` is where it stands, `grid` that the list shows it, `only`
 * the values of other options with which it counts (form.js's `depends`). `needed` says that the section does not work
 * without it where it is shown, or, as a function, whether it is needed: `get` gives other options' values, and whether a
 * secret is set. `lines` is for texts of several lines, `long` for long ones; `none` is what stands for nothing chosen;
 * `ordered` says that the order of several choices counts, `suggest` what a list offers: types of sections, or values.
 */

const flag = (byDefault) => ({ widget: 'flag', byDefault: byDefault ? '1' : '0' });
const choice = (byDefault, values) => ({ widget: 'choice', byDefault: byDefault, values: values });
const number = (low, high, byDefault) => ({ widget: 'number', low: low, high: high, byDefault: byDefault });
const text = (check, limit) => ({ widget: 'text', check: check, limit: limit });
const words = (limit) => text('words', limit);
/* What the service judges. */
const value = text('value');
/* The name of another section: a dongle, a phone, a mailbox, of several types, or any channel. */
const section = (of) => ({ widget: 'section', of: of });
const many = (kind) => Object.assign({}, kind, { many: true });
const secret = (kind) => Object.assign({}, kind, { secret: true });

/* Choices whose words are what is written. */
const plain = (all) => all.split(' ').map((each) => [ each ]);

const row = (name, kind, title, help, more) => Object.assign({ name: name, title: title, help: help }, kind, more);

const MORE = { tab: 'more' };
const NEEDED = { needed: true };
const REPLIES = { tab: 'replies' };

const enabled = (more) => row('enabled', flag(true), _('Enabled'), null, Object.assign({ grid: true }, more));
const tlsVerify = (more) => row('tls_verify', flag(true), _('Check certificate'),
	_('Without it anybody on the way can pretend to be the server.'), Object.assign({}, MORE, more));
const caFile = (more) => row('ca_file', text('pem'), _('Own certificates'),
	_('A PEM file below /etc/ssl or /etc/homeline with the certificates to trust instead of the system\'s.'),
	Object.assign({}, MORE, more));
const allowLocal = () => row('allow_local', flag(false), _('Allow the router itself'),
	_('The server may be this router.'), MORE);
const timeout = (low, high, byDefault, help) => row('timeout', number(low, high, byDefault), _('Time limit (seconds)'),
	help, MORE);
const roaming = () => row('roaming', flag(false), _('Also while roaming'),
	_('Done while the SIM is abroad as well, where it costs more.'));
const oneDongle = (help, more) => row('dongle', section('dongle'), _('Dongle'), help, more);
const dongles = (more) => row('dongles', many(section('dongle')), _('Dongles'),
	_('Only what came through these; all if none is chosen.'), Object.assign({ none: _('all') }, more));
const every = (byDefault) => row('every', number(1, 366, byDefault), _('Every (days)'),
	_('What was missed for want of power is caught up.'));
const at = () => row('at', text('clock'), _('At'), _('By the router\'s time zone.'), { byDefault: '12:00' });
const ringTimeout = (help) => row('ring_timeout', number(5, 300, 30), _('Ringing time (seconds)'), help);
const codecs = (byDefault) => row('codecs',
	many(choice(byDefault, plain('alaw ulaw g722 opus gsm g726 g729 ilbc speex slin slin16'))), _('Codecs'), _('The best first.'),
	{ tab: 'more', ordered: true });
const dtmf = () => row('dtmf', choice('rfc4733', plain('rfc4733 inband info auto')), _('Key presses'), null, MORE);
const port = (name, byDefault, title) => row(name, number(1, 65535, byDefault), title, null, MORE);
const region = (more) => row('region', choice('', plain('us1 ie1 au1')), _('Region'), null, more);
const TLS = () => [ [ 'starttls', 'STARTTLS' ], [ 'tls', 'TLS' ], [ 'none', _('not encrypted') ] ];

const filters = (more) => [
	row('senders', many(text('pattern')), _('Senders'),
		_('Only from these numbers or names, <code>*</code> for any characters; from all if none is given.'), more),
	row('not_senders', many(text('pattern')), _('Not from'), _('These senders are left out.'), more),
	row('patterns', many(text('regex')), _('Text matches'),
		_('Only where one of these regular expressions is found in the text.'), more),
	row('not_patterns', many(text('regex')), _('Text does not match'),
		_('Left out where one of these regular expressions is found in the text.'), more)
];

const ITSELF = { only: { driver: 'serial' } };
const SERIAL = Object.assign({}, MORE, ITSELF);
const HOOK = { tab: 'webhook', only: { webhook: '1' } };
const TAKEN = { tab: 'webhook', only: { voicemail: '1' } };
const ASTERISKS = { tab: 'more', only: { driver: [ 'chan_dongle', 'chan_quectel' ] } };

const SECTIONS = {
	homeline: () => [
		row('enabled', flag(false), _('Enabled'), _('Switched off, it receives nothing: messages stay on the SIM.')),
		row('country', text('country'), _('Country'), _('Where the SIM is at home. National numbers are read as this country\'s.'),
			{ none: _('-- Please choose --') }),
		row('retention_days', number(0, 36500, 0), _('Keep messages (days)'), _('Older ones are deleted; 0 keeps them for ever.')),
		row('join_timeout', number(10, 604800, 600), _('Wait for parts (seconds)'),
			_('How long missing parts of a long message are awaited.')),
		row('log_level', choice('info', [
			[ 'debug', _('everything') ],
			[ 'info', _('what happens') ],
			[ 'warning', _('warnings and errors') ],
			[ 'error', _('errors only') ]
		]), _('Log')),
		row('log_text', flag(false), _('Texts in the log'), _('Message texts and whole numbers may appear there.')),
		row('database', text('database'), _('Database'),
			_('Below /etc/homeline, or /mnt/DISK/homeline on a disk. Another file begins empty.'),
			{ byDefault: '/etc/homeline/homeline.db', long: true })
	],

	dongle: () => [
		enabled(),
		row('imei', text('imei'), 'IMEI', _('The modem, wherever it is plugged in. Without it, socket and port: the only one there is.'),
			{ needed: (get) => get('driver') != 'serial' && !(get('data') && get('audio')) }),
		row('usb_path', text('usbPath'), _('USB socket'), _('Whatever modem is in it.'), ITSELF),
		row('pin', secret(text('pin')), 'PIN', _('Entered at every start; never again after it was refused.'), ITSELF),
		row('number', text('e164'), _('Own number'), _('Where the SIM does not tell it.')),
		row('storage', choice('delete', [
			[ 'delete', _('once stored here') ],
			[ 'when_full', _('when it is full') ],
			[ 'keep', _('never') ]
		]), _('Messages leave the SIM')),
		row('driver', choice('serial', [
			[ 'serial', _('Homeline itself') ],
			[ 'chan_dongle', 'Asterisk, chan_dongle' ],
			[ 'chan_quectel', 'Asterisk, chan_quectel' ]
		]), _('Driven by'), _('Calls need Asterisk, and a SIM without a PIN.'), { tab: 'more', grid: true }),
		row('port', text('device'), _('Port'), _('The AT port itself. Names of ports change: better give IMEI or socket.'), SERIAL),
		row('baudrate', number(300, 4000000, 115200), _('Baud rate'), _('Of a real serial line.'), SERIAL),
		row('data', text('device'), _('AT port'), _('Empty: found by the IMEI.'), ASTERISKS),
		row('audio', text('device'), _('Voice port'), null, ASTERISKS),
		row('driver_options', many(text('driverOption')), _('Options of the driver'), _('Each as <code>name=value</code>.'), ASTERISKS),
		row('rate', number(1, 600, 20), _('Messages a minute'), _('That may leave.'), MORE),
		row('retries', number(0, 20, 3), _('Further tries'), _('Of a refused message, where that can help.'), MORE),
		row('report', flag(true), _('Delivery reports'), _('Asked for unless a message says otherwise.'), MORE)
	],

	rule: () => [
		enabled({ tab: 'what' }),
		row('events', many(choice('message', [
			[ 'message', _('Messages') ],
			[ 'code', _('Messages with a one-time code') ],
			[ 'call', _('Calls') ],
			[ 'voicemail', _('Voicemail') ],
			[ 'ussd', _('USSD answers') ],
			[ 'report', _('Delivery reports') ],
			[ 'alert', _('Alerts') ]
		])), _('Events'), _('What is forwarded.'), { tab: 'what' }),
		row('calls', many(choice('missed voicemail', [
			[ 'missed', _('missed') ],
			[ 'voicemail', _('with a voicemail') ],
			[ 'answered', _('answered') ],
			[ 'failed', _('failed') ],
			[ 'refused', _('refused') ]
		])), _('Calls'), _('Which calls, where calls are forwarded.'), { tab: 'what', only: { events: 'call' } }),
		row('alerts', many(words(64)), _('Alerts'),
			_('Only alerts with these keys, such as <code>database.*</code>; all if none is given.'),
			{ tab: 'what', only: { events: 'alert' } }),
		dongles({ tab: 'what' }),
		...filters({ tab: 'what' }),
		row('times', many(text('times')), _('Only at'),
			_('Days, times or both, such as <code>mon-fri 08:00-18:00</code>; always if none is given.'), { tab: 'when' }),
		row('quiet', many(text('times')), _('Quiet hours'),
			_('What comes at these times waits until they are over, such as <code>22:00-07:00</code>.'), { tab: 'when' }),
		row('digest', flag(false), _('Digest'), _('What has waited goes out as one, not one by one.'), { tab: 'when' }),
		row('channels', many(section('channel')), _('Channels'), _('Each gets a delivery of its own.'),
			{ tab: 'how', needed: true }),
		row('priority', choice('normal', [ [ 'low', _('low') ], [ 'normal', _('normal') ], [ 'high', _('high') ] ]),
			_('Priority'), _('What goes first, and how loud the receiver\'s phone is.'), { tab: 'how' }),
		row('codes', choice('first', [
			[ 'first', _('shown first') ],
			[ 'text', _('left in the text') ],
			[ 'redact', _('hidden', 'homeline') ]
		]), _('One-time codes'), _('Hidden ones stay readable in the inbox only.'), { tab: 'how' }),
		row('subject', text('template'), _('Subject'),
			_('The heading, where a channel has one. Empty: Homeline\'s own words.'), { tab: 'how', long: true }),
		row('template', text('template'), _('Text'),
			_('With fields in braces, such as <code>{text}</code>. Empty: Homeline\'s own words.'), { tab: 'how', lines: true })
	],

	email: () => [
		row('to', many(text('mail')), _('To', 'homeline'), null, NEEDED),
		row('from', text('mail'), _('From', 'homeline'), _('Many servers want the account\'s own address here.'), NEEDED),
		row('host', text('host'), _('Mail server'), _('Such as smtp.example.org. Needed unless a program sends the mail.')),
		row('tls', choice('starttls', TLS()), _('Encryption')),
		row('port', number(1, 65535), _('Port'), _('Empty: 587 with STARTTLS, 465 with TLS, 25 without encryption.')),
		row('user', words(254), _('User name')),
		row('password', secret(words(256)), _('Password')),
		row('replies', section('mailbox'), _('Replies'),
			_('The mailbox by which an answer to a mail is sent as an SMS.'), MORE),
		tlsVerify(),
		caFile(),
		row('command', text('program'), _('Program'),
			_('A sendmail-compatible program in /etc/homeline/commands.d that takes the mail instead of msmtp.'), MORE),
		timeout(5, 600, 60, _('How long sending one mail may take.'))
	],

	mqtt: () => [
		row('host', text('host'), _('Broker'), null, NEEDED),
		row('tls', flag(false), 'TLS'),
		row('port', number(1, 65535), _('Port'), _('Empty: 1883, with TLS 8883.')),
		row('user', words(128), _('User name'), null, { needed: (get) => get('password') }),
		row('password', secret(words(256)), _('Password')),
		row('discovery', flag(false), _('Home Assistant'), _('The dongles appear there as devices.')),
		row('commands', many(choice('', [
			[ 'send', _('send messages') ],
			[ 'ussd', _('send USSD codes') ],
			[ 'mark_read', _('mark as read') ],
			[ 'reset', _('reset the dongle') ]
		])), _('Commands'), _('What may be asked for over the broker. Whoever may write to it can do that.'),
			{ tab: 'commands' }),
		row('sms_to', many(text('pattern')), _('Numbers to text'),
			_('To these numbers messages may be sent, <code>*</code> for any digits.'),
			{ tab: 'commands', needed: true, only: { commands: 'send' } }),
		row('sms_rate', number(1, 1000, 10), _('Messages an hour'), null, { tab: 'commands', only: { commands: 'send' } }),
		row('ussd_codes', many(text('ussd')), _('USSD codes'), _('Exactly these may be sent.'),
			{ tab: 'commands', needed: true, only: { commands: 'ussd' } }),
		row('prefix', text('topic'), _('Topics begin with'), null, { tab: 'more', byDefault: 'homeline' }),
		row('client_id', text('topic'), _('Client id'), _('Empty: one is made.'), MORE),
		row('discovery_prefix', text('topic'), _('Discovery topics begin with'), null,
			{ tab: 'more', byDefault: 'homeassistant', only: { discovery: '1' } }),
		row('keepalive', number(10, 3600, 60), _('Keep-alive (seconds)'),
			_('How long the connection may be silent.'), MORE),
		tlsVerify({ only: { tls: '1' } }),
		caFile({ only: { tls: '1' } }),
		row('cert_file', text('pem'), _('Client certificate'), _('A PEM file, for brokers that want one.'),
			{ tab: 'more', needed: (get) => get('key_file'), only: { tls: '1' } }),
		row('key_file', text('pem'), _('Its key'), _('A PEM file.'), { tab: 'more', only: { tls: '1' } }),
		timeout(5, 600, 30, _('How long the broker may take to confirm an event.'))
	],

	webhook: () => [
		row('preset', choice('json', [
			[ 'json', _('JSON of the event') ],
			[ 'template', _('Own text') ],
			[ 'ntfy', 'ntfy' ],
			[ 'gotify', 'Gotify' ],
			[ 'slack', 'Slack' ],
			[ 'discord', 'Discord' ],
			[ 'matrix', 'Matrix' ],
			[ 'pushover', 'Pushover' ]
		]), _('What is sent'), _('What a known service wants, or the event itself.')),
		row('url', text('url'), _('Address'), _('The service\'s or server\'s https:// address. Empty: ntfy.sh or Pushover itself.'), {
			long: true,
			needed: (get) => ![ 'ntfy', 'pushover' ].includes(get('preset')) && !get('secret_url')
		}),
		row('secret_url', secret(text('url')), _('Secret address'),
			_('For services whose address itself is the secret, such as Slack and Discord; takes the place of the other.'),
			{ long: true }),
		row('target', words(255), _('Topic, room or user'), _('The ntfy topic, the Matrix room or the Pushover user key.'),
			{ needed: true, only: { preset: [ 'ntfy', 'matrix', 'pushover' ] } }),
		row('token', secret(text('bearer')), _('Token'),
			_('The service\'s access token; else sent as a bearer token.'),
			{ needed: (get) => [ 'gotify', 'matrix', 'pushover' ].includes(get('preset')) }),
		row('body', text('template'), _('Text'), _('With fields in braces, such as <code>{text}</code>.'),
			{ needed: true, lines: true, only: { preset: 'template' } }),
		row('content_type', text('mediaType'), _('Content type'), _('Empty: plain text.'), { only: { preset: 'template' } }),
		row('method', choice('POST', [ [ 'POST' ], [ 'PUT' ], [ 'PATCH' ], [ 'GET' ] ]), _('Method'), null,
			{ tab: 'more', only: { preset: [ 'json', 'template' ] } }),
		row('headers', many(text('header')), _('Headers'), _('Each as <code>Name: value</code>.'), MORE),
		row('secret_headers', secret(many(text('header'))), _('Secret headers'),
			_('Each as <code>Name: value</code>. New ones take the place of all that were set.'), MORE),
		row('signing_key', secret(words(256)), _('Signing key'),
			_('The receiver can check with it that a request is from here (HMAC-SHA256).'), MORE),
		tlsVerify(),
		caFile(),
		allowLocal(),
		timeout(2, 300, 20, _('How long one request may take, all in all.'))
	],

	telegram: () => [
		row('token', secret(text('botToken')), _('Bot token'), _('From @BotFather.'), NEEDED),
		row('chats', many(text('chat')), _('Chats'),
			_('Their numbers, or a channel\'s @name. They get the messages, and their replies are taken.'), NEEDED),
		row('silent', flag(false), _('Without a sound')),
		row('replies', flag(false), _('Replies'),
			_('An answer to the bot\'s message is sent as an SMS to whom the message was from.'), REPLIES),
		oneDongle(_('That sends replies. Empty: the one by which the message came.'),
			{ tab: 'replies', only: { replies: '1' } }),
		row('rate', number(1, 1000, 30), _('Replies an hour'), null, { tab: 'replies', only: { replies: '1' } }),
		row('api', text('url'), _('Server'), _('For owners of their own.'),
			{ tab: 'more', byDefault: 'https://api.telegram.org' }),
		caFile(),
		allowLocal(),
		timeout(5, 300, 20, _('How long one request may take, all in all.'))
	],

	sms: () => [
		row('to', many(text('e164')), _('Numbers'), null, NEEDED),
		oneDongle(_('That sends. Empty: the first that is ready.')),
		row('daily', number(1, 1000, 50), _('Messages a day'), _('To each number at most.')),
		row('max_parts', number(1, 10, 3), _('Longest message (parts)'), _('A longer text is cut.')),
		roaming()
	],

	sip_message: () => [
		row('phones', many(section('phone')), _('Phones'), _('One that takes the message is enough.'), NEEDED),
		timeout(5, 120, 40, _('How long a phone may take to confirm each part of the message.'))
	],

	command: () => [
		row('program', text('program'), _('Program'),
			_('A file in /etc/homeline/commands.d. It gets the event as JSON on its standard input.'), NEEDED),
		timeout(1, 600, 30, _('How long it may take before it is ended.'))
	],

	mailbox: () => [
		enabled(),
		row('type', choice('imap', [ [ 'imap', 'IMAP' ], [ 'maildir', _('Maildir on the router') ] ]), _('Kind')),
		row('address', text('mail'), _('Address'), _('Where answers to forwarded mails go.'), NEEDED),
		row('senders', many(text('mail')), _('Senders'), _('Whose answers are taken.'), NEEDED),
		row('host', text('host'), _('IMAP server'), null, { needed: true, only: { type: 'imap' } }),
		row('tls', choice('tls', TLS()), _('Encryption'), null, { only: { type: 'imap' } }),
		row('port', number(1, 65535), _('Port'), _('Empty: 993 with TLS, else 143.'), { only: { type: 'imap' } }),
		row('user', words(254), _('User name'), null, { needed: true, only: { type: 'imap' } }),
		row('password', secret(words(256)), _('Password'), null, { needed: true, only: { type: 'imap' } }),
		row('path', text('maildir'), _('Folder'), _('Below /etc/homeline, or /mnt/DISK/homeline on a disk.'),
			{ needed: true, only: { type: 'maildir' } }),
		row('folder', words(128), _('IMAP folder'), null, { tab: 'more', byDefault: 'INBOX', only: { type: 'imap' } }),
		row('plus', flag(true), _('Plus addresses'),
			_('The server delivers user+anything to user. Else a token in the subject proves the answer.'), MORE),
		row('every', number(1, 1440, 5), _('Every (minutes)'), _('How often it is looked into.'), MORE),
		oneDongle(_('That sends. Empty: the one by which the message came.'), MORE),
		row('rate', number(1, 1000, 30), _('Answers an hour'), null, MORE),
		tlsVerify({ only: { type: 'imap' } }),
		caFile({ only: { type: 'imap' } })
	],

	schedule: () => [
		enabled(),
		row('action', choice('sms', [ [ 'sms', _('send a message') ], [ 'ussd', _('send a USSD code') ], [ 'call', _('call') ] ]),
			_('Action'), null, { grid: true }),
		oneDongle(null, { needed: true, grid: true }),
		row('to', text('e164'), _('Number'), null, { needed: true, only: { action: [ 'sms', 'call' ] } }),
		row('text', words(160), _('Text'), null, { needed: true, long: true, only: { action: 'sms' } }),
		row('code', text('ussd'), _('USSD code'), null, { needed: true, only: { action: 'ussd' } }),
		row('seconds', number(5, 120, 20), _('Longest call (seconds)'), _('How long it rings or lasts.'),
			{ only: { action: 'call' } }),
		Object.assign(every(30), { grid: true }),
		at(),
		roaming()
	],

	balance: () => [
		enabled(),
		oneDongle(null, { needed: true, grid: true }),
		row('code', text('ussd'), _('USSD code'), _('By which the network tells what is left.'), { needed: true, grid: true }),
		row('pattern', text('regex'), _('Pattern'),
			_('A regular expression; its first group is the amount, such as <code>([0-9]+[.,][0-9]+) EUR</code>.'), NEEDED),
		row('limit', text('amount'), _('Alert below'), null, { grid: true }),
		row('unit', words(8), _('Currency')),
		every(7),
		at(),
		roaming()
	],

	auto_reply: () => [
		enabled(),
		row('text', text('template'), _('Answer'), _('With fields in braces, such as <code>{peer}</code>.'),
			{ needed: true, grid: true, lines: true }),
		dongles(),
		...filters(),
		row('times', many(text('times')), _('Only at'),
			_('Days, times or both, such as <code>mon-fri 08:00-18:00</code>; always if none is given.')),
		row('hours', number(1, 8760, 24), _('Once in (hours)'), _('A sender gets one answer in that time.')),
		row('daily', number(1, 1000, 20), _('Answers a day'), _('At most, all in all.')),
		roaming()
	],

	sip: () => [
		row('enabled', flag(false), _('Enabled'), _('Homeline writes Asterisk\'s configuration.')),
		row('transports', many(choice('udp', plain('udp tcp tls'))), _('Transports'),
			_('How phones and trunks may reach the router.')),
		row('external_address', value, _('Public address'),
			_('The address or host name by which the internet reaches the router.')),
		row('local_networks', many(value), _('Own networks'), _('Networks and VPNs from which phones may register.'),
			{ byDefault: '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 fc00::/7 fe80::/10 ::1/128' }),
		row('certificate', text('pem'), _('Certificate'),
			_('A PEM file below /etc/ssl or /etc/homeline, for phones and trunks that come to the router by TLS.'),
			{ needed: (get) => get('key') }),
		row('key', text('pem'), _('Its key'), _('A PEM file.'), { needed: (get) => get('certificate') }),
		row('language', value, _('Language'), _('Of Asterisk\'s announcements.'), { byDefault: 'en' }),
		row('voicemail_quota', number(1, 65536, 16), _('Room for voicemail (MiB)'), _('The oldest recordings go first.')),
		row('voicemail_folder', value, _('Voicemail folder'), _('Below /etc/homeline, or /mnt/DISK/homeline on a disk.'),
			{ tab: 'more', byDefault: '/etc/homeline/voicemail' }),
		row('voicemail_format', choice('wav49', plain('wav49 gsm')), _('Recordings'), null, MORE),
		row('restart', choice('idle', [ [ 'idle', _('when no call is up') ], [ 'manual', _('by hand') ] ]), _('Restart of Asterisk'),
			_('When a change that needs one takes effect.'), MORE),
		row('bind', value, _('Listen at'), _('An address of the router; every one if none is given.'), MORE),
		port('port', 5060, _('Port (UDP, TCP)')),
		port('tls_port', 5061, _('Port (TLS)')),
		row('rtp_start', number(1024, 65534, 10000), _('First port for media'), null, MORE),
		row('rtp_end', number(1025, 65535, 10199), _('Last port for media'), null, MORE),
		port('ami_port', 5038, _('Port of the manager')),
		caFile(),
		row('log_level', choice('notice', plain('error warning notice verbose debug')), _('Log level'), null, MORE),
		row('accepted', many(value), _('Accepted findings'), _('Each as <code>file:section</code>.'), MORE)
	],

	twilio: () => [
		row('account_sid', value, _('Account SID'), _('Calls of other accounts at Twilio\'s addresses are refused.')),
		row('api_key', value, _('API key'), _('Its SID. With it Homeline sets the account up.'), { needed: (get) => get('api_secret') }),
		row('api_secret', secret(value), _('Secret of the key'), null, { needed: (get) => get('api_key') }),
		row('caller_id', text('e164'), _('Number shown'), _('One that Twilio has verified, on calls that do not go through the SIM.')),
		row('routing', choice('function', [
			[ 'function', _('a function at Twilio') ], [ 'webhook', _('the webhook') ], [ 'none', _('nothing of Homeline') ]
		]), _('Calls are directed by')),
		row('secure', flag(true), _('Encryption'), _('Softphones must use TLS with SRTP.')),
		row('webhook', flag(false), 'Webhook', _('A server that Twilio asks and tells.'), { tab: 'webhook' }),
		row('public_url', value, _('Public address'), _('By which Twilio reaches the webhook.'),
			{ tab: 'webhook', long: true, needed: true, only: { webhook: '1' } }),
		row('auth_token', secret(value), _('Auth token'), _('Only to know Twilio\'s requests.'), Object.assign({}, HOOK, NEEDED)),
		row('voicemail', flag(false), _('Voicemail'), _('Recorded at Twilio where nobody answers.'), HOOK),
		row('transcribe', flag(false), _('Write down what was said'), _('English only, and it costs.'), TAKEN),
		row('delete_recordings', flag(false), _('Delete recordings at Twilio'), _('Once they are here.'), TAKEN),
		row('inbound_sms', flag(false), _('SMS to numbers at Twilio'), _('They come into the inbox.'), HOOK),
		row('bind', value, _('Listen at'), null,
			{ tab: 'webhook', byDefault: '127.0.0.1', only: { webhook: '1' } }),
		row('port', number(1024, 65535, 8443), _('Port'), null, HOOK),
		row('certificate', text('pem'), _('Certificate'), _('Empty: HTTP, for a reverse proxy.'),
			{ tab: 'webhook', needed: (get) => get('key'), only: { webhook: '1' } }),
		row('key', text('pem'), _('Its key'), _('A PEM file.'),
			{ tab: 'webhook', needed: (get) => get('certificate'), only: { webhook: '1' } }),
		region(MORE),
		row('edge', value, _('Edge location'), null, MORE),
		row('domain', value, _('SIP domain of softphones'), _('Without <code>.sip.twilio.com</code>. Empty: one is made.'), MORE),
		row('trunk_domain', value, _('SIP domain of the trunk'), null, MORE),
		row('static_address', flag(false), _('The address never changes'), _('Then it is proof enough to Twilio.'), MORE),
		row('adopt', many(value), _('May be changed'), _('What Homeline did not make: SIDs, names or numbers.'), MORE),
		row('made', many(value), _('Made at Twilio'), _('Homeline writes this.'), MORE)
	],

	trunk: () => [
		enabled(),
		row('type', choice('sip', [ [ 'twilio', 'Twilio' ], [ 'sip', _('other') ] ]), _('Provider'), null, { grid: true }),
		row('mode', choice('registered', [
			[ 'registered', _('the router registers') ],
			[ 'byoc', 'Twilio BYOC' ],
			[ 'elastic', 'Twilio Elastic SIP Trunking' ],
			[ 'peer', _('by addresses') ]
		]), _('Calls come in'), _('Only where the router registers no port must be open to the internet.')),
		row('host', value, _('SIP domain or server'), null, { needed: true, grid: true }),
		row('username', value, _('User name'), null, { needed: (get) => get('mode') == 'registered' || get('password') }),
		row('password', secret(text('sipPassword')), _('Password'), null, { needed: (get) => get('username') }),
		row('caller_id', text('e164'), _('Number shown'), _('On calls out. Empty: that of the line.')),
		row('ring', many(section('phone')), _('Rings'), _('Phones that ring on calls to the trunk\'s own number.')),
		ringTimeout(),
		row('max_calls', number(1, 100, 2), _('Calls at once')),
		row('inbound_username', value, _('Provider\'s user name'), _('With which it proves itself to the router.'), {
			tab: 'incoming', needed: (get) => get('inbound_password'), only: { mode: [ 'byoc', 'elastic', 'peer' ] }
		}),
		row('inbound_password', secret(text('sipPassword')), _('Provider\'s password'), null, {
			tab: 'incoming', needed: (get) => get('inbound_username'), only: { mode: [ 'byoc', 'elastic', 'peer' ] }
		}),
		row('allowed', many(value), _('Addresses'),
			_('From which the provider calls. Empty: those that Twilio publishes, or those of the server.'), { tab: 'incoming' }),
		row('trust_pai', flag(false), _('Believe P-Asserted-Identity'), null, { tab: 'incoming' }),
		row('edges', many(value), _('Edge locations'), _('The best first.'), {
			tab: 'more', only: { type: 'twilio' },
			suggest: plain('ashburn umatilla dublin frankfurt singapore tokyo sao-paulo sydney')
		}),
		region({ tab: 'more', only: { type: 'twilio' } }),
		row('secure', choice('auto', [ [ 'auto', _('automatic') ], [ '1', _('on') ], [ '0', _('off') ] ]), _('Encryption'),
			_('TLS with SRTP. Automatic: on where the trunk reaches a public address.'), MORE),
		row('transport', choice('', plain('udp tcp tls')), _('Transport'), null, MORE),
		port('port', undefined, _('Port')),
		row('realm', value, _('Realm'), _('Of the password, where the provider does not say it.'), MORE),
		row('from_user', value, _('From: user'), _('Where the provider wants a certain one.'), MORE),
		row('from_domain', value, _('From: domain'), null, MORE),
		row('privacy', flag(false), _('Withhold our number'), null, MORE),
		row('send_pai', flag(true), _('Send P-Asserted-Identity'), null, MORE),
		codecs('ulaw alaw'),
		dtmf(),
		row('session_timers', choice('yes', plain('yes no required always')), _('Session timers'), null, MORE),
		row('qualify', number(0, 3600, 60), _('Asked whether it is there (seconds)'), _('0: never.'), MORE),
		row('expiry', number(60, 7200, 300), _('Registration holds (seconds)'), null, MORE)
	],

	phone: () => [
		enabled(),
		row('display', value, _('Shown as'), _('The name that other phones see.'), { grid: true }),
		row('number', value, _('Short number'), _('By which other phones call it.'), { grid: true }),
		row('where', choice('router', [ [ 'router', _('the router') ], [ 'twilio', 'Twilio' ] ]), _('Registers at'), null,
			{ grid: true }),
		row('password', secret(text('sipPassword')), _('Password'), _('Better have one made: in the list of phones.')),
		row('outbound', many(section('outbound')), _('May call'), _('By these permissions; by all if none is chosen.'),
			{ none: _('all') }),
		row('devices', number(1, 10, 3), _('Devices'), _('That may be registered at once.')),
		row('sms', flag(false), _('Texts become SMS'), _('What it writes to a number is sent as an SMS.'), { tab: 'sms' }),
		row('sms_to', many(value), _('Numbers to text'), _('<code>*</code> for any digits. Empty: all but short ones.'),
			{ tab: 'sms', only: { sms: '1' } }),
		row('sms_rate', number(1, 1000, 30), _('Messages an hour'), null, { tab: 'sms', only: { sms: '1' } }),
		row('sms_dongle', section('dongle'), _('Dongle'), _('Empty: the one by which the number last wrote.'),
			{ tab: 'sms', only: { sms: '1' } }),
		row('secure', flag(false), _('Encryption'), _('TLS with SRTP; Asterisk needs a certificate for it.'), MORE),
		row('allow_from', many(value), _('Networks'), _('From which it may register; the own ones if none is given.'), MORE),
		codecs('opus g722 alaw ulaw'),
		dtmf()
	],

	line: () => [
		enabled(),
		oneDongle(_('Whose calls these are.'), { needed: true, grid: true }),
		row('ring', many(value), _('Rings'), _('Phones, or <code>trunk/user</code> for one at a provider.'),
			{ grid: true, suggest: 'phone' }),
		row('strategy', choice('all', [ [ 'all', _('all at once') ], [ 'turn', _('one after the other') ] ]), _('Order')),
		ringTimeout(_('One after the other: of each.')),
		row('voicemail', flag(false), _('Voicemail'), null, { grid: true }),
		row('greeting', value, _('Greeting'), _('A sound file in /etc/homeline/greetings, without its extension.'),
			{ only: { voicemail: '1' } }),
		row('longest_voicemail', number(5, 600, 180), _('Longest message (seconds)'), null, { only: { voicemail: '1' } }),
		row('withheld', choice('ring', [
			[ 'ring', _('ring') ],
			[ 'voicemail', _('voicemail') ],
			[ 'reject', _('are refused') ]
		]), _('Calls without a number')),
		row('jitter_buffer', flag(true), _('Jitter buffer'), _('For what comes over the internet.'), MORE),
		row('agc', number(0, 32768), _('Gain control'), _('Towards the caller: its level; 0 is off.'), MORE)
	],

	outbound: () => [
		enabled(),
		row('via', section('line trunk'), _('Through'), _('The line or trunk that carries the call.'), { needed: true, grid: true }),
		row('countries', many(value), _('Countries'),
			_('Their ordinary numbers, such as <code>CH</code>: none at premium or shared rates.'), { grid: true }),
		row('prefixes', many(value), _('Numbers that begin with'), _('Such as <code>+4179</code>.'), { grid: true }),
		row('numbers', many(value), _('Short numbers'), _('Also emergency ones; dialled as they are.'), { grid: true }),
		row('daily_minutes', number(0, 1440, 60), _('Minutes a day'), _('All calls together; 0: no limit.'), { grid: true }),
		row('longest_call', number(1, 1440, 60), _('Longest call (minutes)')),
		row('concurrent', number(1, 20, 1), _('Calls at once')),
		row('sources', many(section('trunk')), _('Also from'), _('Trunks whose calls may go out here; phones may anyway.'), MORE)
	]
};

return baseclass.extend({
	/* The items of an option, which may be a list or a single value. L.toArray() would cut `My Bank` at its blank. */
	items: function(value) {
		return Array.isArray(value) ? value : (value == null || value === '') ? [] : [ value ];
	},

	/* Types of sections that rules may name as channels, in the order of the list. */
	channels: [ 'email', 'telegram', 'webhook', 'mqtt', 'sms', 'sip_message', 'command' ],

	/* The tabs on which rows stand, in order, as [name, title]. */
	tabs: function(rows) {
		const titles = {
			what: _('What'), when: _('When'), how: _('How'),
			main: _('General'), incoming: _('Incoming calls'), webhook: 'Webhook', sms: 'SMS', commands: _('Commands'), replies: _('Replies'), more: _('More')
		};
		const used = rows.map((option) => option.tab || 'main');

		return Object.keys(titles).filter((name) => used.includes(name)).map((name) => [ name, titles[name] ]);
	},

	/* The rows of a type of section. */
	rows: function(type) {
		return SECTIONS[type]();
	},

	/* All types that there are rows for. */
	types: Object.keys(SECTIONS)
});
