"""A house with every channel that needs no telephony, each with a peer of its own, and one rule that names them all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from e2e.kit import Home, living, parsed
from homeline.protocol import pdu
from homeline_lab.mosquitto import Ear, Mosquitto
from homeline_lab.telegram import OWNER as CHAT
from homeline_lab.telegram import TOKEN, Telegram
from homeline_lab.web import WebServer

ANN, OWNER = "+41791112233", "+447700900123"
BASE = "homeline/cottage"
CHANNELS = ("broker", "hook", "bot", "abroad", "program", "owner")

SECTIONS = """
config mqtt 'broker'
	option host '127.0.0.1'
	option port '{broker}'
	option client_id 'cottage'
	option timeout '5'

config webhook 'hook'
	option url 'http://127.0.0.1:{web}/hook'
	option allow_local '1'
	option timeout '3'

config telegram 'bot'
	list chats '{chat}'
	option replies '1'
	option api 'http://127.0.0.1:{telegram}'
	option allow_local '1'

config sms 'abroad'
	list to '{owner}'
	option daily '1000'
	option max_parts '10'

config command 'program'
	option program 'keep'
	option timeout '5'

config rule 'all'
	list events 'message'
	list channels 'broker'
	list channels 'hook'
	list channels 'bot'
	list channels 'abroad'
	list channels 'program'
"""
SECRETS = f"""
config telegram 'bot'
	option token '{TOKEN}'
"""
KEEP = """#!/bin/sh
cat >"$ROOT/got/$$.new" && mv "$ROOT/got/$$.new" "$ROOT/got/$$.json"
"""


@dataclass
class Peers:
    """The house and who gets something of it."""

    home: Home
    broker: Mosquitto
    ear: Ear
    web: WebServer
    telegram: Telegram

    def published(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.ear.of(f"{BASE}/message/stick")]

    def hooked(self) -> list[dict[str, Any]]:
        return [json.loads(heard.body) for heard in self.web.heard]

    def chatted(self) -> list[str]:
        return [sent.text for sent in self.telegram.sent]

    def texted(self) -> list[str]:
        """What the network took, parts joined: one message goes out after another."""
        found: list[str] = []
        for each in self.home.dongle.sent:
            item = pdu.decode(each.pdu)
            assert isinstance(item, pdu.Submit)
            assert each.recipient == OWNER
            if item.user.concat is not None and item.user.concat.number > 1:
                found[-1] += item.user.text
            else:
                found.append(item.user.text)
        return found

    def run(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.home.root / "got").glob("*.json")]

    def mailed(self) -> list[EmailMessage]:
        return [mail for mail in map(parsed, self.home.mail.mails) if mail["X-Homeline-Kind"] == "message"]

    async def done(self, count: int, channels: tuple[str, ...] = CHANNELS, timeout: float = 30.0) -> None:
        """Until so many deliveries of each channel are done."""
        for channel in channels:
            await self.home.events.wait_for("delivery.done", count, lambda d, c=channel: d["channel"] == c, timeout)

    async def nothing_waits(self, timeout: float = 60.0) -> None:
        """Until no delivery is pending or being sent; looked at again and again, since a kill loses events."""
        async with asyncio.timeout(timeout):
            while not (await self._none("pending") and await self._none("sending") and await self._none("pending")):
                await asyncio.sleep(0.05)

    async def _none(self, state: str) -> bool:
        return not (await self.home.call("list_deliveries", state=state, limit=1))["deliveries"]


def install(root: Path, script: str = KEEP, name: str = "keep") -> None:
    """Put the owner's program in place."""
    (root / "got").mkdir(parents=True, exist_ok=True)
    folder = root / "etc/homeline/commands.d"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    (folder / name).write_text(script.replace("$ROOT", str(root)))
    (folder / name).chmod(0o755)


@asynccontextmanager
async def everywhere(
    root: Path, *, sections: str = SECTIONS, secrets: str = SECRETS, more: str = "", start: bool = True, **options: Any
) -> AsyncIterator[Peers]:
    """All of it; `more` is more of the configuration, `options` are those of a House."""
    install(root)
    dongle: Mapping[str, str] = {"rate": "600", "report": "0", **options.pop("dongle_options", {})}
    async with (
        Mosquitto(root / "broker") as broker,
        Ear(broker.port) as ear,
        WebServer() as web,
        Telegram() as telegram,
    ):
        extra = sections.format(broker=broker.port, web=web.port, telegram=telegram.port, chat=CHAT, owner=OWNER)
        async with living(
            root, extra=extra + more, secret=secrets, start=start, dongle_options=dongle, **options
        ) as home:
            yield Peers(home, broker, ear, web, telegram)
