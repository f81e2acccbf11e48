"""What Twilio asks and tells, by path (docs/twilio.md):

- `/voice`: where does this call go? Answered by `core.twilio_routing` alone, whatever the daemon does.
- `/voicemail`: the softphones have not answered, or the caller has spoken: what next?
- `/recording`, `/transcription`: a message on the voicemail can be fetched; what was said in it.
- `/status`: a call has ended. `/sms`: a text came to a number at Twilio.

A request counts only with Twilio's signature over `twilio.public_url` with this path and query. Events get 2xx once the
daemon has committed them, else 503. The same request again gets the answer that it got, and nothing happens.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from homeline.config_options import Config
from homeline.config_sip import Twilio
from homeline.core import twilio_account, twilio_events
from homeline.core.twilio_account import Account
from homeline.core.twilio_events import Ended
from homeline.core.twilio_routing import CallRequest, Decision, Refusal, reply, route
from homeline.protocol import twiml
from homeline.telephony import NUMBER_HEADER
from homeline.webhook import signature
from homeline.webhook.carrier import Carrier
from homeline.webhook.moment import moment
from homeline.webhook.request import Head, Refused, Reply, form, parameters

log = logging.getLogger(__name__)

T = TypeVar("T")
Parameters = Mapping[str, str]

REMEMBERED = 1000  # calls, and answers
LONGEST_MESSAGE = 180  # seconds
GREETING = "Nobody can answer your call now. Please leave a message after the tone."
BROKEN = "This does not work now. Please try again later."
_XML = "text/xml; charset=utf-8"
_ANSWERED = ("completed", "answered")  # DialCallStatus


@dataclass(frozen=True, slots=True)
class House:
    """The configuration as the webhook needs it."""

    twilio: Twilio
    account: Account

    @classmethod
    def of(cls, config: Config) -> House:
        twilio = config.twilio
        byoc = next((value for key, _, value in (m.partition("=") for m in twilio.made) if _is_byoc(key)), "")
        after = f"{twilio.public_url}/voicemail" if twilio.voicemail else ""
        return cls(twilio, twilio_account.account(config, byoc=byoc, after=after))


def _is_byoc(key: str) -> bool:
    return key.partition(":")[0] == "byoc_trunk"


class Memory(Generic[T]):
    """What was last told of some keys; the oldest is forgotten."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        return self._known.get(key)

    def put(self, key: str, value: T) -> None:
        self._known[key] = value
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


