"""Telephone numbers: the network's text to E.164, by the country where the SIM is at home.

Only what surely is a number becomes one. Short codes, alphanumeric senders, withheld numbers and whatever else the
network sends keep its own text, for "333" of one country is not "+41333" of another.

The library `phonenumbers` is asked only where a country's rules matter: a national number, or a region's name. It costs
1.4 MB and 10 to 17 ms once (9.0.43, `phonenumberslite` the same: both load a region's rules when they are asked for),
so it stays in the process; and a dongle whose network gives international numbers never loads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAX_TEXT = 40  # characters: 20 digits is the longest address of an SMS (3GPP TS 23.040 9.1.2.5), the rest is for blanks

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")  # 15 digits at most (ITU-T E.164 6.2.1); fewer than 7 are short codes
_WRITTEN = re.compile(r"\+?[0-9 ./()\-]+")  # how people write numbers; no letters, no digits of other scripts
_SHORT = 6  # digits: the longest short code that is never taken for a subscriber's number


class NumberKind(StrEnum):
    """What a sender's or recipient's text is."""

    NUMBER = "number"  # has an E.164 form
    SHORT = "short"  # a short code, valid in its network only
    NAME = "name"  # alphanumeric
    WITHHELD = "withheld"  # the network gives nothing
    UNKNOWN = "unknown"  # digits, but no number of the country


@dataclass(frozen=True, slots=True)
class Number:
    """What became of a text. `e164` is "" unless `kind` is NUMBER; `region` is ISO 3166, or "" where there is none."""

    e164: str
    region: str
    kind: NumberKind


def normalize(text: str, country: str, sender_type: str = "") -> Number:
    """All about a number as a person or the network wrote it.

    `country` is ISO 3166, or "" where none is configured: then only international numbers are understood. `sender_type`
    is the type of number that the network gave; "alphanumeric" is a name even where it looks like digits. Never raises:
    without the library only international numbers are numbers.
    """
    kind, digits = _classify(text, sender_type)
    if kind is not NumberKind.UNKNOWN:
        return Number("", "", kind)
    return _by_library(digits, country)


def is_e164(text: str) -> bool:
    """Whether the text is an international number already: `normalize` would give the same, and load the library."""
    return _E164.fullmatch(text) is not None


def peer(text: str, country: str, sender_type: str = "") -> str:
    """E.164 where it can be, else the text as it is: the name under which a conversation is kept.

    Agrees with `normalize`, and does not load the library for a number that is international already.
    """
    if sender_type != "alphanumeric" and is_e164(text):
        return text
    return normalize(text, country, sender_type).e164 or text


def _classify(text: str, sender_type: str) -> tuple[NumberKind, str]:
    """The kind where the form alone says it, else UNKNOWN with the text freed of blanks and marks."""
    if not text.strip():
        return NumberKind.WITHHELD, ""
    if sender_type == "alphanumeric" or len(text) > MAX_TEXT or not _WRITTEN.fullmatch(text.strip()):
        return NumberKind.NAME, ""
    digits = re.sub(r"[^0-9]", "", text)
    if not digits:
        return NumberKind.NAME, ""
    if len(digits) <= _SHORT:
        return NumberKind.SHORT, ""
    return NumberKind.UNKNOWN, text.strip()


@lru_cache(maxsize=64)
def _by_library(text: str, country: str) -> Number:
    international = is_e164(text)
    bare = Number(text, "", NumberKind.NUMBER) if international else Number("", "", NumberKind.UNKNOWN)
    try:
        import phonenumbers  # 1.4 MB: see above
    except ImportError:
        return bare
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return bare
    region = phonenumbers.region_code_for_number(number) or ""
    if region == "001":  # not a country: satellites, international freephone
        region = ""
    if international:
        return Number(text, region, NumberKind.NUMBER)
    # Possible, not valid: the library on a router is years older than the numbers that countries hand out.
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164, region, NumberKind.NUMBER) if possible and _E164.fullmatch(e164) else bare
