"""The real daemon in a lab root: a commit takes effect by itself, and what is wrong in it stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.bus import Bus
from homeline_lab.router import Router

MAIN = "config homeline 'main'\n\toption enabled '1'\n"
EMAIL = "config email 'me'\n\tlist to 'a@b'\n\toption from 'a@b'\n\toption host 'h'\n\toption user 'u'\n"


class House:
    """A router with the daemon on it and a client that hears what the daemon applied."""

    def __init__(self, router: Router, bus: Bus) -> None:
        self.router, self.bus = router, bus
        self._applied: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        bus.listen("homeline.config.applied", lambda name, data: self._applied.put_nowait(data))

    async def applied(self) -> list[str]:
        """Waits for the next change to be taken over; where its problems are."""
        data = await asyncio.wait_for(self._applied.get(), 10)
        return [problem["where"] for problem in data["problems"]]

    async def config(self) -> dict[str, Any]:
        config: dict[str, Any] = (await self.bus.call("homeline", "get_config"))["config"]
        return config


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Router(tmp_path) as router:
        router.configure(MAIN, "")
        await router.start()
        await router.ready()
        async with Bus(router.paths.bus) as bus:
            made = House(router, bus)
            await bus.wait_ready(10)
            yield made


async def test_a_commit_takes_effect(house: House) -> None:
    assert (await house.config())["main"]["country"] == ""
    house.router.uci.set("homeline", "main", "country", "CH")
    house.router.uci.commit("homeline")
    assert await house.applied() == []
    assert (await house.config())["main"]["country"] == "CH"


async def test_what_is_only_staged_does_not_count(house: House) -> None:
    house.router.uci.set("homeline", "main", "country", "CH")
    await house.bus.call("homeline", "reload")
    assert (await house.config())["main"]["country"] == ""


async def test_a_secret_that_comes_later_completes_its_section(house: House) -> None:
    house.router.configure(MAIN + EMAIL)
    assert await house.applied() == ["me.password"]
    assert (await house.config())["email"] == {}
    house.router.uci.write("homeline_secret", "config email 'me'\n\toption password 'hunter2'\n")
    assert await house.applied() == []
    assert (await house.config())["email"]["me"]["password"] == "set"


async def test_a_broken_file_changes_nothing_but_the_problems(house: House) -> None:
    house.router.configure(MAIN + "\toption country 'CH'\n")
    assert await house.applied() == []
    house.router.configure(MAIN + "\toption country 'DE\n")
    assert await house.applied() == ["/etc/config/homeline"]
    assert (await house.config())["main"]["country"] == "CH"
    assert house.router.daemon
    assert house.router.daemon.returncode is None
