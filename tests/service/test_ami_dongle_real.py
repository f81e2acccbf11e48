"""A real chan_dongle, and chan_quectel, in a real Asterisk, with a simulated dongle as modem. Skipped without them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from asterisk_kit import CHAN_DONGLE_VARIABLE
from asterisk_kit import asterisk_programs as asterisk_programs
from homeline.adapters.ami import Ami
from homeline.config import Dongle as DongleConfig
from homeline.errors import ModemError, SubmitUnknown
from homeline.model import DongleState, Driver, Reason
from homeline.protocol import pdu
from homeline.protocol.pdu import Submit
from homeline.service.ami_dongle import AmiDongle
from homeline_lab.asterisk import Asterisk, free_port
from homeline_lab.dongle import Dongle
from homeline_lab.sim import Sim
from service.dongle_kit import QUICK, Host

pytestmark = pytest.mark.usefixtures("asterisk_programs")

TIMING = replace(QUICK, ussd=5.0)
PHONE = "+41791112233"
LONG = "Grüezi mitenand, das isch e längeri Mäldig. " * 10
HINDI = "नमस्ते आप कैसे हैं? " * 8
BINARY = "07911497949900F0440B911497214365F700F5621132517094400C0605040B8423F00102030405"
CONF = """[general]
interval=1
smsdb={root}/var/lib/asterisk/smsdb
[d1]
audio={audio}
data={data}
context=homeline-dongle-d1
autodeletesms=no
"""
EXTENSIONS = """[homeline-dongle-d1]
exten => sms,1,Hangup()
exten => report,1,Hangup()
exten => ussd,1,Hangup()
exten => _[+0-9]!,1,Answer()
 same => n,Echo()
"""


_numbers = itertools.count(os.getpid() * 100)


def own_name() -> str:
    """A port's name that no other test uses now: one driver locks it by that, the other by its pty's."""
    return f"ttyUSB{next(_numbers)}"


def unlocked(port: str) -> str:
    """A port's name, without the lock file that a killed Asterisk left for another one of that name."""
    for path in (Path(port), Path(port).resolve()):
        (Path("/var/lock") / f"LCK..{path.name}").unlink(missing_ok=True)
    return port


class Kind(NamedTuple):
    """One of the drivers, and a modem that it is made for."""

    driver: Driver
    module: Path
    model: str

    @property
    def conf(self) -> str:
        return f"{self.module.stem.removeprefix('chan_')}.conf"


MODULES = {Driver.CHAN_DONGLE: (CHAN_DONGLE_VARIABLE, "e1750"), Driver.CHAN_QUECTEL: ("HOMELINE_CHAN_QUECTEL", "ec25")}


