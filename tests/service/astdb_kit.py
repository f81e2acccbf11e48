"""Asterisk's database as our client of its manager shows it, in a dictionary; it can be away, refuse and be watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from homeline.errors import ActionRefused, ConnectionLost, EncodeError
from homeline.protocol import ami
from homeline.protocol.ami import Message
from homeline.telephony import CALLS_FAMILY


class AstDb:
    """`families` is what is stored, `actions` what was asked; `before` is called before each action is carried out."""

    def __init__(self) -> None:
        self.families: dict[str, dict[str, str]] = {}
        self.actions: list[tuple[str, dict[str, str]]] = []
        self.before: Callable[[str, dict[str, str]], None] = lambda action, fields: None
        self.connected = True

    @property
    def records(self) -> dict[str, str]:
        """The records of calls."""
        return self.families.setdefault(CALLS_FAMILY, {})

    async def wait_connected(self, timeout: float) -> None:
        raise NotImplementedError

    async def call(self, action: str, timeout: float = 5.0, **fields: str) -> Message:
        self._ask(action, fields)
        family = self.families.setdefault(fields.get("Family", ""), {})
        if action == "DBPut":
            family[fields["Key"]] = fields["Val"]
        elif action == "DBDel" and family.pop(fields["Key"], None) is None:
            raise ActionRefused("DBDel: Database entry could not be deleted")
        elif action == "Getvar":
            return Message((("Response", "Success"), ("Variable", fields["Variable"]), ("Value", "+41441112233")))
        return Message((("Response", "Success"),))

    async def list(self, action: str, timeout: float = 10.0, **fields: str) -> list[Message]:
        self._ask(action, fields)
        assert action == "DBGetTree"
        family = fields["Family"]
        await asyncio.sleep(0)
        return [
            Message((("Event", "DBGetTreeResponse"), ("Key", f"/{family}/{key}"), ("Val", value)))
            for key, value in self.families.get(family, {}).items()
        ]

    def _ask(self, action: str, fields: dict[str, str]) -> None:
        if not self.connected:
            raise ConnectionLost(f"{action}: Asterisk is away")
        assert ami.PRIVILEGES[action] == () or set(ami.PRIVILEGES[action]) & set(ami.WRITE)
        try:
            ami.encode(action, fields, "1")
        except EncodeError as error:
            raise AssertionError(f"not an action: {error}") from error
        self.actions.append((action, fields))
        self.before(action, fields)
