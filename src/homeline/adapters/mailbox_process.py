"""The process that reads a mailbox: asked with one JSON object, it answers with one and ends.

TLS, MIME and whatever strangers mail to the owner stay out of the service's memory. The question, password and key in
it, goes through a file in memory.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeline.adapters import process
from homeline.errors import HomelineError

TIMEOUT = 120.0  # seconds, all in all
_SHOWN = 300  # characters of an unexpected end
_MOST = 1000  # mails in one answer: more than are ever looked at


class MailboxError(HomelineError):
    """The mailbox cannot be read. `owners`: only its owner can mend that."""

    def __init__(self, message: str, *, owners: bool = False) -> None:
        super().__init__(message)
        self.owners = owners


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail with something like a token. All texts are hostile."""

    id: str  # names it in the mailbox
    token: str
    sender: str  # address in lower case; "" where it cannot be told
    message_id: str
    automatic: bool  # written by a program
    text: str  # what is new in it; empty where token or sender are not good
    trouble: str  # why it could not be read

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mail:
        texts = {name: str(data[name]) for name in ("id", "token", "sender", "message_id", "text", "trouble")}
        return cls(automatic=bool(data["automatic"]), **texts)


@dataclass(frozen=True, slots=True)
class Found:
    """What is new. `validity` and `after` go into the next question; `more` is there already."""

    mails: tuple[Mail, ...] = ()
    validity: str = ""
    after: int = 0
    more: bool = False


async def ask(question: Mapping[str, Any], timeout: float = TIMEOUT) -> Found:
    """Ask (`homeline.mailbox.question` has the fields). Raises MailboxError."""
    argv = [sys.executable, "-s", "-m", "homeline.mailbox"]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        status, answer, errors = await process.ask(argv, json.dumps(question).encode(), timeout, {"PYTHONPATH": path})
    except TimeoutError:
        raise MailboxError(f"It could not be read within {timeout:g} s.") from None
    except OSError as error:
        raise MailboxError(f"The reader cannot be run: {error.strerror or error}.") from None
    return _found(status, answer, errors.decode("utf-8", "replace"))


def _found(status: int, answer: bytes, errors: str) -> Found:
    try:
        data = json.loads(answer)
        if status != 0:
            raise MailboxError(str(data["error"])[:_SHOWN], owners=bool(data["owners"]))
        mails = tuple(map(Mail.from_json, data.get("mails", ())[:_MOST]))
        return Found(mails, str(data.get("validity", "")), int(data.get("after", 0)), bool(data.get("more")))
    except (ValueError, KeyError, TypeError, AttributeError):
        last = errors.strip().rpartition("\n")[2][:_SHOWN]
        raise MailboxError(f"The reader failed (status {status}): {last or 'without a word'}.") from None
