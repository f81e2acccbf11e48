"""A pty as a serial port: the dongle's side of it, at full speed or at a line's real pace."""

from __future__ import annotations

import asyncio
import errno
import os
import tty
from collections.abc import Callable
from dataclasses import dataclass

LAST_READ = 0.01  # s between the last octets of a dying port and its end: a hang-up takes away what is not read yet
BACKLOG = 1 << 18  # octets that wait for a reader; a dongle's own buffer is smaller, and drops what does not fit
TICK = 0.005  # s between two writes of a paced line


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast octets leave: `chunk` of them, then `delay` seconds."""

    chunk: int
    delay: float

    @classmethod
    def baud(cls, rate: int) -> Pace:
        """8N1: ten bits an octet."""
        return cls(max(1, int(rate / 10 * TICK)), TICK if rate >= 10 / TICK else 10 / rate)


class Wire:
    """A pty pair. Both ends are held open, so that programs may open and close the port as often as they like."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.pace: Pace | None = None
        self.written = 0  # octets that went out
        self._backlog = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._writing = False
        self._cut: tuple[int, Callable[[], None]] | None = None
        self.closed = False
        self._dead = False  # cut off, not closed yet
        self._loop.add_reader(self._master, self._read)

    def send(self, data: bytes) -> None:
        """Queue octets for the reader; what is over the backlog is lost, as in a real one."""
        if self.closed or self._dead:
            return
        self._backlog += data[: BACKLOG - len(self._backlog)]
        if not self._timer and not self._writing:
            self._pump()

    def cut_after(self, octets: int, action: Callable[[], None]) -> None:
        """Let the port die when that many more octets have gone out."""
        self._cut = (self.written + len(self._backlog) + octets, action)

    def forget(self) -> None:
        """Drop what has not gone out yet."""
        self._backlog.clear()

    def close(self) -> None:
        """Hang up: readers of the port get end of file or EIO, as when a dongle is pulled out."""
        if self.closed:
            return
        self.closed = True
        if self._timer:
            self._timer.cancel()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        os.close(self._slave)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EIO):
                raise
            return
        if not self._dead:
            self._received(data)

    def _pump(self) -> None:
        self._timer = None
        limit = self.pace.chunk if self.pace else len(self._backlog)
        if self._cut:
            limit = min(limit, self._cut[0] - self.written)
        try:
            done = os.write(self._master, self._backlog[:limit]) if limit else 0
        except BlockingIOError:
            done = 0
        self.written += done
        del self._backlog[:done]
        if self._cut and self.written >= self._cut[0]:
            action, self._cut = self._cut[1], None
            self._backlog.clear()
            self._dead = True
            self._loop.call_later(LAST_READ, action)
        elif self._backlog:
            self._continue(done)

    def _continue(self, done: int) -> None:
        if self.pace and done:
            self._timer = self._loop.call_later(self.pace.delay, self._pump)
        elif not self._writing:
            self._writing = True
            self._loop.add_writer(self._master, self._writable)

    def _writable(self) -> None:
        self._writing = False
        self._loop.remove_writer(self._master)
        self._pump()
