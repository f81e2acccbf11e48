"""The database as a file: opening it on any file system of a router, checking it, moving a damaged one aside,
migrating.

SQLite's write-ahead log normally wants shared memory that is mapped from a file, which jffs2 and others refuse. With
`locking_mode=EXCLUSIVE` set before anything else it keeps that index on the heap and no `-shm` file exists. Where the
file system has no locks at all, SQLite's dotfile locks and a TRUNCATE journal do. A dotfile outlives an owner that
was killed, so there an abstract socket, which the kernel takes back with its process, is the true lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path

from homeline.adapters.store_base import translated
from homeline.adapters.store_schema import MIGRATIONS
from homeline.errors import StoreDamaged, StoreError

log = logging.getLogger(__name__)

# Octets. A message touches some fifteen pages (tables, indexes), which are written twice: small ones spare the flash.
PAGE_SIZE = 1024
CACHE_KIB = 256  # SQLite's page cache; its default of 2 MB is too much for a small router
STATEMENTS = 96  # prepared ones that are kept
# The log is written back to the file at this length: rarely, so that a page that changes often is written once.
CHECKPOINT_PAGES = 1600
LOG_LIMIT = 4 * 1024 * 1024  # octets that the log's file may keep after it
# Octets: larger files are checked as a whole only when damage was seen; it would take seconds.
CHECKED_SIZE = 4 * 1024 * 1024
NUMBERED = ("event", "delivery", "alert")  # tables whose ids are never given again
IDS_IN_LOG = 2000  # more than what the log can hold of one table before it is written back
LIKELY_ID = 2**40  # a higher one is damage
YEAR_2020 = 1_577_836_800
KEPT_DAMAGED = 3  # damaged files that are kept for the owner; flash is small
COMPANIONS = ("", "-wal", "-journal")


@dataclass(slots=True)
class Opened:
    """An open database, with what opening had to mend, in words for the owner."""

    connection: sqlite3.Connection
    notices: list[str] = field(default_factory=list)
    guard: socket.socket | None = None  # held as long as the connection, where the file system has no locks


def open_file(path: Path, migrations: tuple[str, ...] = MIGRATIONS) -> Opened:
    """Open or make the database, whole and of the newest version.

    A damaged file is moved aside (`.damaged-<time>`), and a new one begun. Raises StoreError: no permission, a newer
    version, another program has it open; StoreFull.
    """
    _prepare(path)
    try:
        return _open_sound(path, migrations)
    except StoreDamaged as error:
        ids = _ids_after(path)
        aside = _move_aside(path)
        log.error("The database is damaged: %s It was moved to %s and a new one is begun.", error, aside)
        _prepare(path)
        opened = _open_sound(path, migrations)
        _begin_ids(opened, path, ids)
        opened.notices.append(f"The database was damaged. It was moved to {aside} and a new one was begun. ({error})")
        return opened


def suspect_mark(path: Path) -> Path:
    """While this file is there, the next opening checks the whole database, whatever its size."""
    return path.with_name(path.name + ".suspect")


def _prepare(path: Path) -> None:
    """Make folder and file readable by their owner alone, before SQLite would make them otherwise."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise StoreError(f"{path}: the database cannot be opened: {path.parent} is not a folder.") from error
    except OSError as error:
        raise StoreError(f"{path}: the database cannot be opened: {error.strerror}.") from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreError(f"{path}: the database cannot be opened: permission denied.")


def _open_sound(path: Path, migrations: tuple[str, ...]) -> Opened:
    unclean = _log_left(path)
    opened = _connect(path)
    try:
        _check(opened.connection, path, unclean)
        _migrate(opened.connection, path, migrations)
    except sqlite3.Error as error:
        close_file(opened, path)
        raise translated(error, path) from error
    except StoreError:
        close_file(opened, path)
        raise
    return opened


def close_file(opened: Opened, path: Path) -> None:
    """Close without a further error: what could be committed is."""
    try:
        opened.connection.close()
    except sqlite3.Error as error:
        log.warning("%s: not closed cleanly: %s", path, error)
    if opened.guard is not None:
        opened.guard.close()


def _log_left(path: Path) -> bool:
    """Did the last process end without closing the file?"""
    return any(_size(path.with_name(path.name + suffix)) > 0 for suffix in COMPANIONS[1:])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _connect(path: Path) -> Opened:
    try:
        return Opened(_wal(path))
    except sqlite3.Error as error:
        if not _refused(error, path):
            raise translated(error, path) from error
    guard = _guard(path)
    try:
        return Opened(_dotfile(path), guard=guard)
    except sqlite3.Error as error:
        guard.close()
        raise translated(error, path) from error


def _wal(path: Path) -> sqlite3.Connection:
    connection = _plain(str(path), uri=False)
    try:
        if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
            raise sqlite3.OperationalError("the file system refuses a write-ahead log")
        connection.execute("BEGIN EXCLUSIVE").execute("COMMIT")  # takes the lock now, not at the first message
    except BaseException:
        connection.close()
        raise
    return connection


