"""What of an account is Homeline's, what the owner handed over, and what is neither. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeline.twilio.kinds import BY_NAME, Found
from homeline.twilio.memory import Memory


@dataclass(slots=True)
class Owned:
    """`mark`: how names of ours begin (`wanted.mark`). `adopt`: SIDs and names that the owner handed over."""

    mark: str
    memory: Memory = field(default_factory=Memory)
    adopt: Sequence[str] = ()

    def ours(self, found: Found) -> bool:
        """Whether Homeline made it, of itself: remembered, or marked with our name."""
        marked = bool(BY_NAME[found.kind].label) and found.label.startswith(f"{self.mark} ")
        return (found.kind, found.sid) in self.memory.things or (marked and not self._named(found))

    def adopted(self, found: Found) -> bool:
        """Whether the owner handed it over: it may be changed, and stays."""
        return not self.ours(found) and self._named(found)

    def _named(self, found: Found) -> bool:
        names = (found.sid, found.name, found.label, found.name.partition(".")[0])
        return any(name in self.adopt for name in names)
