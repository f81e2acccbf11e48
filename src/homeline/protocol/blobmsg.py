"""blobmsg, the typed tables that ubus carries (libubox): bytes <-> Python values.

An attribute is a 32-bit big-endian word, then its payload, then zeros up to a multiple of 4:

    bit 31      "extended": a name stands before the value
    bits 30-24  the type
    bits 23-0   length of word and payload, without the padding

and the name of an extended attribute is a 16-bit length, that many octets and a NUL, padded to 4 as well. A table or an
array holds attributes; those of an array have empty names.

| blobmsg | read as | written from |
| --- | --- | --- |
| unspec | None | None |
| array, table | list, dict | list or tuple, dict |
| string | str | str |
| int8 | bool for 0 and 1, else Int8 | bool, Int8 |
| int16, int32, int64 | Int16, int, Int64 | Int16; int (int64 where 32 bits are too few); Int64 |
| double | float | float |

`encode(decode(data)) == data` for whatever libubox writes. Nothing here trusts a length: work and memory are bounded by
the size of the input, depth by `MAX_DEPTH`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from struct import Struct
from typing import Any

from homeline.errors import DecodeError, EncodeError

MAX_SIZE = 1 << 20  # octets; ubusd closes the connection of whoever sends more (UBUS_MAX_MSGLEN)
MAX_DEPTH = 32  # the same limit as json-c's, through which the `ubus` command reads and writes
EXTENDED = 0x80

Table = dict[str, Any]

_U16, _U32 = Struct(">H"), Struct(">I")


class Type(IntEnum):
    """enum blobmsg_type of libubox/blobmsg.h, as it stands in a method's signature."""

    UNSPEC = 0
    ARRAY = 1
    TABLE = 2
    STRING = 3
    INT64 = 4
    INT32 = 5
    INT16 = 6
    INT8 = 7
    BOOL = 7  # the same on the wire
    DOUBLE = 8


class Int8(int):
    """An integer that is written as int8."""

    __slots__ = ()


class Int16(int):
    """An integer that is written as int16."""

    __slots__ = ()


class Int64(int):
    """An integer that is written as int64 however small it is: times, and counters that may grow past 2^31."""

    __slots__ = ()


