"""Alerts that may mean a SIM swap: another card, a network that refuses it, a network that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.model import DongleState, DongleStatus
from homeline.service import sim_watch
from homeline.service.sim_watch import SimWatch
from service.kit import Service

FIRST, SECOND = ("8941010000000001111", "228010000000001"), ("8941010000000002222", "228010000000002")


class House(Service):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._tasks: set[asyncio.Task[None]] = set()
        self.restart()

    def restart(self) -> None:
        self.watch = SimWatch(self.context, self.alerts, self._spawn)
        self.last: DongleStatus | None = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def shows(self, state: DongleState = DongleState.READY, **fields: Any) -> None:
        """The dongle has this status now; all that follows at once is done."""
        status = replace(self.last or DongleStatus("stick", signal_dbm=-70), state=state, **fields)
        self.watch.changed(self.last, status)
        self.last = status
        await self.done()

    async def done(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def keys(self, name: str = "alert.raised") -> list[str]:
        return [alert["key"] for alert in self.of(name)]


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(sim_watch, "DENIED", 0.02)
    monkeypatch.setattr(sim_watch, "LOST", 0.02)
    async with House(tmp_path) as house:
        yield house
        await house.done()


async def has_card(house: House, card: tuple[str, str]) -> None:
    await house.shows(iccid=card[0], imsi=card[1])


async def test_another_card_is_told_each_time(house: House) -> None:
    await has_card(house, FIRST)
    await has_card(house, FIRST)
    assert house.keys() == []
    await has_card(house, SECOND)
    (alert,) = house.of("alert.raised")
    assert alert["key"] == "sim.stick"
    assert alert["text"] == "Another SIM is in stick: its number ends in 2222, before in 1111."
    await has_card(house, FIRST)
    assert house.keys() == ["sim.stick"] * 2


async def test_a_card_that_was_changed_while_the_router_was_off(house: House) -> None:
    await has_card(house, FIRST)
    house.restart()
    await has_card(house, FIRST)
    assert house.keys() == []
    house.restart()
    await has_card(house, SECOND)
    assert house.keys() == ["sim.stick"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (FIRST, ("", FIRST[1]), False),  # a driver that cannot ask for the card's number
        (FIRST, ("", SECOND[1]), True),
        (("", FIRST[1]), FIRST, False),
        (("", FIRST[1]), SECOND, True),
        (FIRST, (FIRST[0], SECOND[1]), False),  # a card with several subscribers
        (FIRST, (FIRST[0], ""), False),
        ((FIRST[0], ""), SECOND, True),
        ((FIRST[0], ""), ("", SECOND[1]), False),  # nothing to compare
    ],
)
async def test_what_is_another_card(house: House, before: tuple[str, str], after: tuple[str, str], told: bool) -> None:
    await has_card(house, before)
    await has_card(house, after)
    assert bool(house.keys()) is told


async def test_a_card_is_not_forgotten_by_a_driver_that_cannot_ask(house: House) -> None:
    for card in (FIRST, ("", FIRST[1]), FIRST):
        await has_card(house, card)
    assert house.keys() == []
    await has_card(house, (SECOND[0], FIRST[1]))
    assert house.keys() == ["sim.stick"]


async def test_a_network_that_refuses_the_sim(house: House) -> None:
    await house.shows()
    await house.shows(DongleState.DENIED)
    (alert,) = await house.told_of("alert.raised")
    assert (alert["key"], alert["severity"]) == ("registration.stick", "critical")
    assert "refuses the SIM" in alert["text"]
    await house.shows()
    assert house.keys("alert.cleared") == ["registration.stick"]


async def test_a_network_that_is_gone_without_a_cause(house: House) -> None:
    await house.shows(signal_dbm=-65)
    await house.shows(DongleState.SEARCHING, signal_dbm=None)
    (alert,) = await house.told_of("alert.raised")
    assert alert["key"] == "registration.stick"
    assert "the signal was -65 dBm" in alert["text"]


@pytest.mark.parametrize(
    "states",
    [
        (DongleState.STARTING, DongleState.SEARCHING),  # it never had one
        (DongleState.READY, DongleState.SEARCHING, DongleState.READY),
        (DongleState.READY, DongleState.DENIED, DongleState.READY),
        (DongleState.READY, DongleState.SEARCHING, DongleState.ABSENT),
        (DongleState.READY, DongleState.RECOVERING, DongleState.SEARCHING),  # our own doing
    ],
)
async def test_what_has_another_cause_or_passes(house: House, states: tuple[DongleState, ...]) -> None:
    for state in states:
        await house.shows(state)
    await asyncio.sleep(0.05)
    assert house.keys() == []


async def test_a_weak_signal_is_cause_enough(house: House) -> None:
    await house.shows(signal_dbm=-109)
    await house.shows(DongleState.SEARCHING)
    await asyncio.sleep(0.05)
    assert house.keys() == []


async def test_a_dongle_that_leaves_takes_its_timer_along(house: House) -> None:
    await house.shows()
    await house.shows(DongleState.DENIED)
    house.watch.forget("stick")
    await asyncio.sleep(0.05)
    assert house.keys() == []
