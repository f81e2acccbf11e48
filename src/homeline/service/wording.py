"""What a delivery says: the event as its rule wants it shown, in words and as a document.

Every channel asks here and only here, so what a rule hides is hidden in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from homeline.config import Config, Rule
from homeline.model import Delivery, Event, EventKind
from homeline.service import eventtext
from homeline.service.document import document
from homeline.service.note import Note, code_of

__all__ = ["Note", "Wording"]

_WITH_CODES = (EventKind.MESSAGE, EventKind.REPORT)  # a report has the text of the message that we sent


@dataclass(frozen=True, slots=True)
class Wording:
    """`config` gives the configuration in force; `instance` the store's random id, which tells routers apart."""

    config: Callable[[], Config]
    instance: Callable[[], str]

    def note(self, delivery: Delivery, event: Event) -> Note:
        """What to send for a delivery. A rule that is gone may have hidden one-time codes, so they are hidden then."""
        gone = Rule(delivery.rule, codes="redact")
        rule = next((rule for rule in self.config().rules if rule.name == delivery.rule), gone)
        return self.by_rule(rule, delivery, event)

    def by_rule(self, rule: Rule, delivery: Delivery, event: Event) -> Note:
        """The same by a rule that may not be in force. ValueError for a template that is not one."""
        key = key_of(delivery, self.instance())
        code = "" if event.digest else code_of(event)
        if rule.codes == "redact":
            event, code = hidden(event), ""
        head = code if rule.codes == "first" else ""
        subject, text, brief = _own(event, head)
        said = document(key, rule, event, code, subject, self._number(event))
        note = Note(key, event, subject, text, brief, False, code, head, rule.priority, rule.name, said)
        if not rule.subject and not rule.template:
            return note
        from homeline.service.filling import in_the_owners_words  # only where a rule has words of its own

        return in_the_owners_words(note, rule.subject, rule.template)

    def fill(self, source: str, note: Note) -> str:
        """A template that is no rule's, such as a webhook's body, for a note. ValueError where it is no template."""
        from homeline.service.filling import fill

        return fill(source, note)

    def _number(self, event: Event) -> str:
        """Our own number, as far as it is configured."""
        return next((dongle.number for dongle in self.config().dongles if dongle.name == event.dongle), "")


def _own(event: Event, code: str) -> tuple[str, str, str]:
    """Subject, text and brief text in our words, with the code first if there is one."""
    if event.digest:
        from homeline.service import digesttext  # only where something waited

        words = digesttext.text(event)
        return eventtext.line(digesttext.subject(event)), words, words
    head = f"Code: {code}\n\n" if code else ""
    subject = f"Code {code}: {eventtext.subject(event)}" if code else eventtext.subject(event)
    return eventtext.line(subject), head + eventtext.body(event), head + eventtext.brief(event)


def hidden(event: Event) -> Event:
    """The event, and what goes out with it, with the digits of every one-time code replaced."""
    from homeline.core import onetime  # loaded with the first message

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
