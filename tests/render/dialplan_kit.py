"""A house whose dial plan is ours and whose SIP accounts are as plain as can be, and everybody else in one peer.

The peer stands for the devices of all phones and for the trunks, and its `incoming` is where they ring: `to` is the
phone's name or the number that was dialled. Calls of the dongle begin at `gsm_call`, and those that leave through it
ring at `gsm`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from asterisk_kit import asterisk_programs
from homeline import config
from homeline.config import Config
from homeline.protocol import call_record
from homeline.protocol.call_record import Record
from homeline.render.dialplan import Dialplan, extensions
from homeline.telephony import CALLS_FAMILY, GRANT_FAMILY, USED_FAMILY, Facts
from homeline_lab.asterisk import Asterisk, Programs, free_port, own_address
from homeline_lab.sip_calls import DIALPLAN, MANAGER, Call, Exchange
from homeline_lab.sip_peer import Address, Provider

__all__ = ["asterisk_programs", "house"]

SID = "AC0123456789abcdef0123456789abcdef"
PASSWORD = "a long passphrase"
PHONES = ("alice", "bob", "carol", "eve", "mallory", "mobile")
SECRETS = "\n".join(f"config phone '{name}'\n\toption password '{PASSWORD}'" for name in PHONES)
BASE = f"""
config homeline 'main'
	option country 'CH'
config sip 'sip'
	option enabled '1'
	option external_address '192.0.2.1'
config twilio 'twilio'
	option account_sid '{SID}'
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '123456789012345'
	option number '+41791110000'
config dongle 'spare'
	option driver 'chan_quectel'
	option imei '123456789012346'
config phone 'alice'
	option number '23'
config phone 'bob'
	option number '24'
config phone 'carol'
config phone 'eve'
config phone 'mallory'
config phone 'mobile'
	option display 'Mobile'
config trunk 'byoc'
	option type 'twilio'
	option mode 'byoc'
	option host 'example.pstn.twilio.com'
	option secure '0'
	option transport 'udp'
config trunk 'peer'
	option mode 'peer'
	option host 'sip.example.org'
	list allowed '192.0.2.7'
"""
# A caller who shows whatever the test likes, such as what the syntax of AMI has no way to write.
CALLER = """
[lab-caller]
exten => s,1,Set(CALLERID(num)=${LAB_NUMBER})
 same => n,Set(CALLERID(name)=${LAB_CALLER})
 same => n,Goto(homeline-dongle-stick,s,1)
