"""The dongles that the configuration wants: started, stopped and changed one by one, each with its outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from homeline.config import Config, Dongle
from homeline.model import Driver
from homeline.paths import Paths
from homeline.service.dongle import SerialDongle
from homeline.service.dongle_ports import PortBook
from homeline.service.host import Timing
from homeline.service.hosting import DriverHost
from homeline.service.outbox import Outbox

log = logging.getLogger(__name__)

STOP_TIMEOUT = 10.0  # seconds that a dongle may take to let go of its port


class Fleet:
    """`dongles` holds those that run, by name."""

    def __init__(
        self,
        dongles: dict[str, SerialDongle],
        host: DriverHost,
        outbox: Outbox,
        paths: Paths,
        clock: Callable[[], int],
        timing: Timing,
    ) -> None:
        self.dongles = dongles
        self._host, self._outbox, self._paths, self._clock, self._timing = host, outbox, paths, clock, timing
        self._book = PortBook()
        self._settings: dict[str, Dongle] = {}  # what each was started with
        self._runs: dict[str, list[asyncio.Task[None]]] = {}
        self._turn = asyncio.Lock()

    async def apply(self, config: Config) -> None:
        """Make the running dongles those of `config`; what did not change goes on undisturbed."""
        async with self._turn:
            wanted = {d.name: d for d in config.dongles if config.main.enabled and d.driver is Driver.SERIAL}
            gone = [name for name in self._runs if wanted.get(name) != self._settings[name]]
            await asyncio.gather(*(self._stop(name) for name in gone))
            for name in gone:
                self._host.forget(name)
            for name, settings in wanted.items():
                if name not in self._runs:
                    self._start(settings)

    async def stop(self) -> None:
        """Stop all."""
        async with self._turn:
            await asyncio.gather(*(self._stop(name) for name in list(self._runs)))

    def ports_changed(self) -> None:
        """Ports came or went."""
        for dongle in self.dongles.values():
            dongle.ports_changed()

    def _start(self, settings: Dongle) -> None:
        name = settings.name
        dongle = SerialDongle(
            settings, self._host, self._paths, clock=self._clock, timing=self._timing, book=self._book
        )
        self.dongles[name], self._settings[name] = dongle, settings
        loop = asyncio.get_running_loop()
        self._runs[name] = [loop.create_task(dongle.run()), loop.create_task(self._outbox.serve(name))]
        for task in self._runs[name]:
            task.add_done_callback(_ended)

    async def _stop(self, name: str) -> None:
        tasks = self._runs.pop(name)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        del self.dongles[name], self._settings[name]


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("A dongle's driver or outbox failed", exc_info=error)
