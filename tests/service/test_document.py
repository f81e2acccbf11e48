"""The document of an event, against the schema of docs/events.md, and what none may be: too large, or no JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.model import Call, CallDirection, CallState, Event, EventKind, Message, MessageState
from homeline.service.document import LARGEST
from hostile import HOSTILE
from service.test_wording import ALERT, AT, DELIVERY, REPORT, USSD, bundle, missed, sms
from wording_kit import noted

DOC = Path(__file__).parents[2] / "docs/events.md"


def document(event: Event, **options: Any) -> dict[str, Any]:
    return noted(DELIVERY, event, **options).document


FULL_MESSAGE = sms(
    "Your code is 482913", peer_name="Bank",
    state=MessageState.INCOMPLETE, parts_total=3, parts_have=2, encoding="gsm7",
    message_class=0, data=b"\0\xff", ports=(2948, 9200), note="WAP push", error="cut off",
)  # fmt: skip
assert FULL_MESSAGE.message is not None
FULL_MESSAGE.message.peer_raw = "0791112233"
FULL_MESSAGE.fields["pdu"] = "0791"
VOICEMAIL = Event(
    8, EventKind.VOICEMAIL, AT, "stick", "+4144",
    call=Call(
        8, CallDirection.IN, CallState.VOICEMAIL, "u", "stick", "home", "+4144", "044", "Bob", "+4179", "desk", "swiss",
        AT, AT + 10, AT + 30, 16, "because", "voicemail-1.wav", 17, 2465, True,
    ),
)  # fmt: skip
SAMPLES = {
    "message": FULL_MESSAGE,
    "call": missed(),
    "voicemail": VOICEMAIL,
    "ussd": USSD,
    "report": replace(REPORT, fields=REPORT.fields | {"status": "failed", "error": "no"}),
    "alert": ALERT,
    "digest": bundle(sms(), missed()),
}


def section(name: str) -> str:
    return DOC.read_text().split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


def table(text: str) -> dict[str, str]:
    """Names and types of a table of the page."""
    return {m[1]: m[2] for m in re.finditer(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE)}


TYPES = {str: "text", int: "integer", bool: "boolean", dict: "table", list: "list"}


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_page_shows_what_is_produced(kind: str) -> None:
    made = document(SAMPLES[kind])
    assert made["kind"] == kind
    every = table(section("What every document has"))
    wide = made | {"truncated": True}
    own = {"call": "call", "voicemail": "call", "digest": "events"}.get(kind, kind)
    assert set(made) <= set(every) | {own}
    assert all(TYPES[type(value)] == every[name] for name, value in wide.items() if name in every)
    if kind == "digest":
        assert all(set(each) <= set(every) | {"message", "call"} for each in made["events"])
        return
    fields = table(section(f"`{own}`"))
    assert {name: TYPES[type(value)] for name, value in made[own].items()}.items() <= fields.items()
    if kind != "call":
        assert set(made[own]) == set(fields), "the sample has everything that the page tells of"


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_pages_examples_have_the_fields_of_the_schema(kind: str) -> None:
    own = {"voicemail": "call"}.get(kind, kind)
    name = {"digest": "`events`"}.get(kind, f"`{own}`")
    examples = [
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", section(name), re.MULTILINE | re.DOTALL)
    ]
    assert examples
    every = table(section("What every document has"))
    for example in examples:
        assert set(example) <= set(every) | {"call" if own == "call" else "events" if own == "digest" else own}
        if own in example:
            assert set(example[own]) <= set(table(section(name)))


def test_what_every_document_has_is_always_there() -> None:
    for event in (Event(1, EventKind.ALERT, 0, ""), *SAMPLES.values()):
        assert {"version", "id", "event", "kind", "rule", "at", "time", "dongle", "from", "text", "subject"} <= set(
            document(event)
        )


def test_a_whole_message() -> None:
    assert document(FULL_MESSAGE) == {
        "version": 1, "id": "7.all.me.0-5f3a", "rule": "all", "priority": "normal", "event": 7, "kind": "message",
        "at": AT, "time": "2024-05-01T14:03:00+02:00", "dongle": "stick", "from": "+41791112233",
        "text": "Your code is 482913", "subject": "Code 482913: Undecodable SMS from Bank (+41791112233), "
        "2024-05-01 14:03:00 +02:00", "code": "482913",
        "message": {
            "state": "incomplete", "stored_at": AT + 5, "parts": 3, "name": "Bank", "from_raw": "0791112233",
            "sent_at": AT, "sent_offset": 120, "parts_missing": 1, "encoding": "gsm7", "class": 0, "data": "00ff",
            "port": 2948, "note": "WAP push", "error": "cut off", "pdu": "0791",
        },
    }  # fmt: skip


def test_a_digest_has_each_event() -> None:
    made = document(SAMPLES["digest"])
    assert [(each["event"], each["kind"], each["text"]) for each in made["events"]] == [
        (7, "message", "hello"),
        (8, "call", ""),
    ]
    assert (made["event"], made["from"], made["text"]) == (7, "", "")
    assert "message" not in made


def size(made: dict[str, Any]) -> int:
    return len(json.dumps(made, ensure_ascii=False).encode())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_come_out_of_json_as_they_went_in(text: str) -> None:
    shown = text.encode("utf-8", "replace").decode()
    made = document(sms(text, peer=text, peer_name=text[:100], note=text[:100]))
    assert json.loads(json.dumps(made, ensure_ascii=False).encode()) == made
    assert size(made) <= LARGEST
    assert made["text"] == shown or (made["truncated"] and made["text"] == shown[: len(made["text"]) - 1] + "…")


@pytest.mark.parametrize(
    "event",
    [
        sms("x" * 39_015),
        sms("€" * 17_085),
        sms("🙂" * 17_085, data=b"x" * 34_000),
        sms("\0" * 39_015),
        bundle(*(sms("€" * 2_000, n) for n in range(1, 101))),
        bundle(*(sms("€" * 39_000, n) for n in range(1, 101))),
        bundle(*(sms("\x01" * 200, n, peer="€" * 200, note="€" * 200, error="€" * 200) for n in range(1, 501))),
    ],
)
def test_a_document_is_bounded_and_keeps_its_key(event: Event) -> None:
    made = document(event)
    assert size(made) <= LARGEST
    assert made["id"] == "7.all.me.0-5f3a"
    assert ("truncated" in made) is not (event.text[:1] in ("x",) or event.text == "€" * 17_085)


@given(
    st.text(max_size=50), st.binary(max_size=20), st.integers(-(2**63), 2**63), st.dictionaries(st.text(), st.text())
)
def test_any_event_makes_a_document(text: str, data: bytes, number: int, fields: dict[str, str]) -> None:
    event = sms(text, peer=text, data=data, sent_at=number, sent_offset=number)
    for kind in set(EventKind) - {EventKind.CODE}:
        for each in (event, Event(7, kind, number, text, text, text, fields=fields)):
            made = document(each)
            assert json.loads(json.dumps(made, ensure_ascii=False).encode()) == made
    assert isinstance(event.message, Message)
