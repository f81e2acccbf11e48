"""What all parts of the store stand on: one connection, transactions, and SQLite's errors in our words."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homeline.core.joining import whole_characters
from homeline.errors import StoreDamaged, StoreError, StoreFull
from homeline.model import Event, Wanted

log = logging.getLogger(__name__)

Planner = Callable[[Event], Sequence[Wanted]]
Row = tuple[Any, ...]

LEAST_FREE = 256 * 1024  # octets: an I/O error on a file system with less than this is a full one
MAX_ID = 2**63 - 1


def translated(error: sqlite3.Error, path: Path) -> StoreError:
    """The error of our tree for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_space(path.parent)):
        return StoreFull(f"{path}: no space is left for the database.")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreDamaged(f"{path}: {error}.")
    if code == sqlite3.SQLITE_BUSY:
        return StoreError(f"{path}: another program has the database open.")
    return StoreError(f"{path}: {error}.")


def _no_space(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < LEAST_FREE


def hexed(value: Any) -> str:
    """A PDU as it is shown: hex. Stored as octets where that is lossless, which halves what flash has to take."""
    return value.hex().upper() if isinstance(value, bytes) else str(value)


def packed(pdu: str) -> bytes | str:
    """The opposite of `hexed`."""
    try:
        octets = bytes.fromhex(pdu)
    except ValueError:
        return whole_characters(pdu)
    return octets if hexed(octets) == pdu else pdu


def exact(text: str) -> str | bytes:
    """A part's text as SQLite can hold it without loss: half a surrogate pair is no UTF-8 and stored as octets."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def inexact(value: Any) -> str:
    """The opposite of `exact`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else str(value)


class StoreBase:
    """One connection in autocommit mode; a change of more than one row is made within `_writing`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []  # what opening found and mended, in words for an alert
        self.damaged = False  # an operation found the file damaged: close this store and open it again
        self._db = connection

    @property
    def changes(self) -> int:
        """Rows written since the opening, so that a caller can tell whether a method wrote anything."""
        return self._db.total_changes

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement. Raises StoreError and its kinds, and nothing of sqlite3's."""
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _all(self, sql: str, *values: object) -> list[Row]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _one(self, sql: str, *values: object) -> Row | None:
        try:
            row: Row | None = self._db.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return row

    def _number(self, sql: str, *values: object) -> int | None:
        """The first column of the first row; None where there is no row, or NULL in it."""
        row = self._one(sql, *values)
        return None if row is None or row[0] is None else int(row[0])

    def _insert(self, sql: str, *values: object) -> int:
        """Execute an INSERT; the id of the new row."""
        row_id = self._run(sql, *values).lastrowid
        assert row_id is not None
        return row_id

    def _failed(self, error: sqlite3.Error) -> StoreError:
        ours = translated(error, self.path)
        self.damaged = self.damaged or isinstance(ours, StoreDamaged)
        return ours

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing: durable when the block has ended, undone when it raised."""
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        if self._db.in_transaction:  # a full disk may already have ended it
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._failed(error)
