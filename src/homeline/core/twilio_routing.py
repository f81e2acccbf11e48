"""Where a call at Twilio goes. Pure: Twilio's request and the account's tables in, a decision out, and its TwiML.

Twilio asks when a softphone at its SIP domain calls, when the router does, and when somebody calls a number there. In
this order:

1. Who calls? A softphone or the router is known by the credential with which it proved itself, else by From. Nobody
   else may call here, but for callers of a number at Twilio: those ring softphones and router, and go nowhere else.
2. The name of a SIP user, or a number that is a softphone's: it rings.
3. Emergency and other short numbers are refused, with words: Twilio cannot carry them as the network at home does.
4. A number that an outbound section lets through leaves: a caller with the home number, by the router; a caller with
   another number, by Twilio; a caller without one, as the section says. What the router sends never goes back to it.

`twilio/function.js` decides the same at Twilio, and tests/twilio/routing.json holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from homeline.core import dialling
from homeline.core.dialling_countries import Forms
from homeline.core.dialling_patterns import matches
from homeline.core.twilio_account import Account, Way
from homeline.protocol import twiml
from homeline.telephony import NUMBER_HEADER

CALL_TIMEOUT = 60  # seconds that a number called from a softphone rings
MOST_PARTIES = 10  # of one Dial. More than one takes the account's setting "Enhanced Programmable SIP Features"
ROUTER = "router"  # value of the query parameter `caller` in the URL that the router's trunk has

_URI = re.compile(r"[sS][iI][pP][sS]?:([^@]{1,200})@[A-Za-z0-9.-]{1,255}(?::[0-9]{1,5})?(?:[;?].*)?", re.DOTALL)
_ESCAPED = re.compile("%([0-9A-Fa-f]{2})")
_SEPARATORS = re.compile(r"[-.() ]")  # visual ones (RFC 3966 5.1.1), and blanks
_NUMBER = re.compile(r"\+?[0-9]{1,24}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")  # of a SIP user: what names of credentials have
_CALLER_ID = re.compile(r"[A-Za-z0-9_.+-]{1,64}")  # what Twilio takes for a call to SIP
_SHORT = 6  # digits


class Refusal(StrEnum):
    """Why a call goes nowhere."""

    NOT_UNDERSTOOD = "not_understood"  # To is neither a name nor a number
    STRANGER = "stranger"  # the caller is none of ours
    NOBODY = "nobody"  # nothing is there that could ring
    LOOP = "loop"  # the router calls itself
    EMERGENCY = "emergency"
    SHORT = "short"  # a number that means something in one network only
    INCOMPLETE = "incomplete"  # digits that are no number of the country
    NOT_ALLOWED = "not_allowed"  # no outbound section lets this caller call this number
    NO_CALLER_ID = "no_caller_id"  # no number is known that could be shown


WORDS: Mapping[Refusal, str] = {
    Refusal.EMERGENCY: "Emergency calls are not possible here. Use another phone.",
    Refusal.SHORT: "Short numbers cannot be called from here.",
    Refusal.INCOMPLETE: "This number is not complete. Dial it with plus and the code of the country.",
    Refusal.NOT_ALLOWED: "This number is not allowed.",
    Refusal.NO_CALLER_ID: "No number is set up that could be shown to whom you call.",
}  # what a softphone hears. All else is refused in silence: no call is answered, and nothing costs


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What Twilio says of a call. Any text may be in it."""

    from_: str = ""
    to: str = ""
    username: str = ""  # of the credential with which the caller proved itself; "" where none was needed
    domain: str = ""  # host name of the SIP domain that was called; "" for a number at Twilio
    by_router: bool = False  # it came to the URL that the router's trunk has

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> CallRequest:
        """Of the parameters of Twilio's voice request, those of the URL's query among them."""
        return cls(
            parameters.get("From", ""),
            parameters.get("To", ""),
            parameters.get("SipUsername", ""),
            parameters.get("SipDomain", ""),
            parameters.get("caller", "") == ROUTER,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What rings or is called, all at once; or why nothing is."""

    sips: tuple[str, ...] = ()  # SIP URIs
    number: str = ""  # E.164
    byoc: str = ""  # SID of the trunk that carries the call to `number`; "" is Twilio itself
    caller_id: str = ""  # "" is the caller's own
    timeout: int = 0  # seconds of ringing
    longest: int = 0  # seconds of talking, 0 is no limit
    after: str = ""  # URL that says what follows when nobody answered
    refusal: Refusal | None = None
    spoken: bool = False  # the caller hears why


def route(request: CallRequest, account: Account) -> Decision:
    """What becomes of a call. Never raises, whatever the request has."""
    to, shown = _party(request.to), _party(request.from_)
    if not (request.domain or request.by_router or _URI.fullmatch(request.to)):
        return _ring_all(to, account)
    if _is_router(request, account):
        return _from_router(to, shown, account)
    proved = request.username or shown
    phone, own = _phone(proved, account), _international(shown, account)
    if not phone and _international(proved, account) not in account.home:
        return Decision(refusal=Refusal.STRANGER)
    return _from_phone(phone, own, to, account)


def reply(decision: Decision) -> str:
    """The TwiML of a decision."""
    if decision.refusal:
        words = WORDS.get(decision.refusal, "") if decision.spoken else ""
        if words:
            return twiml.document(twiml.say(words, language="en-US"), twiml.hangup())
        return twiml.document(twiml.reject(busy=decision.refusal is Refusal.NOBODY))
    parties = [twiml.sip(uri) for uri in decision.sips]
    if decision.number:
        parties.append(twiml.number(decision.number, byoc=decision.byoc))
    verb = twiml.dial(
        parties,
        caller_id=decision.caller_id,
        timeout=decision.timeout,
        longest=decision.longest,
        action=decision.after,
    )
    return twiml.document(verb)


def _is_router(request: CallRequest, account: Account) -> bool:
    """The credential tells, whoever the caller says to be; without one the domain, or the URL, that is the trunk's."""
    if request.username:
        return request.username == account.router
    name, _, _ = request.domain.lower().partition(".")
    return request.by_router or (bool(name) and name == account.trunk_domain.partition(".")[0])


def _from_router(to: str, shown: str, account: Account) -> Decision:
    """A call of the home number that rings here, or one that the router wants Twilio to carry."""
    if to and to == account.router:
        return Decision(refusal=Refusal.LOOP)
    number, after = _international(to, account), account.after if account.after_router else ""
    if name := _phone(to, account) or _name(to):
        return _ring((name,), account, _caller_id(shown), after)
    if number and number in account.home:
        return _ring(account.phones, account, _caller_id(shown), after)
    if refusal := _no_number(to, number, account):
        return Decision(refusal=refusal)
    way = _first((way for way in account.ways if not way.home), number)
    return _out(way, number, _international(shown, account), account) if way else Decision(refusal=Refusal.NOT_ALLOWED)


def _from_phone(phone: str, own: str, to: str, account: Account) -> Decision:
    """`own` is the number that the caller shows, "" for one who shows none; `phone` "" for the home number alone."""
    if found := _phone(to, account) or _name(to):
        is_its = own and (own in account.home or _phone(own, account) == phone)
        return _ring((found,), account, own if is_its else phone)
    number = _international(to, account)
    if refusal := _no_number(to, number, account):
        return Decision(refusal=refusal, spoken=refusal in WORDS)
    way = _first(_ways(phone, own, account), number)
    if way is None:
        return Decision(refusal=Refusal.NOT_ALLOWED, spoken=True)
    decision = _home(way, number, phone or own, account) if way.home else _out(way, number, own, account)
    return replace(decision, spoken=decision.refusal in WORDS)


def _ways(phone: str, own: str, account: Account) -> Iterable[Way]:
    """What a softphone may use. A number that it shows decides: the home number's calls leave at home, others here."""
    for way in account.ways:
        may = phone not in account.allowed or way.name in account.allowed[phone]
        if may and (not own or way.home == (own in account.home)):
            yield way


def _first(ways: Iterable[Way], number: str) -> Way | None:
    """The first that lets an international number through, as `dialling.Gate.admits` has it."""
    for way in ways:
        if _any(way.chosen, number) or (_any(way.open, number) and not _any(way.closed, number)):
            return way
    return None


def _ring(phones: Sequence[str], account: Account, caller_id: str, after: str = "") -> Decision:
    if not phones:
        return Decision(refusal=Refusal.NOBODY)
    sips = tuple(f"sip:{name}@{account.domain}" for name in phones[:MOST_PARTIES])
    return Decision(sips, caller_id=caller_id, timeout=account.ring_timeout, after=after)


def _ring_all(to: str, account: Account) -> Decision:
    """Somebody calls a number at Twilio: softphones ring, and the router, which has phones of its own."""
    if not _NUMBER.fullmatch(to):
        return Decision(refusal=Refusal.NOT_UNDERSTOOD)
    sips = tuple(f"sip:{name}@{account.domain}" for name in account.phones[: MOST_PARTIES - 1])
    if account.to_router and account.registered:
        sips = (*sips, _handed_over(to, account))
    number = to if account.to_router and account.byoc else ""
    if not (sips or number):
        return Decision(refusal=Refusal.NOBODY)
    return Decision(sips, number, account.byoc if number else "", timeout=account.ring_timeout, after=account.after)


def _home(way: Way, number: str, caller: str, account: Account) -> Decision:
    """By the router: through its trunk or, where it has no public address, to where it has registered."""
    if account.registered:
        sips = (_handed_over(number, account),)
        return Decision(sips, caller_id=_caller_id(caller), timeout=CALL_TIMEOUT, longest=way.longest)
    if not account.byoc:
        return Decision(refusal=Refusal.NOBODY)
    if not way.shown:
        return Decision(refusal=Refusal.NO_CALLER_ID)
    return Decision((), number, account.byoc, way.shown, CALL_TIMEOUT, way.longest)


def _out(way: Way, number: str, own: str, account: Account) -> Decision:
    """By Twilio, which shows only numbers that are verified there."""
    shown = own if own in account.caller_ids else way.shown
    if not shown:
        return Decision(refusal=Refusal.NO_CALLER_ID)
    return Decision((), number, "", shown, CALL_TIMEOUT, way.longest)


def _handed_over(number: str, account: Account) -> str:
    """Where the router has registered, with what it is to call in a header: without +, which would be escaped."""
    return f"sip:{account.router}@{account.domain}?{NUMBER_HEADER}={number.removeprefix('+')}"


def _party(text: str) -> str:
    """The user of a SIP URI, or a bare number; "" for anything else."""
    if found := _URI.fullmatch(text):
        user = found[1].partition(";")[0].partition(":")[0]
        return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), user)
    return text if _NUMBER.fullmatch(text) else ""


