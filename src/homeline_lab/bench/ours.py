"""Homeline: the real daemon on the lab's router, with a rule that sends each message to the handler as a mail."""

from __future__ import annotations

import asyncio
import compileall
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import homeline
from homeline.adapters.bus import Bus
from homeline_lab.bench import procfs
from homeline_lab.bench.program import Program
from homeline_lab.router import Router

CONFIG = """
config homeline 'main'
	option enabled '1'
	option country 'CH'
	option log_level 'error'

config dongle 'stick'
	option rate '600'

config email 'owner'
	list to 'owner@home.lab'
	option from 'homeline@router.lab'
	option command 'handler'

config rule 'everything'
	list events 'message'
	list channels 'owner'
"""
PAGE = 500


def compile_daemon() -> None:
    """As on a router, which has byte code only: compiling at each start takes time, and memory that stays."""
    compileall.compile_dir(Path(homeline.__file__).parent, quiet=2)


class Homeline(Program):
    name = "homeline"

    async def open(self) -> None:
        compile_daemon()
        self._router = Router(self.folder)
        await self._router.__aenter__()
        self.bell.install(self._router.paths.commands / "handler")
        self._router.configure(CONFIG)
        self._bus = Bus(self._router.paths.bus)
        self._changed = asyncio.Event()
        self._bus.listen("homeline.dongle.changed", lambda _name, _data: self._changed.set())
        await self._bus.__aenter__()
        await self._bus.wait_ready(10.0)

    async def close(self) -> None:
        await self._bus.__aexit__(None, None, None)
        await self._router.__aexit__(None, None, None)

    async def start(self) -> None:
        await self._router.start()

    async def settled(self) -> None:
        """Until the SIM is known, so that what comes is new and not archived."""
        await self._router.ready(20.0)
        async with asyncio.timeout(20.0):
            self._changed.clear()
            while not await self._ready():
                await self._changed.wait()
                self._changed.clear()
        await self._quiet()

    async def _quiet(self) -> None:
        """Until the first look at the SIM has ended: what lies there before is archived, and ready is told earlier."""
        seen = -1
        while seen != self.dongle.count():
            seen = self.dongle.count()
            await asyncio.sleep(0.1)

    async def _ready(self) -> bool:
        dongles = (await self._bus.call("homeline", "status"))["dongles"]
        return bool(dongles) and dongles[0]["state"] == "ready"

    async def stop(self) -> None:
        await self._router.stop()

    async def kill(self) -> None:
        daemon = self._router.daemon
        if daemon and daemon.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            await daemon.wait()

    def pids(self) -> list[int]:
        return procfs.session(self._router.daemon.pid) if self._router.daemon else []

    async def send(self, number: str, text: str) -> None:
        await self._bus.call("homeline", "send_message", {"to": number, "text": text})

    async def inbox(self) -> list[str]:
        found: list[str] = []
        before: dict[str, int] = {}
        while True:
            page = await self._bus.call("homeline", "list_messages", {"direction": "in", "limit": PAGE} | before)
            found += [m.get("text", "") for m in page["messages"]]
            if not page["more"]:
                return found
            before = {"before": page["messages"][-1]["id"]}

    @staticmethod
    def version() -> str:
        return f"Python {sys.version.split()[0]}"