@pytest.fixture(params=MODULES)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each driver that is on the machine: a variable of the environment names its .so file."""
    variable, model = MODULES[request.param]
    module = Path(os.environ.get(variable, "/nonexistent"))
    if not module.is_file():
        pytest.skip(f"no {request.param} on this machine: {variable} may name its .so file")
    return Kind(request.param, module, model)


class Real:
    """A modem, an Asterisk that drives it, and the dongle that Homeline makes of it."""

    def __init__(self, modem: Dongle, asterisk: Asterisk, ami: Ami, dongle: AmiDongle, host: Host) -> None:
        self.modem, self.asterisk, self.ami, self.dongle, self.host = modem, asterisk, ami, dongle, host

    async def emptied(self, timeout: float = 15.0) -> None:
        await self.modem.wait(lambda: not self.modem.stored(), timeout)


@asynccontextmanager
async def real(root: Path, kind: Kind, host: Host, modem: Dongle) -> AsyncIterator[Real]:
    port = free_port()
    sound, end = os.openpty()  # the voice port: what is written there is lost
    tty.setraw(end)
    files = {
        kind.conf: CONF.format(root=root, audio=unlocked(os.ttyname(end)), data=unlocked(str(modem.port))),
        "extensions.conf": EXTENSIONS,
        "manager.conf": f"[general]\nenabled=yes\nport={port}\nbindaddr=127.0.0.1\n[homeline]\nsecret=x\n"
        "read=system,call,user\nwrite=system,call,reporting,originate,command\n",
    }
    ami = Ami(port, "homeline", lambda: "x")
    dongle = AmiDongle(DongleConfig("d1", driver=kind.driver), host, ami, timing=TIMING)
    async with Asterisk(root, files=files, modules=[kind.module]) as asterisk:
        tasks = [asyncio.create_task(ami.run()), asyncio.create_task(dongle.run())]
        try:
            yield Real(modem, asterisk, ami, dongle, host)
        finally:
            for task in tasks:
                assert not task.done(), task.exception()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            os.close(sound)
            os.close(end)


@pytest.fixture
async def home(tmp_path: Path, kind: Kind) -> AsyncIterator[Real]:
    """Ready, and what comes at the start is over."""
    async with Dongle(kind.model, tmp_path / "usb", own_name()) as modem, real(tmp_path, kind, Host(), modem) as item:
        await item.host.state(DongleState.READY, timeout=20)
        modem.deliver("first")
        await item.host.wait(lambda: bool(item.host.parts))
        await item.emptied()
        item.host.parts.clear()
        yield item


def texts(host: Host) -> list[str]:
    """Whole messages, parts joined in their order."""
    parts = sorted(
        (part for part, _archived in host.parts.values()), key=lambda part: part.concat.number if part.concat else 0
    )
    joined: dict[object, str] = {}
    for part in parts:
        key = (part.sender, part.concat.reference) if part.concat else part.pdu
        joined[key] = joined.get(key, "") + part.text
    return list(joined.values())


async def test_status(home: Real) -> None:
    status = await home.host.up()
    assert (status.manufacturer.lower(), status.model) in (("huawei", "E1750"), ("quectel", "EC25"))
    assert (status.imsi, status.number, status.operator) == ("228010000000001", "+41790000001", "Lab Mobile")
    assert status.voice is not None
    assert status.signal_dbm is not None


@pytest.mark.parametrize("text", ["hello", LONG, HINDI, "flash 😀"])
async def test_messages_come_in(home: Real, text: str) -> None:
    home.modem.deliver(text, flash=text.startswith("flash"))
    await home.host.wait(lambda: text in texts(home.host))
    await home.emptied()


async def test_what_the_driver_cannot_read(home: Real) -> None:
    home.modem.network.deliver_pdus([BINARY])
    home.modem.deliver("after it")
    await home.host.wait(lambda: len(home.host.parts) == 2)
    await home.emptied()
    assert BINARY in {text for _sim, text in home.host.parts}


async def test_a_sender_who_breaks_the_drivers_lines(home: Real) -> None:
    """Eleven letters are all that a name may have: enough to end an event, too few to make a whole one."""
    (bad,) = pdu.encode_deliver(
        "\r\n\r\nEvent: ", "hello", pdu.Timestamp(1795435200, 60), sender_type="alphanumeric", smsc="+41794999000"
    )
    home.modem.network.deliver_pdus([bad.pdu])
    home.modem.deliver("after it")
    await home.host.wait(lambda: len(home.host.parts) == 2)
    await home.emptied()
    assert {text for _sim, text in home.host.parts} >= {bad.pdu}
    assert sorted(texts(home.host)) == ["after it", "hello"]


async def test_a_burst(home: Real) -> None:
    wanted = [f"message {number}" for number in range(40)]
    for text in wanted:
        home.modem.deliver(text)
    await home.host.wait(lambda: len(home.host.parts) == 40, 20)
    await home.emptied()
    assert sorted(texts(home.host)) == sorted(wanted)


async def test_forty_on_an_unknown_sim(tmp_path: Path, kind: Kind) -> None:
    host = Host(known=False)
    sim = Sim()
    async with Dongle(kind.model, tmp_path / "usb", own_name(), sim=sim, storages={"SM": 50}) as modem:
        modem.store([bytes.fromhex(text) for number in range(40) for text in _delivered(f"old {number}")])
        async with real(tmp_path, kind, host, modem) as item:
            await host.wait(lambda: sim.imsi in host.sims, 20)
            item.modem.deliver("new")
            await host.wait(lambda: host.texts == ["new"])
            await modem.wait(lambda: len(modem.stored()) == 40)
    assert sorted(host.archived) == sorted(f"old {number}" for number in range(40))


def _delivered(text: str) -> list[str]:
    stamp = pdu.Timestamp(1795435200, 60)
    return [part.pdu for part in pdu.encode_deliver("+41791234567", text, stamp)]


@pytest.mark.parametrize("after", [1, 4, 9])
async def test_asterisk_is_killed_in_the_middle(home: Real, after: int) -> None:
    """Some messages were deleted by then, some only stored, some not read: all are there once in the end."""
    wanted = sorted(f"message {number}" for number in range(12))
    gone = home.modem.count("+CMGD")
    for text in wanted:
        home.modem.deliver(text)
    await home.modem.wait(lambda: home.modem.count("+CMGD") >= gone + after)
    await home.asterisk.kill()
    await home.host.wait(lambda: home.dongle.status.reason is Reason.ASTERISK_DOWN)
    await home.asterisk.start()
    await home.host.wait(lambda: len(home.host.parts) == 12, 20)
    await home.emptied()
    assert sorted(texts(home.host)) == wanted


@pytest.mark.parametrize("text", ["hello", "back\\slash\nline", "x" * 160, "€" * 80, LONG, HINDI, "y" * 900])
async def test_texts_go_out(home: Real, text: str) -> None:
    """What the network gets can be read, and is the text."""
    await home.dongle.submit_text(PHONE, text, 1, False)
    sent = [pdu.decode(item.pdu) for item in home.modem.sent]
    assert all(isinstance(item, Submit) for item in sent)
    assert "".join(item.user.text for item in sent).removesuffix(" ") == text.removesuffix(" ")


async def test_a_report_comes_back(home: Real) -> None:
    await home.dongle.submit_text(PHONE, "hello", 1, True)
    assert len(home.modem.sent) == 1
    await home.host.wait(lambda: bool(home.host.reports))
    assert home.host.reports[0].delivered
    await home.emptied()


@pytest.mark.parametrize("report", [True, False])
async def test_the_network_refuses(home: Real, report: bool) -> None:
    home.modem.network.set_outcome(PHONE, 38, None, 0)
    with pytest.raises(ModemError):
        await home.dongle.submit_text(PHONE, "hello", 1, report)


async def test_asterisk_is_killed_while_it_sends(home: Real) -> None:
    home.modem.faults.latency = 0.5
    sending = asyncio.create_task(home.dongle.submit_text(PHONE, "hello", 1, True))
    await home.modem.seen("+CMGS")
    await home.asterisk.kill()
    with pytest.raises(SubmitUnknown):
        await sending


async def test_ussd(home: Real) -> None:
    assert (await home.dongle.ussd("*100#")).text == "Balance: 12.50 CHF"
    assert (await home.dongle.ussd("*123#")).session_open
    assert (await home.dongle.ussd("1")).text == "12.50 CHF"
    home.modem.network.deliver("still there")
    await home.host.wait(lambda: "still there" in texts(home.host))


async def test_reset(home: Real) -> None:
    boots = home.modem.count("+CFUN")
    await home.dongle.reset()
    await home.modem.wait(lambda: home.modem.count("+CFUN") > boots)
    await home.host.state(DongleState.ABSENT, DongleState.STARTING)
    await home.host.state(DongleState.READY, timeout=20)
    home.modem.deliver("after the reset")
    await home.host.wait(lambda: "after the reset" in texts(home.host), 20)


async def test_pulled_out_and_put_in(home: Real) -> None:
    home.modem.unplug()
    await home.host.state(DongleState.ABSENT, timeout=20)
    home.modem.plug()
    home.modem.deliver("back")
    await home.host.state(DongleState.READY, timeout=20)
    await home.host.wait(lambda: "back" in texts(home.host), 20)


async def test_without_the_driver_it_says_so(tmp_path: Path) -> None:
    port = free_port()
    manager = f"[general]\nenabled=yes\nport={port}\nbindaddr=127.0.0.1\n[homeline]\nsecret=x\nread=all\nwrite=all\n"
    host = Host()
    ami = Ami(port, "homeline", lambda: "x")
    dongle = AmiDongle(DongleConfig("d1", driver=Driver.CHAN_DONGLE), host, ami, timing=TIMING)
    async with Asterisk(tmp_path, files={"manager.conf": manager}):
        tasks = [asyncio.create_task(ami.run()), asyncio.create_task(dongle.run())]
        with contextlib.suppress(asyncio.CancelledError):
            await host.wait(lambda: dongle.status.reason is Reason.DRIVER_MISSING)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert "chan_dongle" in dongle.status.detail
