"""The least that can be done: wait for +CMTI, read, run the handler, delete. It stores nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from homeline.protocol import pdu
from homeline_lab.bench.program import CommandProgram

READER = Path(__file__).with_name("bare_reader.py")


class Bare(CommandProgram):
    name = "bare reader"
    stdin = asyncio.subprocess.PIPE

    def command(self) -> Sequence[str]:
        return (sys.executable, "-I", str(READER), str(self.dongle.port), str(self.bell.handler))

    async def send(self, number: str, text: str) -> None:
        (part,) = pdu.encode_submit(number, text)
        if self._process and self._process.stdin:
            self._process.stdin.write(f"{part.length} {part.pdu}\n".encode())

    async def inbox(self) -> list[str]:
        return []
