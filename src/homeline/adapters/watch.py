"""Watches folders by inotify: `/etc/config` for commits, `/dev` for ports that come and go.

inotify wakes the daemon only when something happened; asking again and again would cost the idle minute's whole budget.
Python has no inotify, so libc's three functions are called through ctypes: 0.35 MB of resident memory, 0.2 MB of it our
own (measured), and the package python3-ctypes. dnotify, which the fcntl module has, needs neither, but is not part of
every router's kernel. A package of its own for inotify would load ctypes too.

Events come in bursts (a commit of two files, a modem with five ports), so a watch calls back once for each burst:
`settle` seconds after its first event, however many follow.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HomelineError

log = logging.getLogger(__name__)

# linux/inotify.h
_ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLY_FOLDER = 0x01000000
_EVENT = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len; the name follows

FILES = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _DELETE  # a file's contents are new, or it is gone
COPIES = FILES | _ATTRIB  # or it may be read now
# No CLOSE_WRITE: we close ports ourselves. ATTRIB: hotplug scripts set owner and mode after the node is there.
DEVICES = _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO | _ATTRIB

_AGAIN = 5.0  # seconds until a folder that went away is looked for again


@dataclass(slots=True, eq=False)
class _Folder:
    path: Path
    mask: int
    wanted: Callable[[str], bool]
    changed: Callable[[], None]
    settle: float
    timer: asyncio.TimerHandle | None = None  # until the burst is over
    again: asyncio.TimerHandle | None = None  # until the folder is looked for


class Watch:
    """Watches any number of folders with one file descriptor. Belongs to the running loop; `close` when done."""

    def __init__(self) -> None:
        """HomelineError where the system offers no inotify."""
        self._libc, self._fd = _open()
        self._folders: list[_Folder] = []
        self._watches: dict[int, _Folder] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)

    def add(
        self, path: Path, mask: int, wanted: Callable[[str], bool], changed: Callable[[], None], settle: float = 0.1
    ) -> None:
        """Calls `changed` on the loop when an entry of folder `path` for which `wanted(name)` holds has changed.

        `mask` is FILES, COPIES or DEVICES. `changed` may also be called without cause: after lost events, or when the
        folder itself was replaced. A folder is watched once. HomelineError if it is not there or may not be read.
        """
        folder = _Folder(path, mask, wanted, changed, settle)
        error = self._start(folder)
        if error:
            raise HomelineError(f"{path} cannot be watched: {os.strerror(error)}")
        self._folders.append(folder)

    def close(self) -> None:
        """Stops all; no callback comes after this. May be called twice."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        for folder in self._folders:
            for timer in (folder.timer, folder.again):
                if timer:
                    timer.cancel()

    def _start(self, folder: _Folder) -> int:
        """Begins to watch; the number of the error, 0 if there is none."""
        watch = self._libc.inotify_add_watch(self._fd, os.fsencode(folder.path), folder.mask | _ONLY_FOLDER)
        if watch < 0:
            return _errno()
        self._watches[watch] = folder
        return 0

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 8192)
        except BlockingIOError:
            return
        at = 0
        while at + _EVENT.size <= len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            self._event(watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0")))

    def _event(self, watch: int, mask: int, name: str) -> None:
        if mask & _OVERFLOW:
            log.warning("inotify lost events; everything that is watched is read again")
            for folder in self._folders:
                self._schedule(folder)
        elif mask & _IGNORED:
            folder = self._watches.pop(watch)
            self._schedule(folder)
            self._restart(folder)
        elif (known := self._watches.get(watch)) and known.wanted(name):
            self._schedule(known)

    def _restart(self, folder: _Folder) -> None:
        """The folder is another one, or gone: watches the new one as soon as there is one."""
        if self._start(folder) == 0:
            self._schedule(folder)
            return
        log.warning("%s went away; looking for it every %d s", folder.path, _AGAIN)
        folder.again = self._loop.call_later(_AGAIN, self._restart, folder)

    def _schedule(self, folder: _Folder) -> None:
        if folder.timer is None:
            folder.timer = self._loop.call_later(folder.settle, self._settled, folder)

    def _settled(self, folder: _Folder) -> None:
        folder.timer = None
        folder.changed()


def _open() -> tuple[Any, int]:
    try:
        import ctypes  # here and not above: what only reads configuration does not pay for it

        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    except (ImportError, AttributeError, OSError) as error:
        raise HomelineError(
            f"inotify cannot be had ({error}); on OpenWrt the package python3-ctypes brings it"
        ) from None
    if descriptor < 0:
        raise HomelineError(f"inotify cannot be had: {os.strerror(_errno())}")
    return libc, descriptor


def _errno() -> int:
    import ctypes

    return ctypes.get_errno()
