"""What the methods of the bus share: kinds of arguments, checks of them, and how long a reply may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeline.errors import InvalidArgument
from homeline.protocol import blobmsg
from homeline.protocol.blobmsg import Type
from homeline.protocol.ubus_arguments import Param, Params

Table = dict[str, Any]

REPLY_LIMIT = 256 * 1024  # octets; ubusd cuts a message at 1 MB
LONGEST_WAIT = 15  # seconds: LuCI gives up at 20, `ubus call` at 30
PAGE = 50
LARGEST_PAGE = 500

TEXT = Param(Type.STRING)
NUMBER = Param(Type.INT32)
FLAG = Param(Type.BOOL)
MUST_TEXT = Param(Type.STRING, required=True)
MUST_NUMBER = Param(Type.INT32, required=True)
MUST_IDS = Param(Type.ARRAY, required=True, items=Type.INT32)
TABLES = Param(Type.ARRAY, items=Type.TABLE)
PAGING: Params = {"before": NUMBER, "limit": NUMBER}


def page_limit(args: Table) -> int:
    """How many items a list may have. Raises InvalidArgument."""
    limit = int(args.get("limit", PAGE))
    between("limit", limit, 1, LARGEST_PAGE)
    return limit


def between(name: str, value: int, low: int, high: int) -> None:
    """Raises InvalidArgument."""
    if not low <= value <= high:
        raise InvalidArgument(f"{name}: must be from {low} to {high}")


def member(kind: Any, name: str, args: Table) -> Any:
    """The member of an enumeration that an argument names; None where it is not given. Raises InvalidArgument."""
    if not args.get(name):
        return None
    try:
        return kind(args[name])
    except ValueError:
        raise InvalidArgument(f"{name}: must be one of {', '.join(kind)}") from None


def fitting(items: Sequence[Table]) -> tuple[list[Table], bool]:
    """The first items that fit into a reply, and whether some were left out. At least one is always shown."""
    kept: list[Table] = []
    size = 0
    for item in items:
        size += len(blobmsg.encode(item))
        if size > REPLY_LIMIT and kept:
            return kept, True
        kept.append(item)
    return kept, False
