"""One open port from bring-up to its end: the parts that work on it, and how its use ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from homeline.config import Dongle
from homeline.core import bringup
from homeline.core.bringup import Modem
from homeline.errors import ConnectionLost, HomelineError
from homeline.service.dongle_messages import Direct, Messages
from homeline.service.dongle_monitor import Monitor
from homeline.service.dongle_ports import Link
from homeline.service.dongle_steps import take_step
from homeline.service.dongle_storage import Storages
from homeline.service.dongle_ussd import UssdDialogue
from homeline.service.host import Host, Timing


class Session:
    """A modem behind an open port, set up anew: a restarted modem gets a new session on the same port."""

    def __init__(
        self,
        config: Dongle,
        link: Link,
        host: Host,
        timing: Timing,
        direct: deque[Direct],
        cards: dict[str, str],
        changed: Callable[[], None],
    ) -> None:
        """`direct` and `cards` (see `Modem`) outlive the session."""
        name, port = config.name, link.at
        self.link, self.port = link, port
        self.modem = Modem(pin=config.pin, cards=cards)
        self.messages = Messages(
            name,
            config.storage,
            port,
            self.modem,
            Storages(name, port, self.modem, config.baudrate),
            host,
            timing,
            direct,
        )
        self.ussd = UssdDialogue(name, port, self.modem, host, timing)
        self._monitor = Monitor(name, port, self.modem, self.messages, self.ussd, host, timing, changed, self.fail)
        self.ended: asyncio.Future[HomelineError] = asyncio.get_running_loop().create_future()
        port.on_unsolicited = self._monitor.heard

    def fail(self, error: HomelineError) -> None:
        """End the use of the port: `serve` raises `error`. Only the first one counts."""
        if not self.ended.done():
            self.ended.set_result(error)

    async def set_up(self, at_step: Callable[[str], None], before_sim: Callable[[], Awaitable[None]]) -> None:
        """All steps of bring-up. Raises DongleError, SimError, StartOverError, Mute, ConnectionLost."""
        for step in bringup.STEPS:
            if step is bringup.SIM:
                await before_sim()
            at_step(step.name)
            await take_step(self.port, self.modem, step)
            if step.name == "identity" and self.modem.quirks.needs_gap:
                self.port.gap = max(self.port.gap, self.modem.quirks.needs_gap)
            if self.ended.done():
                raise self.ended.result()

    async def serve(self) -> None:
        """Receive and watch until something ends it. Raises the HomelineError that did."""
        await first_of(self.messages.work(), self._monitor.work(), self._lost(), self._failed())

    async def sim_changes(self, patience: float) -> None:
        """Until the SIM may be another or in another state, or `patience` seconds. Raises what ends the port's use."""
        await first_of(self._sim_news(patience), self._lost(), self._failed())

    def sim_news(self) -> None:
        """The owner did something about the SIM."""
        self._monitor.sim_news.set()

    async def _sim_news(self, patience: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._monitor.sim_news.wait()

    def look_soon(self) -> None:
        """Ask the modem how things stand."""
        self._monitor.look_soon()

    async def _lost(self) -> None:
        raise ConnectionLost(await asyncio.shield(self.port.lost))

    async def _failed(self) -> None:
        raise await asyncio.shield(self.ended)


async def first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until the first ends; end the others, then return or raise as it did."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    for task in done:
        task.result()
