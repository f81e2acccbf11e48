"""The record that Asterisk's dial plan keeps of a phone's SIP MESSAGE until it is taken (docs/sip-messages.md). Pure.

`v1,PHONE,TO,CALL,CSEQ,TEXT` with TO, CALL and CSEQ in base64, and TEXT in pieces of base64 behind a dot each. All but
PHONE is what the phone sent.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from homeline.errors import DecodeError

VERSION = "v1"
LONGEST = 8192  # characters of a record that is looked at
_PHONE = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Texted:
    """A phone's text. `text` is "" where it was empty, or longer than Asterisk takes (1023 octets)."""

    phone: str
    to: str  # as it was written there
    call: str  # Call-ID and CSeq: what makes the request differ from all others of that phone
    text: str


def parse(value: str) -> Texted:
    """Raises DecodeError, which names the field."""
    fields = value.split(",") if len(value) <= LONGEST else []
    if len(fields) != 6 or fields[0] != VERSION:
        raise DecodeError(f"it is no record of version {VERSION}")
    if not _PHONE.fullmatch(fields[1]):
        raise DecodeError("phone: is no name of a phone")
    call = b" ".join((_octets("call", fields[3]), _octets("cseq", fields[4])))
    text = b"".join(_octets("text", piece) for piece in fields[5].split("."))
    return Texted(
        phone=fields[1],
        to=_octets("to", fields[2]).decode("utf-8", "replace").strip(),
        call=call.decode("utf-8", "backslashreplace"),
        text=text.decode("utf-8", "replace").replace("\r\n", "\n").strip(),
    )


def _octets(name: str, text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True) if text else b""
    except (binascii.Error, UnicodeEncodeError):
        raise DecodeError(f"{name}: is no base64") from None
