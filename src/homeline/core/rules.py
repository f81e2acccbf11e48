"""Which events go where: a rule selects events by criteria and names channels.

All criteria of a rule must hold. A criterion is one row of `CRITERIA`: a name, a test and the words that explain it. A
rule that names nothing for a criterion leaves it open. An event that has no such property passes it: an alert has no
sender, and one about the whole service has no dongle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from homeline.config import Rule
from homeline.core import times
from homeline.model import Direction, Event, EventKind, Wanted

_SEPARATORS = str.maketrans("", "", " -./()\u00a0")  # what people put between the digits of a number
_NUMBER = frozenset("+0123456789*")


class Finding(NamedTuple):
    """What one criterion said of one event."""

    criterion: str
    matched: bool
    words: str


class Criterion(NamedTuple):
    """One row: `holds(rule, event, now)` decides, `words(rule, event, now)` says what was compared."""

    name: str
    holds: Callable[[Rule, Event, int], bool]
    words: Callable[[Rule, Event, int], str]


def match(rules: Sequence[Rule], event: Event, now: int) -> list[Wanted]:
    """The deliveries that `rules` want of `event`: one for each matching rule and channel, in the order of both."""
    wanted = (
        delivery
        for rule in rules
        if all(criterion.holds(rule, event, now) for criterion in CRITERIA)
        for delivery in _wanted(rule, event, now)
    )
    return list(dict.fromkeys(wanted))  # a channel that a rule names twice gets one delivery


def _wanted(rule: Rule, event: Event, now: int) -> list[Wanted]:
    held = held_until(rule, event, now)
    digest = rule.digest and held > 0
    return [Wanted(rule.name, channel, held, digest, rule.priority) for channel in rule.channels]


def held_until(rule: Rule, event: Event, now: int) -> int:
    """When the rule's quiet hours end that hold this event; 0 where none do.

    Hours that never end hold nothing, nor do any while the router does not know the time. A one-time code is of no use
    in the morning: it waits only where the rule names `code` among its events.
    """
    if not rule.quiet or now < times.CLOCK_SET or not times.matches(rule.quiet, now):
        return 0
    if _cannot_wait(rule, event):
        return 0
    return times.ends(rule.quiet, now) or 0


def _cannot_wait(rule: Rule, event: Event) -> bool:
    return event.kind is EventKind.MESSAGE and EventKind.CODE not in rule.events and _has_code(event)


def explain(rule: Rule, event: Event, now: int) -> list[Finding]:
    """What each criterion of `rule` says of `event`. The rule matches if all matched."""
    return [Finding(row.name, row.holds(rule, event, now), row.words(rule, event, now)) for row in CRITERIA]


def glob(pattern: str, text: str) -> bool:
    """Whether `text` is like `pattern`, where `*` stands for any characters, none included. Case does not matter.

    A pattern that is a number may be written with separators (`+41 79 123 45 67`). Takes linear time for each part of
    the pattern, whatever a stranger wrote.
    """
    head, *tail = _plain(pattern).split("*")
    text = text.strip().casefold()
    if not tail:
        return text == head
    if not text.startswith(head):
        return False
    at = len(head)
    last = tail.pop()
    for piece in tail:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return len(text) - at >= len(last) and text.endswith(last)


def _plain(pattern: str) -> str:
    number = pattern.translate(_SEPARATORS)
    return number if number and _NUMBER.issuperset(number) else pattern.strip().casefold()


def _senders(event: Event) -> tuple[str, ...]:
    """The sender in E.164 and as the network wrote it. A withheld number is one empty text: `*` matches it."""
    source = event.message or event.call
    raw = source.peer_raw if source else ""
    return (event.peer, raw) if raw and raw != event.peer else (event.peer,)


def _from_any(patterns: Sequence[str], event: Event) -> bool:
    return any(glob(pattern, sender) for sender in _senders(event) for pattern in patterns)


def _has_sender(event: Event) -> bool:
    return event.kind is not EventKind.ALERT


def _outgoing(event: Event) -> bool:
    """A message that the owner sent: what becomes of it is told by reports and alerts, it is never forwarded itself."""
    message = event.message
    return event.kind is EventKind.MESSAGE and message is not None and message.direction is Direction.OUT


def _as_a_call(rule: Rule, event: Event) -> bool:
    """A rule for calls takes a message on the voicemail too, for that is what became of a call."""
    return (
        event.kind is EventKind.VOICEMAIL and EventKind.CALL in rule.events and EventKind.VOICEMAIL not in rule.events
    )


def _has_code(event: Event) -> bool:
    from homeline.core import onetime  # loaded with the first message

    return event.kind is EventKind.MESSAGE and bool(onetime.find(event.text))


def _event_holds(rule: Rule, event: Event, _now: int) -> bool:
    if event.kind in rule.events or _as_a_call(rule, event):
        return not _outgoing(event)
    return EventKind.CODE in rule.events and not _outgoing(event) and _has_code(event)


def _event_words(rule: Rule, event: Event, _now: int) -> str:
    if _outgoing(event):
        return "it is an outgoing message"
    code = ""
    if EventKind.CODE in rule.events and event.kind is EventKind.MESSAGE:
        code = f" with{'' if _has_code(event) else 'out'} a one-time code"
    return f"it is of kind {event.kind}{code}; the rule takes {_listed(rule.events)}"


def _call_holds(rule: Rule, event: Event, _now: int) -> bool:
    if event.call is None or (event.kind is EventKind.VOICEMAIL and not _as_a_call(rule, event)):
        return True
    return event.call.state in rule.calls


def _call_words(rule: Rule, event: Event, _now: int) -> str:
    if event.call is None:
        return "it is no call"
    return f"the call is {event.call.state}; the rule takes {_listed(rule.calls)}"


def _dongle_holds(rule: Rule, event: Event, _now: int) -> bool:
    return not rule.dongles or not event.dongle or event.dongle in rule.dongles


def _dongle_words(rule: Rule, event: Event, _now: int) -> str:
    if not rule.dongles:
        return "the rule takes every dongle"
    return f"it came through {event.dongle or 'no dongle'}; the rule takes {_listed(rule.dongles)}"


def _sender_holds(rule: Rule, event: Event, _now: int) -> bool:
    return not rule.senders or not _has_sender(event) or _from_any(rule.senders, event)


def _sender_words(rule: Rule, event: Event, _now: int) -> str:
    return _sender_sentence(rule.senders, event, "takes", "the rule takes every sender")


def _not_sender_holds(rule: Rule, event: Event, _now: int) -> bool:
    return not _has_sender(event) or not _from_any(rule.not_senders, event)


def _not_sender_words(rule: Rule, event: Event, _now: int) -> str:
    return _sender_sentence(rule.not_senders, event, "leaves out", "the rule leaves out no sender")


def _sender_sentence(patterns: Sequence[str], event: Event, verb: str, without: str) -> str:
    if not patterns:
        return without
    if not _has_sender(event):
        return "an alert has no sender"
    senders = " or ".join(sender or "an unknown sender" for sender in _senders(event))
    return f"it is from {senders}; the rule {verb} {_listed(patterns)}"


def _times_hold(rule: Rule, _event: Event, now: int) -> bool:
    return not rule.times or now < times.CLOCK_SET or times.matches(rule.times, now)


def _times_words(rule: Rule, _event: Event, now: int) -> str:
    if not rule.times:
        return "the rule takes every time"
    if now < times.CLOCK_SET:
        return "the router does not know the time, so no event is left out for it"
    return f"it is {times.shown(now)}; the rule takes {_listed(rule.times)}"


def _quiet_words(rule: Rule, event: Event, now: int) -> str:
    if not rule.quiet:
        return "the rule has no quiet hours"
    if held := held_until(rule, event, now):
        return f"it is {times.shown(now)}: quiet, so it waits until {times.shown(held)}"
    if _cannot_wait(rule, event):
        return "it carries a one-time code, which does not wait"
    return f"it is {times.shown(now)}; the rule is quiet at {_listed(rule.quiet)}"


def _alert_holds(rule: Rule, event: Event, _now: int) -> bool:
    if not rule.alerts or event.kind is not EventKind.ALERT:
        return True
    return any(glob(pattern, event.fields.get("key", "")) for pattern in rule.alerts)


def _alert_words(rule: Rule, event: Event, _now: int) -> str:
    if event.kind is not EventKind.ALERT:
        return "it is no alert"
    takes = _listed(rule.alerts) if rule.alerts else "every alert"
    return f"the alert is {event.fields.get('key') or 'one without a key'}; the rule takes {takes}"


def _has_text(event: Event) -> bool:
    return event.kind not in (EventKind.CALL, EventKind.VOICEMAIL)


def _pattern_in(patterns: Sequence[str], event: Event) -> str:
    """The first of the regular expressions that is somewhere in the event's text; "" if none is."""
    if not patterns:
        return ""
    from homeline.protocol.regex import compile_  # only where a rule has a pattern

    return next((pattern for pattern in patterns if compile_(pattern).found(event.text)), "")


