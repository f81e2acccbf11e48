"""SMS in text mode (3GPP TS 27.005 3): reading only. The driver works in PDU mode; traces of others may not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline.errors import DecodeError
from homeline.protocol import at_fields as f
from homeline.protocol.at import Command

_STATES = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT")
_TIME = re.compile(r"(\d{2}|\d{4})/(\d{1,2})/(\d{1,2}),(\d{1,2}):(\d{2}):(\d{2})([+-]\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A stored message. Times are ISO 8601, without an offset where the modem gives none that could be one."""

    index: int | None
    stat: int | None  # as in `Stored`
    number: str
    time: str
    text: str
    first_octet: int | None = None  # this and the following are there with AT+CSDH=1 only
    pid: int | None = None
    dcs: int | None = None
    smsc: str = ""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class TextReport:
    """A stored status report."""

    index: int | None
    stat: int | None
    reference: int
    number: str
    time: str
    discharge: str
    status: int


def read_text(index: int) -> Command[TextMessage | TextReport | None]:
    """AT+CMGR=index in text mode. None for an empty slot."""
    line = f"AT+CMGR={f.within(index, 0, 65535, 'index')}"
    return Command(line, parse_text, ("+CMGR:",), body=True, timeout=10)


def list_text() -> Command[tuple[TextMessage | TextReport, ...]]:
    """AT+CMGL="ALL"."""
    return Command('AT+CMGL="ALL"', parse_text_list, ("+CMGL:",), body=True, timeout=60)


def parse_text(lines: Sequence[str]) -> TextMessage | TextReport | None:
    if not lines:
        return None
    return _message(None, f.split(f.pick(lines[:1], "+CMGR:")), lines[1:])


def parse_text_list(lines: Sequence[str]) -> tuple[TextMessage | TextReport, ...]:
    starts = [number for number, line in enumerate(lines) if line.startswith("+CMGL:")]
    found = []
    for start, end in itertools.pairwise([*starts, len(lines)]):
        fields = f.split(f.after(lines[start], "+CMGL:"))
        found.append(_message(f.integer(fields, 0, "+CMGL"), fields[1:], lines[start + 1 : end]))
    return tuple(found)


def _message(index: int | None, fields: list[str], body: Sequence[str]) -> TextMessage | TextReport:
    state = f.text(fields, 0).upper()
    stat = _STATES.index(state) if state in _STATES else None
    if len(fields) > 7 and fields[1].isdigit() and fields[2].isdigit():
        reference, status = f.integer(fields, 2, "reference"), f.integer(fields, 7, "status")
        times = _time(f.text(fields, 5)), _time(f.text(fields, 6))
        return TextReport(index, stat, reference, f.ucs2_or_text(f.text(fields, 3)), *times, status)
    if not _TIME.match(f.text(fields, 2)):
        del fields[2:3]  # the alphabetic name of the sender, which some modems leave out, comma and all
    number, time, text = f.ucs2_or_text(f.text(fields, 1)), _time(f.text(fields, 2)), "\n".join(body)
    first_octet, pid, dcs, length = (f.optional(fields, place, "+CMGR") for place in (4, 5, 6, 9))
    return TextMessage(index, stat, number, time, text, first_octet, pid, dcs, f.text(fields, 7), length)


def _time(text: str) -> str:
    """A service centre's time: `yy/MM/dd,hh:mm:ss±zz`, quarters of an hour. Raises DecodeError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise DecodeError(f"'{f.shown(text)}' is no time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    quarters = int(match[7] or 0)
    zone = f"{'-' if quarters < 0 else '+'}{abs(quarters) // 4:02}:{abs(quarters) % 4 * 15:02}"
    known = match[7] is not None and abs(quarters) <= 56  # no place is further from Greenwich than 14 hours
    stamp = f"{year % 100 + 2000}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return stamp + (zone if known else "")
