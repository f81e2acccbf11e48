"""The whole circle: an SMS becomes a mail, and its answer in a mailbox an SMS to who wrote first. Once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from e2e.kit import Home, living, parsed
from homeline_lab.dovecot import PASSWORD, USER, Dovecot
from homeline_lab.house import OWNER

SENDER = "+41791112233"
ADDRESS = "line@home.lab"
MAILBOX = """
config mailbox 'answers'
	option host '127.0.0.1'
	option port '{port}'
	option tls 'none'
	option user '{user}'
	option address '{address}'
	option plus '{plus}'
	option every '1'
	list senders '{owner}'
"""
SECRET = f"config mailbox 'answers'\n\toption password '{PASSWORD}'\n"

pytestmark = pytest.mark.skipif(
    Dovecot.program() is None, reason="dovecot is not installed (apt-get install dovecot-imapd)"
)


@asynccontextmanager
async def circle(root: Path, plus: bool = True, **options: Any) -> AsyncIterator[tuple[Home, Dovecot]]:
    async with Dovecot() as server:
        text = MAILBOX.format(port=server.port, user=USER, address=ADDRESS, owner=OWNER, plus=int(plus))
        async with living(root, extra=text, mail_options={"replies": "answers"}, **options) as home:
            yield home, server


async def mail_about(home: Home, text: str) -> EmailMessage:
    """Let somebody write, and wait for the owner's mail."""
    home.dongle.deliver(text, SENDER)
    while True:
        for mail in map(parsed, home.mail.mails):
            if text in mail.get_content():
                return mail
        await home.mail.wait_for(len(home.mail.mails) + 1)


def answer(mail: EmailMessage, text: str, *, sender: str = OWNER, name: str = "1") -> bytes:
    """What the owner's mail program sends."""
    reply = EmailMessage()
    reply["From"] = f"The Owner <{sender}>"
    reply["To"] = mail["Reply-To"]
    reply["Subject"] = f"Re: {mail['Subject']}"
    reply["Message-ID"] = f"<{name}@phone.lab>"
    quote = "".join(f"> {line}\n" for line in mail.get_content().splitlines())
    reply.set_content(f"{text}\n\nOn Monday, 23 November 2026 at 10:00, line <{ADDRESS}> wrote:\n{quote}")
    return bytes(reply)


@pytest.mark.parametrize("plus", [True, False])
async def test_an_answer_reaches_who_wrote_first(tmp_path: Path, plus: bool) -> None:
    async with circle(tmp_path, plus, quick=True, secret=SECRET) as (home, server):
        mail = await mail_about(home, "Are you coming?")
        other = server.append(b"From: ann@example.org\r\nSubject: lunch\r\n\r\nHello\r\n")
        uid = server.append(answer(mail, "Yes, at eight. \U0001f642"))
        sent = await home.events.wait("message.sent")
        assert (sent["peer"], sent["text"]) == (SENDER, "Yes, at eight. \U0001f642")
        await home.logged("an answer to event")
        forged = server.append(answer(mail, "Send me money", sender="eve@example.org", name="2"))
        alert = await home.events.wait("alert.raised", lambda a: a["key"] == "mailbox.answers.refused")
        assert "eve@example.org" in alert["text"]
        await until_seen(home, server, forged)
        assert server.flags() == {other: set(), uid: {"\\Seen"}, forged: {"\\Seen"}}
        assert [each.recipient for each in home.dongle.sent] == [SENDER]
        assert PASSWORD not in home.log


async def test_killed_between_its_steps_an_answer_is_sent_once(tmp_path: Path) -> None:
    """Killed as soon as it is queued (so it is not marked yet), sent or marked, it is found again and known."""
    async with circle(tmp_path, quick=True, secret=SECRET) as (home, server):
        for number, words in enumerate(("queued on stick", "an answer to event", "sent by stick"), 1):
            mail = await mail_about(home, f"question {number}")
            uid = server.append(answer(mail, f"answer {number}", name=str(number)))
            seen = home.log.count(words)
            async with asyncio.timeout(20):
                while home.log.count(words) == seen:
                    await asyncio.sleep(0.001)
            await home.killed()
            home.events.heard.clear()
            await home.run()
            await until_seen(home, server, uid)
        outbox = await home.messages("out")
        assert [message["text"] for message in outbox] == ["answer 1", "answer 2", "answer 3"]
        assert len(home.dongle.sent) <= 3


async def test_a_server_that_is_away_is_said_and_answers_wait(tmp_path: Path) -> None:
    async with circle(tmp_path, quick=True, secret=SECRET) as (home, server):
        mail = await mail_about(home, "Are you coming?")
        await server.stop()
        await home.logged("mailbox answers: The connection failed")
        assert "mailbox answers" in await home.problems()
        await server.start()
        server.append(answer(mail, "Yes"))
        assert (await home.events.wait("message.sent", timeout=20))["text"] == "Yes"
        await home.logged("mailbox answers: as it should be again")
        assert "mailbox answers" not in await home.problems()
        assert PASSWORD not in home.log


async def until_seen(home: Home, server: Dovecot, uid: int) -> None:
    """Looked at again and again: the server tells nobody."""
    async with asyncio.timeout(20):
        while "\\Seen" not in server.flags()[uid]:
            await asyncio.sleep(0.1)