def _dotfile(path: Path) -> sqlite3.Connection:
    lock = path.with_name(path.name + ".lock")
    if lock.is_dir():
        lock.rmdir()  # ours alone, by the guard: left by a process that was killed
    connection = _plain(f"file:{_quoted(path)}?vfs=unix-dotfile", uri=True)
    try:
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("BEGIN EXCLUSIVE").execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _quoted(path: Path) -> str:
    """A path for SQLite's URIs."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _plain(name: str, *, uri: bool) -> sqlite3.Connection:
    # One thread at a time uses the connection (the store's worker), not always the one that opened it.
    connection = sqlite3.connect(
        name, uri=uri, timeout=1.0, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
    )
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before the log is opened: see the top of this file
    connection.execute(f"PRAGMA page_size={PAGE_SIZE}")  # counts for a new file
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit={LOG_LIMIT}")
    return connection


def _refused(error: sqlite3.Error, path: Path) -> bool:
    """Is it the file system that does not want locks or a log, rather than another program or a damaged file?"""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF == sqlite3.SQLITE_PROTOCOL:
        return True
    if code & 0xFF == sqlite3.SQLITE_BUSY:  # what SQLite makes of ENOLCK
        return not _has_locks(path.parent)
    return code in (
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_UNLOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
    )


def _has_locks(folder: Path) -> bool:
    """Try a lock on a file that nobody else knows."""
    probe = folder / f".lock-probe-{os.getpid()}"
    try:
        descriptor = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)


def _guard(path: Path) -> socket.socket:
    """A lock of this file that ends with the process, made of nothing but the kernel's list of abstract sockets."""
    identity = path.stat()
    guard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        guard.bind(f"\0homeline-store-{identity.st_dev}-{identity.st_ino}")
    except OSError as error:
        guard.close()
        raise StoreError(f"{path}: another program has the database open.") from error
    return guard


def _check(connection: sqlite3.Connection, path: Path, unclean: bool) -> None:
    """Look at the file as closely as its history asks and its size allows. Raises StoreDamaged."""
    mark = suspect_mark(path)
    suspect = mark.exists()
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not suspect and not (unclean and path.stat().st_size <= CHECKED_SIZE):
        return
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreDamaged(f"{path}: {verdict}.")
    mark.unlink(missing_ok=True)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    """Bring the file to the newest version, one transaction for each step, with a copy of the file as it was."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StoreError(
            f"{path}: the database is of version {version}, made by a newer Homeline; this one knows versions up to "
            f"{len(migrations)}. Install the newer Homeline again, or move the file away."
        )
    if 0 < version < len(migrations):
        copy(connection, path.with_name(f"{path.name}.version-{version}"))
    for number, script in enumerate(migrations[version:], version + 1):
        try:
            connection.executescript(f"BEGIN EXCLUSIVE; {script}; PRAGMA user_version={number}; COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """Write a consistent copy, one file, complete or not there at all. Raises sqlite3.Error, OSError."""
    draft = target.with_name(target.name + ".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        other = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.backup(other)
            other.execute("PRAGMA journal_mode=DELETE")
        finally:
            other.close()
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _ids_after(path: Path) -> dict[str, int]:
    """The last ids that a damaged file can have given, by table: they are never given again.

    Where it does not tell, the seconds since 2020: no router has an event each second.
    """
    ids = dict.fromkeys(NUMBERED, max(0, int(time.time()) - YEAR_2020))
    try:
        # Without its log, which might be written back: the owner is to have the file as it is.
        connection = sqlite3.connect(f"file:{_quoted(path)}?immutable=1", uri=True)
        try:
            told = connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return ids
    told = [(name, seq) for name, seq in told if name in ids and isinstance(seq, int) and 0 <= seq <= LIKELY_ID]
    return ids | {name: seq + IDS_IN_LOG for name, seq in told}


def _begin_ids(opened: Opened, path: Path, ids: dict[str, int]) -> None:
    try:
        opened.connection.executemany("INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)", ids.items())
    except sqlite3.Error as error:
        close_file(opened, path)
        raise translated(error, path) from error


def _move_aside(path: Path) -> Path:
    """Rename the file and its log; the new name. Only the newest few damaged files are kept."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    serial = 1
    while aside.exists():
        serial += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{serial}")
    try:
        for suffix in COMPANIONS:
            old = path.with_name(path.name + suffix)
            if old.exists():
                old.rename(aside.with_name(aside.name + suffix))
        suspect_mark(path).unlink(missing_ok=True)
        _forget_oldest(path)
    except OSError as error:
        raise StoreError(f"{path}: the database is damaged and cannot be moved aside: {error.strerror}.") from error
    return aside


def _forget_oldest(path: Path) -> None:
    found = sorted(
        (p for p in path.parent.glob(f"{path.name}.damaged-*") if not p.name.endswith(COMPANIONS[1:])),
        key=lambda p: (p.stat().st_mtime, p.name),
    )
    for old in found[:-KEPT_DAMAGED]:
        for suffix in COMPANIONS:
            old.with_name(old.name + suffix).unlink(missing_ok=True)
