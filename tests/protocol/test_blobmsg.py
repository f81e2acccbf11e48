"""blobmsg: vectors worked out from libubox's layout, and properties."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import blobmsg
from homeline.protocol.blobmsg import Int8, Int16, Int64

VECTORS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"a": 1}, "8500000c 0001 6100 00000001"),
    ({"ab": 1}, "85000010 0002 6162 00 000000 00000001"),  # 2 + 2 + NUL = 5: three octets of padding
    ({"a": -1}, "8500000c 0001 6100 ffffffff"),
    ({"a": -(1 << 31)}, "8500000c 0001 6100 80000000"),
    ({"a": Int64(1)}, "84000010 0001 6100 00000000 00000001"),
    ({"a": Int16(-2)}, "8600000a 0001 6100 fffe 0000"),
    ({"a": Int8(-3)}, "87000009 0001 6100 fd 000000"),
    ({"a": True}, "87000009 0001 6100 01 000000"),
    ({"a": False}, "87000009 0001 6100 00 000000"),
    ({"a": 0.25}, "88000010 0001 6100 3fd00000 00000000"),
    ({"a": ""}, "83000009 0001 6100 00 000000"),
    ({"a": "é€"}, "8300000e 0001 6100 c3a9 e282ac 00 0000"),
    ({"a": None}, "80000008 0001 6100"),
    ({"a": []}, "81000008 0001 6100"),
    ({"a": ["x", 2]}, "81000020 0001 6100 8300000a 0000 0000 7800 0000 8500000c 0000 0000 00000002"),
    ({"a": {"b": None}}, "82000010 0001 6100 80000008 0001 6200"),
]


@pytest.mark.parametrize(("table", "wire"), VECTORS, ids=[str(table) for table, _ in VECTORS])
def test_vectors(table: dict[str, Any], wire: str) -> None:
    assert blobmsg.encode(table).hex() == wire.replace(" ", "")
    back = blobmsg.decode(bytes.fromhex(wire))
    assert back == table
    assert [type(value) for value in back.values()] == [type(value) for value in table.values()]


def test_an_int_that_needs_more_than_32_bits_is_written_as_int64() -> None:
    wire = blobmsg.encode({"a": 1 << 31, "b": -(1 << 31) - 1})
    assert wire.hex() == "84000010000161000000000080000000" + "8400001000016200ffffffff7fffffff"


WRITTEN_OTHERWISE = [
    ("a\0b", "a\ufffdb"),  # a UCS-2 SMS may hold U+0000
    ("\ud83d", "\ufffd"),  # and half a surrogate pair
    ("x\udc00y", "x\ufffdy"),
    ("\ud83d\ude00", "😀"),  # two halves that were never joined
]


@pytest.mark.parametrize(("text", "shown"), WRITTEN_OTHERWISE)
def test_a_text_that_utf8_cannot_carry_is_shown_all_the_same(text: str, shown: str) -> None:
    assert blobmsg.decode(blobmsg.encode({"text": text, "list": [text]})) == {"text": shown, "list": [shown]}


UNWRITABLE: list[tuple[Any, str]] = [
    ({"a": 1 << 63}, "64 bits"),
    ({"a": Int8(128)}, "int8"),
    ({"a": b"bytes"}, "bytes"),
    ({"a": {1, 2}}, "set"),
    ({"a\0": 1}, "name"),
    ({"\ud800": 1}, "name"),
    ({5: 1}, "name"),
    ({"n" * 65536: 1}, "name"),
    ({"a": "x" * (1 << 20)}, "1048576"),
    ({"a": ["x" * 1000] * 1100}, "1048576"),
]


@pytest.mark.parametrize(("table", "word"), UNWRITABLE, ids=[word for _, word in UNWRITABLE])
def test_what_cannot_be_written_is_refused_with_words(table: Any, word: str) -> None:
    with pytest.raises(EncodeError, match=word):
        blobmsg.encode(table)


def nested(depth: int, array: bool) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = [value] if array else {"a": value}
    return {"a": value}


@pytest.mark.parametrize("array", [False, True])
def test_depth_is_bounded_both_ways(array: bool) -> None:
    assert blobmsg.decode(blobmsg.encode(nested(blobmsg.MAX_DEPTH, array))) == nested(blobmsg.MAX_DEPTH, array)
    with pytest.raises(EncodeError, match="deep"):
        blobmsg.encode(nested(blobmsg.MAX_DEPTH + 1, array))
    wire = b""
    for _ in range(10_000):
        wire = blobmsg.attribute(0x81 if array else 0x82, b"\0\1a\0" + wire)
    with pytest.raises(DecodeError, match="deep"):
        blobmsg.decode(wire)


def test_a_table_that_holds_itself_is_refused() -> None:
    table: dict[str, Any] = {}
    table["self"] = table
    with pytest.raises(EncodeError, match="deep"):
        blobmsg.encode(table)


BROKEN = [
    ("85", "too few"),
    ("85000003", "3 octets"),
    ("85ffffff 0001 6100 00000001", "16777215 octets"),
    ("8500000b 0001 6100 000000", "where 11 are left"),  # the last attribute's padding is missing
    ("85000004", "no room for a name"),
    ("8500000c ffff 6100 00000001", "65535"),
    ("8500000c 0001 6161 00000001", "NUL"),
    ("8500000c 0001 0000 00000001", "NUL"),  # a NUL inside the name
    ("8500000c 0001 ff00 00000001", "UTF-8"),
    ("85000008 0001 6100", "0 octets for a int32"),
    ("84000009 0001 6100 01 000000", "int64"),
    ("88000009 0001 6100 01 000000", "double"),
    ("83000008 0001 6100", "NUL"),
    ("83000009 0001 6100 61 000000", "NUL"),
    ("8300000a 0001 6100 ff00 0000", "UTF-8"),
    ("89000008 0001 6100", "type 9"),
    ("ff000008 0001 6100", "type 127"),
]


@pytest.mark.parametrize(("wire", "words"), BROKEN)
def test_broken_bytes_are_named(wire: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        blobmsg.decode(bytes.fromhex(wire))


READ_AS_LIBUBOX_DOES = [
    ("8500000c 0001 6100 00000001 8500000c 0001 6100 00000002", {"a": 1}),  # blobmsg_parse takes the first
    ("8300000d 0001 6100 78007900 00 000000", {"a": "x"}),  # a C string ends at its first NUL
    ("8000000c 0001 6100 deadbeef", {"a": None}),
    ("81000010 0001 6100 05000008 00000007", {"a": [7]}),  # an array's entry need not have the room for a name
    ("8500000c 0000 0000 00000001", {"": 1}),
    ("05000008 00000001 8500000c 0001 6100 00000002", {"a": 2}),
    ("87000009 0001 6100 02 ffffff", {"a": Int8(2)}),  # padding is not looked at
]


@pytest.mark.parametrize(("wire", "table"), READ_AS_LIBUBOX_DOES)
def test_read_as_libubox_does(wire: str, table: dict[str, Any]) -> None:
    assert blobmsg.decode(bytes.fromhex(wire)) == table


text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 31), (1 << 31) - 1)
    | st.integers(-(1 << 63), (1 << 63) - 1).map(Int64)
    | st.integers(-(1 << 15), (1 << 15) - 1).map(Int16)
    | st.integers(-128, 127).filter(lambda n: n not in (0, 1)).map(Int8)
    | st.floats(allow_nan=False)
    | text
)
tables = st.dictionaries(
    text, st.recursive(scalar, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)
)


def kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kinds(entry) for key, entry in value.items()}
    return [kinds(entry) for entry in value] if isinstance(value, list) else type(value)


@given(tables)
def test_decode_undoes_encode(table: dict[str, Any]) -> None:
    wire = blobmsg.encode(table)
    assert len(wire) % 4 == 0
    back = blobmsg.decode(wire)
    assert back == table
    assert kinds(back) == kinds(table)
    assert blobmsg.encode(back) == wire


def test_nan_goes_through() -> None:
    assert math.isnan(blobmsg.decode(blobmsg.encode({"a": math.nan}))["a"])


@given(st.binary(max_size=400))
def test_any_bytes_give_a_table_or_a_decode_error(data: bytes) -> None:
    try:
        table = blobmsg.decode(data)
    except DecodeError:
        return
    assert blobmsg.decode(blobmsg.encode(table)) == table or "nan" in repr(table)


@given(tables, st.data())
def test_a_damaged_table_gives_a_table_or_a_decode_error(table: dict[str, Any], data: st.DataObject) -> None:
    wire = bytearray(blobmsg.encode(table) or b"\0")
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        blobmsg.decode(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
    except DecodeError as error:
        assert "octet" in str(error)
