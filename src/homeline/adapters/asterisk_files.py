"""Asterisk's files on disk: the folder that is ours, as one set that changes as a whole, and what else is there.

Blocking: flash may take its time, so this runs in a thread. The folder is made by root's helper, setgid, so that the
files' group is Asterisk's.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[a-z0-9_]{1,40}\.conf")
_NEW = ".new"
_MODE = 0o640  # Asterisk reads by its group; there are secrets in them
_LONGEST = 4 << 20  # octets of a file that are read
_SECRET = re.compile(r"^(?:secret|capture_password)\s*=>?\s*(\S+)\s*$", re.MULTILINE)
MANAGER = "manager.conf"
CAPTURE = "hep.conf"

_LOGS = ("messages", "messages.log", "full", "full.log")  # Asterisk's own names for them (logger.conf)
_LOG_READ = 64 * 1024  # octets
_COMPLAINT = re.compile(r"(?:WARNING|ERROR)\[\d+\](?:\[C-[0-9a-f]+\])?:? (.*)")
_OURS = "homeline/"
_LINE, _LINES = 200, 3  # what of it goes into a problem


def present(folder: Path) -> dict[str, str]:
    """Our files as they are: name to text. OSError where the folder cannot be read."""
    found = {}
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            with path.open("rb") as file:
                found[path.name] = file.read(_LONGEST).decode("utf-8", "replace")
    return found


def replace(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder's files exactly these; what is equal is not touched.

    All new ones are on disk, whole, before the first takes its place, so that a full disk changes nothing. Where a
    later step fails, what was done is undone. Raises OSError, and ValueError for a name that no file of ours has.
    """
    for name in files:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is no name of a file of Asterisk's")
    before = present(folder)
    changed = [name for name, text in files.items() if before.get(name) != text]
    try:
        for name in changed:
            _stage(folder, name, files[name])
        _take_places(folder, changed, [name for name in before if name not in files], before)
    finally:
        for name in changed:
            (folder / f".{name}{_NEW}").unlink(missing_ok=True)


def _stage(folder: Path, name: str, text: str) -> None:
    with (folder / f".{name}{_NEW}").open("wb") as file:
        os.fchmod(file.fileno(), _MODE)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _take_places(folder: Path, changed: list[str], gone: list[str], before: Mapping[str, str]) -> None:
    done: list[str] = []
    try:
        for name in changed:
            (folder / f".{name}{_NEW}").replace(folder / name)
            done.append(name)
        for name in gone:
            (folder / name).unlink()
            done.append(name)
        _sync(folder)
    except OSError:
        with contextlib.suppress(OSError):
            _undo(folder, done, before)
        raise


def _undo(folder: Path, done: list[str], before: Mapping[str, str]) -> None:
    for name in done:
        if name in before:
            _stage(folder, name, before[name])
            (folder / f".{name}{_NEW}").replace(folder / name)
        else:
            (folder / name).unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def secret(folder: Path, file: str = MANAGER) -> str:
    """The password of our account in the manager's file, or that in another; "" where there is none to be read."""
    try:
        found = _SECRET.search((folder / file).read_text(errors="replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def new_secret() -> str:
    """A password that nobody guesses, of characters that no syntax minds."""
    return os.urandom(24).hex()


def modules(folder: Path) -> tuple[str, ...] | None:
    """The modules of Asterisk that are installed, such as res_srtp; None where there is no such folder."""
    try:
        return tuple(sorted(entry.name[:-3] for entry in os.scandir(folder) if entry.name.endswith(".so")))
    except OSError:
        return None


class LogTail:
    """What Asterisk logs from now on about files of ours, where its log is a file that we may read."""

    def __init__(self, folder: Path) -> None:
        self._sizes = {path: _size(path) for path in (folder / name for name in _LOGS)}

    def complaints(self) -> list[str]:
        """The first few of its warnings and errors that name our folder, shortened. Blocking."""
        found: list[str] = []
        for path, size in self._sizes.items():
            with contextlib.suppress(OSError), path.open("rb") as file:
                file.seek(size)
                lines = file.read(_LOG_READ).decode("utf-8", "replace").splitlines()
                found += [match[1] for line in lines if _OURS in line and (match := _COMPLAINT.search(line))]
        shown = dict.fromkeys("".join(c for c in line if c.isprintable())[:_LINE] for line in found)
        return list(shown)[:_LINES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
