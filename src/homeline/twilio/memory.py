"""What Homeline made, as `twilio.made` in UCI keeps it from one run to the next. Pure."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_FIELD = re.compile(r"PN[0-9a-fA-F]{32}\.[a-z_]{1,24}")
_FLAGS = re.compile(r"[01]{3}")
_PASSWORD, _DIALING, _BEFORE = "password", "dialing", "before"
_EMPTY = "-"  # no base64
LONGEST_VALUE = 1024  # octets of what is kept of a number


@dataclass(slots=True)
class Memory:
    """Unknown lines are forgotten. `passwords`: digests by the credential's SID; `dialing`: flags by country.

    `before`: what a number had that is ours now, by its SID and the field.
    """

    things: set[tuple[str, str]] = field(default_factory=set)  # kind, SID
    passwords: dict[str, str] = field(default_factory=dict)
    dialing: dict[str, str] = field(default_factory=dict)
    before: dict[tuple[str, str], str] = field(default_factory=dict)

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
            elif colon and kind == _BEFORE and _FIELD.fullmatch(which):
                with contextlib.suppress(ValueError):
                    memory._remember(which, value)
            elif not colon and _SID.fullmatch(value):
                memory.things.add((kind, value))
        return memory

    def copied(self) -> Memory:
        return Memory(set(self.things), dict(self.passwords), dict(self.dialing), dict(self.before))

    def _remember(self, which: str, value: str) -> None:
        """ValueError for a value that says nothing."""
        sid, _, name = which.partition(".")
        octets = b"" if value == _EMPTY else base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        if value == _EMPTY or octets:
            self.before[sid, name] = octets.decode()

    def lines(self) -> list[str]:
        """For UCI, always in the same order."""
        return [
            *(f"{kind}={sid}" for kind, sid in sorted(self.things)),
            *(f"{_PASSWORD}:{sid}={digest}" for sid, digest in sorted(self.passwords.items())),
            *(f"{_DIALING}:{country}={flags}" for country, flags in sorted(self.dialing.items())),
            *(f"{_BEFORE}:{sid}.{name}={_kept(value)}" for (sid, name), value in sorted(self.before.items())),
        ]


def _kept(value: str) -> str:
    """In letters that UCI and root's helper take (RFC 4648 5)."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=") or _EMPTY


def digest(key: str, sid: str, password: str) -> str:
    """By which a password is known again. Twilio gives none back; without the API key's secret nobody can try words."""
    return hmac.new(key.encode(), f"{sid}:{password}".encode(), hashlib.sha256).hexdigest()[:8]
