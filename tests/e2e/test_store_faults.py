"""A full disk and a damaged database: messages stay on the SIM, the owner is told, and it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.kit import Home, living
from homeline.adapters.store import Store
from homeline.errors import BusError
from homeline.model import ReceivedPart

SENDER = "+41791112233"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB where the database lies."""
    state = tmp_path / "etc/homeline"
    (state / "commands.d").mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(state)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system, and not in every container")
    (state / "commands.d").mkdir()
    yield state
    subprocess.run(["umount", "-l", str(state)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


async def test_a_disk_that_is_full_for_a_while(tmp_path: Path, small_disk: Path) -> None:
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        filler = fill(small_disk)
        wanted = ["x" * 100 + str(number) for number in range(15)]
        for text in wanted:
            home.dongle.deliver(text, SENDER)
        await until_problem(home, "no space is left")
        stays = home.dongle.stored()
        assert stays
        received = len(home.events.of("message.received"))
        assert received + len(stays) >= len(wanted)
        filler.unlink()
        await home.events.wait_for("message.received", len(wanted))
        await home.dongle.wait(lambda: not home.dongle.stored())
        assert sorted(await home.texts()) == sorted(wanted)
        await home.events.wait_for("delivery.done", len(wanted))
        assert "database" not in await home.problems()


async def test_a_disk_that_is_full_at_the_start(tmp_path: Path, small_disk: Path) -> None:
    async with living(tmp_path, quick=True, start=False) as home:
        filler = fill(small_disk)
        home.dongle.deliver("hello", SENDER)
        await home.run()
        await until_problem(home, "no space")
        assert home.dongle.stored()
        filler.unlink()
        home.set_clock(0)
        await home.events.wait("alert.raised", lambda a: a["key"].startswith("archived."), timeout=15)
        assert await home.call("release_archived", dongle="stick", forward=True) == {"count": 1}
        assert await home.texts() == ["hello"]


async def until_problem(home: Home, words: str) -> None:
    await home.logged(words)
    assert words in (await home.problems())["database"]


def damage(path: Path) -> None:
    """Overwrite the middle of the database's files."""
    for file in (path, path.with_name(path.name + "-wal")):
        if file.exists():
            with file.open("r+b") as octets:
                size = file.stat().st_size
                octets.seek(100)
                octets.write(os.urandom(max(size - 100, 0)))


async def test_damaged_while_it_was_off(tmp_path: Path) -> None:
    database = tmp_path / "etc/homeline/homeline.db"
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        await home.router.stop()
        damage(database)
        await home.run()
        alert = await home.events.wait("alert.raised", lambda a: a["key"] == "database.opened")
        assert "damaged" in alert["text"]
        assert list(database.parent.glob("homeline.db.damaged-*"))
        await home.warm_up()


async def test_damaged_while_it_runs(tmp_path: Path) -> None:
    database = tmp_path / "etc/homeline/homeline.db"
    store = Store.open(database)
    parts = [ReceivedPart("stick", "sim", f"{n:08X}", SENDER, SENDER, text="x" * 150) for n in range(2000)]
    store.receive(parts, 1_700_000_000, lambda _event: [])  # more than what its cache holds
    store.close()
    async with living(tmp_path, quick=True) as home:
        await home.warm_up()
        damage(database)
        with pytest.raises(BusError):
            await home.messages()
        alert = await home.events.wait("alert.raised", lambda a: a["key"] == "database.opened", timeout=15)
        assert "damaged" in alert["text"]
        home.dongle.deliver("after the damage", SENDER)
        await home.events.wait("message.received", lambda m: m["text"] == "after the damage", timeout=15)
        assert "after the damage" in [message["text"] for message in await home.messages()]
        assert "database" not in await home.problems()
