"""What the end-to-end tests share: a house with a daemon that is killed, watched and read."""

from __future__ import annotations

import asyncio
import email
import email.policy
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from homeline_lab.house import House
from homeline_lab.smtp import Received

LAUNCHER = Path(__file__).with_name("launcher.py")
Table = dict[str, Any]


class Events:
    """What the daemon told the bus, from the beginning on."""

    def __init__(self, house: House) -> None:
        self.heard: list[tuple[str, Table]] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        house.bus.listen("homeline.*", self._hear)

    def _hear(self, name: str, data: Table) -> None:
        self.heard.append((name.removeprefix("homeline."), data))
        task = asyncio.ensure_future(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def of(self, name: str) -> list[Table]:
        return [data for heard, data in self.heard if heard == name]

    async def wait(self, name: str, where: Callable[[Table], bool] = lambda _: True, timeout: float = 30.0) -> Table:
        """The first event of that name, past or to come, for which `where` holds."""
        return (await self.wait_for(name, 1, where, timeout))[0]

    async def wait_for(
        self, name: str, count: int, where: Callable[[Table], bool] = lambda _: True, timeout: float = 30.0
    ) -> list[Table]:
        """So many of them."""

        def found() -> list[Table]:
            return [data for data in self.of(name) if where(data)]

        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: len(found()) >= count)
        except TimeoutError:
            raise AssertionError(f"{len(found())} of {count} {name} within {timeout} s; heard: {self.heard}") from None
        return found()


class Home(House):
    """A house whose daemon writes its log into a file."""

    events: Events
    quick = False  # whether the daemon has short waits and a clock that `set_clock` moves (launcher.py)

    @property
    def log(self) -> str:
        path = self.root / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, program: Sequence[str]) -> list[str]:
        """A command that runs `program --root …` with its log in the file."""
        return ["sh", "-c", 'exec "$@" >>"$0" 2>&1', str(self.root / "log"), sys.executable, *program]

    async def run(self, state: str = "ready") -> None:
        """Start the daemon."""
        shipped = ["-m", "homeline", "run", "--root", str(self.root)]
        await self.start(state, command=self.command([str(LAUNCHER), str(self.root)] if self.quick else shipped))

    def set_clock(self, ahead: int) -> None:
        """Let a quick daemon's clock go so many seconds before the machine's."""
        new = self.root / "clock.new"
        new.write_text(str(ahead))
        new.replace(self.root / "clock")

    def kill(self) -> None:
        """kill -9, at once."""
        assert self.router.daemon is not None
        assert self.router.daemon.returncode is None
        self.router.daemon.kill()

    async def killed(self) -> None:
        """kill -9, and wait for its end."""
        self.kill()
        await self.ended()

    async def ended(self) -> None:
        assert self.router.daemon is not None
        await asyncio.wait_for(self.router.daemon.wait(), 10)

    async def messages(self, direction: str = "in") -> list[Table]:
        """All of them, oldest first."""
        found: list[Table] = []
        while True:
            before = {"before": found[-1]["id"]} if found else {}
            page = await self.call("list_messages", direction=direction, limit=500, **before)
            found += page["messages"]
            if not page["more"]:
                return found[::-1]

    async def texts(self) -> list[str]:
        return [message["text"] for message in await self.messages()]

    async def logged(self, words: str, timeout: float = 30.0) -> None:
        """Until the log has these words. It is looked at again and again: nothing tells of a line in a file."""
        async with asyncio.timeout(timeout):
            while words not in self.log:
                await asyncio.sleep(0.02)

    async def warm_up(self) -> None:
        """Let one message go all the way, so that the next is told by +CMTI to a daemon that waits for it."""
        self.dongle.deliver("warm up")
        message = await self.events.wait("message.received", lambda m: m["text"] == "warm up")
        await self.events.wait("delivery.done", lambda d: d["event"] == message["id"])
        await self.dongle.wait(lambda: not self.dongle.stored())
        assert await self.call("delete_messages", ids=[message["id"]]) == {"count": 1}
        self.mail.mails.clear()
        self.events.heard.clear()

    async def problems(self) -> dict[str, str]:
        """By where they are."""
        return {problem["where"]: problem["text"] for problem in (await self.call("status"))["problems"]}

    def mails_by_id(self) -> dict[str, list[EmailMessage]]:
        """Mails of messages by Message-ID."""
        found: dict[str, list[EmailMessage]] = {}
        for mail in map(parsed, self.mail.mails):
            if mail["X-Homeline-Kind"] == "message":
                found.setdefault(mail["Message-ID"], []).append(mail)
        return found


def parsed(mail: Received) -> EmailMessage:
    found = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def body(mail: EmailMessage) -> str:
    """The stranger's text in a mail: what is above our own lines."""
    text: str = mail.get_content()
    return text.replace("\r\n", "\n").rpartition("\n\n-- \n")[0]


@asynccontextmanager
async def living(root: Path, model: str = "e1750", *, start: bool = True, **options: Any) -> AsyncIterator[Home]:
    """A house, its daemon ready unless `start` is False. Its log is shown where the test fails."""
    quick = options.pop("quick", False)
    async with Home(root, model, **options) as home:
        home.quick = quick
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            if start:
                await home.run()
            yield home
        finally:
            print(home.log)