_NUMBERS = {
    Type.INT64: Struct(">q"),
    Type.INT32: Struct(">i"),
    Type.INT16: Struct(">h"),
    Type.INT8: Struct(">b"),
    Type.DOUBLE: Struct(">d"),
}


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The attributes that lie in data[start:end]: (first octet of the word, start and end of the payload).

    Raises DecodeError where a length does not fit what is there.
    """
    while start < end:
        if end - start < 4:
            raise DecodeError(f"octet {start}: {end - start} octets are too few for an attribute")
        word = _U32.unpack_from(data, start)[0]
        length = word & 0xFFFFFF
        if length < 4 or pad(length) > end - start:
            raise DecodeError(f"octet {start}: an attribute of {length} octets where {end - start} are left")
        yield word >> 24, start + 4, start + length
        start += pad(length)


def pad(length: int) -> int:
    """`length` rounded up to a multiple of 4."""
    return (length + 3) & ~3


def attribute(head: int, payload: bytes) -> bytes:
    """One attribute with its padding; `head` is the first octet of its word. EncodeError above `MAX_SIZE`."""
    length = 4 + len(payload)
    if length > MAX_SIZE:
        raise EncodeError(f"{length} octets are more than the {MAX_SIZE} that a message on the bus may have")
    return _U32.pack(head << 24 | length) + payload + bytes(-length & 3)


def decode(data: bytes) -> Table:
    """Read a table's attributes. Raises DecodeError.

    As in blobmsg_parse: of two with one name the first counts, and what has no name is skipped (`ubus monitor` sends
    such entries).
    """
    return _table(data, 0, len(data), 0)


def _table(data: bytes, start: int, end: int, depth: int) -> Table:
    table: Table = {}
    for head, first, last in attributes(data, start, end):
        if not head & EXTENDED:
            continue
        name, first = _name(data, first, last)
        value = _value(data, head, first, last, depth)
        table.setdefault(name, value)
    return table


def _array(data: bytes, start: int, end: int, depth: int) -> list[Any]:
    values = []
    for head, first, last in attributes(data, start, end):
        if head & EXTENDED:
            _, first = _name(data, first, last)
        values.append(_value(data, head, first, last, depth))
    return values


def _name(data: bytes, first: int, last: int) -> tuple[str, int]:
    """The name of an extended attribute and where its value starts."""
    if last - first < 2:
        raise DecodeError(f"octet {first}: no room for a name")
    length = _U16.unpack_from(data, first)[0]
    value = first + pad(2 + length + 1)
    if value > last:
        raise DecodeError(f"octet {first}: a name of {length} octets where {last - first} are left")
    raw = data[first + 2 : first + 2 + length + 1]
    if raw.find(0) != length:
        raise DecodeError(f"octet {first}: a name that does not end in its NUL")
    return _text(raw[:-1], first), value


def _value(data: bytes, head: int, first: int, last: int, depth: int) -> Any:
    kind = head & 0x7F
    if kind == Type.STRING:
        return decode_string(data, first, last)
    if kind in (Type.TABLE, Type.ARRAY):
        if depth >= MAX_DEPTH:
            raise DecodeError(f"octet {first}: nested more than {MAX_DEPTH} deep")
        return (_table if kind == Type.TABLE else _array)(data, first, last, depth + 1)
    if kind == Type.UNSPEC:
        return None
    return _number(data, kind, first, last)


def decode_string(data: bytes, first: int, last: int) -> str:
    """The text in data[first:last], which must end in NUL; what follows an earlier NUL is not part of it."""
    if last <= first or data[last - 1]:
        raise DecodeError(f"octet {first}: a string without NUL at its end")
    return _text(data[first : data.index(0, first)], first)


def _text(raw: bytes, where: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"octet {where + error.start}: not UTF-8") from None


def _number(data: bytes, kind: int, first: int, last: int) -> int | float:
    shape = _NUMBERS.get(kind)  # type: ignore[call-overload]  # an IntEnum's member equals its number
    if shape is None:
        raise DecodeError(f"octet {first}: unknown type {kind}")
    if last - first != shape.size:
        raise DecodeError(f"octet {first}: {last - first} octets for a {Type(kind).name.lower()}")
    value: int | float = shape.unpack_from(data, first)[0]
    if kind == Type.INT8:
        return bool(value) if value in (0, 1) else Int8(value)
    if kind == Type.INT64:
        return Int64(value)
    return Int16(value) if kind == Type.INT16 else value


def encode(table: Mapping[str, Any]) -> bytes:
    """The attributes of a table. Raises EncodeError for a value or key that blobmsg has no way to write.

    NUL and lone surrogates, which a stranger's SMS may hold, become U+FFFD: a text is shown, whatever it contains.
    """
    return _encode_table(table, 0)


def _encode_table(table: Mapping[str, Any], depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise EncodeError(f"nested more than {MAX_DEPTH} deep")
    return b"".join([_encode_entry(_encode_name(key), value, depth) for key, value in table.items()])


def _encode_name(key: str) -> bytes:
    try:
        raw = key.encode()
    except (UnicodeEncodeError, AttributeError):
        raise EncodeError(f"{key!r:.40} cannot be a name") from None
    if len(raw) > 0xFFFF or b"\0" in raw:
        raise EncodeError(f"{key!r:.40} cannot be a name")
    return _U16.pack(len(raw)) + raw + bytes(pad(len(raw) + 3) - len(raw) - 2)


_NAMELESS = bytes(4)


def _encode_entry(name: bytes, value: Any, depth: int) -> bytes:
    if isinstance(value, str):
        kind, raw = Type.STRING, encode_string(value)
    elif isinstance(value, int | float):
        kind, raw = _encode_number(value)
    elif value is None:
        kind, raw = Type.UNSPEC, b""
    elif isinstance(value, Mapping):
        kind, raw = Type.TABLE, _encode_table(value, depth + 1)
    elif isinstance(value, list | tuple):
        if depth >= MAX_DEPTH:
            raise EncodeError(f"nested more than {MAX_DEPTH} deep")
        kind, raw = Type.ARRAY, b"".join([_encode_entry(_NAMELESS, entry, depth + 1) for entry in value])
    else:
        raise EncodeError(f"{type(value).__name__}: no type of blobmsg holds it")
    return attribute(EXTENDED | kind, name + raw)


def encode_string(text: str) -> bytes:
    """UTF-8 and a NUL; what cannot be written becomes U+FFFD."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return raw.replace(b"\0", b"\xef\xbf\xbd") + b"\0"


def _encode_number(value: int | float) -> tuple[Type, bytes]:
    kind = _number_type(value)
    try:
        return kind, _NUMBERS[kind].pack(value)
    except struct.error:
        raise EncodeError(f"a number of {int(value).bit_length()} bits does not fit {kind.name.lower()}") from None


def _number_type(value: int | float) -> Type:
    if isinstance(value, bool | Int8):
        return Type.INT8
    if isinstance(value, float):
        return Type.DOUBLE
    if isinstance(value, Int16):
        return Type.INT16
    if isinstance(value, Int64) or not -0x80000000 <= value <= 0x7FFFFFFF:
        return Type.INT64
    return Type.INT32
