"""docs/first-call.md, typed into a router that forwards SMS, up to the calls that it promises."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import CallHome, talk
from e2e.kit import Events, parsed
from e2e.test_call_log import left_a_message
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.sip_peer import Phone
from homeline_lab.uci import COMMANDS, Uci

pytestmark = pytest.mark.usefixtures("asterisk_programs")

PAGE = Path(__file__).parents[2] / "docs/first-call.md"


def types(root: Path, text: str) -> None:
    for line in re.findall(r"^uci .*$", text, re.MULTILINE):
        command, *arguments = shlex.split(line, comments=True)[1:]
        COMMANDS[command][0](Uci(root), arguments)


async def test_the_page_leads_to_calls(tmp_path: Path) -> None:
    """Beginning with an Asterisk that is not started and a dongle that Homeline drives itself."""
    asterisk = HouseAsterisk(tmp_path, running=False)
    home = CallHome(tmp_path, asterisk=asterisk)
    async with home:
        home.router.configure(
            home.configuration().replace("config sip 'sip'\n\toption enabled '1'", "config sip 'sip'")
        )
        home.events = Events(home)
        await home.bus.wait_ready(10)
        await home.run()
        assert await home.problems() == {}
        text = PAGE.read_text()
        types(tmp_path, text.partition("## Ten lines")[2].partition("\n## ")[0])
        await home.follows()
        home.events.heard.clear()
        password = (await home.call("new_phone_password", phone="anna"))["password"]
        await home.follows()
        await home.calls.ready()
        async with Phone(tmp_path / "anna", home.calls.at(), name="anna", password=password) as anna:
            await anna.registered()
            call = await home.calls.gsm_call("0791234567")
            far = await anna.incoming()
            await far.answer()
            await talk(call, far)
            await call.hang_up()
            call = await anna.call("0791234567")
            far = await home.calls.gsm_incoming()
            assert far.to == "+41791234567"
            await far.answer()
            await talk(far, call)
            await far.hang_up()
            assert (await (await anna.call("0900123456")).ended()).sip == "SIP 403 Forbidden"
            await leaves_a_message(home, anna)
            (recording,) = (tmp_path / "etc/homeline/voicemail").glob("voicemail-*.wav")
            hello = tmp_path / "etc/homeline/greetings/hello.WAV"
            shutil.copy(recording, hello)
            home.events.heard.clear()
            types(tmp_path, "uci set homeline.home.greeting=hello\nuci commit homeline\n")
            await home.follows()
            await leaves_a_message(home, anna)
        assert len([line for line in home.pbx.log.splitlines() if f"Playing '{hello.with_suffix('')}." in line]) == 1


async def leaves_a_message(home: CallHome, anna: Phone) -> None:
    """Somebody calls, anna does not want to talk, and the mail with what they say comes."""
    before = len(home.mail.mails)
    speaking = asyncio.ensure_future(left_a_message(home))
    await (await anna.incoming()).refuse(17)
    await speaking
    mail = parsed((await home.mail.wait_for(before + 1))[before])
    assert mail["Subject"].startswith("Voicemail from Grandma")
    assert [part.get_content_maintype() for part in mail.iter_parts()] == ["text", "audio"]