class Endpoints:
    """`house` may be replaced; `clock` is in seconds since 1970."""

    def __init__(self, house: House, carrier: Carrier, clock: Callable[[], int]) -> None:
        self.house = house
        self._carrier, self._clock = carrier, clock
        self._answered: Memory[Reply] = Memory()
        self._asked: Memory[bool] = Memory()  # calls that were asked to leave a message; whether they have
        self._forged = 0
        self._paths: dict[str, Callable[[Parameters], Awaitable[Reply]]] = {
            "/voice": self._voice,
            "/voicemail": self._voicemail,
            "/recording": self._recording,
            "/transcription": self._transcription,
            "/status": self._status,
            "/sms": self._sms,
        }

    async def answer(self, head: Head, body: bytes) -> Reply:
        """The reply to any request. Never raises."""
        try:
            return await self._reply(head, body)
        except Refused as refused:
            allow = ("Allow: POST",) if refused.status == 405 else ()
            return Reply(refused.status, refused.words + "\n", headers=allow)
        except Exception:  # a defect must not end the connection of who asks
            log.exception("A request to the webhook failed")
            return Reply(503, "This failed.\n")

    async def _reply(self, head: Head, body: bytes) -> Reply:
        path = head.path.removeprefix(urlsplit(self.house.twilio.public_url).path)
        if path not in self._paths or not self._wanted(path):
            raise Refused(404, "There is nothing here.")
        if head.method != "POST":
            raise Refused(405, "Only POST is understood.")
        given = form(head, body)
        signed = self._signed(path, head, given)
        if (before := self._answered.get(signed)) is not None:
            return before
        known = dict(given) | dict(parameters(head.query))  # the query is ours
        try:
            made = await self._paths[path](known)
        except ValueError as error:
            raise Refused(400, f"{error}.") from None
        if made.status < 300:
            self._answered.put(signed, made)
        return made

    def _wanted(self, path: str) -> bool:
        twilio = self.house.twilio
        return {"/sms": twilio.inbound_sms, "/voicemail": twilio.voicemail}.get(path, True)

    def _signed(self, path: str, head: Head, given: list[tuple[str, str]]) -> str:
        """What names this request among others. Raises Refused where Twilio has not signed it."""
        twilio = self.house.twilio
        url = f"{twilio.public_url}{path}" + (f"?{head.query}" if head.query else "")
        found = head.headers.get("x-twilio-signature", "")
        if not signature.is_valid(found, url, given, twilio.auth_token):
            self._forged += 1
            if self._forged.bit_count() == 1:  # the 1st, 2nd, 4th, 8th …: a flood must not fill the log
                words = "%d requests to the webhook were not signed with twilio.auth_token for twilio.public_url"
                log.warning(words, self._forged)
            raise Refused(403, "The signature is not valid.")
        return found

    # -- calls --------------------------------------------------------------------------------------------------------

    async def _voice(self, known: Parameters) -> Reply:
        return _twiml(reply(route(CallRequest.of(known), self.house.account)))

    async def _voicemail(self, known: Parameters) -> Reply:
        call = twilio_events.sid(known, "CallSid")
        if known.get("RecordingUrl"):
            self._asked.put(call, twilio_events.whole(known, "RecordingDuration", 86400) > 0)
            return _twiml(twiml.document(twiml.hangup()))
        if known.get("DialCallStatus") in _ANSWERED or self._asked.get(call) is not None:
            return _twiml(twiml.document(twiml.hangup()))
        self._asked.put(call, False)
        return _twiml(twiml.document(twiml.say(GREETING, language="en-US"), self._record(known), twiml.hangup()))

    def _record(self, known: Parameters) -> twiml.Verb:
        """The recording's callback is not told who called: our own URL says it, and is signed with it."""
        url, transcribe = self.house.twilio.public_url, self.house.twilio.transcribe
        who = {
            "caller": twilio_events.number(known.get("From", "")),
            "called": twilio_events.number(known.get("To", "")),
        }
        return twiml.record(
            action=f"{url}/voicemail",
            status=f"{url}/recording?{urlencode(who)}",
            longest=twilio_events.LONGEST_WORDS if transcribe else LONGEST_MESSAGE,
            transcription=f"{url}/transcription" if transcribe else "",
        )

    async def _recording(self, known: Parameters) -> Reply:
        if known.get("RecordingStatus") == "absent":  # nothing was said: a missed call
            ended = {**known, "From": known.get("caller", ""), "To": known.get("called", ""), "CallStatus": "no-answer"}
            return await self._told(twilio_events.ended_of(ended, "in", self._clock(), moment))
        if known.get("RecordingStatus") != "completed":
            return Reply(204)
        event = twilio_events.recorded_of(known, self._clock(), moment, self.house.twilio.transcribe)
        return await self._told(event)

    async def _transcription(self, known: Parameters) -> Reply:
        return await self._told(twilio_events.spoken_of(known))

    async def _status(self, known: Parameters) -> Reply:
        if known.get("CallStatus") not in twilio_events.FINAL:
            return Reply(204)
        event = self._ended(known)
        return Reply(204) if event is None else await self._told(event)

    def _ended(self, known: Parameters) -> Ended | None:
        """The call as the log shall have it; None where the router's own log has it, or its message tells of it."""
        left_message = self._asked.get(known.get("CallSid", ""))
        if left_message:
            return None
        account, request = self.house.account, CallRequest.of(known)
        decision = route(request, account)
        if left_message is None and _is_the_routers(request, decision, known.get("CallStatus", ""), account):
            return None
        direction, refusal = _direction(request, decision), decision.refusal
        if refusal in (Refusal.STRANGER, Refusal.NOT_UNDERSTOOD, Refusal.LOOP):
            return None  # anybody can make as many of these as he likes
        known = {**known, "CallStatus": "no-answer"} if left_message is not None else known
        return twilio_events.ended_of(known, direction, self._clock(), moment, str(refusal or ""))

    # -- texts --------------------------------------------------------------------------------------------------------

    async def _sms(self, known: Parameters) -> Reply:
        told = await self._told(twilio_events.text_of(known))
        return _twiml(twiml.document()) if told.status < 300 else told

    async def _told(self, event: twilio_events.Happened) -> Reply:
        if await self._carrier.take(event):
            return Reply(204)
        return Reply(503, "It is not stored yet.\n", headers=("Retry-After: 10",))


def _is_the_routers(request: CallRequest, decision: Decision, status: str, account: Account) -> bool:
    """Whether the router sees this call itself: it made it, or has got it. One that failed may not have got there."""
    if request.by_router or (account.router and request.username == account.router):
        return True
    if account.trunk_domain and f"@{account.trunk_domain}" in f"@{request.domain} {request.to}":
        return True
    to_router = bool(decision.byoc) or any(NUMBER_HEADER in uri for uri in decision.sips)
    return to_router and status != "failed"


def _direction(request: CallRequest, decision: Decision) -> str:
    if not request.from_.lower().startswith(("sip:", "sips:")):
        return "in"
    return "internal" if decision.sips and not decision.number else "out"


def _twiml(text: str) -> Reply:
    return Reply(200, text, _XML)
