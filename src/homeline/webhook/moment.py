"""Twilio's times (RFC 5322 3.3, such as `Thu, 19 Nov 2026 08:37:06 +0000`), without the library for mail."""

from __future__ import annotations

import calendar
import re

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = re.compile(
    r"(?:[A-Z][a-z]{2}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
)


def moment(text: str) -> int | None:
    """Seconds since 1970; None for what is no such time, or before that."""
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second, ahead, behind = (int(found[group]) for group in (1, 3, 4, 5, 6, 8, 9))
    month = _MONTHS.index(found[2]) + 1
    if not (1 <= day <= 31 and year >= 1970 and hour < 24 and minute < 60 and second <= 60):
        return None
    offset = (ahead * 3600 + behind * 60) * (-1 if found[7] == "-" else 1)
    at = calendar.timegm((year, month, day, hour, minute, second)) - offset
    return at if at >= 0 else None
