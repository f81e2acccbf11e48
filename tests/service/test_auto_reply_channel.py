"""Automatic answers on a real store and outbox: once for each message, within the limits, and never abroad."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config_automatic import AutoReply
from homeline.errors import DeliveryError, NotNeeded, StoreError
from homeline.model import Delivery, Direction, DongleState, Event, EventKind, Message, MessageState, Registration
from homeline.service.channels.auto_reply import HOUR, AutoReplyChannel, build
from hostile import HOSTILE
from service.kit import ANN, BOB, NOW, Sender, Service


def event(number: int = 7, sender: str = ANN, text: str = "Where are you?") -> Event:
    message = Message(number, Direction.IN, MessageState.RECEIVED, "stick", "894", sender, sender, text=text, at=NOW)
    return Event(number, EventKind.MESSAGE, NOW, "stick", sender, text, message)


def delivery(number: int = 7, **options: Any) -> Delivery:
    return Delivery(number, number, "away", "away", **options)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path) as service:
        service.dongles["stick"] = Sender()
        service.dongles["stick"].status.registration = Registration.HOME
        await service.database(Store.unread)  # deliveries come out of a store that is open
        yield service


def channel(service: Service, **options: Any) -> AutoReplyChannel:
    account = AutoReply("away", text="I am abroad. You wrote: {text}", **options)
    service.context.config = replace(service.context.config, auto_replies=(account,))
    return build(account, service.world())


async def queued(service: Service) -> list[tuple[str, str]]:
    page = await service.database(Store.list_messages, direction=Direction.OUT)
    return [(message.peer, message.text) for message in reversed(page.messages)]


async def held_back(made: AutoReplyChannel, what: Event) -> str:
    with pytest.raises(NotNeeded) as caught:
        await made.deliver(delivery(what.id), what)
    return str(caught.value)


async def test_a_message_is_answered_once_in_the_owners_words(service: Service) -> None:
    made = channel(service)
    for revision in (0, 0, 1):  # tried again, and once more when a late part came
        await made.deliver(delivery(revision=revision), event())
    assert await queued(service) == [(ANN, "I am abroad. You wrote: Where are you?")]


async def test_a_sender_gets_one_answer_in_so_many_hours(service: Service) -> None:
    made = channel(service, hours=2)
    await made.deliver(delivery(), event())
    assert await held_back(made, event(8)) == "Its sender was answered within the last 2 hours."
    await made.deliver(delivery(9), event(9, BOB))
    service.now += 2 * HOUR
    await made.deliver(delivery(10), event(10))
    assert [peer for peer, _ in await queued(service)] == [ANN, BOB, ANN]
    # What the limits of old senders took is not kept for ever.
    service.now += 2 * HOUR
    await made.deliver(delivery(11), event(11))
    assert await service.database(Store.last_done, f"auto_reply:away:{BOB}") == (0, 0)


async def test_so_many_a_day_all_in_all(service: Service) -> None:
    made = channel(service, daily=3)
    senders = [f"+4179000000{number}" for number in range(5)]
    for number, sender in enumerate(senders[:3], 10):
        await made.deliver(delivery(number), event(number, sender))
    for number, sender in enumerate(senders[3:], 20):
        assert await held_back(made, event(number, sender)) == "3 answers were sent within a day."
    assert len(await queued(service)) == 3


async def test_abroad_nothing_is_sent_unless_allowed(service: Service) -> None:
    status = service.dongles["stick"].status
    status.registration = Registration.ROAMING
    assert "abroad" in await held_back(channel(service), event())
    await channel(service, roaming=True).deliver(delivery(), event())
    assert len(await queued(service)) == 1


async def test_while_the_dongle_is_not_ready_it_waits_for_at_most_a_day(service: Service) -> None:
    made = channel(service)
    service.dongles["stick"].status.state = DongleState.SEARCHING
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(), event())
    assert not caught.value.permanent
    service.now += 90_000
    assert "a day" in await held_back(made, event())
    assert await queued(service) == []


async def test_what_the_configuration_cannot_tell_is_looked_at_when_it_goes_out(service: Service) -> None:
    made = channel(service)
    service.dongles["stick"].status.number = ANN
    assert "our own numbers" in await held_back(made, event())
    del service.dongles["stick"]
    assert "not in use" in await held_back(made, event(8, BOB))


async def test_a_store_that_fails_is_a_passing_failure(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("no")

    made = channel(service)
    monkeypatch.setattr(Store, "queue_message", refuse)
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(), event())
    assert not caught.value.permanent
    monkeypatch.undo()
    await made.deliver(delivery(), event())
    assert len(await queued(service)) == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts_come_back_as_mere_text_and_bounded(service: Service, text: str) -> None:
    made = channel(service)
    try:
        await made.deliver(delivery(), event(text=text))
    except NotNeeded:
        return  # it looks as if a machine wrote it
    ((peer, answer),) = await queued(service)
    assert peer == ANN
    assert answer.startswith("I am abroad. You wrote:")
    assert len(answer) <= 459


async def test_an_equal_section_is_an_equal_channel(service: Service) -> None:
    assert channel(service) == channel(service)
    assert channel(service) != channel(service, hours=3)
