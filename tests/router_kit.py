"""A router with the built packages, a dongle in it and a mail server near it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from homeline.adapters.bus import Bus
from homeline_lab.dongle import Dongle
from homeline_lab.smtp import MailServer
from openwrt_kit import DIALOUT, Manager, Root, copy_sources, router

SETUP = """
uci set homeline.main.enabled=1
uci set homeline.main.country=CH
uci set homeline.stick=dongle
uci set homeline.me=email
uci add_list homeline.me.to=me@example.org
uci set homeline.me.from=homeline@example.org
uci set homeline.me.host=127.0.0.1
uci set homeline.me.port={port}
uci set homeline.me.tls=none
uci set homeline.everything=rule
uci add_list homeline.everything.events=message
uci add_list homeline.everything.channels=me
uci commit homeline_secret
uci commit homeline
/etc/init.d/homeline start
"""


class Router:
    """A router with a dongle in it and a mail server near it."""

    def __init__(self, root: Root, manager: Manager, dongle: Dongle, mail: MailServer) -> None:
        self.root, self.manager, self.dongle, self.mail = root, manager, dongle, mail

    async def install(self, packages: dict[str, bytes], *names: str) -> str:
        return "".join([await self.manager.install(packages[name]) for name in names])

    async def setup(self) -> None:
        await self.root.shell(SETUP.format(port=self.mail.port))
        await self.ready()

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        async with Bus(self.root.bus.path) as bus:
            await bus.wait_ready(10)
            yield bus

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        async with self.bus() as bus:
            return await bus.call("homeline", method, arguments, 20)

    async def ready(self) -> None:
        """Until the daemon has its dongle."""
        changed = asyncio.Event()
        dongles: list[dict[str, Any]] = []
        try:
            async with self.bus() as bus, asyncio.timeout(90):
                bus.listen("homeline.dongle.changed", lambda _name, _data: changed.set())
                bus.listen("ubus.object.add", lambda _name, _data: changed.set())
                while True:
                    changed.clear()
                    if "homeline" in self.names():
                        dongles = (await bus.call("homeline", "status"))["dongles"]
                    if any(dongle["state"] == "ready" for dongle in dongles):
                        return
                    await changed.wait()
        except TimeoutError:
            raise TimeoutError(f"the dongle is not ready: {dongles}") from None

    def names(self) -> set[str]:
        return {found.name for found in self.root.bus.objects.values() if found.name}

    async def texts(self) -> list[str]:
        return [message["text"] for message in (await self.call("list_messages", limit=500))["messages"]]


@asynccontextmanager
async def living(name: str, *wanted: str, next_paho: bool = False) -> AsyncIterator[Router]:
    """On a branch, with what the core, the tools and the wanted packages depend on."""
    async with (
        router(name, "homeline", "homeline-tools", *wanted, next_paho=next_paho) as (root, manager),
        MailServer(root.path / "tmp/mail") as mail,
        Dongle("e1750", root.path) as dongle,
    ):
        for port in (root.path / "dev").glob("ttyUSB*"):  # as procd's hotplug makes them
            os.chown(port.resolve(), 0, DIALOUT)
            port.resolve().chmod(0o660)
        yield Router(root, manager, dongle, mail)


def status(root: Root, field: str, instance: str = "instance1") -> str:
    """A line of /proc/PID/status of the daemon, or of another instance of the service."""
    found = root.procd.pid("homeline", instance)
    text = Path(f"/proc/{found}/status").read_text()
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{field}:"))


def limit(root: Root, name: str) -> list[str]:
    """A row of /proc/PID/limits of the daemon: soft and hard."""
    found = root.procd.pid("homeline")
    text = Path(f"/proc/{found}/limits").read_text()
    return next(line.removeprefix(name).split()[:2] for line in text.splitlines() if line.startswith(name))


def older(work: Path) -> Path:
    """The recipes of the version before: the same with another number."""
    recipes = copy_sources(work)
    for name in ("src/homeline/__init__.py", "package/homeline.mk", "files/usr/libexec/homeline/root-helper"):
        path = work / name
        changed = re.sub(r'(__version__ = "|PKG_VERSION:=|\nversion=)[0-9.]+', r"\g<1>0.0.9", path.read_text())
        assert changed != path.read_text()
        path.write_text(changed)
    return recipes
