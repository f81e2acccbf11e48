"""An event as an e-mail: words for people, and an RFC 5322 message that a stranger's text cannot change the form of.

Built by hand: `email.message` costs 1.4 MB of resident memory for good, and all that is needed of it is here. Every
header with foreign text goes through `_header`, which makes it one line of printable characters, and the body is sent
as it is only where that is lossless.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from homeline.adapters.mail import Mailer
from homeline.adapters.process import memory_file
from homeline.config import Email
from homeline.errors import ConfigError, NotFound
from homeline.model import CallDirection, Delivery, Event, EventKind, Message, MessageState
from homeline.protocol import wap
from homeline.service import calltext

LARGEST_ATTACHMENT = 5_000_000  # octets, before they are coded; many servers refuse mails of 10 MB
ATTACHMENT_CHUNK = 57 * 1000  # octets: whole lines of base64
HEADER_LIMIT = 200  # characters of a header's value, for nothing of ours is longer
_WORD_OCTETS = 30  # in one encoded word: with the longest of our header names the line stays below 76 (RFC 2047 2)
_LINE_LIMIT = 900  # characters of a line that is sent as it is (RFC 5322 2.1.1 allows 998)
_HEX_LINE = 64
_LATEST = 253402300799  # 9999-12-31: what RFC 5322 3.3 can write
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPECIALS = frozenset('()<>[]:;,\\"')  # RFC 5322 3.2.3: these would need quoting in an address

_NOUNS = {
    EventKind.MESSAGE: "SMS",
    EventKind.REPORT: "Delivery report",
    EventKind.USSD: "USSD",
    EventKind.ALERT: "Alert",
    EventKind.CALL: "Call",
    EventKind.VOICEMAIL: "Voicemail",
}


class MailChannel:
    """The channel of one `email` section."""

    concurrency = 4  # a mail is mostly waiting for the server, and a burst of messages should not wait in line

    def __init__(self, account: Email, mailer: Mailer, instance: Callable[[], str], folder: Callable[[], Path]) -> None:
        """`instance` gives the store's random id, which makes Message-IDs of two routers differ; `folder` is where the
        recordings are.

        Raises ConfigError for an address that would need quoting.
        """
        check_addresses(account)
        self._account, self._mailer, self._instance, self._folder = account, mailer, instance, folder
        self.timeout = account.timeout + 5.0  # the mailer ends its program before

    def __eq__(self, other: object) -> bool:
        """Channels of the same settings are the same: a reload that changed nothing here replaces nothing."""
        return isinstance(other, MailChannel) and other._account == self._account

    def __hash__(self) -> int:
        return hash(self._account)

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Hand the mail over. Raises DeliveryError."""
        if event.call is None or not event.call.recording:
            await self._mailer.send(compose(self._account, delivery, event, self._instance()))
            return
        mail = await asyncio.to_thread(self._with_recording, delivery, event, event.call.recording)
        try:
            await self._mailer.send(mail)
        finally:
            os.close(mail)

    def _with_recording(self, delivery: Delivery, event: Event, name: str) -> int:
        """The mail as a file in memory: read from flash and coded piece by piece, in a thread."""
        from homeline.adapters import recordings  # not before the first one

        folder = self._folder()
        try:
            size = recordings.kept_size(folder, name)
            if size > LARGEST_ATTACHMENT:
                raise recordings.RecordingError(f"It has {size // 1000} kB, too many for a mail")
            chunks = recordings.read(folder, name, ATTACHMENT_CHUNK)
            return memory_file(pieces(self._account, delivery, event, self._instance(), Attachment(name, chunks)))
        except (NotFound, recordings.RecordingError, OSError) as error:
            words = getattr(error, "strerror", None) or str(error)
            return memory_file((compose(self._account, delivery, event, self._instance(), f"{name}: {words}."),))


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


def compose(account: Email, delivery: Delivery, event: Event, instance: str, missing: str = "") -> bytes:
    """The whole mail, lines ending in LF. The same delivery always gives the same Message-ID.

    `missing` says why the recording that belongs to it is not there.
    """
    return b"".join(pieces(account, delivery, event, instance, None, missing))


