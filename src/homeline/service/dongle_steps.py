"""Carrying out the steps of `core.bringup` on a port, and what can end the use of a port."""

from __future__ import annotations

import logging

from homeline.adapters.serial import AtPort, Mute
from homeline.core.bringup import PASSING, Modem, Script, SimError, Step, sim_trouble
from homeline.core.recovery import Failure
from homeline.errors import ConnectionLost, DecodeError, HomelineError
from homeline.model import Reason

log = logging.getLogger(__name__)


class DongleError(HomelineError):
    """The modem cannot be used as it is; `failure` chooses the remedy."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


class StartOverError(HomelineError):
    """The modem lost its settings, or the SIM changed: bring-up must run again on the same port."""


def failure_of(error: HomelineError) -> Failure:
    """Which failure an error stands for that ended the use of a port."""
    if isinstance(error, DongleError):
        return error.failure
    if isinstance(error, Mute):
        return Failure.GARBAGE if error.noise else Failure.MUTE
    return Failure.UNPLUGGED if isinstance(error, ConnectionLost) else Failure.STEP


async def perform(port: AtPort, script: Script) -> None:
    """Run a script's commands one after the other. Raises what the script raises, Mute and ConnectionLost."""
    error: HomelineError | None = None
    value: object = None
    try:
        while True:
            command = script.throw(error) if error is not None else script.send(value)
            error = None
            try:
                # A PIN is entered once: what was swallowed cannot be told from what was refused in silence.
                value = await port.run(command, again=not command.masked)
            except Mute:
                raise
            except PASSING as refused:
                error = refused
    except StopIteration:
        return
    finally:
        script.close()


async def take_step(port: AtPort, modem: Modem, step: Step) -> None:
    """One step. Raises DongleError if it is required and fails, SimError, Mute, ConnectionLost."""
    try:
        await perform(port, step.script(modem))
    except (Mute, SimError):
        raise
    except PASSING as error:
        if not step.required:
            log.debug("%s: step '%s' is passed over: %s", port.path.name, step.name, error)
            return
        if (reason := sim_trouble(error)) is not Reason.NONE:
            raise SimError(reason, str(error)) from error
        kind = Failure.GARBAGE if isinstance(error, DecodeError) else Failure.STEP
        raise DongleError(kind, f"{step.name}: {error}") from error
