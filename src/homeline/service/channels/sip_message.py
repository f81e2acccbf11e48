"""The channel of a `sip_message` section: our phones, by SIP MESSAGE (RFC 3428). docs/sip-messages.md."""

from __future__ import annotations

from homeline.config_channels import SipMessage
from homeline.core import sip_text
from homeline.errors import DeliveryError
from homeline.model import Delivery, Event, EventKind
from homeline.service.channels import Made, World
from homeline.service.sip_sending import OWNERS_PAUSE
from homeline.service.wording import Note

SPARE = 10.0  # seconds by which an attempt ends before it is given up from outside


def build(account: SipMessage, world: World) -> SipMessageChannel:
    return SipMessageChannel(account, world)


class SipMessageChannel(Made):
    """One delivery at a time, so that messages come to a phone in their order."""

    account: SipMessage
    concurrency = 1

    def __init__(self, account: SipMessage, world: World) -> None:
        self.account, self._world = account, world
        self._taken: tuple[str, int] = ("", 0)  # of the delivery that was tried last: its key, how many pieces went

    @property
    def timeout(self) -> float:
        """All pieces may take as long as one may."""
        return self.account.timeout * sip_text.MOST + SPARE

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Returns when for each piece a device has said that it has it. Raises DeliveryError."""
        note = self._world.wording.note(delivery, event)
        sending = self._world.sip()
        if sending is None:
            raise DeliveryError("SIP is switched off (sip.enabled).", retry_after=OWNERS_PAUSE)
        pieces = sip_text.pieces(note.text if note.own_words else note.brief)
        first = self._taken[1] if self._taken[0] == note.key else 0
        for index, piece in enumerate(pieces[first:], first):
            key = f"{note.key}/{index + 1}"
            try:
                await sending.deliver(self.account.phones, _sender(note), piece, key, self.account.timeout)
            except DeliveryError as error:
                if not error.permanent:
                    sending.when_registered(self._again)
                raise
            self._taken = note.key, index + 1
        self._taken = "", 0

    def _again(self) -> None:
        """A phone may have come back."""
        self._world.hurry(self.account.name)


def _sender(note: Note) -> str:
    """Of one message or call its sender, so that an answer goes there."""
    alone = note.event.kind in (EventKind.MESSAGE, EventKind.CALL, EventKind.VOICEMAIL) and not note.event.digest
    return note.event.peer if alone else sip_text.OURS
