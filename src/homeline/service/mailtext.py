"""A note as an e-mail: an RFC 5322 message that a stranger's text cannot change the form of.

Built by hand: `email.message` costs 1.4 MB of resident memory for good, and all that is needed of it is here. Every
header with foreign text goes through `_header`, which makes it one line of printable characters, and the body is sent
as it is only where that is lossless.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from homeline.adapters.mail import Mailer
from homeline.adapters.process import memory_file
from homeline.config import Email
from homeline.errors import ConfigError, NotFound
from homeline.model import Delivery, Event, Priority
from homeline.service import eventtext
from homeline.service.channels import Invitation
from homeline.service.wording import Note, Wording

LARGEST_ATTACHMENT = 5_000_000  # octets, before they are coded; many servers refuse mails of 10 MB
ATTACHMENT_CHUNK = 57 * 1000  # octets: whole lines of base64
_MARKED_SUBJECT = 150  # characters, so that the mark after it is not cut off
_WORD_OCTETS = 30  # in one encoded word: with the longest of our header names the line stays below 76 (RFC 2047 2)
_LINE_LIMIT = 900  # characters of a line that is sent as it is (RFC 5322 2.1.1 allows 998)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AUDIO = {"gsm": "audio/x-gsm", "wav": "audio/x-wav", "mp3": "audio/mpeg"}
_SPECIALS = frozenset('()<>[]:;,\\"')  # RFC 5322 3.2.3: these would need quoting in an address
# Importance: RFC 2156 5.3.4; X-Priority has no standard, and mail programs that do not know the one know the other.
_URGENCY = {
    Priority.LOW: ("X-Priority: 5", "Importance: low"),
    Priority.NORMAL: (),
    Priority.HIGH: ("X-Priority: 1", "Importance: high"),
}


class MailChannel:
    """The channel of one `email` section."""

    concurrency = 4  # a mail is mostly waiting for the server, and a burst of messages should not wait in line

    def __init__(
        self,
        account: Email,
        mailer: Mailer,
        wording: Wording,
        folder: Callable[[], Path],
        invite: Callable[[Event], Awaitable[Invitation | None]] | None = None,
    ) -> None:
        """`folder` is where the recordings are; `invite` says where an answer about an event goes.

        Raises ConfigError for an address that would need quoting.
        """
        check_addresses(account)
        self._account, self._mailer, self._wording, self._folder = account, mailer, wording, folder
        self._invite = invite
        self.timeout = account.timeout + 5.0  # the mailer ends its program before

    def __eq__(self, other: object) -> bool:
        """Channels of the same settings are the same: a reload that changed nothing here replaces nothing."""
        return isinstance(other, MailChannel) and other._account == self._account

    def __hash__(self) -> int:
        return hash(self._account)

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Hand the mail over. Raises DeliveryError."""
        note = self._wording.note(delivery, event)
        answers = await self._invite(event) if self._invite else None
        names = [each.call.recording for each in event.digest or (event,) if each.call and each.call.recording]
        if not names:
            await self._mailer.send(compose(self._account, note, answers=answers))
            return
        mail = await asyncio.to_thread(self._with_recordings, note, names, answers)
        try:
            await self._mailer.send(mail)
        finally:
            os.close(mail)

    def _with_recordings(self, note: Note, names: Sequence[str], answers: Invitation | None) -> int:
        """The mail as a file in memory: read from flash and coded piece by piece, in a thread."""
        from homeline.adapters import recordings  # not before the first one

        folder, room = self._folder(), LARGEST_ATTACHMENT
        attached, missing = [], []
        for name in names:
            try:
                size = recordings.kept_size(folder, name)
                if size > room:
                    raise recordings.RecordingError(f"It has {size // 1000} kB, too many for a mail")
                room -= size
                attached.append(Attachment(name, recordings.read(folder, name, ATTACHMENT_CHUNK)))
            except (NotFound, recordings.RecordingError, OSError) as error:
                missing.append(f"{name}: {getattr(error, 'strerror', None) or error}.")
        try:
            return memory_file(pieces(self._account, note, attached, " ".join(missing), answers))
        except (NotFound, recordings.RecordingError, OSError) as error:  # gone meanwhile, or the flash is worn out
            words = getattr(error, "strerror", None) or str(error)
            return memory_file((compose(self._account, note, f"{', '.join(names)}: {words}.", answers),))


