"""What becomes of an outgoing message that was refused."""

from __future__ import annotations

import pytest

from homeline.core.outgoing import NOT_SENT_PAUSE, PAUSES, after_failure, may_have_gone
from homeline.errors import ConnectionLost, ModemError, SubmitUnknown

CONGESTION, UNASSIGNED, NETWORK_TIMEOUT = (ModemError("x", "CMS", code) for code in (42, 1, 332))


def test_a_bad_number_fails_at_once() -> None:
    assert after_failure(UNASSIGNED, 0, 3).retry_after is None


def test_congestion_is_tried_again_with_growing_pauses_and_then_given_up() -> None:
    pauses = [after_failure(CONGESTION, tries, 5).retry_after for tries in range(6)]
    assert pauses == [*PAUSES, None]


def test_what_never_reached_the_modem_waits_without_counting() -> None:
    verdict = after_failure(None, 100, 3)
    assert (verdict.retry_after, verdict.counts) == (NOT_SENT_PAUSE, False)


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (SubmitUnknown("lost"), True),
        (NETWORK_TIMEOUT, True),
        (CONGESTION, False),
        (UNASSIGNED, False),
        (ConnectionLost("before the prompt"), False),
    ],
)
def test_what_may_have_gone_is_not_sent_again(error: SubmitUnknown | ModemError | ConnectionLost, gone: bool) -> None:
    assert may_have_gone(error) is gone
