"""WAP push and MMS notices (WAP-230-WSP, OMA-TS-MMS_ENC), also over several parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import rows
from homeline.errors import DecodeError
from homeline.protocol import pdu, wap
from homeline.protocol.pdu import Content, Timestamp
from homeline.protocol.wap import MmsNotice, Push

PUSH = (2948, 9200)
NOON = Timestamp(1_794_141_296, 60)
# Field by field from OMA-TS-MMS_ENC 6.2 and 7.3: type, transaction, version 1.2, from, subject in UTF-8, class, size,
# expiry in two days, location.
NOTICE = (
    b"\x8c\x82\x98T42\0\x8d\x92"
    b"\x89\x18\x80+41791234567/TYPE=PLMN\0"
    b"\x96\x09\xeaGr\xc3\xbc\xc3\x9fe\0\x8a\x80"
    b"\x8e\x03\x01\x86\xa0"
    b"\x88\x05\x81\x03\x02\xa3\x00"
    b"\x83http://mmsc/x\0"
)
HEADER = b"\x01\x06\x03\xbe\xaf\x84"


def test_notice_of_another_project() -> None:
    (row,) = [param.values[0] for param in rows("deliver") if param.values[0].get("id") == "gammu-deliver-33"] or [None]
    if row is None:
        pytest.skip("the GSM data of other projects is not here")
    part = pdu.received_part("d", "s", row["pdu"])
    push = wap.parse(part.data)
    assert push.content_type == "application/vnd.wap.mms-message"
    assert wap.mms_notice(push.body) == MmsNotice(
        sender="33707520030",
        subject="yBO",
        size=34,
        expires_in=3000,
        transaction="1277970059",
        location="http://mmsc.labmctel.fr:9090/m33",
    )
    assert part.note == "MMS notice from 33707520030 “yBO” of 34 bytes kept 50 minutes"


def test_notice_made_from_the_standard() -> None:
    notice = wap.mms_notice(wap.parse(HEADER + NOTICE).body)
    assert notice == MmsNotice(
        sender="+41791234567",
        subject="Grüße",
        size=100_000,
        expires_in=172_800,
        transaction="T42",
        location="http://mmsc/x",
    )
    assert wap.describe(HEADER + NOTICE, PUSH) == "MMS notice from +41791234567 “Grüße” of 100000 bytes kept 2 days"


def test_notice_in_two_parts() -> None:
    data = HEADER + NOTICE.replace(b"mmsc/x", b"mmsc/" + b"x" * 120)
    sent = pdu.encode_deliver("+41791234567", Content(data=data, ports=PUSH, concat_reference=3), NOON)
    parts = [pdu.received_part("d", "s", part.pdu) for part in sent]
    assert len(parts) == 2
    assert [part.ports for part in parts] == [PUSH, PUSH]
    assert parts[0].note.startswith("MMS notice from +41791234567")  # what the first part can tell
    assert parts[1].note == ""
    joined = b"".join(part.data for part in parts)
    assert wap.mms_notice(wap.parse(joined).body).location == "http://mmsc/" + "x" * 120


@pytest.mark.parametrize(
    ("field", "notice"),
    [
        (b"\x96Plain\0", MmsNotice(subject="Plain")),
        (b"\x96\x7f\xc3\xa9\0", MmsNotice(subject="é")),  # quoted, as the first octet is above 127
        (b"\x96\x06\x84caf\xe9\0", MmsNotice(subject="café")),  # ISO 8859-1
        (b"\x96\x08\x02\x03\xe8\0h\0i\0", MmsNotice(subject="hi")),  # UCS-2, set 1000, cut short
        (b"\x96\x09\x02\x03\xe8\0h\0i\0\0", MmsNotice(subject="hi")),
        (b"\x96\x01\xea", MmsNotice()),
        (b"\x89\x01\x81", MmsNotice()),  # the address is to be inserted
        (b"\x88\x06\x80\x04\x65\x00\x00\x00", MmsNotice(expires_at=0x65000000)),
        (b"\x88\x03\x81\x01\x3c", MmsNotice(expires_in=60)),
        (b"\x88\x02\x81\xbc", MmsNotice(expires_in=60)),
        (b"\x88\x01\x81", MmsNotice()),
        (b"\x83http://open", MmsNotice(location="http://open")),
        (b"\x96\x1f\x05\xeaabc\0\x83x\0", MmsNotice(subject="abc", location="x")),
        (b"\x83http://open\0\x98T\0", MmsNotice(location="http://open", transaction="T")),
        (b"\x96\x04\x82hi\0", MmsNotice(subject="hi")),  # set 2 as a short integer
    ],
)
def test_fields(field: bytes, notice: MmsNotice) -> None:
    assert wap.mms_notice(b"\x8c\x82" + field) == notice


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        (b"\x01\xae", "application/vnd.wap.sic"),
        (b"\x01\x81", "content type 0x01"),
        (b"\x05a/bc\0", "a/bc"),
        (b"\x03\x02\xae\x80", "application/vnd.wap.sic"),
        (b"\x04\x1f\x02\xbe\x80", "application/vnd.wap.mms-message"),
        (b"\x81\x02\xae" + bytes(129), "application/vnd.wap.sic"),
    ],
)
def test_content_types(headers: bytes, content_type: str) -> None:
    assert wap.parse(b"\x07\x06" + headers + b"body") == Push(content_type, b"body")


@pytest.mark.parametrize(
    "data", [b"", b"\1\6", b"\1\4\1\xae", b"\1\6\0", b"\1\6\5\xae", b"\1\6\xff\xff\xff\xff\xff\xff", b"\1\6\1\2"]
)
def test_what_is_no_push(data: bytes) -> None:
    with pytest.raises(DecodeError):
        wap.parse(data)
    assert wap.describe(data, PUSH) == "WAP push"
    assert wap.describe(data, (2949, 1)) == "WAP push"
    assert wap.describe(data, (5000, 1)) == ""
    assert wap.describe(data, None) == ""


def test_another_mms_message_is_no_notice() -> None:
    with pytest.raises(DecodeError, match="not an MMS notification"):
        wap.mms_notice(b"\x8c\x86\x98x\0")


def test_a_strangers_subject_stays_one_line() -> None:
    body = b"\x8c\x82\x96a\r\nBcc: x\x1b[2J\xe2\x80\xa8z\0"
    words = wap.describe(HEADER + body, PUSH)
    assert words.isprintable()
    assert words == "MMS notice “a  Bcc: x [2J z”"


def test_a_long_subject_is_cut() -> None:
    assert len(wap.describe(HEADER + b"\x8c\x82\x96" + b"x" * 5000 + b"\0", PUSH)) == 300


@given(st.binary(max_size=200), st.sampled_from([b"", HEADER, HEADER + b"\x8c\x82", HEADER + NOTICE[:40]]))
def test_any_octets(data: bytes, head: bytes) -> None:
    assert wap.describe(head + data, PUSH).isprintable()
