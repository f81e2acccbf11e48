"""Which messages get an automatic answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homeline.config import Config, Dongle
from homeline.config_automatic import AutoReply
from homeline.config_channels import Sms
from homeline.core import answering
from homeline.model import Direction, Event, EventKind, Message, MessageState, Wanted
from hostile import HOSTILE, SENDERS

NOW = 1_800_000_000
ANN = "+41791112233"
SECTION = AutoReply("away", text="I am abroad.")
CONFIG = Config(
    dongles=(Dongle("home", number="+41790000001"),),
    accounts=(Sms("me", ("+447700900123",)),),
    auto_replies=(SECTION,),
)


def sms(text: str = "Hello, how are you?", peer: str = ANN, **options: Any) -> Event:
    fields: dict[str, Any] = {"text": text, "sent_at": NOW - 60, **options}
    direction = fields.pop("direction", Direction.IN)
    state = fields.pop("state", MessageState.RECEIVED)
    message = Message(7, direction, state, "home", "89410", peer, peer, **fields)
    return Event(7, EventKind.MESSAGE, NOW, "home", peer, text, message)


def test_a_persons_message_is_answered() -> None:
    assert answering.match(CONFIG, sms(), NOW) == [Wanted("away", "away")]
    assert answering.match(CONFIG, sms(state=MessageState.INCOMPLETE), NOW) == [Wanted("away", "away")]
    assert answering.match(replace(CONFIG, auto_replies=(replace(SECTION, enabled=False),)), sms(), NOW) == []


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (sms(peer="Bank"), "no telephone number"),
        (sms(peer=""), "no telephone number"),
        (sms(peer="12345"), "no telephone number"),
        (sms(peer="079 111 22 33"), "no telephone number"),
        (sms(peer="+41790000001"), "our own"),
        (sms(peer="+447700900123"), "our own"),
        (sms(state=MessageState.ARCHIVED), "ordinary"),
        (sms(error="cannot be decoded"), "ordinary"),
        (sms(data=b"\0\1"), "ordinary"),
        (sms(note="mms"), "ordinary"),
        (sms(ports=(2948, 9200)), "ordinary"),
        (sms(message_class=0), "ordinary"),
        (sms(sent_at=NOW - 90_000), "a day old"),
        (sms("Your verification code is 482913."), "a machine"),
        (sms("Automatic reply: I am on holiday"), "a machine"),
        (sms("Automatische Antwort: ich bin in den Ferien"), "a machine"),
        (sms("Your parcel comes today. Reply STOP to opt out."), "a machine"),
        (sms("Bitte nicht antworten. Ihr Termin ist morgen."), "a machine"),
    ],
)
def test_what_is_not_answered(event: Event, words: str) -> None:
    assert words in answering.refusal(event, NOW, answering.own_numbers(CONFIG))
    assert answering.match(CONFIG, event, NOW) == []


def test_only_messages_that_came_in_are_answered() -> None:
    assert answering.match(CONFIG, sms(direction=Direction.OUT), NOW) == []
    alert = Event(8, EventKind.ALERT, NOW, "home", text="The disk is full.")
    assert answering.match(CONFIG, alert, NOW) == []
    assert answering.refusal(alert, NOW, ()) == "it is no message"


def test_the_sections_own_criteria_count() -> None:
    def answered(event: Event, **options: Any) -> bool:
        config = replace(CONFIG, auto_replies=(replace(SECTION, **options),))
        return bool(answering.match(config, event, NOW))

    assert answered(sms(), senders=("+4179*",))
    assert not answered(sms(), senders=("+49*",))
    assert not answered(sms(), not_senders=("+4179*",))
    assert not answered(sms(), dongles=("boat",))
    assert answered(sms(), patterns=("how (are|is)",))
    assert not answered(sms(), patterns=("price",))
    assert not answered(sms(), not_patterns=("hello",))


def test_the_answer_is_explained() -> None:
    found = {finding.criterion: finding for finding in answering.explain(SECTION, CONFIG, sms(peer="Bank"), NOW)}
    assert found["senders"].matched
    assert found["answer"] == ("answer", False, "its sender is no telephone number that could be answered")
    assert all(finding.matched for finding in answering.explain(SECTION, CONFIG, sms(), NOW))


@pytest.mark.parametrize("sender", SENDERS)
def test_hostile_senders_get_nothing(sender: str) -> None:
    if not sender.startswith("+"):
        assert answering.match(CONFIG, sms(peer=sender), NOW) == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_decided_about(text: str) -> None:
    assert answering.match(CONFIG, sms(text), NOW) in ([], [Wanted("away", "away")])
