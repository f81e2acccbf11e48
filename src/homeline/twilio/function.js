'use strict';

// Where a call goes, as a protected function at Twilio: the decisions of core/twilio_routing.py, which says what they
// are. tests/twilio/routing.json holds the two together. Where the account is parsed, its tables are put in.

const ACCOUNT = JSON.parse("@account@");

const CALL_TIMEOUT = 60; // seconds that a number called from a softphone rings
const MOST_PARTIES = 10; // of one Dial
const HEADER = 'X-Homeline-Number'; // of a call to a router that has registered: the digits to be called

const URI = /^[sS][iI][pP][sS]?:([^@]{1,200})@[A-Za-z0-9.-]{1,255}(?::[0-9]{1,5})?(?:[;?][^]*)?$/u;
const NUMBER = /^\+?[0-9]{1,24}$/;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const CALLER_ID = /^[A-Za-z0-9_.+-]{1,64}$/;
const SHORT = 6; // digits
const LONGEST = 15; // digits of an international number

const WORDS = {
  emergency: 'Emergency calls are not possible here. Use another phone.',
  short: 'Short numbers cannot be called from here.',
  incomplete: 'This number is not complete. Dial it with plus and the code of the country.',
  not_allowed: 'This number is not allowed.',
  no_caller_id: 'No number is set up that could be shown to whom you call.',
};

const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
const text = (value) => (typeof value === 'string' ? value : '');
const refused = (refusal, spoken = false) => ({ refusal, spoken: spoken && has(WORDS, refusal) });

function route(event, account) {
  const to = party(text(event.To));
  const shown = party(text(event.From));
  const byRouter = event.caller === 'router';
  if (!text(event.SipDomain) && !byRouter && !URI.test(text(event.To))) return ringAll(to, account);
  if (isRouter(event, byRouter, account)) return fromRouter(to, shown, account);
  const proved = text(event.SipUsername) || shown;
  const phone = phoneOf(proved, account);
  if (!phone && !account.home.includes(international(proved, account))) return refused('stranger');
  return fromPhone(phone, international(shown, account), to, account);
}

function isRouter(event, byRouter, account) {
  if (text(event.SipUsername)) return event.SipUsername === account.router;
  const name = text(event.SipDomain).toLowerCase().split('.')[0];
  return byRouter || (name !== '' && name === account.trunk_domain.split('.')[0]);
}

function fromRouter(to, shown, account) {
  if (to && to === account.router) return refused('loop');
  const number = international(to, account);
  const after = account.after_router ? account.after : '';
  const name = phoneOf(to, account) || nameOf(to);
  if (name) return ring([name], account, callerId(shown), after);
  if (number && account.home.includes(number)) return ring(account.phones, account, callerId(shown), after);
  const refusal = noNumber(to, number, account);
  if (refusal) return refused(refusal);
  const way = account.ways.find((each) => !each.home && admits(each, number));
  return way ? out(way, number, international(shown, account), account) : refused('not_allowed');
}

function fromPhone(phone, own, to, account) {
  const found = phoneOf(to, account) || nameOf(to);
  if (found) {
    const isIts = own && (account.home.includes(own) || phoneOf(own, account) === phone);
    return ring([found], account, isIts ? own : phone);
  }
  const number = international(to, account);
  const refusal = noNumber(to, number, account);
  if (refusal) return refused(refusal, true);
  const way = account.ways.find((each) => mayUse(each, phone, own, account) && admits(each, number));
  if (!way) return refused('not_allowed', true);
  const decision = way.home ? home(way, number, phone || own, account) : out(way, number, own, account);
  return decision.refusal ? refused(decision.refusal, true) : decision;
}

function mayUse(way, phone, own, account) {
  if (has(account.allowed, phone) && !account.allowed[phone].includes(way.name)) return false;
  return !own || way.home === account.home.includes(own);
}

function admits(way, number) {
  return any(way.chosen, number) || (any(way.open, number) && !any(way.closed, number));
}

function ring(phones, account, caller, after = '') {
  if (phones.length === 0) return refused('nobody');
  const sips = phones.slice(0, MOST_PARTIES).map((name) => `sip:${name}@${account.domain}`);
  return { sips, callerId: caller, timeout: account.ring_timeout, after };
}

function ringAll(to, account) {
  if (!NUMBER.test(to)) return refused('not_understood');
  const sips = account.phones.slice(0, MOST_PARTIES - 1).map((name) => `sip:${name}@${account.domain}`);
  if (account.to_router && account.registered) sips.push(handedOver(to, account));
  const byoc = account.to_router ? account.byoc : '';
  if (sips.length === 0 && !byoc) return refused('nobody');
  return { sips, number: byoc ? to : '', byoc, timeout: account.ring_timeout, after: account.after };
}

