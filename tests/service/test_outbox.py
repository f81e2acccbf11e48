"""Sending, with the real store and a dongle that answers as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import (
    ConnectionLost,
    HomelineError,
    InvalidArgument,
    ModemError,
    NoData,
    NotFound,
    StoreFull,
    SubmitUnknown,
)
from homeline.model import DongleState, Message, MessageState
from homeline.service import outbox as module
from homeline.service.outbox import Outbox
from service.kit import ANN, BOB, CONFIG, NOW, Sender, Service, with_dongle

PERMANENT = ModemError("unassigned number", "CMS", 1)
TRANSIENT = ModemError("congestion", "CMS", 42)
UNCLEAR = ModemError("network timeout", "CMS", 332)
LOST = SubmitUnknown("the answer was lost")
AWAY = ConnectionLost("unplugged")
LONG = "A long message that needs three parts. " * 10


class Sending:
    """An outbox that serves one dongle."""

    def __init__(self, service: Service, sender: Sender) -> None:
        self.service, self.sender = service, sender
        self.outbox = Outbox(service.context, service.alerts, {"stick": sender})

    async def message(self, message: Message) -> Message:
        return (await self.service.database(Store.get_message, message.id))[0]

    async def parts(self, message: Message) -> list[str]:
        return [part.state for part in (await self.service.database(Store.get_message, message.id))[1]]

    async def idle(self, submissions: int) -> None:
        """Until so many submissions were made and their ends are committed."""
        async with asyncio.timeout(5):
            while len(self.sender.submitted) < submissions:
                await asyncio.sleep(0.001)
        await self.outbox.settle("stick", 5)


@asynccontextmanager
async def sending(
    folder: Path, *answers: int | HomelineError, serve: bool = True, **dongle: int
) -> AsyncIterator[Sending]:
    async with Service(folder, with_dongle(**dongle) if dongle else CONFIG) as service:
        made = Sending(service, Sender(answers=answers or (7,)))
        task = asyncio.create_task(made.outbox.serve("stick")) if serve else None
        try:
            yield made
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def test_sent_while_the_caller_waits(tmp_path: Path) -> None:
    async with sending(tmp_path, 7) as made:
        message = await made.outbox.send("079 111 22 33", "hello", wait=5)
        assert (message.state, message.peer, message.peer_raw) == (MessageState.SENT, ANN, "079 111 22 33")
        assert [data["id"] for data in made.service.of("message.sent")] == [message.id]
        assert await made.parts(message) == ["sent"]


async def test_queued_until_the_dongle_is_ready(tmp_path: Path) -> None:
    async with sending(tmp_path) as made:
        made.sender.status.state = DongleState.SEARCHING
        message = await made.outbox.send(ANN, "hello", wait=0.05)
        assert message.state is MessageState.QUEUED
        made.sender.status.state = DongleState.READY
        made.outbox.nudge("stick")
        await made.service.told_of("message.sent")


@pytest.mark.parametrize("to", ["", "nobody", "$(id)", "+41 79 x", "1" * 80, "079\n111"])
async def test_what_is_no_number(tmp_path: Path, to: str) -> None:
    async with sending(tmp_path) as made:
        with pytest.raises(InvalidArgument):
            await made.outbox.send(to, "hello")


async def test_short_codes_are_dialled_as_they_are(tmp_path: Path) -> None:
    async with sending(tmp_path) as made:
        message = await made.outbox.send("4 11", "STOP", wait=5)
        assert (message.state, message.peer) == (MessageState.SENT, "411")


async def test_other_wrong_requests(tmp_path: Path) -> None:
    async with sending(tmp_path) as made:
        with pytest.raises(InvalidArgument, match="text"):
            await made.outbox.send(ANN, "")
        with pytest.raises(NotFound):
            await made.outbox.send(ANN, "hello", "other")
        with pytest.raises(NotFound):
            await made.outbox.resend(1)


async def test_a_refusal_for_good_fails_and_the_next_one_goes(tmp_path: Path) -> None:
    async with sending(tmp_path, PERMANENT, 8) as made:
        bad = await made.outbox.send(BOB, "hello", wait=5)
        good = await made.outbox.send(ANN, "hello", wait=5)
        assert (bad.state, good.state) == (MessageState.FAILED, MessageState.SENT)
        assert "unassigned" in bad.error
        await made.service.told_of("alert.raised")
        assert (await made.service.database(Store.list_deliveries))[0].rule == "all"  # the report that says so
        assert (await made.outbox.resend(bad.id)).state is MessageState.QUEUED
        await made.service.told_of("message.sent", 2)
        assert made.service.of("alert.cleared")


async def test_a_passing_refusal_is_tried_again_so_often_and_so_late(tmp_path: Path) -> None:
    async with sending(tmp_path, TRANSIENT, retries=2) as made:
        message = await made.outbox.send(ANN, "hello")
        for tries, pause in ((1, 10), (2, 30)):
            await made.idle(tries)
            assert (await made.message(message)).state is MessageState.QUEUED
            made.service.now += pause - 1
            made.outbox.nudge("stick")
            await made.service.database(Store.unread)
            assert len(made.sender.submitted) == tries
            made.service.now += 1
            made.outbox.nudge("stick")
        await made.idle(3)
        await made.service.told_of("message.failed")
        assert (await made.message(message)).state is MessageState.FAILED
        assert made.service.now == NOW + 40


async def test_a_message_that_never_reached_the_modem_costs_no_try(tmp_path: Path) -> None:
    async with sending(tmp_path, AWAY, NoData("not ready"), AWAY, 9, retries=0) as made:
        message = await made.outbox.send(ANN, "hello")
        for tries in (1, 2, 3):
            await made.idle(tries)
            made.service.now += 10
            made.outbox.nudge("stick")
        await made.service.told_of("message.sent")
        assert (await made.message(message)).state is MessageState.SENT


@pytest.mark.parametrize("answer", [LOST, UNCLEAR])
async def test_a_lost_answer_is_never_sent_again_by_itself(tmp_path: Path, answer: HomelineError) -> None:
    async with sending(tmp_path, answer, 9) as made:
        message = await made.outbox.send(ANN, "hello", wait=5)
        assert message.state is MessageState.UNKNOWN
        made.service.now += 10**6
        await made.outbox.send(BOB, "another", wait=5)
        assert len(made.sender.submitted) == 2
        assert await made.parts(message) == ["unknown"]
        (alert,) = await made.service.told_of("alert.raised")
        assert "may or may not" in alert["text"]
        await made.outbox.resend(message.id)
        await made.service.told_of("message.sent", 2)
        assert len(made.sender.submitted) == 3


async def test_only_the_refused_part_of_a_long_message_is_sent_again(tmp_path: Path) -> None:
    async with sending(tmp_path, 1, TRANSIENT, 2, 3) as made:
        message = await made.outbox.send(ANN, LONG)
        await made.idle(2)
        assert await made.parts(message) == ["sent", "queued", "queued"]
        made.service.now += 10
        made.outbox.nudge("stick")
        await made.service.told_of("message.sent")
        assert await made.parts(message) == ["sent"] * 3
        first, refused, again, last = made.sender.submitted
        assert refused == again
        assert len({first, refused, last}) == 3


async def test_an_unknown_part_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with sending(tmp_path, 1, LOST, 3) as made:
        message = await made.outbox.send(ANN, LONG, wait=5)
        assert message.state is MessageState.UNKNOWN
        assert await made.parts(message) == ["sent", "unknown", "sent"]


async def test_the_rate_counts_parts(tmp_path: Path) -> None:
    async with sending(tmp_path, rate=4) as made:
        await made.outbox.send(ANN, LONG, wait=5)
        await made.outbox.send(ANN, "one more", wait=5)
        late = await made.outbox.send(ANN, "too many", wait=0.05)
        assert late.state is MessageState.QUEUED
        assert len(made.sender.submitted) == 4


async def test_an_end_that_the_store_refuses_is_written_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORE_PAUSE", 0.01)
    refusals = 0
    write = Store.part_sent

    def refuse_twice(*args: object) -> None:
        nonlocal refusals
        refusals += 1
        if refusals < 3:
            raise StoreFull("no space")
        write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "part_sent", refuse_twice)
    async with sending(tmp_path) as made:
        message = await made.outbox.send(ANN, "hello", wait=5)
        assert message.state is MessageState.SENT
        assert len(made.sender.submitted) == 1


async def test_what_the_last_run_left_half_sent(tmp_path: Path) -> None:
    async with sending(tmp_path, serve=False) as made:
        message = await made.outbox.send(ANN, "hello")
        await made.service.database(Store.part_sending, message.id, 1, "")
        (unknown,) = (await made.service.database(Store.recover, NOW)).unknown
        await made.outbox.left_unknown(unknown)
        assert made.service.of("message.failed")[0]["state"] == "unknown"
        assert made.service.of("alert.raised")[0]["key"] == f"message.{message.id}.failed"
