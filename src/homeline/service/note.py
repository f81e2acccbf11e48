"""One delivery as its rule wants it shown: what `Wording` makes and channels put into their own forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeline.model import Event, EventKind, Priority


@dataclass(frozen=True, slots=True)
class Note:
    """One delivery, ready to be put into a channel's own form. All texts but the key are hostile."""

    key: str  # idempotency key: the same for each attempt, letters, digits and `._-`
    event: Event  # what is hidden is hidden here too
    subject: str  # one line
    text: str  # the owner's template filled in, else our words with all details
    brief: str  # the same without the details that `text` has below its last `-- `
    own_words: bool  # whether `text` comes from a template
    code: str  # the one-time code; "" if there is none, or it is hidden
    head: str  # the code again where the rule wants it first; `subject`, `text` and `brief` have it there already
    priority: Priority
    rule: str
    document: dict[str, Any]  # JSON, docs/events.md


def code_of(event: Event) -> str:
    """The one-time code that a message carries; "" if there is none."""
    from homeline.core import onetime  # loaded with the first message

    return onetime.find(event.text) if event.kind is EventKind.MESSAGE else ""
