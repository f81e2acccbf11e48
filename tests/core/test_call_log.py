"""Records into rows of the call log: direction, state, whose end is whose, and the reason in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeline.config import Config, Dongle
from homeline.config_calls import Line, Outbound, Phone, Trunk
from homeline.core import call_log
from homeline.core.dialling import Refusal
from homeline.model import Call, CallDirection, CallState
from homeline.protocol.call_record import Record, Times

AT = 1_800_000_000
TIMES = Times(AT, AT + 5, AT + 65)
CONFIG = Config(
    dongles=(Dongle("stick"), Dongle("spare")),
    lines=(Line("home", "stick"),),
    phones=(Phone("desk"),),
    trunks=(Trunk("peer"),),
    outbounds=(Outbound("swiss", via="home"), Outbound("abroad", via="peer")),
)
CAME = Record(
    *("1800000000.7", CallDirection.IN, "home", "", AT, AT + 5, AT + 65, "ANSWER", 16, "0791234567", "Ann", "+4100"),
    *("stick", "desk", "", ""),
)
WENT = replace(
    CAME, direction=CallDirection.OUT, rule="swiss", number="11", name="Desk", dialled="0791234567", source="desk",
    answered_by="stick",
)  # fmt: skip


def made(record: Record) -> Call:
    return call_log.made(record, TIMES, "value", CONFIG)


def test_a_call_that_came_in() -> None:
    call = made(CAME)
    assert call == Call(
        *(0, CallDirection.IN, CallState.ANSWERED, call.uid, "stick", "home", "0791234567", "0791234567", "Ann"),
        *("+4100", "desk", "", AT, AT + 5, AT + 65, 16),
    )


def test_a_network_that_does_not_say_which_number_was_called() -> None:
    assert made(replace(CAME, dialled="s")).dialled == ""


def test_a_call_that_went_out() -> None:
    call = made(WENT)
    assert call == Call(
        *(0, CallDirection.OUT, CallState.ANSWERED, call.uid, "stick", "home", "0791234567", "0791234567", ""),
        *("", "desk", "swiss", AT, AT + 5, AT + 65, 16),
    )
    through_trunk = made(replace(WENT, line="", rule="abroad", answered_by="peer"))
    assert (through_trunk.line, through_trunk.dongle) == ("peer", "")


NO_ANSWER = {"answered_at": None, "answered_by": "", "status": "NOANSWER", "cause": 19}


@pytest.mark.parametrize(
    ("record", "state", "reason", "unread"),
    [
        (replace(CAME, **NO_ANSWER), CallState.MISSED, "", True),
        (replace(CAME, answered_at=None, answered_by="", status="", cause=0), CallState.MISSED, "", True),
        # the voicemail answered, and nobody else did
        (replace(CAME, answered_by="", status="NOANSWER"), CallState.MISSED, "", True),
        (replace(CAME, answered_at=None, answered_by="", status="", reason="no_line", line=""), CallState.MISSED,
         "the configuration has no line for the dongle", True),
        (replace(WENT, **NO_ANSWER), CallState.FAILED, "nobody answered", False),
        (replace(WENT, answered_at=None, status="BUSY", cause=17), CallState.FAILED, "busy", False),
        (replace(WENT, answered_at=None, status="CANCEL", cause=16), CallState.FAILED,
         "given up before an answer", False),
        (replace(WENT, answered_at=None, status="CHANUNAVAIL", cause=0), CallState.FAILED,
         "nothing could be reached", False),
        (replace(WENT, answered_at=None, status="", cause=99), CallState.FAILED, "", False),
        (replace(WENT, direction=None, answered_at=None, status="", reason="not_allowed"), CallState.REFUSED,
         "no outbound section allows it", False),
        (replace(CAME, direction=None, answered_at=None, status="", reason="new_word"), CallState.REFUSED,
         "new word", False),
        (replace(WENT, direction=CallDirection.INTERNAL, dialled="12", answered_at=None, status="NOANSWER", cause=19),
         CallState.FAILED, "nobody answered", False),
    ],
)  # fmt: skip
def test_states(record: Record, state: CallState, reason: str, unread: bool) -> None:
    call = made(record)
    assert (call.state, call.reason, call.unread) == (state, reason, unread)
    assert (call.answered_at is None) == (state is not CallState.ANSWERED)


@pytest.mark.parametrize(
    ("source", "direction", "peer"),
    [
        ("desk", CallDirection.OUT, "+4100"),
        ("peer", CallDirection.IN, "0791234567"),
        ("stick", CallDirection.IN, "0791234567"),
    ],
)
def test_the_direction_of_what_was_refused_is_that_of_its_source(
    source: str, direction: CallDirection, peer: str
) -> None:
    call = made(replace(CAME, direction=None, line="", source=source, answered_at=None, reason="closed"))
    assert (call.direction, call.peer) == (direction, peer)


def test_the_dongle_is_that_of_the_line_or_the_one_that_rang() -> None:
    assert made(replace(CAME, line="", source="spare")).dongle == "spare"
    assert made(replace(CAME, line="", source="desk")).dongle == ""


def test_every_reason_of_the_dial_plan_has_its_words() -> None:
    assert set(call_log.REASONS) == set(Refusal)


def test_what_makes_a_call_unique() -> None:
    uids = {call_log.uid(*pair) for pair in (("1.0", "a"), ("1.0", "b"), ("1.1", "a"), ("1", ".0a"))}
    assert len(uids) == 4
    assert call_log.uid("1.0", "a") == call_log.uid("1.0", "a")
    assert len(call_log.uid("k" * 5000, "v" * 50000)) < 200


def test_a_record_that_says_nothing() -> None:
    call = call_log.unreadable("1.0", "nonsense", "version: is another", AT)
    assert (call.state, call.unread, call.started_at, call.ended_at) == (CallState.MISSED, True, AT, AT)
    assert call.reason.endswith("version: is another")
