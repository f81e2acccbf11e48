"""The inotify watch on real folders."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.adapters import watch as module
from homeline.adapters.watch import DEVICES, FILES, Watch
from homeline.errors import HomelineError


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    made = Watch()
    yield made
    made.close()


class Calls:
    """Counts callbacks and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._event.set()

    async def next(self) -> int:
        await asyncio.wait_for(self._event.wait(), 5)
        self._event.clear()
        return self.count


def commit(folder: Path, name: str, text: str) -> None:
    """As libuci commits: a new file is renamed over the old one."""
    temporary = folder / f".{name}.uci-aBcDeF"
    temporary.write_text(text)
    temporary.rename(folder / name)


async def test_a_commit_is_seen_once(watch: Watch, tmp_path: Path) -> None:
    calls = Calls()
    watch.add(tmp_path, FILES, {"homeline", "homeline_secret"}.__contains__, calls)
    commit(tmp_path, "homeline", "config homeline 'main'\n")
    commit(tmp_path, "homeline_secret", "")
    assert await calls.next() == 1
    commit(tmp_path, "homeline", "config homeline 'main'\n\n")
    assert await calls.next() == 2


async def test_other_files_and_temporary_files_do_not_count(watch: Watch, tmp_path: Path) -> None:
    calls = Calls()
    watch.add(tmp_path, FILES, "homeline".__eq__, calls, settle=0)
    commit(tmp_path, "network", "")
    (tmp_path / ".homeline.uci-123456").write_text("half")
    assert calls.count == 0
    (tmp_path / "homeline").write_text("by hand")  # the events above came before this one
    assert await calls.next() == 1


async def test_devices_come_and_go_and_get_their_mode_later(watch: Watch, tmp_path: Path) -> None:
    calls = Calls()
    watch.add(tmp_path, DEVICES, lambda name: name.startswith("tty"), calls, settle=0)
    port = tmp_path / "ttyUSB0"
    port.symlink_to("/dev/null")
    assert await calls.next() == 1
    port.unlink()
    assert await calls.next() == 2
    port.touch(0o600)
    assert await calls.next() >= 3
    before = calls.count
    port.chmod(0o660)
    assert await calls.next() > before


async def test_our_own_closing_of_a_port_is_no_event(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    names: list[str] = []

    def wanted(name: str) -> bool:
        names.append(name)
        return True

    calls = Calls()
    watch.add(tmp_path, DEVICES, wanted, calls, settle=0)
    os.close(os.open(tmp_path / "ttyUSB0", os.O_RDWR))
    (tmp_path / "marker").touch()
    await calls.next()
    assert set(names) == {"marker"}


async def test_two_folders_do_not_mix(watch: Watch, tmp_path: Path) -> None:
    first, second = Calls(), Calls()
    for name, calls in (("a", first), ("b", second)):
        (tmp_path / name).mkdir()
        watch.add(tmp_path / name, FILES, lambda name: True, calls, settle=0)
    commit(tmp_path / "b", "x", "")
    await second.next()
    assert first.count == 0


async def test_a_folder_that_is_replaced_is_watched_again(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN", 0.01)
    folder = tmp_path / "config"
    folder.mkdir()
    calls = Calls()
    watch.add(folder, FILES, "homeline".__eq__, calls, settle=0)
    folder.rmdir()
    await calls.next()  # gone
    folder.mkdir()
    await calls.next()  # found again
    commit(folder, "homeline", "")
    await calls.next()


async def test_no_callback_after_close(tmp_path: Path) -> None:
    watch, calls = Watch(), Calls()
    watch.add(tmp_path, FILES, lambda name: True, calls, settle=0)
    (tmp_path / "x").write_text("")
    watch.close()
    watch.close()
    later, witness = Watch(), Calls()
    later.add(tmp_path, FILES, lambda name: True, witness, settle=0)
    (tmp_path / "y").write_text("")
    await witness.next()
    later.close()
    assert calls.count == 0


async def test_a_folder_that_is_not_there_is_an_error_that_names_it(watch: Watch, tmp_path: Path) -> None:
    with pytest.raises(HomelineError, match=r"nowhere cannot be watched: No such file"):
        watch.add(tmp_path / "nowhere", FILES, lambda name: True, lambda: None)
    (tmp_path / "file").touch()
    with pytest.raises(HomelineError, match="Not a directory"):
        watch.add(tmp_path / "file", FILES, lambda name: True, lambda: None)


async def test_lost_events_count_as_a_change_of_everything(watch: Watch, tmp_path: Path) -> None:
    calls = Calls()
    watch.add(tmp_path, FILES, lambda name: False, calls, settle=0)
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip(f"this machine queues {limit} events")
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].touch()
    for turn in range(limit + 10):  # equal events in a row would be merged
        paths[turn % 2].rename(paths[1 - turn % 2])
    await calls.next()