def check_addresses(account: Email) -> None:
    """Raises ConfigError unless sender and recipients are plain addresses, and there is one recipient at least."""
    addresses = [("from", account.sender), *(("to", address) for address in account.to or ("",))]
    for option, address in addresses:
        local, _, domain = address.rpartition("@")
        plain = address.isascii() and address.isprintable() and " " not in address and not _SPECIALS & set(address)
        if not (plain and local and domain and "@" not in local):
            raise ConfigError(account.name, option, ascii(address)[1:-1], "must be one address, such as me@example.org")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A recording; each chunk but the last has a length that is a multiple of 57."""

    name: str
    chunks: Iterable[bytes]


def compose(account: Email, note: Note, missing: str = "", answers: Invitation | None = None) -> bytes:
    """The whole mail, lines ending in LF. The same delivery always gives the same Message-ID.

    `missing` says why the recording that belongs to it is not there, `answers` where answers go.
    """
    return b"".join(pieces(account, note, (), missing, answers))


def pieces(
    account: Email,
    note: Note,
    attached: Sequence[Attachment],
    missing: str = "",
    answers: Invitation | None = None,
) -> Iterator[bytes]:
    """The mail in pieces, with recordings where there are some (RFC 2046 5.1.3)."""
    text = _without_recording(note.text, missing) if missing else note.text
    text = text if text.endswith("\n") else text + "\n"  # a template may not
    headers = "\n".join(_headers(account, note, answers)).encode("ascii") + b"\n"
    if not attached:
        yield headers + _text_part(text)
        return
    # "=_" is in no base64, and a text that has all of it is coded so
    boundary = f"=_homeline-{note.key.rpartition('-')[2]}-{note.event.id}"
    yield headers + f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n--{boundary}\n'.encode()
    yield _text_part(text, boundary)
    for each in attached:
        yield f"\n--{boundary}\n".encode() + _attachment_head(each.name)
        for chunk in each.chunks:
            yield base64.encodebytes(chunk)
    yield f"\n--{boundary}--\n".encode()


def _without_recording(text: str, why: str) -> str:
    """The text with a line about the recording, above the details where there are some."""
    above, mark, below = text.rpartition("\n\n-- \n")
    line = f"The recording is not attached. {eventtext.whole(why)}"
    return f"{above}\n\n{line}{mark}{below}" if mark else f"{text}\n\n{line}\n"


def _text_part(text: str, boundary: str = "") -> bytes:
    lossless = _fits_7bit(text) and not (boundary and boundary in text)
    coding = "7bit" if lossless else "base64"
    head = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {coding}\n\n".encode()
    return head + (text.encode() if lossless else _base64(text))


def _attachment_head(name: str) -> bytes:
    """`name` is ours: letters, digits, dash and dot."""
    kind = _AUDIO[name.rpartition(".")[2]]
    lines = (
        f'Content-Type: {kind}; name="{name}"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{name}"',
    )
    return "".join(f"{line}\n" for line in (*lines, "")).encode("ascii")


def _headers(account: Email, note: Note, answers: Invitation | None) -> list[str]:
    event = note.event
    at, offset = eventtext.moment(event)
    return [
        f"From: {account.sender}",
        "To: " + ",\n ".join(account.to),
        *((f"Reply-To: {answers.address}",) if answers else ()),
        _header("Subject", _marked(note.subject, answers)),
        f"Date: {_mail_date(at, offset)}",
        f"Message-ID: <{note.key}@homeline>",
        "Auto-Submitted: auto-generated",  # RFC 3834: no vacation replies to it
        *_URGENCY[note.priority],
        _header("X-Homeline-Event", str(event.id)),
        _header("X-Homeline-Kind", event.kind),
        _header("X-Homeline-Dongle", event.dongle),
        _header("X-Homeline-From", event.peer),
        _header("X-Homeline-Time", eventtext.iso(at, offset)),
        "MIME-Version: 1.0",
    ]


def _marked(subject: str, answers: Invitation | None) -> str:
    return f"{subject[:_MARKED_SUBJECT]} {answers.mark}" if answers and answers.mark else subject


def _header(name: str, value: str) -> str:
    """A header whose value is any text: as it is where that is plain and short, else in encoded words (RFC 2047)."""
    value = eventtext.line(value)
    if value.isascii() and "=?" not in value and len(name) + len(value) < 75:
        return f"{name}: {value}"
    words = (f"=?utf-8?B?{base64.b64encode(piece).decode()}?=" for piece in _pieces(value))
    return f"{name}: " + "\n ".join(words)


def _pieces(text: str) -> Iterator[bytes]:
    """UTF-8 in pieces of at most `_WORD_OCTETS`, never cut inside a character (RFC 2047 5)."""
    piece = b""
    for character in text:
        octets = character.encode()
        if len(piece) + len(octets) > _WORD_OCTETS:
            yield piece
            piece = b""
        piece += octets
    yield piece


def _fits_7bit(text: str) -> bool:
    return text.isascii() and all(map(_survives, text.split("\n")))


def _survives(line: str) -> bool:
    """Whether a line goes through every mail transfer agent as it is; some mark a "From " at its beginning."""
    return len(line) <= _LINE_LIMIT and line.isprintable() and not line.startswith("From ")


def _base64(text: str) -> bytes:
    """The text with lines ending in CRLF, as text has to before it is encoded (RFC 2045 6.8), in base64 lines of 76."""
    return base64.encodebytes(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())


def _mail_date(at: int, offset: int) -> str:
    """RFC 5322 3.3, in English whatever the locale."""
    t = eventtext.local(at, offset)
    date = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04}"
    return f"{date} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} {eventtext.zone(offset, '')}"
