"""Mails: who wrote one, whether a person did, the tokens in its headers and the text in its parts (RFC 5322, 2045)."""

from __future__ import annotations

import email
import email.header
import email.utils
import re
from email.message import Message

from homeline.core import replies
from homeline.mailbox import html, quoting

HEADERS = (
    *("From", "To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "Subject", "Message-ID", "Return-Path"),
    *("Auto-Submitted", "Precedence", "List-Id", "X-Autoreply", "X-Autorespond", "X-Failed-Recipients"),
    "Content-Type",
)
_ADDRESSED = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_MACHINES = ("mailer-daemon", "postmaster", "noreply", "no-reply", "do-not-reply", "donotreply")
_MAX_PARTS = 100
_SHOWN = 254  # characters of a header's value
_CHARSET = re.compile(  # what mail is written in; Python knows more, such as transformations of text to text
    r"(us-)?ascii|utf-?(8|16|16le|16be|7)|iso-?8859-?\d{1,2}|iso-2022-(jp|kr)|windows-?125\d|cp125\d|koi8-[ru]|"
    r"gb2312|gbk|gb18030|big5(-hkscs)?|shift[_-]jis|euc-(jp|kr|tw)|ks_c_5601-1987|mac-?roman|tis-620"
)


def header(mail: Message, name: str) -> str:
    """All values of a header in one line, decoded (RFC 2047)."""
    found = []
    for value in mail.get_all(name, [])[:20]:
        try:
            value = str(email.header.make_header(email.header.decode_header(str(value)[:4096])))
        except (ValueError, LookupError, email.errors.MessageError):
            value = str(value)
        found.append(" ".join(value.split()))
    return " ".join(found)[:8192]


def sender(mail: Message) -> str:
    """The address of the one who wrote it, in lower case; "" unless there is exactly one (RFC 5322 3.6.2)."""
    values = mail.get_all("From", [])
    if len(values) != 1:
        return ""
    found = [address for _, address in email.utils.getaddresses([str(values[0])[:4096]])]
    if len(found) != 1 or not re.fullmatch(r"[!-~]+@[!-~]+", found[0]):
        return ""
    return found[0].lower()[:_SHOWN]


def automatic(mail: Message) -> bool:
    """Whether a program wrote it: an absence note, a bounce, a mailing list (RFC 3834 2)."""
    submitted = header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no") or header(mail, "Return-Path").strip() == "<>":
        return True
    if any(name in mail for name in ("List-Id", "X-Autoreply", "X-Autorespond", "X-Failed-Recipients")):
        return True
    if header(mail, "Precedence").lower() in ("bulk", "list", "junk", "auto_reply"):
        return True
    return mail.get_content_type() == "multipart/report" or sender(mail).partition("@")[0] in _MACHINES


def tokens(mail: Message, address: str) -> list[str]:
    """What may be tokens, of the headers that say to whom it went and of the subject."""
    addressed = " ".join(header(mail, name) for name in _ADDRESSED)
    return replies.in_addresses(address, addressed) + replies.in_subject(header(mail, "Subject"))


def text(mail: Message) -> str:
    """What was written in it: of the first plain part, else of the first HTML part; "" if there is none."""
    rich = ""
    for count, part in enumerate(mail.walk()):
        if count >= _MAX_PARTS:
            break
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        if part.get_content_type() == "text/plain":
            if found := quoting.new_text(_flowed(part, _decoded(part))):
                return found
        elif part.get_content_type() == "text/html" and not rich:
            rich = _decoded(part)
    return quoting.new_text(html.text_of(rich)) if rich else ""


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    octets = content if isinstance(content, bytes) else b""
    name = str(part.get_param("charset") or "utf-8").strip().lower()
    try:
        return octets[: 4 * quoting.LIMIT].decode(name if _CHARSET.fullmatch(name) else "utf-8", "replace")
    except (LookupError, ValueError):
        return octets[: 4 * quoting.LIMIT].decode("utf-8", "replace")


def _flowed(part: Message, content: str) -> str:
    """Paragraphs as one line each, where the sender's program broke them (RFC 3676 4.1)."""
    if str(part.get_param("format") or "").lower() != "flowed":
        return content
    joined: list[str] = []
    soft = False
    remove = str(part.get_param("delsp") or "").lower() == "yes"
    for line in re.split(r"\r\n|\r|\n", content[: quoting.LIMIT]):
        quote = line.startswith(">")
        stuffed = line[1:] if line.startswith(" ") else line
        if soft and not quote and stuffed != "-- ":
            joined[-1] += stuffed
        else:
            joined.append(stuffed)
        soft = stuffed.endswith(" ") and stuffed != "-- " and not quote
        if soft and remove:
            joined[-1] = joined[-1][:-1]
    return "\n".join(joined)