def pieces(
    account: Email, delivery: Delivery, event: Event, instance: str, attached: Attachment | None, missing: str = ""
) -> Iterator[bytes]:
    """The mail in pieces, with a recording where there is one (RFC 2046 5.1.3)."""
    text = body(event, missing)
    headers = "\n".join(_headers(account, delivery, event, instance)).encode("ascii") + b"\n"
    if attached is None:
        yield headers + _text_part(text)
        return
    boundary = f"=_homeline-{instance}-{event.id}"  # "=_" is in no base64, and a text that has all of it is coded so
    yield headers + f'Content-Type: multipart/mixed; boundary="{boundary}"\n\n--{boundary}\n'.encode()
    yield _text_part(text, boundary)
    yield f"\n--{boundary}\n".encode() + _attachment_head(attached.name)
    for chunk in attached.chunks:
        yield base64.encodebytes(chunk)
    yield f"\n--{boundary}--\n".encode()


def _text_part(text: str, boundary: str = "") -> bytes:
    lossless = _fits_7bit(text) and not (boundary and boundary in text)
    coding = "7bit" if lossless else "base64"
    head = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {coding}\n\n".encode()
    return head + (text.encode() if lossless else _base64(text))


def _attachment_head(name: str) -> bytes:
    """`name` is ours: letters, digits, dash and dot."""
    kind = "audio/x-gsm" if name.endswith(".gsm") else "audio/x-wav"
    lines = (
        f'Content-Type: {kind}; name="{name}"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{name}"',
    )
    return "".join(f"{line}\n" for line in (*lines, "")).encode("ascii")


def _headers(account: Email, delivery: Delivery, event: Event, instance: str) -> list[str]:
    at, offset = moment(event)
    return [
        f"From: {account.sender}",
        "To: " + ",\n ".join(account.to),
        _header("Subject", subject(event)),
        f"Date: {_mail_date(at, offset)}",
        f"Message-ID: <{_message_id(delivery, instance)}@homeline>",
        "Auto-Submitted: auto-generated",  # RFC 3834: no vacation replies to it
        _header("X-Homeline-Event", str(event.id)),
        _header("X-Homeline-Kind", event.kind),
        _header("X-Homeline-Dongle", event.dongle),
        _header("X-Homeline-From", event.peer),
        _header("X-Homeline-Time", _iso(at, offset)),
        "MIME-Version: 1.0",
    ]


def subject(event: Event) -> str:
    """Kind, peer and time of an event in one line. The peer is the stranger's text: not yet safe for a header."""
    if event.kind is EventKind.ALERT:
        return f"Alert: {event.text}"
    when = _words(*moment(event))
    if event.call is not None:
        return f"{calltext.heading(event.call)}, {when}"
    if event.kind is EventKind.USSD:
        return f"USSD answer to {event.peer}, {when}" if event.peer else f"USSD from the network, {when}"
    if event.kind is EventKind.REPORT:
        return f"SMS to {_who(event)} {event.fields.get('status') or 'reported'}, {when}"
    return f"{_noun(event)} from {_who(event)}, {when}"


def body(event: Event, missing: str = "") -> str:
    """The event's text, then who, when and through which dongle. Half surrogates, which UTF-8 has not, become "?".

    `missing` says why a recording is not attached.

    The stranger's text comes first because mail programs show a mail's first line. What follows the last `-- ` is ours;
    sender and time are in the subject and the headers too, where the text cannot imitate them.
    """
    content = "\n".join((*_content(event), *(("", f"The recording is not attached. {missing}") if missing else ())))
    details = "".join(f"{name}: {value}\n" for name, value in _details(event) if value)
    return f"{content}\n\n-- \n{details}".encode("utf-8", "replace").decode()


def moment(event: Event) -> tuple[int, int]:
    """When it happened: seconds since 1970 and minutes east of UTC. The service centre's time where there is one."""
    message = event.message
    if message is not None and message.sent_at is not None and 0 <= message.sent_at < _LATEST - 86400:
        offset = message.sent_offset or 0
        return message.sent_at, offset if abs(offset) < 1440 else 0
    at = event.call.started_at if event.call is not None else event.at
    return min(max(at, 0), _LATEST), 0


