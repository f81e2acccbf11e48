"""Rules: which events go where, and the words that say why not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.config import Rule
from homeline.core.rules import CRITERIA, explain, glob, match
from homeline.model import Call, CallDirection, CallState, Direction, Event, EventKind, Message, MessageState, Wanted
from hostile import HOSTILE

NOW = 1_700_000_000


def sms(peer: str = "+41791234567", raw: str = "", dongle: str = "home", direction: Direction = Direction.IN) -> Event:
    message = Message(7, direction, MessageState.RECEIVED, dongle, "89410", peer, raw or peer, text="hello", at=NOW)
    return Event(7, EventKind.MESSAGE, NOW, dongle, peer, "hello", message)


def call(state: CallState, peer: str = "+41791234567", raw: str = "") -> Event:
    kind = EventKind.VOICEMAIL if state is CallState.VOICEMAIL else EventKind.CALL
    return Event(
        9, kind, NOW, "home", peer, call=Call(9, CallDirection.IN, state, "1.1", "home", "", peer, raw or peer)
    )


def calls(*events: EventKind, **options: Any) -> Rule:
    return Rule("r", events=events, channels=("me",), **options)


ALERT = Event(8, EventKind.ALERT, NOW, "", text="The disk is full.")
MAIL = Rule("mail", channels=("me",))


@pytest.mark.parametrize(
    ("rule", "event", "failing"),
    [
        (MAIL, sms(), set()),
        (Rule("r", enabled=False, channels=("me",)), sms(), {"enabled"}),
        (MAIL, ALERT, {"events"}),
        (MAIL, sms(direction=Direction.OUT), {"events"}),
        (Rule("r", events=(EventKind.ALERT, EventKind.USSD), channels=("me",)), ALERT, set()),
        (Rule("r", events=(), channels=("me",)), sms(), {"events"}),
        (Rule("r", dongles=("home", "boat"), channels=("me",)), sms(), set()),
        (Rule("r", dongles=("boat",), channels=("me",)), sms(), {"dongles"}),
        # an alert about everything passes a rule for one dongle and for some senders
        (Rule("r", events=(EventKind.ALERT,), dongles=("boat",), senders=("+41*",), channels=("me",)), ALERT, set()),
        (Rule("r", events=(EventKind.ALERT,), not_senders=("*",), channels=("me",)), ALERT, set()),
        (Rule("r", senders=("+41791234567",), channels=("me",)), sms(), set()),
        (Rule("r", senders=("+4179*",), channels=("me",)), sms(), set()),
        (Rule("r", senders=("+4178*",), channels=("me",)), sms(), {"senders"}),
        (Rule("r", senders=("+41 79 123 45 67",), channels=("me",)), sms(), set()),
        (Rule("r", senders=("0791234567",), channels=("me",)), sms(raw="0791234567"), set()),
        (Rule("r", senders=("mybank",), channels=("me",)), sms("MyBank"), set()),
        (Rule("r", senders=("*",), channels=("me",)), sms(""), set()),
        (Rule("r", senders=("+*",), channels=("me",)), sms(""), {"senders"}),
        (Rule("r", not_senders=("MyBank", "+41*"), channels=("me",)), sms(), {"not_senders"}),
        (Rule("r", not_senders=("+49*",), channels=("me",)), sms(), set()),
        (Rule("r", senders=("+41*",), not_senders=("+41791234567",), channels=("me",)), sms(), {"not_senders"}),
        (calls(EventKind.CALL), call(CallState.MISSED), set()),
        (calls(EventKind.CALL), call(CallState.VOICEMAIL), set()),
        (calls(EventKind.CALL), call(CallState.ANSWERED), {"calls"}),
        (calls(EventKind.CALL, calls=(CallState.FAILED,)), call(CallState.FAILED), set()),
        (calls(EventKind.CALL, calls=(CallState.FAILED,)), call(CallState.VOICEMAIL), {"calls"}),
        (calls(EventKind.CALL, EventKind.VOICEMAIL, calls=(CallState.FAILED,)), call(CallState.VOICEMAIL), set()),
        (calls(EventKind.VOICEMAIL, calls=(CallState.FAILED,)), call(CallState.VOICEMAIL), set()),
        (calls(EventKind.VOICEMAIL), call(CallState.MISSED), {"events"}),
        (calls(EventKind.CALL, senders=("079*",)), call(CallState.MISSED, raw="0791234567"), set()),
        (calls(EventKind.CALL, not_senders=("+4179*",)), call(CallState.MISSED), {"not_senders"}),
        (MAIL, call(CallState.MISSED), {"events"}),
        (
            Rule("r", False, (EventKind.MESSAGE,), ("x",), ("y",), ("*",), ("me",), calls=(), times=("00:01-00:02",)),
            call(CallState.MISSED),
            {row.name for row in CRITERIA} - {"quiet", "alerts", "patterns", "not_patterns"},  # a call has none
        ),
    ],
)
def test_a_rule_matches_when_all_criteria_hold(rule: Rule, event: Event, failing: set[str]) -> None:
    findings = explain(rule, event, NOW)
    assert [finding.criterion for finding in findings] == [row.name for row in CRITERIA]
    assert {finding.criterion for finding in findings if not finding.matched} == failing
    assert match([rule], event, NOW) == ([] if failing else [Wanted(rule.name, "me")])


def test_one_delivery_for_each_rule_and_channel() -> None:
    rules = [
        Rule("a", channels=("me", "you", "me")),
        Rule("off", enabled=False, channels=("me",)),
        Rule("b", channels=("me",)),
        Rule("c", channels=()),
    ]
    assert match(rules, sms(), NOW) == [Wanted("a", "me"), Wanted("a", "you"), Wanted("b", "me")]
    assert match([], sms(), NOW) == []


def test_the_words_name_what_was_compared() -> None:
    rule = Rule("r", events=(EventKind.CALL,), dongles=("boat",), senders=("+41*",), not_senders=("Bank",))
    words = {finding.criterion: finding.words for finding in explain(rule, sms("Bank", raw="BANK"), NOW)}
    assert words == {
        "enabled": "the rule is in use",
        "events": "it is of kind message; the rule takes call",
        "calls": "it is no call",
        "dongles": "it came through home; the rule takes boat",
        "senders": "it is from Bank or BANK; the rule takes +41*",
        "not_senders": "it is from Bank or BANK; the rule leaves out Bank",
        "alerts": "it is no alert",
        "patterns": "the rule takes every text",
        "not_patterns": "the rule leaves out no text",
        "times": "the rule takes every time",
        "quiet": "the rule has no quiet hours",
    }


def test_the_words_about_a_call() -> None:
    words = {
        finding.criterion: finding.words for finding in explain(calls(EventKind.CALL), call(CallState.FAILED), NOW)
    }
    assert words["calls"] == "the call is failed; the rule takes missed, voicemail"


def saying(text: str, kind: EventKind = EventKind.MESSAGE, **fields: str) -> Event:
    event = sms()
    assert event.message is not None
    message = replace(event.message, text=text) if kind is EventKind.MESSAGE else None
    return replace(event, kind=kind, text=text, message=message, fields=fields)


FULL = saying("The SIM is full.", EventKind.ALERT, key="dongle.home.storage")


@pytest.mark.parametrize(
    ("options", "event", "criterion", "matched", "words"),
    [
        ({"events": ("code",)}, saying("Your code is 482913"), "events", True,
         "it is of kind message with a one-time code; the rule takes code"),
        ({"events": ("code",)}, saying("Lunch at 1230?"), "events", False,
         "it is of kind message without a one-time code; the rule takes code"),
        ({"events": ("code",)}, saying("Your code is 482913", EventKind.REPORT), "events", False,
         "it is of kind report; the rule takes code"),
        ({"events": ("code", "message")}, saying("hello"), "events", True,
         "it is of kind message without a one-time code; the rule takes code, message"),
        ({"events": ("code",)}, sms(direction=Direction.OUT), "events", False, "it is an outgoing message"),
        ({"alerts": ("dongle.*",)}, FULL, "alerts", True, "the alert is dongle.home.storage; the rule takes dongle.*"),
        ({"alerts": ("sim.*", "database.opened")}, FULL, "alerts", False,
         "the alert is dongle.home.storage; the rule takes sim.*, database.opened"),
        ({}, FULL, "alerts", True, "the alert is dongle.home.storage; the rule takes every alert"),
        ({"alerts": ("sim.*",)}, ALERT, "alerts", False, "the alert is one without a key; the rule takes sim.*"),
        ({"alerts": ("sim.*",)}, sms(), "alerts", True, "it is no alert"),
        ({"patterns": ("bank", "^urgent")}, saying("My BANK"), "patterns", True, "the text has bank"),
        ({"patterns": ("bank", "^urgent")}, saying("not urgent"), "patterns", False,
         "the text has none of bank, ^urgent"),
        ({"patterns": ("full",)}, FULL, "patterns", True, "the text has full"),
        ({"patterns": (r"\d+\.\d\d",)}, saying("5.00 CHF", EventKind.USSD), "patterns", True,
         r"the text has \d+\.\d\d"),
        ({"patterns": ("x",)}, call(CallState.MISSED), "patterns", True, "a call has no text"),
        ({"not_patterns": ("stop",)}, saying("Stop to 1234"), "not_patterns", False, "the text has stop"),
        ({"not_patterns": ("stop",)}, saying("hello"), "not_patterns", True, "the text has none of stop"),
        ({"not_patterns": (".*",)}, call(CallState.MISSED), "not_patterns", True, "a call has no text"),
    ],
)  # fmt: skip
def test_what_a_rule_says_of_texts_codes_and_alerts(
    options: dict[str, Any], event: Event, criterion: str, matched: bool, words: str
) -> None:
    if "events" in options:
        options = {"events": tuple(map(EventKind, options["events"]))}
    rule = replace(Rule("r", events=tuple(EventKind), channels=("me",)), **options)
    found = {finding.criterion: finding for finding in explain(rule, event, NOW)}
    assert (found[criterion].matched, found[criterion].words) == (matched, words)
    assert bool(match([rule], event, NOW)) is matched


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_match_what_they_say_and_nothing_else(text: str) -> None:
    rule = Rule("r", patterns=("(.+)+$|(a|aa)+b",), not_patterns=("not in any of them",), channels=("me",))
    assert bool(match([rule], saying(text), NOW)) is bool(text.strip("\n"))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("", "", True),
        ("", "x", False),
        ("*", "", True),
        ("*", "anything\nat all", True),
        ("ab*ba", "aba", False),  # the ends may not overlap
        ("ab*ba", "abba", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("*b*", "abc", True),
        ("**", "x", True),
        ("a?c", "abc", False),  # only * is special
        ("a?c", "A?C", True),
        ("[a]", "a", False),
        ("STRASSE", "straße", True),  # case folding, not lower case
        ("My Bank", "my bank", True),  # separators are dropped from numbers only
        ("0041 (79) 1/2.3-4*", "0041791234999", True),
        ("Bank", " bank ", True),
    ],
)
def test_glob(pattern: str, text: str, matches: bool) -> None:
    assert glob(pattern, text) is matches


@given(st.lists(st.text(alphabet="ab1", max_size=3), min_size=1, max_size=4), st.text(alphabet="ab1", max_size=12))
def test_glob_agrees_with_a_search_by_hand(pieces: list[str], text: str) -> None:
    def by_hand(pattern: str, rest: str) -> bool:
        if not pattern:
            return not rest
        if pattern[0] == "*":
            return any(by_hand(pattern[1:], rest[at:]) for at in range(len(rest) + 1))
        return rest[:1] == pattern[0] and by_hand(pattern[1:], rest[1:])

    pattern = "*".join(pieces)
    assert glob(pattern, text) is by_hand(pattern, text)


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_sender_and_any_pattern_give_an_answer(sender: str, pattern: str) -> None:
    event = sms(sender)
    matched = match([Rule("r", senders=(pattern,), channels=("me",))], event, NOW)
    avoided = match([Rule("r", not_senders=(pattern,), channels=("me",))], event, NOW)
    assert bool(matched) is not bool(avoided)


def test_a_long_hostile_sender_costs_little() -> None:
    event = sms("a" * 100_000)
    rule = Rule("r", senders=("*a" * 31 + "*b",), channels=("me",))
    begin = time.process_time()
    assert match([rule], event, NOW) == []
    assert time.process_time() - begin < 1.0
