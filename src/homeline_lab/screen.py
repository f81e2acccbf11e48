"""A prompt with lines that appear above it: what the demo shows and how it is asked.

On a terminal the line under edit is drawn again below each new line. Elsewhere lines are just printed and read.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable
from typing import Any

PROMPT = "homeline> "
CTRL_C, CTRL_D, CTRL_U, CTRL_W = "\x03", "\x04", "\x15", "\x17"
UP, DOWN = "\x1b[A", "\x1b[B"


class Screen:
    """`async with Screen(on_line, on_end) as screen`: `say` shows a line, `on_line` gets what was typed."""

    def __init__(self, on_line: Callable[[str], None], on_end: Callable[[], None]) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._on_line, self._on_end = on_line, on_end
        self._typed = ""
        self._history: list[str] = []
        self._place = 0
        self._settings: list[Any] | None = None
        self._rest = b""

    async def __aenter__(self) -> Screen:
        if self.interactive:
            self._settings = termios.tcgetattr(0)
            tty.setcbreak(0)
        asyncio.get_running_loop().add_reader(0, self._readable) if self._can_watch() else None
        self._draw()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._can_watch():
            asyncio.get_running_loop().remove_reader(0)
        if self._settings is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._settings)
            self._write("\r\x1b[K")

    @staticmethod
    def _can_watch() -> bool:
        """A file or /dev/null cannot be watched, nor need it be: the tour goes on alone."""
        try:
            return not os.path.isfile("/proc/self/fd/0") and os.fstat(0).st_rdev != os.stat("/dev/null").st_rdev  # noqa: PTH113, PTH116
        except OSError:
            return False

    def say(self, text: str) -> None:
        """Show text above the prompt."""
        self._write(f"\r\x1b[K{text}\n" if self.interactive else f"{text}\n")
        self._draw()

    def _draw(self) -> None:
        if self.interactive:
            self._write(f"\r\x1b[K\x1b[1m{PROMPT}\x1b[0m{self._typed}")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _readable(self) -> None:
        data = os.read(0, 4096)
        if not data:
            asyncio.get_running_loop().remove_reader(0)
            if self.interactive:
                self._on_end()
            return  # of a pipe: what is shown goes on to its end
        self._rest += data
        try:
            text, self._rest = self._rest.decode(), b""
        except UnicodeDecodeError as error:
            if len(self._rest) - error.start < 4:
                return  # a character's octets are still coming
            text, self._rest = self._rest.decode(errors="replace"), b""
        self._keys(text) if self.interactive else self._lines(text)

    def _lines(self, text: str) -> None:
        *whole, self._typed = (self._typed + text).split("\n")
        for line in whole:
            self._on_line(line)

    def _keys(self, text: str) -> None:
        if text in (UP, DOWN):
            self._recall(-1 if text == UP else 1)
        elif not text.startswith("\x1b"):
            for key in text:
                self._key(key)
        self._draw()

    def _key(self, key: str) -> None:
        if key in ("\r", "\n"):
            self._enter()
        elif key in ("\x7f", "\b"):
            self._typed = self._typed[:-1]
        elif key == CTRL_U:
            self._typed = ""
        elif key == CTRL_W:
            self._typed = self._typed.rstrip().rpartition(" ")[0]
        elif key in (CTRL_C, CTRL_D):
            self._on_end()
        elif key.isprintable():
            self._typed += key

    def _enter(self) -> None:
        line, self._typed = self._typed, ""
        self._write(f"\r\x1b[K\x1b[1m{PROMPT}\x1b[0m{line}\n")
        if line:
            self._history.append(line)
        self._place = len(self._history)
        self._on_line(line)

    def _recall(self, step: int) -> None:
        self._place = min(max(self._place + step, 0), len(self._history))
        self._typed = self._history[self._place] if self._place < len(self._history) else ""
