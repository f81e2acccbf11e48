"""What the daemon wants to keep in UCI, which it may not write: root's helper commits it.

The wishes, a line each (`SECTION-TYPE NAME OPTION VALUE`), go into a file of the run folder, and a reload is asked for,
by which the helper runs. It checks each against a form of its own, commits it and removes the file.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from homeline.config import Config
from homeline.errors import PermissionDenied, TimedOut
from homeline.paths import Paths
from homeline.service.reloading import Reloader


class Committer:
    """One request at a time, as there is one file."""

    def __init__(self, paths: Paths, reloader: Reloader) -> None:
        self._request, self._reloader = paths.secrets_request, reloader
        self._turn = asyncio.Lock()

    async def commit(self, lines: Sequence[str], holds: Callable[[Config], bool], wait: float) -> None:
        """Have the lines committed, and wait until the helper took them and what is in force is as wanted.

        Raises PermissionDenied (the file cannot be written) and TimedOut (`wait` seconds were over). Neither repeats a
        line: there are passwords in them.
        """
        async with self._turn:
            try:
                _write(self._request, "".join(f"{line}\n" for line in lines))
            except OSError as error:
                raise PermissionDenied(f"{self._request} cannot be written: {error.strerror}") from None
            try:
                if not await self._reloader.until(lambda config: self._taken() and holds(config), wait):
                    raise TimedOut("root's helper did not commit what was made; see the log of homeline")
            finally:
                self._request.unlink(missing_ok=True)

    def _taken(self) -> bool:
        return not os.path.lexists(self._request)


def _write(path: Path, text: str) -> None:
    """A private file, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    new.replace(path)
