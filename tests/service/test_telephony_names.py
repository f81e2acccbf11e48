"""Addresses of hosts: the last good answer counts, and only another one is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from homeline.adapters.resolve import Resolver
from homeline.service import telephony_names
from homeline.service.telephony_names import Names

HOST, OTHER = "sip.example", "pstn.example"


class Zone:
    """Name servers; each answer is waited for by `answered`."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, ...] | Exception] = {}
        self.asked: list[str] = []

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        found = self.records.get(host, OSError(0, "not there"))
        if isinstance(found, Exception):
            raise found
        return found


class Followed:
    def __init__(self, path: Path, zone: Zone) -> None:
        self.said: dict[str, str] = {}
        self.changes = 0
        self._event = asyncio.Event()
        self.names = Names(path, Resolver(zone), self._changed, self._say)

    def _changed(self) -> None:
        self.changes += 1
        self._event.set()

    def _say(self, key: str, text: str, advice: str) -> None:
        self.said[key] = text
        self._event.set()

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._event.clear()
                await self._event.wait()


@asynccontextmanager
async def following(path: Path, zone: Zone, *hosts: str) -> AsyncIterator[Followed]:
    followed = Followed(path, zone)
    followed.names.want(hosts)
    task = asyncio.ensure_future(followed.names.run())
    yield followed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(asyncio.all_tasks()) == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephony_names, "EVERY", 0.001)
    monkeypatch.setattr(telephony_names, "AGAIN", 0.001)


@pytest.fixture
def zone() -> Zone:
    return Zone()


async def test_an_answer_is_kept_over_a_restart_without_dns(tmp_path: Path, zone: Zone) -> None:
    path = tmp_path / "names.json"
    zone.records[HOST] = ("192.0.2.1", "192.0.2.2")
    async with following(path, zone, HOST) as followed:
        await followed.until(lambda: followed.changes)
        assert followed.names.addresses == {HOST: ("192.0.2.1", "192.0.2.2")}
    zone.records.clear()
    async with following(path, zone, HOST) as followed:
        assert followed.names.addresses == {HOST: ("192.0.2.1", "192.0.2.2")}
        await followed.until(lambda: followed.said.get(f"name {HOST}"))
        assert followed.said[f"name {HOST}"].endswith("Its last known address goes on to be used.")
        assert followed.changes == 0


async def test_one_that_is_not_known_is_said_until_it_is(tmp_path: Path, zone: Zone, quick: None) -> None:
    async with following(tmp_path / "names.json", zone, HOST) as followed:
        await followed.until(lambda: followed.said.get(f"name {HOST}"))
        assert followed.said[f"name {HOST}"] == f"{HOST}: not there. Nothing that needs it works."
        assert followed.names.addresses == {}
        zone.records[HOST] = ("192.0.2.1",)
        await followed.until(lambda: followed.changes)
        assert followed.said[f"name {HOST}"] == ""


async def test_another_order_is_no_news_and_another_address_is(tmp_path: Path, zone: Zone, quick: None) -> None:
    zone.records[HOST] = ("192.0.2.2",)
    async with following(tmp_path / "names.json", zone, HOST) as followed:
        await followed.until(lambda: followed.changes == 1)
        zone.records[HOST] = ("192.0.2.1", "192.0.2.2")
        await followed.until(lambda: followed.changes == 2)
        assert followed.names.addresses == {HOST: ("192.0.2.2", "192.0.2.1")}  # what works is kept
        zone.records[HOST] = ("192.0.2.2", "192.0.2.1")
        asked = len(zone.asked)
        while len(zone.asked) < asked + 5:
            await asyncio.sleep(0.001)
        assert followed.changes == 2
        zone.records[HOST] = ("192.0.2.9",)
        await followed.until(lambda: followed.changes == 3)
        assert followed.names.addresses == {HOST: ("192.0.2.9",)}


async def test_a_name_that_is_not_wanted_any_more_is_left(tmp_path: Path, zone: Zone) -> None:
    zone.records = {HOST: OSError(0, "dead"), OTHER: ("192.0.2.7",)}
    async with following(tmp_path / "names.json", zone, HOST) as followed:
        await followed.until(lambda: followed.said.get(f"name {HOST}"))
        followed.names.want([OTHER])
        await followed.until(lambda: followed.changes)
        assert followed.said[f"name {HOST}"] == ""
        assert followed.names.addresses == {OTHER: ("192.0.2.7",)}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sip.example": 7}', '{"sip.example": []}', "\x00\xff", "null"])
def test_a_file_of_answers_that_is_damaged_is_none(tmp_path: Path, zone: Zone, text: str) -> None:
    path = tmp_path / "names.json"
    path.write_text(text, encoding="latin-1")
    names = Names(path, Resolver(zone), lambda: None, lambda *_: None)
    names.want([HOST])
    assert names.addresses == {}


async def test_answers_count_where_they_cannot_be_kept(tmp_path: Path, zone: Zone) -> None:
    zone.records[HOST] = ("192.0.2.1",)
    async with following(tmp_path / "none/names.json", zone, HOST) as followed:
        await followed.until(lambda: followed.changes)
        assert followed.names.addresses == {HOST: ("192.0.2.1",)}
