"""The arguments of our methods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import InvalidArgument
from homeline.protocol import blobmsg
from homeline.protocol.blobmsg import Int8, Int16, Int64, Table, Type
from homeline.protocol.ubus_arguments import Param, check_arguments, signature

PARAMS = {
    "id": Param(Type.INT32, required=True),
    "at": Param(Type.INT64),
    "text": Param(Type.STRING),
    "flash": Param(Type.BOOL),
    "ids": Param(Type.ARRAY, items=Type.INT32),
    "table": Param(Type.TABLE),
    "ratio": Param(Type.DOUBLE),
    "any": Param(Type.UNSPEC),
}

ACCEPTED: list[tuple[Table, Table]] = [
    ({"id": 5}, {"id": 5}),
    ({"id": Int64(5)}, {"id": 5}),
    ({"id": Int16(-5), "at": 7}, {"id": -5, "at": 7}),
    ({"id": True, "at": Int8(9)}, {"id": 1, "at": 9}),
    ({"id": 5, "flash": True}, {"id": 5, "flash": True}),
    ({"id": 5, "flash": 0}, {"id": 5, "flash": False}),
    ({"id": 5, "ratio": 2}, {"id": 5, "ratio": 2.0}),
    ({"id": 5, "ids": [1, Int64(2)], "table": {"a": 1}}, {"id": 5, "ids": [1, 2], "table": {"a": 1}}),
    ({"id": 5, "any": [None]}, {"id": 5, "any": [None]}),
    ({"id": 5, "text": None}, {"id": 5}),  # null is how JSON says "not given"
    ({"id": 5, "ubus_rpc_session": "0" * 32}, {"id": 5}),  # uhttpd adds it
    ({"id": 5, "ubus_rpc_session": 7}, {"id": 5}),
]


@pytest.mark.parametrize(("given", "args"), ACCEPTED)
def test_accepted(given: Table, args: Table) -> None:
    checked = check_arguments(PARAMS, given)
    assert checked == args
    assert [type(value) for value in checked.values()] == [type(value) for value in args.values()]


REFUSED: list[tuple[Table, str]] = [
    ({}, "argument 'id' is missing"),
    ({"id": None}, "argument 'id' is missing"),
    ({"id": "secret"}, "argument 'id' must be an integer"),
    ({"id": 1.5}, "argument 'id' must be an integer"),
    ({"id": 1, "text": 5}, "argument 'text' must be a string"),
    ({"id": 1, "flash": 2}, "argument 'flash' must be true or false"),
    ({"id": 1, "flash": "1"}, "argument 'flash' must be true or false"),
    ({"id": 1, "ratio": "1"}, "argument 'ratio' must be a number"),
    ({"id": 1, "ids": 5}, "argument 'ids' must be an array"),
    ({"id": 1, "ids": [1, "secret"]}, "argument 'ids[1]' must be an integer"),
    ({"id": 1, "table": []}, "argument 'table' must be a table"),
    ({"id": 1, "secret": 5}, "unknown argument 'secret'"),
    ({"id": 1, "x" * 5000: 5}, "unknown argument 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_refused_with_the_arguments_name_and_never_its_value(given: Table, words: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_arguments(PARAMS, given)
    assert str(refused.value) == words


def test_the_signature_is_libubus_own() -> None:
    types = signature({"status": {}, "send": {"to": Param(Type.STRING, required=True), "wait": Param(Type.INT32)}})
    assert blobmsg.decode(types) == {"status": {}, "send": {"to": 3, "wait": 5}}


values = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(max_size=9)


@given(st.dictionaries(st.sampled_from(["id", "ids", "text", "flash", "other"]), values | st.lists(values)))
def test_any_arguments_are_checked_or_refused(args: dict[str, Any]) -> None:
    try:
        checked = check_arguments(PARAMS, args)
    except InvalidArgument:
        return
    assert set(checked) <= set(PARAMS)
    assert type(checked["id"]) is int
