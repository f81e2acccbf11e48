"""The dongles that the configuration wants: started, stopped and changed one by one, each with its outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from homeline.config import Config, Dongle
from homeline.model import Driver
from homeline.paths import Paths
from homeline.service.dongle import SerialDongle
from homeline.service.dongle_ports import PortBook
from homeline.service.host import Timing
from homeline.service.hosting import DriverHost
from homeline.service.keeping import keep
from homeline.service.outbox import Outbox
from homeline.service.packages import have_calls
from homeline.service.troubles import Say

if TYPE_CHECKING:
    from homeline.adapters.ami import Ami
    from homeline.service.ami_dongle import AmiDongle

AnyDongle: TypeAlias = "SerialDongle | AmiDongle"

SUBMIT_TIMEOUT = 3.0  # seconds that a message which the modem has got may take to be answered
STOP_TIMEOUT = 4.0  # seconds that a dongle may take to let go of its port
COMMIT_TIMEOUT = 1.0  # seconds; with the rest of the shutdown less than procd's patience (15 s, the init script)


class Fleet:
    """`dongles` holds those that run, by name."""

    def __init__(
        self,
        dongles: dict[str, AnyDongle],
        host: DriverHost,
        outbox: Outbox,
        paths: Paths,
        clock: Callable[[], int],
        timing: Timing,
        say: Say,
        ami: Callable[[], Ami | None] = lambda: None,
    ) -> None:
        """`say` is told of defects, as `keeping.keep` does. `ami` gives Asterisk's, while there is one."""
        self.dongles = dongles
        self._host, self._outbox, self._paths, self._clock, self._timing = host, outbox, paths, clock, timing
        self._say, self._ami = say, ami
        self._book = PortBook()
        self._settings: dict[str, tuple[Dongle, Ami | None]] = {}  # what each was started with
        self._runs: dict[str, tuple[asyncio.Task[None], asyncio.Task[None]]] = {}  # driver and outbox
        self._turn = asyncio.Lock()

    async def apply(self, config: Config) -> None:
        """Make the running dongles those of `config`; what did not change goes on undisturbed."""
        async with self._turn:
            ami = self._ami()
            enabled = [d for d in config.dongles if config.main.enabled and self._drivable(d)]
            wanted = {d.name: (d, None if d.driver is Driver.SERIAL else ami) for d in enabled}
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

    def _start(self, settings: tuple[Dongle, Ami | None]) -> None:
        dongle = self._build(*settings)
        name = settings[0].name
        self.dongles[name], self._settings[name] = dongle, settings
        self._runs[name] = (
            asyncio.create_task(keep(f"driver of {name}", dongle.run, self._say)),
            asyncio.create_task(keep(f"outbox of {name}", lambda: self._outbox.serve(name), self._say)),
        )

    def _drivable(self, config: Dongle) -> bool:
        return config.driver is Driver.SERIAL or have_calls(self._say)

    def _build(self, config: Dongle, ami: Ami | None) -> AnyDongle:
        if config.driver is Driver.SERIAL:
            return SerialDongle(
                config, self._host, self._paths, clock=self._clock, timing=self._timing, book=self._book
            )
        from homeline.service.ami_dongle import AmiDongle  # only where Asterisk has a dongle

        return AmiDongle(config, self._host, ami, clock=self._clock, timing=self._timing, say=self._say)

    async def _stop(self, name: str) -> None:
        """The outbox first: what the modem has got is answered, if that does not take long, and else `unknown`."""
        driver, outbox = self._runs.pop(name)
        outbox.cancel()
        await self._outbox.settle(name, SUBMIT_TIMEOUT)
        driver.cancel()
        await asyncio.wait((driver, outbox), timeout=STOP_TIMEOUT)
        await self._outbox.settle(name, COMMIT_TIMEOUT)
        del self.dongles[name], self._settings[name]
