"""`make demo` as a visitor meets it: the tour without a terminal, the prompt on one, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEMO = (sys.executable, "-m", "homeline_lab", "demo")
GONE = "All of it is ended and its folder removed."


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name, where pytest's is too long for the socket of a bus below it (unix(7): 108 octets)."""
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        yield Path(folder)


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that have something to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


class Visitor:
    """Types into the demo's terminal and reads what it shows."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process, self._master, self.seen = process, master, ""

    async def until(self, pattern: str, timeout: float = 20.0) -> str:
        """Read until the pattern is on the screen; all that came since the last time."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            while not re.search(pattern, self.seen):
                readable = loop.create_future()
                loop.add_reader(self._master, lambda f=readable: f.done() or f.set_result(None))  # type: ignore[misc]
                try:
                    await readable
                    self.seen += os.read(self._master, 65536).decode(errors="replace")
                finally:
                    loop.remove_reader(self._master)
        shown, self.seen = self.seen, ""
        return shown

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())


@contextmanager
def visitor(folder: Path) -> Iterator[Visitor]:
    master, slave = pty.openpty()
    environment = {**os.environ, "TMPDIR": str(folder), "TERM": "xterm"}
    # setsid makes the pty its controlling terminal, so that Ctrl-C is a signal, and then is the demo itself.
    process = subprocess.Popen(("setsid", "--ctty", *DEMO), stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    try:
        yield Visitor(process, master)
    finally:
        process.terminate()  # in order: the daemon is its child, and would outlive a demo that is killed
        process.wait(20)
        os.close(master)


def test_without_a_terminal_the_tour_is_all(place: Path) -> None:
    done = subprocess.run(
        DEMO,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "TMPDIR": str(place)},
        check=True,
    )
    assert "Subject: Code 482913: SMS from +41791112233" in done.stdout
    assert done.stdout.count("Your code is 482913. Do not share it. Grüezi, नमस्ते, 你好") >= 3  # network, bus, mail
    assert GONE in done.stdout
    assert done.stderr == ""
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


def test_of_a_pipe_that_ends_at_once_the_tour_is_all(place: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(place)}
    done = subprocess.run(DEMO, input="", capture_output=True, text=True, timeout=60, env=environment, check=True)
    assert "Subject: Code 482913: SMS from +41791112233" in done.stdout
    assert GONE in done.stdout


async def test_an_answer_in_the_chat_leaves_as_an_sms(place: Path) -> None:
    with visitor(place) as visit:
        assert "482913  +41791112233: Your code is 482913." in await visit.until("Now you. Try")
        visit.type("text Landed\r")
        await visit.until(r"telegram.*\+41795556677: Landed")
        visit.type("reply On my way\r")
        await visit.until(r"message\.delivered +#3 \[delivered\] \+41795556677  On my way")
        visit.type("quit\r")
        await visit.until(GONE)


async def test_the_pages_are_at_the_address_that_it_prints(place: Path) -> None:
    with visitor(place) as visit:
        shown = await visit.until("Now you. Try")
        found = re.search(r"(http://127\.0\.0\.1:\d+/) \(log in as root, homeline\)", shown)
        assert found
        with pytest.raises(urllib.error.HTTPError, match="403") as login:  # LuCI's status for its login page
            await asyncio.to_thread(urllib.request.urlopen, found[1], timeout=10)
        assert b"luci_password" in login.value.read()
        visit.type("quit\r")
        await visit.until(GONE)


async def test_words_reach_inbox_and_mail_as_they_were_typed(place: Path) -> None:
    with visitor(place) as visit:
        await visit.until("Now you. Try")
        visit.type("text It's Bob's \"quoted\" {word}\r")
        shown = await visit.until(r"e-mail.*SMS from \+41795556677")
        assert """It's Bob's "quoted" {word}""" in shown
        visit.type('call list_messages {"limit": 1}\r')
        assert """"text": "It's Bob's \\"quoted\\" {word}\"""" in await visit.until('"more": ')
        visit.type("quit\r")
        await visit.until(GONE)
        assert await asyncio.to_thread(visit.process.wait, 10) == 0


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("call", "call METHOD"),
        ("call list_messages {limit", "Expecting property name"),
        ("uci", "uci COMMAND"),
        ("uci set", "uci COMMAND"),
        ("send", "something is missing"),
        ("nonsense", "There is no command 'nonsense'"),
    ],
)
async def test_a_mistake_is_said_and_the_demo_goes_on(place: Path, line: str, answer: str) -> None:
    with visitor(place) as visit:
        await visit.until("Now you. Try")
        visit.type(f"{line}\r")
        await visit.until(re.escape(answer))
        visit.type("status\r")
        await visit.until("Unread messages: 1")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda visit: visit.type("\x03"), id="ctrl-c"),
        pytest.param(lambda visit: visit.type("\x04"), id="ctrl-d"),
        pytest.param(lambda visit: visit.process.send_signal(signal.SIGTERM), id="SIGTERM"),
        pytest.param(lambda visit: visit.process.send_signal(signal.SIGHUP), id="SIGHUP"),
    ],
)
async def test_nothing_is_left_behind(place: Path, end: Callable[[Visitor], None]) -> None:
    with visitor(place) as visit:
        await visit.until("Now you. Try")
        assert processes_of(place)
        end(visit)
        assert await asyncio.to_thread(visit.process.wait, 15) == 0
    assert list(place.iterdir()) == []
    assert processes_of(place) == []
