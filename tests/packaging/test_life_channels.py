"""The packages for channels on a router: every channel at work as the service's user, upgraded, taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.channels_kit import BASE, OWNER, SECRETS, SECTIONS
from homeline_lab.mosquitto import PROGRAM, Ear, Mosquitto
from homeline_lab.packages.branches import branch
from homeline_lab.telegram import OWNER as CHAT
from homeline_lab.telegram import Telegram
from homeline_lab.web import WebServer
from openwrt_kit import built, needs_root
from router_kit import Router, living, older

pytestmark = [
    needs_root,
    pytest.mark.timeout(240),
    pytest.mark.skipif(PROGRAM is None, reason="no mosquitto on this machine"),
]
ANN = "+41791112233"
CORE = ("python3-phonenumbers", "homeline")
CHANNELS = ("homeline-channels", "homeline-mqtt")
BY_ITSELF = f"""
config schedule 'alive'
	option action 'sms'
	option to '{OWNER}'
	option text 'still here'
	option dongle 'stick'

config balance 'prepaid'
	option dongle 'stick'
	option code '*100#'
	option pattern '([0-9.]+)'

config auto_reply 'away'
	list senders '+4179999'
	option text 'I am away'

config mailbox 'answers'
	option type 'maildir'
	option path '/etc/homeline/mails'
	option address 'homeline@example.org'
	list senders 'me@example.org'

config email 'me'
	option replies 'answers'
"""


KEEP = "#!/bin/sh\ncat >/tmp/got.new && mv /tmp/got.new /tmp/got.json\n"


class House:
    """A router with a section of every kind, and who hears of it."""

    def __init__(self, router: Router, ear: Ear, web: WebServer, telegram: Telegram) -> None:
        self.router, self.ear, self.web, self.telegram = router, ear, web, telegram

    async def setup(self, broker: int) -> None:
        root = self.router.root
        more = SECTIONS.format(broker=broker, web=self.web.port, telegram=self.telegram.port, chat=CHAT, owner=OWNER)
        for name, text in (("homeline", more + BY_ITSELF), ("homeline_secret", SECRETS)):
            path = root.path / "etc/config" / name
            path.write_text(path.read_text() + text)
        for folder in ("new", "cur", "tmp"):
            (root.path / "etc/homeline/mails" / folder).mkdir(parents=True)
        await self.router.setup()
        root.write("etc/homeline/commands.d/keep", KEEP, 0o755)

    def heard(self) -> list[list[str]]:
        """What came by MQTT, by the webhook and by Telegram."""
        published = [json.loads(payload)["text"] for payload in self.ear.of(f"{BASE}/message/stick")]
        hooked = [json.loads(heard.body)["text"] for heard in self.web.heard]
        return [published, hooked, [sent.text for sent in self.telegram.sent]]

    async def everywhere(self, *texts: str) -> None:
        """Until each of the three has heard just these, in order, and nothing waits."""
        async with asyncio.timeout(60):
            while not all(len(heard) >= len(texts) for heard in self.heard()):
                await asyncio.sleep(0.05)
            while (await self.router.call("list_deliveries", state="pending", limit=1))["deliveries"]:
                await asyncio.sleep(0.05)
        for heard in self.heard():
            assert len(heard) == len(texts)
            assert all(text in said for said, text in zip(heard, texts, strict=True))

    async def problems(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.router.call("status"))["problems"]
        return found


@asynccontextmanager
async def house(
    name: str, folder: Path, packages: dict[str, bytes], *, next_paho: bool = False
) -> AsyncIterator[House]:
    """Its packages are installed."""
    async with (
        Mosquitto(folder) as broker,
        Ear(broker.port) as ear,
        WebServer() as web,
        Telegram() as telegram,
        living(name, *CHANNELS, next_paho=next_paho) as router,
    ):
        await router.install(packages, *CORE, *CHANNELS)
        found = House(router, ear, web, telegram)
        await found.setup(broker.port)
        yield found


@pytest.mark.parametrize(("name", "next_paho"), [("24.10", False), ("25.12", False), ("25.12", True)])
async def test_every_channel_works_with_what_its_package_brings(name: str, next_paho: bool, tmp_path: Path) -> None:
    """As the service's user, with every other module of Python hidden."""
    async with house(name, tmp_path / "broker", built(branch(name)), next_paho=next_paho) as h:
        h.router.dongle.deliver("hello from home", ANN)
        await h.router.mail.wait_for(1)
        await h.everywhere("hello from home")
        assert json.loads((h.router.root.path / "tmp/got.json").read_text())["text"] == "hello from home"
        assert await h.problems() == []


async def test_the_packages_are_upgraded_and_taken_away(tmp_path: Path) -> None:
    """What is for a channel that is not there waits for it."""
    on = branch("24.10")
    async with house("24.10", tmp_path / "broker", built(on, older(tmp_path / "older"))) as h:
        h.router.dongle.deliver("before", ANN)
        await h.everywhere("before")
        await h.router.install(built(on), *CORE, *CHANNELS)
        await h.router.ready()
        assert await h.problems() == []
        h.router.dongle.deliver("after", ANN)
        await h.everywhere("before", "after")
        for package in CHANNELS:
            await h.router.manager.remove(package)
        await h.router.ready()
        advice = {found["where"]: found["advice"] for found in await h.problems()}
        assert advice == {
            f"{kind} {section}": f"Install the package {package}."
            for package, sections in MISSED.items()
            for kind, section in sections
        }
        h.router.dongle.deliver("without", ANN)
        await h.router.mail.wait_for(3)
        await h.router.install(built(on), *CHANNELS)
        await h.router.ready()
        await h.everywhere("before", "after", "without")


MISSED = {
    "homeline-mqtt": [("mqtt", "broker")],
    "homeline-channels": [
        *(("webhook", "hook"), ("telegram", "bot"), ("schedule", "alive"), ("balance", "prepaid")),
        *(("auto_reply", "away"), ("mailbox", "answers")),
    ],
}
