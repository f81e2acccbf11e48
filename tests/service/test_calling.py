"""Calls that the service makes by itself: by a dongle that dials, and by a real Asterisk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.test_ami_real import manager
from asterisk_kit import asterisk_programs
from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused, HomelineError, NoData, NotSupported
from homeline.model import DongleState, DongleStatus, Driver
from homeline.service import calling
from homeline.service.channels import World
from homeline.service.dongle_call import ring
from homeline_lab.asterisk import Asterisk, Programs, free_port

__all__ = ["asterisk_programs"]

EXTENSIONS = """[lab]
exten => answers,1,Answer()
 same => n,Wait(60)
exten => rings,1,Wait(60)
exten => busy,1,Busy()
"""
NUMBER = "+41791234567"


def world(ami: Any = None, **dongles: object) -> World:
    return cast(World, SimpleNamespace(ami=lambda: ami, dongles=dongles))


def of_asterisk(driver: Driver = Driver.CHAN_DONGLE) -> object:
    return SimpleNamespace(status=DongleStatus("stick", driver, DongleState.READY))


@pytest.fixture
async def asterisk(tmp_path: Path, asterisk_programs: Programs) -> AsyncIterator[Asterisk]:
    files = {"manager.conf": manager(free_port()), "extensions.conf": EXTENSIONS}
    async with Asterisk(tmp_path, files=files, programs=asterisk_programs) as running:
        yield running


@pytest.fixture
async def ami(asterisk: Asterisk) -> AsyncIterator[Ami]:
    port = int(re.findall(r"port = (\d+)", (asterisk.etc / "manager.conf").read_text())[0])
    client = Ami(port, "homeline", lambda: "s1")
    task = asyncio.ensure_future(client.run())
    await client.wait_connected(10)
    yield client
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def channels(ami: Ami) -> int:
    return len(await ami.list("CoreShowChannels"))


async def no_channels(ami: Ami) -> None:
    async with asyncio.timeout(10):
        while await channels(ami):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("party", ["answers", "rings", "busy"])
async def test_a_call_that_reaches_the_other_side_is_made_and_ends_by_itself(ami: Ami, party: str) -> None:
    """With the account that the daemon has: its classes must be enough."""
    await calling._by_asterisk(world(ami), f"Local/{party}@lab/n", 1)
    await no_channels(ami)


@pytest.mark.parametrize("party", ["Local/none@lab/n", "Dongle/stick/+41791234567"])
async def test_a_call_that_cannot_be_made_is_said(ami: Ami, party: str) -> None:
    with pytest.raises(HomelineError):
        await calling._by_asterisk(world(ami), party, 1)
    assert await channels(ami) == 0


async def test_a_dongle_of_asterisks_is_called_by_its_driver(ami: Ami) -> None:
    with pytest.raises(ActionRefused):  # this Asterisk has no chan_dongle
        await calling.ring(world(ami, stick=of_asterisk()), "stick", NUMBER, 1)


async def test_without_asterisk_it_says_so() -> None:
    with pytest.raises(NoData):
        await calling.ring(world(None, stick=of_asterisk()), "stick", NUMBER, 1)


async def test_what_cannot_call_says_so() -> None:
    with pytest.raises(NotSupported):
        await calling.ring(world(None, stick=of_asterisk(Driver.SERIAL)), "stick", NUMBER, 1)
    with pytest.raises(NotSupported):
        await calling.ring(world(None), "stick", NUMBER, 1)


class Port:
    def __init__(self, error: HomelineError | None = None) -> None:
        self.sent: list[str] = []
        self.error = error

    async def run(self, command: Any, **_: object) -> None:
        self.sent.append(command.line)
        if self.error is not None:
            error, self.error = self.error, None
            raise error


async def test_a_call_is_ended_whatever_ends_the_wait() -> None:
    port = Port()
    task = asyncio.ensure_future(ring(cast(Any, port), NUMBER, 60))
    async with asyncio.timeout(5):
        while not port.sent:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert port.sent == [f"ATD{NUMBER};", "AT+CHUP"]
