"""The AT commands of SMS in PDU mode (3GPP TS 27.005), builders and parsers as in `commands`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing
from homeline.protocol.commands import Address

_MEMORY_LIST = re.compile(r'\(([^()]*)\)|"([^"]*)"')
_MEMORY = re.compile(r"[A-Z][A-Z0-9_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stored:
    """A PDU in the modem's memory. `pdu` is hexadecimal, empty when the list had none that can be read."""

    index: int | None  # None in an answer to AT+CMGR, which repeats none
    stat: int | None  # 0 received unread, 1 received read, 2 stored unsent, 3 stored sent
    length: int | None  # octets without the SMSC field, as the modem printed it: often wrong
    pdu: str


@dataclass(frozen=True, slots=True)
class Memory:
    """How full a memory is. `name` is empty in the answer to the setting form."""

    name: str
    used: int
    total: int


@dataclass(frozen=True, slots=True)
class Indications:
    """The values that AT+CNMI=? offers (3GPP TS 27.005 3.4.1)."""

    mode: tuple[int, ...]
    mt: tuple[int, ...]
    bm: tuple[int, ...]
    ds: tuple[int, ...]
    bfr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextParameters:
    """AT+CSMP?."""

    first_octet: int
    validity: int | None
    pid: int | None
    dcs: int | None


# -- settings --


def message_service(service: int = 1) -> Command[None]:
    """AT+CSMS: 0 phase 2, 1 phase 2+ (direct messages must be acknowledged)."""
    return Command(f"AT+CSMS={f.within(service, 0, 128, 'service')}", nothing, ("+CSMS:",))


def message_service_query() -> Command[int]:
    """AT+CSMS?: the service in use."""
    return Command("AT+CSMS?", lambda lines: f.integer(f.split(f.pick(lines, "+CSMS:")), 0, "+CSMS"), ("+CSMS:",))


def pdu_mode() -> Command[None]:
    """AT+CMGF=0."""
    return Command("AT+CMGF=0", nothing)


def message_format() -> Command[int]:
    """AT+CMGF?: 0 PDU mode, 1 text mode."""
    return Command("AT+CMGF?", lambda lines: f.integer(f.split(f.pick(lines, "+CMGF:")), 0, "+CMGF"), ("+CMGF:",))


def service_centre() -> Command[Address | None]:
    """AT+CSCA?. None when the SIM has none (some modems answer +CMS ERROR: 330 instead)."""
    return Command("AT+CSCA?", parse_service_centre, ("+CSCA:",), timeout=10)


def parse_service_centre(lines: Sequence[str]) -> Address | None:
    if not lines:
        return None
    fields = f.split(f.pick(lines, "+CSCA:"))
    number = f.ucs2_or_text(f.text(fields, 0))
    return Address(number, f.optional(fields, 1, "+CSCA")) if number else None


def more_messages(mode: int = 1) -> Command[None]:
    """AT+CMMS: keeps the radio link between submissions; 1 until the next pause, 2 until switched off."""
    return Command(f"AT+CMMS={f.within(mode, 0, 2, 'mode')}", nothing)


def text_parameters() -> Command[TextParameters]:
    """AT+CSMP?."""
    return Command("AT+CSMP?", parse_text_parameters, ("+CSMP:",))


def parse_text_parameters(lines: Sequence[str]) -> TextParameters:
    fields = f.split(f.pick(lines, "+CSMP:"))
    first, validity, pid, dcs = f.integer(fields, 0, "+CSMP"), *(f.optional(fields, i, "+CSMP") for i in (1, 2, 3))
    return TextParameters(first, validity, pid, dcs)


# -- memories --


def memories() -> Command[tuple[tuple[str, ...], ...]]:
    """AT+CPMS=?: the memories for reading, writing and receiving; two or three lists."""
    return Command("AT+CPMS=?", parse_memories, ("+CPMS:",), timeout=10)


