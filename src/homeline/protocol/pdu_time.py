"""Times and validity periods in TPDUs: 3GPP TS 23.040 9.2.3.11 and 9.2.3.12."""

from __future__ import annotations

import time
from dataclasses import dataclass

from homeline.errors import EncodeError

MINUTES_A_DAY = 24 * 60
# Two digits say the year: networks and clocks of the GSM age, 1990 to 2089.
_FIRST_YEAR = 90


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time and where on earth the clock that told it stood."""

    at: int  # seconds since 1970 UTC
    offset: int | None  # minutes east of UTC; None when the octet made no sense, and `at` takes the clock for UTC

    def isoformat(self) -> str:
        """ISO 8601 in the clock's own zone; without an offset when that is not known."""
        local = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.at + (self.offset or 0) * 60))
        if self.offset is None:
            return local
        hours, minutes = divmod(abs(self.offset), 60)
        return f"{local}{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}"


@dataclass(frozen=True, slots=True)
class Validity:
    """How long the service centre keeps trying. At most one field is set."""

    seconds: int | None = None  # relative
    until: Timestamp | None = None  # absolute


def decode_time(data: bytes) -> Timestamp | None:
    """A seven-octet time stamp; None when it is no date (networks send zeros, and letters)."""
    digits = _digits(data[:6])
    if len(data) != 7 or digits is None:
        return None
    year, month, day, hour, minute, second = digits
    local = _seconds(year + (1900 if year >= _FIRST_YEAR else 2000), month, day, hour, minute, second)
    if local is None:
        return None
    offset = _zone(data[6])
    return Timestamp(local - (offset or 0) * 60, offset)


def encode_time(stamp: Timestamp) -> bytes:
    """Seven octets; raises EncodeError outside the years that two digits can say."""
    offset = round((stamp.offset or 0) / 15) * 15  # the field counts quarters of an hour; the moment stays the same
    clock = time.gmtime(stamp.at + offset * 60)
    if not 1900 + _FIRST_YEAR <= clock.tm_year < 2000 + _FIRST_YEAR or abs(offset) > 79 * 15:
        raise EncodeError(f"the time {stamp.isoformat()} has no place in a time stamp")
    fields = (clock.tm_year % 100, clock.tm_mon, clock.tm_mday, clock.tm_hour, clock.tm_min, clock.tm_sec)
    quarters = _swapped(abs(offset) // 15)
    return bytes(map(_swapped, fields)) + bytes((quarters | 8 if offset < 0 else quarters,))


def decode_relative(octet: int) -> int:
    """Minutes of a relative validity period, 9.2.3.12.1."""
    if octet <= 143:
        return (octet + 1) * 5
    if octet <= 167:
        return 12 * 60 + (octet - 143) * 30
    return (octet - 166) * MINUTES_A_DAY if octet <= 196 else (octet - 192) * 7 * MINUTES_A_DAY


def encode_relative(minutes: int) -> int:
    """The octet of the shortest period not below `minutes`; raises EncodeError outside 5 minutes to 63 weeks."""
    if not 5 <= minutes <= 63 * 7 * MINUTES_A_DAY:
        raise EncodeError(f"validity of {minutes} minutes is outside 5 minutes to 63 weeks")
    return next(octet for octet in range(256) if decode_relative(octet) >= minutes)


def decode_enhanced(data: bytes) -> Validity | None:
    """The seven octets of 9.2.3.12.3; None when no period is given, in a form reserved or extended, or no digits."""
    form = data[0] & 0x87
    if form == 1:
        return Validity(decode_relative(data[1]) * 60)
    if form == 2:
        return Validity(data[1])
    if form == 3 and (digits := _digits(data[1:4])):
        hours, minutes, seconds = digits
        return Validity(hours * 3600 + minutes * 60 + seconds)
    return None


def _digits(data: bytes) -> list[int] | None:
    """The numbers that two swapped semi-octets each say; None when one of those is no digit."""
    if any((octet & 15) > 9 or octet >> 4 > 9 for octet in data):
        return None
    return [(octet & 15) * 10 + (octet >> 4) for octet in data]


def _swapped(number: int) -> int:
    """Two decimal digits in swapped semi-octets."""
    return number % 10 << 4 | number // 10


def _zone(octet: int) -> int | None:
    """Minutes east of UTC: quarters of an hour in swapped digits, bit 3 the sign."""
    tens, ones = octet & 7, octet >> 4
    if ones > 9:
        return None
    minutes = (tens * 10 + ones) * 15
    return -minutes if octet & 8 else minutes


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Seconds since 1970 of a date in the Gregorian calendar; None when there is no such date."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return None
    # Days since 1970-01-01, the year counted from March so that the leap day ends it.
    shifted = year - (month < 3)
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day
    seconds = (days - 719469) * 86400 + hour * 3600 + minute * 60 + second
    return seconds if time.gmtime(seconds).tm_mday == day else None
