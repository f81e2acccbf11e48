"""What tests of the webhook share: requests as Twilio signs them, and a raw client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from homeline.config import Config, Main
from homeline.config_calls import Phone, Where
from homeline.config_sip import Twilio

ACCOUNT = "AC" + "0a" * 16
TOKEN = "5ec2e7" * 5 + "00"
PUBLIC = "https://home.example.org/twilio"
CALL, MESSAGE, RECORDING, TRANSCRIPTION = (kind + "1b" * 16 for kind in ("CA", "SM", "RE", "TR"))
NOW = 1_800_000_000
TWILIO = Twilio(
    account_sid=ACCOUNT,
    api_key="SK" + "2c" * 16,
    api_secret="apiSecretOfTheOwner1",
    auth_token=TOKEN,
    routing="webhook",
    webhook=True,
    public_url=PUBLIC,
    port=0,
    voicemail=True,
    inbound_sms=True,
)
PHONES = (Phone("alice", where=Where.TWILIO), Phone("bob", where=Where.TWILIO))


def config(**options: object) -> Config:
    """A configuration with an account and two softphones at Twilio."""
    twilio = replace(TWILIO, **options)  # type: ignore[arg-type]
    return Config(main=Main(enabled=True, country="CH"), phones=PHONES, twilio=twilio)


def signed(url: str, parameters: Mapping[str, str], token: str = TOKEN) -> str:
    """By Twilio's own library."""
    return str(RequestValidator(token).compute_signature(url, dict(parameters)))


def request(
    path: str,
    parameters: Mapping[str, str],
    *,
    public: str = PUBLIC,
    signature: str | None = None,
    headers: Mapping[str, str] | None = None,
    close: bool = True,
) -> bytes:
    """A request's octets; `path` with its query."""
    body = urlencode(parameters).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: router",
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8",
        f"Content-Length: {len(body)}",
        f"X-Twilio-Signature: {signed(public + path, parameters) if signature is None else signature}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
        *(["Connection: close"] if close else []),
    ]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body


async def exchange(port: int, octets: bytes, patience: float = 30.0) -> bytes:
    """All that the server answers until it closes; b"" where it just broke off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        async with asyncio.timeout(patience):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    """Of the first reply; 0 for none."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 2 else 0
