"""The command channel with real programs: what they get, what their end means, and that nothing of theirs stays."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.config_channels import Command
from homeline.errors import DeliveryError
from homeline.model import Delivery, Event, EventKind
from homeline.service.channels.command import OWNERS, REFUSED, CommandChannel, build
from homeline.service.deliveries import DELIVERIES
from hostile import HOSTILE
from service.kit import ANN, NOW, Service

DELIVERY = Delivery(1, 7, "all", "run")
DOCS = Path(__file__).parents[2] / "docs/commands.md"


def event(text: str = "hello", sender: str = ANN) -> Event:
    return Event(7, EventKind.MESSAGE, NOW, "stick", sender, text)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service(tmp_path) as service:
        service.paths.commands.mkdir(parents=True)
        service.paths.commands.chmod(0o755)
        yield service


def channel(service: Service, script: str, *, timeout: int = 20, shell: str = "/bin/sh") -> CommandChannel:
    program = service.paths.commands / "program"
    program.write_text(f"#!{shell}\n{script}\n")
    program.chmod(0o755)
    return build(Command("run", "program", timeout), service.world())


async def error_of(made: CommandChannel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await made.deliver(DELIVERY, event())
    return caught.value


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_the_program_gets_the_document_and_nothing_else(service: Service, tmp_path: Path, text: str) -> None:
    got = tmp_path / "got"
    script = (
        f"import os, sys\nopen({str(got)!r}, 'w').write(repr((sys.argv, dict(os.environ), sys.stdin.buffer.read())))"
    )
    made = channel(service, script, shell=f"{sys.executable} -S")
    await made.deliver(DELIVERY, event(text, text))
    argv, environment, given = eval(got.read_text())
    assert argv == [str(service.paths.commands / "program")]
    assert set(environment) <= {"PATH", "HOME", "LC_ALL", "LC_CTYPE"}
    assert given.endswith(b"\n")
    assert given.count(b"\n") == 1
    assert json.loads(given) == service.world().wording.note(DELIVERY, event(text, text)).document


@pytest.mark.parametrize("status", [*range(1, 4), *range(64, 79), 126, 127, 255])
async def test_what_an_exit_status_means(service: Service, status: int) -> None:
    error = await error_of(channel(service, f"echo the reason; exit {status}"))
    assert str(error) == f"program ended with status {status}: the reason"
    assert error.permanent == (status == REFUSED)
    assert (error.retry_after is not None) == (status in OWNERS)


async def test_a_signal_is_named(service: Service) -> None:
    error = await error_of(channel(service, "kill -9 $$"))
    assert str(error) == "program was ended by signal 9."
    assert not error.permanent


async def test_the_last_words_are_one_printable_line(service: Service) -> None:
    error = await error_of(
        channel(service, "head -c 100000 /dev/zero | tr '\\0' x; printf '\\033[2J\\nend\\377'; exit 1")
    )
    assert str(error).endswith("x [2J end\ufffd")
    assert str(error).isprintable()
    assert len(str(error)) < 400


async def test_a_deadline_kills_the_program_and_what_it_started(service: Service, tmp_path: Path) -> None:
    child = tmp_path / "child"
    made = channel(service, f"sleep 1000 & echo $! >{child}.new; mv {child}.new {child}; wait", timeout=1)
    error = await error_of(made)
    assert str(error) == "program did not end within 1 s and was killed."
    assert not error.permanent
    async with asyncio.timeout(5):
        while Path(f"/proc/{child.read_text().strip()}").exists():  # killed, and reaped by init when it likes
            if Path(f"/proc/{child.read_text().strip()}/stat").read_text().split()[2] == "Z":
                break
            await asyncio.sleep(0.01)


async def test_a_cancelled_attempt_leaves_nothing_running(service: Service, tmp_path: Path) -> None:
    own = tmp_path / "own"
    made = channel(service, f"echo $$ >{own}.new; mv {own}.new {own}; exec sleep 1000")
    attempt = asyncio.ensure_future(made.deliver(DELIVERY, event()))
    async with asyncio.timeout(10):
        while not own.exists():
            await asyncio.sleep(0.01)
    process = os.pidfd_open(int(own.read_text()))
    attempt.cancel()
    await asyncio.wait([attempt])
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(process, ended.set)
    await asyncio.wait_for(ended.wait(), 5)
    asyncio.get_running_loop().remove_reader(process)
    os.close(process)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.unlink(), "is not run: No such file"),
        (lambda path: path.chmod(0o775), "can be written by others"),
        (lambda path: path.chmod(0o644), "is not executable"),
        (lambda path: path.parent.chmod(0o777), "its folder can be written by others"),
        (lambda path: path.write_text("#!/nonexistent/shell\n"), "cannot be started: No such file"),
        (lambda path: path.write_bytes(b"\x7fELF"), "cannot be started: Exec format error"),
    ],
)
async def test_what_may_not_or_cannot_be_run_is_the_owners_to_mend(service: Service, make, words: str) -> None:  # type: ignore[no-untyped-def]
    made = channel(service, "exit 0")
    make(service.paths.commands / "program")
    error = await error_of(made)
    assert words in str(error)
    assert not error.permanent
    assert error.retry_after


async def test_equal_sections_are_equal_channels(service: Service) -> None:
    assert channel(service, "") == channel(service, "")
    assert channel(service, "") != channel(service, "", timeout=5)


# -- docs/commands.md -----------------------------------------------------------------------------------------------


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)


JSHN = """json_load() { JSON=$1; }
json_get_var() { eval "$1=\\$(printf '%s' \\"\\$JSON\\" | {reader} $2)"; }
"""
READER = "import json, sys\nprint(json.load(sys.stdin)[sys.argv[1]])\n"


@pytest.mark.parametrize("language", ["sh", "python"])
async def test_the_examples_write_down_what_came(service: Service, tmp_path: Path, language: str) -> None:
    """With `jshn.sh`, which is OpenWrt's, in our own words."""
    (tmp_path / "reader.py").write_text(READER)
    (tmp_path / "jshn.sh").write_text(JSHN.replace("{reader}", f"{sys.executable} {tmp_path}/reader.py"))
    script = examples(language)[0].replace("/tmp/messages", str(tmp_path / "messages"))
    script = script.replace("/usr/share/libubox/jshn.sh", str(tmp_path / "jshn.sh"))
    script = script.replace("/usr/bin/python3", sys.executable)
    made = channel(service, "")
    program = service.paths.commands / "program"
    program.write_text(script)
    assert program.stat().st_mode & stat.S_IXUSR
    text = HOSTILE["shell"]
    await made.deliver(DELIVERY, event(text))
    assert (tmp_path / "messages").read_text() == f"{ANN}: {text}\n"
    assert not Path("/tmp/owned").exists()


async def test_the_example_that_forwards_is_tried_again(service: Service, tmp_path: Path) -> None:
    script = examples("sh")[1].replace("curl", str(tmp_path / "curl"))
    (tmp_path / "curl").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "curl").chmod(0o755)
    made = channel(service, "")
    (service.paths.commands / "program").write_text(script)
    error = await error_of(made)
    assert not error.permanent
    assert "status 75" in str(error)


def test_the_table_of_statuses_is_the_codes() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", DOCS.read_text(), re.MULTILINE)
    meant = {words: {int(number) for number in re.findall(r"\d+", status)} for status, words in rows}
    assert [numbers for words, numbers in meant.items() if "never be taken" in words] == [{REFUSED}]
    assert [numbers for words, numbers in meant.items() if "must mend" in words] == [OWNERS]
    assert "within three days" in " ".join(DOCS.read_text().split())
    assert DELIVERIES.lifetime == 3 * 86400
