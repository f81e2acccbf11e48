"""Receiving through Asterisk's driver: nothing is lost, doubled, or deleted before it is stored, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeline.model import DongleState, Storage
from homeline.protocol import pdu
from homeline.protocol.pdu import Timestamp
from homeline_lab.chan_dongle import Driver
from homeline_lab.sim import Slots, Status
from service.ami_dongle_kit import AT, STRANGER, TIMING, Running, delivered, one, running, settled, until, walked
from service.dongle_kit import Host

LONG = "The quick brown fox jumps over the lazy dog. " * 8
HINDI = "नमस्ते आप कैसे हैं? " * 8
BINARY = "07911497949900F0440B911497214365F700F5621132517094400C0605040B8423F00102030405"
TORN = "0791149794"  # ends within the service centre's number


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    async with Driver() as item:
        yield item


def pdus(host: Host) -> list[str]:
    return [text for _sim, text in host.parts]


async def test_a_message_is_stored_and_then_deleted(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        await walked(driver, host)
        driver.commands.clear()
        slot = driver.deliver(one("hello"))
        await until(driver, lambda: not driver.stored())
        read = f"AT+CMGR={slot}"
        assert driver.commands == [f"own {read}", read, read, f"AT+CMGD={slot}"]
    assert host.texts[-1] == "hello"


@pytest.mark.parametrize("prefix", ["Dongle", "Quectel"])
async def test_what_lies_there_at_the_start_is_taken(prefix: str) -> None:
    host = Host()
    async with Driver(prefix=prefix) as driver:
        for text in ("one", "two", "three"):
            driver.deliver(one(text), told=False)
        async with running(driver, host):
            await until(driver, lambda: not driver.stored())
    assert sorted(host.texts) == ["one", "three", "two"]


@pytest.mark.parametrize("order", [1, -1])
async def test_long_and_foreign_messages_come_in_any_order(driver: Driver, order: int) -> None:
    parts = [*delivered(LONG, reference=1), *delivered(HINDI, reference=2), BINARY, TORN, *delivered("short")][::order]
    host = Host()
    async with running(driver, host):
        await host.state(DongleState.READY)
        for text in parts:
            driver.deliver(text)
        await until(driver, lambda: not driver.stored())
    assert sorted(pdus(host)) == sorted(parts)
    by_reference = {1: "", 2: ""}
    for part, _archived in sorted(
        host.parts.values(), key=lambda entry: entry[0].concat.number if entry[0].concat else 0
    ):
        if part.concat:
            by_reference[part.concat.reference] += part.text
    assert by_reference == {1: LONG, 2: HINDI}


async def test_a_burst(driver: Driver) -> None:
    host = Host()
    wanted = [one(f"message {number}", at=AT + number) for number in range(driver.slots.size)]
    async with running(driver, host):
        await host.state(DongleState.READY)
        for text in wanted:
            driver.deliver(text)
        await until(driver, lambda: not driver.stored())
    assert sorted(pdus(host)) == sorted(wanted)
    assert max(host.batches) > 1


async def test_the_network_repeats_a_message(driver: Driver) -> None:
    """The same PDU in two slots is one message, and both slots are emptied."""
    host = Host()
    async with running(driver, host, replace(TIMING, drain=0.05)):
        await host.state(DongleState.READY)
        driver.deliver(one("twice"))
        driver.deliver(one("twice"))
        await until(driver, lambda: not driver.stored())
    assert host.texts == ["twice"]


async def test_a_lost_hint_is_made_up_for(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, replace(TIMING, drain=0.05)):
        await walked(driver, host)
        driver.deliver(one("untold"), told=False)
        await until(driver, lambda: not driver.stored())
    assert "untold" in host.texts


async def test_a_modem_that_uses_its_last_slots(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        await walked(driver, host)
        driver.slots.first, driver.slots.size = 200, 50
        driver.deliver(one("far away"))
        await until(driver, lambda: not driver.stored())
    assert "far away" in host.texts


async def test_messages_to_be_sent_are_not_touched(driver: Driver) -> None:
    driver.slots.add(bytes.fromhex(one("draft")), Status.UNSENT)
    host = Host()
    async with running(driver, host):
        await walked(driver, host)
        assert driver.stored() == [one("draft")]
    assert "draft" not in host.texts


async def test_status_reports(driver: Driver) -> None:
    report = pdu.encode_status_report(9, STRANGER, Timestamp(AT, 60), Timestamp(AT + 5, 60))
    host = Host()
    async with running(driver, host):
        await host.state(DongleState.READY)
        driver.deliver(report)
        await until(driver, lambda: not driver.stored())
    assert [item.reference for item in host.reports] == [9]
    assert not host.parts


async def test_a_store_that_fails_keeps_messages_on_the_sim(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        await walked(driver, host)
        host.broken = 3
        driver.deliver(one("later"))
        await host.wait(lambda: not host.broken)
        assert driver.stored() == [one("later")]
        await until(driver, lambda: not driver.stored())
    assert host.texts.count("later") == 1


async def test_a_slot_that_is_not_emptied_is_no_new_message(driver: Driver) -> None:
    driver.keeps.add(0)
    host = Host()
    async with running(driver, host, replace(TIMING, drain=0.05)):
        driver.deliver(one("sticky"))
        await until(driver, lambda: driver.commands.count("AT+CMGD=0") >= 3)
    assert host.texts == ["sticky"]


# SIMs -----------------------------------------------------------------------------------------------------------------


async def test_old_messages_of_an_unknown_sim_are_archived(driver: Driver) -> None:
    old = [one("old one"), one("old two")]
    for text in old:
        driver.deliver(text)
    host = Host(known=False)
    async with running(driver, host) as item:
        await host.wait(lambda: driver.imsi in host.sims)
        await settled(driver, host)  # a message that comes from now on is new
        assert driver.stored() == old
        assert sorted(host.archived) == ["old one", "old two"]
        assert len(host.texts) == 1
        for key, (part, _archived) in host.parts.items():  # the owner takes them into the inbox
            host.parts[key] = (part, False)
        item.dongle.nudge()
        await until(driver, lambda: not driver.stored())


async def test_what_comes_while_an_unknown_sim_is_read_is_new(driver: Driver) -> None:
    driver.deliver(one("old"))
    host = Host(known=False)

    def meanwhile(command: str) -> None:
        if command == "AT+CMGR=5" and len(driver.stored()) == 1:
            driver.deliver(one("new"))

    driver.stirred = meanwhile
    async with running(driver, host):
        await until(driver, lambda: one("new") in pdus(host))
    assert host.archived == ["old"]
    assert host.texts == ["new"]


async def test_another_sim_has_its_own_messages(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        await host.state(DongleState.READY)
        driver.deliver(one("same"))
        await until(driver, lambda: not driver.stored())
        other = Slots(10)
        other.add(bytes.fromhex(one("same")), Status.UNREAD)
        driver.begin_anew("228010000000002", other)
        await until(driver, lambda: not driver.stored())
    assert {sim for sim, _pdu in host.parts} == {"228010000000001", "228010000000002"}


async def test_a_card_that_the_serial_driver_had_keeps_its_name(driver: Driver) -> None:
    """Else what lies on it would be stored and forwarded once more."""
    host = Host(known=False)
    host.iccids[driver.imsi] = "8941010000000000001"
    host.sims["8941010000000000001"] = "d1"
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        driver.deliver(one("hello"))
        await until(driver, lambda: not driver.stored())
        assert item.dongle.status.sim == "8941010000000000001"
    assert list(host.parts) == [("8941010000000000001", one("hello"))]
    assert host.texts == ["hello"]


async def test_policy_keep(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, storage=Storage.KEEP) as item:
        await host.state(DongleState.READY)
        for text in ("one", "two"):
            driver.deliver(one(text))
        await host.wait(lambda: len(host.parts) == 2)
        item.dongle.nudge()
        await until(driver, lambda: "AT+CMGR=255" in driver.commands)
        assert driver.stored() == [one("one"), one("two")]
        assert "storage" in item.troubles.all()[0].where
    assert not any("CMGD" in command for command in driver.commands)


async def test_policy_when_full_takes_the_smallest_sim_for_granted(driver: Driver) -> None:
    host = Host()
    texts = [one(f"{number}", at=AT + number) for number in range(9)]
    async with running(driver, host, storage=Storage.WHEN_FULL):
        await host.state(DongleState.READY)
        for text in texts:
            driver.deliver(text)
        await until(driver, lambda: len(driver.stored()) == 7)
        assert sorted(driver.stored()) == sorted(texts[2:])


# What strangers and modems do -----------------------------------------------------------------------------------------


def forged(text: str, device: str = "d1") -> bytes:
    """An event as somebody might make it who can end the driver's lines."""
    length = len(text) // 2 - 8
    lines = [
        "Event: DongleNewCMGR",
        "Privilege: call,all",
        f"Device: {device}",
        f"Message: +CMGR: 0,,{length}\\r\\n{text}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_forged_messages_are_not_stored(driver: Driver) -> None:
    """Nor is the message that brings them, since nobody knows which of them it is: it stays on the SIM."""
    trap = one("trap")
    host = Host()
    async with running(driver, host):
        await walked(driver, host)
        driver.poison[trap] = forged(one("forged")) * 3
        driver.deliver(trap)
        driver.inject(forged(one("forged")) * 600)
        await settled(driver, host)
        await settled(driver, host)
        assert driver.stored() == [trap]
        assert not {one("forged"), trap} & set(pdus(host))
        driver.poison.clear()
        driver.begin_anew()
        await until(driver, lambda: not driver.stored())
    assert one("forged") not in pdus(host)


async def test_a_forged_event_deletes_nothing(driver: Driver) -> None:
    """The attacker's message is stored, and its forged copies try to pass for what lies in the victim's slot, which the
    modem refuses to read just then."""
    bait, victim = one("bait"), one("victim")
    host = Host()
    gone: list[int] = []
    async with running(driver, host, replace(TIMING, drain=0.05)):
        await host.state(DongleState.READY)
        driver.deliver(bait)
        await until(driver, lambda: not driver.stored())
        driver.poison = {one(f"trap {number}"): forged(bait) * number for number in range(1, 5)}
        slot = driver.deliver(victim)
        driver.fails += [slot] * 3

        def watch(command: str) -> None:
            if command == f"AT+CMGD={slot}" and victim not in pdus(host):
                gone.append(slot)
            if command == f"AT+CMGR={slot}" and driver.poison:
                driver.deliver(driver.poison.popitem()[0])

        driver.stirred = watch
        await until(driver, lambda: victim not in driver.stored())
    assert not gone
    assert victim in pdus(host)


@pytest.mark.parametrize("at", [1, 2])
async def test_a_slot_that_changes_while_it_is_read(driver: Driver, at: int) -> None:
    """Somebody else empties it, and the next message takes its place: that one is not taken for the other."""
    first, second = one("first"), one("second")
    host = Host()
    early: list[str] = []
    reads = 0

    def swap(command: str) -> None:
        nonlocal reads
        reads += command == "AT+CMGR=0"
        if command == "AT+CMGR=0" and reads == at:
            driver.slots.used.clear()
            driver.deliver(second)
        if command == "AT+CMGD=0":
            early.extend(set(driver.stored()) - set(pdus(host)))

    async with running(driver, host):
        await walked(driver, host)
        driver.stirred = swap
        driver.deliver(first)
        await until(driver, lambda: reads >= at and not driver.stored())
    assert not early
    assert second in pdus(host)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_comes_nothing_is_lost_or_made_up(driver: Driver, seed: int) -> None:
    """Messages, forged ones, refusals, lost hints, dongles that begin anew and connections that break, by chance."""
    chance = random.Random(seed)
    sent = {one(f"message {number}", at=AT + number) for number in range(40)}
    waiting = sorted(sent)
    host = Host()
    driver.latency = chance.choice((0.0, 0.001))
    wrong: list[str] = []

    def stir(command: str) -> None:
        name, _, index = command.partition("=")
        if name == "AT+CMGD" and int(index) in driver.slots.used:
            text = driver.slots.used[int(index)].pdu.hex().upper()
            wrong.extend([text] if text not in pdus(host) else [])
        luck = chance.random()
        if waiting and luck < 0.5:
            with contextlib.suppress(ValueError):
                text = waiting[-1]
                if chance.random() < 0.5:
                    other = chance.choice(sorted(sent | {one("forged")}))
                    driver.poison[text] = forged(other) * chance.randrange(1, 4)
                driver.deliver(text, told=chance.random() < 0.8)
                waiting.pop()
        elif not waiting or driver.slots.full:
            driver.poison.clear()  # else the SIM stays full
        elif luck < 0.6:
            driver.inject(forged(chance.choice(sorted(sent))))
        elif luck < 0.65:
            driver.fails.append(chance.randrange(10))
        elif luck < 0.67:
            driver.begin_anew()
        elif luck < 0.68:
            asyncio.get_running_loop().call_soon(driver.disconnect)

    async with running(driver, host, replace(TIMING, drain=0.05)):
        await host.state(DongleState.READY)
        driver.stirred = stir
        driver.inject(forged(one("forged")))
        await until(driver, lambda: not waiting and not driver.stored(), timeout=20)
        driver.stirred = lambda command: None
    assert not wrong
    assert set(pdus(host)) == sent


# The end of one side --------------------------------------------------------------------------------------------------

END = ("daemon", "connection", "asterisk")


@pytest.mark.parametrize("end", END)
@pytest.mark.parametrize("at", range(1, 12))
async def test_one_side_ends_at_each_command(driver: Driver, end: str, at: int) -> None:
    """kill -9 of the daemon, a broken connection, a new Asterisk: then all is stored once and the SIM is empty."""
    texts = [*delivered(LONG), one("single")]
    host = Host()
    items = [Running(driver, host, TIMING, {})]
    count = 0
    over = asyncio.Event()

    async def strike() -> None:
        if end == "daemon":
            await items.pop().stop()
            items.append(Running(driver, host, TIMING, {}))
        elif end == "connection":
            driver.disconnect()
        else:
            await driver.stop()
            await driver.start()
        over.set()

    tasks: set[asyncio.Task[None]] = set()

    def stir(command: str) -> None:
        nonlocal count
        count += command.startswith("AT+")
        if count == at and not tasks:
            tasks.add(asyncio.get_running_loop().create_task(strike()))

    try:
        for text in texts:
            driver.deliver(text)
        driver.stirred = stir
        await over.wait()
        await until(driver, lambda: not driver.stored())
    finally:
        await asyncio.gather(*tasks)
        await items.pop().stop()
    assert sorted(pdus(host)) == sorted(texts)
