"""Voicemail: a recording goes from RAM to flash, and its call, event and deliveries into the store behind it.

1. The recording is copied to the owner's folder and is on the disk.
2. One transaction stores the call with its event and deliveries.
3. The original in RAM is deleted, then the call's record in AstDB.

A crash after any step repeats the steps: the copy has the same name, and the call is known by its record. What the
steps can lose sight of is looked for: a file in RAM without a record (Asterisk was killed while it recorded), and one
on flash without a call (the power went between 1 and 2). Each becomes the message of an unknown caller.

While there is no room, a recording stays in RAM with its record, an alert says so, and it is tried again.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from homeline.adapters import recordings
from homeline.adapters.recordings import Found, Recording, RecordingError
from homeline.adapters.store import Store
from homeline.core import call_log
from homeline.errors import HomelineError, NotFound
from homeline.model import Call, CallDirection, CallState
from homeline.paths import Paths
from homeline.service.alerts import Alerts
from homeline.service.calls import Calls
from homeline.service.context import Context
from homeline.service.status import CLOCK_FLOOR

log = logging.getLogger(__name__)

T = TypeVar("T")

MEBIBYTE = 1 << 20
DAY = 86400
LEAST_SECONDS = 1  # a shorter recording is a caller who hung up at the tone
ORPHANED = 900.0  # seconds for which a file must not grow; a message is 600 long at most, and its record takes no time
GIVEN_UP = "the recording was deleted to make room for newer ones"
ADVICE = (
    "Listen to messages and mark them as read, delete some, or raise homeline.sip.voicemail_quota. Until then new ones "
    "are only in RAM and lost when the router restarts."
)
ACCESS_ADVICE = (
    "The user homeline must be in the group asterisk: /etc/init.d/homeline restart. Until then it is only in RAM."
)
FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM)


class NoRoom(HomelineError):
    """A recording cannot be kept now; it stays where it is."""


class Voicemail:
    """The owner's folder of recordings. `orphans` and `sweep` may run whether Asterisk does or not."""

    def __init__(self, context: Context, paths: Paths, alerts: Alerts, calls: Calls) -> None:
        self._context, self._paths, self._alerts, self._calls = context, paths, alerts, calls
        self._seen: dict[str, tuple[Found, float]] = {}  # files in RAM, and since when they are as they are
        self._closed: set[Path] = set()  # folders that could not be looked through

    @property
    def folder(self) -> Path:
        """Where recordings are kept."""
        return self._paths.inside(self._context.config.sip.voicemail_folder)

    async def take(self, raw: str, at: int, uid: str, spool: Path | None = None) -> Recording | None:
        """Copy a recording to flash; None where there is no message in it, or nothing. Again is harmless.

        `at` is when its call began, `uid` the call's, `spool` the folder in RAM, Asterisk's unless told. Raises NoRoom,
        StoreError.
        """
        spool = spool or self._paths.recordings
        try:
            size = await asyncio.to_thread(recordings.size, spool, raw)
            if recordings.seconds(raw, size) < LEAST_SECONDS:
                return None
            name = recordings.kept_name(raw, at, call_log.digest(uid)[:8])
            return await self._kept(spool, raw, name, size)
        except NotFound:
            log.warning("The recording of a call is gone: %s", raw)
        except RecordingError as error:
            log.warning("Not a recording: %s", error)
        except OSError as error:
            advice = ACCESS_ADVICE if error.errno in DENIED else ADVICE
            await self._no_room(f"it cannot be copied to {self.folder}: {error.strerror}", advice)
        return None

    async def _kept(self, spool: Path, raw: str, name: str, size: int) -> Recording:
        """Raises what `recordings.keep` and `take` raise."""
        quota = self._context.config.sip.voicemail_quota * MEBIBYTE
        excess = await self._context.database(Store.recordings_size) + size - quota
        if excess > 0 and not await self._make_room(excess):
            await self._no_room(f"the recordings fill their {quota // MEBIBYTE} MiB and nobody has heard of them")
        try:
            kept = await self._copied(spool, raw, name)
        except OSError as error:
            if error.errno not in FULL or not await self._make_room(size):
                raise
            kept = await self._copied(spool, raw, name)
        await self._alerts.clear("voicemail.room")  # it may be open since the last run
        return kept

    async def _copied(self, spool: Path, raw: str, name: str) -> Recording:
        return await asyncio.to_thread(recordings.keep, spool, raw, self.folder, name)

    async def _make_room(self, octets: int) -> bool:
        if not await self._context.database(Store.make_room, octets, GIVEN_UP):
            return False
        await self.sweep()
        return True

    async def _no_room(self, words: str, advice: str = ADVICE) -> None:
        """Raises NoRoom, after the owner was told."""
        await self._alerts.raise_("voicemail.room", f"A message on the voicemail waits in RAM: {words}.", advice)
        raise NoRoom(words)

    async def let_go(self, raw: str) -> None:
        """The message is stored: its original in RAM may go."""
        try:
            await asyncio.to_thread(recordings.remove, self._paths.recordings, raw)
        except OSError as error:
            log.warning("%s cannot be deleted from RAM: %s", raw, error.strerror)
        self._seen.pop(raw, None)

    # -- what is left over --------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Delete the files of calls that were deleted. Raises StoreError."""
        unwanted = await self._context.database(Store.unwanted_recordings)
        gone = []
        for name in unwanted:
            try:
                await asyncio.to_thread(recordings.remove, self.folder, name)
                gone.append(name)
            except OSError as error:
                log.warning("The recording %s cannot be deleted: %s", name, error.strerror)
        if gone:
            await self._context.database(Store.recordings_deleted, gone)

    async def orphans(self, awaited: frozenset[str] = frozenset()) -> None:
        """Store what no record speaks of: files in RAM that have not grown for a while, and files on flash.

        `awaited`: files in RAM whose records wait. Raises StoreError.
        """
        await self.sweep()
        for kept in await self._looked(recordings.kept_in, self.folder):
            if not await self._context.database(Store.knows_recording, kept.file):
                await self._adopt(kept, f"flash-{kept.file}", kept.at, "found after the power had failed")
        for found in self._stale(await self._looked(recordings.found_in, self._paths.recordings)):
            if found.file not in awaited:
                await self._rescue(found)

    async def _looked(self, look: Callable[[Path], list[T]], folder: Path) -> list[T]:
        try:
            found = await asyncio.to_thread(look, folder)
        except OSError as error:
            if folder not in self._closed:
                log.warning("%s cannot be looked through: %s", folder, error.strerror)
            self._closed.add(folder)
            return []
        self._closed.discard(folder)
        return found

    def _stale(self, files: list[Found]) -> list[Found]:
        """Those that have been as they are for long: by our own watch, since the router's clock may jump."""
        now = asyncio.get_running_loop().time()
        before = self._seen
        self._seen = {
            found.file: before[found.file] if before.get(found.file, (None, 0))[0] == found else (found, now)
            for found in files
        }
        return [found for found, since in self._seen.values() if now - since >= ORPHANED]

    async def _rescue(self, found: Found) -> None:
        uid = f"spool-{found.file}-{found.changed_at}"
        try:
            kept = await self.take(found.file, found.changed_at, uid)
        except NoRoom:
            return
        if kept is not None:
            await self._adopt(kept, uid, found.changed_at, "Asterisk ended before the call did")
        await self.let_go(found.file)

    async def _adopt(self, kept: Recording, uid: str, at: int, reason: str) -> None:
        """A message of nobody knows whom. An old one is not forwarded: with a new database there are many."""
        now = self._context.clock()
        at = at if CLOCK_FLOOR <= at <= now else now
        call = Call(0, CallDirection.IN, CallState.VOICEMAIL, uid, started_at=at, ended_at=at, reason=reason)
        await self._calls.ended(with_recording(call, kept), forward=now - at < DAY)


def with_recording(call: Call, kept: Recording) -> Call:
    """The call whose caller left this message."""
    call.state, call.unread = CallState.VOICEMAIL, True
    call.recording, call.recording_size, call.recording_seconds = kept.file, kept.size, kept.seconds
    return call
