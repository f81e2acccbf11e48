"""gammu-smsd with its files backend."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar

from homeline_lab.bench.program import CommandProgram, write_whole

# All checks that are not about messages are off, all waits as short as the manual allows without a busy loop.
CONFIG = """[gammu]
device = {port}
connection = at115200
synchronizetime = no

[smsd]
service = files
logfile = null
inboxpath = {folder}/inbox/
outboxpath = {folder}/outbox/
sentsmspath = {folder}/sent/
errorsmspath = {folder}/error/
runonreceive = {handler}
commtimeout = 1
receivefrequency = 1
loopsleep = {sleep}
statusfrequency = 0
checksecurity = 0
checkbattery = 0
checksignal = 0
checknetwork = 0
"""


class GammuSmsd(CommandProgram):
    name = "gammu-smsd"
    needs = "gammu-smsd"
    package = "gammu-smsd"
    loop_sleep: ClassVar[int] = 1

    async def open(self) -> None:
        for name in ("inbox", "outbox", "sent", "error"):
            (self.folder / name).mkdir()
        (self.folder / "smsdrc").write_text(
            CONFIG.format(port=self.dongle.port, folder=self.folder, handler=self.bell.handler, sleep=self.loop_sleep)
        )
        self._numbers = itertools.count()

    def command(self) -> Sequence[str]:
        return ("gammu-smsd", "-c", str(self.folder / "smsdrc"))

    async def send(self, number: str, text: str) -> None:
        write_whole(self.folder / "outbox", f"OUTA20260101_000000_00_{number}_n{next(self._numbers)}.txt", text)

    async def inbox(self) -> list[str]:
        return [p.read_text(encoding="utf-8") for p in (self.folder / "inbox").iterdir()]


class BusyGammuSmsd(GammuSmsd):
    """The same in a busy loop, which the manual offers and warns of: a whole processor core while idle."""

    name = "gammu-smsd-busy"
    loop_sleep = 0
