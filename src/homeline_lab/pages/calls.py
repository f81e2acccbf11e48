"""JSON-RPC as uhttpd-mod-ubus speaks it: `call` with a session and access control, `list`, and batches of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from homeline.adapters.bus import Bus
from homeline.errors import ConnectionLost, HomelineError
from homeline.protocol.ubus_arguments import SESSION

CALL_TIMEOUT = 30.0  # seconds, uhttpd's own

# uhttpd's ubus.c has these numbers and words
PARSE = (-32700, "Parse error")
REQUEST = (-32600, "Invalid request")
METHOD = (-32601, "Method not found")
PARAMS = (-32602, "Invalid parameters")
OBJECT = (-32000, "Object not found")
ACCESS = (-32002, "Access denied")

Allowed = Callable[[str, str, str], bool]  # session, object, method


class Calls:
    """Carries them to the bus."""

    def __init__(self, bus: Bus, names: Callable[[], list[str]], allowed: Allowed) -> None:
        self._bus, self._names, self._allowed = bus, names, allowed

    async def answer(self, body: bytes) -> bytes:
        """The reply to one request or to a batch. A batch is carried out in order, one after the other."""
        try:
            asked = json.loads(body)
        except ValueError:
            return _shown(_error(None, PARSE))
        if isinstance(asked, list):
            return _shown([await self._one(each) for each in asked])
        return _shown(await self._one(asked))

    async def _one(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0" or not isinstance(asked.get("method"), str):
            return _error(None, REQUEST)
        number, params = asked.get("id"), asked.get("params")
        if asked["method"] == "list":
            return {"jsonrpc": "2.0", "id": number, "result": self._names()}
        if asked["method"] != "call":
            return _error(number, METHOD)
        if not isinstance(params, list) or len(params) < 3 or not all(isinstance(word, str) for word in params[:3]):
            return _error(number, PARAMS)
        session, name, method, *rest = params
        given = rest[0] if rest else {}
        if not isinstance(given, dict) or SESSION in given:
            return _error(number, PARAMS)
        return await self._call(number, session, name, method, given)

    async def _call(self, number: Any, session: str, name: str, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if not self._allowed(session, name, method):
            return _error(number, ACCESS)
        if name not in self._names():
            return _error(number, OBJECT)
        result: list[Any]
        try:
            reply = await self._bus.call(name, method, {**given, SESSION: session}, CALL_TIMEOUT)
            result = [0, reply] if reply else [0]
        except ConnectionLost:
            result = [10]
        except HomelineError as error:
            result = [error.status]
        return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: Any, error: tuple[int, str]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": error[0], "message": error[1]}}


def _shown(answer: Any) -> bytes:
    return json.dumps(answer).encode()
