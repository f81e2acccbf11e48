"""What is shown of a dongle that Asterisk drives, and what the owner can ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeline.config import Dongle as DongleConfig
from homeline.errors import NoData, NotSupported
from homeline.model import DongleState, Reason, Registration, Storage
from homeline.model import Driver as DriverName
from homeline.service import ami_dongle
from homeline.service.ami_dongle import AmiDongle
from homeline_lab.chan_dongle import Driver
from service.ami_dongle_kit import LAST_READ, TIMING, one, running, until, walked
from service.dongle_kit import Host

SOON = replace(TIMING, monitor=0.02)


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    async with Driver() as item:
        yield item


async def test_a_dongle_that_works(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        status = await host.state(DongleState.READY)
    assert status.driver is DriverName.CHAN_DONGLE
    assert (status.manufacturer, status.model, status.imei) == ("huawei", "E1750", "354369047238739")
    assert (status.imsi, status.sim, status.number) == ("228010000000001", "228010000000001", "")
    assert (status.operator, status.technology, status.signal_dbm) == ("Lab Mobile", "hsdpa", -79)
    assert (status.registration, status.voice, status.port) == (Registration.HOME, True, "/dev/ttyUSB2")
    assert (status.storage_used, status.storage_size, status.pin_tries) == (None, None, None)


async def test_the_configured_number_wins(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, number="+41790000009"):
        assert (await host.state(DongleState.READY)).number == "+41790000009"


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"unloaded": True}, DongleState.BLOCKED, Reason.DRIVER_MISSING),
        ({"forgotten": True}, DongleState.BLOCKED, Reason.NOT_LOADED),
        ({"state": "Stopped"}, DongleState.BLOCKED, Reason.NOT_LOADED),
        ({"state": "Not connected"}, DongleState.ABSENT, Reason.NO_PORT),
        ({"state": "Not initialized"}, DongleState.STARTING, Reason.NONE),
        ({"state": "GSM not registered"}, DongleState.SEARCHING, Reason.NO_NETWORK),
        (
            {"state": "GSM not registered", "registration": "Registration denied"},
            DongleState.DENIED,
            Reason.REGISTRATION_DENIED,
        ),
        ({"state": "Dialing"}, DongleState.READY, Reason.NONE),
    ],
)
async def test_states(driver: Driver, changes: dict[str, object], state: DongleState, reason: Reason) -> None:
    for name, value in changes.items():
        setattr(driver, name, value)
    host = Host()
    async with running(driver, host, SOON):
        await host.wait(
            lambda: bool(host.states) and (host.states[-1].state, host.states[-1].reason) == (state, reason)
        )
        for name in changes:  # and when that is over
            setattr(driver, name, getattr(Driver(), name))
        await host.state(DongleState.READY)


async def test_messages_come_without_a_network(driver: Driver) -> None:
    driver.state = "GSM not registered"
    host = Host()
    async with running(driver, host):
        driver.deliver(one("on the SIM"))
        await host.wait(lambda: host.texts == ["on the SIM"])
        assert host.states[-1].state is DongleState.SEARCHING


async def test_asterisk_goes_and_comes(driver: Driver) -> None:
    host = Host()
    async with running(driver, host):
        await host.state(DongleState.READY)
        await driver.stop()
        status = await host.state(DongleState.BLOCKED)
        assert status.reason is Reason.ASTERISK_DOWN
        await driver.start()
        await host.state(DongleState.READY)


async def test_asterisk_that_answers_nothing(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeline.service.ami_dongle_link.ACTION_DEADLINE", 0.05)
    host = Host()
    async with running(driver, host, SOON):
        await host.state(DongleState.READY)
        driver.deaf = True
        assert (await host.state(DongleState.BLOCKED)).reason is Reason.ASTERISK_DOWN


async def test_a_dongle_that_is_pulled_out(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, SOON):
        await host.state(DongleState.READY)
        driver.state = "Not connected"
        assert (await host.state(DongleState.ABSENT)).reason is Reason.UNPLUGGED
        assert host.states[-1].signal_dbm is None


async def test_a_modem_that_cannot_be_set_up(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver tries again and again, and does not say that the SIM wants a PIN."""
    monkeypatch.setattr(ami_dongle, "PATIENCE", 0.1)
    driver.state = "Not initialized"
    host = Host()
    async with running(driver, host, SOON):
        await host.state(DongleState.STARTING)
        status = await host.state(DongleState.FAILED)
        assert status.reason is Reason.STEP_FAILED
        assert "PIN" in status.detail
        driver.state = "Free"
        await host.state(DongleState.READY)


async def test_without_asterisk_it_says_so() -> None:
    host = Host()
    dongle = AmiDongle(DongleConfig("d1", driver=DriverName.CHAN_DONGLE), host, None)
    task = asyncio.create_task(dongle.run())
    assert (await host.state(DongleState.BLOCKED)).reason is Reason.ASTERISK_DOWN
    for call in (dongle.ussd("*100#"), dongle.reset(), dongle.submit_text("+41791112233", "x", 1, False)):
        with pytest.raises(NoData, match="d1 is blocked"):
            await call
    task.cancel()


async def test_disabled(driver: Driver) -> None:
    host = Host()
    dongle = AmiDongle(DongleConfig("d1", enabled=False, driver=DriverName.CHAN_DONGLE), host, None)
    await dongle.run()
    assert dongle.status.state is DongleState.DISABLED


async def test_what_this_driver_cannot_do_is_told(driver: Driver) -> None:
    driver.deletes = True
    host = Host()
    async with running(driver, host, pin="1234", storage=Storage.KEEP) as item:
        await host.state(DongleState.READY)
        told = {problem.where: problem for problem in item.troubles.all()}
        assert set(told) == {"dongle d1.pin", "dongle d1.storage", "dongle d1.driver_options"}
        assert all(problem.text and problem.advice for problem in told.values())
        assert "1234" not in str(told)
        with pytest.raises(NotSupported, match="cannot enter a PIN"):
            await item.dongle.enter_pin("1234")


async def test_the_troubles_go_with_it(driver: Driver) -> None:
    host = Host()
    async with running(driver, host, pin="1234") as item:
        await host.state(DongleState.READY)
        assert item.troubles.all()
    assert not item.troubles.all()


async def test_reset(driver: Driver) -> None:
    host = Host()
    async with running(driver, host) as item:
        await walked(driver, host)
        driver.commands.clear()
        await item.dongle.reset()
        await until(driver, lambda: "AT+CFUN=1,1" in driver.commands and LAST_READ in driver.commands)


async def test_ports_are_the_drivers_business(driver: Driver) -> None:
    host = Host()
    async with running(driver, host) as item:
        await host.state(DongleState.READY)
        item.dongle.ports_changed()
        assert item.dongle.status.state is DongleState.READY
