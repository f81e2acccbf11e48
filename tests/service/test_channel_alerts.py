"""What is told of deliveries and channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.model import Delivery, DeliveryState, Event, EventKind, Wanted
from homeline.service.channel_alerts import ChannelAlerts
from service.kit import NOW, Service


class House(Service):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._tasks: set[asyncio.Task[None]] = set()
        self.listener = ChannelAlerts(self.context, self.alerts, self.said.say, self._spawn, grace=0.03)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def done(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def keys(self, name: str = "alert.raised") -> list[str]:
        return [alert["key"] for alert in self.of(name)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path) as house:
        yield house
        await house.done()


EVENT = Event(5, EventKind.USSD, NOW, "stick", text="x")


def delivery(**options: Any) -> Delivery:
    return Delivery(3, 5, "all", "mail", **{"state": DeliveryState.DONE, "attempts": 1, **options})


async def test_a_channel_that_stays_out_of_order_is_an_alert(house: House) -> None:
    house.listener.trouble("mail", "connection refused")
    house.listener.trouble("mail", "no such host")
    (alert,) = await house.told_of("alert.raised")
    assert alert["key"] == "channel.mail"
    assert alert["text"] == "The channel mail does not work: no such host"
    assert [problem.where for problem in house.said.all()] == ["channel mail"]
    house.listener.trouble("mail", "")
    await house.done()
    assert house.keys("alert.cleared") == ["channel.mail"]
    assert house.said.all() == []


async def test_a_short_trouble_is_none(house: House) -> None:
    house.listener.trouble("mail", "connection refused")
    house.listener.trouble("mail", "")
    await asyncio.sleep(0.06)
    await house.done()
    assert house.keys() == []


async def test_an_alert_of_the_last_run_ends_with_the_first_success(house: House) -> None:
    await house.alerts.raise_("channel.mail", "It does not work.")
    house.listener.delivered(delivery(), EVENT)
    await house.done()
    assert house.keys("alert.cleared") == ["channel.mail"]


async def test_what_was_given_up_is_an_alert_until_it_went_out(house: House) -> None:
    event = await house.database(
        Store.add_event, EventKind.USSD, NOW, "stick", "", "x", {}, lambda _: [Wanted("all", "mail")]
    )
    await house.database(Store.delivery_failed, 1, "refused", NOW)
    house.listener.gave_up(Delivery(1, event.id, "all", "mail", DeliveryState.FAILED, error="refused"), event)
    house.listener.delivered(delivery(attempts=2), EVENT)
    await house.done()
    assert (house.keys(), house.keys("alert.cleared")) == (["delivery.mail"], [])
    await house.database(Store.retry_deliveries, NOW, delivery=1)
    await house.database(Store.delivery_done, 1, NOW)
    house.listener.delivered(delivery(attempts=2), EVENT)
    await house.done()
    assert house.keys("alert.cleared") == ["delivery.mail"]


async def test_a_digest_is_told_with_all_its_events(house: House) -> None:
    events = tuple(Event(number, EventKind.USSD, NOW, "stick") for number in (5, 6))
    together = Event(5, EventKind.USSD, NOW, "stick", digest=events)
    house.listener.delivered(delivery(digest=3), together)
    house.listener.gave_up(delivery(digest=3, state=DeliveryState.FAILED, error="no"), together)
    await house.done()
    assert [told["events"] for told in house.of("delivery.done")] == [[5, 6]]
    assert "Event 5 and 1 others could not be forwarded" in house.of("alert.raised")[0]["text"]
