"""The AT conversation with a modem, sans I/O (ITU-T V.250 5, 3GPP TS 27.007, 3GPP TS 27.005).

    bytes -> Framer -> Line | Prompt -> Channel -> Answer | Failed | Unsolicited | Write

A modem says three kinds of things on one wire: the answer to the command that runs, a final result that ends it, and
unsolicited lines (URC) at any moment, also within an answer. The channel tells them apart by what the command says of
its own answer (`prefixes`, `owns`, `plain`, `body`): all else is unsolicited. Nothing here waits: the caller has the
clock and calls `abandon` at a deadline. From then on a late answer could be taken for the next command's, so it
is out of step until the late final comes or a `resync` has found its marker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from homeline.errors import DecodeError, EncodeError, HomelineError, ProtocolError, TimedOut
from homeline.protocol.at_errors import modem_error
from homeline.protocol.at_fields import is_hex
from homeline.protocol.at_framer import MAX_LINE, NOISE, Framer, Line, Prompt

__all__ = [
    "MARKERS",
    "MAX_ANSWER",
    "MAX_LINE",
    "Answer",
    "Channel",
    "Command",
    "Event",
    "Failed",
    "Framer",
    "Line",
    "Prompt",
    "Unsolicited",
    "Write",
    "anything",
    "nothing",
]

T = TypeVar("T")

MAX_ANSWER = 1 << 20  # characters that one answer may have; 255 messages on a SIM are some 100,000
ESC, CTRL_Z = b"\x1b", b"\x1a"

_TWO_LINES = re.compile(r"\+(?:CMT:|CBM:|CDS:\s*\d+\s*$)")  # a PDU follows; text mode's +CDS has many fields and none
_PREFIXED = re.compile(r"[+^*$%#&_][A-Z0-9_+]{2,16}:", re.IGNORECASE)
_KEYWORDS = re.compile(
    r"RING|RDY|START|CALL READY|SMS READY|(?:SMS|PB) DONE|SIM READY|NORMAL POWER DOWN|POWERED DOWN|\^SYSSTART"
    r"|APP RDY|(?:OPL|PNN|EONS) UPDATING|DST: ?\d|ALARM (?:RING|MODE)"
    r"|\+?SMS FULL|HANGUP: ?\d+|VOICE CALL: ?(?:BEGIN|END).*|MISSED_CALL: ?.*|(?:OVER|UNDER)-VOLTAGE.*"
    r"|NO CARRIER|BUSY|NO ANSWER|NO DIAL ?TONE|CONNECT.*",
    re.IGNORECASE,
)
_CALL_FINALS = re.compile(r"NO CARRIER|BUSY|NO ANSWER|NO DIAL ?TONE|CONNECT.*")
_REFUSALS = ("ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS")


def anything(_line: str) -> bool:
    """Every line with a command's prefix belongs to its answer."""
    return True


def nothing(_lines: Sequence[str]) -> None:
    """The answer of a command that only says OK."""


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """One command line and how to read its answer.

    `parse` gets the information lines in order and raises DecodeError only. Bodies (PDUs) stand behind their headers.
    """

    line: str  # printable ASCII, without CR
    parse: Callable[[Sequence[str]], T]
    prefixes: tuple[str, ...] = ()  # such as "+CREG:"
    plain: bool = False  # lines without any prefix belong to the answer (AT+CGMI)
    body: bool = False  # the line after one with a prefix belongs to it (AT+CMGR)
    owns: Callable[[str], bool] = anything  # tells a line of the answer from an unsolicited one with the same prefix
    timeout: float = 5.0  # seconds until `abandon`
    payload: bytes = b""  # goes out with Ctrl-Z when the prompt comes
    masked: str = ""  # stands for `line` in logs and errors when that holds a number, a PIN or a text
    dials: bool = False  # NO CARRIER, BUSY, NO ANSWER and CONNECT end it too
    final_optional: bool = False  # some modem never ends the answer: at the deadline what came is parsed

    def __repr__(self) -> str:
        return f"Command({self.name!r})"  # a PIN or a text must not get into a log this way either

    def __post_init__(self) -> None:
        if not (self.line.isascii() and self.line.isprintable()):
            raise EncodeError(f"{self.name}: a command line is printable ASCII")
        if ESC in self.payload or CTRL_Z in self.payload:
            raise EncodeError(f"{self.name}: ESC and Ctrl-Z cannot stand in a payload")

    @property
    def name(self) -> str:
        """What logs and errors show: never a number, PIN or text."""
        return self.masked or self.line


@dataclass(frozen=True, slots=True)
class Answer:
    """The command ended well."""

    command: Command[Any]
    value: Any = field(repr=False)
    lines: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The command was refused (ModemError), abandoned (TimedOut), or its answer makes no sense (ProtocolError)."""

    command: Command[Any]
    error: HomelineError
    payload_sent: bool = False  # whether the modem may have acted on a payload


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """A line that nobody asked for, with the PDU line that belongs to it."""

    line: str
    pdu: str | None = None
    garbage: bool = False  # an endless line, cut


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that must be written now: the payload behind the prompt."""

    data: bytes


