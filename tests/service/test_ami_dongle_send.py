"""Sending and USSD through Asterisk's driver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from homeline.core import outgoing
from homeline.errors import EncodeError, HomelineError, ModemError, NoData, NotSupported, SubmitUnknown, TimedOut
from homeline.model import DongleState
from homeline.protocol.at_errors import Outcome, submit_failure
from homeline_lab.chan_dongle import Driver
from service.ami_dongle_kit import LAST_READ, TIMING, one, running, until
from service.dongle_kit import Host

NUMBER = "+41791112233"


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    async with Driver() as item:
        yield item


@pytest.mark.parametrize("report", [True, False])
async def test_a_text_goes_out(driver: Driver, report: bool) -> None:
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        await item.dongle.submit_text(NUMBER, "two\nlines \\ नमस्ते", 1, report)
    (sent,) = driver.sent
    assert (sent.number, sent.text, sent.report) == (NUMBER, "two\\nlines \\\\ नमस्ते", report)


async def test_each_has_a_payload_of_its_own(driver: Driver) -> None:
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        for _ in range(3):
            await item.dongle.submit_text(NUMBER, "x", 1, True)
    payloads = {sent.payload for sent in driver.sent}
    assert len(payloads) == 3
    assert all(len(payload) == 24 for payload in payloads)


@pytest.mark.parametrize("report", [True, False])
async def test_a_refusal_is_told(driver: Driver, report: bool) -> None:
    driver.outcome = "refused"
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        with pytest.raises(ModemError, match="refused") as caught:
            await item.dongle.submit_text(NUMBER, "x", 1, report)
    assert submit_failure(caught.value) is Outcome.TRANSIENT


@pytest.mark.parametrize("report", [True, False])
async def test_a_dongle_that_goes_away_meanwhile(driver: Driver, report: bool) -> None:
    driver.outcome = "lost"
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        with pytest.raises(SubmitUnknown):
            await item.dongle.submit_text(NUMBER, "x", 1, report)


@pytest.mark.parametrize("end", ["disconnect", "stop"])
async def test_asterisk_goes_away_meanwhile(driver: Driver, end: str) -> None:
    host = Host()
    ends: dict[str, Callable[[], object]] = {
        "disconnect": driver.disconnect,
        "stop": lambda: asyncio.ensure_future(driver.stop()),
    }
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        driver.stirred = lambda command: ends[end]() if command == "AT+CMGS" else None  # type: ignore[return-value]
        with pytest.raises(SubmitUnknown):
            await item.dongle.submit_text(NUMBER, "x", 1, True)


@pytest.mark.parametrize("words", ["Device disconnected", "Device not found", "Queue error"])
async def test_what_never_reached_the_modem_is_tried_again(driver: Driver, words: str) -> None:
    driver.outcome = words
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        with pytest.raises(NoData, match=words) as caught:
            await item.dongle.submit_text(NUMBER, "x", 1, True)
    assert not outgoing.may_have_gone(caught.value)


@pytest.mark.parametrize("words", ["Invalid phone number", "Cannot parse UTF-8", "Input too large"])
async def test_what_the_driver_cannot_send_fails_for_good(driver: Driver, words: str) -> None:
    driver.outcome = words
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        with pytest.raises(ModemError, match=words) as caught:
            await item.dongle.submit_text(NUMBER, "x", 1, True)
    assert submit_failure(caught.value) is Outcome.PERMANENT


async def test_a_forged_outcome_counts_for_nothing(driver: Driver) -> None:
    lines = ["Event: DongleReport", "Device: d1", "Payload: guess", "Success: 0", "Type: 0", "Report: ", "", ""]
    driver.latency = 0.01
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        driver.stirred = lambda command: driver.inject("\r\n".join(lines).encode()) if command == "AT+CMGS" else None
        await item.dongle.submit_text(NUMBER, "x", 1, True)


async def test_sending_and_receiving_at_once(driver: Driver) -> None:
    host = Host()
    wanted = [one(f"in {number}") for number in range(10)]
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        for text in wanted:
            driver.deliver(text)
            await item.dongle.submit_text(NUMBER, f"out {len(driver.sent)}", 1, True)
        await until(driver, lambda: not driver.stored())
    assert [sent.text for sent in driver.sent] == [f"out {number}" for number in range(10)]
    assert sorted(pdu for _sim, pdu in host.parts) == sorted(wanted)


async def test_not_while_it_is_not_ready(driver: Driver) -> None:
    driver.state = "GSM not registered"
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.SEARCHING)
        with pytest.raises(NoData, match="d1 is searching"):
            await item.dongle.submit_text(NUMBER, "x", 1, True)
        with pytest.raises(NoData):
            await item.dongle.ussd("*100#")


@pytest.mark.parametrize(
    ("number", "text", "flash", "error"),
    [
        (NUMBER, "x", True, NotSupported),
        ("12ab", "x", False, NotSupported),
        (NUMBER, "ह" * 400, False, EncodeError),
        (NUMBER, " ", False, EncodeError),
        (NUMBER, "a\0", False, EncodeError),
    ],
)
async def test_what_it_refuses_before_it_is_queued(
    driver: Driver, number: str, text: str, flash: bool, error: type[HomelineError]
) -> None:
    host = Host()
    async with running(driver, host) as item:
        with pytest.raises(error):
            item.dongle.refuse(number, text, flash)
        item.dongle.refuse("12345", "fine", False)


async def test_the_driver_that_never_ends(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeline.service.ami_dongle_send.DEADLINE", 0.2)
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        await until(driver, lambda: LAST_READ in driver.commands)
        driver.latency = 1000.0
        with pytest.raises(SubmitUnknown, match="queue was not empty"):
            await item.dongle.submit_text(NUMBER, "x", 1, True)


# USSD -----------------------------------------------------------------------------------------------------------------


async def test_ussd(driver: Driver) -> None:
    driver.ussd = {
        "*100#": '+CUSD: 0,"C2303BEC1E9741D239282673D560",15',
        "*123#": '+CUSD: 1,"0928092E0938094D09240947000A00520073002000310030",72',
        "1": "+CUSD: 2",
    }
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        assert (await item.dongle.ussd("*100#")).text == "Balance Rs 12.50"
        menu = await item.dongle.ussd("*123#")
        assert (menu.text, menu.session_open) == ("नमस्ते\nRs 10", True)
        assert (await item.dongle.ussd("1")).meaning == "the network ended the session"


@pytest.mark.parametrize(
    ("ucs2", "sent", "answer"),
    [
        (True, '1,"002A0031003000300023",15', '+CUSD: 0,"00420061006C0061006E00630065",15'),
        (False, '1,"*100#",15', '+CUSD: 0,"Balance",15'),
    ],
)
async def test_ussd_of_a_modem_that_is_not_of_huawei(driver: Driver, ucs2: bool, sent: str, answer: str) -> None:
    """The driver would write it as Huawei wants it."""
    driver.prefix, driver.maker, driver.model, driver.ucs2 = "Quectel", "Quectel", "EC25", ucs2
    driver.ussd = {sent: answer}
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        assert (await item.dongle.ussd("*100#")).text == "Balance"


async def test_ussd_that_nobody_asked_for(driver: Driver) -> None:
    event = 'Event: DongleNewCUSD\r\nDevice: {}\r\nMessage: +CUSD: 0,"C2303BEC1E9741D239282673D560",15\r\n\r\n'
    host = Host()
    async with running(driver, host):
        await host.state(DongleState.READY)
        driver.inject(event.format("another").encode())
        driver.inject(b"Event: DongleNewCUSD\r\nDevice: d1\r\nMessage: nonsense\r\n\r\n")
        driver.inject(event.format("d1").encode())
        await host.wait(lambda: bool(host.replies))
    assert [reply.text for reply in host.replies] == ["Balance Rs 12.50"]
    assert len(host.notices) == 1


async def test_a_network_that_stays_silent(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, replace(TIMING, ussd=0.1)) as item:
        await host.state(DongleState.READY)
        with pytest.raises(TimedOut):
            await item.dongle.ussd("*100#")
        await until(driver, lambda: "AT+CUSD=2" in driver.commands)
        driver.commands.clear()
        await item.dongle.ussd_cancel()
        await until(driver, lambda: "AT+CUSD=2" in driver.commands)


@pytest.mark.parametrize("code", ["abc", "*100# ", "*10\u0661#"])
async def test_codes_that_the_driver_does_not_send(driver: Driver, code: str) -> None:
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        with pytest.raises(EncodeError):
            await item.dongle.ussd(code)
