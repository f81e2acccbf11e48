"""Submitting and USSD with the simulated dongle: above all, what is known when an answer is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.errors import HomelineError, ModemError, NoData, NotSupported, SubmitUnknown, TimedOut
from homeline.model import DongleState
from homeline.protocol import pdu
from homeline.protocol.notices import Ring
from homeline_lab.dongle import Dongle
from service.dongle_kit import QUICK, Host, driving

MODELS = ["e1750", "ec25", "sim7600", "generic"]
PART = pdu.encode_submit("+41791234567", "hello")[0]


@pytest.mark.parametrize("model", MODELS)
async def test_a_pdu_is_handed_to_the_network(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        references = [await driver.submit(PART.pdu, PART.length) for _ in range(3)]
        assert references == [sent.reference for sent in dongle.sent]
        assert dongle.sent[0].recipient == "+41791234567"


async def test_a_refusal_is_a_modem_error_with_its_code(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        dongle.faults.refuse("+CMGS", "+CMS ERROR: 38")
        with pytest.raises(ModemError) as caught:
            await driver.submit(PART.pdu, PART.length)
        assert caught.value.code == 38
        await driver.submit(PART.pdu, PART.length)  # and nothing is stuck


async def test_a_lost_answer_is_unknown_and_not_sent_again(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        dongle.faults.vanish("+CMGS", 0, back_as="ttyUSB1", seconds=0.05)
        with pytest.raises(SubmitUnknown):
            await driver.submit(PART.pdu, PART.length)
        await host.up()
        assert len(dongle.sent) == 1


async def test_a_port_that_goes_before_the_prompt_surely_sent_nothing(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        dongle.faults.vanish("+CMGS", 0, at_prompt=True)
        with pytest.raises(HomelineError) as caught:
            await driver.submit(PART.pdu, PART.length)
        assert not isinstance(caught.value, SubmitUnknown)
        assert dongle.sent == []


async def test_without_a_network_nothing_is_sent(tmp_path: Path) -> None:
    host = Host()
    async with driving(tmp_path, host) as driver:
        with pytest.raises(NoData, match="absent"):
            await driver.submit(PART.pdu, PART.length)
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.network.registration = 2
        async with driving(tmp_path, host) as driver:
            await host.state(DongleState.SEARCHING)
            with pytest.raises(NoData, match="searching"):
                await driver.submit(PART.pdu, PART.length)


async def test_sending_and_receiving_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        sends = [asyncio.create_task(driver.submit(PART.pdu, PART.length)) for _ in range(20)]
        for number in range(20):
            dongle.deliver(f"in {number}")
        assert len(set(await asyncio.gather(*sends))) == 20
        await host.wait(lambda: len(host.texts) == 20)


@pytest.mark.parametrize("model", MODELS)
async def test_ussd_answers_menus_and_cancelling(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path), driving(tmp_path, host) as driver:
        await host.up()
        assert (await driver.ussd("*100#")).text == "Balance: 12.50 CHF"
        assert (await driver.ussd("*101#")).text.startswith("Guthaben: 12.50 €")
        menu = await driver.ussd("*123#")
        assert menu.session_open
        assert (await driver.ussd("1")).text == "12.50 CHF"
        await driver.ussd("*123#")
        await driver.ussd_cancel()
        assert (await driver.ussd("*100#")).text == "Balance: 12.50 CHF"


async def test_a_network_that_is_silent_on_ussd_is_a_timeout_and_two_codes_at_once_are_refused(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, ussd=0.2)) as driver:
        await host.up()
        dongle.network.ussd_delay = 30.0
        waits = asyncio.create_task(driver.ussd("*100#"))
        await dongle.seen("+CUSD")
        with pytest.raises(NotSupported):
            await driver.ussd("*100#")
        with pytest.raises(TimedOut):
            await waits


async def test_ussd_and_calls_that_nobody_asked_for_reach_the_host(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path) as dongle, driving(tmp_path, host):
        await host.up()
        dongle.say('+CUSD: 0,"Your data is used up",15')
        await host.wait(lambda: [reply.text for reply in host.replies] == ["Your data is used up"])
        dongle.say("RING")
        await host.wait(lambda: Ring() in host.notices)


async def test_no_number_or_text_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    host = Host()
    caplog.set_level("DEBUG")
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host) as driver:
        await host.up()
        await driver.submit(PART.pdu, PART.length)
        await driver.ussd("*100*777#")
        dongle.deliver("a secret", "+41795556677")
        await host.wait(lambda: host.texts == ["a secret"])
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("homeline."))
    assert "AT+CMGS" in logged
    for secret in ("secret", "5556677", PART.pdu, "777", dongle.sim.imsi):
        assert secret not in logged
