"""What a method of ours takes: declared once, shown in `ubus -v list`, and held against every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeline.errors import InvalidArgument
from homeline.protocol import blobmsg
from homeline.protocol.blobmsg import Table, Type

SESSION = "ubus_rpc_session"  # uhttpd adds it to every call that comes from LuCI

_INTEGERS = frozenset((Type.INT64, Type.INT32, Type.INT16, Type.INT8))
_WORDS = {
    Type.ARRAY: "an array",
    Type.TABLE: "a table",
    Type.STRING: "a string",
    Type.INT8: "true or false",
    Type.DOUBLE: "a number",
}


@dataclass(frozen=True, slots=True)
class Param:
    """One argument. An integer of any width is taken where one is declared; UNSPEC takes anything.

    INT32 and BOOL are what `ubus -v list` has names for ("Integer", "Boolean"); INT64 shows as "(unknown)".
    """

    type: Type
    required: bool = False
    items: Type | None = None  # of an array: what each entry must be


Params = Mapping[str, Param]


def signature(methods: Mapping[str, Params]) -> bytes:
    """The attributes of a signature: a table for each method, of its arguments' types."""
    types = {name: {arg: int(param.type) for arg, param in params.items()} for name, params in methods.items()}
    return blobmsg.encode(types)


def check_arguments(params: Params, given: Table) -> Table:
    """The declared arguments that were given, as plain bool, int, float, str, list and dict.

    null counts as not given, the session id is let through and left out. Raises InvalidArgument with the name of an
    argument that is missing, unknown or of the wrong type; never with its value, which may be a secret.
    """
    args: Table = {}
    for name, value in given.items():
        param = params.get(name)
        if param is not None:
            if value is not None:
                args[name] = _checked(name, param, value)
        elif name != SESSION:
            raise InvalidArgument(f"unknown argument '{name:.40}'")
    for name, param in params.items():
        if param.required and name not in args:
            raise InvalidArgument(f"argument '{name}' is missing")
    return args


def _checked(name: str, param: Param, value: Any) -> Any:
    value = _converted(name, param.type, value)
    if param.items is None:
        return value
    return [_converted(f"{name}[{index}]", param.items, entry) for index, entry in enumerate(value)]


def _converted(name: str, kind: Type, value: Any) -> Any:
    """`value` as the plain Python type for `kind`."""
    if kind == Type.UNSPEC:
        return value
    if kind == Type.BOOL:
        fits = isinstance(value, int) and value in (0, 1)  # the `ubus` command's 1 is an int32
    elif kind in _INTEGERS:
        fits = isinstance(value, int)
    elif kind == Type.DOUBLE:
        fits = isinstance(value, int | float)
    else:
        fits = isinstance(value, {Type.STRING: str, Type.ARRAY: list, Type.TABLE: dict}[kind])
    if not fits:
        raise InvalidArgument(f"argument '{name}' must be {_WORDS.get(kind, 'an integer')}")
    if kind == Type.BOOL:
        return bool(value)
    if kind in _INTEGERS:
        return int(value)
    return float(value) if kind == Type.DOUBLE else value
