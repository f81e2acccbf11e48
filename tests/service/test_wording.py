"""What a delivery says: our words or the owner's, one-time codes first or hidden, and what waited as one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from homeline.config import Config, Dongle, Rule
from homeline.model import (
    Call,
    CallDirection,
    CallState,
    Delivery,
    Direction,
    Event,
    EventKind,
    Message,
    MessageState,
    Priority,
)
from homeline.protocol.template import FIELDS
from homeline.service import digesttext, filling
from homeline.service.note import Note
from homeline.service.wording import Wording
from hostile import HOSTILE
from wording_kit import noted, wording

AT = 1_714_564_980  # 2024-05-01 12:03:00 UTC
DELIVERY = Delivery(12, 7, "all", "me")
BANK = "Your code is 482-913. Never share 482913."


def sms(text: str = "hello", event: int = 7, peer: str = "+41791112233", **fields: Any) -> Event:
    message = Message(event, Direction.IN, MessageState.RECEIVED, "stick", "8941", peer, peer, text=text, at=AT + 5)
    message = replace(message, **({"sent_at": AT, "sent_offset": 120} | fields))
    return Event(event, EventKind.MESSAGE, AT + 5, "stick", peer, text, message)


def missed(event: int = 8) -> Event:
    call = Call(event, CallDirection.IN, CallState.MISSED, "u", "stick", "home", "+4144", "044", "Bob", "+4179")
    return Event(
        event, EventKind.CALL, AT + 100, "stick", "+4144", call=replace(call, started_at=AT + 60, ended_at=AT + 90)
    )


ALERT = Event(
    9, EventKind.ALERT, AT, "", text="The disk is full.",
    fields={"alert": "3", "key": "disk.full", "severity": "critical", "advice": "Delete something."},
)  # fmt: skip
REPORT = Event(
    10, EventKind.REPORT, AT, "stick", "+4179", BANK, fields={"message": "4", "status": "delivered", "error": ""}
)
USSD = Event(11, EventKind.USSD, AT, "stick", "*100#", "5.00 CHF", fields={"code": "*100#"})


def bundle(*events: Event) -> Event:
    return replace(events[0], digest=events)


def everything(note: Note) -> str:
    """All that a channel could show."""
    return "\n".join([note.subject, note.text, note.brief, repr(note.event), json.dumps(note.document)])


def test_our_words() -> None:
    note = noted(DELIVERY, sms())
    assert note.subject == "SMS from +41791112233, 2024-05-01 14:03:00 +02:00"
    assert note.text.startswith("hello\n\n-- \nEvent: SMS 7\n")
    assert note.brief == "hello"
    assert (note.key, note.rule, note.code, note.own_words) == ("7.all.me.0-5f3a", "all", "", False)
    assert note.priority is Priority.NORMAL


def test_a_code_comes_first() -> None:
    note = noted(DELIVERY, sms(BANK))
    assert note.code == "482913"
    assert note.subject == "Code 482913: SMS from +41791112233, 2024-05-01 14:03:00 +02:00"
    assert note.text.startswith(f"Code: 482913\n\n{BANK}\n\n-- \n")
    assert note.brief == f"Code: 482913\n\n{BANK}"
    assert note.document["code"] == note.head == "482913"


def test_a_code_is_left_where_it_is() -> None:
    note = noted(DELIVERY, sms(BANK), codes="text")
    assert note.subject.startswith("SMS from ")
    assert note.text.startswith(BANK)
    assert (note.code, note.head) == ("482913", "")


@pytest.mark.parametrize("template", ["", "{text} {code} {body} {subject}"])
@pytest.mark.parametrize(
    "event",
    [
        sms(BANK),
        REPORT,
        bundle(sms("hello", 5), sms(BANK)),
        bundle(sms(BANK), missed()),
        bundle(REPORT, ALERT),
        sms("@example.org #482913"),
        replace(sms(BANK), fields={"pdu": "x 482 913"}),
    ],
)
def test_a_hidden_code_is_nowhere(event: Event, template: str) -> None:
    note = noted(DELIVERY, event, codes="redact", template=template, subject=template)
    shown = everything(note)
    for form in ("482913", "482-913", "482 913"):
        assert form not in shown
    assert "******" in shown
    assert note.code == ""
    assert "482913" in everything(noted(DELIVERY, event)), "the event itself is as it was"


def test_a_message_without_a_code_is_the_same_object_when_codes_are_hidden() -> None:
    event = sms()
    assert noted(DELIVERY, event, codes="redact").event is event


def test_the_owners_words() -> None:
    note = noted(
        DELIVERY, sms(BANK), subject="{who}\\n{code}", template="{clock} {text|first 9}", priority=Priority.HIGH
    )
    assert note.subject == "+41791112233 482913"
    assert (note.text, note.brief, note.own_words) == ("14:03 Your cod…", "14:03 Your cod…", True)
    assert note.priority is Priority.HIGH
    note = noted(DELIVERY, sms(BANK), subject="new")
    assert (note.subject, note.own_words) == ("new", False)
    assert note.text.startswith("Code: 482913\n")


def test_the_rule_in_force_decides_and_of_one_that_is_gone_codes_are_hidden() -> None:
    made = wording("5f3a", Rule("other"), Rule("all", template="mine"))
    assert made.note(DELIVERY, sms()).text == "mine"
    gone = replace(DELIVERY, rule="gone")
    assert made.note(gone, sms()).brief == "hello"
    note = made.note(gone, sms(BANK))
    assert "482913" in BANK
    assert "482913" not in f"{note}"


def test_a_webhooks_body_is_filled_with_the_rules_words() -> None:
    made = wording("5f3a", Rule("all", template="mine: {text}"))
    note = made.note(DELIVERY, sms('a "quoted" word'))
    assert made.fill('{{"t": {body|json}, "x": {text|json}}', note) == (
        '{"t": "mine: a \\"quoted\\" word", "x": "a \\"quoted\\" word"}'
    )
    with pytest.raises(ValueError, match="column 1"):
        made.fill("{nothing}", note)


# -- fields ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [sms(), missed(), ALERT, REPORT, USSD, bundle(sms(), missed())])
def test_every_field_has_a_value_for_every_event(event: Event) -> None:
    values = filling.values(noted(DELIVERY, event))
    assert list(values) == list(FIELDS)
    assert all(isinstance(value, str) for value in values.values())


@pytest.mark.parametrize(
    ("event", "template", "filled"),
    [
        (sms(BANK, peer_name="My Bank"), "{code} {from} {name} {who}",
         "482913 +41791112233 My Bank My Bank (+41791112233)"),
        (sms(), "{dongle} {kind} {what} {state} {id} {rule} {priority}", "stick message SMS received 7 all normal"),
        (sms(), "{time}|{date}|{clock}|{iso}|{at}",
         "2024-05-01 14:03:00 +02:00|2024-05-01|14:03|2024-05-01T14:03:00+02:00|1714564980"),
        (sms(), "{to}", "+41790000000"),
        (missed(), "{what} {who} {state} {to} {seconds|or \"0\"}", "Missed call Bob (+4144) missed +4179 0"),
        (ALERT, "{severity} {key}: {text} {advice}{who}{from}",
         "critical disk.full: The disk is full. Delete something."),
        (REPORT, "{what} {from} {state}", "Delivery report +4179 delivered"),
        (USSD, "{from}: {text}", "*100#: 5.00 CHF"),
    ],
)  # fmt: skip
def test_what_fields_say(event: Event, template: str, filled: str) -> None:
    config = Config(rules=(Rule("all", template=template),), dongles=(Dongle("stick", number="+41790000000"),))
    assert Wording(lambda: config, lambda: "5f3a").note(DELIVERY, event).text == filled


def test_how_long_a_call_or_a_message_was() -> None:
    call = missed().call
    assert call is not None
    for change, seconds in (
        ({"answered_at": AT + 70, "state": CallState.ANSWERED}, "20"),
        ({"recording_seconds": 17, "state": CallState.VOICEMAIL, "recording": "x.wav"}, "17"),
        ({}, ""),
    ):
        event = replace(missed(), call=replace(call, **change))
        assert filling.values(noted(DELIVERY, event))["seconds"] == seconds


# -- what waited ----------------------------------------------------------------------------------------------------


def test_a_digest_word_for_word() -> None:
    note = noted(DELIVERY, bundle(sms("one", 7), missed(8), sms(BANK, 9), ALERT))
    assert note.subject == "2 SMS, 1 missed call, 1 alert, 2024-05-01 12:03:00 +00:00 to 2024-05-01 12:04:00 +00:00"
    assert (
        note.text
        == note.brief
        == (
            f"{note.subject}\n\n"
            "SMS from +41791112233, 2024-05-01 14:03:00 +02:00\n  one\n\n"
            "Missed call from Bob (+4144), 2024-05-01 12:04:00 +00:00\n  It rang for 30 s; nobody answered.\n\n"
            f"SMS from +41791112233, 2024-05-01 14:03:00 +02:00\n  {BANK}\n\n"
            "Alert: The disk is full.\n  The disk is full.\n  \n  Delete something.\n"
        )
    )
    assert note.code == ""


def test_a_digest_in_the_owners_words() -> None:
    note = noted(DELIVERY, bundle(sms("one"), sms(BANK)), template="{text|first 3}! {code}", subject="new")
    assert note.subject.startswith("2 SMS, ")
    heading = "SMS from +41791112233, 2024-05-01 14:03:00 +02:00"
    assert note.text == f"{note.subject}\n\n{heading}\n  one! \n\n{heading}\n  Yo…! 482913\n"
    assert note.own_words


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028"])
def test_no_text_looks_like_another_event_of_a_digest(end: str) -> None:
    forged = f"hello{end}{end}SMS from +41444444444, 2024-05-01 14:03:00 +02:00{end}Your code is 123456"
    for options in ({}, {"template": "{text}"}):
        note = noted(DELIVERY, bundle(sms(forged), sms("x")), **options)
        assert [line for line in note.text.splitlines() if line.startswith("SMS from +414")] == []
        assert len([line for line in note.text.splitlines() if line.startswith("SMS from +417")]) == 2


def test_kinds_are_counted_in_words() -> None:
    events = [
        sms(),
        missed(),
        missed(),
        USSD,
        USSD,
        REPORT,
        replace(sms(""), text="", message=sms("", data=b"x").message),
    ]
    subject = digesttext.subject(bundle(*events))
    assert subject.startswith("1 SMS, 2 missed calls, 2 USSD, 1 delivery report, 1 binary SMS, ")


def test_a_digest_of_long_texts_is_bounded() -> None:
    note = noted(DELIVERY, bundle(*(sms("€" * 39_000, n) for n in range(1, 101))))
    assert len(note.text) < digesttext.LONGEST + 100 * 80
    assert note.text.count("€…") == 100


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_mere_text_in_our_and_the_owners_words(text: str) -> None:
    shown = text.encode("utf-8", "replace").decode()
    for options in ({}, {"template": "<{text}>", "subject": "<{text}>"}, {"codes": "redact"}):
        note = noted(DELIVERY, sms(text, peer=text), **options)
        assert shown[:60_000] in note.text
        assert note.subject.isprintable()
        note.text.encode()
        note.brief.encode()
    digest = noted(DELIVERY, bundle(sms(text), sms("x")))
    assert "".join(f"  {line}" for line in shown[:29_000].splitlines(keepends=True)) in digest.text
    digest.text.encode()
