"""Events to the bus: in order, and not lost while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from homeline.adapters.bus import Bus
from homeline.errors import BusError, ConnectionLost, TimedOut
from homeline.service import telling
from homeline.service.telling import Teller


class Air:
    """A bus that may be away, and what it was told."""

    def __init__(self) -> None:
        self.connected = True
        self.placed = asyncio.Event()  # everything is in place: the object is published
        self.told: list[tuple[str, int]] = []
        self.refused: set[int] = set()
        self.goes_at = 0  # the connection breaks while this event is notified
        self._news = asyncio.Event()

    async def wait_ready(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self.placed.wait(), timeout)
        except TimeoutError:
            raise TimedOut("no bus") from None

    async def send_event(self, name: str, data: dict[str, Any]) -> None:
        if not self.connected:
            raise ConnectionLost("not connected")
        if data["id"] in self.refused:
            raise BusError("refused", 6)
        self.told.append((name, data["id"]))
        self._news.set()

    async def notify(self, _object: str, _name: str, data: dict[str, Any]) -> None:
        if data["id"] == self.goes_at:
            self.goes_at = 0
            self.away()
            raise ConnectionLost("gone")

    def away(self) -> None:
        self.connected = False
        self.placed.clear()

    def back(self, *, placed: bool = True) -> None:
        self.connected = True
        if placed:
            self.placed.set()

    async def until(self, last: int) -> list[int]:
        async with asyncio.timeout(10):
            while not self.told or self.told[-1][1] != last:
                self._news.clear()
                await self._news.wait()
        return [number for _, number in self.told]


@pytest.fixture
def air() -> Air:
    return Air()


@pytest.fixture
async def teller(air: Air) -> AsyncIterator[Teller]:
    told = Teller(cast(Bus, air))
    task = asyncio.create_task(told.run())
    yield told
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def emit(teller: Teller, *numbers: int) -> None:
    for number in numbers:
        teller.emit("homeline.message.received", {"id": number})


async def test_in_order(air: Air, teller: Teller) -> None:
    emit(teller, 1, 2)
    assert await air.until(2) == [1, 2]
    emit(teller, 3)
    assert await air.until(3) == [1, 2, 3]


async def test_what_happens_while_the_bus_is_away_is_told_when_it_is_back(air: Air, teller: Teller) -> None:
    air.away()
    emit(teller, 1, 2)
    await asyncio.sleep(0)
    emit(teller, 3)
    assert air.told == []
    air.back()
    assert await air.until(3) == [1, 2, 3]


async def test_a_bus_that_goes_in_the_middle_gets_the_event_again(air: Air, teller: Teller) -> None:
    air.goes_at = 2
    emit(teller, 1, 2, 3)
    assert await air.until(2) == [1, 2]
    air.back()
    assert await air.until(3) == [1, 2, 2, 3]


async def test_without_the_right_to_publish_events_are_sent_all_the_same(
    air: Air, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "LOOK", 0.01)
    air.away()
    emit(teller, 1)
    await asyncio.sleep(0)
    air.back(placed=False)
    assert await air.until(1) == [1]


async def test_an_event_that_is_refused_holds_nothing_up(air: Air, teller: Teller) -> None:
    air.refused = {1}
    emit(teller, 1, 2)
    assert await air.until(2) == [2]


async def test_the_newest_are_kept(air: Air, teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    air.away()
    emit(teller, *range(1, telling.KEPT + 11))
    air.back()
    numbers = await air.until(telling.KEPT + 10)
    assert numbers == list(range(11, telling.KEPT + 11))