def _noun(event: Event) -> str:
    message = event.message
    if event.call is not None:
        return calltext.noun(event.call)
    if message is None:
        return _NOUNS[event.kind]
    if message.error:
        return "Undecodable SMS"
    if "MMS notice" in message.note:
        return "MMS notice"
    if message.state is MessageState.INCOMPLETE:
        return "Incomplete SMS"
    return "Binary SMS" if message.data and not message.text else "SMS"


def _who(event: Event) -> str:
    if event.call is not None:
        return calltext.who(event.call)
    name = event.message.peer_name if event.message else ""
    peer = event.peer or "an unknown sender"
    return f"{name} ({peer})" if name and name != peer else peer


def _content(event: Event) -> Iterator[str]:
    """The lines above the details."""
    message = event.message
    if message is not None and message.error:
        yield f"This message could not be decoded: {message.error}"
        yield "As the network sent it (hexadecimal):"
        yield from _hex_lines(event.fields.get("pdu", ""))
    if event.call is not None:
        yield calltext.sentence(event.call)
    if event.text or (message is None and event.call is None):
        yield event.text
    if message is not None and message.data:
        yield wap.describe(message.data, message.ports) or f"Binary data of {len(message.data)} bytes"
        yield "As it came (hexadecimal):"
        yield from _hex_lines(message.data.hex())
    if advice := event.fields.get("advice"):
        yield ""
        yield advice


def _hex_lines(text: str) -> Iterator[str]:
    for at in range(0, len(text), _HEX_LINE):
        yield text[at : at + _HEX_LINE]


def _details(event: Event) -> Iterator[tuple[str, str]]:
    """Names and values of the lines below the text; an empty value is left out."""
    at, offset = moment(event)
    yield "Event", f"{_noun(event)} {event.id}"
    yield "To" if _went_out(event) else "From", _line(_who(event)) if event.peer else ""
    yield "Dongle", _line(event.dongle)
    yield "Time", _words(at, offset)
    if event.message is not None:
        yield from _message_details(event.message)
    if event.call is not None:
        yield from ((name, _line(value)) for name, value in calltext.details(event.call))
    for name, value in event.fields.items():
        if name not in ("advice", "pdu"):
            yield _line(name.replace("_", " ").capitalize()), _line(value)


def _went_out(event: Event) -> bool:
    if event.call is not None:
        return event.call.direction is not CallDirection.IN
    return event.kind is EventKind.REPORT


def _message_details(message: Message) -> Iterator[tuple[str, str]]:
    yield "Sender as the network wrote it", _line(message.peer_raw) if message.peer_raw != message.peer else ""
    yield "Stored here", _words(message.at, 0)
    if message.state is MessageState.INCOMPLETE:
        yield "Parts", f"{message.parts_have} of {message.parts_total}, the others did not come"
    yield "Port", str(message.ports[0]) if message.ports else ""
    yield "Class", "0, to be shown at once" if message.message_class == 0 else ""
    yield "Kind", _line(message.note)


def _line(text: str) -> str:
    """One line of printable characters, bounded: white space becomes a space, what cannot be shown a sign for that."""
    if len(text) > HEADER_LIMIT:
        text = text[: HEADER_LIMIT - 1] + "…"
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def _header(name: str, value: str) -> str:
    """A header whose value is any text: as it is where that is plain and short, else in encoded words (RFC 2047)."""
    value = _line(value)
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


def _message_id(delivery: Delivery, instance: str) -> str:
    return f"{delivery.event}.{delivery.rule}.{delivery.channel}.{delivery.revision}-{instance}"


def _zone(offset: int, colon: str) -> str:
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}{colon}{minutes:02}"


def _local(at: int, offset: int) -> time.struct_time:
    return time.gmtime(at + offset * 60)


def _mail_date(at: int, offset: int) -> str:
    """RFC 5322 3.3, in English whatever the locale."""
    t = _local(at, offset)
    date = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04}"
    return f"{date} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} {_zone(offset, '')}"


def _iso(at: int, offset: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", _local(at, offset)) + _zone(offset, ":")


def _words(at: int, offset: int) -> str:
    """For people: 2024-05-01 14:03:00 +02:00, the clock of whoever sent it."""
    return time.strftime("%Y-%m-%d %H:%M:%S ", _local(at, offset)) + _zone(offset, ":")
