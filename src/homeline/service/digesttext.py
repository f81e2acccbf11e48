"""What waited and goes out as one, in words: how much of what, then each with its heading and text, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from homeline.model import Event
from homeline.service import eventtext

LONGEST = 60_000  # characters of all texts together: what every channel can hold
_UNCOUNTED = frozenset(("SMS", "USSD", "Voicemail"))  # one SMS, two SMS


def subject(event: Event) -> str:
    """How many there are of each kind, such as "3 SMS, 1 missed call", and from when to when."""
    counts = Counter(eventtext.noun(each) for each in event.digest)
    listed = ", ".join(f"{count} {_noun(noun, count)}" for noun, count in counts.items())
    moments = sorted(map(eventtext.moment, event.digest))
    return f"{listed}, {eventtext.words(*moments[0])} to {eventtext.words(*moments[-1])}"


def _noun(noun: str, count: int) -> str:
    word, _, last = noun.rpartition(" ")
    last = last if last in _UNCOUNTED else last.lower()
    plural = "" if count == 1 or last in _UNCOUNTED else "s"
    return f"{word.lower() if word else ''} {last}{plural}".strip()


def text(event: Event) -> str:
    """All of them in our words."""
    return joined(event, (eventtext.brief(each) for each in event.digest))


def joined(event: Event, texts: Iterable[str]) -> str:
    """The heading, then each event's own heading and its text, cut where all would be too long."""
    room = LONGEST // len(event.digest)
    entries = (
        f"{eventtext.line(eventtext.subject(each))}\n"
        + _indented(content if len(content) <= room else content[: room - 1] + "…")
        for each, content in zip(event.digest, texts, strict=True)
    )
    return eventtext.whole("\n\n".join((subject(event), *entries)) + "\n")


def _indented(content: str) -> str:
    """So that a text cannot look like another event, with a heading of its own."""
    return "".join(f"  {line}" for line in content.splitlines(keepends=True))
