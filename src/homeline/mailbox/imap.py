"""A folder of an IMAP server (RFC 9051, RFC 3501): what is new in it, and marking what was taken as seen.

Nothing but the flag \\Seen of an answer that was taken or refused is ever changed. What is new is known by UIDs above
the last one, in a first run by the missing \\Seen: so an answer that its owner looks at first is still found.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from homeline.mailbox import mime
from homeline.mailbox.question import BATCH, BODY_LIMIT, HEADER_LIMIT, MailboxTrouble, Question, found

TIMEOUT = 20.0  # seconds without a word of the server
LITERAL_LIMIT = BODY_LIMIT + HEADER_LIMIT  # octets that the server may send in one piece
AT_ONCE = 25  # mails whose headers are asked for in one command
_STRANGE = "The server does not speak IMAP as it should"
_SHOWN = 200  # characters of the server's words
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = re.compile(rb"\bUID (\d{1,10})\b")


class _Bounded:
    """A connection on which the server cannot make us read without end."""

    def read(self, size: int) -> bytes:
        if size > LITERAL_LIMIT:
            raise MailboxTrouble(f"The server sends {size} octets in one piece, more than it was asked for.")
        return super().read(size)  # type: ignore[misc,no-any-return]


class _Clear(_Bounded, imaplib.IMAP4):
    pass


class _Secured(_Bounded, imaplib.IMAP4_SSL):
    pass


def read(question: Question) -> dict[str, Any]:
    """The mails with tokens among those that are new, at most BATCH looked at. Raises MailboxTrouble."""
    with _opened(question, readonly=True) as (server, validity):
        uids = _new(server, question, validity)
        looked_at = uids[:BATCH]
        mails = []
        for at in range(0, len(looked_at), AT_ONCE):
            for uid, head in _heads(server, looked_at[at : at + AT_ONCE]):
                item = found(question, str(uid), head, partial(_whole, server, uid))
                mails += [item] if item else []
        known = question.after if validity == question.validity else 0
        more = len(uids) > BATCH
        after = max([known, *looked_at, 0 if more else _number(server, "UIDNEXT") - 1])
        return {"mails": mails, "validity": validity, "after": after, "more": more}


def mark(question: Question) -> dict[str, Any]:
    """Mark mails as seen; those that are gone, or of another time of the folder, are left. Raises MailboxTrouble."""
    uids = [name for name in question.mark if re.fullmatch(r"[0-9]{1,10}", name)]
    with _opened(question, readonly=False) as (server, validity):
        if validity == question.validity and uids:
            _ok(server.uid("STORE", ",".join(uids), "+FLAGS.SILENT", r"(\Seen)"))
    return {}


@contextlib.contextmanager
def _opened(question: Question, *, readonly: bool) -> Iterator[tuple[imaplib.IMAP4, str]]:
    """A server with the folder open, and the folder's UIDVALIDITY. Raises MailboxTrouble."""
    with _in_words(question):
        server = _connected(question)
        try:
            _login(server, question)
            try:
                _ok(server.select(_quoted(_folder(question.folder)), readonly))
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:
                words = f"The folder {question.folder} cannot be opened: {_words(error, question)}"
                raise MailboxTrouble(words, owners=True) from None
            yield server, str(_number(server, "UIDVALIDITY"))
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error, ValueError):
                server.logout()


