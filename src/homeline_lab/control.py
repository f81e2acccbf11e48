"""Driving a simulated dongle from another program: one JSON object a line over a Unix socket, one line back.

    {"op": "deliver", "text": "hello", "sender": "+41791234567"}
    {"ok": true, "result": ["07911497…"]}

An operation is one method of `Operations`; its arguments are the object's other members. A wrong one is answered with
`{"ok": false, "error": "…"}`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeline.errors import HomelineError
from homeline_lab.at_line import AtError
from homeline_lab.dongle import Dongle
from homeline_lab.network import STRANGER
from homeline_lab.sim import Sim
from homeline_lab.wire import Pace

LINE_LIMIT = 1 << 20


class Operations:
    """What can be asked for. Results are JSON values."""

    def __init__(self, dongle: Dongle) -> None:
        self._dongle = dongle

    def deliver(self, text: str, sender: str = STRANGER, flash: bool = False, repeat: int = 1) -> list[str]:
        """A text message to the dongle; the PDUs' hex."""
        return self._dongle.deliver(text, sender, flash=flash, repeat=repeat)

    def deliver_pdus(self, pdus: list[str]) -> int:
        """PDUs as they are; how many wait in the network then."""
        self._dongle.network.deliver_pdus(pdus)
        return len(self._dongle.network.queue)

    def store(self, pdus: list[str], memory: str = "SM") -> int:
        """Put PDUs on the SIM (or in ME) in silence; how many are there then."""
        self._dongle.store(pdus, memory)
        return len(self._dongle.slots(memory).used)

    def stored(self, memory: str = "SM") -> list[str]:
        return self._dongle.stored(memory)

    def sent(self) -> list[dict[str, object]]:
        """What the network took from the dongle."""
        return [
            {"reference": s.reference, "recipient": s.recipient, "pdu": s.pdu, "at": s.at} for s in self._dongle.sent
        ]

    def outcome(self, number: str = "", refuse: int | None = None, status: int | None = 0, delay: float = 0.0) -> None:
        """What becomes of messages to a number; "" is all others."""
        self._dongle.network.set_outcome(number, refuse, status, delay)

    def plug(self, name: str = "") -> None:
        self._dongle.plug(name)

    def unplug(self) -> None:
        self._dongle.unplug()

    def replug(self, name: str = "", after: float = 0.0) -> None:
        """Out, and in again after so many seconds, perhaps under another tty name."""
        self._dongle.replug(name, after)

    def reset(self) -> None:
        """The modem starts again by itself and forgets its settings."""
        self._dongle.reset()

    def insert_sim(self, **fields: str) -> None:
        """Swap the card: iccid, imsi, number, pin, puk, smsc."""
        self._dongle.insert_sim(Sim(**fields))  # type: ignore[arg-type]

    def remove_sim(self) -> None:
        self._dongle.insert_sim(None)

    def register(self, status: int) -> None:
        """<stat> of AT+CREG: 1 home, 2 searching, 3 denied, 5 roaming."""
        self._dongle.network.register(status)

    def signal(self, rssi: int, access: int | None = None) -> None:
        self._dongle.network.set_signal(rssi, access)

    def ring(self, number: str = "") -> None:
        self._dongle.network.ring(number)

    def hang_up(self) -> None:
        self._dongle.network.hang_up()

    def say(self, line: str) -> None:
        """Any unsolicited line."""
        self._dongle.say(line)

    def noise(self, hex: str) -> None:  # noqa: A002 - the name in the protocol
        """Any octets on the AT port."""
        self._dongle.noise(bytes.fromhex(hex))

    def pace(self, baud: int | None = None) -> None:
        """Octets leave at a line's speed; null: at once."""
        self._dongle.set_pace(Pace.baud(baud) if baud else None)

    def fault(self, name: str, **values: Any) -> None:
        """A fault of `Faults` by name: a field with `value`, or a method with its arguments."""
        target = getattr(self._dongle.faults, name, None) if not name.startswith("_") else None
        if target is None:
            raise ValueError(f"no fault '{name}'")
        if callable(target):
            target(**values)
        else:
            value = values["value"]
            setattr(
                self._dongle.faults, name, bytes.fromhex(value) if isinstance(target, bytes) else type(target)(value)
            )

    def counts(self) -> dict[str, int]:
        """How often each command came since the start."""
        return dict(self._dongle.modem.commands)

    def log(self, last: int = 100) -> list[str]:
        """The newest traffic."""
        return [str(entry) for entry in list(self._dongle.log)[-last:]]

    def state(self) -> dict[str, object]:
        d = self._dongle
        return {
            "model": d.model.key,
            "plugged": d.plugged,
            "port": str(d.port) if d.plugged else "",
            "imei": d.modem.imei,
            "registration": d.modem.registration,
            "signal": d.network.rssi,
            "waiting": len(d.network.queue),
            "delivered": d.network.delivered,
            "sent": len(d.sent),
            "stored": len(d.slots().used) if d.sim else 0,
            "commands": d.count(),
        }


class Server:
    """The socket; `async with`. Whoever may open it may do anything with the dongle."""

    def __init__(self, dongle: Dongle, path: Path) -> None:
        self._operations = Operations(dongle)
        self._path = path
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Server:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._client, self._path, limit=LINE_LIMIT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for writer in list(self._clients):
            writer.close()
        self._path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):  # a line over the limit, or a client that went away
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            wish = json.loads(line)
            return {"ok": True, "result": self._operation(wish.pop("op"))(**wish)}
        except (HomelineError, AtError, ValueError, TypeError, KeyError, AttributeError, LookupError) as e:
            return {"ok": False, "error": f"{type(e).__name__}: {e}"}

    def _operation(self, name: str) -> Callable[..., object]:
        found = dict(inspect.getmembers(self._operations, inspect.ismethod)).get(name)
        if found is None or name.startswith("_"):
            raise ValueError(f"no operation '{name}'")
        return found


def ask(path: Path, op: str, *, timeout: float = 10.0, **arguments: object) -> Any:
    """One operation on a dongle that runs elsewhere; blocks. RuntimeError with the dongle's words where it refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout)
        s.connect(str(path))
        s.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
        with s.makefile("rb") as f:
            answer = json.loads(f.readline(LINE_LIMIT) or b'{"ok": false, "error": "the dongle has gone"}')
    if not answer["ok"]:
        raise RuntimeError(answer["error"])
    return answer["result"]
