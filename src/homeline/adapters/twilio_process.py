"""The process that looks at an account at Twilio and sets it up: one question, lines of progress, one answer.

Twilio's library and what it brings are gone from memory with it. Secrets go and come through files in memory only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from homeline.adapters import process
from homeline.errors import HomelineError
from homeline.twilio.shapes import Question

TIMEOUT = 330.0  # seconds: what it gives all of its requests, and a little
_SHOWN = 300  # characters of an unexpected end
_LINE = 4096  # octets: no line of progress is longer

Answer = Mapping[str, Any]  # `shapes.Answer.to_json`


class TwilioProcess:
    """Asks one question. `progress` is for who wants to know meanwhile."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        """`command` is what runs; without it ours."""
        self._command = list(command) or [sys.executable, "-s", "-m", "homeline.twilio"]
        self._lines: int | None = None  # the file that it writes to, while it runs

    async def ask(self, question: Question, timeout: float = TIMEOUT) -> Answer:
        """The answer, also one of failure. Raises HomelineError where there is none; the process has ended then."""
        path = os.pathsep.join(entry for entry in sys.path if entry)
        data = json.dumps(question.to_json()).encode()
        self._lines = os.memfd_create("twilio")
        try:
            status, lines, errors = await process.ask(self._command, data, timeout, {"PYTHONPATH": path}, self._lines)
        except TimeoutError:
            raise HomelineError(f"Twilio was not done within {timeout:g} s. What was made is found again.") from None
        except OSError as error:
            raise HomelineError(f"The process for Twilio cannot be run: {error.strerror or error}.") from None
        finally:
            os.close(self._lines)
            self._lines = None
        return _answer(status, lines, errors.decode("utf-8", "replace"))

    def progress(self) -> dict[str, Any]:
        """{"step": words, "done": n, "of": m} as it said last; {} before that, and while nothing runs."""
        if self._lines is None:
            return {}
        size = os.fstat(self._lines).st_size
        last = os.pread(self._lines, 2 * _LINE, max(0, size - 2 * _LINE)).rpartition(b"\n")[0].rpartition(b"\n")[2]
        try:
            said = json.loads(last)
            return {"step": str(said["step"])[:_SHOWN], "done": int(said["done"]), "of": int(said["of"])}
        except (ValueError, KeyError, TypeError):  # not yet, or the answer itself
            return {}


def _answer(status: int, lines: bytes, errors: str) -> Answer:
    last = lines.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        answer = json.loads(last)
        if isinstance(answer["steps"], list) and isinstance(answer["results"], dict):
            return dict(answer)
    except (ValueError, KeyError, TypeError):
        pass
    words = errors.strip().rpartition("\n")[2][:_SHOWN]
    raise HomelineError(f"The process for Twilio failed (status {status}): {words or 'without a word'}.")
