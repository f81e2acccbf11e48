"""A bare terminal program for tests: opens a port as a file, writes octets, reads until something is there."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

FINAL = re.compile(rb"\r\n(OK|ERROR|COMMAND NOT SUPPORT|\+CM[ES] ERROR: [^\r]*)\r\n|\r\n> ")


class Terminal:
    """Octets as they are, no parsing: what the dongle really says."""

    def __init__(self, path: Path | str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.heard = bytearray()
        self.hung_up = False
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.hung_up = True
            asyncio.get_running_loop().remove_reader(self._fd)
        self.heard += data
        self._news.set()

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    async def until(self, *ends: bytes, timeout: float = 5.0) -> bytes:
        """Wait until one of the texts is there; takes and returns all up to its end."""
        async with asyncio.timeout(timeout):
            pattern = re.compile(b"|".join(map(re.escape, ends)))
            return await self._match(pattern)

    async def _match(self, pattern: re.Pattern[bytes]) -> bytes:
        while not (found := pattern.search(self.heard)):
            await self._wait()
        taken = bytes(self.heard[: found.end()])
        del self.heard[: found.end()]
        return taken

    async def gone(self, timeout: float = 5.0) -> None:
        """Wait until the port hangs up."""
        async with asyncio.timeout(timeout):
            while not self.hung_up:
                await self._wait()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def ask(self, line: str, timeout: float = 5.0) -> str:
        """A command line and its whole answer, final result included, as text."""
        self.write(line.encode() + b"\r")
        async with asyncio.timeout(timeout):
            return (await self._match(FINAL)).decode("latin-1")

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