def _digits(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _international(text: str, account: Account) -> str:
    """E.164; "" where it is no number of the country or beyond."""
    digits = _digits(text)
    return dialling.international(Forms(account.forms), digits) if _NUMBER.fullmatch(digits) else ""


def _phone(text: str, account: Account) -> str:
    """The softphone that is called so: by its name, or by its number in whatever form."""
    if text in account.phones:
        return text
    found = (form for form in (_digits(text), _international(text, account)) if form in account.numbers)
    return next((account.numbers[form] for form in found), "")


def _name(text: str) -> str:
    """A SIP user that is no number; "" for anything else."""
    return text if _NAME.fullmatch(text) and not _NUMBER.fullmatch(_digits(text)) else ""


def _caller_id(text: str) -> str:
    """What a softphone sees of a caller."""
    return text if _CALLER_ID.fullmatch(text) else "anonymous"


def _no_number(to: str, number: str, account: Account) -> Refusal | None:
    """Why a text is nothing that could be called; `number` is its E.164, "" where it has none."""
    digits = _digits(to)
    if _any(account.emergency, digits):
        return Refusal.EMERGENCY
    if not _NUMBER.fullmatch(digits):
        return Refusal.NOT_UNDERSTOOD
    if number:
        return None
    return Refusal.SHORT if len(digits.removeprefix("+")) <= _SHORT else Refusal.INCOMPLETE


def _any(patterns: Iterable[str], number: str) -> bool:
    return any(matches(pattern, number) for pattern in patterns)
