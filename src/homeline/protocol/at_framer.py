"""Bytes from a modem to lines and prompts (ITU-T V.250 5.7.1), with bounded buffers."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE = 4096  # octets; the longest honest line is a PDU in hexadecimal (some 360) or +COPS=? (some 1000)
MAX_QUOTED = 1024  # octets that one +CUSD string may run over several lines

NOISE = re.compile(r"^[^\x21-\x7e]+")  # what stands before the first printable ASCII character of a line
# Quotes within the text are not escaped: one closes it before a coding scheme, or else if all quotes are in pairs.
_USSD_WHOLE = re.compile(
    rb'\+CUSD:[^"]*(?:".*"\s*,\s*\d{1,3}|(?:"[^"]*"[^"]*)*"[^"]*"\s*,?)\s*',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. Each octet is one character (Latin-1): character sets are the commands' affair."""

    text: str
    garbage: bool = False  # it was longer than MAX_LINE and is cut


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for a payload: `> `."""


class Framer:
    """Bytes to lines. CR, LF and any mixture end a line, empty lines are nothing, NULs vanish outside quotes.

    A +CUSD string may hold line ends: such a line goes on to its closing quote, at most MAX_QUOTED octets.
    """

    def __init__(self) -> None:
        self.prompting = False  # set by the caller while a prompt may come: elsewhere ">" is text
        self._buffer = bytearray()
        self._cut = False  # the rest of an endless line is being thrown away

    def feed(self, data: bytes) -> list[Line | Prompt]:
        """The lines and prompts that `data` completes. What remains is kept, never more than MAX_LINE octets."""
        found: list[Line | Prompt] = []
        *whole, rest = re.split(rb"([\r\n])", data)
        for piece, end in zip(whole[::2], whole[1::2], strict=True):
            self._take(piece, found)
            self._end(end, found)
        self._take(rest, found)
        return found

    def flush(self) -> list[Line]:
        """Gives up on a quoted string that never closed: its lines, one by one. An unfinished last line stays."""
        if not self._open_quote():
            return []
        *lines, rest = re.split(rb"[\r\n]+", bytes(self._buffer))
        self._buffer[:] = rest
        return [Line(_text(line)) for line in lines if line.strip(b"\0 ")]

    def _take(self, piece: bytes, found: list[Line | Prompt]) -> None:
        if self._cut or not piece:
            return
        if self.prompting:
            piece = self._without_prompt(piece, found)
        room = MAX_LINE - len(self._buffer)
        self._buffer += piece[:room]
        if len(piece) > room:
            found.append(Line(_text(self._buffer), garbage=True))
            self._buffer.clear()
            self._cut = True

    def _without_prompt(self, piece: bytes, found: list[Line | Prompt]) -> bytes:
        """What stands behind a prompt that `piece` completes, else `piece`: noise may stand before it, text may not."""
        if NOISE.sub("", self._buffer.decode("latin-1")):
            return piece
        before, mark, rest = piece.partition(b">")
        if not mark or NOISE.sub("", before.decode("latin-1")):
            return piece
        found.append(Prompt())
        self.prompting = False
        self._buffer.clear()
        return rest

    def _end(self, end: bytes, found: list[Line | Prompt]) -> None:
        self._cut, cut = False, self._cut
        if cut or not self._buffer:
            return
        if self._open_quote() and len(self._buffer) < MAX_QUOTED:
            self._buffer += end
            return
        if self._open_quote():
            found.extend(self.flush())
        text = _text(self._buffer)
        self._buffer.clear()
        if text.strip():
            found.append(Line(text))

    def _open_quote(self) -> bool:
        start = self._buffer.find(b"+CUSD:", 0, 16)
        return start >= 0 and b'"' in self._buffer and _USSD_WHOLE.fullmatch(self._buffer, start) is None


def _text(raw: bytes | bytearray) -> str:
    """A raw line as text. NUL is noise, except within quotes: there it is GSM 03.38's @."""
    line = raw.decode("latin-1")
    if "\0" not in line:
        return line
    pieces = line.split('"')
    return '"'.join(piece if index % 2 else piece.replace("\0", "") for index, piece in enumerate(pieces))
