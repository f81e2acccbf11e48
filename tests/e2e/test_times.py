"""Quiet hours, digests, automatic answers, schedules and balances of the real daemon, with kill -9 in between."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.kit import Home, Table, living, parsed
from homeline.adapters.store import Store
from homeline.errors import HomelineError
from homeline.model import EventKind, Priority, Wanted
from homeline_lab.sim import Sim

HOUR = 3600
ANN, BOB = "+41791112233", "+41794445566"

NIGHT = """	list quiet '22:00-07:00'
	option digest '1'
"""
ANSWERING = """
config auto_reply 'away'
	option text 'I am abroad. You wrote: {text}'
	list not_senders '+4179999*'
"""
ALIVE = f"""
config schedule 'text'
	option dongle 'stick'
	option to '{BOB}'
	option text 'still here'

config schedule 'code'
	option action 'ussd'
	option dongle 'stick'
	option code '*100#'

config schedule 'ring'
	option action 'call'
	option dongle 'stick'
	option to '{BOB}'
	option seconds '5'

config balance 'prepaid'
	option dongle 'stick'
	option code '*100#'
	option pattern 'balance[^0-9-]*([0-9.,-]+)'
	option limit '20'
	option unit 'CHF'
"""


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")  # the daemon's, too


def until(hour: int, now: float | None = None) -> int:
    """Seconds from now on until the next full hour of this name, UTC."""
    now = time.time() if now is None else now
    return int((hour * HOUR - now) % (24 * HOUR)) or 24 * HOUR


async def clock_at(home: Home, ahead: int) -> None:
    """Let the daemon's clock go so much ahead; it has heard of it when this returns."""
    home.set_clock(ahead)
    await home.call("status")


async def status_when(home: Home, condition: Callable[[Table], bool]) -> Table:
    """The first status for which this holds; nothing tells of it, so it is asked for again and again."""
    async with asyncio.timeout(15):
        while not condition(status := await home.call("status")):
            await asyncio.sleep(0.05)
    return status


async def all_done(home: Home) -> Table:
    """The status once everything regular was done after its first time."""
    return await status_when(home, lambda s: all("last_success" in item for item in (*s["schedules"], *s["balances"])))


# -- quiet hours ------------------------------------------------------------------------------------------------------


async def test_what_came_at_night_is_one_mail_in_the_morning(tmp_path: Path) -> None:
    evening = until(23)
    async with living(tmp_path, quick=True, extra=NIGHT, start=False) as home:
        home.set_clock(evening)
        await home.run()
        for number in range(3):
            home.dongle.deliver(f"night {number}", ANN)
        messages = await home.events.wait_for("message.received", 3)
        code = "Your verification code is 482913. Do not share it."
        home.dongle.deliver(code, BOB)
        await home.events.wait("delivery.done")  # a code does not wait
        assert len(home.mail.mails) == 1
        status = await home.call("status")
        assert [rule["pending"] for rule in status["rules"]] == [3]
        (held,) = (await home.call("list_deliveries", event=messages[0]["id"]))["deliveries"]
        assert held["state"] == "pending"
        assert held["hold_until"] == held["next_at"]
        await clock_at(home, evening + 7 * HOUR)
        assert len(home.mail.mails) == 1
        await clock_at(home, evening + 8 * HOUR + 60)
        await home.mail.wait_for(2)
        together = await home.events.wait("delivery.done", lambda d: "digest" in d)
        assert together["events"] == [message["id"] for message in messages]
        content = home.mail.mails[-1].content.decode()
        assert all(f"night {number}" in content for number in range(3))
        home.dongle.deliver("by day", ANN)
        await home.mail.wait_for(3)


async def test_killed_when_the_server_has_the_digest_and_we_do_not_know_it(tmp_path: Path) -> None:
    evening = until(23)
    async with living(tmp_path, quick=True, extra=NIGHT, start=False) as home:
        home.set_clock(evening)
        await home.run()
        for number in range(3):
            home.dongle.deliver(f"night {number}", ANN)
        messages = await home.events.wait_for("message.received", 3, timeout=30)
        home.mail.on_mail = lambda _mail: home.kill()  # before the server says 250
        home.set_clock(evening + 8 * HOUR + 60)
        with contextlib.suppress(HomelineError):
            await home.call("status")  # so that it looks at the clock; it may be killed meanwhile
        await home.mail.wait_for(1, 30)
        home.mail.on_mail = None
        await home.ended()
        home.set_clock(evening + 24 * HOUR)  # the next night has begun
        await home.run()
        await home.mail.wait_for(2, 30)
        done = await home.events.wait("delivery.done", lambda d: "digest" in d, 30)
        assert done["events"] == [message["id"] for message in messages]
        first, second = (mail.content for mail in home.mail.mails)
        assert first == second
        deliveries = (await home.call("list_deliveries", state="done"))["deliveries"]
        assert {delivery["event"] for delivery in deliveries} >= {message["id"] for message in messages}


