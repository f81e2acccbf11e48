"""The AT commands of calls, call forwarding and the phone book (3GPP TS 27.007 6, 7, 8), as in `commands`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing


@dataclass(frozen=True, slots=True)
class Call:
    """A row of +CLCC (3GPP TS 27.007 7.18)."""

    index: int
    incoming: bool
    state: int  # 0 active, 1 held, 2 dialing, 3 alerting, 4 incoming, 5 waiting
    mode: int  # 0 voice, 1 data, 2 fax
    multiparty: bool
    number: str = ""
    type: int | None = None


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A row of +CCFC (3GPP TS 27.007 7.11): one service class."""

    active: bool
    service_class: int
    number: str = ""
    type: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of +CPBR (3GPP TS 27.007 8.12). `time` is the modem's own text, where it keeps one."""

    index: int
    number: str
    type: int | None
    name: str
    time: str = ""


def dial(number: str) -> Command[None]:
    """ATD…;: a voice call. Raises EncodeError unless `number` is digits, * and #, with + in front or not."""
    f.digits(re.sub(r"[*#]", "0", number.removeprefix("+")), "number", 1, 40)
    return Command(f"ATD{number};", nothing, masked="ATD…;", dials=True, timeout=30)


def answer() -> Command[None]:
    """ATA."""
    return Command("ATA", nothing, dials=True, timeout=30)


def hang_up() -> Command[None]:
    """AT+CHUP: ends all calls, where ATH would leave a voice call alone."""
    return Command("AT+CHUP", nothing, timeout=30)


def hang_up_line() -> Command[None]:
    """ATH."""
    return Command("ATH", nothing, timeout=30)


def extended_ring() -> Command[None]:
    """AT+CRC=1: +CRING: VOICE instead of RING."""
    return Command("AT+CRC=1", nothing)


def calls() -> Command[tuple[Call, ...]]:
    """AT+CLCC."""
    return Command("AT+CLCC", parse_calls, ("+CLCC:",))


def parse_calls(lines: Sequence[str]) -> tuple[Call, ...]:
    return tuple(_call(f.split(f.after(line, "+CLCC:"))) for line in lines)


def _call(fields: Sequence[str]) -> Call:
    index, direction, state, mode, multiparty = (f.integer(fields, i, "+CLCC") for i in range(5))
    number, kind = f.ucs2_or_text(f.text(fields, 5)), f.optional(fields, 6, "+CLCC")
    return Call(index, direction == 1, state, mode, multiparty == 1, number, kind)


def forwarding(reason: int) -> Command[tuple[Forwarding, ...]]:
    """AT+CCFC=reason,2 asks the network: 0 unconditional, 1 busy, 2 no reply, 3 not reachable, 4 all, 5 conditional."""
    return Command(f"AT+CCFC={f.within(reason, 0, 5, 'reason')},2", parse_forwarding, ("+CCFC:",), timeout=30)


def parse_forwarding(lines: Sequence[str]) -> tuple[Forwarding, ...]:
    rows = (f.split(f.after(line, "+CCFC:")) for line in lines)
    return tuple(
        Forwarding(
            f.integer(row, 0, "+CCFC") == 1,
            f.integer(row, 1, "+CCFC"),
            f.ucs2_or_text(f.text(row, 2)),
            f.optional(row, 3, "+CCFC"),
        )
        for row in rows
    )


def phone_book(first: int, last: int | None = None) -> Command[tuple[Entry, ...]]:
    """AT+CPBR=first[,last]."""
    span = str(f.within(first, 0, 65535, "index"))
    if last is not None:
        span += f",{f.within(last, first, 65535, 'index')}"
    return Command(f"AT+CPBR={span}", parse_phone_book, ("+CPBR:",), timeout=30)


def parse_phone_book(lines: Sequence[str]) -> tuple[Entry, ...]:
    return tuple(_entry(f.split(f.after(line, "+CPBR:"))) for line in lines)


def _entry(fields: list[str]) -> Entry:
    if len(fields) > 2 and not fields[1] and fields[2].startswith('"'):
        del fields[1]  # some phones have an empty field in front of the number
    number, name = f.ucs2_or_text(f.text(fields, 1)), f.ucs2_or_text(f.text(fields, 3))
    return Entry(f.integer(fields, 0, "+CPBR"), number, f.optional(fields, 2, "+CPBR"), name, f.text(fields, 4))
