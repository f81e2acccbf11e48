"""One measurement's surroundings: a new folder, a new dongle and network, one program, the bell."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from homeline_lab.bench.bell import Bell
from homeline_lab.bench.program import Program
from homeline_lab.dongle import Dongle
from homeline_lab.models import E1750

START_TIMEOUT = 60.0  # s for a program to handle its first message
# Without the notice of a full storage: gammu-smsd stands still when it comes between two commands.
MODEL = replace(E1750, full_notice="")
PROBE = "probe"
READS = re.compile(rb"\+CMG[LR]")


class Scene:
    """A program beside its dongle."""

    def __init__(self, folder: Path, dongle: Dongle, bell: Bell, program: Program) -> None:
        self.folder, self.dongle, self.bell, self.program = folder, dongle, bell, program

    async def begin(self) -> None:
        """Start the program and wait until it has handled a message."""
        await self.program.start()
        await self.program.settled()
        handled = len(self.bell.times)
        self.dongle.deliver(f"{PROBE} {handled}")  # the same text in the same second would be the same message
        await self.bell.wait(handled + 1, START_TIMEOUT)
        await self.drained()

    async def rest(self) -> None:
        """Run it once and end it: what is done only the first time is done."""
        await self.begin()
        await self.program.stop()

    async def drained(self, timeout: float = START_TIMEOUT) -> None:
        """Until nothing waits in the network and the storages are empty."""
        dongle = self.dongle
        await dongle.wait(
            lambda: not dongle.network.queue and not dongle.stored("SM") and not dongle.stored("ME"), timeout
        )

    def pdus(self, count: int, first: int = 0) -> list[bytes]:
        """Messages that can be told apart, by their text and by the second in which they were sent."""
        begin = self.dongle.network.now() - timedelta(days=1)
        return [
            self.dongle.network.encode(label(i), at=begin + timedelta(seconds=i))[0]
            for i in range(first, first + count)
        ]

    def deliver(self, pdus: Sequence[bytes]) -> float:
        """Let the network deliver; when it did."""
        now = time.monotonic()
        self.dongle.network.deliver_pdus(pdus)
        return now

    def first_read(self, since: float) -> float:
        """When the program first read the storage after some time."""
        return next(e.at for e in self.dongle.log if e.at >= since and e.direction == ">>" and READS.search(e.data))

    async def received(self) -> Counter[str]:
        """The inbox, how often each text of ours is in it."""
        return Counter(t.strip() for t in await self.program.inbox() if not t.startswith(PROBE))


def label(number: int) -> str:
    """The text of message `number`."""
    return f"message {number:05d} of the benchmark"


@asynccontextmanager
async def scene(kind: type[Program], slots: int) -> AsyncIterator[Scene]:
    """A scene whose SIM has so many slots. The program is ended and the folder gone behind it."""
    folder = Path(tempfile.mkdtemp(prefix="homeline-bench-"))
    try:
        async with Dongle(MODEL, folder, storages={"SM": slots}) as dongle:
            bell = Bell(folder)
            program = kind(folder, dongle, bell)
            try:
                await program.open()
                try:
                    yield Scene(folder, dongle, bell, program)
                finally:
                    with suppress(asyncio.CancelledError):
                        await program.kill()
                    await program.close()
            finally:
                bell.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