function home(way, number, caller, account) {
  const limits = { timeout: CALL_TIMEOUT, longest: way.longest };
  if (account.registered) return { sips: [handedOver(number, account)], callerId: callerId(caller), ...limits };
  if (!account.byoc) return refused('nobody');
  if (!way.shown) return refused('no_caller_id');
  return { number, byoc: account.byoc, callerId: way.shown, ...limits };
}

function out(way, number, own, account) {
  const shown = account.caller_ids.includes(own) ? own : way.shown;
  if (!shown) return refused('no_caller_id');
  return { number, callerId: shown, timeout: CALL_TIMEOUT, longest: way.longest };
}

function handedOver(number, account) {
  return `sip:${account.router}@${account.domain}?${HEADER}=${number.replace('+', '')}`;
}

function party(given) {
  const found = URI.exec(given);
  if (!found) return NUMBER.test(given) ? given : '';
  const user = found[1].split(';')[0].split(':')[0];
  return user.replace(/%([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

const digitsOf = (given) => given.replace(/[-.() ]/g, '');

function international(given, account) {
  const digits = digitsOf(given);
  const form = NUMBER.test(digits) ? account.forms.find((each) => matches(each.pattern, digits)) : undefined;
  if (!form) return '';
  const number = form.before + digits.slice(form.strip);
  return /^[0-9]+$/.test(number.slice(1)) && number.length - 1 <= LONGEST ? number : '';
}

function phoneOf(given, account) {
  if (account.phones.includes(given)) return given;
  const form = [digitsOf(given), international(given, account)].find((each) => has(account.numbers, each));
  return form === undefined ? '' : account.numbers[form];
}

const nameOf = (given) => (NAME.test(given) && !NUMBER.test(digitsOf(given)) ? given : '');

const callerId = (given) => (CALLER_ID.test(given) ? given : 'anonymous');

function noNumber(to, number, account) {
  const digits = digitsOf(to);
  if (any(account.emergency, digits)) return 'emergency';
  if (!NUMBER.test(digits)) return 'not_understood';
  if (number) return '';
  return digits.replace('+', '').length <= SHORT ? 'short' : 'incomplete';
}

const any = (patterns, number) => patterns.some((pattern) => matches(pattern, number));

// A pattern of Asterisk's dial plan, as core/dialling_patterns.py has it.
function matches(pattern, number) {
  const elements = pattern.match(/\[[0-9-]+\]|[0-9X+*#]/g) || [];
  const written = elements.map((each) => (each === 'X' ? '[0-9]' : each.replace(/^[+*#]$/, '\\$&')));
  return new RegExp(`^${written.join('')}${pattern.endsWith('!') ? '[^]*' : ''}$`).test(number);
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (value) => String(value).replace(/[&<>"]/g, (mark) => ESCAPES[mark]);

function element(name, attributes, content) {
  const given = Object.keys(attributes).filter((key) => attributes[key]).sort();
  const written = given.map((key) => ` ${key}="${escaped(attributes[key])}"`).join('');
  return content ? `<${name}${written}>${content}</${name}>` : `<${name}${written} />`;
}

function reply(decision) {
  return `<?xml version="1.0" encoding="UTF-8"?>${element('Response', {}, verbs(decision))}`;
}

function verbs(decision) {
  if (decision.spoken) return element('Say', { language: 'en-US' }, WORDS[decision.refusal]) + element('Hangup', {});
  if (decision.refusal) return element('Reject', { reason: decision.refusal === 'nobody' ? 'busy' : 'rejected' });
  const sips = (decision.sips || []).map((uri) => element('Sip', {}, escaped(uri)));
  const numbers = decision.number ? [element('Number', { byoc: decision.byoc }, escaped(decision.number))] : [];
  const attributes = {
    action: decision.after,
    answerOnBridge: 'true',
    callerId: decision.callerId,
    method: decision.after ? 'POST' : '',
    timeLimit: decision.longest,
    timeout: decision.timeout,
  };
  return element('Dial', attributes, [...sips, ...numbers].join(''));
}

exports.handler = function handler(context, event, callback) {
  const response = new Twilio.Response();
  response.appendHeader('Content-Type', 'text/xml');
  response.setBody(reply(route(event, ACCOUNT)));
  callback(null, response);
};
