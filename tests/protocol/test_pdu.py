"""What the vectors of others do not have: coding groups, indications, validity formats, odd and hostile PDUs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.model import Concat
from homeline.protocol import pdu, pdu_coding, pdu_time
from homeline.protocol.pdu import Address, Coding, Content, Timestamp, Validity
from homeline.protocol.udh import Waiting

NOON = Timestamp(1_794_141_296, 60)


def deliver(body: str, *, first: int = 0x04, pid: int = 0, dcs: int = 0) -> str:
    """A DELIVER from +41791234567 with this user data, its length octet included."""
    return f"00{first:02X}0B911497214365F7{pid:02X}{dcs:02X}62118021436540{body}"


def decoded(text: str) -> pdu.Deliver:
    result = pdu.decode(text)
    assert isinstance(result, pdu.Deliver)
    return result


@pytest.mark.parametrize(
    ("octet", "coding"),
    [
        (0x00, Coding("gsm7")),
        (0x04, Coding("8bit")),
        (0x08, Coding("ucs2")),
        (0x0C, Coding("gsm7")),  # reserved alphabet
        (0x03, Coding("gsm7")),  # class bits without meaning
        (0x10, Coding("gsm7", 0)),
        (0x15, Coding("8bit", 1)),
        (0x1A, Coding("ucs2", 2)),
        (0x13, Coding("gsm7", 3)),
        (0x20, Coding("gsm7", compressed=True)),
        (0x38, Coding("ucs2", 0, compressed=True)),
        (0x40, Coding("gsm7", delete=True)),
        (0x58, Coding("ucs2", 0, delete=True)),
        (0x80, Coding()),  # reserved groups
        (0xBF, Coding()),
        (0xC0, Coding(waiting=Waiting("voicemail", active=False, store=False))),
        (0xC1, Coding(waiting=Waiting("fax", active=False, store=False))),
        (0xC9, Coding(waiting=Waiting("fax", active=True, store=False))),
        (0xDA, Coding(waiting=Waiting("e-mail", active=True))),
        (0xEB, Coding("ucs2", waiting=Waiting("other message", active=True))),
        (0xF0, Coding("gsm7", 0)),
        (0xF5, Coding("8bit", 1)),
        (0xFB, Coding("gsm7", 3)),  # bit 3 is reserved
    ],
)
def test_coding_groups(octet: int, coding: Coding) -> None:
    assert pdu_coding.decode(octet) == coding


@pytest.mark.parametrize("alphabet", ["gsm7", "8bit", "ucs2"])
@pytest.mark.parametrize("message_class", [None, 0, 1, 2, 3])
def test_coding_and_back(alphabet: str, message_class: int | None) -> None:
    assert pdu_coding.decode(pdu_coding.encode(alphabet, message_class)) == Coding(alphabet, message_class)


@pytest.mark.parametrize("message_class", [-1, 4])
def test_no_such_class(message_class: int) -> None:
    with pytest.raises(EncodeError, match="class"):
        pdu.encode_submit("+1", Content("a", message_class=message_class))


@pytest.mark.parametrize(
    ("octets", "options", "text"),
    [
        ("D83DDC4D", {}, "👍"),
        ("0061D83D", {}, "a\ufffd"),
        ("DC4D0061", {}, "\ufffda"),
        ("006100", {}, "a\ufffd"),
        ("", {}, ""),
        ("0061D83D", {"continues": True}, "a\ud83d"),
        ("DC4D0061", {"continued": True}, "\udc4da"),
        ("0061D83D00", {"continues": True}, "a\ufffd"),
        ("DC", {"continued": True}, "\ufffd"),
        ("DC4D", {"continued": True}, "\udc4d"),
        ("E0000061", {"continued": True}, "\ue000a"),
    ],
)
def test_ucs2_with_halves(octets: str, options: dict[str, bool], text: str) -> None:
    assert pdu_coding.decode_ucs2(bytes.fromhex(octets), **options) == text


def test_a_surrogate_pair_cut_between_parts_comes_together() -> None:
    parts = [
        pdu.received_part("d", "s", deliver("0A" + "050003070201" + "0061D83D", first=0x44, dcs=8)),
        pdu.received_part("d", "s", deliver("0A" + "050003070202" + "DC4D0062", first=0x44, dcs=8)),
    ]
    joined = "".join(part.text for part in parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    assert joined == "a👍b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (deliver("00"), ""),
        (deliver("00", pid=0x40), "silent (type 0)"),
        (deliver("00", pid=0x5F), "return call"),
        (deliver("00", pid=0x7D), "data for the modem"),
        (deliver("00", pid=0x7F), "data for the SIM"),
        (deliver("00", dcs=0xC8), "voicemail waiting"),
        (deliver("00", dcs=0xC0), "no voicemail waiting"),
        (deliver("05040102" + "8003", first=0x44, dcs=0x04), "voicemail waiting (3)"),
        (deliver("02ABCD", dcs=0x24), "compressed text"),
        (deliver("09C8329BFD06", dcs=0), "cut short"),
        (deliver("08" + "0605040B8423F0" + "00", first=0x44, dcs=4), "WAP push"),
        (deliver("06" + "0400030102" + "41", first=0x44, dcs=4), "broken header"),
    ],
)
def test_notes(text: str, words: str) -> None:
    part = pdu.received_part("d", "s", text)
    assert (part.note, part.error) == (words, "")


@pytest.mark.parametrize(("pid", "replace"), [(0x40, None), (0x41, 1), (0x47, 7), (0x48, None)])
def test_replace_types(pid: int, replace: int | None) -> None:
    part = pdu.received_part("d", "s", deliver("00", pid=pid))
    assert (part.replace, part.protocol) == (replace, pid)


def test_received_part_has_it_all() -> None:
    text = deliver("0B" + "0605040B8423F0" + "01020304", first=0x44, dcs=0xF5)
    part = pdu.received_part("stick", "8941000000000000001", text)
    assert (part.dongle, part.sim, part.pdu) == ("stick", "8941000000000000001", text)
    assert (part.sender, part.sender_type) == ("+41791234567", "international")
    assert (part.sent_at, part.sent_offset) == (1_794_141_296 - 3600, 60)
    assert (part.encoding, part.data, part.text) == ("8bit", b"\1\2\3\4", "")
    assert (part.message_class, part.ports, part.concat) == (1, (2948, 9200), None)


def test_flash_and_parts() -> None:
    sent = pdu.encode_deliver(
        "Bank", Content("x" * 200, message_class=0, concat_reference=9), NOON, sender_type="alphanumeric"
    )
    parts = [pdu.received_part("d", "s", part.pdu) for part in sent]
    assert [part.concat for part in parts] == [Concat(9, 8, 2, 1), Concat(9, 8, 2, 2)]
    assert {(part.sender, part.sender_type, part.message_class) for part in parts} == {("Bank", "alphanumeric", 0)}
    assert {(part.sent_at, part.sent_offset) for part in parts} == {(NOON.at, NOON.offset)}


@pytest.mark.parametrize(
    "text", ["", "zz", "0", "00", "07", "0004", "00030B91", deliver(""), deliver("")[:-2], "é" * 9]
)
def test_undecodable_is_kept_raw_with_the_reason(text: str) -> None:
    part = pdu.received_part("d", "s", text)
    assert part.pdu == text
    assert part.error
    assert (part.text, part.data, part.sender, part.sent_at) == ("", b"", "", None)


@pytest.mark.parametrize(
    "stamp",
    [
        "00000000000000",
        "FFFFFFFFFFFFFF",
        "62318021436540",  # month 13
        "62118321436540",  # the 38th
        "62200321436540",  # 30 February
        "62118042436540",  # hour 24
        "62118021066540",  # minute 60
        "62118021430640",  # second 60
        "6211802A436540",  # digits that are letters
        "621180A1436540",
    ],
)
def test_a_time_that_is_none_spoils_nothing(stamp: str) -> None:
    part = pdu.received_part("d", "s", deliver("00").replace("62118021436540", stamp))
    assert (part.error, part.sent_at, part.sender) == ("", None, "+41791234567")


def test_a_zone_that_is_none_leaves_the_clock() -> None:
    stamp = decoded(deliver("00").replace("62118021436540", "621180214365FF")).timestamp
    assert stamp == Timestamp(1_794_141_296, None)
    assert stamp.isoformat() == "2026-11-08T12:34:56"


def test_header_longer_than_its_data() -> None:
    with pytest.raises(DecodeError, match="header of 9 octets"):
        pdu.decode(deliver("0409010203", first=0x44, dcs=4))


def test_a_header_that_breaks_off_costs_no_text() -> None:
    """9.2.3.24: it is ignored as a whole, and the text begins where its length says."""
    user = decoded(deliver("09" + "06" + "000301022401" + "61", first=0x44)).user
    assert (user.text, user.concat, user.header.elements) == ("a", None, ())


def test_header_flag_without_any_data() -> None:
    assert decoded(deliver("00", first=0x44)).user.text == ""


@pytest.mark.parametrize(
    ("field", "validity"),
    [
        ("01A70000000000", Validity(24 * 3600)),
        ("41A70000000000", Validity(24 * 3600)),  # single shot
        ("021E0000000000", Validity(30)),
        ("03215436000000", Validity(12 * 3600 + 45 * 60 + 63)),
        ("03F15436000000", None),
        ("00000000000000", None),
        ("05000000000000", None),
        ("81A70000000000", None),  # extended: what follows is not known
    ],
)
def test_enhanced_validity(field: str, validity: Validity | None) -> None:
    result = pdu.decode(f"0009000B911497214365F70000{field}00")
    assert isinstance(result, pdu.Submit)
    assert result.validity == validity


def test_relative_validity_is_monotonous_and_exact() -> None:
    minutes = [pdu_time.decode_relative(octet) for octet in range(256)]
    assert minutes == sorted(set(minutes))
    assert [pdu_time.encode_relative(m) for m in minutes] == list(range(256))
    assert pdu_time.encode_relative(721) == 144  # 12 hours and one minute: the next longer one


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x00, "delivered"),
        (0x01, "delivered"),
        (0x1F, "delivered"),
        (0x20, "pending"),
        (0x3F, "pending"),
        (0x40, "failed"),
        (0x60, "failed"),
        (0xFF, "failed"),
    ],
)
def test_status_report_outcome(status: int, outcome: str) -> None:
    text = pdu.encode_status_report(7, "+41791234567", NOON, Timestamp(NOON.at + 5, 60), status, smsc="+4179")
    report = pdu.status_report(text)
    assert report is not None
    assert (report.reference, report.recipient.text, report.smsc) == (7, "+41791234567", "+4179")
    assert (report.timestamp, report.discharge) == (NOON, Timestamp(NOON.at + 5, 60))
    assert (report.status, report.outcome, report.more_to_come) == (status, outcome, False)
    assert report.delivered + report.failed + (outcome == "pending") == 1
    assert "status report" in pdu.received_part("d", "s", text).error


def test_a_command_is_named_in_the_error() -> None:
    with pytest.raises(DecodeError, match=r"octet 15: .* ends before its times and status .*SMS-COMMAND"):
        pdu.decode("00" + "02" + "05" + "00" + "00" + "07" + "0B911497214365F7" + "00")


@pytest.mark.parametrize("text", ["", "zz", "0004", deliver("00")])
def test_what_is_no_status_report(text: str) -> None:
    assert pdu.status_report(text) is None


def test_submit_with_every_option() -> None:
    (part,) = pdu.encode_submit(
        "123",
        Content("hi", ports=(5, 6)),
        smsc="+4179",
        reference=9,
        validity=Validity(until=NOON),
        report=True,
        reject_duplicates=True,
        reply_path=True,
        pid=0x41,
    )
    result = pdu.decode(part.pdu)
    assert isinstance(result, pdu.Submit)
    assert (result.smsc, result.recipient.text, result.reference, result.pid) == ("+4179", "123", 9, 0x41)
    assert (result.report, result.reject_duplicates, result.reply_path) == (True, True, True)
    assert (result.validity, result.user.ports, result.user.text) == (Validity(until=NOON), (5, 6), "hi")


def test_deliver_with_every_option() -> None:
    for reply_path in (False, True):
        (part,) = pdu.encode_deliver("112", "hi", NOON, smsc="+4179", pid=0x42, reply_path=reply_path)
        result = decoded(part.pdu)
        assert (result.smsc, result.sender, result.pid) == ("+4179", Address("112", "unknown"), 0x42)
        assert (result.timestamp, result.user.text, result.reply_path) == (NOON, "hi", reply_path)
        assert part.length == result.tpdu_length


@pytest.mark.parametrize(("offset", "written"), [(337, 330), (-5, 0), (22, 15), (23, 30), (-338, -345)])
def test_a_zone_between_two_quarters_is_the_same_moment(offset: int, written: int) -> None:
    stamp = pdu_time.decode_time(pdu_time.encode_time(Timestamp(NOON.at, offset)))
    assert stamp == Timestamp(NOON.at, written)


def test_a_zone_that_has_no_place_in_two_digits() -> None:
    with pytest.raises(EncodeError, match="no place"):
        pdu_time.encode_time(Timestamp(NOON.at, 80 * 15))


@pytest.mark.parametrize("option", [{"reference": 256}, {"reference": -1}, {"pid": 300}])
def test_octets_out_of_range(option: dict[str, int]) -> None:
    with pytest.raises(EncodeError, match="outside 0 to 255"):
        pdu.encode_submit("+1", "a", **option)  # type: ignore[arg-type]


@given(st.integers(631_152_000, 3_786_911_999), st.integers(-79, 79))
def test_time_and_back(at: int, quarters: int) -> None:
    stamp = Timestamp(at, quarters * 15)
    try:
        octets = pdu_time.encode_time(stamp)
    except EncodeError:
        assert not 631_152_000 <= at + quarters * 900 <= 3_786_911_999  # the local year is beyond the two digits
        return
    assert pdu_time.decode_time(octets) == stamp


@given(st.binary(max_size=200))
def test_any_octets(octets: bytes) -> None:
    """Nothing but DecodeError, and text that can be shown where it is not one part of several."""
    part = pdu.received_part("d", "s", octets.hex())
    if not part.concat:
        part.text.encode()
    part.sender.encode()
    part.note.encode()


@given(st.binary(max_size=170), st.sampled_from([0, 1, 2]), st.booleans(), st.integers(0, 255), st.integers(0, 255))
def test_any_user_data(octets: bytes, kind: int, header: bool, dcs: int, pid: int) -> None:
    """The same with a head that is right, so that what lies behind it is reached."""
    first = kind | 0x40 * header
    middle = "00" if kind else ""
    stamp = "62118021436540" if kind != 1 else ""
    text = f"00{first:02X}{middle}0B911497214365F7{pid:02X}{dcs:02X}{stamp}{octets.hex()}"
    try:
        result = pdu.decode(text)
    except DecodeError as error:
        assert str(error)
        return
    if not isinstance(result, pdu.StatusReport):
        pdu.note(result).encode()
        assert not (result.user.text and result.user.data)


@given(st.text(max_size=60))
def test_any_text_for_hex(text: str) -> None:
    try:
        pdu.decode(text)
    except DecodeError as error:
        str(error).encode("utf-8", "replace")


@pytest.mark.parametrize(("dcs", "field", "data"), [(4, "020102", "0102"), (8, "020041", "A"), (0, "02C824", "HI")])
def test_octets_left_over_are_ignored(dcs: int, field: str, data: str) -> None:
    user = decoded(deliver(field + "FFFF", dcs=dcs)).user
    assert (user.text or user.data.hex(), user.truncated) == (data, False)
    assert decoded(deliver(field[:-2], dcs=dcs)).user.truncated


def test_a_message_without_header_has_the_default_alphabet() -> None:
    header = decoded(deliver("021B69")).user.header
    assert (header.locking, header.single, header.elements, header.waiting) == (0, 0, (), ())
