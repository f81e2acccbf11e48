"""Twilio's times, against the standard library's reader of mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.webhook.moment import moment

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1), timezones=ZONES))
def test_as_mail_has_it(at: datetime) -> None:
    text = format_datetime(at)
    assert moment(text) == int(parsedate_to_datetime(text).astimezone(UTC).timestamp())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-19T08:37:06Z",
        "Thu, 19 Nov 2026 08:37:06",
        "Thu, 19 Foo 2026 08:37:06 +0000",
        "Thu, 19 Nov 1969 08:37:06 +0000",
        "Thu, 19 Nov 2026 24:37:06 +0000",
        "Thu, 00 Nov 2026 08:37:06 +0000",
        "Thu, 19 Nov 2026 08:37:06 +0000\n",
        "1" * 10000,
    ],
)
def test_no_times(text: str) -> None:
    assert moment(text) is None
