"""What the running Asterisk has read of our files: which are newer than it knows, and whether only a restart helps.

Times are monotonic, so a clock that is set does not matter. What must last over a reboot (what the files on disk need)
lies beside them; the rest is about one run of Asterisk and lies in RAM, so that the daemon's restart forgets nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

ROUGH = 1.0  # seconds: Asterisk tells its uptime in whole ones
_LONGEST = 4096  # octets of our own files


class Record:
    """Blocking, but for a few octets. `stale` are names of files that Asterisk has not read as they are now."""

    def __init__(self, lasting: Path, passing: Path) -> None:
        self._lasting, self._passing = lasting, passing
        self._disk = _read(lasting).strip()  # digest of what the files on disk need that only a restart brings
        self._at = 0.0  # when they were last written
        self._asked = 0.0  # when Asterisk was last to be started again
        self._running = ""  # that digest, for an Asterisk that had been running then
        self.stale: tuple[str, ...] = ()
        with contextlib.suppress(ValueError, TypeError, KeyError):
            kept = json.loads(_read(passing))
            self._at, self._running, self.stale = float(kept["at"]), str(kept["running"]), tuple(kept["stale"])
            self._asked = float(kept["asked"])
        self._started = 0.0

    def restarting(self, now: float) -> None:
        """Asterisk is about to be started again: one that started after this has read everything."""
        self._asked = now
        self._save()

    def met(self, started: float) -> None:
        """We are connected to an Asterisk that was started then."""
        self._started = started
        if self._is_newer():
            self.stale = ()

    def wrote(self, names: Iterable[str], digest: str, now: float) -> None:
        """These files were written, or removed, and all together need `digest`."""
        self._running = self._digest()
        self.stale = tuple(sorted({*self.stale, *names}))
        self._at = now
        if digest != self._disk:
            _write(self._lasting, digest)
            self._disk = digest
        self._save()

    def took(self, names: Iterable[str]) -> None:
        """Asterisk has read these again."""
        self.stale = tuple(name for name in self.stale if name not in set(names))
        self._save()

    @property
    def needs_restart(self) -> bool:
        """Whether the running Asterisk lacks what only a restart brings."""
        return self._digest() != self._disk

    @property
    def on_disk(self) -> str:
        """The digest that goes with the files on disk; "" is none yet."""
        return self._disk

    def _digest(self) -> str:
        """The digest that the running Asterisk was started with."""
        return self._disk if self._is_newer() else self._running

    def _is_newer(self) -> bool:
        """Whether Asterisk was started after the files were written."""
        asked = self._at < self._asked < self._started  # the one before was not started in the second before that
        return self._at == 0.0 or asked or self._started - ROUGH > self._at

    def _save(self) -> None:
        kept = {"at": self._at, "asked": self._asked, "running": self._running, "stale": self.stale}
        _write(self._passing, json.dumps(kept))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    """A failure costs a restart or a reload that is not needed, and is only logged."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text)
        new.replace(path)
    except OSError as error:
        log.warning("%s could not be written: %s", path, error)
