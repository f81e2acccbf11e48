"""Recordings of voicemail: from Asterisk's folder in RAM to the owner's on flash, and what a file's length says.

Asterisk writes the files and strangers decide what is in them; only their names come from the dial plan, and are
checked once more here. Those that Twilio made are fetched into a folder of the same kind. A copy is complete and on the
disk before it has its name. Everything here waits for the flash: call it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homeline.errors import HomelineError, NotFound

CHUNK = 64 * 1024
LARGEST = 16 << 20  # octets; the longest voicemail that can be configured has 1 MB
GSM_RATE = 1650  # octets a second: frames of 33 octets for 20 ms (GSM 06.10)
WAV49_RATE = 1625  # octets a second: blocks of 65 octets for 40 ms
WAV49_HEADER = 60  # octets in front of the blocks, as Asterisk writes them
MP3_RATE = 4000  # octets a second: a guess, for a file of which nothing else is known
SUFFIXES = {".gsm": ".gsm", ".WAV": ".wav", ".mp3": ".mp3"}  # Asterisk's, and what it is called on flash

_RAW = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.(?:gsm|WAV|mp3)")
_KEPT = re.compile(r"voicemail-[0-9]{1,12}-[0-9a-f]{8}\.(?:gsm|wav|mp3)")
_BEGUN = "new-"  # copies that are not complete yet begin so


class RecordingError(HomelineError):
    """A file is no recording: a link, a pipe, too large. It is left alone."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was kept."""

    file: str  # name in the folder
    size: int  # octets
    seconds: int  # of speech, rounded
    at: int  # when its call began, as its name says


@dataclass(frozen=True, slots=True)
class Found:
    """A file in Asterisk's folder."""

    file: str
    size: int
    changed_at: int  # by the router's clock


def kept_name(raw: str, at: int, digest: str) -> str:
    """What a recording is called on flash. Nothing of it comes from a caller; `digest` is 8 hexadecimal digits."""
    return f"voicemail-{at}-{digest}{SUFFIXES[Path(raw).suffix]}"


def is_kept_name(name: str) -> bool:
    """Whether a file on flash can be one of ours."""
    return _KEPT.fullmatch(name) is not None


def seconds(name: str, size: int) -> int:
    """How long a recording is, by its size: a header that was never finished does not matter then."""
    if name.endswith(".gsm"):
        return round(size / GSM_RATE)
    if name.endswith(".mp3"):
        return round(size / MP3_RATE)
    return round(max(size - WAV49_HEADER, 0) / WAV49_RATE)


def size(spool: Path, raw: str) -> int:
    """Octets of a file in Asterisk's folder. Raises NotFound, RecordingError, OSError."""
    with _opened(spool, raw) as descriptor:
        return os.fstat(descriptor).st_size


def keep(spool: Path, raw: str, folder: Path, name: str) -> Recording:
    """Copy `raw` from Asterisk's folder to `folder`, durably, and leave the original. Again is harmless.

    Raises NotFound where the original is not there, RecordingError where it is no recording, OSError (a full disk,
    missing permission): then `folder` is as it was.
    """
    if not is_kept_name(name):
        raise RecordingError(f"{name[:80]!r} is no name of a recording")
    with _opened(spool, raw) as source:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        begun = folder / (_BEGUN + name)
        begun.unlink(missing_ok=True)
        try:
            length = _copy(source, begun)
            begun.rename(folder / name)
        except (OSError, RecordingError):
            with contextlib.suppress(OSError):
                begun.unlink()
            raise
    _sync(folder)
    return _recording(name, length)


def remove(folder: Path, name: str) -> None:
    """Delete a file; one that is not there is as good. Raises OSError."""
    if _RAW.fullmatch(name) or is_kept_name(name):
        (folder / name).unlink(missing_ok=True)


def found_in(spool: Path) -> list[Found]:
    """The recordings that lie in Asterisk's folder, also those that grow; [] where there is no such folder."""
    found: list[Found] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(spool) as entries:
        for entry in entries:
            if _RAW.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    known = entry.stat(follow_symlinks=False)
                    found.append(Found(entry.name, known.st_size, int(known.st_mtime)))
    return sorted(found, key=lambda item: item.file)


def kept_in(folder: Path) -> list[Recording]:
    """The recordings on flash. Copies that a crash left unfinished are deleted."""
    kept: list[Recording] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_BEGUN):
                Path(entry.path).unlink(missing_ok=True)
            elif is_kept_name(entry.name) and entry.is_file(follow_symlinks=False):
                length = entry.stat(follow_symlinks=False).st_size
                kept.append(_recording(entry.name, length))
    return sorted(kept, key=lambda item: item.file)


def _recording(name: str, length: int) -> Recording:
    return Recording(name, length, seconds(name, length), int(name.split("-")[1]))


def kept_size(folder: Path, name: str) -> int:
    """Octets of a recording on flash. Raises NotFound, RecordingError, OSError."""
    with _opened(folder, name, _KEPT) as descriptor:
        return os.fstat(descriptor).st_size


def read(folder: Path, name: str, chunk: int) -> Iterator[bytes]:
    """A recording on flash, `chunk` octets at a time. Raises what `kept_size` does, while it is read."""
    with _opened(folder, name, _KEPT) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        while content := file.read(chunk):
            yield content


@contextlib.contextmanager
def _opened(folder: Path, name: str, form: re.Pattern[str] = _RAW) -> Iterator[int]:
    """A descriptor of a plain file right in `folder`, of the folder's group, with no other name anywhere."""
    if not form.fullmatch(name):
        raise RecordingError(f"{name[:80]!r} is no name of a recording")
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"{folder / name} is not there") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a pipe or a device
            raise RecordingError(f"{folder / name} is no plain file") from None
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_gid != folder.stat().st_gid:
            raise RecordingError(f"{folder / name} is no plain file of Asterisk's")
        if found.st_size > LARGEST:
            raise RecordingError(f"{folder / name} has {found.st_size} octets")
        yield descriptor
    finally:
        os.close(descriptor)


def _copy(source: int, target: Path) -> int:
    """Copy to a new file, onto the disk; how many octets. Raises OSError, RecordingError (it has no end)."""
    length = 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := os.read(source, CHUNK):
            length += len(chunk)
            if length > LARGEST:
                raise RecordingError(f"it grows beyond {LARGEST} octets while it is copied")
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return length


def _sync(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
