"""The call log with a real daemon and a real Asterisk: what became of a call, voicemail in a mail, click to call."""

from __future__ import annotations

import asyncio
import random
import shutil
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from asterisk_kit import asterisk_programs
from e2e.calls_kit import GSM_HZ, CallHome, calling, phone, uci
from e2e.kit import parsed
from protocol.test_call_record import b64, written

__all__ = ["asterisk_programs"]
pytestmark = pytest.mark.usefixtures("asterisk_programs")

CAPTURE = Path(__file__).parents[1] / "captures/asterisk/voicemail.WAV"
GRANDMA = "+41791234567"
RULE = """
config rule 'calls'
	list events 'call'
	list channels 'owner'
"""


async def ended(home: CallHome, count: int = 1) -> list[dict[str, Any]]:
    return await home.events.wait_for("call.ended", count, timeout=15)


async def mailed(home: CallHome) -> EmailMessage:
    """The one mail about a call."""
    await home.events.wait("delivery.done", timeout=15)
    (mail,) = [parsed(mail) for mail in home.mail.mails]
    return mail


async def test_calls_that_were_answered_missed_and_made(tmp_path: Path) -> None:
    line = uci(ring=["desk"], ring_timeout="5") + RULE
    async with calling(tmp_path, "phones", "line", "outbound", line=line) as home, phone(home, "desk") as desk:
        call = await home.calls.gsm_call("0791234567", name='"Grandma" <1>, $(x)')
        at_desk = await desk.incoming()
        started = await home.events.wait("call.started")
        assert (started["state"], started["line"], started["peer"]) == ("ringing", "home", GRANDMA)
        await at_desk.answer()
        await call.is_answered()
        await at_desk.hang_up()
        (answered,) = await ended(home)
        assert {name: answered.get(name) for name in ("direction", "state", "unread", "peer", "peer_raw")} == {
            "direction": "in", "state": "answered", "unread": False, "peer": GRANDMA, "peer_raw": "0791234567",
        }  # fmt: skip
        assert (answered["through"], answered["dongle"], answered["line"]) == ("desk", "stick", "home")
        assert answered["name"] == '"Grandma" <1>, $(x)'
        assert answered["started_at"] <= answered["answered_at"] <= answered["ended_at"]

        call = await home.calls.gsm_call("")
        await desk.incoming()
        await call.hang_up()
        _, missed = await ended(home, 2)
        assert (missed["state"], missed["unread"]) == ("missed", True)
        assert not {"peer", "peer_raw"} & set(missed)
        assert await home.events.wait("call.missed") == missed
        mail = await mailed(home)
        assert mail["Subject"].startswith("Missed call from a withheld number, ")

        outgoing = await desk.call("0441112233")
        far = await home.calls.gsm_incoming()
        out = await home.events.wait("call.started", lambda told: told["direction"] == "out")
        assert (out["peer"], out["rule"], out["line"]) == ("+41441112233", "abroad", "home")
        await far.answer()
        await far.hang_up()
        await outgoing.ended()
        busy = await desk.call("0441112233")
        await (await home.calls.gsm_incoming()).refuse(17)
        await busy.ended()
        forbidden = await desk.call("+390612345678")
        await forbidden.ended()
        *_, made, failed, refused = await ended(home, 5)
        assert [(one["direction"], one["state"], one["peer"], one["through"]) for one in (made, failed, refused)] == [
            ("out", "answered", "+41441112233", "desk"),
            ("out", "failed", "+41441112233", "desk"),
            ("out", "refused", "+390612345678", "desk"),
        ]
        assert (failed["cause"], failed["reason"]) == (17, "busy")
        assert refused["reason"] == "no outbound section allows it"
        page = await home.call("list_calls")
        assert page == {"calls": [refused, failed, made, missed, answered], "more": False, "missed": 1, "voicemail": 0}
        status = await home.call("status")
        assert (status["missed"], status["outbounds"]) == (1, [{"name": "abroad", "enabled": True}])
        assert await home.call("mark_read", ids=[missed["id"]]) == {"count": 1}
        assert (await home.call("status"))["missed"] == 0


async def begun(folder: Path) -> None:
    """Until a message is recorded: looked at again and again, since nothing tells of a file."""
    async with asyncio.timeout(20):
        while not any(folder.glob("*.*")):
            await asyncio.sleep(0.05)


async def left_a_message(home: CallHome) -> None:
    """Somebody calls, nobody is there, and they speak for a while."""
    call = await home.calls.gsm_call(GRANDMA, name="Grandma", hz=GSM_HZ)
    await call.is_answered()
    await begun(home.root / "var/spool/asterisk/homeline")
    await asyncio.sleep(2.0)  # of speech
    await call.hang_up()


@pytest.mark.parametrize("coding", ["wav49", "gsm"])
async def test_a_message_ends_in_a_mail_with_the_recording(tmp_path: Path, coding: str) -> None:
    line = uci(voicemail="1") + RULE
    async with calling(tmp_path, "line", sip=uci(voicemail_format=coding), line=line) as home:
        await left_a_message(home)
        (told,) = await ended(home)
        assert (told["state"], told["unread"], told["peer"]) == ("voicemail", True, GRANDMA)
        assert await home.events.wait("voicemail.received") == told
        assert 1 <= told["seconds"] <= 4
        mail = await mailed(home)
        assert mail["Subject"].startswith("Voicemail from Grandma (+41791234567), ")
        text, sound = mail.iter_parts()
        assert "A message of" in text.get_content()
        content = sound.get_payload(decode=True)
        assert sound.get_filename() == told["recording"]
        kept = home.root / "etc/homeline/voicemail" / told["recording"]
        assert kept.read_bytes() == content
        assert len(content) == told["size"]
        assert list((home.root / "var/spool/asterisk/homeline").iterdir()) == []
        assert await home.pbx.cli("database show homeline-call") == "0 results found.\n"
        listed = await home.call("list_voicemail")
        assert (listed["calls"], listed["unread"]) == ([told], 1)
        assert await home.call("delete_messages", ids=[told["id"]]) == {"count": 1}
        assert not kept.exists()


