"""An Asterisk of few words for tests of applying: it reads our files when it is told to, and shows what they say.

Its files have a line for each object, `KIND NAME`. Its manager is a real socket.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.test_ami import Fake, Session
from homeline.adapters import asterisk_files
from homeline.adapters.ami import Ami
from homeline.protocol.ami import Message
from homeline.service.telephony_apply import RELOADS, Applier
from homeline.service.telephony_record import Record
from homeline.telephony import Rendered

MODULES = {fields["Module"]: name for name, (action, fields) in RELOADS.items() if action == "Reload"}
Objects = dict[str, tuple[str, ...]]


class Pbx:
    """Below `root`; `broken` names files of which it keeps what it had, `absent` those that it has no module for."""

    def __init__(self, root: Path) -> None:
        self.folder, self.logs = root / "etc", root / "log"
        self.folder.mkdir()
        self.logs.mkdir()
        self.fake = Fake()
        self.fake.answers |= {"Reload": self._reload}
        for name in ("dongle", "quectel"):
            self.fake.answers[f"{name.title()}Reload"] = functools.partial(self._read, f"{name}.conf")
        self.read: dict[str, str] = {}
        self.broken: set[str] = set()
        self.absent: set[str] = set()
        self.reloaded: list[str] = []
        self.ami = Ami(0, "homeline", lambda: "secret")
        self.record = Record(root / "restart", root / "ram")
        self.applier = Applier(self.ami, self.shown, self.folder, self.logs, self.record)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Read everything, as at its start, which is now."""
        self.read = asterisk_files.present(self.folder)
        self.record.restarting(time.monotonic())
        self.ami.started = time.monotonic()

    async def connect(self) -> None:
        """Meet it; it has been running for long."""
        self.ami.port = self.fake.port
        self._task = self._task or asyncio.create_task(self.ami.run())
        self.ami.reconnect()
        await self.ami.wait_connected(10)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.fake.stop()

    async def _reload(self, session: Session, asked: Message) -> None:
        await self._read(MODULES[asked.get("Module")], session, asked)

    async def _read(self, name: str, session: Session, asked: Message) -> None:
        self.reloaded.append(name)
        if name in self.absent:
            return await session.reply(asked, "Message: No such module", response="Error")
        if name not in self.broken:
            path = self.folder / name
            self.read[name] = path.read_text() if path.exists() else ""
        await session.reply(asked, "Message: Module Reloaded")
        return None

    async def shown(self, named: Mapping[str, tuple[str, ...]]) -> Objects:
        found: Objects = {}
        for text in self.read.values():
            for line in text.splitlines():
                kind, name = line.split()
                found[kind] = (*found.get(kind, ()), name)
        return found


def rendered(files: Mapping[str, str], restart: str = "A") -> Rendered:
    """Files, with what they say as the objects that must be there."""
    objects: Objects = {}
    for line in "\n".join(files.values()).split("\n"):
        if line:
            kind, name = line.split()
            objects[kind] = (*objects.get(kind, ()), name)
    return Rendered(files=files, objects=objects, restart=restart)


@asynccontextmanager
async def pbx(root: Path) -> AsyncIterator[Pbx]:
    found = Pbx(root)
    await found.fake.start()
    yield found
    await found.close()