def prepare(home: Home, count: int) -> None:
    """Put so many events into the store that waited for the morning, which has come."""
    path = home.router.paths.inside("/etc/homeline/homeline.db")
    path.parent.mkdir(parents=True, exist_ok=True)
    now = int(time.time())
    held = [Wanted("everything", "owner", now - 60, digest=True, priority=Priority.LOW)]
    with contextlib.closing(Store.open(path)) as store, store._writing():
        for number in range(1, count + 1):
            store._add_event(EventKind.USSD, now - HOUR, "stick", "*100#", f"answer {number}.", {}, lambda _: held)


@pytest.mark.timeout(120)
async def test_killed_at_any_moment_of_a_morning(tmp_path: Path) -> None:
    """However often: one Message-ID has one content, and each event stands under one Message-ID."""
    dice = random.Random(11)
    async with living(tmp_path, quick=True, start=False) as home:
        prepare(home, 550)
        for _ in range(6):
            await home.run("")
            enough = len(home.mail.mails) + dice.randrange(1, 3)
            with contextlib.suppress(TimeoutError):  # all may be out already
                await home.mail.wait_for(enough, 2)
            await home.killed()
        await home.run("")
        await status_when(home, lambda s: not s["channels"][0]["pending"])
        contents: dict[str, set[bytes]] = {}
        for mail in home.mail.mails:
            contents.setdefault(parsed(mail)["Message-ID"], set()).add(mail.content)
        assert len(contents) == 6
        assert all(len(copies) == 1 for copies in contents.values())
        found = [int(number) for (one,) in contents.values() for number in re.findall(rb"answer (\d+)\.", one)]
        assert sorted(found) == list(range(1, 551))


@pytest.mark.timeout(120)
async def test_ten_thousand_that_wait_at_the_start(tmp_path: Path) -> None:
    """They leave in a hundred mails, while new messages go out at once and `status` is answered."""
    async with living(tmp_path, quick=True, start=False) as home:
        prepare(home, 10_000)
        await home.run()
        assert (await home.call("status"))["channels"][0]["pending"] > 5_000
        home.dongle.deliver("hello", ANN)
        message = await home.events.wait("message.received")
        await home.events.wait("delivery.done", lambda d: d["event"] == message["id"])
        assert (await home.call("status"))["channels"][0]["pending"] > 1_000  # it went before them
        await home.mail.wait_for(101, 90)
        told = await home.events.wait_for("delivery.done", 100, lambda d: "digest" in d, 30)
        assert sorted(event for each in told for event in each["events"]) == list(range(1, 10_001))


# -- automatic answers ------------------------------------------------------------------------------------------------


async def test_who_writes_gets_one_answer(tmp_path: Path) -> None:
    async with living(tmp_path, extra=ANSWERING) as home:
        home.dongle.deliver("Where are you?", ANN)
        await home.events.wait("message.sent")
        home.dongle.deliver("Hello?", ANN)
        held_back = await home.events.wait("delivery.done", lambda d: d["channel"] == "away" and "note" in d)
        assert held_back["note"] == "Its sender was answered within the last 24 hours."
        home.dongle.deliver("Your code is 482913", BOB)
        home.dongle.deliver("A bank", "BANK")
        await home.events.wait_for("message.received", 4)
        assert [sent.recipient for sent in home.dongle.sent] == [ANN]
        (answer,) = await home.messages("out")
        assert answer["text"] == "I am abroad. You wrote: Where are you?"
        channels = {channel["name"]: channel for channel in (await home.call("status"))["channels"]}
        assert channels["away"]["type"] == "auto_reply"