async def test_a_killed_daemon_loses_neither_a_call_nor_a_message(tmp_path: Path) -> None:
    line = uci(voicemail="1") + RULE
    async with calling(tmp_path, "line", line=line) as home:
        await home.killed()
        await left_a_message(home)
        await home.quiet()
        await home.run(state="")
        (told,) = await ended(home)
        assert told["state"] == "voicemail"
        mail = await mailed(home)
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/mixed", "text/plain", "audio/x-wav"]


async def test_minutes_are_granted_counted_and_denied(tmp_path: Path) -> None:
    limit = uci(daily_minutes="2")
    async with calling(tmp_path, "phones", "line", "outbound", outbound=limit) as home, phone(home, "desk") as desk:

        async def left() -> int | None:
            (row,) = (await home.call("status"))["outbounds"]
            found: int | None = row.get("seconds_left")
            return found

        async with asyncio.timeout(10):
            while await left() != 120:
                await asyncio.sleep(0.1)
        call = await desk.call("0441112233")
        far = await home.calls.gsm_incoming()
        await far.answer()
        await asyncio.sleep(1.2)  # counted in seconds
        await far.hang_up()
        await call.ended()
        (told,) = await ended(home)
        spent = told["ended_at"] - told["answered_at"]
        assert spent >= 1
        await home.killed()
        await home.run(state="")  # the count is Asterisk's: it outlives us
        async with asyncio.timeout(10):
            while await left() != 120 - spent:
                await asyncio.sleep(0.1)
        await home.killed()
        await home.pbx.cli("database put homeline-grant abroad 20200101x0x0000,1,60")
        denied = await desk.call("0441112233")
        await denied.ended()
        await home.run(state="")
        *_, refused = await ended(home, 2)
        assert (refused["state"], refused["reason"]) == ("refused", "nobody counted the day's minutes")
        assert len(home.gsm) == 1


async def test_click_to_call_and_hang_up(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones", "line", "outbound") as home, phone(home, "desk") as desk:
        asked = asyncio.create_task(home.call("originate", phone="desk", to="044 111 22 33"))
        at_desk = await desk.incoming()
        await at_desk.answer()
        reply = await asked
        assert reply["state"] == "answered"
        far = await home.calls.gsm_incoming()
        assert far.to == "+41441112233"
        await far.answer()
        await far.is_answered()
        assert await home.call("hangup", channel=reply["channel"]) == {}
        await at_desk.ended()
        await far.ended()
        (told,) = await ended(home)
        assert (told["direction"], told["state"], told["through"], told["peer"]) == (
            "out", "answered", "desk", "+41441112233",
        )  # fmt: skip
        await home.quiet()


TRIALS, MESSAGES = 5, 12


async def left(home: CallHome, trial: int) -> set[str]:
    """Asterisk has recorded messages and written records of their calls; who called."""
    numbers = set()
    for number in range(MESSAGES):
        caller = f"+4179{trial:03}{number:04}"
        raw = f"1800000000-{trial}-{number}.WAV"
        shutil.copy(CAPTURE, home.root / "var/spool/asterisk/homeline" / raw)
        record = written(number=b64(caller), answered="0", answered_by="", status="NOANSWER", recording=raw)
        await home.pbx.cli(f"database put homeline-call 1800000000.{trial}{number:03} {record}")
        numbers.add(caller)
    return numbers


@pytest.mark.timeout(180)
async def test_killed_at_any_moment_of_storing_messages(tmp_path: Path) -> None:
    """Every message is in the log once, with its recording on flash, and was mailed once or twice as the same mail."""
    dice = random.Random(7)
    wanted: set[str] = set()
    async with calling(tmp_path, "line", line=RULE) as home:
        for trial in range(TRIALS):
            await home.killed()
            wanted |= await left(home, trial)
            for stored in sorted(dice.sample(range(trial * MESSAGES + 1, (trial + 1) * MESSAGES), 2)):
                await home.run(state="")
                await home.events.wait_for("call.ended", min(stored, len(home.events.of("call.ended")) + 3), timeout=20)
                await home.killed()
            await home.run(state="")
            async with asyncio.timeout(30):
                while len((calls := await home.call("list_calls", limit=500))["calls"]) < len(wanted):
                    await asyncio.sleep(0.05)
                while (await home.call("status"))["rules"][-1]["pending"]:
                    await asyncio.sleep(0.05)
                while await home.pbx.cli("database show homeline-call") != "0 results found.\n":
                    await asyncio.sleep(0.05)
        assert sorted(call["peer"] for call in calls["calls"]) == sorted(wanted)
        assert {(call["state"], call["size"]) for call in calls["calls"]} == {("voicemail", CAPTURE.stat().st_size)}
        kept = home.root / "etc/homeline/voicemail"
        assert sorted(path.name for path in kept.iterdir()) == sorted(call["recording"] for call in calls["calls"])
        assert list((home.root / "var/spool/asterisk/homeline").iterdir()) == []
        mails: dict[str, list[bytes]] = {}
        for mail in home.mail.mails:
            mails.setdefault(parsed(mail)["Message-ID"], []).append(mail.content)
        assert len(mails) == len(wanted)
        assert max(map(len, mails.values())) <= 2
        assert all(len(set(copies)) == 1 for copies in mails.values())