"""
ENDPOINT = """
[{name}]
type = endpoint
context = homeline-{kind}-{name}
aors = {name}
allow = !all,ulaw,alaw
direct_media = no
allow_overlap = no
{more}
[{name}]
type = aor
{contact}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(asterisk_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with House(tmp_path_factory.mktemp("house")) as house:
        yield house


def configuration(text: str, base: str = BASE, secrets: str = "") -> Config:
    """A configuration with these sections besides; it must be without mistakes."""
    read = config.read(base + text, f"{SECRETS}\n{secrets}")
    assert not read.problems, read.problems
    return read


@dataclass(frozen=True, slots=True)
class Ended:
    key: str
    record: Record


class House:
    """`async with House(folder) as house: await house.use(text)`."""

    def __init__(self, folder: Path, *, without: Sequence[str] = ()) -> None:
        self.folder, self.address, self.port = folder, own_address(), free_port()
        self.eve = own_address()  # where eve's devices are, for a test that moves them by hand
        self.plan = Dialplan("", "", (), ())
        gsm = "".join(f"exten => {name},1,Return(Local/${{HL_NUMBER}}@lab-in/n)\n" for name in ("stick", "spare"))
        self.owner = f"[globals]\nOWNER=kept\n{DIALPLAN}\n[homeline-gsm]\n{gsm}\n{CALLER}"
        self.peer = Provider(folder / "peer", Address(self.address), name="peer")
        files = {
            "extensions.conf": self.owner + "#tryinclude homeline/extensions.conf\n",
            "pjsip.conf": self._pjsip(),
            "manager.conf": f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {self.port}\n{MANAGER}",
        }
        self.asterisk = Asterisk(folder / "house", name="house", files=files, without=without)
        self.exchange = Exchange(self.asterisk, "127.0.0.1", self.port)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> House:
        recordings = self.asterisk.root / "var/spool/asterisk/homeline"
        recordings.mkdir(parents=True)
        try:
            for part in (self.peer, self.asterisk, self.exchange):
                await self._stack.enter_async_context(part)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _pjsip(self) -> str:
        def endpoint(kind: str, name: str, contact: str, more: str = "") -> str:
            return ENDPOINT.format(kind=kind, name=name, contact=contact, more=more)

        def at(user: str) -> str:
            return f"contact = sip:{user}{self.peer.address}:5060"

        return "\n".join(
            [
                f"[transport]\ntype = transport\nprotocol = udp\nbind = {self.address}:5060",
                endpoint("phone", "alice", f"{at('alice@')}\n{at('alice2@')}"),
                endpoint("phone", "bob", at("bob@")),
                endpoint("phone", "carol", "max_contacts = 1"),  # never registered
                endpoint("phone", "eve", f"contact = sip:eve(@{self.eve}\ncontact = sip:eve2@{self.eve}"),
                endpoint(
                    "phone", "mallory", at("m&Local/s/") + "\n" + at("mallory@")
                ),  # claims to be two devices in one
                endpoint("phone", "mobile", "max_contacts = 1", "auth = mobile"),  # a real one, where a test has it
                f"[mobile]\ntype = auth\nusername = mobile\npassword = {PASSWORD}",
                endpoint("trunk", "peer", at("")),
                endpoint("trunk", "byoc", at(""), "identify_by = ip"),
                f"[byoc]\ntype = identify\nendpoint = byoc\nmatch = {self.peer.address}",
            ]
        )

    # --- its dial plan ---

    async def use(self, text: str, *, base: str = BASE, secrets: str = "", closed: str = "") -> Config:
        """These sections are in force, and nothing is left of earlier calls."""
        await self.asterisk.cli("channel request hangup all")
        await self.idle()
        for exchange in (self.peer.exchange, self.exchange):
            with suppress(TimeoutError):
                while True:
                    await exchange.incoming(0.01)
        for family in (CALLS_FAMILY, GRANT_FAMILY, USED_FAMILY):
            await self.asterisk.cli(f"database deltree {family}")
        return await self.reload(text, base=base, secrets=secrets, closed=closed)

    async def reload(self, text: str, *, base: str = BASE, secrets: str = "", closed: str = "") -> Config:
        """These sections are in force, and all else goes on."""
        read = configuration(text, base, secrets)
        facts = Facts(str(self.asterisk.root), sections={"extensions.conf": ("globals",)}, closed=closed)
        self.plan = extensions(read, facts)
        self.asterisk.write({"homeline/extensions.conf": self.plan.text})
        await self.asterisk.cli("dialplan reload")
        return read

    # --- calls ---

    async def gsm_call(self, number: str, *, name: str = "", dongle: str = "stick", hz: float = 0) -> Call:
        return await self.exchange.originate(f"Local/s@homeline-dongle-{dongle}/n", number=number, name=name, hz=hz)

    async def gsm(self, timeout: float = 10.0) -> Call:
        """The next call that leaves through a dongle."""
        return await self.exchange.incoming(timeout)

    async def dial(self, source: str, dialled: str, *, hz: float = 0) -> Call:
        """What phone or trunk `source` (such as `phone-alice`) dials; digits and letters only."""
        return await self.exchange.originate(f"Local/{dialled}@homeline-{source}/n", hz=hz)

    # --- what is left of them ---

    async def records(self) -> list[Ended]:
        """Those of all calls that have ended."""
        found = []
        for line in (await self.asterisk.cli(f"database show {CALLS_FAMILY}")).splitlines():
            key, colon, value = line.partition(":")
            if colon and key.startswith(f"/{CALLS_FAMILY}/"):
                key = key.strip().rpartition("/")[2]
                found.append(Ended(key, call_record.parse(key, value.strip())))
        return found

    async def record(self, timeout: float = 10.0) -> Record:
        """The record of the only call, which has just ended or is about to."""
        async with asyncio.timeout(timeout):
            while not (found := await self.records()):
                await asyncio.sleep(0.02)
        (one,) = found
        assert await self.idle() is None
        assert len(await self.records()) == 1
        return one.record

    async def idle(self, timeout: float = 10.0) -> None:
        """Until no channel is up."""
        channels = []
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while channels := await self.asterisk.channels():
                    await asyncio.sleep(0.02)
                return
        raise TimeoutError(f"{channels} are still up; the log:\n{self.asterisk.log[-3000:]}")

    async def get(self, family: str, key: str) -> str:
        return await self.asterisk.get(f"DB({family}/{key})")

    async def put(self, family: str, key: str, value: str) -> None:
        await self.asterisk.cli(f"database put {family} {key} {value}")
