"""The folders that are watched for the service; one that cannot be watched yet is tried again until it can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from homeline.adapters.watch import Watch
from homeline.errors import HomelineError
from homeline.service.troubles import Say

AGAIN = 10.0  # seconds between two tries
ADVICE = "Until then run /etc/init.d/homeline reload after a change."


@dataclass(frozen=True, slots=True)
class Folder:
    """What `Watch.add` wants to know."""

    path: Path
    mask: int
    wanted: Callable[[str], bool]
    changed: Callable[[], None]


class Watching:
    """Watches folders. `say("watch", words, advice)` is told what is missing."""

    def __init__(self, folders: list[Folder], say: Say, make: Callable[[], Watch] = Watch) -> None:
        self._missing, self._say, self._make = folders, say, make
        self._watch: Watch | None = None

    def begin(self) -> None:
        """Watch what can be watched now."""
        words = self._try()
        self._say("watch", words, ADVICE if words else "")

    async def work(self) -> None:
        """Try the rest again from time to time; returns when all are watched."""
        while self._missing:
            await asyncio.sleep(AGAIN)
            waited = list(self._missing)
            self.begin()
            for folder in waited:
                if folder not in self._missing:
                    folder.changed()  # whatever happened there before

    def close(self) -> None:
        """No callback comes after this."""
        if self._watch is not None:
            self._watch.close()

    def _try(self) -> str:
        """Watch those that are missing; what is wrong with the rest, in words."""
        try:
            self._watch = self._watch or self._make()
        except HomelineError as error:
            return str(error)
        errors = []
        for folder in list(self._missing):
            try:
                self._watch.add(folder.path, folder.mask, folder.wanted, folder.changed)
            except HomelineError as error:
                errors.append(str(error))
            else:
                self._missing.remove(folder)
        return "; ".join(errors)
