"""The bell that all handlers ring, and the scenes of the measurements."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from homeline.protocol import pdu as codec
from homeline_lab.bench import procfs
from homeline_lab.bench.bell import Bell
from homeline_lab.bench.program import CommandProgram
from homeline_lab.bench.scene import label, scene


async def test_the_bell_counts_each_start_of_the_handler(tmp_path: Path) -> None:
    bell = Bell(tmp_path)
    for i in range(3):
        await asyncio.to_thread(subprocess.run, [bell.handler, "-i", str(i)], stdin=subprocess.DEVNULL, check=True)
    assert await bell.wait(3, 5.0) == bell.times[2]
    assert bell.times == sorted(bell.times)
    with pytest.raises(TimeoutError, match="3 of 4"):
        await bell.wait(4, 0.01)
    bell.close()


async def test_the_handler_reads_a_mail_to_its_end(tmp_path: Path) -> None:
    bell = Bell(tmp_path)
    mail = b"x" * 300_000  # more than a pipe holds
    done = await asyncio.to_thread(subprocess.run, [bell.handler], input=mail, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b""
    await bell.wait(1, 5.0)
    bell.close()


def test_the_processes_of_a_session_and_their_time() -> None:
    assert os.getpid() in procfs.session(os.getsid(0))
    assert procfs.session(2**30) == []
    before = procfs.cpu([os.getpid()])
    sum(i * i for i in range(3_000_000))
    assert procfs.cpu([os.getpid()]) > before


class Silent(CommandProgram):
    """A program that never handles anything."""

    name = "silent"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-c", "import time; time.sleep(60)")

    async def send(self, number: str, text: str) -> None:
        raise NotImplementedError

    async def inbox(self) -> list[str]:
        return []


async def test_a_scene_leaves_nothing_behind() -> None:
    async with scene(Silent, 10) as s:
        await s.program.start()
        (pid,) = s.program.pids()
        folder = s.folder
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()


async def test_messages_of_a_scene_differ_in_text_and_time() -> None:
    async with scene(Silent, 10) as s:
        found = [codec.decode(raw.hex()) for raw in s.pdus(3, first=5)]
    delivers = [d for d in found if isinstance(d, codec.Deliver)]
    assert [d.user.text for d in delivers] == [label(5), label(6), label(7)]
    assert len({d.timestamp.at for d in delivers if d.timestamp}) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_run_that_is_ended_leaves_nothing_behind(number: int, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "homeline_lab", "bench", "--quick", "--programs", "bare reader", "--rows", "life",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    async with asyncio.timeout(30):
        while not list(tmp_path.glob("*/dev/ttyUSB0")):
            await asyncio.sleep(0.02)  # another process's files: nothing tells of them
        process.send_signal(number)
        assert await process.wait() == 130
    assert list(tmp_path.iterdir()) == []