Event = Answer | Failed | Unsolicited | Write

# The markers of a resync: questions that any modem answers with a line of its own. Each attempt uses the next one, so
# that the late answer to one attempt is not taken for that to the following.
MARKERS: tuple[Command[None], ...] = (
    Command("AT+CMEE?", nothing, ("+CMEE:",)),
    Command("AT+CMGF?", nothing, ("+CMGF:",)),
    Command("AT+CSCS?", nothing, ("+CSCS:",)),
)


class _Step(Enum):
    """Whether lines can be told to belong to a command."""

    IN = "in"  # each final belongs to the command that runs
    LATE = "late"  # a command was abandoned: the next final is its own
    LOST = "lost"  # a resync was abandoned too: finals tell nothing any more
    MARKING = "marking"  # a resync looks for its marker
    MARKED = "marked"  # the marker's line was seen; the next final is its own


class Channel:
    """One conversation: one command at a time, one Channel for each time the port is opened."""

    def __init__(self) -> None:
        self._framer = Framer()
        self._step = _Step.IN
        self._command: Command[Any] | None = None
        self._late: Command[Any] | None = None  # the abandoned command, whose lines are thrown away
        self._lines: list[str] = []
        self._size = 0
        self._header = ""  # an unsolicited line that waits for its PDU
        self._marker = 0  # index of the resync's marker
        self._refusals = 0  # error finals since the resync began
        self.payload_sent = False

    @property
    def busy(self) -> bool:
        """A command (or a resync) runs."""
        return self._command is not None

    @property
    def in_step(self) -> bool:
        """False after `abandon` until the late final came or a resync ended: `start` is refused meanwhile."""
        return self._step is _Step.IN

    def start(self, command: Command[Any]) -> bytes:
        """The bytes that start `command`. Raises ProtocolError while another one runs or the channel is out of step."""
        if self.busy or not self.in_step:
            raise ProtocolError(f"{command.name}: the channel is {'busy' if self.busy else 'out of step'}")
        self._begin(command)
        return command.line.encode("ascii") + b"\r"

    def resync(self) -> bytes:
        """Leaves any prompt and asks for a marker; ends as Answer(one of MARKERS) or by `abandon`.

        ESC first: it cancels a prompt, and a half-written command line becomes an error, never another command.
        Raises ProtocolError while a command runs.
        """
        if self.busy:
            raise ProtocolError("resync: the channel is busy")
        self._marker = (self._marker + 1) % len(MARKERS) if self._step is _Step.LOST else 0
        marker = MARKERS[self._marker]
        self._begin(marker)
        self._refusals = 1 if self._step is _Step.IN else 0
        self._step = _Step.MARKING
        return ESC + marker.line.encode("ascii") + b"\r"

    def abandon(self, reason: str) -> list[Event]:
        """Ends the running command, or resync, at its deadline; the Answer or Failed that ends it is among the events.

        It is an Answer if what came is already enough. Lines behind a quote that never closed are let go first.
        """
        events: list[Event] = []
        for item in self._framer.flush():
            self._line(item, events)
        command = self._command
        if command is None:
            return events
        self._step = _Step.LATE if self._step is _Step.IN else _Step.LOST
        self._late = self._late or command
        self._command, self._framer.prompting = None, False
        if command.final_optional and self._lines:
            events.append(self._parsed(command))
        else:
            events.append(Failed(command, TimedOut(f"{command.name}: {reason}"), self.payload_sent))
        return events

    def feed(self, data: bytes) -> list[Event]:
        """What `data` from the modem means. Never raises, whatever the bytes."""
        events: list[Event] = []
        for item in self._framer.feed(data):
            if isinstance(item, Prompt):
                self._prompted(events)
            else:
                self._line(item, events)
        return events

    def _begin(self, command: Command[Any]) -> None:
        self._command = command
        self._lines, self._size, self.payload_sent = [], 0, False
        self._framer.prompting = bool(command.payload)

    def _prompted(self, events: list[Event]) -> None:
        if self._command is not None and self._command.payload:
            self.payload_sent = True
            events.append(Write(self._command.payload + CTRL_Z))

    def _line(self, item: Line, events: list[Event]) -> None:
        clean = NOISE.sub("", item.text).rstrip()
        if item.garbage:
            events.append(Unsolicited(item.text, garbage=True))
        elif not clean or self._is_echo(clean) or self._is_marker(clean):
            return
        elif self._header and self._is_pdu(clean):
            events.append(Unsolicited(self._header, clean))
            self._header = ""
        elif self._is_final(clean):
            self._final(clean, events)
        elif self._belongs(clean):
            self._collect(item.text, clean)
        elif not (self._late and self._expected_by(self._late, clean)):
            self._unsolicited(clean, events)

    def _is_echo(self, line: str) -> bool:
        for command in (self._command, self._late):
            if command and (line == command.line or (command.payload and line.strip("\x1a> ") == _payload(command))):
                return True
        return False

    def _is_marker(self, line: str) -> bool:
        if self._step is not _Step.MARKING or not line.startswith(MARKERS[self._marker].prefixes):
            return False
        self._step = _Step.MARKED
        return True

    def _is_pdu(self, line: str) -> bool:
        """Whether `line` is the PDU that the waiting header announced."""
        if _PREFIXED.match(line) or _KEYWORDS.fullmatch(line) or self._is_final(line):
            return False  # another unsolicited line, or the end of the answer, came between
        if self._command and self._awaits_body() and is_hex(line):
            # Both wait for a PDU: lengths decide, and the unsolicited one, which is written in one go, wins a draw.
            return _fits(self._header, line) or not _fits(self._lines[-1], line)
        if self._command and self._command.plain:
            return is_hex(line) and _fits(self._header, line)
        return True

    def _is_final(self, line: str) -> bool:
        if line == "OK" or line in _REFUSALS or line.startswith(("+CME ERROR:", "+CMS ERROR:")):
            return True
        if self._command is None or not self._command.dials:
            return False
        return _CALL_FINALS.fullmatch(line) is not None

    def _final(self, line: str, events: list[Event]) -> None:
        if self._step in (_Step.MARKING, _Step.MARKED):
            self._final_of_resync(line, events)
        elif self._step is _Step.LATE:
            self._in_step()
        elif self._step is _Step.LOST:
            return
        elif self._command is None:
            events.append(Unsolicited(line))  # such as OK when a called party answers (Wavecom)
        else:
            events.append(self._finished(self._command, line))

    def _final_of_resync(self, line: str, events: list[Event]) -> None:
        """Only the final behind the marker's line ends a resync; or a second refusal, if the modem lacks the marker."""
        if self._step is _Step.MARKING:
            self._refusals += line != "OK"
            if self._refusals < 2:
                return
        self._in_step()
        self._command = None
        events.append(Answer(MARKERS[self._marker], None))

    def _in_step(self) -> None:
        self._step, self._late = _Step.IN, None

    def _finished(self, command: Command[Any], line: str) -> Answer | Failed:
        self._command = None
        self._framer.prompting = False
        if line == "OK" or (command.dials and line.startswith("CONNECT")):
            return self._parsed(command)
        return Failed(command, modem_error(command.name, line), self.payload_sent)

    def _parsed(self, command: Command[Any]) -> Answer | Failed:
        lines = tuple(self._lines)
        self._lines = []
        if self._size > MAX_ANSWER:
            return Failed(command, DecodeError(f"{command.name}: the answer never ends"), self.payload_sent)
        try:
            return Answer(command, command.parse(lines), lines)
        except DecodeError as error:
            return Failed(command, DecodeError(f"{command.name}: {error}"), self.payload_sent)

    def _belongs(self, line: str) -> bool:
        """Whether `line` is part of the running command's answer."""
        return self._command is not None and self._step is _Step.IN and self._expected_by(self._command, line)

    def _expected_by(self, command: Command[Any], line: str) -> bool:
        if line.startswith(command.prefixes):
            return command.owns(line)
        if _PREFIXED.match(line) or _KEYWORDS.fullmatch(line):
            return False
        return command.plain or (command.body and (command is self._late or self._awaits_body()))

    def _awaits_body(self) -> bool:
        return self._command is not None and self._command.body and bool(self._lines)

    def _collect(self, raw: str, clean: str) -> None:
        self._size += len(raw) + 1
        if self._size <= MAX_ANSWER:
            self._lines.append(clean if _PREFIXED.match(clean) else raw)

    def _unsolicited(self, line: str, events: list[Event]) -> None:
        if _TWO_LINES.match(line):
            if self._header:
                events.append(Unsolicited(self._header))  # its PDU never came: the driver reads the storage
            self._header = line
        elif self._step in (_Step.IN, _Step.LATE) or _PREFIXED.match(line) or _KEYWORDS.fullmatch(line):
            events.append(Unsolicited(line))


def _payload(command: Command[Any]) -> str:
    return command.payload.decode("latin-1")


def _fits(header: str, pdu: str) -> bool:
    """Whether the length at a header's end is that of the PDU: octets without the SMSC field (3GPP TS 27.005 4.1)."""
    length = re.search(r"\d+$", header[-6:])  # so few, for the line is a stranger's
    return length is not None and len(pdu) == 2 * (1 + int(pdu[:2], 16) + int(length[0]))
