"""A whole house in one folder: a router with the real daemon, a dongle with its network, a mail server, an Asterisk.

async with House(root) as house:
    house.dongle.deliver("hello", "+41791234567")
    mail = (await house.mail.wait_for(1))[0]
    inbox = await house.call("list_messages")
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from homeline.adapters.bus import Bus
from homeline.errors import DeliveryError
from homeline_lab.dongle import Dongle
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.models import DongleModel
from homeline_lab.router import Router
from homeline_lab.smtp import MailServer, install_command

OWNER = "owner@home.lab"

MAIN = """
config homeline 'main'
	option enabled '1'
	option country 'CH'
	option log_level '{level}'
{options}

config dongle 'stick'
{dongle}

config email 'owner'
	list to '{owner}'
	option from 'homeline@router.lab'
	option host '127.0.0.1'
	option port '{port}'
	option tls 'none'
{command}

config rule 'everything'
	list events 'message'
	list events 'alert'
	list events 'report'
	list channels 'owner'
{extra}
"""


class House:
    """Everything runs in this process but the daemon, which is a process of its own as on a router."""

    def __init__(
        self,
        root: Path,
        model: str | DongleModel = "e1750",
        *,
        options: Mapping[str, str] | None = None,
        dongle_options: Mapping[str, str] | None = None,
        mail_options: Mapping[str, str] | None = None,
        extra: str = "",
        secret: str = "",
        level: str = "info",
        asterisk: HouseAsterisk | None = None,
        sip: str = "",
        **dongle: Any,
    ) -> None:
        """`options`, `dongle_options`, `mail_options` go into sections main, stick and owner; `extra` is more UCI.

        `asterisk` is one of the same root; `sip` is more of the section sip.
        """
        self.root = root
        self.dongle = Dongle(model, root, **dongle)
        self.mail = MailServer(root / "mail")
        self.router = Router(root)
        self.bus = Bus(self.router.paths.bus)
        self.asterisk = asterisk
        if asterisk:
            extra = f"\nconfig sip 'sip'\n{_lines(asterisk.options)}{sip}\n{extra}"
        self._options, self._dongle_options = dict(options or {}), dict(dongle_options or {})
        self._mail_options = dict(mail_options or {})
        self._extra, self._secret, self._level = extra, secret, level
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> House:
        try:
            for part in (self.mail, self.router, self.asterisk, self.dongle, self.bus):
                if part:
                    await self._stack.enter_async_context(part)
            self.router.configure(self.configuration(), self._secret)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def configuration(self, extra: str = "") -> str:
        """The UCI file of this house."""
        return MAIN.format(
            level=self._level,
            options=_lines(self._options),
            dongle=_lines(self._dongle_options),
            owner=OWNER,
            port=self.mail.port,
            command=self._mail_command() + _lines(self._mail_options),
            extra=self._extra + extra,
        )

    def _mail_command(self) -> str:
        """msmtp where it is installed, else the lab's own sendmail."""
        from homeline.adapters.mail import find_program

        try:
            find_program("msmtp")
        except DeliveryError:
            return _lines({"command": install_command(self.router.paths.commands, self.mail.port)})
        return ""

    async def start(self, state: str = "ready", timeout: float = 15.0, command: Sequence[str] = ()) -> None:
        """Start the daemon and wait until its dongle is in a state ("" for not at all). `command`: see Router.start."""
        await self.router.start(command)
        await self.router.ready(timeout)
        await self.bus.wait_ready(timeout)
        if state:
            await self.until_dongle(state, timeout)

    async def call(self, method: str, timeout: float = 20.0, **arguments: Any) -> dict[str, Any]:
        """A method of the object `homeline`; an argument `from_` is `from`."""
        given = {name.rstrip("_"): value for name, value in arguments.items()}
        return await self.bus.call("homeline", method, given, timeout)

    async def status(self) -> dict[str, Any]:
        """What the daemon says of its first dongle."""
        dongles = (await self.call("status"))["dongles"]
        return dict(dongles[0]) if dongles else {}

    async def until_dongle(self, state: str, timeout: float = 15.0, *, knows: str = "") -> dict[str, Any]:
        """Wait until the dongle is in a state, and tells (say) its `operator`; its status then."""
        changed = asyncio.Event()
        watcher = Bus(self.router.paths.bus)
        watcher.listen("homeline.dongle.changed", lambda _name, _data: changed.set())
        async with watcher, asyncio.timeout(timeout):
            await watcher.wait_ready(timeout)
            while True:
                changed.clear()
                status = await self.status()
                if status.get("state") == state and (not knows or knows in status):
                    return status
                await changed.wait()


def _lines(options: Mapping[str, str]) -> str:
    return "".join(f"\toption {name} '{value}'\n" for name, value in options.items())
