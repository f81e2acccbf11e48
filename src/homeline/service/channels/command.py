"""The channel of a `command` section: a program of the owner's, which gets the event as JSON on standard input.

Nothing of the event is ever an argument or in the environment. What an exit status means is in docs/commands.md; the
numbers are those of sysexits.h.
"""

from __future__ import annotations

import json

from homeline.adapters import process
from homeline.adapters.commands import OWNERS_PAUSE, allowed_command, last_words
from homeline.config_channels import Command
from homeline.errors import DeliveryError
from homeline.model import Delivery, Event
from homeline.service.channels import Made, World

REFUSED = 65  # EX_DATAERR: this event will never be taken
# EX_USAGE, EX_NOINPUT, EX_NOPERM, EX_CONFIG; 126 and 127 are a shell's that could not run something.
OWNERS = {64, 66, 77, 78, 126, 127}
GRACE = 5.0  # seconds: the program is ended by its own deadline before the attempt is


class CommandChannel(Made):
    """Done when the program ends with 0."""

    concurrency = 2

    def __init__(self, account: Command, world: World) -> None:
        self.account, self._world = account, world
        self.timeout = account.timeout + GRACE

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Run it once. Raises DeliveryError."""
        name, seconds = self.account.program, self.account.timeout
        argv = [allowed_command(self._world.paths.commands, name)]
        asked = json.dumps(self._world.wording.note(delivery, event).document, ensure_ascii=True).encode() + b"\n"
        try:
            status, output = await process.run(argv, asked, seconds)
        except TimeoutError:
            raise DeliveryError(f"{name} did not end within {seconds} s and was killed.") from None
        except OSError as error:
            raise DeliveryError(f"{name} cannot be started: {error.strerror}.", retry_after=OWNERS_PAUSE) from None
        if status != 0:
            raise failure(name, status, last_words(output))


def failure(name: str, status: int, words: str) -> DeliveryError:
    """What it means that the program ended with `status` (not 0; below 0 by a signal) after it printed `words`."""
    ended = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
    text = f"{name} {ended}" + (f": {words}" if words else ".")
    return DeliveryError(text, permanent=status == REFUSED, retry_after=OWNERS_PAUSE if status in OWNERS else None)


def build(section: Command, world: World) -> CommandChannel:
    return CommandChannel(section, world)
