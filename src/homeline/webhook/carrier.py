"""Events on their way to the daemon.

What the daemon does not take at once is answered with 503, and kept as a file in RAM besides: Twilio may ask again,
and we do for a day. Both may succeed; an event is known by its SID, so it is stored once. A file also outlives
this process, and no event waits for another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homeline.config_sip import Twilio
from homeline.core import twilio_events
from homeline.core.twilio_events import Happened, Recorded, Spoken, Trouble
from homeline.webhook.daemon import NotTaken
from homeline.webhook.recordings import NotFetched, Recordings

log = logging.getLogger(__name__)

HELD = 12.0  # seconds for which Twilio's request waits; Twilio itself gives up after 15
PAUSE = 15.0  # seconds between two tries of what waits
UNFETCHED = 3600  # seconds after which a message is told without its recording
KEPT = 86400  # seconds
MOST = 200  # events that wait
AT_ONCE = 8  # that the daemon is told

Tell = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is to be deleted at Twilio."""

    sids: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.sids[0]}-deletion"


Task = Happened | Deletion


class Carrier:
    """`folder` is ours alone, in RAM; `clock` is in seconds since 1970."""

    def __init__(
        self, folder: Path, tell: Tell, recordings: Recordings, settings: Callable[[], Twilio], clock: Callable[[], int]
    ) -> None:
        self._folder, self._tell, self._recordings = folder, tell, recordings
        self._settings, self._clock = settings, clock
        self._under_way: dict[str, asyncio.Task[bool]] = {}
        self._telling = asyncio.Semaphore(AT_ONCE)
        self.look = asyncio.Event()  # set it, and what waits is tried at once

    async def take(self, event: Happened, held: float = HELD) -> bool:
        """Whether the event is committed, or never will be. Where that takes too long it goes on behind the answer."""
        task = self._begin(event)
        try:
            async with asyncio.timeout(held):
                return await asyncio.shield(task)
        except TimeoutError:
            return False

    async def run(self) -> None:
        """Try again what waits, for ever."""
        self._tidy()  # before anything is taken: what is fetched meanwhile would look left over
        while True:
            self.look.clear()
            await asyncio.gather(*map(self._again, await asyncio.to_thread(self._waiting)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.look.wait(), PAUSE)

    async def close(self) -> None:
        """End what is under way; its file waits for the next start."""
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, work: Task, since: int | None = None) -> asyncio.Task[bool]:
        """The one task for this event."""
        task = self._under_way.get(work.key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._done(work, since))
            self._under_way[work.key] = task
            task.add_done_callback(lambda _: self._under_way.pop(work.key, None))
        return task

    async def _done(self, work: Task, since: int | None) -> bool:
        """Whether it need not be tried again. `since` is when it first waited, None for one that is new."""
        age = 0 if since is None else max(self._clock() - since, 0)
        try:
            await self._carry(work, age)
        except (NotTaken, NotFetched, OSError) as error:
            words = getattr(error, "strerror", None) or str(error)
            if not (isinstance(error, NotTaken) and error.never) and age < KEPT:
                if since is None:
                    log.warning("%s waits: %s", work.key, words)
                    await asyncio.to_thread(self._keep, work)
                return False
            log.error("%s is given up: %s", work.key, words)
        except asyncio.CancelledError:
            if since is None:
                self._keep(work)
            raise
        self._forget(work)
        return True

    async def _carry(self, work: Task, age: int) -> None:
        """Raises NotTaken, NotFetched, OSError."""
        if isinstance(work, Deletion):
            for sid in work.sids:
                await self._recordings.delete(sid)
            return
        if isinstance(work, Recorded):
            work = await self._fetched(work, age)
        async with self._telling:
            await self._tell(twilio_events.to_json(work))
        if isinstance(work, Recorded):
            self._recordings.let_go(work.file)
        if (then := self._deletion(work)) is not None:
            await asyncio.to_thread(self._keep, then)
            self.look.set()

    async def _fetched(self, work: Recorded, age: int) -> Recorded:
        try:
            await self._recordings.fetch(work.sid, work.file)
        except (NotFetched, OSError) as error:
            if age < UNFETCHED:
                raise
            words = getattr(error, "strerror", None) or str(error)
            return replace(work, missing=f"The recording {work.sid} is still at Twilio: {words}")
        return work

    def _deletion(self, work: Happened) -> Deletion | None:
        """What may go at Twilio now: words are written of a recording as long as it is there."""
        if not self._settings().delete_recordings:
            return None
        if isinstance(work, Recorded) and not work.transcribed and not work.missing:
            return Deletion((work.sid,))
        return Deletion((work.recording, work.sid)) if isinstance(work, Spoken) else None

    # -- what waits ---------------------------------------------------------------------------------------------------

    async def _again(self, path: Path) -> None:
        try:
            since, work = await asyncio.to_thread(_read, path)
        except (OSError, ValueError) as error:
            log.error("What waits in %s cannot be read: %s", path.name, type(error).__name__)
            await asyncio.to_thread(_drop, path)
            return
        try:
            await asyncio.shield(self._begin(work, since))
        except Exception:  # a defect about one event must not hold up the others
            log.exception("%s could not be told; it is tried again", work.key)

    def _tidy(self) -> None:
        """Delete what the last run left and nothing waits for; a recording can be fetched again."""
        waiting = {path.stem for path in self._waiting()} | self._under_way.keys()
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix == ".part" or (path.suffix == ".mp3" and path.stem not in waiting):
                    path.unlink()

    def _waiting(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self._folder.glob("*.json"))
        return []

    def _keep(self, work: Task) -> None:
        path = self._path(work)
        if path.exists():
            return
        try:
            if len(self._waiting()) >= MOST:
                raise OSError(None, f"{MOST} others wait")
            made = (
                {"event": "deletion", "sids": work.sids} if isinstance(work, Deletion) else twilio_events.to_json(work)
            )
            part = path.with_suffix(".part")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"since": self._clock(), **made}, file)
            part.rename(path)
        except OSError as error:
            log.error("%s cannot wait: %s", work.key, error.strerror)

    def _forget(self, work: Task) -> None:
        _drop(self._path(work))

    def _path(self, work: Task) -> Path:
        return self._folder / f"{work.key}.json"


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _read(path: Path) -> tuple[int, Task]:
    """Raises OSError, ValueError."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not isinstance(since := data.pop("since", None), int):
        raise ValueError("since: it is no time")
    if data.get("event") != "deletion":
        event = twilio_events.from_json(data)
        if isinstance(event, Trouble):
            raise ValueError("event: it does not wait")
        return since, event
    sids = data.get("sids")
    if not isinstance(sids, list) or not sids:
        raise ValueError("sids: there are none")
    return since, Deletion(tuple(twilio_events.sid({"sid": str(each)}, "sid") for each in sids))
