"""When to try a delivery again, and when to give up. Pure: the clock and the dice are arguments.

Times are seconds. The router's clock may jump (it starts in 1970 until it has met a time server), so a delivery's age
alone never ends it: it must also have been tried many times, or its channel must have failed for a while by a clock
that does not jump.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be."""

    first: float = 5.0  # pause after the first failure
    factor: float = 2.0  # each further pause is so many times longer
    longest: float = 900.0  # the back-off grows up to this
    longest_asked: float = 86400.0  # a peer that says when to come back is obeyed up to this
    jitter: float = 0.2  # a pause is made longer by up to this share, so that many do not come back together
    lifetime: int = 3 * 86400  # age at which a delivery that still fails is given up
    tries: int = 12  # but not before so many attempts, some two hours
    outage: float = 3600.0  # unless its channel has failed for so long without a success in between

    @property
    def horizon(self) -> int:
        """No pause that was set with a sane clock ends later than this from now."""
        return int(max(self.longest, self.longest_asked) * (1 + self.jitter)) + 1


def pause(policy: Policy, failures: int, random: float, retry_after: float | None = None) -> float:
    """How long to wait after `failures` (1, 2, …) in a row. `random` is from [0, 1).

    A peer that said when to come back (`retry_after`) is not bothered before, up to `policy.longest_asked`.
    """
    exponent = min(max(failures, 1) - 1, 64)  # bounded: a float overflows at some 1,000
    backoff = min(policy.first * policy.factor**exponent, policy.longest)
    wanted = max(backoff, min(retry_after or 0.0, policy.longest_asked))
    return wanted * (1 + policy.jitter * random)


def next_attempt(
    policy: Policy,
    *,
    created_at: int,
    attempts: int,
    now: int,
    random: float,
    retry_after: float | None = None,
    failing_for: float = 0.0,
) -> int | None:
    """The time of the next attempt after a passing failure of attempt number `attempts`, or None to give up.

    `failing_for` is how long the channel has not taken anything, by a clock that does not jump.
    """
    if overdue(policy, created_at, now) and (attempts >= policy.tries or failing_for >= policy.outage):
        return None
    return now + max(1, round(pause(policy, attempts, random, retry_after)))


def overdue(policy: Policy, created_at: int, now: int) -> bool:
    """Whether a delivery is older than its lifetime."""
    return now - created_at >= policy.lifetime
