"""The log: one line an event, to procd, which hands it to logd."""

from __future__ import annotations

import logging
import sys


class OneLine(logging.Formatter):
    """What a stranger or a modem sent can neither begin a line of its own nor steer a terminal.

    Only the trace of a defect, which is ours, has more lines.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line; what is not printable is shown by its code point, such as <000A>."""
        line = super().formatMessage(record)
        return line if line.isprintable() else "".join(c if c.isprintable() else f"<{ord(c):04X}>" for c in line)


def to_procd() -> None:
    """procd hands standard output to logd as info and standard error as errors, and logd adds time and name.

    The level is the first word as well, so that logread can be searched for it.
    """
    calm, alarming = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    calm.addFilter(lambda record: record.levelno < logging.WARNING)
    alarming.setLevel(logging.WARNING)
    for handler in (calm, alarming):
        handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[calm, alarming])
