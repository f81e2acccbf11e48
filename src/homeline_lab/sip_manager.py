"""The lab's own client of Asterisk's manager interface, by which it makes, answers and ends calls.

It is not the product's client on purpose: the two would share their mistakes.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

Message = dict[str, str]
CONNECT_TIMEOUT = 5.0
ACTION_TIMEOUT = 5.0


class Refused(Exception):
    """Asterisk's words."""


class Manager:
    """`async with Manager(address, port, username, secret, on_event) as manager:`."""

    def __init__(
        self, address: str, port: int, username: str, secret: str, on_event: Callable[[Message], None]
    ) -> None:
        self._address, self._port = address, port
        self._login = {"Username": username, "Secret": secret}
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}

    async def __aenter__(self) -> Manager:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            self._reader, self._writer = await asyncio.open_connection(self._address, self._port)
            await self._reader.readline()  # its greeting
        self._task = asyncio.ensure_future(self._read())
        try:
            await self.call("Login", **self._login)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._writer.close()
        await asyncio.gather(self._task, return_exceptions=True)

    async def call(self, action: str, variables: Sequence[str] = (), **fields: str) -> Message:
        """Its answer. Refused, TimeoutError."""
        name = f"lab-{next(self._ids)}"
        lines = [f"Action: {action}", f"ActionID: {name}", *(f"{field}: {value}" for field, value in fields.items())]
        lines += [f"Variable: {variable}" for variable in variables]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError(f"a line break in {lines}")
        self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write("\r\n".join([*lines, "", ""]).encode())
            answer = await asyncio.wait_for(self._waiting[name], ACTION_TIMEOUT)
        finally:
            del self._waiting[name]
        if answer["Response"] == "Error":
            raise Refused(f"{action}: {answer.get('Message', '')}")
        return answer

    async def _read(self) -> None:
        message: Message = {}
        while line := (await self._reader.readline()).decode(errors="replace"):
            field, colon, value = line.rstrip("\r\n").partition(":")
            if colon:
                message.setdefault(field, value.strip())
            elif not field and message:
                self._take(message)
                message = {}

    def _take(self, message: Message) -> None:
        waiting = self._waiting.get(message.get("ActionID", ""))
        if "Response" in message and waiting and not waiting.done():
            waiting.set_result(message)
        elif "Event" in message:
            self._on_event(message)
