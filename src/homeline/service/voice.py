"""Calls over Asterisk: the log of them, voicemail, the day's minutes, click to call. Lives on `Telephony`'s AMI."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from homeline.adapters.ami import Ami
from homeline.service.budgets import Budgets
from homeline.service.call_records import CallRecords
from homeline.service.calls import Calls
from homeline.service.context import Context
from homeline.service.originating import Originating
from homeline.service.voicemail import Voicemail

Table = dict[str, Any]
Add = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], None]


class Voice:
    """`add` gets what has to run while Asterisk is wanted (`Telephony.add`)."""

    def __init__(self, context: Context, ami: Ami, calls: Calls, voicemail: Voicemail, add: Add) -> None:
        self._context = context
        self.records = CallRecords(context, ami, calls, voicemail)
        self.budgets = Budgets(context, ami, self.records.caught_up)
        self.originating = Originating(context, ami)
        ami.listen("UserEvent", self.records.hint)
        ami.on_state(self._connected)
        add("call log", self.records.run)
        add("day's minutes", self.budgets.run)

    def changed(self) -> None:
        """The configuration is another one, or the clock was set."""
        self.budgets.look()

    def outbounds(self) -> list[Table]:
        """The outbound sections for `status`, with the seconds that each has left today where they are counted."""
        return [
            {"name": item.name, "enabled": item.enabled}
            | ({} if (left := self.budgets.left(item.name)) is None else {"seconds_left": left})
            for item in self._context.config.outbounds
        ]

    def _connected(self, up: bool) -> None:
        self.records.connected(up)
        self.budgets.look()
