"""SMS to phones by SIP MESSAGE, and phones' SIP MESSAGEs as SMS: a real Asterisk between a phone and the dongle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.kit import Events, Home, Table
from homeline.core.sip_text import cleaned
from homeline_lab.asterisk import Asterisk, own_address
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.sip_raw import Stranger, request
from homeline_lab.sip_texter import Texter
from homeline_lab.sipp import Sipp, message
from hostile import HOSTILE

pytestmark = pytest.mark.usefixtures("asterisk_programs")

ANN, BOB = "+41791234567", "+41797654321"
PASSWORDS = {"desk": "desk-correct-horse", "mobile": "mobile-correct-horse"}
UCI = """
config phone 'desk'
	option sms '1'
	option sms_rate '100'
{desk}

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
async def texting(root: Path, *, timeout: int = 40, desk: str = "", more: str = "") -> AsyncIterator[Home]:
    """A home with two phones, whose dongle is driven by the daemon itself."""
    asterisk = HouseAsterisk(root)
    secret = "".join(f"config phone '{name}'\n\toption password '{word}'\n" for name, word in PASSWORDS.items())
    extra = UCI.format(timeout=timeout, desk=desk) + more
    options = {"rate": "600"}  # SMS a minute
    async with Home(root, asterisk=asterisk, secret=secret, extra=extra, dongle_options=options) as home:
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            await home.run()
            await home.events.wait("config.applied", lambda data: data.get("asterisk") == "applied", 30.0)
            yield home
        finally:
            print(home.log)
            print(pbx(home).log[-20000:])


def pbx(home: Home) -> Asterisk:
    assert home.asterisk
    return home.asterisk.asterisk


def target(home: Home) -> tuple[str, int]:
    assert home.asterisk
    return home.asterisk.address, 5060


@asynccontextmanager
async def texter(home: Home, name: str, *, registered: bool = True) -> AsyncIterator[Texter]:
    async with Texter(own_address(), name, PASSWORDS[name], target(home)) as found:
        if registered:
            await found.register()
        yield found


async def delivery(home: Home) -> Table:
    """The newest one to the phones."""
    found: Table = (await home.call("list_deliveries", channel="softphones"))["deliveries"][0]
    return found


async def tried(home: Home, words: str) -> Table:
    """The newest delivery, once an attempt at it has ended so."""
    await home.logged(f" s: {words}")
    return await delivery(home)


async def comes_back(phone: Texter) -> None:
    """Somebody has mended it."""
    await phone.register(0)
    await phone.register()


async def again(home: Home) -> None:
    await home.call("retry_delivery", id=(await delivery(home))["id"])


async def taken(home: Home, count: int = 1) -> list[Table]:
    return await home.events.wait_for("delivery.done", count, lambda data: data["channel"] == "softphones", 20)


# --- to phones ---


async def test_a_message_comes_to_every_phone_and_waits_for_the_first(tmp_path: Path) -> None:
    async with texting(tmp_path) as home:
        home.dongle.deliver("Hello from the network", sender=ANN)
        found = await tried(home, "Not registered: desk, mobile.")
        assert (found["state"], found["attempts"]) == ("pending", 1)
        async with texter(home, "desk") as desk:
            text = await desk.read()
            assert (text.sender, text.text) == (ANN, "Hello from the network")
            assert text.headers["content-type"].startswith("text/plain")
            key = text.headers["x-homeline-id"]
            assert key.startswith(f"{found['event']}.all.softphones.0-") and key.endswith("/1")
            await taken(home)
            async with texter(home, "mobile") as mobile:
                home.dongle.deliver("To both", sender="Die Post")
                for phone in (desk, mobile):
                    text = await phone.read()
                    assert (text.sender, text.text) == ("DiePost", "To both")
                await taken(home, 2)
                mobile.answers.append("603 Decline")
                home.dongle.deliver("One is enough", sender=ANN)
                await taken(home, 3)
                assert (await desk.read()).text == "One is enough"
        assert "softphones" not in str(await home.problems())


