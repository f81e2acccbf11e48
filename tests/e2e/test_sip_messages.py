"""SMS to phones by SIP MESSAGE, and phones' SIP MESSAGEs as SMS: a real Asterisk between a phone and the dongle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.kit import Events, Home
from homeline_lab.asterisk import own_address
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.sip_texter import Texter

pytestmark = pytest.mark.usefixtures("asterisk_programs")

PASSWORDS = {"desk": "desk-correct-horse", "mobile": "mobile-correct-horse"}
UCI = """
config phone 'desk'
	option sms '1'

config phone 'mobile'

config sip_message 'softphones'
	list phones 'desk'
	list phones 'mobile'
	option timeout '{timeout}'

config rule 'all'
	list events 'message'
	list channels 'softphones'
"""


@asynccontextmanager
async def texting(root: Path, *, timeout: int = 40, files: Mapping[str, str] | None = None) -> AsyncIterator[Home]:
    """A home with two phones, its dongle driven by the daemon itself."""
    asterisk = HouseAsterisk(root, files=files)
    secret = "".join(f"config phone '{name}'\n\toption password '{word}'\n" for name, word in PASSWORDS.items())
    async with Home(root, asterisk=asterisk, secret=secret, extra=UCI.format(timeout=timeout)) as home:
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            await home.run()
            await home.events.wait("config.applied", lambda data: data.get("asterisk") == "applied", 30.0)
            yield home
        finally:
            print(home.log)
            print(asterisk.asterisk.log[-20000:])


@asynccontextmanager
async def texter(home: Home, name: str, *, registered: bool = True) -> AsyncIterator[Texter]:
    assert home.asterisk
    async with Texter(own_address(), name, PASSWORDS[name], (home.asterisk.address, 5060)) as found:
        if registered:
            await found.register()
        yield found


async def test_a_message_comes_to_the_phone(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        home.dongle.deliver("Hello from the network", sender="+41791234567")
        text = await desk.read()
        assert (text.sender, text.text) == ("+41791234567", "Hello from the network")
        done = await home.events.wait("delivery.done", lambda data: data["channel"] == "softphones")
        assert done["attempts"] == 1


async def test_a_phone_writes_an_sms(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        assert await desk.write("+41791234567", "Grüße\nvom Telefon") == 202
        sent = await home.events.wait("message.sent")
        assert (sent["peer"], sent["text"]) == ("+41791234567", "Grüße\nvom Telefon")