def parse_memories(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    rest = f.pick(lines, "+CPMS:")
    lists = tuple(tuple(_MEMORY.findall(many or one)) for many, one in _MEMORY_LIST.findall(rest))
    if not any(lists):
        raise DecodeError(f"+CPMS: no memory in '{f.shown(rest)}'")
    return lists


def memory_use() -> Command[tuple[Memory, ...]]:
    """AT+CPMS?: up to three, for reading, writing and receiving; none from a modem that fills in nothing."""
    return Command("AT+CPMS?", parse_memory_use, ("+CPMS:",), timeout=10)


def parse_memory_use(lines: Sequence[str]) -> tuple[Memory, ...]:
    fields = f.split(f.pick(lines, "+CPMS:"))
    rows = (fields[i : i + 3] for i in range(0, len(fields) - 2, 3))
    return tuple(
        Memory(f.text(row, 0), f.integer(row, 1, "+CPMS"), f.integer(row, 2, "+CPMS")) for row in rows if any(row)
    )


def select_memories(*names: str) -> Command[tuple[Memory, ...]]:
    """AT+CPMS="SM"[,"SM"[,"SM"]]: memories for reading, writing, receiving."""
    if not 1 <= len(names) <= 3:
        raise EncodeError(f"memories: 1 to 3 are allowed, not {len(names)}")
    values = ",".join(f.quoted(name, "memory") for name in names)
    return Command(f"AT+CPMS={values}", parse_selected_memories, ("+CPMS:",), timeout=10)


def parse_selected_memories(lines: Sequence[str]) -> tuple[Memory, ...]:
    fields = f.split(f.pick(lines, "+CPMS:"))
    if fields and f.unquote(fields[0]).isalpha():
        return parse_memory_use(lines)  # some answer as to the question
    pairs = (fields[i : i + 2] for i in range(0, len(fields) - 1, 2))
    return tuple(Memory("", f.integer(pair, 0, "+CPMS"), f.integer(pair, 1, "+CPMS")) for pair in pairs if any(pair))


# -- indications --


def indications_offered() -> Command[Indications]:
    """AT+CNMI=?."""
    return Command("AT+CNMI=?", parse_indications, ("+CNMI:",))


def parse_indications(lines: Sequence[str]) -> Indications:
    fields = [f.numbers(field, "+CNMI") for field in f.split(f.pick(lines, "+CNMI:"))]
    mode, mt, bm, ds, bfr, *_ = [*fields, (), (), (), (), ()]
    return Indications(mode, mt, bm, ds, bfr)


def indications() -> Command[tuple[int, ...]]:
    """AT+CNMI?: mode, mt, bm, ds, bfr as they are set."""
    return Command("AT+CNMI?", parse_indications_set, ("+CNMI:",))


def parse_indications_set(lines: Sequence[str]) -> tuple[int, ...]:
    fields = f.split(f.pick(lines, "+CNMI:"))
    return tuple(f.integer(fields, index, "+CNMI") for index in range(len(fields)))


def set_indications(*values: int) -> Command[None]:
    """AT+CNMI=mode[,mt[,bm[,ds[,bfr]]]]."""
    if not 1 <= len(values) <= 5:
        raise EncodeError(f"indications: 1 to 5 values are allowed, not {len(values)}")
    return Command("AT+CNMI=" + ",".join(str(f.within(value, 0, 9, "indication")) for value in values), nothing)


def acknowledge() -> Command[None]:
    """AT+CNMA: a direct message was taken; wanted with AT+CSMS=1 only."""
    return Command("AT+CNMA", nothing)


# -- messages --


def list_messages(stat: int = 4) -> Command[tuple[Stored, ...]]:
    """AT+CMGL=stat: 0 received unread, 1 received read, 2 unsent, 3 sent, 4 all. Marks what is received as read."""
    line = f"AT+CMGL={f.within(stat, 0, 4, 'stat')}"
    return Command(line, parse_list, ("+CMGL:",), body=True, timeout=60)


def parse_list(lines: Sequence[str]) -> tuple[Stored, ...]:
    """Lines that are neither header nor PDU are skipped; a header without a PDU is kept, with an empty one."""
    found: list[Stored] = []
    for line in lines:
        if line.startswith("+CMGL:"):
            fields = f.split(f.after(line, "+CMGL:"))
            length = f.optional(fields, len(fields) - 1, "+CMGL")
            found.append(Stored(f.integer(fields, 0, "+CMGL"), _stat(fields[1:2]), length, ""))
        elif found and not found[-1].pdu and f.is_hex(line.strip()):
            last = found[-1]
            found[-1] = Stored(last.index, last.stat, last.length, line.strip())
    return tuple(found)


def read_message(index: int) -> Command[Stored | None]:
    """AT+CMGR=index. None for an empty slot (others answer +CMS ERROR: 321)."""
    line = f"AT+CMGR={f.within(index, 0, 65535, 'index')}"
    return Command(line, parse_read, ("+CMGR:",), body=True, timeout=10)


def parse_read(lines: Sequence[str]) -> Stored | None:
    if not lines:
        return None
    fields = f.split(f.pick(lines, "+CMGR:"))
    length = f.optional(fields, len(fields) - 1, "+CMGR")
    pdu = next((line.strip() for line in lines[1:] if f.is_hex(line.strip())), "")
    if not pdu and length:
        raise DecodeError(f"+CMGR: no PDU in '{f.shown(' | '.join(lines[1:]))}'")
    if len(fields) == 4 and fields[0].isdigit() and fields[1].isdigit():
        del fields[0]  # some modems repeat the index in front
    return Stored(None, _stat(fields[:1]), length, pdu) if pdu else None


def _stat(field: Sequence[str]) -> int | None:
    return int(field[0]) if field and field[0] in ("0", "1", "2", "3") else None


def delete_message(index: int) -> Command[None]:
    """AT+CMGD=index."""
    return Command(f"AT+CMGD={f.within(index, 0, 65535, 'index')}", nothing, timeout=25)


def send_pdu(pdu: str, length: int) -> Command[int | None]:
    """AT+CMGS=length and the PDU behind the prompt. Gives TP-MR; None when the modem says OK without one: it is sent.

    `pdu` is hexadecimal with the SMSC field, `length` is in octets without it (3GPP TS 27.005 4.3). Raises EncodeError.
    """
    if not f.is_hex(pdu) or len(pdu) != 2 * (length + 1 + int(pdu[:2], 16)):
        raise EncodeError(f"PDU: hexadecimal with {length} octets behind the SMSC field is needed")
    f.within(length, 1, 176, "length")
    return Command(f"AT+CMGS={length}", parse_sent, ("+CMGS:",), payload=pdu.encode("ascii"), timeout=60)


def parse_sent(lines: Sequence[str]) -> int | None:
    return f.optional(f.split(f.pick(lines, "+CMGS:")), 0, "+CMGS") if lines else None
