"""Receiving, with the real store: joining, the time limit, late parts, and what the bus is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import NoData, StoreFull
from homeline.model import Disposition, DongleStatus, MessageState
from homeline.service.inbox import Inbox
from service.kit import ANN, NOW, SIM, Service, parts, texts, with_main

LONG = "A long message that needs three parts. " * 10


async def test_what_is_whole_is_told_and_wakes_the_dispatcher(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        inbox = Inbox(service.context)
        assert await inbox.received(parts("hello"), archived=False) == [Disposition.STORED]
        assert await inbox.received(parts("hello"), archived=False) == [Disposition.STORED]  # the same once more
        assert texts(service.of("message.received")) == ["hello"]
        assert service.wakes == 1
        assert service.of("message.received")[0]["peer"] == ANN


async def test_national_numbers_become_those_of_the_country(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await Inbox(service.context).received(parts("hello", sender="0791112233"), archived=False)
        (message,) = service.of("message.received")
        assert (message["peer"], message["peer_raw"]) == (ANN, "0791112233")


async def test_parts_in_any_order(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        inbox = Inbox(service.context)
        first, second, third = parts(LONG)
        await inbox.received([third, first], archived=False)
        assert service.told == []
        await inbox.received([second], archived=False)
        assert texts(service.of("message.received")) == [LONG]


async def test_lone_parts_are_delivered_after_the_time_limit_and_completed_by_a_late_one(tmp_path: Path) -> None:
    async with Service(tmp_path, with_main(join_timeout=10)) as service:
        inbox = Inbox(service.context)
        watch = asyncio.create_task(inbox.watch_parts())
        first, second, third = parts(LONG)
        await inbox.received([first, third], archived=False)
        service.now = NOW + 9
        inbox.look()
        await service.database(Store.unread)  # behind the look in the store's queue
        assert service.told == []
        service.now = NOW + 10
        inbox.look()
        (incomplete,) = await service.told_of("message.received")
        assert (incomplete["state"], incomplete["parts_missing"]) == ("incomplete", 1)
        assert incomplete["text"].startswith(first.text)
        assert incomplete["text"] != LONG
        service.now = NOW + 500
        await inbox.received([second], archived=False)
        _, whole = await service.told_of("message.received", 2)
        assert (whole["id"], whole["state"], whole["text"]) == (incomplete["id"], "received", LONG)
        deliveries = await service.database(Store.list_deliveries)
        assert [delivery.event for delivery in deliveries] == [whole["id"]]  # it waited: now it carries the whole text
        watch.cancel()


async def test_what_cannot_be_decoded_is_told_with_its_error(tmp_path: Path) -> None:
    from homeline.protocol import pdu

    async with Service(tmp_path) as service:
        part = pdu.received_part("stick", SIM, "07911497949900F0FF")
        assert await Inbox(service.context).received([part], archived=False) == [Disposition.STORED]
        (message,) = service.of("message.received")
        assert message["error"]
        assert message["text"] == ""


async def test_archived_messages_are_told_when_they_are_released(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        inbox = Inbox(service.context)
        assert await inbox.received(parts("old"), archived=True) == [Disposition.ARCHIVED]
        assert service.told == []
        with pytest.raises(NoData):
            await inbox.release(DongleStatus("stick"), forward=True)
        status = DongleStatus("stick", iccid=SIM)
        assert await inbox.release(status, forward=False) == 1
        assert await inbox.release(status, forward=False) == 0
        (message,) = service.of("message.received")
        assert message["state"] == MessageState.RECEIVED
        assert await service.database(Store.list_deliveries) == []


async def test_a_store_that_is_full_leaves_the_parts_to_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreFull("no space")

    async with Service(tmp_path) as service:
        inbox = Inbox(service.context)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "receive", refuse)
            with pytest.raises(StoreFull):
                await inbox.received(parts("hello"), archived=False)
        assert service.told == []
        assert await inbox.received(parts("hello"), archived=False) == [Disposition.STORED]
        assert len(service.troubles) == 2
