"""The daemon's private socket, with clients that are slow, rude or many."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.webhook_socket import AT_ONCE, LONGEST_LINE, WebhookSocket
from hostile import HOSTILE


@asynccontextmanager
async def listening(path: Path, patience: float = 30.0) -> AsyncIterator[list[object]]:
    heard: list[object] = []

    async def handle(question: object) -> Mapping[str, Any]:
        heard.append(question)
        return {"ok": True, "heard": question}

    made = WebhookSocket(path, handle, patience)
    await made.open()
    try:
        yield heard
    finally:
        await made.close()
        assert not path.exists()


async def asked(path: Path, octets: bytes, *, end: bool = True) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(octets)
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_line_there_and_one_back(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with listening(path) as heard:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(await asked(path, b'{"a": 1}\n')) == {"ok": True, "heard": {"a": 1}}
    assert heard == [{"a": 1}]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_any_text_is_a_question(tmp_path: Path, text: str) -> None:
    async with listening(tmp_path / "s") as heard:
        await asked(tmp_path / "s", json.dumps(text).encode() + b"\n")
        await asked(tmp_path / "s", text.encode("utf-8", "surrogatepass").replace(b"\n", b"") + b"\n")
    assert heard[0] == text


@pytest.mark.parametrize("octets", [b"", b"{", b'{"a": 1}', b"x" * (LONGEST_LINE + 10) + b"\n"])
async def test_what_is_no_line_has_no_answer(tmp_path: Path, octets: bytes) -> None:
    async with listening(tmp_path / "s") as heard:
        assert await asked(tmp_path / "s", octets) == b""
        assert await asked(tmp_path / "s", b"[" * 100_000 + b"\n") != b""
    assert heard == [None]


async def test_who_is_silent_is_cut_off(tmp_path: Path) -> None:
    async with listening(tmp_path / "s", 0.1):
        assert await asked(tmp_path / "s", b"{", end=False) == b""


async def test_too_many_at_once(tmp_path: Path) -> None:
    async with listening(tmp_path / "s"):
        silent = [await asyncio.open_unix_connection(tmp_path / "s") for _ in range(AT_ONCE)]
        assert await asked(tmp_path / "s", b"1\n") == b""
        for _, writer in silent:
            writer.close()
        for reader, _ in silent:
            await asyncio.wait_for(reader.read(), 30)
        assert await asked(tmp_path / "s", b"1\n") != b""


async def test_what_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("left over")
    async with listening(tmp_path / "s"):
        assert await asked(tmp_path / "s", b"1\n") != b""


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    async def handle(_question: object) -> Mapping[str, Any]:
        return {}

    with pytest.raises(OSError):
        await WebhookSocket(tmp_path / "not there/s", handle).open()
