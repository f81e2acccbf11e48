"""The dongle as a process of its own, driven over its socket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from homeline_lab.control import Server, ask
from homeline_lab.dongle import Dongle
from lab.terminal import Terminal


@pytest.fixture
async def dongle(tmp_path: Path) -> AsyncIterator[Dongle]:
    async with Dongle("e1750", tmp_path) as d, Server(d, tmp_path / "control"):
        yield d


@pytest.fixture
def control(tmp_path: Path) -> Any:
    async def call(op: str, **arguments: object) -> Any:
        return await asyncio.to_thread(partial(ask, tmp_path / "control", op, **arguments))

    return call


async def test_messages_and_what_is_known_of_them(dongle: Dongle, control: Any) -> None:
    (raw,) = await control("deliver", text="hello", sender="+41790000009")
    assert await control("stored") == [raw]
    state = await control("state")
    assert (state["model"], state["stored"], state["plugged"], state["registration"]) == ("e1750", 1, True, 1)
    assert await control("store", pdus=[raw], memory="ME") == 1
    assert await control("sent") == []


async def test_faults_by_name(dongle: Dongle, control: Any) -> None:
    await control("fault", name="mute", value=True)
    await control("fault", name="noise_before", value="00ff")
    await control("fault", name="refuse", command="+CSQ", final="ERROR")
    assert dongle.faults.mute
    assert dongle.faults.noise_before == b"\x00\xff"
    assert dongle.faults.refusals[0].command == "+CSQ"
    await control("fault", name="clear")
    assert not dongle.faults.mute


async def test_radio_and_plug(dongle: Dongle, control: Any, tmp_path: Path) -> None:
    t = Terminal(dongle.port)
    await control("register", status=5)
    await control("signal", rssi=9)
    assert "+CSQ: 9,99" in await t.ask("AT+CSQ")
    await control("ring", number="+41795550000")
    await t.until(b"RING\r\n")
    await control("replug", name="ttyUSB2")
    await t.gone()
    assert (tmp_path / "dev/ttyUSB2").is_symlink()
    await control("unplug")
    assert (await control("state"))["port"] == ""


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"op": "__init__"}',
        b'{"op": "nothing"}',
        b'{"op": "deliver"}',
        b'{"op": "deliver", "text": 5}',
        b'{"op": "deliver_pdus", "pdus": ["xx"]}',
        b'{"op": "fault", "name": "__class__"}',
        b'{"op": "fault", "name": "nothing"}',
    ],
)
async def test_a_wrong_wish_is_answered(dongle: Dongle, tmp_path: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "control")
    for wish, good in ((line, False), (b'{"op": "state"}', True)):
        writer.write(wish + b"\n")
        answer = json.loads(await reader.readline())
        assert answer["ok"] is good, answer
    writer.close()


async def test_as_a_process(tmp_path: Path) -> None:
    root = tmp_path / "root"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "homeline_lab", "dongle", "--root", str(root), "--model", "ec25", "--every-port",
        "--control", str(tmp_path / "c"), "--log", str(tmp_path / "log"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip
    assert process.stdout
    async with asyncio.timeout(20):
        port = (await process.stdout.readline()).decode().strip()
        assert port == str(root / "dev/ttyUSB2")
        t = Terminal(port)
        assert "Quectel" in await t.ask("AT+CGMI")
        assert (await asyncio.to_thread(ask, tmp_path / "c", "counts")) == {"+CGMI": 1}
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    await t.gone()
    assert "AT+CGMI" in (tmp_path / "log").read_text()
    assert not (root / "dev/ttyUSB2").is_symlink()
