"""The copy of the database that sysupgrade keeps, and taking it back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.service import copying
from homeline.service.copying import Copying, beside, take_back
from homeline.service.database import Database


def database(path: Path) -> Database:
    return Database(path, lambda: 1_700_000_000, lambda _error: None)


async def test_a_copy_is_made_beside_a_database_in_use_and_deleted_at_the_end(tmp_path: Path) -> None:
    used = database(tmp_path / "homeline.db")
    await used(Store.unread)
    made = Copying(used)
    told = await made.make()
    copy = Path(told["path"])
    assert copy == tmp_path / "homeline.db.copy"
    assert told["size"] == copy.stat().st_size
    with sqlite3.connect(copy) as opened:  # another may open it: it is nobody's
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert copy.stat().st_mode & 0o777 == 0o600
    made.close()
    assert not copy.exists()
    await used.close()


async def test_a_copy_goes_by_itself_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "KEPT", 0.0)
    used = database(tmp_path / "homeline.db")
    made = Copying(used)
    await made.make()
    await used(Store.unread)  # the loop has turned since
    assert not beside(used.path).exists()
    await used.close()


async def test_a_copy_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    used = database(tmp_path / "homeline.db")
    await used(Store.unread)
    (tmp_path / "homeline.db.copy.new").mkdir()
    with pytest.raises(StoreError):
        await Copying(used).make()
    await used.close()


def test_only_a_missing_database_is_taken_from_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "homeline.db"
    take_back(path)
    assert not path.exists()
    beside(path).write_bytes(b"copy")
    take_back(path)
    assert path.read_bytes() == b"copy"
    assert not beside(path).exists()
    beside(path).write_bytes(b"another")
    take_back(path)
    assert path.read_bytes() == b"copy"
    assert beside(path).read_bytes() == b"another"
