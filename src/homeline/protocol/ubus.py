"""The messages between ubusd and its clients (ubusmsg.h of openwrt/ubus): bytes <-> values, no sockets.

A message is a header of 8 octets (version 0, kind, sequence number, peer) and one blob attribute that holds the
message's attributes (`Attr`). `Framer` cuts a stream into messages, `parse` reads one's attributes, and one builder for
each kind of message writes what libubus and ubusd write, octet for octet.

How a call travels (`seq` is the caller's, objects and clients have random 32-bit ids):

    caller -> ubusd   INVOKE  peer=object      object, method, data
    ubusd -> owner    INVOKE  peer=caller      object, method, user and group of the caller, data
    owner -> ubusd    DATA    peer=caller      object, data            (not when there is nothing to tell)
    owner -> ubusd    STATUS  peer=caller      status, object          (at any later time)
    ubusd -> caller   both, with peer=object

A status from ubusd itself carries no object, which tells it from one that the object's owner sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import blobmsg
from homeline.protocol.blobmsg import MAX_SIZE, Table

EVENT_OBJECT = 1  # ubusd's own objects have fixed ids
ACL_OBJECT = 2
MONITOR_OBJECT = 3
FIRST_OBJECT = 1024  # ids of clients, objects and types start here


class Kind(IntEnum):
    """enum ubus_msg_type."""

    HELLO = 0
    STATUS = 1
    DATA = 2
    PING = 3
    LOOKUP = 4
    INVOKE = 5
    ADD_OBJECT = 6
    REMOVE_OBJECT = 7
    SUBSCRIBE = 8
    UNSUBSCRIBE = 9  # from ubusd: the object that was subscribed to is gone
    NOTIFY = 10  # from ubusd: the object's first subscriber came, or its last one went
    MONITOR = 11


class Attr(IntEnum):
    """enum ubus_msg_attr."""

    STATUS = 1
    OBJPATH = 2
    OBJID = 3
    METHOD = 4
    OBJTYPE = 5
    SIGNATURE = 6
    DATA = 7
    TARGET = 8
    ACTIVE = 9
    NO_REPLY = 10
    SUBSCRIBERS = 11
    USER = 12
    GROUP = 13


class Status(IntEnum):
    """enum ubus_msg_status."""

    OK = 0
    INVALID_COMMAND = 1
    INVALID_ARGUMENT = 2
    METHOD_NOT_FOUND = 3
    NOT_FOUND = 4
    NO_DATA = 5
    PERMISSION_DENIED = 6
    TIMEOUT = 7
    NOT_SUPPORTED = 8
    UNKNOWN_ERROR = 9
    CONNECTION_FAILED = 10
    NO_MEMORY = 11
    PARSE_ERROR = 12
    SYSTEM_ERROR = 13


def status_text(status: int) -> str:
    """A status in words."""
    try:
        return Status(status).name.lower().replace("_", " ")
    except ValueError:
        return f"status {status}"


class Frame(NamedTuple):
    """One message; `body` holds its attributes."""

    kind: int
    seq: int
    peer: int
    body: bytes


_HEADER = Struct(">BBHII")  # version, kind, sequence, peer, and the word of the attribute that holds the rest


class Framer:
    """Cuts what arrives, in pieces of any size, into frames. Holds at most one message and what came with it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that are whole now. Raises DecodeError when the stream cannot be followed any further."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= _HEADER.size:
                version, kind, seq, peer, word = _HEADER.unpack_from(self._buffer, start)
                length = word & 0xFFFFFF
                if version or length < 4 or length > MAX_SIZE:
                    raise DecodeError(f"version {version}, kind {kind}, {length} octets: not a message of ubus")
                end = start + 8 + length
                if len(self._buffer) < end:
                    return
                body = bytes(self._buffer[start + 12 : end])
                start = end
                yield Frame(kind, seq, peer, body)
        finally:
            del self._buffer[:start]


@dataclass(slots=True)
class Attributes:
    """A message's attributes; None where it has none of that name. `data` and `signature` are not looked into yet."""

    status: int | None = None
    path: str | None = None
    object: int | None = None
    method: str | None = None
    type: int | None = None
    signature: bytes | None = None
    data: bytes | None = None
    target: int | None = None
    active: bool | None = None
    no_reply: bool | None = None
    subscribers: tuple[int, ...] | None = None
    user: str | None = None
    group: str | None = None