async def test_what_a_phone_does_not_take_is_not_delivered(tmp_path: Path) -> None:
    async with texting(tmp_path, timeout=5) as home, texter(home, "desk") as desk:
        desk.answers.extend(["486 Busy Here", "415 Unsupported Media Type", "500 Server Internal Error"])
        home.dongle.deliver("Hello", sender=ANN)
        assert (await tried(home, "desk answered 486"))["state"] == "pending"
        await again(home)
        found = await tried(home, "desk answered 415")
        assert found["state"] == "pending" and "desk answered 415" in (await home.problems())["channel softphones"]
        await comes_back(desk)
        assert (await tried(home, "desk answered 500"))["state"] == "pending"
        desk.deaf = True
        await again(home)
        assert (await tried(home, "desk did not answer"))["state"] == "pending"
        desk.deaf = False
        await again(home)
        await taken(home)
        assert {text.text for text in desk.texts} == {"Hello"}
        assert len({text.headers["x-homeline-id"] for text in desk.texts}) == 1
        assert len({text.headers["x-homeline-mark"] for text in desk.texts}) == len(desk.texts)
        desk.answers.append("513 Message Too Large")
        home.dongle.deliver("Too large", sender=ANN)
        failed = await home.events.wait("delivery.failed")
        assert failed["error"] == "desk answered 513."


