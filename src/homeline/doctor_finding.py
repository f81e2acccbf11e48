"""What `homeline doctor` says of each thing that it looks at."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, BAD = "ok", "warning", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, what was seen, and what to do where it is not well."""

    check: str
    state: str
    words: str
    advice: str = ""
