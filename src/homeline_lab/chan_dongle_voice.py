"""The voice port of a simulated dongle, for Asterisk's chan_dongle: sound of the other side of a call, both ways.

Sound is signed 16 bit little endian, 8000 samples a second, 20 ms at a time, as a Huawei dongle has it on its second
port. There is one port for all calls of the dongle, and it speaks whether one is up or not.
"""

from __future__ import annotations

import asyncio
import os
import tty
from contextlib import suppress
from pathlib import Path

from homeline_lab.sip_audio import SILENCE, Audio
from homeline_lab.tone import FRAME, RATE, sine


class VoicePort(Audio):
    """`async with VoicePort(root) as port:`; `root/dev/NAME` is the port."""

    def __init__(self, root: Path, name: str = "ttyUSB1") -> None:
        super().__init__()
        self.path = root / "dev" / name
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> VoicePort:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._hear)
        self._tasks.add(asyncio.ensure_future(self._say()))
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.path.unlink()
        os.close(self._master)
        os.close(self._slave)

    def _hear(self) -> None:
        data = os.read(self._master, 65536)
        self.heard.frombytes(data[: len(data) // 2 * 2])
        task = asyncio.ensure_future(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._more:
            self._more.notify_all()

    async def _say(self) -> None:
        """A frame each 20 ms by the clock. What nobody reads is dropped, as a dongle does."""
        clock = asyncio.get_running_loop().time
        due, first = clock(), 0
        while True:
            with suppress(BlockingIOError):
                os.write(self._master, sine(self._hz, FRAME, first=first) if self._hz else SILENCE)
            first += FRAME
            due = max(due + FRAME / RATE, clock() - 0.1)
            await asyncio.sleep(max(0.0, due - clock()))
