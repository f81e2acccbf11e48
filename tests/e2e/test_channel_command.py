"""An SMS to a program of the owner's, through the whole daemon; kill -9 repeats it under the same id."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from e2e.kit import Home, living
from hostile import HOSTILE

EXTRA = """
config command 'run'
	option program 'keep'

config rule 'programs'
	list events 'message'
	list channels 'run'
"""
# Writes down what it got under its own number; waits while there is a file `hold`.
KEEP = """#!/bin/sh
cat >"$ROOT/got/$$.new" && mv "$ROOT/got/$$.new" "$ROOT/got/$$.json"
while [ -e "$ROOT/hold" ]; do sleep 0.05; done
"""


def install(root: Path) -> None:
    (root / "got").mkdir(parents=True)
    folder = root / "etc/homeline/commands.d"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "keep").write_text(KEEP.replace("$ROOT", str(root)))
    (folder / "keep").chmod(0o755)


async def got(root: Path, count: int) -> list[dict[str, Any]]:
    """What the program got, once it ran so often. A file is looked for again and again: nothing tells of it."""
    async with asyncio.timeout(15):
        while len(found := list((root / "got").glob("*.json"))) < count:
            await asyncio.sleep(0.02)
    return [json.loads(path.read_text()) for path in found]


async def done(home: Home, message: int) -> None:
    await home.events.wait("delivery.done", lambda d: d["event"] == message and d["channel"] == "run")


async def test_a_message_reaches_the_program(tmp_path: Path) -> None:
    install(tmp_path)
    async with living(tmp_path, extra=EXTRA) as home:
        for name in ("shell", "html", "controls"):
            home.dongle.deliver(HOSTILE[name], "+41791112233")
        messages = await home.events.wait_for("message.received", 3)
        for message in messages:
            await done(home, message["id"])
        assert {item["text"] for item in await got(tmp_path, 3)} == {message["text"] for message in messages}


async def test_killed_while_the_program_runs(tmp_path: Path) -> None:
    install(tmp_path)
    (tmp_path / "hold").touch()
    async with living(tmp_path, extra=EXTRA) as home:
        home.dongle.deliver("hello", "+41791112233")
        await got(tmp_path, 1)
        await home.killed()
        (tmp_path / "hold").unlink()
        await home.run()
        await done(home, 1)
        first, second = await got(tmp_path, 2)
        assert first == second
        assert first["text"] == "hello"
        assert len(await got(tmp_path, 2)) == 2
