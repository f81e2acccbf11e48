"""SIM states with the simulated dongle: PINs above all, of which a wrong one is entered once and never again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from homeline.errors import InvalidArgument, ModemError
from homeline.model import DongleState, Reason
from homeline_lab.dongle import Dongle
from homeline_lab.sim import Sim
from service.dongle_kit import QUICK, Host, driving

MODELS = ["e1750", "ec25", "sim7600", "generic"]


def entries(dongle: Dongle) -> list[bytes]:
    """The AT+CPIN= commands that came."""
    return [entry.data for entry in dongle.log if entry.direction == ">>" and b"+CPIN=" in entry.data]


@pytest.mark.parametrize("model", MODELS)
async def test_the_configured_pin_is_entered(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, sim=Sim(pin="4711")) as dongle, driving(tmp_path, host, pin="4711"):
        await host.state(DongleState.READY)
        assert len(entries(dongle)) == 1
        dongle.deliver("unlocked")
        await host.wait(lambda: host.texts == ["unlocked"])


@pytest.mark.parametrize("model", MODELS)
async def test_a_refused_pin_is_entered_once_whatever_happens_then(model: str, tmp_path: Path) -> None:
    host = Host()
    sim = Sim(pin="4711")
    async with Dongle(model, tmp_path, sim=sim) as dongle:
        async with driving(tmp_path, host, replace(QUICK, sim_locked=0.02), pin="0000") as driver:
            status = await host.state(DongleState.LOCKED)
            assert status.reason is Reason.SIM_PIN_WRONG
            await dongle.seen("+CPIN", 5)
            await driver.reset()
            await dongle.seen("+CPIN", 3)
            dongle.replug("ttyUSB5")
            await dongle.seen("+CPIN", 3)
        again = replace(QUICK, sim_locked=0.02)
        async with driving(tmp_path, host, again, pin="0000"):  # the daemon starts anew: the host remembers
            await dongle.seen("+CPIN", 4)
        assert len(entries(dongle)) == 1
        assert sim.pin_tries == 2
        async with driving(tmp_path, host, pin="4711"):  # another PIN is another matter
            await host.state(DongleState.READY)
        assert len(entries(dongle)) == 2


async def test_a_pin_whose_answer_is_lost_is_not_entered_again(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path, sim=Sim(pin="4711")) as dongle:
        dongle.faults.latency["^CPIN"] = 0.1  # asked between the question for the SIM's state and the PIN
        async with driving(tmp_path, host, pin="4711"):
            await dongle.seen("^CPIN")
            dongle.faults.vanish("+CPIN", 0, back_as="ttyUSB1", seconds=0.05)
            status = await host.state(DongleState.LOCKED)
            assert status.reason is Reason.SIM_PIN_WRONG
            assert len(host.refused) == 1
        assert len(entries(dongle)) == 1


async def test_no_pin_is_risked_when_few_tries_are_left(tmp_path: Path) -> None:
    host = Host()
    sim = Sim(pin="4711", pin_tries=1)
    async with Dongle("e1750", tmp_path, sim=sim) as dongle, driving(tmp_path, host, pin="4711"):
        status = await host.state(DongleState.LOCKED)
        assert status.reason is Reason.SIM_PIN_FEW_TRIES
        assert status.pin_tries == 1
        assert entries(dongle) == []


async def test_without_a_configured_pin_the_owner_enters_it(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path, sim=Sim(pin="4711")) as dongle, driving(tmp_path, host) as driver:
        status = await host.state(DongleState.LOCKED)
        assert (status.reason, status.pin_tries) == (Reason.SIM_PIN, 3)
        with pytest.raises(ModemError):
            await driver.enter_pin("1111")
        await host.wait(lambda: host.states[-1].pin_tries == 2 and host.states[-1].state is DongleState.LOCKED)
        await driver.enter_pin("4711")
        await host.state(DongleState.READY)
        with pytest.raises(InvalidArgument):
            await driver.enter_pin("4711")
        assert dongle.sim.pin_tries == 3


async def test_a_blocked_sim_is_told(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path, sim=Sim(pin="4711", pin_tries=0)), driving(tmp_path, host, pin="4711"):
        assert (await host.state(DongleState.LOCKED)).reason is Reason.SIM_PUK


async def test_a_missing_sim_is_told_and_used_once_it_is_there(tmp_path: Path) -> None:
    host = Host()
    patient = replace(QUICK, sim_locked=60.0)
    async with Dongle("e1750", tmp_path, no_sim=True) as dongle, driving(tmp_path, host, patient):
        assert (await host.state(DongleState.LOCKED)).reason is Reason.SIM_MISSING
        dongle.insert_sim(Sim())  # the modem says so: no need to wait for the next look
        await host.state(DongleState.READY, timeout=3)


async def test_a_sim_taken_out_in_silence_is_noticed(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, monitor=0.1)):
        await host.up()
        dongle.insert_sim(None)
        assert (await host.state(DongleState.LOCKED)).reason is Reason.SIM_MISSING


async def test_a_busy_sim_is_waited_for(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path) as dongle:
        dongle.modem.sim_busy = True
        async with driving(tmp_path, host):
            assert (await host.state(DongleState.LOCKED)).reason is Reason.SIM_BUSY
            dongle.modem.sim_busy = False
            await host.state(DongleState.READY)


async def test_a_sim_that_stays_busy_ends_on_the_ladder(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("ec25", tmp_path) as dongle:
        dongle.modem.sim_busy = True
        async with driving(tmp_path, host, replace(QUICK, sim_patience=0.2)):
            await host.wait(lambda: any(s.state is DongleState.RECOVERING for s in host.states))
            recovering = [s for s in host.states if s.state is DongleState.RECOVERING]
            assert recovering[0].reason is Reason.SIM_FAILURE


async def test_no_pin_is_ever_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    host = Host()
    caplog.set_level("DEBUG")
    async with Dongle("e1750", tmp_path, sim=Sim(pin="4711")), driving(tmp_path, host, pin="4711"):
        await host.state(DongleState.READY)
    assert "AT+CPIN=****" in caplog.text
    assert "4711" not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("homeline."))
