"""What becomes of an outgoing message that was not taken: tried again, or failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from homeline.errors import HomelineError, ModemError, SubmitUnknown
from homeline.protocol.at_errors import Outcome, submit_failure

# Seconds until the next try, by the number of tries so far. A network that is busy recovers within minutes; one that is
# out of service for longer is not helped by more tries.
PAUSES = (10, 30, 120, 300, 900)
NOT_SENT_PAUSE = 10  # seconds: the dongle was not there or did not ask for the PDU; it does not count as a try


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry_after` seconds, or None: failed for good. `counts` says whether this was one of the allowed tries."""

    retry_after: int | None
    counts: bool = True


def may_have_gone(error: HomelineError) -> bool:
    """Whether the network may have the message all the same: the answer was lost, or does not tell (such as a time-out
    of the network). Then it is not sent again by itself."""
    if isinstance(error, ModemError):
        return submit_failure(error) is Outcome.UNKNOWN
    return isinstance(error, SubmitUnknown)


def after_failure(refusal: ModemError | None, attempts: int, retries: int) -> Verdict:
    """Decide after the failed try number `attempts + 1` of at most `retries + 1`.

    `refusal` is what the modem or network answered; None means that the message never reached the modem.
    """
    if refusal is None:
        return Verdict(NOT_SENT_PAUSE, counts=False)
    if submit_failure(refusal) is Outcome.PERMANENT or attempts >= retries:
        return Verdict(None)
    return Verdict(PAUSES[min(attempts, len(PAUSES) - 1)])