@contextlib.contextmanager
def _in_words(question: Question) -> Iterator[None]:
    """What a connection's trouble becomes: MailboxTrouble."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error) as error:
        raise _trouble(error, question) from None
    except (ValueError, IndexError, TypeError, AttributeError, AssertionError, KeyError) as error:
        raise MailboxTrouble(f"{_STRANGE} ({type(error).__name__}).") from None


def _trouble(error: Exception, question: Question) -> MailboxTrouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailboxTrouble(f"The server's certificate is refused: {error.verify_message}.", owners=True)
    if isinstance(error, ssl.SSLError):
        return MailboxTrouble(f"No secured connection: {error.reason or 'the server does not speak TLS'}.")
    if isinstance(error, socket.gaierror):
        return MailboxTrouble(f"The name {question.host} is not known.")
    if isinstance(error, TimeoutError):
        return MailboxTrouble("The server did not answer in time.")
    if isinstance(error, OSError):
        return MailboxTrouble(f"The connection failed: {error.strerror or type(error).__name__}.")
    if isinstance(error, imaplib.IMAP4.abort):
        ended = "EOF" in str(error)
        return MailboxTrouble("The server ended the connection." if ended else f"{_STRANGE}: {_words(error, question)}")
    return MailboxTrouble(f"The server says: {_words(error, question)}")


def _number(server: imaplib.IMAP4, name: str) -> int:
    """What the server said of the folder when it was opened (RFC 9051 7.1); 0 where it did not."""
    value = server.response(name)[1]
    text = value[0] if value and isinstance(value[0], bytes) else b""
    return int(text) if text.isdigit() and len(text) <= 10 else 0


def _connected(question: Question) -> imaplib.IMAP4:
    if question.tls == "none":
        return _Clear(question.host, question.port, TIMEOUT)
    context = ssl.create_default_context(cafile=question.ca_file or None)
    if not question.tls_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if question.tls == "tls":
        return _Secured(question.host, question.port, ssl_context=context, timeout=TIMEOUT)
    server = _Clear(question.host, question.port, TIMEOUT)
    if "STARTTLS" not in server.capabilities:
        raise MailboxTrouble("The server does not offer STARTTLS.", owners=True)
    server.starttls(context)
    return server


def _login(server: imaplib.IMAP4, question: Question) -> None:
    """SASL PLAIN (RFC 4616), which knows every character; LOGIN where the server has no PLAIN."""
    user, password = question.user, question.password
    try:
        if "AUTH=PLAIN" in server.capabilities:
            server.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        elif "LOGINDISABLED" in server.capabilities:
            raise MailboxTrouble("The server takes no password on a connection that is not secured.", owners=True)
        elif not (user + password).isascii():
            raise MailboxTrouble("The server takes only ASCII in user names and passwords.", owners=True)
        else:
            server.login(_quoted(user), password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        words = _words(error, question)
        if "[UNAVAILABLE]" in words:  # RFC 5530 3: what checks the password is away for now
            raise MailboxTrouble(f"The server cannot check the password now: {words}") from None
        raise MailboxTrouble(f"User name or password was refused: {words}", owners=True) from None


def _new(server: imaplib.IMAP4, question: Question, validity: str) -> list[int]:
    """The UIDs to look at, in order."""
    if validity == question.validity:
        found_uids = _ok(server.uid("SEARCH", f"UID {question.after + 1}:*"))
    else:
        day = time.gmtime(max(question.since, 0))
        since = f"{day.tm_mday}-{_MONTHS[day.tm_mon - 1]}-{day.tm_year:04}"  # RFC 9051 9: date
        found_uids = _ok(server.uid("SEARCH", f"UNSEEN SINCE {since}"))
    known = question.after if validity == question.validity else 0
    words = b" ".join(each for each in found_uids if isinstance(each, bytes)).split()
    # `n:*` names the last mail even where its UID is below n (RFC 9051 9: seq-range).
    return sorted({uid for uid in map(int, words) if known < uid < 1 << 32})


def _heads(server: imaplib.IMAP4, uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    fields = " ".join(name.upper() for name in mime.HEADERS)
    answer = _ok(server.uid("FETCH", ",".join(map(str, uids)), f"(UID BODY.PEEK[HEADER.FIELDS ({fields})])"))
    for at, item in enumerate(answer):
        if not (isinstance(item, tuple) and len(item) == 2):
            continue
        after = answer[at + 1] if at + 1 < len(answer) and isinstance(answer[at + 1], bytes) else b""
        uid = _UID.search(item[0].partition(b"BODY[")[0]) or _UID.search(after)  # it may stand on either side
        if uid and int(uid[1]) in uids:
            yield int(uid[1]), item[1][:HEADER_LIMIT]


def _whole(server: imaplib.IMAP4, uid: int) -> bytes:
    answer = _ok(server.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{BODY_LIMIT}>)"))
    content: bytes = next((item[1] for item in answer if isinstance(item, tuple) and len(item) == 2), b"")
    return content[:BODY_LIMIT]


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(data[0] if data else kind)
    return data


def _words(error: Exception, question: Question) -> str:
    """The server's words as one printable line without the password."""
    given = error.args[0] if error.args else ""
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    for secret in (question.password, base64.b64encode(f"\0{question.user}\0{question.password}".encode()).decode()):
        text = text.replace(secret, "***") if secret else text
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (text[:_SHOWN] or type(error).__name__).rstrip(".") + "."


def _quoted(text: str) -> str:
    """RFC 9051 4.3: a quoted string. Options hold printable characters only, so no line can end in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folder(name: str) -> str:
    """A folder's name in IMAP's own UTF-7 (RFC 3501 5.1.3)."""
    out, foreign = [], ""
    for character in name + "\0":
        if not (" " <= character <= "~" or character == "\0"):
            foreign += character
            continue
        if foreign:
            coded = base64.b64encode(foreign.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            out.append(f"&{coded}-")
            foreign = ""
        out.append("&-" if character == "&" else character)
    return "".join(out[:-1])
