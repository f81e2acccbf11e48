"""What tests of dongles that Asterisk drives share: a driver at the byte edge, and a dongle that runs on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from homeline.adapters.ami import Ami
from homeline.config import Dongle as DongleConfig
from homeline.model import Driver as DriverName
from homeline.protocol import pdu
from homeline.protocol.pdu import Content, Timestamp
from homeline.service.ami_dongle import AmiDongle
from homeline.service.ami_dongle_messages import GAP
from homeline.service.host import Timing
from homeline.service.troubles import Troubles
from homeline_lab.chan_dongle import SECRET, Driver
from service.dongle_kit import QUICK, Host

TIMING = replace(QUICK, monitor=30.0)
LAST_READ = f"AT+CMGR={GAP - 1}"  # of an empty SIM at the start
STRANGER = "+41791234567"
AT = int(datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp())


def delivered(text: str, *, sender: str = STRANGER, kind: str = "", at: int = AT, reference: int = 7) -> list[str]:
    """The PDUs of a received message, hex."""
    content = Content(text, concat_reference=reference)
    return [part.pdu for part in pdu.encode_deliver(sender, content, Timestamp(at, 60), sender_type=kind)]


def one(text: str, *, at: int = AT) -> str:
    """The PDU of a received message that has one."""
    (only,) = delivered(text, at=at)
    return only


class Running:
    """A dongle, its connection to Asterisk, and what it said; `stop` is kill -9."""

    def __init__(self, driver: Driver, host: Host, timing: Timing, config: dict[str, Any]) -> None:
        self.troubles = Troubles()
        self.ami = Ami(driver.port, "homeline", lambda: SECRET)
        name = DriverName.CHAN_QUECTEL if driver.prefix == "Quectel" else DriverName.CHAN_DONGLE
        settings = DongleConfig(**{"name": driver.device, "driver": name, **config})
        self.dongle = AmiDongle(settings, host, self.ami, timing=timing, clock=lambda: 1000, say=self.troubles.say)
        self._tasks = [asyncio.create_task(self.ami.run()), asyncio.create_task(self.dongle.run())]

    async def stop(self) -> None:
        for task in self._tasks:
            assert not task.done(), task.exception()
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def running(driver: Driver, host: Host, timing: Timing = TIMING, **config: Any) -> AsyncIterator[Running]:
    """A dongle that runs; its tasks must not end by themselves."""
    item = Running(driver, host, timing, config)
    try:
        yield item
    finally:
        await item.stop()


async def until(driver: Driver, condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Until something holds; looked at after every AT command that the driver works."""
    stirred, event = driver.stirred, asyncio.Event()

    def stir(command: str) -> None:
        stirred(command)
        asyncio.get_running_loop().call_soon(event.set)

    driver.stirred = stir
    try:
        async with asyncio.timeout(timeout):
            while not condition():
                event.clear()
                await event.wait()
    except TimeoutError:
        raise AssertionError(f"not within {timeout} s; the last commands: {driver.commands[-20:]}") from None
    finally:
        driver.stirred = stirred


async def walked(driver: Driver, host: Host) -> None:
    """Until the slots were read once, and what came of it is over."""
    await until(driver, lambda: LAST_READ in driver.commands)
    await settled(driver, host)


async def settled(driver: Driver, host: Host) -> None:
    """Until a further message has come, been stored and deleted: whatever was to happen before has happened."""
    marker = one(f"marker {len(host.parts)}")
    driver.deliver(marker)
    await until(driver, lambda: marker not in driver.stored() and any(pdu == marker for _sim, pdu in host.parts))
