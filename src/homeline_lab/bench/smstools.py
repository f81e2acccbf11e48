"""SMS Server Tools 3 (smsd)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from homeline_lab.bench.program import CommandProgram, write_whole

# Messages are taken straight from the list and deleted together (41, the fastest way), all waits at their least.
CONFIG = """devices = GSM1
logfile = {folder}/smsd.log
loglevel = 2
infofile = {folder}/info
pidfile = {folder}/pid
outgoing = {folder}/outgoing
checked = {folder}/checked
incoming = {folder}/incoming
failed = {folder}/failed
sent = {folder}/sent
delaytime = 1
delaytime_mainprocess = 1
errorsleeptime = 1
eventhandler = {handler}

[GSM1]
device = {port}
device_open_retries = -1
baudrate = 115200
incoming = high
check_memory_method = 41
check_network = 0
startsleeptime = 0
poll_faster = 50
"""


class Smstools(CommandProgram):
    name = "smstools"
    needs = "smsd"
    package = "smstools"

    async def open(self) -> None:
        for name in ("outgoing", "checked", "incoming", "failed", "sent"):
            (self.folder / name).mkdir()
        (self.folder / "smsd.conf").write_text(
            CONFIG.format(port=self.dongle.port, folder=self.folder, handler=self.bell.handler)
        )
        self._numbers = itertools.count()

    def command(self) -> Sequence[str]:
        return ("smsd", f"-c{self.folder / 'smsd.conf'}", "-t")

    async def send(self, number: str, text: str) -> None:
        name = f"n{next(self._numbers)}"
        write_whole(self.folder / "outgoing", name, f"To: {number.lstrip('+')}\n\n{text}")

    async def inbox(self) -> list[str]:
        found = (p.read_bytes().decode("latin-1") for p in (self.folder / "incoming").iterdir())
        return [text.partition("\n\n")[2] for text in found]
