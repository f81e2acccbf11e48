"""What the commands print: hostile text stays text on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import tables, tables_twilio

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\n\u202egnp.exe\u2066\x00\x9b31m\u2028next\ud800"


def harmless(text: str) -> bool:
    return all(
        c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or c in "\u200c\u200d" for c in text
    )


@given(st.text())
def test_plain_is_one_line_without_control_characters(text: str) -> None:
    shown = tables.plain(text)
    assert "\n" not in shown
    assert harmless(shown)


def test_plain_keeps_text_of_people() -> None:
    assert tables.plain("Grüße, नमस्ते, 你好 👍") == "Grüße, नमस्ते, 你好 👍"
    assert tables.plain("two\r\nlines") == "two⏎lines"


def test_columns_align_wide_and_combining_characters() -> None:
    table = tables.columns([["你好", "x"], ["e\u0301", "y"]], ["A", "B"]).split("\n")
    assert table == ["A     B", "你好  x", "e\u0301     y"]


MESSAGE = {
    "id": 7,
    "direction": "in",
    "state": "received",
    "unread": True,
    "parts": 1,
    "text": HOSTILE,
    "peer": HOSTILE,
    "dongle": "d1",
    "at": 1700000000,
}
STATUS = {
    "version": "1",
    "uptime": 90061,
    "unread": 3,
    "dongles": [{"name": "d1", "state": "ready", "reason": "", "since": 1, "operator": HOSTILE, "signal_dbm": -71}],
    "rules": [{"name": "r", "pending": 1, "failed": 2, "last_error": HOSTILE}],
    "problems": [{"where": "x", "text": HOSTILE, "advice": HOSTILE}],
    "asterisk": {
        "running": True,
        "version": HOSTILE,
        "since": 1,
        "configuration": "pending_restart",
        "trunks": [{"name": "byoc", "state": "reachable", "calls": 1, "contact": HOSTILE}],
        "phones": [{"name": "desk", "state": "registered", "calls": 0, "contacts": [{"address": HOSTILE}]}],
        "channels": [
            {"channel": "PJSIP/desk-1", "call": "1", "state": "up", "seconds": 75, "number": HOSTILE, "other": HOSTILE}
        ],
    },
    "channels": [
        {"name": "hook", "type": "webhook", "pending": 3, "failed": 4, "last_error": HOSTILE},
        {"name": "broker", "type": "mqtt", "pending": 0, "failed": 0, "connected": False},
    ],
    "schedules": [{"name": "alive", "action": "sms", "dongle": "d1", "every": 30, "next_at": 1, "error": HOSTILE}],
    "balances": [{"name": "prepaid", "dongle": "d1", "every": 7, "amount": "4.50", "unit": HOSTILE, "low": True}],
    "outbounds": [{"name": "swiss", "enabled": True, "seconds_left": 90}, {"name": "free", "enabled": True}],
}
RENDERED = {
    "files": [
        {"name": "pjsip.conf", "changed": True, "diff": f"--- a\n+{HOSTILE}"},
        {"name": "rtp.conf", "changed": True},
        {"name": "same.conf", "changed": False},
    ],
    "asterisk": "rolled_back",
    "error": HOSTILE,
    "problems": [{"where": "x", "text": HOSTILE, "advice": HOSTILE}],
}
MATCHES = {
    "rule": "all",
    "matches": True,
    "criteria": [{"criterion": "senders", "matched": True, "words": HOSTILE}],
    "channels": ["owner", "hook"],
    "subject": HOSTILE,
    "text": HOSTILE,
}
DIFFERS = {
    "rule": "bank",
    "matches": False,
    "criteria": [
        {"criterion": "enabled", "matched": True, "words": "the rule is in use"},
        {"criterion": "patterns", "matched": False, "words": HOSTILE},
    ],
    "channels": ["owner"],
}
EXPLAINED = {"rules": [MATCHES, DIFFERS], "preview": {"subject": HOSTILE, "text": HOSTILE}}
DELIVERY = {"id": 7, "event": 5, "rule": "r", "channel": "c", "state": "failed", "attempts": 2, "error": HOSTILE}
ALERT = {"id": 1, "key": HOSTILE, "text": HOSTILE, "severity": "warning", "acknowledged": True, "raised_at": 1}


@pytest.mark.parametrize(
    "shown",
    [
        tables.inbox({"messages": [MESSAGE], "more": True}),
        tables.one_message(
            {
                "message": MESSAGE,
                "parts": [{"number": 1, "pdu": HOSTILE}],
                "deliveries": [
                    {"id": 1, "rule": "r", "channel": "c", "state": "failed", "attempts": 1, "error": HOSTILE}
                ],
            }
        ),
        tables.status(STATUS),
        tables.rendered(RENDERED),
        tables.event("homeline.message.received", MESSAGE),
        tables.ussd({"text": HOSTILE, "more": True}),
        tables.explained(EXPLAINED),
        tables.explained({"rules": [], "preview": {"error": HOSTILE}}),
        tables.tested({"results": [{"channel": "c", "ok": False, "error": HOSTILE}]}),
        tables.deliveries({"deliveries": [DELIVERY]}),
        tables.alerts({"alerts": [{**ALERT, "advice": HOSTILE, "cleared_at": 5}]}),
        tables.sent({"id": 1, "state": "failed", "error": HOSTILE}),
    ],
)
def test_hostile_text_is_shown_as_text(shown: str) -> None:
    assert harmless(shown)
    assert "owned" in shown


def test_inbox_of_nothing() -> None:
    assert tables.inbox({"messages": []}) == "No messages."


def test_status_says_what_there_is() -> None:
    shown = tables.status(STATUS)
    assert "up 1 d 1 h" in shown
    assert "-71 dBm" in shown
    assert "Unread messages: 3" in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["swiss", "1", "min", "30", "s"] in lines and not [line for line in lines if line[:1] == ["free"]]
    assert ["webhook", "hook", "3", "4", "-"] in [line[:5] for line in lines]
    assert ["mqtt", "broker", "(not", "connected)", "0", "0", "-"] in lines
    assert [line[:3] for line in lines if line[:1] == ["schedule"]] == [["schedule", "alive", "sms"]]
    assert [line[:3] for line in lines if line[:1] == ["balance"]] == [["balance", "prepaid", "4.50"]]
    assert ["PJSIP/desk-1", "up", "1", "min", "15", "s"] in [line[:6] for line in lines]


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())) | st.just({HOSTILE: [HOSTILE, "\U000e0001"]}))
def test_json_is_the_same_value_and_harmless(value: object) -> None:
    for indent in (None, 2):
        shown = tables.as_json(value, indent)
        assert json.loads(shown) == value
        assert all(c == "\n" or c.isprintable() for c in shown)
        shown.encode()


def test_json_keeps_text_of_people() -> None:
    assert tables.as_json({"text": "Grüße, 你好 👍"}) == '{"text": "Grüße, 你好 👍"}'


def test_calls() -> None:
    assert tables.calls({"calls": [], "more": False}) == "No calls."
    answered = {
        "id": 9, "direction": "in", "state": "answered", "unread": False, "peer": "+41791112233", "name": "Ann",
        "through": "desk", "started_at": 0, "answered_at": 5, "ended_at": 70,
    }  # fmt: skip
    missed = {"id": 8, "direction": "in", "state": "missed", "unread": True, "started_at": 0, "ended_at": 9}
    failed = {"id": 7, "direction": "out", "state": "failed", "unread": False, "peer": "117", "reason": "busy"}
    head, *lines = tables.calls({"calls": [answered, missed, failed], "more": True}).split("\n")
    assert head.split() == ["ID", "TIME", "PEER", "STATE", "PHONE", "LASTED"]
    assert [line.split()[0] for line in lines] == ["9", "*8", "7", "…"]
    assert "<  Ann +41791112233  answered  desk   1 min 5 s" in lines[0]
    assert "<  withheld" in lines[1]
    assert ">  117" in lines[2]
    assert lines[2].endswith("busy")
    assert lines[3] == "… more: --before 7"


def test_status_counts_what_is_new() -> None:
    shown = tables.status({"unread": 0, "missed": 2, "voicemail": 1})
    assert "Unread messages: 0, missed calls: 2, new on the voicemail: 1" in shown
    assert "missed" not in tables.status({"unread": 0, "missed": 0, "voicemail": 0})


def test_status_shows_asterisk_where_it_is_wanted() -> None:
    shown = tables.status(STATUS)
    assert "pending restart" in shown
    lines = [line for line in shown.splitlines() if line.startswith(("trunk byoc", "phone desk"))]
    assert [line.split()[2] for line in lines] == ["reachable", "registered"]
    assert "Asterisk" not in tables.status({"asterisk": {"running": False, "configuration": "off"}})
    assert "not there" in tables.status({"asterisk": {"running": False, "configuration": "waiting"}})


def test_a_rendering_shows_what_changes() -> None:
    shown = tables.rendered(RENDERED)
    assert shown.startswith("--- a\n+")
    assert "rtp.conf: changed" in shown
    assert "same.conf" not in shown
    assert "Asterisk: rolled back" in shown
    assert tables.rendered({"files": [], "asterisk": "applied"}) == "No file changes.\n\nAsterisk: applied"


def test_explained_says_what_hinders_a_rule() -> None:
    shown = tables.explained({"rules": [MATCHES, DIFFERS]}).splitlines()
    assert "all: matches, goes to owner, hook" in shown
    assert "bank: does not match" in shown
    assert [line.split(":")[0] for line in shown if line[2:3] in ("!", " ")] == ["  ! patterns"]
    whole = tables.explained({"rules": [DIFFERS]}, whole=True).splitlines()
    assert [line.split(":")[0] for line in whole[1:]] == ["    enabled", "  ! patterns"]
    assert tables.explained({"rules": []}) == "No rules."


def test_deliveries() -> None:
    assert tables.deliveries({"deliveries": []}) == "No deliveries."
    done = {"id": 7, "event": 5, "rule": "r", "channel": "c", "state": "done", "attempts": 1, "note": "a limit"}
    shown = tables.deliveries({"deliveries": [done], "more": True}).splitlines()
    assert shown[1].split() == ["7", "5", "r", "c", "done", "1", "-", "a", "limit"]
    assert shown[2] == "… more: --before 7"


def test_alerts() -> None:
    assert tables.alerts({"alerts": []}) == "No alerts."
    shown = tables.alerts({"alerts": [{**ALERT, "key": "sim.stick", "text": "Another SIM"}], "more": True})
    assert shown.splitlines()[0].endswith("warning  sim.stick, acknowledged")
    assert shown.endswith("… more: --before 1")


def test_steps_at_twilio() -> None:
    step = {"kind": "sip_domain", "name": "home", "sid": "SD1", "why": "", "changes": []}
    change = {"field": "secure", "old": "false", "new": "true"}
    new = {"field": "voice_url", "old": "", "new": "https://a.example"}
    steps = [
        step | {"action": "create", "changes": [new]},
        step | {"action": "change", "changes": [change, new]},
        step | {"action": "report", "why": "not ours"},
        step | {"action": "keep"},
    ]
    reply = {"steps": steps, "advice": ["Upgrade."], "error": {"text": "no", "code": 20003, "step": "create"}}
    assert tables_twilio.steps(reply, "plan").split("\n") == [
        "           WHAT        NAME",
        "to create  sip domain  home",
        "to change  sip domain  home  secure: false -> true; voice_url: https://a.example",
        "report     sip domain  home  not ours",
        "",
        "1 more is as it should be.",
        "",
        "Upgrade.",
        "",
        "It failed (create): no",
        "",
        "https://www.twilio.com/docs/api/errors/20003",
    ]
    assert "created  sip domain" in tables_twilio.steps(reply, "apply")
    assert "keep " in tables_twilio.steps(reply, "status")
    assert tables_twilio.steps({"steps": [], "advice": []}, "plan") == "There is nothing to do."
    lost = {"steps": [step | {"action": "keep"}] * 2, "more": True, "advice": [], "problem": "not kept"}
    shown = tables_twilio.steps(lost, "destroy")
    assert shown == "2 more are as they should be.\n\nThere is more than a reply holds.\n\nnot kept"
    assert (
        tables_twilio.progress({"done": 1, "of": 3, "step": "create sip_domain home"}) == "1/3 create sip_domain home"
    )


@given(st.text())
def test_what_twilio_says_is_mere_text(text: str) -> None:
    step = {"action": "change", "kind": text, "name": text, "sid": text, "why": text}
    step |= {"changes": [{"field": text, "old": text, "new": text}]}
    error = {"text": text, "code": 1, "step": text}
    reply = {"steps": [step], "advice": [text], "error": error, "problem": text}
    assert harmless(tables_twilio.steps(reply, "plan"))
    assert harmless(tables_twilio.progress({"done": 1, "of": 1, "step": text}))
