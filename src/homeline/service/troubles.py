"""What is wrong with the service itself now, for `status` and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable

from homeline.model import Problem

log = logging.getLogger(__name__)

Say = Callable[[str, str, str], None]


class Troubles:
    """At most one for each key; the key is where the trouble is."""

    def __init__(self) -> None:
        self._now: dict[str, Problem] = {}

    def say(self, key: str, text: str, advice: str = "") -> None:
        """There is this trouble now; an empty text says that all is well again. Logged when it is news."""
        if not text:
            if self._now.pop(key, None) is not None:
                log.info("%s: as it should be again", key)
        elif self._now.get(key) != (problem := Problem(key, text, advice)):
            self._now[key] = problem
            log.error("%s: %s%s", key, text.rstrip("."), f". {advice}" if advice else "")

    def forget(self, beginning: str) -> None:
        """Those whose keys begin so are looked at anew."""
        for key in [key for key in self._now if key.startswith(beginning)]:
            del self._now[key]

    def all(self) -> list[Problem]:
        """In the order in which they came."""
        return list(self._now.values())
