"""Why something was forwarded or not, and samples through a rule."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config import Rule
from homeline.errors import DeliveryError, InvalidArgument, NotFound
from homeline.model import Delivery, Event
from homeline.service.deliveries import Dispatcher
from homeline.service.explaining import Explainer
from service.kit import ANN, BOB, CONFIG, NOW, RULE, Service, parts

ONLY_BOB = Rule("bob", senders=("079 444 55 66", BOB), channels=("mail", "broken"))


class Channel:
    """Takes what it gets, or raises."""

    concurrency, timeout = 1, 5.0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[Event] = []

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(event)


def explainer(service: Service, **channels: Channel) -> Explainer:
    service.context.config = replace(CONFIG, rules=(RULE, ONLY_BOB))

    def ignore(*_: Any) -> None: ...

    dispatcher = Dispatcher(service.database, channels, service.context.clock, lambda: 0.0, ignore, ignore, ignore)
    return Explainer(service.context, dispatcher)


async def test_a_made_up_event(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        everything, bob = (await explainer(service).explain({"from": ANN, "text": "hello"}))["rules"]
        assert (everything["rule"], everything["matches"]) == ("all", True)
        assert "hello" in everything["text"]
        assert bob["matches"] is False
        assert "text" not in bob
        failed = [criterion for criterion in bob["criteria"] if not criterion["matched"]]
        assert [criterion["criterion"] for criterion in failed] == ["senders"]
        assert ANN in failed[0]["words"]
        (bob,) = (await explainer(service).explain({"from": "079 444 55 66", "rule": "bob"}))["rules"]
        assert bob["matches"] is True


async def test_a_stored_event(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        receipts = await service.database(Store.receive, parts("stored"), NOW, service.context.plan)
        event = receipts[0].event
        assert event is not None
        everything, _ = (await explainer(service).explain({"event": event.id}))["rules"]
        assert "stored" in everything["text"]
        with pytest.raises(InvalidArgument):
            await explainer(service).explain({"event": event.id, "from": ANN})


async def test_what_is_not_there(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        for question in ({"event": 99}, {"rule": "none"}):
            with pytest.raises(NotFound):
                await explainer(service).explain(question)
        with pytest.raises(NotFound):
            await explainer(service).test("none")


async def test_a_sample_goes_through_each_channel_and_leaves_no_trace(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        mail, broken = Channel(), Channel(DeliveryError("refused"))
        made = explainer(service, mail=mail, broken=broken)
        first, second = (await made.test("bob"))["results"]
        assert first == {"channel": "mail", "ok": True}
        assert (second["ok"], second["error"]) == (False, "refused")
        assert "bob" in mail.taken[0].text
        assert await service.database(Store.list_deliveries) == []
        assert await service.database(Store.unread) == 0


async def test_a_channel_that_is_missing_is_said(tmp_path: Path) -> None:
    async with Service(tmp_path) as service, asyncio.timeout(5):
        results = (await explainer(service).test("bob"))["results"]
        assert [result["ok"] for result in results] == [False, False]
        assert "mail" in results[0]["error"]
