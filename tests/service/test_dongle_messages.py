"""Small decisions of receiving that need no port."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homeline.protocol import pdu
from homeline.service.dongle_messages import is_report


@given(st.binary(max_size=60).map(bytes.hex) | st.text(max_size=20))
def test_whatever_decodes_as_a_report_is_looked_at_as_one(text: str) -> None:
    assert isinstance(is_report(text), bool)
    if pdu.status_report(text) is not None:
        assert is_report(text)


@given(st.binary(max_size=30), st.integers(0, 255))
def test_the_message_type_is_read_behind_the_service_centre(smsc: bytes, first: int) -> None:
    raw = bytes([len(smsc)]) + smsc + bytes([first])
    assert is_report(raw.hex()) is (first & 3 == 2)
