"""What tests of answers by mail share: a key, a token of event 7, and the mail that brings it back."""

from __future__ import annotations

from homeline.core import replies

KEY = bytes(32)
ADDRESS = "line@home.example"
OWNER = "me@example.org"
TOKEN = replies.token(KEY, "me", 7)


def mail(text: str = "Yes", number: int = 1, to: str = f"line+{TOKEN}@home.example", sender: str = OWNER) -> bytes:
    """An answer as a mail program sends it."""
    head = f"From: {sender}\r\nTo: {to}\r\nMessage-ID: <{number}@x>\r\nSubject: Re: SMS\r\n"
    content = f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    return content.encode("utf-8", "surrogatepass")
