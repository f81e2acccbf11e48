"""Cancelled, or with a store that refuses, in the worst moment: nothing is lost, doubled or left half done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import StoreFull, SubmitUnknown
from homeline.model import DongleState, DongleStatus, MessageState
from homeline.service import outbox as outbox_module
from homeline.service.inbox import Inbox
from homeline.service.outbox import Outbox
from service.kit import ANN, SIM, Service, parts


async def cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_driver_that_is_stopped_while_a_message_is_committed(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        task: asyncio.Task[object] = asyncio.create_task(Inbox(service.context).received(parts("hello"), False))
        await asyncio.sleep(0)
        await cancelled(task)
        await service.told_of("message.received")
        assert service.wakes == 1  # or the mail would wait for the next message


class Slow:
    """A dongle whose answers come when the test says."""

    def __init__(self) -> None:
        self.status = DongleStatus("stick", state=DongleState.READY, iccid=SIM)
        self.submitted = 0
        self.began = asyncio.Event()
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def submit(self, pdu_hex: str, tpdu_length: int) -> int:
        self.submitted += 1
        self.began.set()
        return await asyncio.shield(self.answer)


async def submitting(service: Service) -> tuple[Outbox, Slow, int, asyncio.Task[object]]:
    """An outbox whose dongle has got a message and not answered yet."""
    slow = Slow()
    outbox = Outbox(service.context, service.alerts, {"stick": slow})
    message = await outbox.send(ANN, "hello")
    task: asyncio.Task[object] = asyncio.create_task(outbox.serve("stick"))
    async with asyncio.timeout(5):
        await slow.began.wait()
    return outbox, slow, message.id, task


async def state(service: Service, message: int) -> MessageState:
    return (await service.database(Store.get_message, message))[0].state


async def test_an_outbox_that_is_stopped_keeps_what_the_modem_answers(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        outbox, slow, message, task = await submitting(service)
        await cancelled(task)
        await outbox.settle("stick", 0.01)
        assert await state(service, message) is MessageState.SENDING
        slow.answer.set_result(7)
        await outbox.settle("stick", 5)
        assert await state(service, message) is MessageState.SENT


async def test_a_port_that_is_closed_under_a_submission(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        outbox, slow, message, task = await submitting(service)
        await cancelled(task)
        slow.answer.set_exception(SubmitUnknown("the port was closed"))
        await outbox.settle("stick", 5)
        assert await state(service, message) is MessageState.UNKNOWN
        await service.told_of("message.failed")


async def test_nothing_is_sent_beside_what_is_under_way(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        outbox, slow, _message, task = await submitting(service)
        await cancelled(task)
        await outbox.send(ANN, "another")
        again: asyncio.Task[object] = asyncio.create_task(outbox.serve("stick"))
        await service.database(Store.unread)
        assert slow.submitted == 1
        slow.answer.set_result(7)
        await service.told_of("message.sent", 2)
        assert slow.submitted == 2
        await cancelled(again)


async def test_a_disk_that_is_full_when_the_answer_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "STORE_PAUSE", 0.01)
    refused, write = 0, Store.part_sent

    def refuse_twice(*args: object) -> None:
        nonlocal refused
        refused += 1
        if refused < 3:
            raise StoreFull("no space")
        write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "part_sent", refuse_twice)
    async with Service(tmp_path) as service:
        _outbox, slow, message, task = await submitting(service)
        slow.answer.set_result(7)
        await service.told_of("message.sent")
        assert (await state(service, message), slow.submitted, refused) == (MessageState.SENT, 1, 3)
        await cancelled(task)


async def test_a_message_that_is_deleted_before_its_turn_does_not_end_the_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Store.next_queued

    def deleted_meanwhile(store: Store, dongle: str, now: int) -> object:
        found = look(store, dongle, now)
        if found is not None and found[0].text == "not to be sent":
            store.delete_messages([found[0].id], now)
        return found

    monkeypatch.setattr(Store, "next_queued", deleted_meanwhile)
    async with Service(tmp_path) as service:
        slow = Slow()
        slow.answer.set_result(7)
        outbox = Outbox(service.context, service.alerts, {"stick": slow})
        await outbox.send(ANN, "not to be sent")
        await outbox.send(ANN, "hello")
        task: asyncio.Task[object] = asyncio.create_task(outbox.serve("stick"))
        await service.told_of("message.sent")
        assert slow.submitted == 1
        await cancelled(task)
