"""What must always run begins anew, and what must not be broken off is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from homeline.adapters.watch import Watch
from homeline.errors import HomelineError
from homeline.service import keeping, watching
from homeline.service.keeping import keep
from homeline.service.troubles import Troubles
from homeline.service.unbroken import unbroken
from homeline.service.watching import Folder, Watching


async def test_a_part_with_a_defect_begins_anew_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    troubles, runs = Troubles(), 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ZeroDivisionError

    await keep("inbox", work, troubles.say)
    assert runs == 3
    (problem,) = troubles.all()
    assert problem.where == "inbox"
    assert "ZeroDivisionError" in problem.text


async def test_what_the_work_itself_says_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "SOUND", 0.0)
    troubles = Troubles()

    async def work() -> None:
        troubles.say("mailbox me", "The server is away.")
        for _ in range(3):  # more than the timer would need
            await asyncio.sleep(0)

    await keep("mailbox me", work, troubles.say)
    assert [problem.text for problem in troubles.all()] == ["The server is away."]


async def test_the_word_of_a_defect_ends_when_all_goes_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    monkeypatch.setattr(keeping, "SOUND", 0.01)
    troubles, well, runs = Troubles(), asyncio.Event(), 0

    def say(key: str, text: str, advice: str) -> None:
        troubles.say(key, text, advice)
        if not text:
            well.set()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ZeroDivisionError
        await asyncio.Event().wait()

    task = asyncio.create_task(keep("inbox", work, say))
    async with asyncio.timeout(5):
        await well.wait()
    assert (runs, troubles.all()) == (2, [])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_unbroken_work_ends_though_its_caller_is_cancelled() -> None:
    gate, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await gate.wait()
        done.set()

    caller = asyncio.create_task(unbroken(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert caller.cancelled()
    gate.set()
    async with asyncio.timeout(5):
        await done.wait()


class Fake:
    """A watch that lets only some folders be watched."""

    def __init__(self, allowed: set[Path]) -> None:
        self.allowed, self.added = allowed, list[Path]()

    def add(self, path: Path, _mask: int, _wanted: Callable[[str], bool], _changed: Callable[[], None]) -> None:
        if path not in self.allowed:
            raise HomelineError(f"{path} cannot be watched")
        self.added.append(path)

    def close(self) -> None:
        self.added.clear()


async def test_a_folder_that_may_be_watched_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "AGAIN", 0.01)
    one, two = Path("/one"), Path("/two")
    fake, changed, troubles = Fake({one}), asyncio.Event(), Troubles()
    folders = [Folder(one, 1, bool, pytest.fail), Folder(two, 1, bool, changed.set)]
    watched = Watching(folders, troubles.say, lambda: cast(Watch, fake))
    watched.begin()
    assert (fake.added, [problem.where for problem in troubles.all()]) == ([one], ["watch"])
    task = asyncio.create_task(watched.work())
    await asyncio.sleep(0.03)
    assert not changed.is_set()
    fake.allowed.add(two)
    async with asyncio.timeout(5):
        await task
    assert changed.is_set()
    assert (fake.added, troubles.all()) == ([one, two], [])
    watched.close()
    assert fake.added == []
