"""What Homeline made, as `twilio.made` in UCI keeps it from one run to the next. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_FLAGS = re.compile(r"[01]{3}")
_PASSWORD, _DIALING = "password", "dialing"


@dataclass(slots=True)
class Memory:
    """Unknown lines are forgotten. `passwords`: digests by the credential's SID; `dialing`: flags by country."""

    things: set[tuple[str, str]] = field(default_factory=set)  # kind, SID
    passwords: dict[str, str] = field(default_factory=dict)
    dialing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, made: Iterable[str]) -> Memory:
        memory = cls()
        for line in made:
            name, _, value = line.partition("=")
            kind, colon, which = name.partition(":")
            if colon and kind == _PASSWORD:
                memory.passwords[which] = value
            elif colon and kind == _DIALING and _FLAGS.fullmatch(value):
                memory.dialing[which] = value
            elif not colon and _SID.fullmatch(value):
                memory.things.add((kind, value))
        return memory

    def lines(self) -> list[str]:
        """For UCI, always in the same order."""
        return [
            *(f"{kind}={sid}" for kind, sid in sorted(self.things)),
            *(f"{_PASSWORD}:{sid}={digest}" for sid, digest in sorted(self.passwords.items())),
            *(f"{_DIALING}:{country}={flags}" for country, flags in sorted(self.dialing.items())),
        ]


def digest(key: str, sid: str, password: str) -> str:
    """By which a password is known again. Twilio gives none back; without the API key's secret nobody can try words."""
    return hmac.new(key.encode(), f"{sid}:{password}".encode(), hashlib.sha256).hexdigest()[:8]
