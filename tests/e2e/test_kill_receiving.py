"""kill -9 of the real daemon at every step of receiving (docs/messages.md): nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from e2e.kit import Home, body, living

LONG = "A long message that needs three parts. " * 10
TEXTS = {"short": "hello", "long": LONG}


async def settled(home: Home, text: str) -> None:
    """The message is there once, the SIM is empty, and the mail came once or twice with one Message-ID."""
    await home.events.wait("delivery.done")
    await home.dongle.wait(lambda: not home.dongle.stored())
    assert await home.texts() == [text]
    mails = home.mails_by_id()
    assert len(mails) == 1
    (copies,) = mails.values()
    assert 1 <= len(copies) <= 2
    assert {body(mail) for mail in copies} == {text}


@pytest.mark.parametrize("length", TEXTS)
@pytest.mark.parametrize("command", ["+CMGR", "+CMGD"])
async def test_killed_before_a_part_is_read_or_deleted(tmp_path: Path, command: str, length: str) -> None:
    """Before +CMGR the part is only on the SIM; before +CMGD it is on the SIM and in the store."""
    async with living(tmp_path) as home:
        await home.warm_up()
        home.dongle.faults.latency[command] = 60.0
        home.dongle.deliver(TEXTS[length])
        await home.dongle.seen(command)
        await home.killed()
        assert home.dongle.stored()
        home.dongle.faults.clear()
        home.dongle.replug()  # what was frozen is forgotten
        await home.run()
        await settled(home, TEXTS[length])


@pytest.mark.parametrize("length", TEXTS)
@pytest.mark.parametrize("command", ["+CMGR", "+CMGD"])
async def test_killed_before_an_answer_is_heard(tmp_path: Path, command: str, length: str) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        home.dongle.faults.lose_answer(command)
        home.dongle.deliver(TEXTS[length])
        await home.dongle.seen(command)
        await home.killed()
        await home.run()
        await settled(home, TEXTS[length])


@pytest.mark.parametrize("length", TEXTS)
async def test_killed_while_the_list_of_messages_is_read(tmp_path: Path, length: str) -> None:
    async with living(tmp_path) as home:
        await home.warm_up()
        await home.killed()
        home.dongle.faults.latency["+CMGL"] = 60.0
        home.dongle.deliver(TEXTS[length])
        await home.run("")
        await home.dongle.seen("+CMGL")
        await home.killed()
        home.dongle.faults.clear()
        home.dongle.replug()
        await home.run()
        await settled(home, TEXTS[length])


async def test_killed_when_the_server_has_the_mail_and_we_do_not_know_it(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.mail.on_mail = lambda _mail: home.kill()  # before the server says 250
        home.dongle.deliver("hello")
        await home.mail.wait_for(1)
        home.mail.on_mail = None
        await home.ended()
        await home.run()
        await home.mail.wait_for(2)
        await settled(home, "hello")
        (copies,) = home.mails_by_id().values()
        assert len(copies) == 2
        assert copies[0].as_bytes() == copies[1].as_bytes()


async def test_killed_before_the_server_takes_the_mail(tmp_path: Path) -> None:
    async with living(tmp_path) as home:
        home.mail.replies["MAIL"] = "451 later"
        home.dongle.deliver("hello")
        await home.logged("Delivery 1 is tried again")  # so that no msmtp of before the kill is under way
        await home.killed()
        home.mail.replies.clear()
        await home.run()
        await settled(home, "hello")
        (copies,) = home.mails_by_id().values()
        assert len(copies) == 1


TRIALS, MESSAGES = 20, 40


@pytest.mark.timeout(120)
async def test_killed_at_any_moment_of_twenty_bursts(tmp_path: Path) -> None:
    """20 trials of 40 messages, every fourth in parts: all are there, each once, none has more than two mails."""
    dice = random.Random(20)
    wanted: list[str] = []
    async with living(tmp_path) as home:
        await home.warm_up()
        for trial in range(TRIALS):
            for number in range(MESSAGES):
                name = f"message {trial}.{number}"  # in both parts: the network sends no two that are equal
                wanted.append(f"{name} {'and more ' * 25}{name}" if number % 4 == 0 else name)
                home.dongle.deliver(wanted[-1], f"+4179{number:07}")
            await some_way(home, dice)
            await home.killed()
            await home.run()
            await home.dongle.wait(lambda: not home.dongle.stored() and not home.dongle.network.queue, 30)
            await all_mailed(home, wanted)
        assert sorted(await home.texts()) == sorted(wanted)
        mails = home.mails_by_id()
        assert sorted(body(copies[0]) for copies in mails.values()) == sorted(wanted)
        assert max(map(len, mails.values())) <= 2
        for copies in mails.values():
            assert len({body(mail) for mail in copies}) == 1


async def some_way(home: Home, dice: random.Random) -> None:
    """Until the dongle got so many more commands: a moment that is the same on a slow machine."""
    enough = home.dongle.count() + dice.randrange(1, 80)
    await home.dongle.wait(lambda: home.dongle.count() >= enough)


async def all_mailed(home: Home, wanted: list[str]) -> None:
    """Until no delivery is pending. Events of before a kill may be lost, so the store's word counts."""
    async with asyncio.timeout(30):
        while True:
            done = len(home.events.of("delivery.done"))
            if not (await home.call("status"))["rules"][0]["pending"]:
                break
            await home.events.wait_for("delivery.done", done + 1)
    mailed = {body(copies[0]) for copies in home.mails_by_id().values()}
    assert set(wanted) - mailed == set()
