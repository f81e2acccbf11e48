"""Tokens of answers: made, known again through what mail servers do to addresses, and never guessed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import replies
from homeline.model import Call, CallDirection, CallState, Direction, Event, EventKind, Message, MessageState
from hostile import HOSTILE, SENDERS

KEY = bytes(range(32))
ADDRESS = "line@home.example"
TOKEN = replies.token(KEY, "me", 7)


@given(st.integers(1, (1 << 63) - 1), st.binary(min_size=32, max_size=32), st.sampled_from(["me", "a_b", "x" * 64]))
def test_a_token_is_known_again_by_its_maker_alone(event: int, key: bytes, mailbox: str) -> None:
    token = replies.token(key, mailbox, event)
    assert len(token) <= replies.LONGEST
    assert replies.event_of(key, mailbox, token) == event
    assert replies.event_of(key, mailbox + "x", token) is None
    assert replies.event_of(bytes(b ^ 1 for b in key), mailbox, token) is None
    for found in (replies.address_with(ADDRESS, token), replies.address_with(ADDRESS, token).upper()):
        assert replies.in_addresses(ADDRESS, f'"Line" <{found}>, other@example.org') == [token]
    assert replies.in_subject(f"Re: SMS [#{token}]") == [token]


@given(st.integers(0, 79), st.integers(1, 1000))
def test_no_bit_may_differ(bit: int, event: int) -> None:
    number, _, mac = replies.token(KEY, "me", event).partition("-")
    changed = bytearray(base64.b32decode(mac.upper()))
    changed[bit // 8] ^= 1 << bit % 8
    assert replies.event_of(KEY, "me", f"{number}-{base64.b32encode(bytes(changed)).decode().lower()}") is None
    assert replies.event_of(KEY, "me", f"{int(number) + 1}-{mac}") is None
    assert replies.event_of(KEY, "me", f"0{number}-{mac}") is None


def test_a_known_token() -> None:
    """It must not change from one release to the next: mails that are out there have it."""
    assert TOKEN == "7-elh2u2yt3nwglmdu"


@pytest.mark.parametrize(
    "headers",
    [
        f"line+{TOKEN}@home.example",
        f"<line+{TOKEN}@home.example>",
        f'"Me, or \\"you\\"" <LINE+{TOKEN.upper()}@HOME.example>',
        f"a@b.example, line+{TOKEN}@home.example; c@d.example",
    ],
)
def test_addresses_with_it(headers: str) -> None:
    assert replies.in_addresses(ADDRESS, headers) == [TOKEN]


@pytest.mark.parametrize(
    "headers",
    [
        *HOSTILE.values(),
        *SENDERS,
        "",
        "line@home.example",
        f"line+{TOKEN}@home.example.evil.example",
        f"line+{TOKEN}@home.example-evil",
        f"other+{TOKEN}@home.example",
        f"off-line+{TOKEN}@home.example",
        f"line+{TOKEN}x@home.example",
        f"line+{TOKEN}@homeXexample",
        f"line+{'9' * 20}-abcdefghijklmnop@home.example",
    ],
)
def test_addresses_without_it(headers: str) -> None:
    assert replies.in_addresses(ADDRESS, headers) == []
    assert replies.in_subject(headers) == []


def test_an_address_has_no_patterns() -> None:
    assert replies.in_addresses("l.ne@home.example", f"line+{TOKEN}@home.example") == []
    assert replies.in_addresses("a+b@home.example", f"a+b+{TOKEN}@home.example") == [TOKEN]


def message(**options: Any) -> Message:
    return Message(
        **{"id": 7, "direction": Direction.IN, "state": MessageState.RECEIVED, "dongle": "s", "sim": "", **options}
    )


def event(peer: str, kind: EventKind = EventKind.MESSAGE, **options: Any) -> Event:
    return Event(7, kind, 0, "stick", peer, "text", **options)


def call(direction: CallDirection) -> Call:
    return Call(7, direction, CallState.MISSED, "u")


@pytest.mark.parametrize(
    "what",
    [
        event("+41791112233"),
        event("+41791112233", message=message(peer="+41791112233", peer_raw="")),
        event("333"),
        event("+41791112233", EventKind.CALL, call=call(CallDirection.IN)),
        event("+41791112233", EventKind.VOICEMAIL, call=call(CallDirection.IN)),
        event("+41791112233", EventKind.REPORT),
    ],
)
def test_what_can_be_answered(what: Event) -> None:
    assert replies.answerable(what)


@pytest.mark.parametrize(
    "what",
    [
        event("SWISSCOM"),
        event(""),
        event("+41791112233", message=message(peer="", peer_raw="", direction=Direction.OUT)),
        event("+41791112233", EventKind.CALL, call=call(CallDirection.OUT)),
        event("", EventKind.ALERT),
        event("*100#", EventKind.USSD),
        event("+41791112233", digest=(event("+41791112233"), event("+41794445566"))),
        *(event(sender) for sender in SENDERS[1:]),
        *(event(text) for text in HOSTILE.values()),
    ],
)
def test_what_cannot(what: Event) -> None:
    assert not replies.answerable(what)
