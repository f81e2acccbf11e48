"""The private socket by which the webhook's process tells what happened at Twilio: a line of JSON there, one back.

Only our own user can connect (0600). Each connection has one line, bounded in length and time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

LONGEST_LINE = 256 * 1024  # octets
PATIENCE = 10.0  # seconds for a line to come; the answer takes as long as the flash does
AT_ONCE = 16

Handle = Callable[[object], Awaitable[Mapping[str, Any]]]


class WebhookSocket:
    """`handle` gets what a line says and makes the answer; it must not raise."""

    def __init__(self, path: Path, handle: Handle, patience: float = PATIENCE) -> None:
        self._path, self._handle, self._patience = path, handle, patience
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """Listen, in place of whoever did before. Raises OSError."""
        listening = await asyncio.to_thread(_listening, self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LONGEST_LINE)

    async def close(self) -> None:
        """Listen no more. What was asked is answered: it may be committed already."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        with contextlib.suppress(OSError):
            self._path.unlink()
        if self._open:
            await asyncio.wait(list(self._open), timeout=self._patience)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if len(self._open) <= AT_ONCE:
                await self._converse(reader, writer)
        except (OSError, EOFError, TimeoutError, ValueError) as error:  # ValueError: a line that is too long
            log.debug("The webhook's process broke off: %s", type(error).__name__)
        finally:
            self._open.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._patience):
            line = await reader.readline()
        if not line.endswith(b"\n"):
            return
        try:
            question = json.loads(line)
        except ValueError:  # with RecursionError's cousins: json raises this for all that is no JSON
            question = None
        except RecursionError:
            question = None
        answer = await self._handle(question)
        writer.write(json.dumps(answer).encode() + b"\n")
        async with asyncio.timeout(self._patience):
            await writer.drain()


def _listening(path: Path) -> socket.socket:
    """A socket that listens, and never was open to others. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        made.bind(os.fspath(path))
        path.chmod(0o600)  # nobody can connect before it listens
        made.listen(AT_ONCE)
    except OSError:
        made.close()
        raise
    return made
