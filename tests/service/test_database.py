"""The store in its thread: what is told when it fails and when it works again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import NotFound, StoreDamaged, StoreError, StoreFull
from homeline.model import Wanted
from homeline.service import database as module
from service.kit import Service


def full(_store: Store) -> None:
    raise StoreFull("no space")


def damaged(store: Store) -> None:
    store.damaged = True
    raise StoreDamaged("malformed")


async def test_calls_run_in_order_and_their_own_errors_come_through(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        with pytest.raises(NotFound):
            await service.database(Store.get_message, 1)
        assert await service.database(Store.unread) == 0
        assert service.database.instance
        assert service.troubles == []


async def test_times_are_put_right_between_what_was_asked_for_before_and_after(tmp_path: Path) -> None:
    """What has the new time in it must not be moved: a delivery of just then would wait for as long again."""

    def alert(store: Store, channel: str, now: int) -> None:
        store.raise_alert(channel, "text", "", "warning", "", now, lambda _: [Wanted("all", channel)])

    async with Service(tmp_path) as service:
        database = service.database
        before = asyncio.ensure_future(database(alert, "before", 100))
        await asyncio.sleep(0)  # asked for, not done
        database.clock_set(1_800_000_000)
        await database(alert, "after", 1_800_000_200)
        await before
        assert await database(Store.next_due, "before") == 1_800_000_100
        assert await database(Store.next_due, "after") == 1_800_000_200


async def test_a_full_disk_is_a_trouble_until_something_was_written(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        for _ in range(2):
            with pytest.raises(StoreFull):
                await service.database(full)
        assert len(service.troubles) == 1
        assert await service.database(Store.unread) == 0  # reading goes well all the same
        assert len(service.troubles) == 1
        await service.database(Store.set_setting, "key", "value")
        assert service.troubles[1:] == [None]


async def test_a_damaged_store_is_opened_again_at_once(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await service.database(Store.set_setting, "key", "value")
        with pytest.raises(StoreDamaged):
            await service.database(damaged)
        assert await service.database(Store.setting, "key") == "value"  # it was only said to be damaged
        assert [type(trouble) for trouble in service.troubles] == [StoreDamaged, type(None)]


async def test_opening_that_fails_is_tried_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "db").write_text("a file where the folder should be")
    async with Service(tmp_path) as service:
        for _ in range(2):
            with pytest.raises(StoreError, match="not a folder"):
                await service.database(Store.unread)
        assert len(service.troubles) == 1
        (tmp_path / "db").unlink()
        with pytest.raises(StoreError):
            await service.database(Store.unread)  # not yet: opening costs
        monkeypatch.setattr(module, "RETRY", 0.0)
        assert await service.database(Store.unread) == 0
        assert service.troubles[1:] == [None]


async def test_news_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "db/homeline.db"
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    async with Service(tmp_path) as service:
        await service.database(Store.unread)
        notices, unknown = service.database.news()
        assert "damaged" in notices[0]
        assert unknown == []
        assert service.database.news() == ([], [])


async def test_a_store_that_cannot_be_put_in_order_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock must not keep the next try out."""
    monkeypatch.setattr(module, "RETRY", 0.0)
    async with Service(tmp_path) as service:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "recover", lambda _store, _now: full(_store))
            for _ in range(3):
                with pytest.raises(StoreFull):
                    await service.database(Store.unread)
        assert await service.database(Store.unread) == 0


async def test_a_failure_that_lasts_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("a file where the folder should be")
    async with Service(tmp_path) as service:
        traces = []
        for _ in range(20):
            with pytest.raises(StoreError) as caught:
                await service.database(Store.unread)
            traces.append(len(caught.traceback))
        assert traces[-1] <= traces[1]
