"""The records of phones' messages, as the dial plan writes them and as nobody should."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError
from homeline.protocol.sip_record import Texted, parse
from hostile import HOSTILE


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def record(text: bytes, to: bytes = b"+41791234567", call: bytes = b"1a2b@phone") -> str:
    """13 pieces of 80 octets, those behind the end empty."""
    pieces = "".join(f".{b64(text[at : at + 80])}" for at in range(0, 1023, 80))
    return f"v1,desk,{b64(to)},{b64(call)},{b64(b'3 MESSAGE')},{pieces}"


def test_a_record() -> None:
    text = "Grüße, ich komme später. " * 30
    found = parse(record(text.encode()))
    assert found == Texted("desk", "+41791234567", "1a2b@phone 3 MESSAGE", text.strip())
    assert parse(record(b"a\r\nb\r\n")).text == "a\nb"
    assert parse(record(b"")).text == ""


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if len(text) < 300], ids=repr)
def test_hostile_texts_come_as_they_are(text: str) -> None:
    octets = text.encode("utf-8", "replace")[:1023]
    assert parse(record(octets)).text == octets.decode("utf-8", "replace").replace("\r\n", "\n").strip()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "version"),
        ("v2,desk,,,,", "version"),
        ("v1,desk,,,", "version"),
        ("v1,desk,,,,,", "version"),
        ("v1,,,,,", "phone"),
        ("v1,../x,,,,", "phone"),
        ("v1,desk,%%,,,", "to"),
        ("v1,desk,,é,,", "call"),
        ("v1,desk,,,a,", "cseq"),
        ("v1,desk,,,,.YQ==.Y", "text"),
        ("v1,desk,,,,." + "A" * 9000, "version"),
    ],
)
def test_what_is_none_is_refused(value: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        parse(value)


@given(st.text(max_size=80), st.binary(max_size=1023))
def test_anything_is_read_or_refused(value: str, text: bytes) -> None:
    assert parse(record(text)).phone == "desk"
    for found in (value, f"v1,desk,{value}"):
        try:
            parse(found)
        except DecodeError:
            continue
