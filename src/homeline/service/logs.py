"""The log: one line an event, to procd, which hands it to logd."""

from __future__ import annotations

import logging
import sys
from collections import deque
from dataclasses import dataclass

KEPT = 300  # lines
LONGEST = 500  # characters of a line that are kept
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class OneLine(logging.Formatter):
    """What a stranger or a modem sent can neither begin a line of its own nor steer a terminal.

    Only the trace of a defect, which is ours, has more lines.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line; what is not printable is shown by its code point, such as <000A>."""
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(c if c.isprintable() else f"<{ord(c):04X}>" for c in line)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log: `number` counts from 1 since the start, `at` is in seconds since 1970."""

    number: int
    at: int
    level: str  # one of LEVELS
    text: str


class Recent(logging.Handler):
    """The last lines, without traces, for who cannot read the router's log (`list_log`)."""

    def __init__(self) -> None:
        super().__init__()
        self._format = OneLine()
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._number = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the handler's lock, from any thread."""
        try:
            record.message = record.getMessage()
            text = self._format.formatMessage(record)[:LONGEST]
        except Exception:  # as logging's own handlers do: what is wrong with a line stops nothing
            self.handleError(record)
            return
        self._number += 1
        level = next((name for name in reversed(LEVELS) if LEVELS[name] <= record.levelno), "debug")
        self._lines.append(Line(self._number, int(record.created), level, text))

    def lines(self, least: str = "debug", before: int | None = None) -> list[Line]:
        """Newest first: those of at least this level and older than number `before`."""
        self.acquire()
        kept = list(self._lines)
        self.release()
        shown = list(LEVELS)[list(LEVELS).index(least) :]
        return [line for line in reversed(kept) if line.level in shown and (before is None or line.number < before)]


RECENT = Recent()


def to_procd() -> None:
    """procd hands standard output to logd as info and standard error as errors, and logd adds time and name.

    The level is the first word as well, so that logread can be searched for it.
    """
    calm, alarming = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    calm.addFilter(lambda record: record.levelno < logging.WARNING)
    alarming.setLevel(logging.WARNING)
    for handler in (calm, alarming):
        handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[calm, alarming, RECENT])
