"""What the reader is asked, what it found, and how it tells of trouble. Plain values, as JSON carries them."""

from __future__ import annotations

import contextlib
import email
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from types import FrameType
from typing import Any, TypeVar

from homeline.core import replies
from homeline.errors import HomelineError
from homeline.mailbox import mime

T = TypeVar("T")

BODY_LIMIT = 262144  # octets of a mail that are read: what somebody wrote stands before what is attached
HEADER_LIMIT = 65536  # octets of a mail's headers
BATCH = 200  # mails whose headers are read in one run
PATIENCE = 10  # seconds for reading one mail: none may keep the others from being read


class MailboxTrouble(HomelineError):
    """Why the mailbox cannot be read. `owners`: only its owner can mend that, and trying often does harm."""

    def __init__(self, message: str, *, owners: bool = False) -> None:
        super().__init__(message)
        self.owners = owners


class _TooSlow(Exception):
    """One mail takes longer than PATIENCE."""


@dataclass(frozen=True, slots=True)
class Question:
    """A section's settings, the key of tokens, and the state: `validity` and `after` as the last answer had them.

    With `mark` nothing is read: these mails are marked as seen.
    """

    mailbox: str
    type: str
    address: str
    senders: tuple[str, ...]
    key: bytes
    validity: str = ""
    after: int = 0
    mark: tuple[str, ...] = ()
    since: int = 0  # mails from before this time are not looked at in the first run
    host: str = ""
    port: int = 0
    tls: str = "tls"
    tls_verify: bool = True
    ca_file: str = ""
    user: str = ""
    password: str = ""
    folder: str = "INBOX"
    path: str = ""

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Question:
        """Raises KeyError, TypeError, ValueError for what is no question."""
        given = {**asked, "key": bytes.fromhex(asked["key"])}
        for name in ("senders", "mark"):
            given[name] = tuple(map(str, given.get(name, ())))
        return cls(**given)


def found(question: Question, name: str, head: bytes, whole: Callable[[], bytes]) -> dict[str, Any] | None:
    """What the service wants to know of a mail; None for one without a token, which is none of our business.

    `head` begins with its headers. `whole` gives all of it, and is asked only where token and sender are good.
    """
    answer, trouble = _read(lambda: _headers(question, head))
    if trouble or answer is None:
        return None
    found: dict[str, Any] = {"id": name, **answer, "text": "", "trouble": ""}
    good = replies.event_of(question.key, question.mailbox, answer["token"]) is not None
    if good and answer["sender"] in question.senders and not answer["automatic"]:
        content = whole()
        text, found["trouble"] = _read(lambda: mime.text(email.message_from_bytes(content)))
        found["text"] = text or ""
    return found


def _headers(question: Question, head: bytes) -> dict[str, Any] | None:
    mail = BytesHeaderParser().parsebytes(head)
    candidates = mime.tokens(mail, question.address)
    good = (token for token in candidates if replies.event_of(question.key, question.mailbox, token) is not None)
    if not candidates:
        return None
    return {
        "token": next(good, candidates[0]),
        "sender": mime.sender(mail),
        "message_id": mime.header(mail, "Message-ID")[:512],
        "automatic": mime.automatic(mail),
    }


def _read(parse: Callable[[], T]) -> tuple[T | None, str]:
    """What `parse` gives, and "", or None and why it gives nothing: no mail may keep the others from being read."""
    try:
        with _deadline():
            return parse(), ""
    except _TooSlow:
        return None, "It could not be read in time."
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        return None, f"It cannot be read ({type(error).__name__})."


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    """Raises _TooSlow in the block when PATIENCE is over."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
