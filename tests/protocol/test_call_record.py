"""Records of calls: every field held to its form, whatever a caller or a broken dial plan writes."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError
from homeline.model import CallDirection
from homeline.protocol import call_record
from homeline.protocol.call_record import Record, Times
from hostile import HOSTILE

FLOOR = 1_700_000_000
AT = 1_800_000_000
KEY = "1800000000.7"


def b64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def written(**fields: str) -> str:
    """A record as the dial plan writes it, of a call that was answered, with some fields put otherwise."""
    usual = {
        "version": "v1",
        "direction": "in",
        "line": "home",
        "rule": "",
        "started": str(AT),
        "answered": str(AT + 5),
        "ended": str(AT + 65),
        "status": "ANSWER",
        "cause": "16",
        "number": b64("0791234567"),
        "name": b64("Ann"),
        "dialled": b64("+41790000001"),
        "source": "stick",
        "answered_by": "desk",
        "recording": "",
        "reason": "",
    }
    assert set(fields) <= set(usual)
    return ",".join((usual | fields).values())


RECORD = Record(
    *(KEY, CallDirection.IN, "home", "", AT, AT + 5, AT + 65, "ANSWER", 16, "0791234567", "Ann", "+41790000001"),
    *("stick", "desk", "", ""),
)


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({}, {}),
        ({"direction": "out", "rule": "swiss"}, {"direction": CallDirection.OUT, "rule": "swiss"}),
        ({"direction": "internal"}, {"direction": CallDirection.INTERNAL}),
        ({"direction": "refused", "reason": "wrong_account"}, {"direction": None, "reason": "wrong_account"}),
        ({"answered": "0", "status": "NOANSWER"}, {"answered_at": None, "status": "NOANSWER"}),
        ({"answered": "", "cause": ""}, {"answered_at": None, "cause": 0}),
        ({"cause": "999"}, {"cause": 127}),
        ({"number": "", "name": ""}, {"number": "", "name": ""}),
        ({"recording": "1800000000.7.WAV"}, {"recording": "1800000000.7.WAV"}),
        ({"recording": "homeline-x.gsm"}, {"recording": "homeline-x.gsm"}),
        ({"name": base64.b64encode(b"\xff\xfe").decode()}, {"name": "\ufffd\ufffd"}),
        ({"name": b64("x" * 5000)}, {"name": "x" * 256}),
    ],
)
def test_a_record_is_read(fields: dict[str, str], changes: dict[str, object]) -> None:
    assert call_record.parse(KEY, written(**fields)) == replace(RECORD, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": "v2"}, "version"),
        ({"direction": "sideways"}, "direction"),
        ({"line": "a b"}, "line"),
        ({"rule": "../x"}, "rule"),
        ({"started": "-5"}, "started"),
        ({"ended": "٣"}, "ended"),  # a digit, and no ASCII
        ({"ended": "999999999999"}, "ended"),
        ({"status": "$(x)"}, "status"),
        ({"cause": "1e3"}, "cause"),
        ({"number": "%%%"}, "number"),
        ({"name": "QQ"}, "name"),  # padding is missing
        ({"name": "QQ==QQ=="}, "name"),
        ({"dialled": "é"}, "dialled"),
        ({"source": "a;b"}, "source"),
        ({"recording": "../../etc/passwd.gsm"}, "recording"),
        ({"recording": ".hidden.gsm"}, "recording"),
        ({"recording": "x.sh"}, "recording"),
        ({"recording": "x.gsm\n"}, "recording"),
        ({"reason": "Because"}, "reason"),
        ({"reason": "a,b"}, "17 fields"),
    ],
)
def test_what_is_refused_and_why(fields: dict[str, str], words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        call_record.parse(KEY, written(**fields))


@pytest.mark.parametrize("key", ["", "a/b", "x" * 151, "a b", "\n"])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(DecodeError, match="key"):
        call_record.parse(key, written())


def test_an_endless_record() -> None:
    with pytest.raises(DecodeError, match="longer"):
        call_record.parse(KEY, "v1" + "," * 100_000)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_stay_in_their_fields(text: str) -> None:
    read = call_record.parse(KEY, written(number=b64(text[:4000]), name=b64("Ann")))
    assert read.name == "Ann"
    assert len(read.number) <= 256
    with pytest.raises(DecodeError):
        call_record.parse(KEY, written(line=text))


@given(st.text(max_size=300), st.text(max_size=400))
def test_anything_is_read_or_refused(key: str, value: str) -> None:
    for text in (value, f"v1,in,{value}", written(reason=value)):
        try:
            call_record.parse(key, text)
        except DecodeError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("times", "now", "settled"),
    [
        ((AT, AT + 5, AT + 65), AT + 70, (AT, AT + 5, AT + 65)),
        ((AT, None, AT + 65), AT + 70, (AT, None, AT + 65)),
        ((40, 45, 105), AT, (AT - 65, AT - 60, AT)),  # the clock was set after it
        ((40, None, 50), AT, (AT - 10, None, AT)),
        ((40, 45, AT), AT + 1, (AT, AT, AT)),  # while it went on
        ((40, 45, 105), 200, (40, 45, 105)),  # it still is not
        ((AT, AT - 9, AT - 20), AT, (AT - 20, AT - 20, AT - 20)),  # set back while it went on
        ((0, None, 0), AT, (AT, None, AT)),
    ],
)
def test_times_get_a_date(times: tuple[int, int | None, int], now: int, settled: tuple[int, int | None, int]) -> None:
    record = replace(RECORD, started_at=times[0], answered_at=times[1], ended_at=times[2])
    assert call_record.settled_times(record, now, FLOOR) == Times(*settled)


@given(st.integers(0, 2**33), st.one_of(st.none(), st.integers(0, 2**33)), st.integers(0, 2**33), st.integers(0, 2**33))
def test_settled_times_are_in_order(started: int, answered: int | None, ended: int, now: int) -> None:
    record = replace(RECORD, started_at=started, answered_at=answered, ended_at=ended)
    times = call_record.settled_times(record, now, FLOOR)
    assert times.started_at <= (times.started_at if times.answered_at is None else times.answered_at) <= times.ended_at
    assert now < FLOOR or times.started_at >= FLOOR or times.ended_at - times.started_at >= 0
