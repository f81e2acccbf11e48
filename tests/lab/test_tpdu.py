"""The service centre's octets, against the codec that it must agree with."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol import pdu
from homeline_lab import tpdu

NUMBERS = st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31)).map(lambda t: t.replace(microsecond=0))
ZONES = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


@given(NUMBERS, st.text(max_size=200), st.booleans())
def test_reads_what_the_codec_writes(number: str, text: str, report: bool) -> None:
    for part in pdu.encode_submit(number, text.encode("utf-16", "replace").decode("utf-16"), report=report):
        found = tpdu.parse_submit(bytes.fromhex(part.pdu))
        assert (found.recipient.text, found.wants_report) == (number, report)
        assert len(found.tpdu) == part.length


@given(NUMBERS, TIMES, ZONES, st.text(max_size=35))  # one part, whatever the characters
def test_writes_what_the_codec_reads(sender: str, at: datetime, zone: timezone, text: str) -> None:
    clean = text.encode("utf-16", "replace").decode("utf-16")
    stamp = at.replace(tzinfo=zone)
    submit = tpdu.parse_submit(bytes.fromhex(pdu.encode_submit("+1", clean)[0].pdu))
    found = pdu.decode(tpdu.deliver(submit, tpdu.sender_address(sender), stamp, "+41794999000").hex())
    assert isinstance(found, pdu.Deliver)
    assert (found.smsc, found.sender.text, found.user.text) == ("+41794999000", sender, clean)
    assert found.timestamp
    assert found.timestamp.at == int(stamp.timestamp())


@given(st.text("ABCXYZabcxyz0189 -", min_size=1, max_size=11).filter(lambda s: s.strip("0189 -") != ""))
def test_names(name: str) -> None:
    address = tpdu.name_address(name)
    assert address.type == 0xD0
    raw = b"\x00\x04" + address.octets + b"\x00\x00" + bytes(7) + b"\x00"
    found = pdu.decode(raw.hex())
    assert isinstance(found, pdu.Deliver)
    assert (found.sender.text, found.sender.type) == (name, "alphanumeric")


def test_a_status_report() -> None:
    at = datetime(2026, 11, 23, 10, 0, 0, tzinfo=timezone(timedelta(hours=-3)))
    raw = tpdu.status_report(7, tpdu.number_address("+41791234567"), at, at + timedelta(seconds=5), 0x41, "+4179")
    found = pdu.decode(raw.hex())
    assert isinstance(found, pdu.StatusReport)
    assert (found.reference, found.recipient.text, found.status) == (7, "+41791234567", 0x41)
    assert found.timestamp
    assert found.discharge
    assert found.discharge.at - found.timestamp.at == 5
    assert tpdu.is_report(raw)


# One row from 3GPP TS 23.038 4 each: data coding scheme, class
@pytest.mark.parametrize(
    ("dcs", "expected"), [(0x00, None), (0x10, 0), (0x12, 2), (0x18, 0), (0x08, None), (0xF1, 1), (0xC8, None)]
)
def test_message_class(dcs: int, expected: int | None) -> None:
    raw = b"\x00\x04" + tpdu.number_address("+417").octets + bytes((0, dcs)) + bytes(7) + b"\x00"
    assert tpdu.message_class(raw) == expected


@given(st.binary(min_size=1, max_size=40))
def test_any_octets(raw: bytes) -> None:
    tpdu.message_class(raw)
    tpdu.is_report(raw)
    try:
        tpdu.parse_submit(raw)
    except ValueError as e:
        assert str(e)
