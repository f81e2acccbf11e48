"""The handler that all programs run for a received message, and the bell that it rings.

The handler is one small shell script: it writes a line to a FIFO and ends. The time is taken here, when the line is
read, on the same clock as the dongle's.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

# What comes on standard input (a mail, for Homeline) is read to its end, as a real handler would, after the bell.
SCRIPT = """#!/bin/sh
echo "$*" >{fifo}
[ ! -p /dev/stdin ] || exec cat >/dev/null
"""


class Bell:
    """`times` has an entry for each start of the handler, seconds of the monotonic clock."""

    def __init__(self, folder: Path) -> None:
        self.fifo = folder / "bell"
        self.handler = folder / "handler"
        self.times: list[float] = []
        os.mkfifo(self.fifo)
        self.install(self.handler)
        self._fd = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        self._rung = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def install(self, path: Path) -> None:
        """Put the handler where a program wants it."""
        path.write_text(SCRIPT.format(fifo=self.fifo))
        path.chmod(0o755)

    def _read(self) -> None:
        now = time.monotonic()
        self.times += [now] * os.read(self._fd, 65536).count(b"\n")
        self._rung.set()

    async def wait(self, count: int, timeout: float) -> float:
        """Until the handler was started that often in all; when that was. TimeoutError says how many came."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while len(self.times) < count:
            self._rung.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._rung.wait()
            except TimeoutError:
                raise TimeoutError(f"{len(self.times)} of {count} handled within {timeout:.0f} s") from None
        return self.times[count - 1]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
