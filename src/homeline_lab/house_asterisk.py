"""A house's own Asterisk, as OpenWrt's packages leave it, with a telephone network behind its dongles.

The GSM leg of a call is the lab's: what the dial plan would hand to a dongle's channel driver rings at `gsm_incoming`
(the owner's extensions.conf has the extension of `homeline-gsm` before ours, and the first one counts), and `gsm_call`
is a call that comes in through a dongle. With a real channel driver (`modules`) the dongle's own network is used.

Its init script is the lab's too: etc/init.d/asterisk takes the words of OpenWrt's and hands them to this process.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from homeline_lab.asterisk import Asterisk, free_port, own_address
from homeline_lab.sip_calls import DIALPLAN, MANAGER, Call, Exchange
from homeline_lab.sip_peer import Address
from homeline_lab.uci import Uci

MANAGER_TIMEOUT = 20.0  # seconds until Homeline has switched on Asterisk's manager, which it may restart for it

# What an owner's files are who has just installed the packages: our own words, with the settings that matter.
STOCK = {
    "manager.conf": "[general]\nenabled = no\nport = 5038\nbindaddr = 0.0.0.0\n",
    "rtp.conf": "[general]\nrtpstart=5000\nrtpend=31000\n",
    "modules.conf": "[modules]\nautoload=yes\nnoload = res_hep.so\nnoload = res_hep_pjsip.so\n",
    "extensions.conf": "[general]\nstatic=yes\nwriteprotect=no\n\n[globals]\nCONSOLE=Console/dsp\n",
    "pjsip.conf": "; nothing is configured yet\n",
}

INIT = """#!/bin/sh
# Stands for OpenWrt's init script of Asterisk: the lab runs it. Opened for reading too, the door holds up nobody who
# comes when the house is gone.
case $1 in
start | stop | restart | reload) echo "$1" 1<>"{door}" ;;
running) kill -0 "$(cat "{pid}" 2>/dev/null || echo none)" 2>/dev/null ;;
*) : ;;
esac
"""


class HouseAsterisk:
    """`async with HouseAsterisk(root) as asterisk:`; it runs from then on, and knows nothing of Homeline yet."""

    def __init__(
        self,
        root: Path,
        *,
        dongles: Sequence[str] = ("stick",),
        files: Mapping[str, str] | None = None,
        modules: Sequence[Path] = (),
        address: str = "",
        within: Sequence[str] = (),
        running: bool = True,
    ) -> None:
        """`files` are the owner's where they differ from `STOCK`. `running` is whether it is started already."""
        self.address = address or own_address()
        self.manager_port = free_port()
        gsm = "".join(f"exten => {name},1,Return(Local/${{HL_NUMBER}}@lab-in/n)\n" for name in dongles)
        owner = {
            **STOCK,
            "extensions.conf": f"{STOCK['extensions.conf']}\n{DIALPLAN}\n"
            + ("" if modules else f"[homeline-gsm]\n{gsm}"),
            "manager.conf": STOCK["manager.conf"] + MANAGER,
            **(files or {}),
        }
        self.asterisk = Asterisk(root, name="house", files=owner, modules=modules, within=within)
        self.exchange = Exchange(self.asterisk, "127.0.0.1", self.manager_port)
        self._running = running
        self._door = root / "var/run/asterisk.door"
        self._fd = -1
        self._orders: asyncio.Queue[str] = asyncio.Queue()
        self._clerk: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> HouseAsterisk:
        self.asterisk.lay_out()
        self._open_door()
        self._clerk = asyncio.ensure_future(self._obey())
        try:
            if self._running:
                await self._do("start")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._clerk:
            self._clerk.cancel()
            await asyncio.gather(self._clerk, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        await self.asterisk.__aexit__()

    # --- the configuration that belongs to it ---

    @property
    def options(self) -> dict[str, str]:
        """Of the section `sip` of Homeline."""
        return {"enabled": "1", "bind": self.address, "ami_port": str(self.manager_port)}

    def at(self, transport: str = "udp") -> Address:
        """Where others reach it."""
        return Address(self.address, transport=transport)

    # --- calls through the dongles ---

    async def ready(self, timeout: float = MANAGER_TIMEOUT) -> None:
        """Connects anew, once Homeline has switched on the manager. TimeoutError."""
        await self._stack.aclose()
        async with asyncio.timeout(timeout):
            while True:
                with suppress(OSError):
                    await self._stack.enter_async_context(self.exchange)
                    return
                await asyncio.sleep(0.02)

    async def gsm_call(self, number: str, *, name: str = "", dongle: str = "stick", hz: float = 0) -> Call:
        """Somebody calls the dongle's number; "" is a withheld number."""
        channel = f"Local/s@homeline-dongle-{dongle}/n"
        return await self.exchange.originate(channel, number=number, name=name, hz=hz)

    async def gsm_incoming(self, timeout: float = 10.0) -> Call:
        """The next call that leaves through a dongle: it rings somewhere in the telephone network."""
        return await self.exchange.incoming(timeout)

    # --- its init script ---

    def _open_door(self) -> None:
        script = self.asterisk.root / "etc/init.d/asterisk"
        for folder in (script.parent, self._door.parent):
            folder.mkdir(parents=True, exist_ok=True)
        config = self.asterisk.root / "etc/config/asterisk"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("config asterisk 'general'\n\toption enabled '0'\n")
        script.write_text(INIT.format(door=self._door, pid=self.asterisk.run_folder / "asterisk.pid"))
        script.chmod(0o755)
        switch = f"config asterisk 'general'\n\toption enabled '{int(self._running)}'\n"
        Uci(self.asterisk.root).write("asterisk", switch)
        os.mkfifo(self._door)
        self._fd = os.open(self._door, os.O_RDWR | os.O_NONBLOCK)  # for writing too, so that no writer waits for us
        asyncio.get_running_loop().add_reader(self._fd, self._hear)

    def _hear(self) -> None:
        for order in os.read(self._fd, 4096).decode().split():
            self._orders.put_nowait(order)

    async def _obey(self) -> None:
        while True:
            await self._do(await self._orders.get())

    async def _do(self, order: str) -> None:
        if order in ("stop", "restart"):
            await self.asterisk.stop()
        if order in ("start", "restart") and not self.asterisk.running and self._enabled():
            await self.asterisk.start()
        if order == "reload":
            await self.asterisk.cli("core reload")

    def _enabled(self) -> bool:
        """As OpenWrt's init script, which starts nothing before the owner has said so in /etc/config/asterisk."""
        return any(section.options.get("enabled") == "1" for section in Uci(self.asterisk.root).sections("asterisk"))
