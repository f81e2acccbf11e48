"""From the store through the dispatcher and msmtp into a mail server: a stranger's text arrives as mere text, once."""

from __future__ import annotations

import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from homeline.adapters.mail import Mailer
from homeline.adapters.store import Store
from homeline.config import Config, Email, Rule
from homeline.core import rules
from homeline.model import Delivery, Event, ReceivedPart
from homeline.paths import Paths
from homeline.service.deliveries import Dispatcher
from homeline.service.mailtext import MailChannel
from homeline.service.wording import Wording
from homeline_lab.smtp import MailServer, install_command

HOSTILE = [
    "$(touch {marker}); `touch {marker}` | touch {marker}; touch {marker}",
    "x\r\nBcc: all@example.org\r\n\r\nbody",
    "hello\n.\nMAIL FROM:<evil@example.org>\nRCPT TO:<all@example.org>\nDATA\n",
    "\r\n.\r\nQUIT\r\n",
    "-oQ/tmp -X{marker} --file={marker}",
    "<script>alert('x')</script>",
    '{"id": 1, "x": "\\u0000"}',
    "a\0b\x1b[2J\x07\u2028\u202e",
    "Grüße 你好 🎉",
    "From here\n>From there\n..",
    "x" * 10_000,
]
NAMES = [
    "Bank\r\nBcc: all@example.org",
    "$(touch {marker})",
    "<all@example.org>,",
    "Grüße\u2028",
    "-t",
    "",
    "\0",
    "N" * 999,
]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    lab = Paths(tmp_path)
    lab.run.mkdir(parents=True)
    return lab


def account(server: MailServer, command: str = "") -> Email:
    return Email("mail", ("me@example.org",), "line@example.org", "localhost", server.port, "none", command=command)


class Line:
    """A store and a dispatcher with one mail channel."""

    def __init__(self, paths: Paths, settings: Email) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.store = Store.open(paths.root / "homeline.db")
        self.store.recover(int(time.time()))
        self.done = asyncio.Semaphore(0)
        channel = MailChannel(
            settings, Mailer(settings, paths), Wording(Config, lambda: self.store.instance), lambda: paths.state
        )
        self.dispatcher = Dispatcher(
            self.call, {"mail": channel}, lambda: int(time.time()), lambda: 0.0, self.sent, self.lost, lambda c, e: None
        )

    async def call(self, method, *args, **kwargs):  # type: ignore[no-untyped-def]
        work = asyncio.get_running_loop().run_in_executor
        return await work(self.thread, lambda: method(self.store, *args, **kwargs))

    def sent(self, _delivery: Delivery, _event: Event) -> None:
        self.done.release()

    def lost(self, delivery: Delivery, _event: Event) -> None:
        raise AssertionError(delivery.error)

    async def receive(self, *texts: tuple[str, str]) -> None:
        parts = [
            ReceivedPart("home", "8941", f"0004{n:08x}", sender=name, peer=name, text=text, sent_at=1_700_000_000 + n)
            for n, (name, text) in enumerate(texts)
        ]
        rule = Rule("all", channels=("mail",))
        await self.call(Store.receive, parts, int(time.time()), lambda event: rules.match([rule], event, 0))

    async def close(self) -> None:
        await self.dispatcher.close()
        self.thread.shutdown()
        self.store.close()


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            "msmtp",
            marks=pytest.mark.skipif(
                shutil.which("msmtp") is None, reason="msmtp is not installed (apt-get install msmtp)"
            ),
        ),
        "command",
    ],
)
async def test_hostile_messages_arrive_as_mere_text(paths: Paths, way: str) -> None:
    marker = paths.root / "marker"
    texts = [("+41791234567", text.replace("{marker}", str(marker))) for text in HOSTILE]
    texts += [(name.replace("{marker}", str(marker)), "hello") for name in NAMES]
    async with MailServer() as server:
        command = install_command(paths.commands, server.port) if way == "command" else ""
        line = Line(paths, account(server, command))
        await line.receive(*texts)
        line.dispatcher.start()
        async with asyncio.timeout(30):
            for _ in texts:
                await line.done.acquire()
        await line.close()
    assert not marker.exists()
    assert {mail.recipients for mail in server.mails} == {("me@example.org",)}
    assert {mail.sender for mail in server.mails} == {"line@example.org"}
    bodies = []
    for mail in server.mails:
        parsed = message_from_bytes(mail.content, policy=policy.default)
        assert not parsed.defects
        assert "Bcc" not in parsed
        assert parsed["X-Homeline-From"].isprintable()
        content = parsed.get_payload(decode=True)
        assert isinstance(content, bytes)
        bodies.append(content.decode().replace("\r\n", "\n").rpartition("\n\n-- \n")[0])
    assert sorted(bodies) == sorted(text.replace("\r\n", "\n") for _, text in texts)
    assert len(
        {mail["Message-ID"] for mail in map(message_from_bytes, (mail.content for mail in server.mails))}
    ) == len(texts)


async def test_a_repeat_after_a_crash_has_the_same_message_id(paths: Paths) -> None:
    """The mail was taken, and the process died before the commit: it goes out again, and mail programs know it."""
    async with MailServer() as server:
        settings = account(server, install_command(paths.commands, server.port))
        line = Line(paths, settings)
        await line.receive(("+41791234567", "hello"))
        (delivery, event), *_ = await line.call(Store.due_deliveries, int(time.time()))
        channel = MailChannel(
            settings, Mailer(settings, paths), Wording(Config, lambda: line.store.instance), lambda: paths.state
        )
        await channel.deliver(delivery, event)  # and nobody writes it down
        await line.close()
        again = Line(paths, settings)
        again.dispatcher.start()
        async with asyncio.timeout(10):
            await again.done.acquire()
        await again.close()
    first, second = (message_from_bytes(mail.content) for mail in server.mails)
    assert first["Message-ID"] == second["Message-ID"]
