"""Whole PDUs: other projects' vectors, read beside the repository, and our own from the standards.

Choices where the data allows several:
- A PDU whose user data is shorter than it says (`pg-subdec-wrong-length`, `gammu-cmgr-41`) is read as far as it goes,
  and marked: a message cut short is worth more to its owner than an error.
- `pm-deliver-odd-digits`: a missing hex digit is an error, since nothing says which one is missing.
- `pg-submit-local`: a number without + is written with type 81 (unknown) rather than A1, as the row says is as good.
- The year 99 is read as 1999.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from at_rows import rows
from homeline import pdu_tool
from homeline.errors import DecodeError, EncodeError
from homeline.protocol import address, gsm7, pdu, pdu_coding, pdu_time, udh

CAPTURES = Path(__file__).parents[1] / "captures/sms"
NATIONAL = [json.loads(line) for line in (CAPTURES / "national.jsonl").read_text().splitlines()]
PDU_MODE = [p for p in rows("cmgr_raw") if p.values[0].get("mode", "pdu") == "pdu"]


def agrees(fields: dict[str, Any], row: Any) -> None:
    """What decode-pdu prints has every value that the row expects."""
    expected = dict(row["expected"])
    header = {"type", "stat", "stat_name", "header_length", "tpdu_length", "length_matches"}
    if "timestamp_any_of" in expected:
        assert fields["timestamp"] in expected.pop("timestamp_any_of")
    if "recipient_contains" in row:
        assert row["recipient_contains"] in fields["recipient"]
        del expected["recipient"]
    for name in expected.keys() - header:
        assert fields[name] == expected[name], name
    if expected.get("type"):
        assert fields["type"] == expected["type"]


def check(row: Any, text: str) -> None:
    if row["should"] == "error":
        with pytest.raises(DecodeError):
            pdu.decode(text)
        return
    fields = pdu_tool.decode(text)
    if row["should"] == "decode":
        agrees(fields, row)
        return
    assert row["should"] == "either"
    for name, value in row["also_ok"].items():
        assert fields[name] == value
    decoded = pdu.decode(text)
    assert not isinstance(decoded, pdu.StatusReport)
    assert decoded.user.truncated
    assert "cut short" in pdu.note(decoded)


@pytest.mark.parametrize("row", [*rows("deliver"), *rows("submit_decode"), *rows("status_report")])
def test_decode(row: Any) -> None:
    check(row, row["pdu"])
    if row["should"] == "decode":
        assert pdu.decode(row["pdu"]).tpdu_length == row["tpdu_length"]
        assert pdu.decode(row["pdu"].lower()) == pdu.decode(row["pdu"])


@pytest.mark.parametrize("row", PDU_MODE)
def test_pdu_in_a_modems_reply(row: Any) -> None:
    (text,) = [line for line in row["reply_lines"] if not line.startswith(("+", "OK"))]
    check(row, text)


@pytest.mark.parametrize("row", rows("submit"))
def test_encode(row: Any) -> None:
    wish = json.dumps(row["input"])
    if row["should"] == "error":
        with pytest.raises(EncodeError):
            pdu_tool.encode(wish)
        return
    result = pdu_tool.encode(wish)
    expected = row["expected"]
    assert (result["parts"], result["encoding"]) == (expected["parts"], expected["encoding"])
    if row["id"] == "pg-submit-local":
        expected = json.loads(json.dumps(expected).replace("A1", "81"))
    if expected["pdus"]:
        assert result["pdus"] == expected["pdus"]


@pytest.mark.parametrize("row", rows("concat"))
def test_parts_join(row: Any) -> None:
    """In whatever order they come, the parts' places give the text; a missing one shows in the total."""
    decoded = [pdu.decode(text) for text in row["pdus"]]
    expected = row["expected"]
    users = [part.user for part in decoded if not isinstance(part, pdu.StatusReport)]
    for order in row["orders"] + row["with_repeats"]:
        texts = {users[i].concat.number: users[i].text for i in order if users[i].concat}
        assert len(texts) == expected["total"]
        assert "".join(texts[number] for number in sorted(texts)) == expected["text"]
    for order in row["incomplete_orders"]:
        numbers = {users[i].concat.number for i in order if users[i].concat}
        assert len(numbers) < expected["total"]
    for user in users:
        assert user.concat
        place = (user.concat.reference, user.concat.bits, user.concat.total)
        assert place == (expected["ref"], expected["ref_bits"], expected["total"])


