"""What goes over MQTT: topics, payloads, and commands of whatever a stranger can publish."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import mqtt
from homeline.core.mqtt import Topics
from homeline.errors import InvalidArgument
from homeline.model import Call, CallDirection, CallState, DongleState, DongleStatus, Event, EventKind
from hostile import HOSTILE

TOPICS = Topics("homeline/cottage")
CALL = Call(8, CallDirection.IN, CallState.MISSED, "u")


@pytest.mark.parametrize(
    ("kind", "dongle", "topic"),
    [
        ("message", "stick", "homeline/cottage/message/stick"),
        ("voicemail", "stick", "homeline/cottage/call/stick"),
        ("call", "", "homeline/cottage/call"),
        ("alert", "", "homeline/cottage/alert"),
        ("digest", "", "homeline/cottage/digest"),
    ],
)
def test_topics_of_events(kind: str, dongle: str, topic: str) -> None:
    assert TOPICS.events(kind, dongle) == topic


@pytest.mark.parametrize(
    ("client_id", "instance", "name"),
    [("", "0123456789abcdef", "01234567"), ("cottage", "0123456789abcdef", "cottage"), ("my/hut.1", "", "my_hut.1")],
)
def test_the_gateways_name(client_id: str, instance: str, name: str) -> None:
    assert mqtt.gateway(client_id, instance) == name


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_is_valid_json_in_utf_8(text: str) -> None:
    again = json.loads(mqtt.encode({"text": text}).decode())
    assert again["text"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.text(st.characters(exclude_categories=())))
def test_encoding_loses_only_half_surrogates(text: str) -> None:
    again = json.loads(mqtt.encode({text: text}).decode())
    assert again == dict([(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),) * 2])


@pytest.mark.parametrize(
    ("event", "code", "word"),
    [
        (Event(1, EventKind.MESSAGE, 0, "stick"), "", "message"),
        (Event(1, EventKind.MESSAGE, 0, "stick"), "123456", "code"),
        (Event(1, EventKind.CALL, 0, "stick", call=CALL), "", "missed"),
        (Event(1, EventKind.VOICEMAIL, 0, "stick", call=CALL), "", "voicemail"),
        (Event(1, EventKind.REPORT, 0, "stick"), "123456", "report"),
        (Event(1, EventKind.MESSAGE, 0, "stick", digest=(Event(1, EventKind.MESSAGE, 0, ""),)), "", "digest"),
    ],
)
def test_types_of_events(event: Event, code: str, word: str) -> None:
    assert mqtt.event_type(event, code) == word


def test_a_state_has_every_key_and_nothing_that_identifies_the_sim() -> None:
    bare = mqtt.state(DongleStatus("stick"), 0, None)
    full = DongleStatus(
        *("stick",),
        state=DongleState.READY,
        operator="Lab",
        signal_dbm=-79,
        imei="354369047238739",
        iccid="8941010000000000001",
        imsi="228010000000001",
        number="+41790000001",
    )
    state = mqtt.state(full, 3, (1_800_000_000, "+41791112233", "Ann"))
    assert bare.keys() == state.keys()
    assert (state["ready"], state["operator"], state["unread"], state["missed_at"]) == (True, "Lab", 3, 1_800_000_000)
    for secret in (full.imei, full.iccid, full.imsi, full.number):
        assert secret not in json.dumps(state)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_operators_name_is_a_short_line(text: str) -> None:
    status = DongleStatus("stick", operator=text, technology=text, detail=text)
    state = mqtt.state(status, 0, (0, text, text))
    for value in state.values():
        if isinstance(value, str):
            assert len(value) <= mqtt.SHOWN and value.isprintable()


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "not JSON"),
        (b"PRESS", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"id"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{" * 8000, "not JSON"),
        (b"[" * 8000, "not JSON"),
        (b'{"id":' + b"9" * 8000 + b"}", "not JSON"),
        (b'{"id": "' + b"x" * 9000 + b'"}', "longer than 8192 octets"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),
        (b'{"id": "\xff"}', "not JSON"),
    ],
)
def test_what_is_no_command(payload: bytes, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        mqtt.parse(payload)


@given(st.binary(max_size=200))
def test_any_octets_are_parsed_or_refused(payload: bytes) -> None:
    try:
        found = mqtt.parse(payload)
        mqtt.request_id(found)
        mqtt.arguments("send", found)
    except InvalidArgument:
        pass


@pytest.mark.parametrize("wrong", ["a/b", "+", "#", "a b", "x" * 65, "ä", "a\0", 7, ["a"], {"a": 1}, True, None])
def test_ids_that_could_not_be_part_of_a_topic(wrong: Any) -> None:
    with pytest.raises(InvalidArgument, match="id: must be"):
        mqtt.request_id({"id": wrong})


@pytest.mark.parametrize(("given", "id_"), [({}, ""), ({"id": ""}, ""), ({"id": "1732380000.123"}, "1732380000.123")])
def test_ids(given: dict[str, Any], id_: str) -> None:
    assert mqtt.request_id(given) == id_


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("send", {"to": "+41791112233", "text": "hi"}),
    ("send", {"to": "+41791112233", "text": "x" * 1530, "dongle": "stick"}),
    ("ussd", {"code": "*100#"}),
    ("mark_read", {"ids": [1, 2]}),
    ("mark_read", {"dongle": "stick"}),
    ("reset", {"dongle": "stick"}),
]


@pytest.mark.parametrize(("command", "given"), RIGHT)
def test_arguments(command: str, given: dict[str, Any]) -> None:
    assert mqtt.arguments(command, {"id": "1", **given}) == given
    assert mqtt.arguments(command, {**given, **({"dongle": None} if command == "send" else {})}) is not None


@pytest.mark.parametrize(
    ("command", "given", "words"),
    [
        ("send", {"text": "hi"}, "to: is missing"),
        ("send", {"to": None, "text": "hi"}, "to: is missing"),
        ("send", {"to": 41791112233, "text": "hi"}, "to: must be a text"),
        ("send", {"to": "+41791112233", "text": ["hi"]}, "text: must be a text"),
        ("send", {"to": "+41791112233", "text": ""}, "text: must be a text"),
        ("send", {"to": "+41791112233", "text": "x" * 1531}, "longer than 1530"),
        ("send", {"to": "+41791112233", "text": "hi", "flash": True}, "has no such argument"),
        ("send", {"to": "+41791112233", "text": "hi", "\x1b[31m": 1}, "has no such argument"),
        ("ussd", {}, "code: is missing"),
        ("reset", {}, "dongle: is missing"),
        ("mark_read", {"ids": "1"}, "must be a list"),
        ("mark_read", {"ids": [True]}, "must be a list"),
        ("mark_read", {"ids": [1.5]}, "must be a list"),
        ("mark_read", {"ids": list(range(501))}, "more than 500"),
    ],
)
def test_wrong_arguments_are_named(command: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words) as caught:
        mqtt.arguments(command, given)
    assert str(caught.value).isprintable()
