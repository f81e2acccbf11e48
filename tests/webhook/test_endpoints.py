"""What is answered at each path, and what the daemon is told."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from homeline.core.twilio_events import Ended, Happened, Recorded, Spoken, Text
from homeline.webhook.carrier import Carrier
from homeline.webhook.endpoints import Endpoints, House, Memory
from homeline.webhook.request import Reply, head
from hostile import HOSTILE
from webhook.kit import ACCOUNT, CALL, MESSAGE, NOW, PUBLIC, RECORDING, TRANSCRIPTION, config, request

DOMAIN = House.of(config()).account.domain
ALICE = f"sip:alice@{DOMAIN}"
ANN = "+41791112233"
OURS = "+15005550006"


class Ears(Carrier):
    """A carrier that takes all, or nothing."""

    def __init__(self) -> None:
        self.told: list[Happened] = []
        self.takes = True

    async def take(self, event: Happened, held: float = 0) -> bool:
        self.told.append(event)
        return self.takes


class Asking:
    """Endpoints with a configuration."""

    def __init__(self, **options: Any) -> None:
        self.ears = Ears()
        self.endpoints = Endpoints(House.of(config(**options)), self.ears, lambda: NOW)

    async def raw(self, octets: bytes) -> Reply:
        above, _, body = octets.partition(b"\r\n\r\n")
        return await self.endpoints.answer(head(above + b"\r\n\r\n"), body)

    async def ask(self, path: str, **parameters: str) -> Reply:
        return await self.raw(request(path, parameters))


def inbound(**others: str) -> dict[str, str]:
    return {"CallSid": CALL, "AccountSid": ACCOUNT, "From": ANN, "To": OURS, "CallStatus": "ringing", **others}


async def test_where_a_call_goes() -> None:
    reply = await Asking().ask("/voice", CallSid=CALL, From=ALICE, To=f"sip:bob@{DOMAIN}", SipDomain=DOMAIN)
    assert (reply.status, reply.kind) == (200, "text/xml; charset=utf-8")
    assert [each.text for each in ET.fromstring(reply.body).iter("Sip")] == [f"sip:bob@{DOMAIN}"]


async def test_behind_a_proxy_with_and_without_the_path_of_the_public_address() -> None:
    asking = Asking()
    octets = request("/voice", {"To": "x"})
    assert (await asking.raw(octets)).status == 200
    moved = octets.replace(b"POST /voice", b"POST /twilio/voice")
    assert (await asking.raw(moved)).status == 200


@pytest.mark.parametrize("path", ["/", "/voice/", "/other", "/twilio", "//voice", "/voice/../sms", "/VOICE"])
async def test_other_paths(path: str) -> None:
    assert (await Asking().ask(path)).status == 404


async def test_what_is_switched_off_is_not_there() -> None:
    asking = Asking(voicemail=False, inbound_sms=False)
    assert (await asking.ask("/sms", MessageSid=MESSAGE)).status == 404
    assert (await asking.ask("/voicemail", CallSid=CALL)).status == 404
    assert not asking.ears.told


async def test_only_post() -> None:
    reply = await Asking().raw(request("/voice", {}).replace(b"POST", b"GET", 1))
    assert (reply.status, reply.headers) == (405, ("Allow: POST",))


@pytest.mark.parametrize("forged", ["", "abc=", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
@pytest.mark.parametrize("path", ["/voice", "/voicemail", "/recording", "/transcription", "/status", "/sms"])
async def test_forged_requests(path: str, forged: str) -> None:
    asking = Asking()
    parameters = {"MessageSid": MESSAGE, "CallSid": CALL, "RecordingSid": RECORDING, "CallStatus": "completed"}
    reply = await asking.raw(request(path, parameters, signature=forged))
    assert reply.status == 403
    assert not asking.ears.told


async def test_signed_for_another_address_or_changed_on_the_way(caplog: pytest.LogCaptureFixture) -> None:
    asking = Asking()
    sms = {"MessageSid": MESSAGE, "From": ANN, "Body": "hello"}
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    elsewhere = request("/sms", sms, public="http://evil.example/twilio", headers=headers)
    assert (await asking.raw(elsewhere)).status == 403
    octets = request("/sms", sms)
    assert (await asking.raw(octets.replace(b"hello", b"hullo"))).status == 403
    assert (await asking.raw(octets.replace(b"/sms", b"/sms?a=b"))).status == 403
    assert not asking.ears.told
    for _ in range(100):
        await asking.raw(octets.replace(b"hello", b"hullo"))
    assert len(caplog.records) < 10
    assert asking.endpoints.house.twilio.auth_token not in caplog.text


async def test_a_text() -> None:
    asking = Asking()
    reply = await asking.ask("/sms", MessageSid=MESSAGE, From=ANN, To=OURS, Body="grüezi", NumMedia="2")
    assert reply.status == 200
    assert ET.fromstring(reply.body).tag == "Response"
    assert asking.ears.told == [Text(MESSAGE, ANN, OURS, "grüezi", 2)]


async def test_a_request_that_is_repeated_is_answered_and_nothing_happens() -> None:
    asking = Asking()
    octets = request("/sms", {"MessageSid": MESSAGE, "From": ANN})
    assert (await asking.raw(octets)) == (await asking.raw(octets))
    assert len(asking.ears.told) == 1


async def test_what_the_daemon_has_not_committed() -> None:
    asking = Asking()
    asking.ears.takes = False
    octets = request("/sms", {"MessageSid": MESSAGE, "From": ANN})
    assert (await asking.raw(octets)).status == 503
    asking.ears.takes = True
    assert (await asking.raw(octets)).status == 200  # a refusal is not remembered
    assert len(asking.ears.told) == 2


@pytest.mark.parametrize("path", ["/recording", "/transcription", "/status", "/sms", "/voicemail"])
async def test_requests_without_a_sid(path: str) -> None:
    asking = Asking()
    reply = await asking.ask(path, RecordingStatus="completed", CallStatus="completed", From=ANN, To=OURS, CallSid="..")
    assert reply.status == 400
    assert not asking.ears.told


# -- voicemail --------------------------------------------------------------------------------------------------------


def parts_of(url: str) -> tuple[str, Mapping[str, list[str]]]:
    assert url.startswith(PUBLIC)
    split = urlsplit(url.removeprefix(PUBLIC))
    return split.path, parse_qs(split.query)


async def test_a_message_from_the_greeting_to_its_words() -> None:
    asking = Asking(transcribe=True)
    first = ET.fromstring((await asking.ask("/voice", **inbound())).body)
    (dial,) = first
    assert parts_of(dial.attrib["action"])[0] == "/voicemail"
    reply = await asking.ask("/voicemail", **inbound(DialCallStatus="no-answer"))
    said, record, end = ET.fromstring(reply.body)
    assert (said.tag, record.tag, end.tag) == ("Say", "Record", "Hangup")
    assert int(record.attrib["maxLength"]) <= 120  # or nothing is written down
    assert parts_of(record.attrib["action"])[0] == "/voicemail"
    assert parts_of(record.attrib["transcribeCallback"])[0] == "/transcription"
    path, who = parts_of(record.attrib["recordingStatusCallback"])
    assert (path, who) == ("/recording", {"caller": [ANN], "called": [OURS]})
    over = await asking.ask(
        "/voicemail", **inbound(RecordingUrl="https://x", RecordingSid=RECORDING, RecordingDuration="7")
    )
    assert [each.tag for each in ET.fromstring(over.body)] == ["Hangup"]
    status = await asking.ask("/status", **inbound(CallStatus="completed", CallDuration="40"))
    assert status.status == 204
    assert not asking.ears.told  # the message tells of the call
    callback = record.attrib["recordingStatusCallback"].removeprefix(PUBLIC)
    done = {"CallSid": CALL, "RecordingSid": RECORDING, "RecordingStatus": "completed", "RecordingDuration": "7"}
    began = "Fri, 15 Jan 2027 07:59:00 +0000"
    assert (await asking.ask(callback, **done, RecordingStartTime=began, From="+forged")).status == 204
    words = {"TranscriptionSid": TRANSCRIPTION, "TranscriptionStatus": "completed", "TranscriptionText": "call me"}
    assert (await asking.ask("/transcription", **words, RecordingSid=RECORDING)).status == 204
    assert asking.ears.told == [
        Recorded(RECORDING, CALL, ANN, OURS, NOW - 60, 7, True),
        Spoken(TRANSCRIPTION, RECORDING, "call me"),
    ]


@pytest.mark.parametrize("status", ["completed", "answered"])
async def test_an_answered_call_leaves_no_message(status: str) -> None:
    reply = await Asking().ask("/voicemail", **inbound(DialCallStatus=status))
    assert [each.tag for each in ET.fromstring(reply.body)] == ["Hangup"]


async def test_a_caller_who_says_nothing_is_a_missed_call_once() -> None:
    asking = Asking()
    await asking.ask("/voicemail", **inbound(DialCallStatus="busy"))
    assert "<Record" not in (await asking.ask("/voicemail", **inbound(DialCallStatus="busy", again="1"))).body
    await asking.ask("/status", **inbound(CallStatus="completed", CallDuration="9"))
    absent = {"CallSid": CALL, "RecordingSid": RECORDING, "RecordingStatus": "absent"}
    await asking.ask("/recording?caller=%2B41791112233&called=%2B15005550006", **absent)
    first, second = asking.ears.told
    assert isinstance(first, Ended) and isinstance(second, Ended)
    assert (first.sid, first.state, first.seconds, first.caller) == (CALL, "missed", 0, ANN)
    assert (second.key, second.state, second.caller, second.called) == (first.key, "missed", ANN, OURS)


# -- the call log -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        (inbound(CallStatus="completed", CallDuration="61"), ("in", "answered", ANN, OURS, 61)),
        (inbound(CallStatus="no-answer"), ("in", "missed", ANN, OURS, 0)),
        (inbound(CallStatus="canceled", From="anonymous"), ("in", "missed", "anonymous", OURS, 0)),
        (inbound(From=ALICE, To=f"sip:bob@{DOMAIN}", CallStatus="busy"), ("internal", "failed", "alice", "bob", 0)),
        (inbound(From=ALICE, To=f"sip:112@{DOMAIN}", CallStatus="completed"), ("out", "refused", "alice", "112", 0)),
        (inbound(CallStatus="ringing"), None),
        (inbound(CallStatus="in-progress"), None),
        (inbound(From="sip:stranger@x.sip.twilio.com", To=f"sip:bob@{DOMAIN}", CallStatus="failed"), None),
    ],
)
async def test_calls_that_ended(parameters: dict[str, str], wanted: tuple[str, str, str, str, int] | None) -> None:
    asking = Asking()
    reply = await asking.ask("/status", **parameters, Timestamp="Fri, 15 Jan 2027 08:00:00 +0000")
    assert reply.status == 204
    if wanted is None:
        assert not asking.ears.told
        return
    (told,) = asking.ears.told
    assert isinstance(told, Ended)
    assert (told.direction, told.state, told.caller, told.called, told.seconds) == wanted
    assert told.ended_at == NOW


# -- whatever comes ---------------------------------------------------------------------------------------------------

WRITTEN = ["079 111 22 33", "0041791112233", "+41", "", "anonymous", "Anonymous", "restricted", "266696687", "1" * 200]
PATHS = ["/voice", "/voicemail", "/recording", "/transcription", "/status", "/sms"]


@pytest.mark.parametrize("text", [*WRITTEN, *HOSTILE.values()], ids=[*map(repr, WRITTEN), *HOSTILE.keys()])
async def test_hostile_texts_everywhere(text: str, caplog: pytest.LogCaptureFixture) -> None:
    text = text[:5000].encode("utf-8", "replace").decode()
    asking = Asking(transcribe=True)
    for path, number in itertools.product(PATHS, (text, f"sip:{text}@{DOMAIN}")):
        sids = {"CallSid": CALL, "MessageSid": MESSAGE, "RecordingSid": RECORDING, "TranscriptionSid": TRANSCRIPTION}
        texts = {"From": number, "To": number, "Body": text, "TranscriptionText": text, "RecordingDuration": text}
        states = {
            "CallStatus": "completed",
            "RecordingStatus": "completed",
            "DialCallStatus": text,
            "SipUsername": text,
        }
        reply = await asking.ask(path, **sids, **texts, **states, Timestamp=text, RecordingStartTime=text)
        assert reply.status in (200, 204), reply.body
        if reply.body:
            verbs = {each.tag for each in ET.fromstring(reply.body)}
            assert verbs <= {"Dial", "Say", "Reject", "Hangup", "Record"}
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_a_defect_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking()

    async def broken(_known: Mapping[str, str]) -> Reply:
        raise RuntimeError("a defect")

    monkeypatch.setitem(asking.endpoints._paths, "/sms", broken)
    reply = await asking.ask("/sms", MessageSid=MESSAGE)
    assert reply.status == 503
    assert "defect" not in reply.body


def test_memory_is_bounded() -> None:
    memory: Memory[int] = Memory(3)
    for number in range(10):
        memory.put(str(number), number)
    assert [memory.get(str(number)) for number in range(6, 10)] == [None, 7, 8, 9]


def test_the_trunk_that_was_made_is_known(tmp_path: Path) -> None:
    made = ("sip_domain=SD00", "byoc_trunk:home=BY" + "0" * 32)
    assert House.of(config(made=made)).account.byoc in ("", "BY" + "0" * 32)
