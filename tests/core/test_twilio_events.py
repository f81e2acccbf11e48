"""Events of Twilio: of its parameters, to JSON and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import twilio_events as events
from homeline.core.twilio_events import Ended, Recorded, Spoken, Text, Told, Trouble

SID = st.from_regex("[A-Z]{2}[0-9a-f]{32}", fullmatch=True)
TEXT = st.text(max_size=50)
WHEN = st.integers(0, events.LATEST)
EVENTS: st.SearchStrategy[Told] = st.one_of(
    st.builds(Text, SID, TEXT, TEXT, TEXT, st.integers(0, 10)),
    st.builds(Ended, SID, TEXT, TEXT, TEXT, TEXT, WHEN, WHEN, TEXT),
    st.builds(Recorded, SID, SID, TEXT, TEXT, WHEN, WHEN, st.booleans(), TEXT),
    st.builds(Spoken, SID, SID, TEXT),
    st.builds(Trouble, TEXT, TEXT),
)
CALL, RECORDING = "CA" + "1b" * 16, "RE" + "1b" * 16


@given(EVENTS)
def test_to_json_and_back(event: Told) -> None:
    assert events.from_json(json.loads(json.dumps(events.to_json(event)))) == event


GOOD = events.to_json(Recorded(RECORDING, CALL, "+41", "+42", 7, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "voicemail",
        {},
        {"event": []},
        {"event": "other"},
        {"event": {"a": 1}},
        {**GOOD, "sid": "../../etc/passwd"},
        {**GOOD, "sid": RECORDING + "\n"},
        {**GOOD, "sid": 7},
        {**GOOD, "call": "RE"},
        {**GOOD, "seconds": "7"},
        {**GOOD, "seconds": True},
        {**GOOD, "seconds": None},
        {**GOOD, "transcribed": 1},
        {**GOOD, "seconds": -1},
        {**GOOD, "started_at": 2**63},
        {name: value for name, value in GOOD.items() if name != "caller"},
    ],
)
def test_what_is_no_event(wrong: Any) -> None:
    with pytest.raises(ValueError):
        events.from_json(wrong)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_anything_is_an_event_or_refused(data: Any) -> None:
    for each in (data, {**GOOD, "sid": data}, {"event": "message", "text": data}):
        try:
            events.from_json(each)
        except ValueError:
            continue
        raise AssertionError(each)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+41791112233", "+41791112233"),
        ("sip:alice@x.sip.twilio.com", "alice"),
        ("sip:+41791112233@x.sip.twilio.com:5060;transport=tls", "+41791112233"),
        ("SIPS:bob@x", "bob"),
        ("anonymous", "anonymous"),
        ("", ""),
        ("1" * 200, "1" * 64),
        ("sip:" + "1" * 200 + "@x", "1" * 64),
    ],
)
def test_numbers(text: str, number: str) -> None:
    assert events.number(text) == number


@pytest.mark.parametrize(
    ("value", "number"), [("7", 7), ("", 0), ("-1", 0), ("7.5", 0), ("٧", 0), ("9" * 12, 99), ("9" * 13, 0), ("1e3", 0)]
)
def test_whole_numbers(value: str, number: int) -> None:
    assert events.whole({"n": value}, "n", 99) == number


@pytest.mark.parametrize(
    ("status", "direction", "refusal", "state", "seconds", "reason"),
    [
        ("completed", "in", "", "answered", 9, ""),
        ("completed", "out", "not_allowed", "refused", 0, "not allowed"),
        ("busy", "out", "", "failed", 0, "busy"),
        ("no-answer", "out", "", "failed", 0, "nobody answered"),
        ("failed", "internal", "", "failed", 0, "failed"),
        ("canceled", "in", "", "missed", 0, ""),
    ],
)
def test_calls(status: str, direction: str, refusal: str, state: str, seconds: int, reason: str) -> None:
    known = {"CallSid": CALL, "CallStatus": status, "CallDuration": "9", "From": "sip:a@b", "To": "+41"}
    found = events.ended_of(known, direction, 1000, lambda _: None, refusal)
    assert found == Ended(CALL, direction, state, "a", "+41", 1000, seconds, reason)


def test_what_was_said_only_where_it_is_known() -> None:
    known = {"TranscriptionSid": "TR" + "1b" * 16, "RecordingSid": RECORDING, "TranscriptionText": "(blank)"}
    assert events.spoken_of({**known, "TranscriptionStatus": "completed"}).text == "(blank)"
    assert events.spoken_of({**known, "TranscriptionStatus": "failed"}).text == ""


def test_every_field_is_of_the_type_that_is_said() -> None:
    """`from_json` cannot see annotations on a router."""
    said = {name: kind.__name__ for name, kind in events._TYPES.items()}
    for kind in events.KINDS.values():
        for each in fields(kind):
            assert said.get(each.name, "str") == each.type, each.name


@pytest.mark.parametrize(
    ("seconds", "transcribed"), [("0", False), ("2", False), ("3", True), ("120", True), ("121", False)]
)
def test_words_are_awaited_only_where_some_will_come(seconds: str, transcribed: bool) -> None:
    known = {"RecordingSid": RECORDING, "CallSid": CALL, "RecordingDuration": seconds}
    assert events.recorded_of(known, 1000, lambda _: None, True).transcribed is transcribed
    assert events.recorded_of(known, 1000, lambda _: None, False).transcribed is False
