"""The whole house with a real chan_dongle: messages, USSD and calls of a simulated dongle that Asterisk drives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from asterisk_kit import chan_dongle as chan_dongle
from e2e.calls_kit import GSM_HZ, SIP_HZ, CallHome, phone, secrets, sections, uci
from e2e.kit import Events
from homeline_lab.chan_dongle_voice import VoicePort
from homeline_lab.house_asterisk import HouseAsterisk

pytestmark = pytest.mark.usefixtures("asterisk_programs")

GRANDMA = "+41791234567"
HINDI = "नमस्ते आप कैसे हैं? " * 8
OPTIONS = {"driver": "chan_dongle", "data": "/dev/ttyUSB0", "audio": "/dev/ttyUSB1"}
DRIVER = "\toption driver 'chan_dongle'\n"
FAST = "\tlist driver_options 'interval=1'\n"


class DongleHome(CallHome):
    voice: VoicePort

    def configuration(self, extra: str = "") -> str:
        return (
            super()
            .configuration(extra)
            .replace("\toption driver 'chan_dongle'\n", f"\toption driver 'chan_dongle'\n{FAST}")
        )


@asynccontextmanager
async def driving(root: Path, module: Path, *parts: str, **gaps: str) -> AsyncIterator[DongleHome]:
    """Everything runs, and Asterisk drives the dongle."""
    asterisk = HouseAsterisk(root, modules=[module], running=False)
    home = DongleHome(root, asterisk=asterisk, secret=secrets(), dongle_options=OPTIONS)
    home.parts, home.gaps = parts, gaps
    async with AsyncExitStack() as stack:
        home.voice = await stack.enter_async_context(VoicePort(root))
        await stack.enter_async_context(home)
        unlock(home.voice.path, home.dongle.port)
        home.router.configure(home.configuration(sections(parts, gaps)), secrets())
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            await home.run(state="")
            await home.follows()
            await home.until_dongle("ready", 30)
            yield home
        finally:
            print(home.log)
            print(home.pbx.log[-20000:])


def unlock(*ports: Path) -> None:
    """Take away lock files that a killed Asterisk left for other ptys of the same names."""
    for port in ports:
        (Path("/var/lock") / f"LCK..{port.resolve().name}").unlink(missing_ok=True)


async def test_messages_and_ussd(tmp_path: Path, chan_dongle: Path) -> None:
    async with driving(tmp_path, chan_dongle) as home:
        status = await home.until_dongle("ready", knows="operator")
        assert (status["driver"], status["model"], status["voice"]) == ("chan_dongle", "E1750", True)
        for text in ("hello", HINDI):
            home.dongle.deliver(text, GRANDMA)
            received = await home.events.wait("message.received", lambda data, text=text: data["text"] == text)
            assert received["peer"] == GRANDMA
        await home.dongle.wait(lambda: not home.dongle.stored())
        assert len(await home.mail.wait_for(2)) == 2

        sent = await home.call("send_message", to=GRANDMA, text="hello to you", report=True, wait=10)
        assert sent["state"] in ("sent", "delivered")
        await home.events.wait("message.delivered", lambda data: data["id"] == sent["id"])

        reply = await home.call("send_ussd", code="*100#")
        assert reply["text"] == "Balance: 12.50 CHF"
        assert not await home.pbx.channels()
        assert (await home.call("list_calls"))["calls"] == []  # a message is no call


async def test_the_daemon_is_killed_in_a_burst(tmp_path: Path, chan_dongle: Path) -> None:
    wanted = [f"message {number}" for number in range(40)]
    async with driving(tmp_path, chan_dongle) as home:
        home.dongle.deliver("first")
        await home.dongle.wait(lambda: not home.dongle.stored())
        for text in wanted[:20]:
            home.dongle.deliver(text)
        gone = home.dongle.count("+CMGD")
        await home.dongle.wait(lambda: home.dongle.count("+CMGD") >= gone + 3)
        await home.killed()
        for text in wanted[20:]:
            home.dongle.deliver(text)
        await home.run()
        await home.dongle.wait(lambda: not home.dongle.stored(), 20)
        assert sorted(await home.texts()) == sorted(["first", *wanted])


async def test_a_call_comes_in(tmp_path: Path, chan_dongle: Path) -> None:
    async with driving(tmp_path, chan_dongle, "phones", "line", line=uci(ring=["desk"])) as home:
        async with phone(home, "desk") as desk:
            home.dongle.network.ring(GRANDMA)
            call = await desk.incoming()
            assert call.number == GRANDMA
            await call.answer()
            call.play(SIP_HZ)
            home.voice.play(GSM_HZ)
            await asyncio.gather(home.voice.hears(SIP_HZ), call.hears(GSM_HZ))
            home.dongle.deliver("while you talk", GRANDMA)
            await home.events.wait("message.received", lambda data: data["text"] == "while you talk")
            home.dongle.network.hang_up()
            await call.ended()
        ended = await home.events.wait("call.ended")
        assert (ended["peer"], ended["direction"], ended["state"]) == (GRANDMA, "in", "answered")


async def test_a_call_goes_out(tmp_path: Path, chan_dongle: Path) -> None:
    async with driving(
        tmp_path, chan_dongle, "phones", "line", "outbound", line=uci(ring=["desk"]), outbound=""
    ) as home:
        async with phone(home, "desk") as desk:
            call = await desk.call(GRANDMA)
            await call.is_answered()
            call.play(SIP_HZ)
            home.voice.play(GSM_HZ)
            await asyncio.gather(home.voice.hears(SIP_HZ), call.hears(GSM_HZ))
            await call.hang_up()
            await home.dongle.wait(lambda: home.dongle.modem.calls.call is None)
        ended = await home.events.wait("call.ended")
        assert (ended["peer"], ended["direction"], ended["state"]) == (GRANDMA, "out", "answered")
