"""ubusd's messages: the recordings octet for octet, and any bytes at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import blobmsg, ubus
from homeline.protocol.ubus import Attributes, Frame, Kind
from ubus_captures import FOLDER, NAMES, frames, pieces


def rebuilt(frame: Frame, found: Attributes, *, from_client: bool) -> bytes:  # noqa: C901  # one case a builder
    """The message that our builder makes of what our reader found."""
    seq, obj, data = frame.seq, found.object or 0, found.data or b""
    match Kind(frame.kind):
        case Kind.HELLO:
            return ubus.hello(frame.peer)
        case Kind.STATUS if found.subscribers is not None:
            return ubus.notified(seq, obj, found.subscribers)
        case Kind.STATUS:
            return ubus.status(seq, frame.peer, found.status or 0, found.object)
        case Kind.DATA if found.path is not None:
            return ubus.found(seq, found.path, obj, found.type or 0, found.signature or b"")
        case Kind.DATA if found.data is None:
            return ubus.added(seq, obj, found.type)
        case Kind.DATA:
            return ubus.data(seq, frame.peer, obj, data)
        case Kind.LOOKUP:
            return ubus.lookup(seq, found.path)
        case Kind.INVOKE if from_client:
            return ubus.invoke(seq, obj, found.method or "", data)
        case Kind.INVOKE if found.user is None:
            return ubus.event(seq, obj, found.method or "", data)
        case Kind.INVOKE:
            return ubus.forward(seq, frame.peer, found, obj, no_reply=bool(found.no_reply))
        case Kind.ADD_OBJECT:
            return ubus.add_object(seq, found.path, found.signature)
        case Kind.SUBSCRIBE:
            return ubus.subscribe(seq, obj, found.target or 0)
        case Kind.UNSUBSCRIBE:
            return ubus.gone(seq, obj, found.target or 0)
        case Kind.NOTIFY if from_client:
            return ubus.notify(seq, obj, found.method or "", data, no_reply=bool(found.no_reply))
        case Kind.NOTIFY:
            return ubus.active(seq, obj, bool(found.active))
        case _:
            raise AssertionError(f"no builder for kind {frame.kind}")


def raw(frame: Frame) -> bytes:
    return ubus.message(frame.kind, frame.seq, frame.peer, frame.body)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("from_client", [True, False])
def test_every_recorded_message_is_read_and_written_again(name: str, from_client: bool) -> None:
    recorded = frames(name, from_client=from_client)
    assert recorded
    for frame in recorded:
        if frame.kind == Kind.MONITOR:
            continue
        found = ubus.parse(frame.body)
        assert rebuilt(frame, found, from_client=from_client).hex() == raw(frame).hex()
        for table in (found.data, found.signature):
            if table is not None and found.object != ubus.MONITOR_OBJECT:  # `ubus monitor` sends no table there
                assert blobmsg.encode(blobmsg.decode(table)) == table


def test_a_monitor_gets_copies() -> None:
    recorded = [frame for frame in frames("monitor", from_client=False) if frame.kind == Kind.MONITOR]
    assert recorded
    for frame in recorded:
        fields = {
            head: frame.body[first:last] for head, first, last in blobmsg.attributes(frame.body, 0, len(frame.body))
        }
        client, peer, sent, seq, kind = (int.from_bytes(fields[attr], "big") for attr in range(5))
        copy = Frame(kind, seq, peer, fields[5])
        assert ubus.monitored(frame.seq, client, copy, sent=bool(sent)).hex() == raw(frame).hex()


@pytest.mark.parametrize("method", ["status", "echo"])
def test_a_recorded_reply_says_what_the_ubus_command_printed(method: str) -> None:
    [reply] = [
        found.data
        for frame in frames(f"call_{method}", from_client=False)
        if (found := ubus.parse(frame.body)).data is not None
    ]
    assert reply is not None
    assert blobmsg.decode(reply) == json.loads((FOLDER / f"provider.{method}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_the_pieces_does_not_matter(name: str) -> None:
    stream = b"".join(piece.data for piece in pieces(name) if piece.connection == 1 and not piece.from_client)
    whole = list(ubus.Framer().feed(stream))
    size = 1 if len(stream) < 10_000 else 997
    framer = ubus.Framer()
    cut = [frame for start in range(0, len(stream), size) for frame in framer.feed(stream[start : start + size])]
    assert whole
    assert cut == whole


NOT_UBUS = [
    ("01000000 00000000 00000004", "version 1"),
    ("00000000 00000000 00000003", "3 octets"),
    ("00000000 00000000 00000000", "0 octets"),
    ("00020000 00000000 00100001", "1048577 octets"),
    ("00020000 00000000 00ffffff", "16777215 octets"),
    ("48545450 2f312e31 20343030", "not a message"),
]


@pytest.mark.parametrize(("wire", "words"), NOT_UBUS)
def test_a_stream_that_is_not_ubus_ends(wire: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        list(ubus.Framer().feed(bytes.fromhex(wire)))


def test_frames_before_the_broken_one_are_given() -> None:
    arriving = ubus.Framer().feed(ubus.hello(7) + b"\1" * 12)
    assert next(arriving) == Frame(Kind.HELLO, 0, 7, b"")
    with pytest.raises(DecodeError):
        next(arriving)


BROKEN_ATTRIBUTES = [
    ("01000007 00000000", "status: 3 octets"),
    ("0300000c 00000000 00000000", "object: 8 octets"),
    ("02000004", "NUL"),
    ("0200000561000000", "NUL"),
    ("04000006 ff000000", "UTF-8"),
    ("09000004", "active: 0 octets"),
    ("0b00000c 00000006 00000000", "subscribers: 2 octets"),
    ("0300ffff 00000000", "65535 octets"),
]


@pytest.mark.parametrize(("body", "words"), BROKEN_ATTRIBUTES)
def test_broken_attributes_are_named(body: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        ubus.parse(bytes.fromhex(body))


def test_unknown_attributes_are_skipped_and_the_last_of_two_counts() -> None:
    body = ubus.number(ubus.Attr.OBJID, 1) + ubus.number(99, 5) + ubus.number(ubus.Attr.OBJID, 0xFFFFFFFF)
    assert ubus.parse(body) == Attributes(object=0xFFFFFFFF)


def test_an_object_id_above_2_31_is_an_int32_in_a_table() -> None:
    assert ubus.register_event(0xFFFFFFFE, "x") == blobmsg.encode({"object": -2, "pattern": "x"})


def test_a_message_above_the_limit_is_refused() -> None:
    room = blobmsg.MAX_SIZE - 4 - 8 - 4  # the head, the object, the data attribute's own word
    assert len(ubus.data(1, 2, 3, bytes(room))) == 8 + blobmsg.MAX_SIZE
    with pytest.raises(EncodeError, match="1048576"):
        ubus.data(1, 2, 3, bytes(room + 4))


def test_a_status_in_words() -> None:
    assert ubus.status_text(4) == "not found"
    assert ubus.status_text(77) == "status 77"


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_give_frames_or_a_decode_error(chunks: list[bytes]) -> None:
    framer = ubus.Framer()
    try:
        for chunk in chunks:
            for frame in framer.feed(chunk):
                ubus.parse(frame.body)
    except DecodeError:
        pass


@given(st.binary(max_size=200))
def test_any_attributes_are_read_or_refused(body: bytes) -> None:
    padded = body + bytes(-len(body) % 4)
    [frame] = ubus.Framer().feed(ubus.message(Kind.INVOKE, 1, 2, padded))
    try:
        found = ubus.parse(frame.body)
        blobmsg.decode(found.data or b"")
    except DecodeError:
        pass
