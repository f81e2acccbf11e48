"""A house with a life: the real daemon, channels with something at their other ends, always the same time.

The mail server, the bot's server and the broker take what comes; what is sent to the fourth is refused for now. Where
the lab has an Asterisk, a softphone is registered there.
"""

from __future__ import annotations

import asyncio
import sys
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from homeline import config
from homeline.adapters.store import Store
from homeline_lab.asterisk_programs import find
from homeline_lab.house import House
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.mosquitto import PROGRAM as MOSQUITTO
from homeline_lab.mosquitto import Mosquitto, free_port
from homeline_lab.network import Network, Operator
from homeline_lab.pages import sample_data
from homeline_lab.sip_peer import Phone
from homeline_lab.smtp import install_command
from homeline_lab.telegram import TOKEN, Telegram
from homeline_lab.tone import RATE, sine
from homeline_lab.web import Reply, WebServer

CHAT = 123456789
PATIENCE = 30.0  # seconds that the house may take to be as it shall be shown


class SampleNetwork(Network):
    """Whose clock is ahead."""

    ahead = 0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead, sample_data.NOW.tzinfo)


class Softphone(Phone):
    """That says of itself what a softphone would."""

    def _pjsip(self) -> str:
        return f"{super()._pjsip()}\n[global]\ntype = global\nuser_agent = Linphone-Android/5.2\n"


class SampleHouse(House):
    """`ahead` is by how many seconds its clocks are."""

    def __init__(self, root: Path, ahead: int, addresses: dict[str, str], asterisk: HouseAsterisk | None) -> None:
        network = SampleNetwork(Operator("Alpina", "ALPINA"))
        network.ahead = ahead
        secret, phone = sample_data.SECRET.format(token=TOKEN), sample_data.PHONE if asterisk else ""
        if asterisk:
            secret += sample_data.PHONE_SECRET
        super().__init__(root, network=network, secret=secret, asterisk=asterisk, extra=phone)
        self.ahead, self._addresses = ahead, addresses

    async def __aenter__(self) -> SampleHouse:
        await super().__aenter__()
        return self

    def configuration(self, extra: str = "") -> str:
        command = install_command(self.router.paths.commands, self.mail.port)
        filled = sample_data.CONFIGURATION.format(mail=self.mail.port, command=command, **self._addresses)
        return filled + self._extra + extra

    async def live(self) -> None:
        """Fill the database, start the daemon, and let the last things happen."""
        paths = self.router.paths
        await self.router.sync()
        loaded = config.load(paths.config)
        database = paths.inside(loaded.main.database)
        database.parent.mkdir(parents=True, exist_ok=True)
        store = Store.open(database)
        sample_data.fill(store, loaded.rules)
        store.close()
        self._record(paths.recordings / sample_data.RECORDING)
        daemon = [sys.executable, "-m", "homeline_lab.pages.sample_daemon", str(self.root), str(self.ahead)]
        await self.start(command=["sh", "-c", 'exec "$@" >>"$0" 2>&1', str(self.root / "log"), *daemon])
        await self.until_dongle("ready", PATIENCE, knows="storage_used")  # before there is something on the SIM
        for sender, text in sample_data.LIVE:
            self.dongle.deliver(text, sender)
        async with asyncio.timeout(PATIENCE):
            while True:  # nothing tells of all of it
                if await self._settled():
                    return
                await asyncio.sleep(0.1)

    async def knows(self, phone: str) -> None:
        """Wait until the daemon has heard of the phone's registration."""
        async with asyncio.timeout(PATIENCE):
            while True:
                phones = (await self.call("status")).get("asterisk", {}).get("phones", ())
                if {"registered", "reachable"} & {each["state"] for each in phones if each["name"] == phone}:
                    return
                await asyncio.sleep(0.1)

    @staticmethod
    def _record(path: Path) -> None:
        """A message on the voicemail: a tone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(sine(440, sample_data.SPOKEN * RATE))

    async def _settled(self) -> bool:
        """Whether all came, was forwarded but for what cannot be, and the balance was asked for."""
        status = await self.call("status")
        channels = {each["name"]: each for each in status["channels"]}
        failing = channels.pop("push")
        asked = all("last_success" in each for each in status["balances"])
        waiting = sum(each["pending"] for each in channels.values())
        return asked and status["unread"] >= len(sample_data.LIVE) and not waiting and "last_error" in failing


@asynccontextmanager
async def sample_house(root: Path) -> AsyncIterator[SampleHouse]:
    """Lived in, and ready for visitors."""
    ahead = int(sample_data.NOW.timestamp() - time.time())
    busy = WebServer(lambda _heard: Reply(503, headers=(("Retry-After", "3600"),)))
    async with AsyncExitStack() as stack:
        telegram, push = (
            await stack.enter_async_context(Telegram(chats={CHAT: "private"})),
            await stack.enter_async_context(busy),
        )
        port = (await stack.enter_async_context(Mosquitto(root / "broker"))).port if MOSQUITTO else free_port()
        addresses = {"telegram": telegram.url, "chat": str(CHAT), "mqtt": str(port), "push": push.url}
        asterisk = HouseAsterisk(root) if find() else None
        house = await stack.enter_async_context(SampleHouse(root, ahead, addresses, asterisk))
        await house.live()
        if asterisk:
            phone = Softphone(root / "anna", asterisk.at(), name="anna", password=sample_data.PHONE_PASSWORD)
            await stack.enter_async_context(phone)
            await phone.registered(PATIENCE)
            await house.knows("anna")
        yield house