def _pattern_holds(rule: Rule, event: Event, _now: int) -> bool:
    return not rule.patterns or not _has_text(event) or bool(_pattern_in(rule.patterns, event))


def _pattern_words(rule: Rule, event: Event, _now: int) -> str:
    return _pattern_sentence(rule.patterns, event, "the rule takes every text")


def _not_pattern_holds(rule: Rule, event: Event, _now: int) -> bool:
    return not _has_text(event) or not _pattern_in(rule.not_patterns, event)


def _not_pattern_words(rule: Rule, event: Event, _now: int) -> str:
    return _pattern_sentence(rule.not_patterns, event, "the rule leaves out no text")


def _pattern_sentence(patterns: Sequence[str], event: Event, without: str) -> str:
    if not patterns:
        return without
    if not _has_text(event):
        return "a call has no text"
    found = _pattern_in(patterns, event)
    return f"the text has {found}" if found else f"the text has none of {_listed(patterns)}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"


CRITERIA: tuple[Criterion, ...] = (
    Criterion(
        "enabled",
        lambda rule, _event, _now: rule.enabled,
        lambda rule, _event, _now: "the rule is in use" if rule.enabled else "the rule is switched off",
    ),
    Criterion("events", _event_holds, _event_words),
    Criterion("calls", _call_holds, _call_words),
    Criterion("dongles", _dongle_holds, _dongle_words),
    Criterion("senders", _sender_holds, _sender_words),
    Criterion("not_senders", _not_sender_holds, _not_sender_words),
    Criterion("alerts", _alert_holds, _alert_words),
    Criterion("patterns", _pattern_holds, _pattern_words),
    Criterion("not_patterns", _not_pattern_holds, _not_pattern_words),
    Criterion("times", _times_hold, _times_words),
    Criterion("quiet", lambda _rule, _event, _now: True, _quiet_words),  # only delays: it leaves nothing out
)
