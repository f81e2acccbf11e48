"""What to do when a dongle fails: a ladder from the mildest remedy to the strongest, as a table.

| failure | remedies in turn; the last one is repeated, with longer and longer pauses |
| --- | --- |
| mute, garbage | ask AT; cancel whatever it waits for (ESC, Ctrl-Z), ask again; restart it (CFUN=1,1); reopen |
| step refused | ask AT and begin again; radio off and on (CFUN=4, CFUN=1); restart it; reopen |
| SIM, network | radio off and on; restart it; reopen |
| reset asked for | restart it; reopen |
| unplugged, not to be had | reopen, under whatever name it has then |

Pure: a failure and the time in, an action out. A dongle that worked for `STABLE` seconds starts at the foot again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeline.model import Reason


class Failure(StrEnum):
    """What went wrong, as far as it decides on the remedy."""

    MUTE = "mute"
    GARBAGE = "garbage"
    STEP = "step"  # a bring-up step that must succeed was refused
    SIM = "sim"  # the SIM fails, or stays busy
    NETWORK = "network"  # no registration for too long
    ASKED = "asked"  # the owner wants a reset
    UNPLUGGED = "unplugged"  # the port went away
    BLOCKED = "blocked"  # the port is there and cannot be had, or does not answer AT


class Rung(StrEnum):
    """A remedy."""

    AT = "at"  # ask AT: it may only have lost one command
    RESYNC = "resync"  # ESC and Ctrl-Z end a prompt or a data mode, then AT
    RADIO = "radio"  # AT+CFUN=4, AT+CFUN=1
    RESET = "reset"  # AT+CFUN=1,1, then reopen: it may come back under another name
    REOPEN = "reopen"  # close, wait, find the port again and open it


LADDER: dict[Failure, tuple[Rung, ...]] = {
    Failure.MUTE: (Rung.AT, Rung.RESYNC, Rung.RESET, Rung.REOPEN),
    Failure.GARBAGE: (Rung.AT, Rung.RESYNC, Rung.RESET, Rung.REOPEN),
    Failure.STEP: (Rung.AT, Rung.RADIO, Rung.RESET, Rung.REOPEN),
    Failure.SIM: (Rung.RADIO, Rung.RESET, Rung.REOPEN),
    Failure.NETWORK: (Rung.RADIO, Rung.RESET, Rung.REOPEN),
    Failure.ASKED: (Rung.RESET, Rung.REOPEN),
    Failure.UNPLUGGED: (Rung.REOPEN,),
    Failure.BLOCKED: (Rung.REOPEN,),
}

REASON: dict[Failure, Reason] = {
    Failure.MUTE: Reason.MUTE,
    Failure.GARBAGE: Reason.GARBAGE,
    Failure.STEP: Reason.STEP_FAILED,
    Failure.SIM: Reason.SIM_FAILURE,
    Failure.NETWORK: Reason.NO_NETWORK,
    Failure.ASKED: Reason.RESET,
    Failure.UNPLUGGED: Reason.UNPLUGGED,
    Failure.BLOCKED: Reason.NOT_A_MODEM,
}

# Seconds before each reopening. The short ones come often enough that a modem which was mute for a minute or two is
# used again within ten seconds; the long ones spare a modem that is broken for good.
PAUSES = (5.0,) * 12 + (10.0, 20.0, 40.0, 80.0, 120.0)
STABLE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Action:
    """A remedy, to be carried out after `pause` seconds (an event such as a plug may end the pause early).

    `gave_up` says that all milder remedies were tried.
    """

    rung: Rung
    pause: float = 0.0
    gave_up: bool = False


class Ladder:
    """Where one dongle stands on the ladder."""

    def __init__(self, pauses: Sequence[float] = PAUSES, stable: float = STABLE) -> None:
        self._pauses, self._stable = pauses, stable
        self._tried: dict[Failure, int] = {}
        self._reopened = 0
        self._worked_since: float | None = None

    def next(self, failure: Failure, now: float) -> Action:
        """The remedy for one more failure. `now` is in seconds of any clock that never goes back."""
        if self._worked_since is not None and now - self._worked_since >= self._stable:
            self._tried.clear()
            self._reopened = 0
        self._worked_since = None
        rungs = LADDER[failure]
        step = self._tried.get(failure, 0)
        self._tried[failure] = step + 1
        rung = rungs[min(step, len(rungs) - 1)]
        if rung is not Rung.REOPEN:
            return Action(rung)
        # The first reopening of a port that went away needs no pause: finding it waits for the plug anyway.
        pause = 0.0 if failure is Failure.UNPLUGGED and not self._reopened else self._pause()
        self._reopened += 1
        return Action(rung, pause, gave_up=len(rungs) > 1)

    def _pause(self) -> float:
        return self._pauses[min(self._reopened, len(self._pauses) - 1)]

    def works(self, now: float) -> None:
        """The dongle is ready. Repeated calls keep the first time."""
        if self._worked_since is None:
            self._worked_since = now
