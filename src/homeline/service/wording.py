"""What a delivery says: the event as its rule wants it shown, in words and as a document.

Every channel asks here and only here, so what a rule hides is hidden in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from homeline.config import Config, Rule
from homeline.core import onetime
from homeline.model import Delivery, Event, EventKind, Priority
from homeline.service import eventtext
from homeline.service.document import document

_WITH_CODES = (EventKind.MESSAGE, EventKind.REPORT)  # a report has the text of the message that we sent


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
    priority: Priority
    document: dict[str, Any]  # JSON, docs/events.md
    values: Mapping[str, str]  # of the fields of templates


@dataclass(frozen=True, slots=True)
class Wording:
    """`config` gives the configuration in force; `instance` the store's random id, which tells routers apart."""

    config: Callable[[], Config]
    instance: Callable[[], str]

    def note(self, delivery: Delivery, event: Event) -> Note:
        """What to send for a delivery. A rule that is gone counts as one without wishes."""
        rule = next((rule for rule in self.config().rules if rule.name == delivery.rule), Rule(delivery.rule))
        return self.by_rule(rule, delivery, event)

    def by_rule(self, rule: Rule, delivery: Delivery, event: Event) -> Note:
        """The same by a rule that may not be in force. ValueError for a template that is not one."""
        key = key_of(delivery, self.instance())
        code = "" if event.digest else code_of(event)
        if rule.codes == "redact":
            event, code = hidden(event), ""
        subject, text, brief = _own(event, code if rule.codes == "first" else "")
        return Note(
            key=key,
            event=event,
            subject=eventtext.line(subject),
            text=text,
            brief=brief,
            own_words=False,
            code=code,
            priority=rule.priority,
            document=document(key, delivery, event),
            values={},
        )


def _own(event: Event, code: str) -> tuple[str, str, str]:
    """Subject, text and brief text in our words, with the code first if there is one."""
    if event.digest:
        from homeline.service import digesttext  # only where something waited

        return digesttext.subject(event), digesttext.text(event), digesttext.text(event)
    head = f"Code: {code}\n\n" if code else ""
    subject = f"Code {code}: {eventtext.subject(event)}" if code else eventtext.subject(event)
    return subject, head + eventtext.body(event), head + eventtext.brief(event)


def code_of(event: Event) -> str:
    """The one-time code that a message carries; "" if there is none."""
    return onetime.find(event.text) if event.kind is EventKind.MESSAGE else ""


def hidden(event: Event) -> Event:
    """The event, and what goes out with it, with the digits of every one-time code replaced."""
    digest = tuple(hidden(each) for each in event.digest)
    codes = [found.code for found in onetime.find_all(event.text)] if event.kind in _WITH_CODES else []
    if not codes:
        return replace(event, digest=digest) if digest else event
    message = event.message
    return replace(
        event,
        text=onetime.hide(event.text, codes),
        message=message and replace(message, text=onetime.hide(message.text, codes)),
        fields={name: onetime.hide(value, codes) for name, value in event.fields.items()},
        digest=digest,
    )


def key_of(delivery: Delivery, instance: str) -> str:
    """The idempotency key: what makes this delivery differ from every other of this and other routers."""
    return f"{delivery.event}.{delivery.rule}.{delivery.channel}.{delivery.revision}-{instance}"
