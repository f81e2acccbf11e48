"""The record of a call that has ended, as the dial plan writes it into AstDB (docs/asterisk.md).

    v1,DIRECTION,LINE,RULE,STARTED,ANSWERED,ENDED,DIALSTATUS,CAUSE,NUMBER,NAME,DIALLED,SOURCE,ANSWERED_BY,RECORDING,REASON

NUMBER, NAME and DIALLED are the network's own texts in base64, so nothing that a caller sends can break the record or
leave its field. Everything else is ours: names of sections, words and integers, held to their form all the same.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import NamedTuple

from homeline.errors import DecodeError
from homeline.model import CallDirection

VERSION = "v1"
FIELDS = 16
LONGEST = 8192  # characters of a record that is looked at
LONGEST_TEXT = 256  # characters that are kept of a text of the network
LATEST = 253402300799  # 9999-12-31

_KEY = re.compile(r"[A-Za-z0-9._-]{1,150}")
_NAME = re.compile(r"[A-Za-z0-9_]{0,64}")
_STATUS = re.compile(r"[A-Z_]{0,32}")
_REASON = re.compile(r"[a-z_]{0,64}")
_NUMBER = re.compile(r"[0-9]{0,12}")
_RECORDING = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.(?:gsm|WAV))?")

_DIRECTIONS = {"in", "out", "internal", "refused"}


@dataclass(frozen=True, slots=True)
class Record:
    """One call. Times are seconds since 1970 by the router's clock, which may not have been set; None is never."""

    key: str
    direction: CallDirection | None  # None: it was refused before it was anything
    line: str
    rule: str
    started_at: int
    answered_at: int | None
    ended_at: int
    status: str  # Asterisk's DIALSTATUS
    cause: int  # ITU-T Q.850
    number: str
    name: str
    dialled: str
    source: str
    answered_by: str
    recording: str
    reason: str


def parse(key: str, value: str) -> Record:
    """Raises DecodeError, which names the field."""
    if not _KEY.fullmatch(key):
        raise DecodeError("key: is no unique id of a channel")
    if len(value) > LONGEST:
        raise DecodeError(f"it is longer than {LONGEST} characters")
    fields = value.split(",")
    if fields[0] != VERSION:
        raise DecodeError(f"it is not of version {VERSION}")
    if len(fields) != FIELDS:
        raise DecodeError(f"it has {len(fields)} fields, not {FIELDS}")
    (direction, line, rule, started, answered, ended, status, cause), rest = fields[1:9], fields[9:]
    if direction not in _DIRECTIONS:
        raise DecodeError("direction: is none that is known")
    return Record(
        key=key,
        direction=None if direction == "refused" else CallDirection(direction),
        line=_held("line", _NAME, line),
        rule=_held("rule", _NAME, rule),
        started_at=_integer("started", started),
        answered_at=_integer("answered", answered) or None,
        ended_at=_integer("ended", ended),
        status=_held("status", _STATUS, status),
        cause=min(_integer("cause", cause), 127),
        number=_text("number", rest[0]),
        name=_text("name", rest[1]),
        dialled=_text("dialled", rest[2]),
        source=_held("source", _NAME, rest[3]),
        answered_by=_held("answered by", _NAME, rest[4]),
        recording=_held("recording", _RECORDING, rest[5]),
        reason=_held("reason", _REASON, rest[6]),
    )


class Times(NamedTuple):
    """When a call began, was answered (None: never) and ended."""

    started_at: int
    answered_at: int | None
    ended_at: int


def settled_times(record: Record, now: int, floor: int) -> Times:
    """The record's times in order, and with a date where it had none: a clock that says less than `floor` was not set.

    A call of before the clock was set ended now, for all we know, and took as long as it says; one during which it was
    set began when it ended. While the clock is still not set, the times stay as they are.
    """
    started, answered, ended = record.started_at, record.answered_at, record.ended_at
    if ended < floor <= now:
        shift = now - ended
        started, answered, ended = started + shift, None if answered is None else answered + shift, now
    elif started < floor <= ended:
        started = ended
    started = min(started, ended)
    return Times(started, None if answered is None else min(max(answered, started), ended), ended)


def _held(name: str, form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise DecodeError(f"{name}: has another form than it may have")
    return text


def _integer(name: str, text: str) -> int:
    value = int(_held(name, _NUMBER, text) or 0)
    if value > LATEST:
        raise DecodeError(f"{name}: is beyond all time")
    return value


def _text(name: str, text: str) -> str:
    """A text of the network: what is no UTF-8 in it becomes a sign for that."""
    try:
        octets = binascii.a2b_base64(text.encode("ascii"), strict_mode=True) if text else b""
    except (binascii.Error, UnicodeEncodeError):
        raise DecodeError(f"{name}: is no base64") from None
    return octets.decode("utf-8", "replace")[:LONGEST_TEXT].strip()
