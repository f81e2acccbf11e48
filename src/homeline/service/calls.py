"""The call log: a call that has ended is stored with its event and deliveries, then told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeline.adapters.store import Planner, Store
from homeline.model import Call, CallDirection, CallState, Event, Wanted
from homeline.service import numbering, shapes
from homeline.service.context import Context

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Calls:
    """Used by whatever sees calls: Asterisk's records, and dongles that only ring."""

    context: Context

    async def ended(
        self, call: Call, text: str = "", *, forward: bool = True, plan: Planner | None = None
    ) -> Event | None:
        """Store a call and say so; None if it was stored before. Raises StoreError.

        The numbers become international here. `text` is what is to be said beside the call. Without `forward` no rule
        sees it; `plan` is another planner than the rules'.
        """
        context = self.context
        call = await self.known(call)
        planner = (plan or context.plan) if forward else _nothing
        event = await context.database(Store.add_call, call, context.clock(), text, planner)
        if event is None or event.call is None:
            return None
        self._tell(event.call)
        context.happened(event)
        return event

    async def known(self, call: Call) -> Call:
        """The call with its other end's number in E.164 where it can be."""
        if call.direction is CallDirection.INTERNAL:
            return call
        return replace(call, peer=await numbering.peer(call.peer_raw, self.context.config.main.country))

    def began(self, call: Call) -> None:
        """A call rings."""
        self.context.emit("homeline.call.started", shapes.call(replace(call, state=CallState.RINGING, unread=False)))

    def _tell(self, call: Call) -> None:
        context = self.context
        number = context.number_for_log(call.peer) or "a withheld number"
        log.info("Call %d, %s: %s, %s", call.id, call.direction, call.state, number)
        shown = shapes.call(call)
        context.emit("homeline.call.ended", shown)
        if call.state is CallState.MISSED:
            context.emit("homeline.call.missed", shown)
        elif call.state is CallState.VOICEMAIL:
            context.emit("homeline.voicemail.received", shown)


def _nothing(event: Event) -> Sequence[Wanted]:
    """The planner of what is not to be forwarded."""
    return ()