@pytest.mark.parametrize("row", rows("fields"))
def test_fields(row: Any) -> None:
    FIELD_CHECKS[row["kind"]](row)


def semi_octets(row: Any) -> None:
    assert address.encode_digits(row["text"]) == bytes.fromhex(row["hex"])
    assert address.decode_digits(bytes.fromhex(row["hex"])) == row["text"]


def address_field(row: Any) -> None:
    octets = bytes.fromhex(row["hex"])
    assert address.decode(octets, 0) == (address.Address(row["text"], row["type"]), len(octets))
    assert address.encode(row["text"], row["type"]) == octets


def smsc_field(row: Any) -> None:
    octets = bytes.fromhex(row["hex"])
    assert address.encode_smsc(row["text"]) == octets
    assert address.decode_smsc(octets) == (row["text"], len(octets))


def relative_validity(row: Any) -> None:
    if row["octet"] is None:
        with pytest.raises(EncodeError):
            pdu_time.encode_relative(row["minutes"])
        return
    assert pdu_time.encode_relative(row["minutes"]) == row["octet"]
    assert pdu_time.decode_relative(row["octet"]) == row["minutes"]


def timestamp(row: Any) -> None:
    octets = bytes.fromhex(row["hex"])
    stamp = pdu_time.decode_time(octets)
    assert stamp is not None
    assert stamp.isoformat() in row.get("decode_any_of", [row["iso"]])
    moment = datetime.fromisoformat(row["iso"])
    offset = moment.utcoffset()
    assert offset is not None
    made = pdu_time.Timestamp(int(moment.timestamp()), int(offset.total_seconds()) // 60)
    assert pdu_time.encode_time(made) == octets
    assert stamp.at == moment.timestamp()


def header_element(row: Any) -> None:
    header = udh.decode(bytes.fromhex(row["hex"]))
    place = row.get("concat")
    ports = row.get("ports")
    assert header.concat == (place and udh.Concat(place["ref"], place["ref_bits"], place["total"], place["seq"]))
    assert header.ports == (ports and (ports["dst"], ports["src"]))
    made = [udh.concat_element(header.concat)] if header.concat else []
    made += [udh.ports_element(*header.ports)] if header.ports and header.elements[-1].id == udh.PORTS_16 else []
    assert tuple(made) == header.elements or header.elements[0].id == udh.PORTS_8


FIELD_CHECKS = {
    "semi_octets": semi_octets,
    "address": address_field,
    "smsc": smsc_field,
    "validity_relative": relative_validity,
    "timestamp": timestamp,
    "udh_element": header_element,
}


@pytest.mark.parametrize("row", [p for p in rows("charset") if p.values[0].get("kind", "ucs2") == "ucs2"])
def test_ucs2(row: Any) -> None:
    octets = bytes.fromhex(row["hex"])
    assert pdu_coding.decode_ucs2(octets) == row["text"]
    assert pdu_coding.encode_ucs2(row["text"]) == octets


@pytest.mark.parametrize("row", NATIONAL, ids=lambda row: row["id"])
def test_national_languages(row: Any) -> None:
    tables = gsm7.alphabet(row["locking"], row["single"])
    assert gsm7.encode(row["text"], tables) == bytes.fromhex(row["septets"])
    decoded = pdu.decode(row["pdu"])
    assert isinstance(decoded, pdu.Deliver)
    assert (decoded.user.text, decoded.user.encoding) == (row["text"], "gsm7")
    assert (decoded.user.header.locking, decoded.user.header.single) == (row["locking"], row["single"])
    assert decoded.timestamp == pdu.Timestamp(1794141296, 0)
    if "concat" in row:
        assert decoded.user.concat == udh.Concat(*row["concat"])