_U32 = Struct(">I")
_NAMES = {
    Attr.STATUS: "status",
    Attr.OBJPATH: "path",
    Attr.OBJID: "object",
    Attr.METHOD: "method",
    Attr.OBJTYPE: "type",
    Attr.SIGNATURE: "signature",
    Attr.DATA: "data",
    Attr.TARGET: "target",
    Attr.ACTIVE: "active",
    Attr.NO_REPLY: "no_reply",
    Attr.SUBSCRIBERS: "subscribers",
    Attr.USER: "user",
    Attr.GROUP: "group",
}


def parse(body: bytes) -> Attributes:
    """Read a message's attributes. Unknown ones are skipped, of two alike the last counts. Raises DecodeError."""
    found = Attributes()
    for head, first, last in blobmsg.attributes(body, 0, len(body)):
        name = _NAMES.get(head & 0x7F)  # type: ignore[call-overload]  # an IntEnum's member equals its number
        if name is not None:
            setattr(found, name, _read(name, body, first, last))
    return found


def _read(name: str, body: bytes, first: int, last: int) -> int | str | bytes | bool | tuple[int, ...]:
    if name in ("path", "method", "user", "group"):
        return blobmsg.decode_string(body, first, last)
    if name in ("signature", "data"):
        return body[first:last]
    if name == "subscribers":
        return tuple(_u32(name, body, begin, end) for _, begin, end in blobmsg.attributes(body, first, last))
    if name in ("active", "no_reply"):
        if last - first != 1:
            raise DecodeError(f"{name}: {last - first} octets for a flag")
        return body[first] != 0
    return _u32(name, body, first, last)


def _u32(name: str, body: bytes, first: int, last: int) -> int:
    if last - first != 4:
        raise DecodeError(f"{name}: {last - first} octets for a number")
    number: int = _U32.unpack_from(body, first)[0]
    return number


# --- building ---------------------------------------------------------------------------------------------------------


def message(kind: int, seq: int, peer: int, *attributes: bytes) -> bytes:
    """A whole message. Raises EncodeError when it is larger than the bus lets through."""
    body = b"".join(attributes)
    if 4 + len(body) > MAX_SIZE:
        raise EncodeError(f"{4 + len(body)} octets are more than the {MAX_SIZE} that a message on the bus may have")
    return _HEADER.pack(0, kind, seq & 0xFFFF, peer, 4 + len(body)) + body


def number(attr: int, value: int) -> bytes:
    """An attribute that holds 32 bits."""
    return blobmsg.attribute(attr, _U32.pack(value & 0xFFFFFFFF))


def string(attr: int, text: str) -> bytes:
    return blobmsg.attribute(attr, blobmsg.encode_string(text))


def flag(attr: int, value: bool) -> bytes:
    return blobmsg.attribute(attr, b"\1" if value else b"\0")


def signed(number: int) -> int:
    """An unsigned 32-bit number as the int32 of blobmsg has it."""
    return number - (1 << 32) if number >> 31 else number


def hello(client: int) -> bytes:
    return message(Kind.HELLO, 0, client)


def status(seq: int, peer: int, code: int, obj: int | None = None) -> bytes:
    """The end of a request; with the object's id when its owner answers, without when ubusd does."""
    answer = number(Attr.STATUS, code)
    return message(Kind.STATUS, seq, peer, answer if obj is None else answer + number(Attr.OBJID, obj))


def data(seq: int, peer: int, obj: int, table: bytes) -> bytes:
    """An object's reply, before its status. `table` is encoded already."""
    return message(Kind.DATA, seq, peer, number(Attr.OBJID, obj), blobmsg.attribute(Attr.DATA, table))


def lookup(seq: int, path: str | None) -> bytes:
    """`path` may end in `*`; None finds every object."""
    return message(Kind.LOOKUP, seq, 0, b"" if path is None else string(Attr.OBJPATH, path))


def found(seq: int, path: str, obj: int, type_id: int, signature: bytes) -> bytes:
    """ubusd: one object that a lookup found."""
    where = string(Attr.OBJPATH, path) + number(Attr.OBJID, obj) + number(Attr.OBJTYPE, type_id)
    return message(Kind.DATA, seq, 0, where, blobmsg.attribute(Attr.SIGNATURE, signature))


def invoke(seq: int, obj: int, method: str, table: bytes) -> bytes:
    """A caller's call. `table` is encoded already."""
    what = number(Attr.OBJID, obj) + string(Attr.METHOD, method)
    return message(Kind.INVOKE, seq, obj, what, blobmsg.attribute(Attr.DATA, table))


