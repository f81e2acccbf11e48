"""HEP packets as Asterisk 22.10 sent them, and what anybody else may send to that port."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError
from homeline.protocol import hep

KEY = b"d0cf453761ffc6e7"
REQUEST = (
    b"MESSAGE sip:desk@127.0.0.9:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKPj1\r\n"
    b"From: <sip:+41791234567@127.0.0.1>;tag=1\r\nTo: <sip:desk@127.0.0.9>\r\nContact: <sip:127.0.0.1:5060>\r\n"
    b"Call-ID: 5c1b9a6e-5f0c-4f31-9f05-1f1f35f2a0d0\r\nCSeq: 21537 MESSAGE\r\nMax-Forwards: 70\r\n"
    b"X-Mark: 0123456789abcdef\r\nContent-Type: text/plain\r\nContent-Length:     5\r\n\r\nHello"
)
ANSWER = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKPj1\r\n"
    b"i: 5c1b9a6e-5f0c-4f31-9f05-1f1f35f2a0d0\r\nCSeq: 21537 MESSAGE\r\nContent-Length: 0\r\n\r\n"
)


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack(">HHH", vendor, kind, len(value) + 6) + value


def packet(message: bytes, key: bytes = KEY) -> bytes:
    """As res_hep lays it: family, protocol, ports, times, type, agent, addresses, key, id, message."""
    chunks = b"".join(
        (
            *(chunk(1, b"\2"), chunk(2, b"\x11"), chunk(7, b"\x13\xc4"), chunk(8, b"\x13\xc4")),
            *(chunk(9, bytes(4)), chunk(10, bytes(4)), chunk(11, b"\1"), chunk(12, bytes(4))),
            *(chunk(3, bytes(4)), chunk(4, bytes(4)), chunk(hep.KEY, key), chunk(17, b"id"), chunk(15, message)),
        )
    )
    return b"HEP3" + struct.pack(">H", len(chunks) + 6) + chunks


def test_a_message_is_taken_out_of_its_packet() -> None:
    assert hep.payload(packet(REQUEST), KEY) == REQUEST
    assert hep.payload(packet(b""), KEY) == b""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "HEP3"),
        (b"HEP3", "HEP3"),
        (REQUEST, "HEP3"),
        (packet(REQUEST, b"another"), "key"),
        (packet(REQUEST, b""), "key"),
        (b"HEP3\x00\x06", "key"),
        (b"HEP3\x00\x20" + chunk(hep.KEY, KEY), "no message"),
        (b"HEP3\x00\x0c" + struct.pack(">HHH", 0, 14, 5), "wrong length"),
        (b"HEP3\x00\x0c" + struct.pack(">HHH", 0, 14, 7), "wrong length"),
        (packet(REQUEST)[:200], "wrong length"),
        (b"HEP3\xff\xff" + chunk(hep.KEY, KEY) + chunk(15, b"x", vendor=9), "no message"),
    ],
)
def test_what_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        hep.payload(data, KEY)


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    for octets in (data, b"HEP3" + data, packet(REQUEST)[: len(data)] + data):
        try:
            hep.payload(octets, KEY)
        except DecodeError:
            continue


def test_a_request_tells_its_mark_and_an_answer_its_status() -> None:
    call = "5c1b9a6e-5f0c-4f31-9f05-1f1f35f2a0d0"
    assert hep.seen(REQUEST, "X-Mark") == hep.Seen(call, 0, "0123456789abcdef")
    assert hep.seen(REQUEST, "X-Other") == hep.Seen(call, 0, "")
    assert hep.seen(ANSWER, "X-Mark") == hep.Seen(call, 200, "")
    assert hep.seen(ANSWER.replace(b"200 OK", b"415 No"), "X-Mark") == hep.Seen(call, 415, "")


@pytest.mark.parametrize(
    "message",
    [
        REQUEST.replace(b"MESSAGE", b"OPTIONS"),
        ANSWER.replace(b"MESSAGE", b"REGISTER"),
        ANSWER.replace(b"i:", b"j:"),
        ANSWER.replace(b"SIP/2.0 200", b"SIP/2.0 999"),
        ANSWER.replace(b"\r\ni: ", b"\r\n\r\ni: "),  # in the body
        ANSWER.replace(b"CSeq", b"X: \n CSeq"),
        b"MESSAGE ",
        b"SIP/2.0 200 ",
        b"",
    ],
)
def test_what_is_about_something_else_is_nothing(message: bytes) -> None:
    assert hep.seen(message, "X-Mark") is None


@given(st.binary(max_size=300))
def test_any_message_is_looked_at(data: bytes) -> None:
    for head in (b"", b"MESSAGE ", b"SIP/2.0 200 OK\r\nCall-ID: a\r\n", REQUEST[:180]):
        found = hep.seen(head + data, "X-Mark")
        assert found is None or found.call_id.isascii()
