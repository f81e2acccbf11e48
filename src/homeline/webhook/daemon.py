"""Telling the daemon: one connection to its socket for each event, a line of JSON there and one back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeline.errors import HomelineError

TIMEOUT = 10.0  # seconds
LONGEST_LINE = 256 * 1024  # octets


class NotTaken(HomelineError):
    """The daemon is not there, or cannot take the event now. `never`: it will not take it later either."""

    def __init__(self, message: str, *, never: bool = False) -> None:
        super().__init__(message)
        self.never = never


async def tell(socket: Path, event: Mapping[str, Any], timeout: float = TIMEOUT) -> None:
    """Returns once the event is committed, now or earlier. Raises NotTaken."""
    try:
        async with asyncio.timeout(timeout):
            answer = await _asked(socket, json.dumps(event).encode() + b"\n")
    except TimeoutError:
        raise NotTaken(f"The daemon has not answered within {timeout:g} s.") from None
    except OSError as error:
        raise NotTaken(f"The daemon is not there: {error.strerror or type(error).__name__}.") from None
    except ValueError:  # with LimitOverrunError of a line without an end, and what is no JSON
        raise NotTaken("What the daemon answers cannot be read.") from None
    if not answer.get("ok"):
        raise NotTaken(str(answer.get("error", ""))[:200], never=answer.get("never") is True)


async def _asked(socket: Path, line: bytes) -> Mapping[str, Any]:
    """Raises OSError, ValueError."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_LINE)
    try:
        writer.write(line)
        await writer.drain()
        answer = json.loads(await reader.readline())
    finally:
        writer.close()
    if not isinstance(answer, dict):
        raise ValueError
    return answer
