"""Recordings at Twilio: fetched into a folder in RAM, and deleted there.

The address is made of the recording's SID and our settings: what a request says of it is not followed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from homeline.adapters.http import Answer, Client, HttpError, Request, parse
from homeline.config_sip import Twilio
from homeline.core.twilio_addresses import api_place
from homeline.errors import HomelineError

TIMEOUT = 60.0  # seconds
LARGEST = 4 << 20  # octets; ten minutes have half of it
_GONE = (404, 410)


class NotFetched(HomelineError):
    """Twilio does not give a recording, or does not delete it."""


def address(twilio: Twilio) -> str:
    """Where the account's REST API is (Twilio documentation, "Global infrastructure: base URLs")."""
    return f"https://{'.'.join(filter(None, ('api', *api_place(twilio.region, twilio.edge), 'twilio.com')))}"


class Recordings:
    """`settings` gives those in force; `base` is another address of the API, for tests."""

    def __init__(self, client: Client, folder: Path, settings: Callable[[], Twilio], base: str = "") -> None:
        self._client, self._folder, self._settings, self._base = client, folder, settings, base

    async def fetch(self, sid: str, name: str) -> None:
        """Have a recording as a file, whole or not at all. Raises NotFetched, OSError."""
        if (self._folder / name).exists():
            return
        answer = await self._request("GET", f"Recordings/{sid}.mp3")
        if answer.status != 200 or not answer.body:
            raise NotFetched(f"Twilio answers {answer.status}.")
        if len(answer.body) > LARGEST:
            raise NotFetched(f"It has more than {LARGEST >> 20} MiB.")
        await asyncio.to_thread(self._keep, name, answer.body)

    def _keep(self, name: str, content: bytes) -> None:
        part = self._folder / f"{name}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            part.rename(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def let_go(self, name: str) -> None:
        """The file is not needed any more."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()

    async def delete(self, sid: str) -> None:
        """Delete a recording (RE…) or a transcription (TR…) at Twilio; again is harmless. Raises NotFetched."""
        kind = "Recordings" if sid.startswith("RE") else "Transcriptions"
        answer = await self._request("DELETE", f"{kind}/{sid}.json")
        if answer.status not in (200, 204, *_GONE):
            raise NotFetched(f"Twilio answers {answer.status}.")

    async def _request(self, method: str, path: str) -> Answer:
        twilio = self._settings()
        if not (twilio.api_key and twilio.api_secret):
            raise NotFetched("twilio.api_key and api_secret are not set.")
        login = base64.b64encode(f"{twilio.api_key}:{twilio.api_secret}".encode()).decode()
        base = self._base or address(twilio)
        request = Request(
            method,
            f"{base}/2010-04-01/Accounts/{twilio.account_sid}/{path}",
            (("Authorization", f"Basic {login}"),),
            timeout=TIMEOUT,
            allow_local=parse(base).host == "127.0.0.1",
            most=LARGEST + 1,
        )
        try:
            return await self._client.request(request)
        except HttpError as error:
            raise NotFetched(str(error)) from None