def forward(seq: int, peer: int, call: Attributes, obj: int, *, no_reply: bool = False) -> bytes:
    """ubusd: a call or notification on its way to `obj`; `call` has method, data, the caller's user and group."""
    parts = [flag(Attr.NO_REPLY, True)] if no_reply else []
    parts += [number(Attr.OBJID, obj), string(Attr.METHOD, call.method or "")]
    for attr, name in ((Attr.USER, call.user), (Attr.GROUP, call.group)):
        if name is not None:
            parts.append(string(attr, name))
    if call.data is not None:
        parts.append(blobmsg.attribute(Attr.DATA, call.data))
    return message(Kind.INVOKE, seq, peer, *parts)


def event(seq: int, obj: int, name: str, table: bytes) -> bytes:
    """ubusd: an event for a listening object."""
    what = number(Attr.OBJID, obj) + string(Attr.METHOD, name)
    return message(Kind.INVOKE, seq, 0, what, blobmsg.attribute(Attr.DATA, table))


def add_object(seq: int, path: str | None = None, signature: bytes | None = None) -> bytes:
    """Publish an object, or without a path make one that listens or subscribes."""
    parts = [] if path is None else [string(Attr.OBJPATH, path)]
    if signature is not None:
        parts.append(blobmsg.attribute(Attr.SIGNATURE, signature))
    return message(Kind.ADD_OBJECT, seq, 0, *parts)


def remove_object(seq: int, obj: int) -> bytes:
    return message(Kind.REMOVE_OBJECT, seq, 0, number(Attr.OBJID, obj))


def added(seq: int, obj: int, type_id: int | None) -> bytes:
    """ubusd: the ids that a new object got, or that a removed one had."""
    parts = [number(Attr.OBJID, obj)] + ([] if type_id is None else [number(Attr.OBJTYPE, type_id)])
    return message(Kind.DATA, seq, 0, *parts)


def subscribe(seq: int, obj: int, target: int, *, undo: bool = False) -> bytes:
    """`obj`, one of the sender's, shall get the notifications of `target`."""
    kind = Kind.UNSUBSCRIBE if undo else Kind.SUBSCRIBE
    return message(kind, seq, 0, number(Attr.OBJID, obj), number(Attr.TARGET, target))


def gone(seq: int, obj: int, target: int) -> bytes:
    """ubusd: `target`, to which `obj` was subscribed, is no more."""
    return message(Kind.UNSUBSCRIBE, seq, 0, number(Attr.OBJID, obj), number(Attr.TARGET, target))


def active(seq: int, obj: int, has_subscribers: bool) -> bytes:
    """ubusd: the object has subscribers now, or none any more."""
    return message(Kind.NOTIFY, seq, 0, number(Attr.OBJID, obj), flag(Attr.ACTIVE, has_subscribers))


def notify(seq: int, obj: int, name: str, table: bytes, *, no_reply: bool) -> bytes:
    """A notification to all who subscribed to the sender's `obj`. With `no_reply` ubusd answers nothing either."""
    what = number(Attr.OBJID, obj) + string(Attr.METHOD, name) + blobmsg.attribute(Attr.DATA, table)
    return message(Kind.NOTIFY, seq, obj, what, flag(Attr.NO_REPLY, True) if no_reply else b"")


def notified(seq: int, obj: int, subscribers: Iterable[int]) -> bytes:
    """ubusd: who will answer a notification."""
    ids = b"".join([number(0, each) for each in subscribers])
    return message(
        Kind.STATUS,
        seq,
        obj,
        number(Attr.OBJID, obj),
        blobmsg.attribute(Attr.SUBSCRIBERS, ids),
        number(Attr.STATUS, 0),
    )


def monitored(seq: int, client: int, frame: Frame, *, sent: bool) -> bytes:
    """ubusd: a copy of a message that it read from, or sent to, a client (`enum ubus_monitor_attr`)."""
    who = number(0, client) + number(1, frame.peer) + number(3, frame.seq) + number(4, frame.kind) + flag(2, sent)
    return message(Kind.MONITOR, seq, 0, who, blobmsg.attribute(5, frame.body))


def register_event(obj: int, pattern: str) -> bytes:
    """The argument table of `register`, a method of `EVENT_OBJECT`: what matches goes to the sender's `obj`."""
    return blobmsg.encode({"object": signed(obj), "pattern": pattern})


def send_event(name: str, table: Table) -> bytes:
    """The argument table of `send`, a method of `EVENT_OBJECT`."""
    return blobmsg.encode({"id": name, "data": table})