async def test_any_text_is_mere_text(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        texts = {name: text for name, text in HOSTILE.items() if name not in ("surrogates", "long")}
        for count, (name, text) in enumerate(texts.items(), 1):
            home.dongle.deliver(text, sender=ANN)
            await taken(home, count)
            assert "".join(found.text for found in desk.texts) == cleaned(text), name
            desk.texts.clear()
        long = "".join(f"{number} nicht ganz so kurz, " for number in range(60))
        home.dongle.deliver(long, sender=ANN)
        await taken(home, len(texts) + 1)
        assert len(desk.texts) == 2
        assert "".join(found.text for found in desk.texts) == long.strip()
        assert not [line for line in pbx(home).complaints() if "MESSAGE" in line]


async def test_asterisk_goes_and_comes_back(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        home.dongle.deliver("Before", sender=ANN)
        assert (await desk.read()).text == "Before"
        await taken(home)
        await pbx(home).kill()
        async with asyncio.timeout(10):
            while (await home.call("status"))["asterisk"]["running"]:
                await asyncio.sleep(0.02)  # nothing tells of it
        home.dongle.deliver("While it is away", sender=ANN)
        assert (await tried(home, "Asterisk is not running"))["state"] == "pending"
        await pbx(home).start()
        await desk.register()
        assert (await desk.read(30)).text == "While it is away"
        await taken(home, 2)


# --- from phones ---


async def test_a_phone_writes(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        texts = [
            "Grüße\nvom Telefon 🙂",
            *(text for name, text in HOSTILE.items() if name not in ("surrogates", "long")),
        ]
        expected = [text.encode()[:1000].decode("utf-8", "ignore").partition("\0")[0] for text in texts]
        expected = [text.replace("\r\n", "\n").strip() for text in expected]
        said = [text for text in expected if text]
        for text in said:
            assert await desk.write("0791234567", text) == 202
        await home.events.wait_for("message.sent", len(said), timeout=60)
        sent = await home.messages("out")
        assert sorted(message["text"] for message in sent) == sorted(said)
        assert {message["peer"] for message in sent} == {ANN}
        for number, call in enumerate(("a):${EPOCH}", '"$[1+1]"', "x&y,z;(((", "%24%7BSHELL(id)%7D")):
            assert await desk.write("0791234567", f"call {number}", call=call) == 202
        await home.events.wait_for("message.sent", len(said) + 4, timeout=60)
        assert desk.texts == []  # nothing was refused


async def test_what_is_not_sent_is_said(tmp_path: Path) -> None:
    limited = "\tlist sms_to '+41*'\n\tlist sms_to '444'\n"
    async with texting(tmp_path, desk=limited) as home, texter(home, "desk") as desk, texter(home, "mobile") as mobile:
        refused = [
            ("+33612345678", "hello", "Not sent: this phone may not write to that number."),
            ("445", "hello", "Not sent: this phone may not write to that number."),
            ("mobile", "hello", "Not sent: that is not a telephone number."),
            ("a$%7BSHELL(id)%7D", "hello", "Not sent: that is not a telephone number."),
            ("h!", "hello", "Not sent: that is not a telephone number."),
            (ANN, "", "Not sent: it is empty, or longer than 1023 octets."),
            (ANN, "x" * 1100, "Not sent: it is empty, or longer than 1023 octets."),
        ]
        for to, text, words in refused:
            assert await desk.write(to, text) == 202, to
            assert (await desk.read()).text == words
        assert await desk.write("444", "to a short number") == 202
        assert (await home.events.wait("message.sent"))["peer"] == "444"
        assert await mobile.write(ANN, "hello") == 404
        assert await desk.write("$%7BSHELL(id)%7D", "hello") == 404
        assert await desk.write(ANN, "<p>hello</p>", kind="text/html") == 415
        assert len(home.dongle.sent) == 1
        assert mobile.texts == []


async def test_strangers_and_trunks_write_nothing(tmp_path: Path) -> None:
    address = own_address()
    trunk = f"""
config trunk 'peer'
	option mode 'peer'
	option host '{address}'
	list allowed '{address}/32'
	option qualify '0'
"""
    async with (
        texting(tmp_path, more=trunk) as home,
        Stranger(own_address()) as stranger,
        Stranger(address) as provider,
        Texter(own_address(), "desk", "another-password", target(home)) as liar,
    ):
        for name in ("desk", "mobile", "stranger", "softphones"):
            for to in (ANN, "desk", "homeline-text", "s"):
                packet = request(
                    "MESSAGE", to, target(home), source=stranger.source, from_user=name, body="hello",
                    headers=[("Content-Type", "text/plain")],
                )  # fmt: skip
                assert await stranger.ask(packet, target(home), 20) == "MESSAGE 401"
                stranger.answers.clear()
        for to in (ANN, "desk", "homeline-text", "s"):
            packet = request(
                "MESSAGE", to, target(home), source=provider.source, body="hello",
                headers=[("Content-Type", "text/plain")],
            )  # fmt: skip
            assert await provider.ask(packet, target(home), 20) == "MESSAGE 404"  # it is who it says, and may not
            provider.answers.clear()
        assert await liar.write(ANN, "hello") == 401
        assert "homeline-sms" not in await pbx(home).cli("database show")
        assert home.dongle.sent == [] and await home.messages("out") == []


async def test_who_is_away_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """The daemon, Asterisk, and both; SIPp is the phone."""
    async with texting(tmp_path) as home:
        sipp, scenario = Sipp(tmp_path / "sipp"), message(to=ANN, who="desk", password=PASSWORDS["desk"], text="Text")
        done = await sipp.run(scenario, target(home), source=own_address(), calls=10)
        assert (done.good, done.bad) == (10, 0), done.text
        await home.events.wait_for("message.sent", 10)
        await home.killed()
        done = await sipp.run(scenario, target(home), source=own_address(), calls=10)
        assert (done.good, done.bad) == (10, 0), done.text
        await pbx(home).until("database show homeline-sms", "10 results found", 30)  # answered first, and kept then
        await pbx(home).stop()
        await pbx(home).start()
        await home.run()
        await home.events.wait_for("message.sent", 20, timeout=30)
        texts = await sent_texts(home)
        assert sorted(texts) == sorted([f"Text {number}" for number in range(1, 11)] * 2)
        assert len(home.dongle.sent) == 20
        assert "0 results found" in await pbx(home).cli("database show homeline-sms")


async def sent_texts(home: Home) -> list[str]:
    return [message["text"] for message in await home.messages("out")]


async def test_no_more_wait_than_there_is_room_for(tmp_path: Path) -> None:
    async with texting(tmp_path) as home, texter(home, "desk") as desk:
        await home.killed()
        for number in range(100):
            assert await desk.write(ANN, f"Text {number}") == 202
        assert await desk.write(ANN, "One more") == 202
        assert (await desk.read()).text == "Not sent: 100 messages wait already."
        assert "100 results found" in await pbx(home).cli("database show homeline-sms")
