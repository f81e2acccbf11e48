"""Schedules and balances on a real store and outbox, with a clock that the tests set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config_automatic import Balance, Schedule
from homeline.core.regular import PAUSES, TRIES
from homeline.errors import ConfigError, HomelineError, ModemError, StoreFull
from homeline.model import Direction, DongleState, Message, MessageState, Registration
from homeline.protocol.ussd import Reply, State
from homeline.service import regular
from homeline.service.accounts import Accounts
from homeline.service.channels import Timed, balance, schedule
from homeline.service.regular import Regular
from hostile import HOSTILE
from service.kit import BOB, NOW, Sender, Service

DAY = 86400
TWELVE = NOW + 4 * 3600  # NOW is 08:00 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Stick(Sender):
    """A dongle that also answers codes and rings numbers, each with the next of a script, the last for ever."""

    def __init__(self, *script: str | HomelineError) -> None:
        super().__init__()
        self.status.registration = Registration.HOME
        self.script = list(script) or ["ok"]
        self.asked: list[str] = []
        self.rang: list[tuple[str, float]] = []
        self.more = False
        self.cancelled = self.hung_up = 0

    def _next(self) -> str:
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, HomelineError):
            raise answer
        return answer

    async def ussd(self, code: str) -> Reply:
        self.asked.append(code)
        return Reply(State.WANTED if self.more else State.DONE, self._next())

    async def ussd_cancel(self) -> None:
        self.cancelled += 1

    async def ring(self, number: str, seconds: float) -> None:
        self.rang.append((number, seconds))
        self._next()

    async def hang_up(self) -> None:
        self.hung_up += 1

    async def reset(self) -> None:
        raise NotImplementedError


class House(Service):
    """With a dongle; `turn` does what is due and waits until it is done."""

    stick: Stick

    def use(self, *script: str | HomelineError) -> Stick:
        self.stick = self.dongles["stick"] = Stick(*script)
        return self.stick

    async def turn(self, made: Regular, now: int | None = None) -> None:
        """All that is to be done at this time."""
        if now is not None:
            self.now = now
        while await made._turn() == 0.0:
            pass

    async def outgoing(self) -> list[Message]:
        page = await self.database(Store.list_messages, direction=Direction.OUT)
        return list(reversed(page.messages))

    def alerts_of(self, name: str = "alert.raised") -> list[str]:
        return [alert["key"] for alert in self.of(name)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path) as house:
        house.use()
        yield house


def texting(house: House, **options: Any) -> schedule.Scheduled:
    section = Schedule("alive", dongle="stick", to=BOB, text="still here", **options)
    return schedule.build(section, house.world())


def calling(house: House, **options: Any) -> schedule.Scheduled:
    return schedule.build(Schedule("alive", action="call", dongle="stick", to=BOB, **options), house.world())


def asking(house: House, **options: Any) -> schedule.Scheduled:
    return schedule.build(Schedule("alive", action="ussd", dongle="stick", code="*100#", **options), house.world())


def reading(house: House, **options: Any) -> balance.Reader:
    values: dict[str, Any] = {"pattern": r"balance is (\S+)", "unit": "EUR", "limit": "5", **options}
    return balance.build(Balance("prepaid", dongle="stick", code="*100#", **values), house.world())


# -- schedules --------------------------------------------------------------------------------------------------------


async def test_an_sms_every_so_many_days(house: House) -> None:
    made = texting(house)
    await house.turn(made)
    assert made.status() == {
        **{"name": "alive", "action": "sms", "dongle": "stick", "every": 30, "next_at": TWELVE},
    }
    await house.turn(made, TWELVE - 1)
    assert await house.outgoing() == []
    await house.turn(made, TWELVE)
    (message,) = await house.outgoing()
    assert (message.peer, message.text, message.state) == (BOB, "still here", MessageState.QUEUED)
    assert made.status()["waits"] == "The message waits to be sent."
    await house.database(Store.message_sent, message.id, TWELVE, lambda _: ())
    await house.turn(made, TWELVE + 5)
    assert made.status()["last_success"] == TWELVE + 5
    assert made.status()["next_at"] == TWELVE + 30 * DAY
    await house.turn(made, TWELVE + 30 * DAY - 1)
    assert len(await house.outgoing()) == 1
    await house.turn(made, TWELVE + 30 * DAY)
    assert len(await house.outgoing()) == 2


async def test_what_was_missed_without_power_is_caught_up_once(house: House) -> None:
    made = calling(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    again = calling(house)  # the router was off for 100 days
    await house.turn(again, TWELVE + 100 * DAY)
    assert len(house.stick.rang) == 2
    assert again.status()["next_at"] == TWELVE + 130 * DAY


async def test_one_that_was_first_wanted_before_a_power_cut_is_caught_up(house: House) -> None:
    await house.turn(calling(house))
    again = calling(house)
    await house.turn(again, TWELVE + 3600)
    assert house.stick.rang == [(BOB, 20)]


async def test_it_waits_until_the_clock_is_set(house: House) -> None:
    made = calling(house)
    await house.turn(made, 1000)
    assert made.status()["waits"] == "The clock is not set."
    await house.turn(made, TWELVE + 1)
    assert house.stick.rang == []
    await house.turn(made, TWELVE + DAY)
    assert len(house.stick.rang) == 1


async def test_a_clock_that_was_years_ahead_holds_nothing_up(house: House) -> None:
    made = calling(house)
    await house.turn(made, NOW + 4000 * DAY)
    await house.turn(made, NOW + 4001 * DAY)
    assert len(house.stick.rang) == 1
    await house.turn(made, NOW)
    await house.turn(made, TWELVE + 30 * DAY)
    assert len(house.stick.rang) == 2


async def test_abroad_nothing_is_done_until_the_sim_is_home(house: House) -> None:
    made = calling(house)
    await house.turn(made)
    house.stick.status.registration = Registration.ROAMING
    await house.turn(made, TWELVE)
    assert (made.status()["waits"], house.stick.rang) == ("The SIM is abroad.", [])
    await house.turn(calling(house, roaming=True))
    assert len(house.stick.rang) == 1


async def test_without_a_dongle_that_is_ready_it_waits(house: House) -> None:
    made = calling(house)
    await house.turn(made)
    house.stick.status.state = DongleState.SEARCHING
    await house.turn(made, TWELVE)
    assert made.status()["waits"] == "The dongle is not ready."
    house.stick.status.state = DongleState.READY
    await house.turn(made, TWELVE + 5)
    assert len(house.stick.rang) == 1
    assert "waits" not in made.status()


async def test_a_failure_is_told_and_tried_again_within_bounds(house: House) -> None:
    house.use(ModemError("no carrier"))
    made = calling(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    assert made.status()["error"] == "no carrier"
    assert house.alerts_of() == ["schedule.alive"]
    for count, pause in enumerate(PAUSES, 2):
        await house.turn(made, house.now + pause - 1)
        assert len(house.stick.rang) == count - 1
        await house.turn(made, house.now + 1)
        assert len(house.stick.rang) == count
    assert len(house.stick.rang) == TRIES
    await house.turn(made, house.now + 20 * DAY)
    assert len(house.stick.rang) == TRIES
    house.stick.script = ["ok"]
    await house.turn(made, house.now + 11 * DAY)
    assert house.alerts_of("alert.cleared") == ["schedule.alive"]
    assert "error" not in made.status()


async def test_an_sms_that_is_refused_is_sent_anew(house: House) -> None:
    made = texting(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    (first,) = await house.outgoing()
    await house.database(Store.message_failed, first.id, "refused", TWELVE, lambda _: ())
    await house.turn(made, TWELVE + 1)
    assert house.alerts_of() == ["schedule.alive"]
    await house.turn(made, TWELVE + 1 + PAUSES[0])
    assert [message.state for message in await house.outgoing()] == [MessageState.FAILED, MessageState.QUEUED]


@pytest.mark.parametrize("make", [texting, asking, calling])
async def test_a_crash_before_the_end_was_written_doubles_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, make: Callable[[House], Regular]
) -> None:
    await house.turn(make(house))
    made = make(house)

    async def die(_progress: object) -> None:
        raise StoreFull("here the process ended")

    monkeypatch.setattr(made, "_keep", die)
    house.now = TWELVE
    await made._recall(TWELVE)
    if make is texting:
        await made._turn()
        (message,) = await house.outgoing()
        await house.database(Store.message_sent, message.id, TWELVE, lambda _: ())
    with pytest.raises(StoreFull):
        await made._turn()
    again = make(house)
    await house.turn(again, TWELVE + 60)
    assert house.stick.hung_up == (make is calling)  # a modem goes on with the call of before
    assert len(await house.outgoing()) + len(house.stick.asked) + len(house.stick.rang) == 1
    assert again.status()["next_at"] == TWELVE + 30 * DAY


async def test_a_menu_is_closed_again(house: House) -> None:
    made = asking(house)
    await house.turn(made)
    house.stick.more = True
    await house.turn(made, TWELVE)
    assert (house.stick.asked, house.stick.cancelled) == (["*100#"], 1)


async def test_a_dongle_that_cannot_call_is_a_failure(house: House) -> None:
    made = calling(house)
    await house.turn(made)
    sender = house.dongles["stick"] = Sender()
    sender.status.registration = Registration.HOME
    await house.turn(made, TWELVE)
    assert made.status()["error"] == "The dongle stick cannot call."


@asynccontextmanager
async def running(made: Regular) -> AsyncIterator[None]:
    task = asyncio.ensure_future(made.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_news_of_the_dongle_and_a_clock_that_was_set_wake_it(house: House) -> None:
    made = calling(house)
    house.stick.status.state = DongleState.ABSENT
    async with running(made), asyncio.timeout(5):
        while "next_at" not in made.status():
            await asyncio.sleep(0.01)
        house.now = TWELVE
        assert isinstance(made, Timed)
        made.look()
        while "waits" not in made.status():
            await asyncio.sleep(0.01)
        house.stick.status.state = DongleState.READY
        house.context.emit("homeline.dongle.changed", {})
        while not house.stick.rang:
            await asyncio.sleep(0.01)


async def test_a_store_that_fails_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular, "STORE_PAUSE", 0.01)
    refusals = iter([StoreFull("no space")] * 3)
    real = Store.last_done

    def refuse(store: Store, name: str) -> tuple[int, int]:
        if (error := next(refusals, None)) is not None:
            raise error
        return real(store, name)

    monkeypatch.setattr(Store, "last_done", refuse)
    made = calling(house)
    async with running(made), asyncio.timeout(10):
        while "next_at" not in made.status():
            await asyncio.sleep(0.01)


async def test_a_section_without_its_dongle_is_said(house: House) -> None:
    section = Schedule("alive", action="call", dongle="boat", to=BOB)
    with pytest.raises(ConfigError, match="no such dongle"):
        schedule.build(section, house.world())
    house.context.config = replace(house.context.config, schedules=(section,))
    accounts = Accounts(house.world())
    accounts.apply()
    assert [problem.where for problem in house.said.all()] == ["schedule alive"]
    assert accounts.things() == [("schedule", "alive", None)]
    await accounts.close()


# -- balances ---------------------------------------------------------------------------------------------------------


async def test_a_balance_is_read_shown_and_outlasts_a_restart(house: House) -> None:
    house.use("Your balance is 1.234,50 EUR. Thank you.")
    made = reading(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    status = made.status()
    assert {key: status[key] for key in ("amount", "unit", "read_at", "low", "next_at", "last_success")} == {
        **{"amount": "1234.50", "unit": "EUR", "read_at": TWELVE, "low": False},
        **{"next_at": TWELVE + 7 * DAY, "last_success": TWELVE},
    }
    again = reading(house)
    async with running(again), asyncio.timeout(5):
        while "next_at" not in again.status():
            await asyncio.sleep(0.01)
        assert again.status()["amount"] == "1234.50"


async def test_an_alert_below_the_limit_until_it_is_above(house: House) -> None:
    house.use("Your balance is 4.99 EUR", "Your balance is 5.00 EUR")
    made = reading(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    (alert,) = house.of("alert.raised")
    assert alert["key"] == "balance.prepaid"
    assert alert["text"] == "The balance prepaid is low: 4.99 EUR, below 5 EUR."
    assert made.status()["low"] is True
    await house.turn(made, TWELVE + 7 * DAY)
    assert house.alerts_of("alert.cleared") == ["balance.prepaid"]


async def test_without_a_limit_nothing_is_low(house: House) -> None:
    house.use("Your balance is -3 EUR")
    made = reading(house, limit="")
    await house.turn(made)
    await house.turn(made, TWELVE)
    assert (house.of("alert.raised"), made.status()["amount"], made.status()["low"]) == ([], "-3.00", False)


async def test_an_answer_without_an_amount_is_told_with_its_words(house: House) -> None:
    house.use("Service unavailable", "Your balance is unknown", "Your balance is 9,50 EUR")
    made = reading(house)
    await house.turn(made)
    await house.turn(made, TWELVE)
    (alert,) = house.of("alert.raised")
    assert alert["key"] == "balance.prepaid.unread"
    assert "Service unavailable" in alert["text"]
    assert "amount" not in made.status()
    await house.turn(made, house.now + PAUSES[0])
    await house.turn(made, house.now + PAUSES[1])
    assert made.status()["amount"] == "9.50"
    assert house.alerts_of("alert.cleared") == ["balance.prepaid.unread"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_answers_are_mere_text(house: House, text: str) -> None:
    house.use(text)
    made = reading(house, pattern="(.+)")
    await house.turn(made)
    await house.turn(made, TWELVE)
    assert "amount" not in made.status() or text.startswith("0123456789abcdef")
    (alert,) = house.of("alert.raised")
    assert len(alert["text"]) < 400
