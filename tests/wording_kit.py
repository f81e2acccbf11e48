"""Notes for tests of channels: what `Wording` makes of an event, with a rule and a store's id of one's choice."""

from __future__ import annotations

from typing import Any

from homeline.config import Config, Rule
from homeline.model import Delivery, Event
from homeline.service.wording import Note, Wording


def wording(instance: str = "5f3a", *rules: Rule) -> Wording:
    config = Config(rules=rules)
    return Wording(lambda: config, lambda: instance)


def noted(delivery: Delivery, event: Event, instance: str = "5f3a", **options: Any) -> Note:
    """The note of a delivery by a rule with these options."""
    return wording(instance, Rule(delivery.rule, **options)).note(delivery, event)