@pytest.mark.timeout(120)
async def test_killed_at_any_moment_nobody_is_answered_twice(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with living(tmp_path, extra=ANSWERING) as home:
        senders = []
        for trial in range(8):
            for number in range(3):
                senders.append(f"+447700900{trial}{number}0")
                home.dongle.deliver(f"hello {trial}.{number}", senders[-1])
            enough = home.dongle.count() + dice.randrange(1, 25)
            with contextlib.suppress(TimeoutError):  # there may be fewer, once the day's answers are sent
                await home.dongle.wait(lambda enough=enough: home.dongle.count() >= enough, 1.0)  # type: ignore[misc]
            await home.killed()
            await home.run()
            await home.dongle.wait(lambda: not home.dongle.stored() and not home.dongle.network.queue, 30)
        await status_when(home, lambda s: not any(channel["pending"] for channel in s["channels"]))
        answers = [message["peer"] for message in await home.messages("out")]
        # More than 20 answers a day are not sent.
        assert len(answers) == len(set(answers)) == 20
        sent = [each.recipient for each in home.dongle.sent]
        assert len(sent) == len(set(sent))
        assert set(sent) <= set(senders)


# -- what is done regularly -------------------------------------------------------------------------------------------


async def test_a_sim_is_kept_alive_and_its_balance_read(tmp_path: Path) -> None:
    noon = until(12)
    async with living(tmp_path, quick=True, extra=ALIVE, start=False) as home:
        home.dongle.network.ussd["*100#"] = "Your balance is CHF 12,50. Thank you."
        home.set_clock(noon - HOUR)
        await home.run()
        home.events.heard.clear()
        status = await home.call("status")
        due = {item["name"]: item["next_at"] for item in (*status["schedules"], *status["balances"])}
        assert {name: at % (24 * HOUR) for name, at in due.items()} == dict.fromkeys(
            ("text", "code", "ring", "prepaid"), 12 * HOUR
        )
        await clock_at(home, noon + 5)
        sent = await home.events.wait("message.sent")
        assert (sent["peer"], sent["text"]) == (BOB, "still here")
        alert = await home.events.wait("alert.raised", lambda alert: alert["key"] == "balance.prepaid")
        assert alert["text"] == "The balance prepaid is low: 12.50 CHF, below 20 CHF."
        await home.dongle.wait(lambda: home.dongle.count("+CHUP") == 1)
        assert f"ATD{BOB};" in home.dongle.transcript()
        (balance,) = (await all_done(home))["balances"]
        assert (balance["amount"], balance["unit"], balance["low"]) == ("12.50", "CHF", True)
        await home.killed()
        await home.run()
        await all_done(home)
        assert (len(home.dongle.sent), home.dongle.count("D")) == (1, 1)
        await home.killed()  # three months without power: all is caught up, once
        home.set_clock(noon + 90 * 24 * HOUR)
        await home.run()
        await home.events.wait_for("message.sent", 2)
        await home.dongle.wait(lambda: home.dongle.count("D") == 2)


@pytest.mark.parametrize("end", ["killed", "stopped"])
async def test_no_call_outlives_the_daemon_for_long(tmp_path: Path, end: str) -> None:
    """A modem would go on with it, and it costs money."""
    noon = until(12)
    ring = ALIVE[ALIVE.index("config schedule 'ring'") : ALIVE.index("config balance")].replace("'5'", "'120'")
    async with living(tmp_path, quick=True, extra=ring, start=False) as home:
        home.set_clock(noon - HOUR)
        await home.run()
        await clock_at(home, noon + 5)
        await home.dongle.wait(lambda: home.dongle.modem.calls.call is not None)
        if end == "killed":
            await home.killed()
            await home.run()
        else:
            assert home.router.daemon is not None
            home.router.daemon.terminate()
            await home.ended()
        await home.dongle.wait(lambda: home.dongle.modem.calls.call is None)
        assert home.dongle.count("D") == 1


async def test_abroad_nothing_is_done_until_the_sim_is_home(tmp_path: Path) -> None:
    noon = until(12)
    async with living(tmp_path, quick=True, extra=ALIVE, start=False) as home:
        home.set_clock(noon - HOUR)
        home.dongle.network.register(5)
        await home.run()
        await clock_at(home, noon + 5)
        status = await status_when(home, lambda s: all("waits" in item for item in (*s["schedules"], *s["balances"])))
        assert {item["waits"] for item in (*status["schedules"], *status["balances"])} == {"The SIM is abroad."}
        assert home.dongle.sent == []
        home.dongle.network.register(1)
        await home.events.wait("message.sent")


# -- the SIM ----------------------------------------------------------------------------------------------------------


async def test_another_sim_is_told_also_after_a_restart(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        await home.killed()
        home.dongle.insert_sim(Sim(iccid="8941019999999999999", imsi="228019999999999", number="+41790000009"))
        await home.run()
        alert = await home.events.wait("alert.raised", lambda alert: alert["key"].startswith("sim."))
        assert alert["text"] == "Another SIM is in stick: its number ends in 9999, before in 0001."
        assert alert["severity"] == "critical"
