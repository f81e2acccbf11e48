"""What the tests of AT share: the rows of the GSM data beside the repository, and answers run through a channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeline.protocol import at

GSM = Path(__file__).parents[2] / "shared/data/gsm"


def rows(name: str) -> list[Any]:
    """The rows of one file as pytest parameters, by their ids; a skipped one where the data is absent."""
    path = GSM / f"{name}.jsonl"
    if not path.exists():
        reason = f"the GSM data of other projects is not here ({path}); it is read there and never copied"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="absent")]
    found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [pytest.param(row, id=row["id"]) for row in found]


def converse(command: at.Command[Any], reply: str, pieces: int = 0) -> list[at.Event]:
    """All that a channel makes of `reply` to `command`, fed whole or in pieces of so many octets.

    A reply without a final result gets an OK, as the sources of the data cut it off at will.
    """
    data = reply.encode("latin-1")
    channel = at.Channel()
    assert channel.start(command) == command.line.encode() + b"\r"
    events = feed(channel, data, pieces)
    if channel.busy:
        events += feed(channel, b"\r\nOK\r\n", pieces)
    return events


def feed(channel: at.Channel, data: bytes, pieces: int = 0) -> list[at.Event]:
    """What the channel makes of `data`, fed whole or in pieces of so many octets."""
    step = pieces or max(len(data), 1)
    return [event for start in range(0, len(data), step) for event in channel.feed(data[start : start + step])]


def ask(command: at.Command[Any], reply: str) -> Any:
    """The value of `reply`; raises what the command failed with. Whole and octet by octet come to the same."""
    whole, single = (converse(command, reply, pieces) for pieces in (0, 1))
    assert whole == single or str(whole) == str(single)
    (end,) = [event for event in whole if isinstance(event, at.Answer | at.Failed)]
    if isinstance(end, at.Failed):
        raise end.error
    return end.value
