"""What a rendering would change, for people: secrets are not shown, since this goes over the bus."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

HIDDEN = "(not shown)"
MAX_LINES = 2000  # of all differences together
_SECRET = re.compile(r"^([ +-]?\s*[a-z0-9_-]*(?:password|secret|cred|digest)[a-z0-9_-]*\s*=>?\s*).*", re.IGNORECASE)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """By name of each file that changes: the lines of a unified diff. A secret that changes is seen to change."""
    found: dict[str, list[str]] = {}
    left = MAX_LINES
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        if old == new:
            continue
        lines = [
            _masked(line) for line in difflib.unified_diff(*_split(old, new), *_heads(name, old, new), lineterm="")
        ]
        if len(lines) > left:
            lines = [*lines[:left], "… (more was left out)"]
        left = max(0, left - len(lines))
        found[name] = lines
    return found


def _split(old: str, new: str) -> tuple[list[str], list[str]]:
    return _lines(old), _lines(new)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _heads(name: str, old: str, new: str) -> tuple[str, str]:
    return (f"a/{name}" if old else "/dev/null"), (f"b/{name}" if new else "/dev/null")


def _masked(line: str) -> str:
    return _SECRET.sub(rf"\g<1>{HIDDEN}", line)
