"""When rules count and when their deliveries wait, by the router's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from homeline.config import Rule
from homeline.core.rules import explain, match
from homeline.model import Direction, Event, EventKind, Message, MessageState, Priority, Wanted

NOW = 1_800_000_000  # 2027-01-15 08:00 UTC


def message(text: str = "hello") -> Event:
    received = Message(
        7, Direction.IN, MessageState.RECEIVED, "home", "89410", "+41791234567", "+41791234567", text=text
    )
    return Event(7, EventKind.MESSAGE, NOW, "home", "+41791234567", text, received)


@pytest.fixture
def zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


FRIDAY_NOON = NOW + 3 * 3600  # 12:00 in Zurich, 2027-01-15
NIGHT = FRIDAY_NOON + 11 * 3600
MORNING = FRIDAY_NOON + 19 * 3600


@pytest.mark.usefixtures("zurich")
def test_a_rule_counts_at_its_times() -> None:
    rule = Rule("r", times=("mon-fri 08:00-18:00", "sat"), channels=("mail",))
    assert [bool(match([rule], message(), at)) for at in (FRIDAY_NOON, NIGHT, MORNING)] == [True, False, True]
    words = {finding.criterion: finding for finding in explain(rule, message(), NIGHT)}
    assert words["times"] == ("times", False, "it is fri 23:00; the rule takes mon-fri 08:00-18:00, sat")
    assert words["quiet"] == ("quiet", True, "the rule has no quiet hours")


@pytest.mark.usefixtures("zurich")
def test_what_comes_in_quiet_hours_waits_until_they_are_over() -> None:
    rule = Rule("r", quiet=("22:00-07:00",), digest=True, priority=Priority.HIGH, channels=("mail", "mqtt"))
    assert match([rule], message(), FRIDAY_NOON) == [
        Wanted("r", "mail", priority=Priority.HIGH),
        Wanted("r", "mqtt", priority=Priority.HIGH),
    ]
    assert match([rule], message(), NIGHT) == [
        Wanted("r", channel, MORNING, True, Priority.HIGH) for channel in ("mail", "mqtt")
    ]
    (words,) = [finding for finding in explain(rule, message(), NIGHT) if finding.criterion == "quiet"]
    assert words.matched
    assert words.words == "it is fri 23:00: quiet, so it waits until sat 07:00"


@pytest.mark.usefixtures("zurich")
def test_a_router_that_does_not_know_the_time_forwards_at_once() -> None:
    rule = Rule("r", times=("mon 03:00-03:01",), quiet=("00:00-23:59",), digest=True, channels=("mail",))
    assert match([rule], message(), 86400) == [Wanted("r", "mail")]


def test_quiet_hours_without_an_end_hold_nothing() -> None:
    rule = Rule("r", quiet=("mon-sun",), digest=True, channels=("mail",))
    assert match([rule], message(), NOW) == [Wanted("r", "mail")]


@pytest.mark.usefixtures("zurich")
def test_a_one_time_code_does_not_wait_unless_the_rule_is_about_codes() -> None:
    code = message("Your verification code is 482913. Do not share it.")
    quiet = Rule("r", quiet=("22:00-07:00",), channels=("mail",))
    assert match([quiet], code, NIGHT) == [Wanted("r", "mail")]
    (words,) = [finding.words for finding in explain(quiet, code, NIGHT) if finding.criterion == "quiet"]
    assert words == "it carries a one-time code, which does not wait"
    named = replace(quiet, events=(EventKind.MESSAGE, EventKind.CODE))
    assert match([named], code, NIGHT) == [Wanted("r", "mail", MORNING)]
