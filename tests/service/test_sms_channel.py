"""The sms channel on a real store and outbox: once for each number, within the limits, and never in a circle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.adapters.store import Store
from homeline.config_channels import Sms
from homeline.errors import ConfigError, DeliveryError, NotNeeded, StoreError
from homeline.model import Delivery, Direction, DongleState, Event, EventKind, Message, Registration
from homeline.protocol import pdu
from homeline.service.channels.sms import CUT, DAY, SmsChannel, build, echoes, fitted
from hostile import HOSTILE, SENDERS
from service.kit import ANN, BOB, CONFIG, NOW, RULE, Sender, Service

OWNER, SECOND = "+447700900123", "+447700900456"


def event(text: str = "hello", sender: str = ANN, number: int = 7, kind: EventKind = EventKind.MESSAGE) -> Event:
    return Event(number, kind, NOW, "stick", sender, text)


def delivery(number: int = 7, **options: Any) -> Delivery:
    return Delivery(number, number, "all", "abroad", **options)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path) as service:
        service.dongles["stick"] = Sender()
        await service.database(Store.unread)  # deliveries come out of a store that is open
        yield service


def channel(service: Service, *to: str, **options: Any) -> SmsChannel:
    account = Sms("abroad", to or (OWNER,), **options)
    service.context.config = replace(service.context.config, accounts=(account,))
    return build(account, service.world())


async def outgoing(service: Service) -> list[Message]:
    return (await service.database(Store.list_messages, direction=Direction.OUT)).messages


async def queued(service: Service) -> list[tuple[str, str]]:
    """What was queued, oldest first: recipient and text."""
    messages = await outgoing(service)
    return [(message.peer, message.text) for message in reversed(messages)]


async def refused(made: SmsChannel, what: Event | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(delivery(what.id if what else 7), what or event())
    return caught.value


# -- once -------------------------------------------------------------------------------------------------------------


async def test_each_number_gets_it_once_however_often_it_is_tried(service: Service) -> None:
    made = channel(service, OWNER, SECOND)
    for _ in range(3):
        await made.deliver(delivery(), event())
    assert await queued(service) == [(OWNER, f"{ANN}: hello"), (SECOND, f"{ANN}: hello")]
    await made.deliver(delivery(revision=1), event("hello again"))
    assert len(await queued(service)) == 4


async def test_a_second_try_sends_to_those_that_did_not_get_it(service: Service, monkeypatch: Any) -> None:
    made = channel(service, OWNER, SECOND)
    send = service.outbox.send

    async def broken(to: str, *args: Any, **options: Any) -> Message:
        if to == SECOND:
            raise StoreError("The disk is full.")
        return await send(to, *args, **options)

    monkeypatch.setattr(service.outbox, "send", broken)
    error = await refused(made)
    assert (str(error), error.permanent) == ("The disk is full.", False)
    monkeypatch.setattr(service.outbox, "send", send)
    await made.deliver(delivery(), event())
    assert [to for to, _ in await queued(service)] == [OWNER, SECOND]


async def test_one_that_the_owner_deleted_meanwhile_is_not_sent_again(service: Service) -> None:
    made = channel(service)
    await made.deliver(delivery(), event())
    messages = await outgoing(service)
    await service.database(Store.delete_messages, [messages[0].id], NOW)
    await made.deliver(delivery(), event())
    assert await queued(service) == []


# -- limits -----------------------------------------------------------------------------------------------------------


async def test_what_is_over_the_days_limit_waits_for_the_next(service: Service) -> None:
    made = channel(service, OWNER, SECOND, daily=3, max_parts=2)
    await made.deliver(delivery(1), event("x" * 200, number=1))
    await made.deliver(delivery(2), event("two", number=2))
    error = await refused(made, event("three", number=3))
    assert str(error) == f"{OWNER} may get 3 SMS within a day, and has got them: what is more waits."
    assert not error.permanent
    assert error.retry_after
    assert len(await queued(service)) == 4
    service.now += DAY + 1
    await made.deliver(delivery(3), event("three", number=3))
    assert len(await queued(service)) == 6


async def test_the_limit_is_each_numbers_own(service: Service) -> None:
    await channel(service, OWNER, daily=3).deliver(delivery(1), event("x" * 400, number=1))
    assert OWNER in str(await refused(channel(service, OWNER, SECOND, daily=3)))
    assert [to for to, _ in await queued(service)] == [OWNER, SECOND]


async def test_the_limit_outlives_a_restart_and_a_deleted_message(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.dongles["stick"] = Sender()
        for number in (1, 2, 3):
            await channel(service, daily=3, max_parts=1).deliver(delivery(number), event(number=number))
        await service.database(Store.delete_messages, [each.id for each in await outgoing(service)], NOW)
    async with Service(tmp_path) as anew:
        anew.dongles["stick"] = Sender()
        assert "may get 3 SMS" in str(await refused(channel(anew, daily=3, max_parts=1)))
        assert await queued(anew) == []


async def test_nothing_goes_abroad_unless_allowed(service: Service) -> None:
    service.dongles["stick"].status.registration = Registration.ROAMING
    error = await refused(channel(service))
    assert "is abroad, and abroad.roaming does not allow that" in str(error)
    assert error.retry_after
    assert await queued(service) == []
    await channel(service, roaming=True).deliver(delivery(), event())
    assert len(await queued(service)) == 1


async def test_it_waits_for_a_dongle_whose_network_is_known(service: Service) -> None:
    status, hurried = service.dongles["stick"].status, list[str]()
    status.state = DongleState.SEARCHING
    made = SmsChannel(channel(service).account, service.world(hurry=hurried.append))
    task = asyncio.ensure_future(made.run())
    error = await refused(made)
    assert (str(error), error.permanent) == ("Dongle stick is not ready.", False)
    service.news.emit("homeline.dongle.changed", {})
    status.state, status.registration = DongleState.READY, Registration.ROAMING
    service.news.emit("homeline.dongle.changed", {})
    assert hurried == []
    status.registration = Registration.HOME
    service.news.emit("homeline.message.received", {})
    for _ in range(3):
        service.news.emit("homeline.dongle.changed", {})
    assert hurried == ["abroad"]
    await made.deliver(delivery(), event())
    assert len(await queued(service)) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not service.news._listeners


async def test_where_roaming_is_allowed_it_is_queued_for_a_dongle_that_is_not_ready(service: Service) -> None:
    service.dongles["stick"].status.state = DongleState.ABSENT
    await channel(service, roaming=True).deliver(delivery(), event())
    assert len(await queued(service)) == 1


async def test_the_dongle_that_was_chosen_sends(service: Service) -> None:
    service.dongles["other"] = Sender("other")
    await channel(service, dongle="other").deliver(delivery(), event())
    messages = await outgoing(service)
    assert messages[0].dongle == "other"
    error = await refused(channel(service, dongle="gone"), event(number=8))
    assert (str(error), error.permanent) == ("There is no dongle 'gone'.", False)


# -- loops ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [
        event(sender=OWNER),
        event(sender="07700900123"),  # as a network may write it
        event(sender="+41790000000"),  # our own
        event(sender=OWNER, kind=EventKind.REPORT),
        event(f"Fwd: {BOB}: your parcel is here", sender="Gateway"),  # has in it what we forwarded
    ],
)
async def test_what_our_own_sms_caused_is_not_forwarded(service: Service, what: Event) -> None:
    made = channel(service)
    service.dongles["stick"].status.number = "+41790000000"
    await made.deliver(delivery(1), event("your parcel is here", sender=BOB, number=1))
    before = await queued(service)
    with pytest.raises(NotNeeded, match="one of our own SMS caused it"):
        await made.deliver(delivery(), what)
    assert await queued(service) == before


async def test_an_echo_of_yesterday_is_a_message_like_any_other(service: Service) -> None:
    made = channel(service)
    await made.deliver(delivery(1), event("your parcel is here", sender=BOB, number=1))
    service.now += DAY + 1
    await made.deliver(delivery(), event(f"{BOB}: your parcel is here", sender="Gateway"))
    assert len(await queued(service)) == 2


async def test_an_alert_that_a_forwarded_sms_failed_is_not_forwarded(service: Service) -> None:
    made = channel(service)
    own = await service.outbox.send(OWNER, "x")
    others = await service.outbox.send(BOB, "x")
    for number, message in enumerate((own.id, 9999, others.id), 10):
        alert = event("It was not sent.", "", number, EventKind.ALERT)
        alert.fields["key"] = f"message.{message}.failed"
        with contextlib.suppress(NotNeeded):
            await made.deliver(delivery(number), alert)
    assert [text for to, text in await queued(service) if to == OWNER] == ["x", "Alert: It was not sent."]


async def test_a_call_from_a_number_that_gets_sms_is_told(service: Service) -> None:
    """It cannot go round in a circle."""
    await channel(service).deliver(delivery(), event("", OWNER, kind=EventKind.USSD))
    assert len(await queued(service)) == 1


@pytest.mark.parametrize("template", [False, True])
async def test_two_gateways_that_forward_to_each_other_end(tmp_path: Path, template: bool) -> None:
    """Each gets what the other sends; with a template, or another sender than the number, only the text is left."""
    numbers = ("+41790000001", "+41790000002")
    senders = ("Gate One", "Gate Two") if template else numbers
    async with Service(tmp_path / "one") as one, Service(tmp_path / "two") as two:
        made = []
        for service, other in ((one, numbers[1]), (two, numbers[0])):
            service.dongles["stick"] = Sender()
            made.append(channel(service, other))
        text, sender, hops = "Hello there, how are you?", ANN, 0
        while hops < 10:
            here = hops % 2
            service = (one, two)[here]
            before = len(await queued(service))
            with contextlib.suppress(NotNeeded):
                await made[here].deliver(delivery(hops + 1), event(text, sender, hops + 1))
            sent = await queued(service)
            if len(sent) == before:
                break
            text, sender, hops = sent[-1][1], senders[here], hops + 1
        assert hops == (2 if template else 1)


def test_a_dongles_own_number_is_refused(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.context.config = replace(CONFIG, dongles=(replace(CONFIG.dongles[0], number=OWNER),))
    with pytest.raises(ConfigError, match="is the number of dongle stick itself"):
        channel(service)


async def test_a_dongles_own_number_that_only_the_sim_tells(service: Service) -> None:
    service.dongles["stick"].status.number = OWNER
    assert "own number" in str(await refused(channel(service)))


@pytest.mark.parametrize(
    ("text", "sent", "echo"),
    [
        ("+41: a text of some length", "+41: a text of some length", True),
        ("Gateway: +41: a text of some length", "+41: a text of some length", True),
        ("+41: a text " + "x" * 60, "+41: a text " + "x" * 600, True),  # cut on its way
        ("OK", "OK", False),
        ("a text of some other length", "+41: a text of some length", False),
        ("anything", "", False),
    ],
)
def test_what_is_an_echo(text: str, sent: str, echo: bool) -> None:
    assert echoes(text, sent) is echo


# -- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("sender", [ANN, SENDERS[3]])
async def test_hostile_texts_are_mere_text(service: Service, text: str, sender: str) -> None:
    made = channel(service, max_parts=10)
    await made.deliver(delivery(), event(text, sender))
    ((to, sent),) = await queued(service)
    assert to == OWNER
    assert pdu.preview(sent).parts <= 10
    assert all(c == "\n" or c.isprintable() or ord(c) > 160 for c in sent)
    whole = squeezed(f"{sender}: {text}".encode("utf-8", "replace").decode())
    assert squeezed(sent) == whole if len(whole) < 600 else whole.startswith(squeezed(sent.removesuffix(CUT)))


def squeezed(text: str) -> str:
    """Without what may become a blank, and blanks."""
    return "".join(c for c in text if not (c.isspace() or c < " " or "\x7f" <= c < "\xa0"))


@given(st.text(max_size=3000), st.integers(1, 10))
def test_it_fits_and_nothing_is_cut_in_vain(text: str, parts: int) -> None:
    whole = fitted(text, 255)
    sent = fitted(text, parts)
    assert 1 <= pdu.preview(sent).parts <= parts
    if sent != whole:
        assert sent.endswith(CUT)
        assert pdu.preview(whole[: 160 * parts]).parts > parts or len(whole) > 160 * parts


@pytest.mark.parametrize(
    ("text", "parts", "length"),
    [("x" * 160, 1, 160), ("x" * 161, 1, 160), ("ж" * 71, 1, 70), ("x" * 459, 3, 459), ("x" * 9999, 3, 459)],
)
def test_all_room_is_used(text: str, parts: int, length: int) -> None:
    assert len(fitted(text, parts)) == length


@pytest.mark.parametrize(
    ("codes", "sent"),
    [
        ("first", f"482913 - {ANN}: Your code is 482913"),
        ("text", f"{ANN}: Your code is 482913"),
        ("redact", f"{ANN}: Your code is ******"),
    ],
)
async def test_a_code_stands_first_or_is_hidden_as_the_rule_wants(service: Service, codes: str, sent: str) -> None:
    made = channel(service)
    service.context.config = replace(service.context.config, rules=(replace(RULE, codes=codes),))
    await made.deliver(delivery(), event("Your code is 482913"))
    assert await queued(service) == [(OWNER, sent)]


async def test_a_rules_own_words_are_sent_alone(service: Service) -> None:
    made = channel(service)
    service.context.config = replace(service.context.config, rules=(replace(RULE, template="{text} ({from})"),))
    await made.deliver(delivery(), event())
    assert await queued(service) == [(OWNER, f"hello ({ANN})")]


async def test_other_events_in_few_words(service: Service) -> None:
    made = channel(service)
    alert = event("The dongle is gone.", "", 8, EventKind.ALERT)
    await made.deliver(delivery(8), alert)
    await made.deliver(delivery(9), event("Your balance is 5 EUR", "*100#", 9, EventKind.USSD))
    assert [text for _, text in await queued(service)] == ["Alert: The dongle is gone.", "USSD: Your balance is 5 EUR"]


async def test_a_bundle_leaves_out_what_must_not_go(service: Service) -> None:
    made = channel(service)
    bundle = (event(f"one\n{BOB}: forged", number=7), event("two", OWNER, 8), event("three", BOB, 9))
    await made.deliver(delivery(), replace(bundle[0], digest=bundle))
    assert [text for _, text in await queued(service)] == [f"{ANN}: one {BOB}: forged\n{BOB}: three"]
    with pytest.raises(NotNeeded):
        await made.deliver(delivery(8), replace(bundle[1], digest=(bundle[1],)))
    assert len(await queued(service)) == 1
