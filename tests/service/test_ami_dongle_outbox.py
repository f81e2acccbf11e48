"""Queue and fleet with a dongle that wants whole texts: one that Asterisk drives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.ami import Ami
from homeline.adapters.store import Store
from homeline.adapters.store_outbox import UNTOLD
from homeline.config import Config, Dongle, Main
from homeline.errors import EncodeError, HomelineError, ModemError, NoData, NotSupported, SubmitUnknown
from homeline.model import DongleState, DongleStatus, Driver, Message, MessageState
from homeline.paths import Paths
from homeline.service.ami_dongle import AmiDongle
from homeline.service.dongle import SerialDongle
from homeline.service.fleet import Fleet
from homeline.service.outbox import Outbox
from service.dongle_kit import QUICK, Host
from service.kit import ANN, NOW, SIM, Service

LONG = "A long message that needs three parts. " * 10
REFUSED = ModemError("refused")  # as a driver says it that does not know why
FOR_GOOD = ModemError("Invalid phone number", "CMS", 304)
LOST = SubmitUnknown("the answer was lost")


class Texter:
    """A driver that takes whole texts."""

    def __init__(self, *answers: HomelineError | None) -> None:
        self.status = DongleStatus("stick", Driver.CHAN_DONGLE, DongleState.READY, imsi=SIM)
        self.answers = list(answers)
        self.submitted: list[tuple[str, str, int, bool]] = []
        self.refuses: HomelineError | None = None

    def refuse(self, number: str, text: str, flash: bool) -> None:
        if self.refuses:
            raise self.refuses

    async def submit_text(self, number: str, text: str, parts: int, report: bool) -> None:
        self.submitted.append((number, text, parts, report))
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


class Sending:
    def __init__(self, service: Service, texter: Texter) -> None:
        self.service, self.texter = service, texter
        self.outbox = Outbox(service.context, service.alerts, {"stick": texter})

    async def parts(self, message: Message) -> list[tuple[str, int | None]]:
        found = (await self.service.database(Store.get_message, message.id))[1]
        return [(part.state, part.reference) for part in found]


@asynccontextmanager
async def sending(folder: Path, *answers: HomelineError | None, serve: bool = True) -> AsyncIterator[Sending]:
    async with Service(folder) as service:
        made = Sending(service, Texter(*answers))
        task = asyncio.create_task(made.outbox.serve("stick")) if serve else None
        try:
            yield made
        finally:
            if task:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


@pytest.mark.parametrize(("text", "parts"), [("hello", 1), (LONG, 3)])
async def test_a_text_goes_whole(tmp_path: Path, text: str, parts: int) -> None:
    async with sending(tmp_path) as made:
        message = await made.outbox.send(ANN, text, wait=5)
        assert message.state is MessageState.SENT
        assert made.texter.submitted == [(ANN, text, parts, True)]
        assert await made.parts(message) == [("sent", UNTOLD)] * parts


async def test_a_refusal_is_tried_again_as_a_whole(tmp_path: Path) -> None:
    async with sending(tmp_path, REFUSED) as made:
        message = await made.outbox.send(ANN, LONG, wait=0.2)
        assert message.state is MessageState.QUEUED
        assert await made.parts(message) == [("queued", None)] * 3
        made.service.now += 10
        made.outbox.nudge("stick")
        await made.service.until(lambda: bool(made.service.of("message.sent")))
        assert [submitted[1] for submitted in made.texter.submitted] == [LONG, LONG]


@pytest.mark.parametrize("answer", [FOR_GOOD, NotSupported("no flash"), EncodeError("too long")])
async def test_what_the_driver_cannot_send_fails_at_once(tmp_path: Path, answer: HomelineError) -> None:
    """Such as a message that was queued while the dongle had another driver."""
    async with sending(tmp_path, answer) as made:
        message = await made.outbox.send(ANN, "hello", wait=5)
        assert message.state is MessageState.FAILED
        assert str(answer) in message.error


async def test_a_lost_answer_leaves_all_parts_unknown(tmp_path: Path) -> None:
    async with sending(tmp_path, LOST) as made:
        message = await made.outbox.send(ANN, LONG, wait=5)
        assert message.state is MessageState.UNKNOWN
        assert [state for state, _reference in await made.parts(message)] == ["unknown"] * 3
        assert len(made.texter.submitted) == 1


async def test_one_that_never_went_out_costs_no_try(tmp_path: Path) -> None:
    async with sending(tmp_path, NoData("Device disconnected")) as made:
        message = await made.outbox.send(ANN, "hello", wait=0.2)
        assert message.state is MessageState.QUEUED
        assert await made.service.database(Store.attempts, message.id) == 0


@pytest.mark.parametrize("error", [NotSupported("no flash"), EncodeError("too long")])
async def test_what_cannot_be_sent_is_not_queued(tmp_path: Path, error: HomelineError) -> None:
    async with sending(tmp_path, serve=False) as made:
        made.texter.refuses = error
        with pytest.raises(type(error)):
            await made.outbox.send(ANN, "hello", flash=True)
        assert await made.service.database(Store.next_queued, "stick", NOW) is None


# Reports --------------------------------------------------------------------------------------------------------------


async def report(made: Sending, reference: int, submitted: int, status: str = "delivered") -> int | None:
    """A status report about a message that went out then; the message that it is taken for."""
    joined = await made.service.database(
        Store.apply_report,
        *(SIM, ANN, reference, status, NOW, NOW, made.service.context.plan),
        submitted=submitted,
    )
    return None if joined is None else joined[0].id


async def test_reports_join_the_message_that_went_out_then(tmp_path: Path) -> None:
    """The driver tells no references, so it is the recipient and the time of the service centre that count."""
    async with sending(tmp_path) as made:
        ids = []
        for second in (0, 100, 200):
            made.service.now = NOW + second
            ids.append((await made.outbox.send(ANN, f"at {second}", wait=5)).id)
        assert await report(made, 11, NOW + 103) == ids[1]
        assert await report(made, 12, NOW + 2) == ids[0]
        assert await report(made, 13, NOW + 300, "failed") == ids[2]
        assert await report(made, 14, NOW) is None


async def test_each_part_has_its_report(tmp_path: Path) -> None:
    async with sending(tmp_path) as made:
        message = await made.outbox.send(ANN, LONG, wait=5)
        for reference in (1, 2, 3):
            assert await report(made, reference, NOW) == message.id
        assert await made.parts(message) == [("delivered", 1), ("delivered", 2), ("delivered", 3)]


async def test_a_message_without_a_report_takes_none(tmp_path: Path) -> None:
    async with sending(tmp_path) as made:
        asked = await made.outbox.send(ANN, "asked", wait=5)
        made.service.now += 60
        await made.outbox.send(ANN, "not asked", report=False, wait=5)
        assert await report(made, 1, NOW + 60) == asked.id


# The fleet ------------------------------------------------------------------------------------------------------------


class Asterisk:
    """What the fleet asks for a manager."""

    def __init__(self) -> None:
        self.ami: Ami | None = None


@asynccontextmanager
async def fleet(folder: Path, asterisk: Asterisk) -> AsyncIterator[tuple[Fleet, dict[str, Any]]]:
    async with Service(folder) as service:
        dongles: dict[str, Any] = {}
        outbox = Outbox(service.context, service.alerts, dongles)
        host: Any = Host()
        host.forget = lambda name: None
        made = Fleet(
            *(dongles, host, outbox, Paths(folder), lambda: NOW, QUICK, lambda key, text, advice: None),
            lambda: asterisk.ami,
        )
        try:
            yield made, dongles
        finally:
            await made.stop()


async def test_each_driver_has_its_dongles(tmp_path: Path) -> None:
    config = Config(
        main=Main(enabled=True),
        dongles=(Dongle("a"), Dongle("b", driver=Driver.CHAN_DONGLE), Dongle("c", driver=Driver.CHAN_QUECTEL)),
    )
    async with fleet(tmp_path, Asterisk()) as (made, dongles):
        await made.apply(config)
        assert {name: type(dongle) for name, dongle in dongles.items()} == {
            "a": SerialDongle,
            "b": AmiDongle,
            "c": AmiDongle,
        }
        await made.apply(replace(config, dongles=config.dongles[:1]))
        assert list(dongles) == ["a"]


async def test_a_manager_that_comes_later_is_used(tmp_path: Path) -> None:
    config = Config(main=Main(enabled=True), dongles=(Dongle("a"), Dongle("b", driver=Driver.CHAN_DONGLE)))
    asterisk = Asterisk()
    async with fleet(tmp_path, asterisk) as (made, dongles):
        await made.apply(config)
        serial, without = dongles["a"], dongles["b"]
        await made.apply(config)
        assert (dongles["a"], dongles["b"]) == (serial, without)
        asterisk.ami = Ami(1, "homeline", lambda: "")
        await made.apply(config)
        assert dongles["a"] is serial  # which Asterisk is none of its business
        assert dongles["b"] is not without
