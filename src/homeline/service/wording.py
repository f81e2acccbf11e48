"""What a delivery says: the event as its rule wants it shown, in words and as a document.

Every channel asks here and only here, so what a rule hides is hidden in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from homeline.config import Config, Rule
from homeline.model import Delivery, Event, Priority
from homeline.service import mailtext
from homeline.service.document import document


@dataclass(frozen=True, slots=True)
class Note:
    """One delivery, ready to be put into a channel's own form. All texts but the key are hostile."""

    key: str  # idempotency key: the same for each attempt, letters, digits and `._-`
    event: Event  # what is hidden is hidden here too
    subject: str  # one line
    text: str  # the owner's template filled in, else our words
    own_words: bool  # whether `text` comes from a template
    code: str  # the one-time code; "" if there is none, or it is hidden
    priority: Priority
    document: dict[str, Any]  # JSON, docs/events.md


@dataclass(frozen=True, slots=True)
class Wording:
    """`config` gives the configuration in force; `instance` the store's random id, which tells routers apart."""

    config: Callable[[], Config]
    instance: Callable[[], str]

    def note(self, delivery: Delivery, event: Event) -> Note:
        """What to send for a delivery. A rule that is gone counts as one without wishes."""
        rule = next((rule for rule in self.config().rules if rule.name == delivery.rule), Rule(delivery.rule))
        key = key_of(delivery, self.instance())
        return Note(
            key=key,
            event=event,
            subject=mailtext.subject(event),
            text=mailtext.body(event),
            own_words=False,
            code="",
            priority=rule.priority,
            document=document(key, delivery, event),
        )


def key_of(delivery: Delivery, instance: str) -> str:
    """The idempotency key: what makes this delivery differ from every other of this and other routers."""
    return f"{delivery.event}.{delivery.rule}.{delivery.channel}.{delivery.revision}-{instance}"
