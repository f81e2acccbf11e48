"""Telegram's Bot API: a call by HTTP, and what its answers mean (core.telegram.org/bots/api, "Making requests").

The token is part of the URL, so no text ever shows that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

from homeline.adapters import http
from homeline.adapters.http import OWNERS_PAUSE, Answer, Client, Request
from homeline.config_channels import Telegram
from homeline.errors import DeliveryError
from homeline.paths import Paths

LARGEST_ANSWER = 1 << 20  # octets: 10 updates, each with what it replies to, have a quarter of it
CONFLICT_PAUSE = 60.0  # seconds while another program asks for the bot's news

# Words of a 400 about the text; whatever else is about the chat or our rights in it, which the owner can mend.
_ABOUT_TEXT = ("message text", "text must be", "message is too long", "parse entities")


class BotError(DeliveryError):
    """What Telegram refused, or that it could not be asked."""

    def __init__(
        self,
        message: str,
        status: int = 0,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        moved_to: int | None = None,
    ) -> None:
        """`status` is 0 where there was no answer; `moved_to` is a group's new number."""
        super().__init__(message, permanent=permanent, retry_after=retry_after)
        self.status, self.moved_to = status, moved_to

    @property
    def of_chat(self) -> bool:
        """Whether it concerns one chat; others may work."""
        return self.status in (400, 403)


class Bot:
    """The bot of one account."""

    def __init__(self, account: Telegram, paths: Paths, client: Client) -> None:
        self._account, self._client = account, client
        self._ca_file = str(paths.inside(account.ca_file)) if account.ca_file else ""
        self.id = int(account.token.partition(":")[0])  # of its user, as in the messages that it sends

    async def call(self, method: str, values: Mapping[str, Any], timeout: float) -> Any:
        """The result of a method; None where the server took it and its answer broke off. Raises BotError.

        `timeout` in seconds.
        """
        account = self._account
        request = Request(
            "POST",
            f"{account.api.rstrip('/')}/bot{account.token}/{method}",
            (("Content-Type", "application/json"), ("User-Agent", "Homeline")),
            json.dumps(values).encode(),
            timeout,
            ca_file=self._ca_file,
            allow_local=account.allow_local,
            most=LARGEST_ANSWER,
        )
        try:
            answer = await self._client.request(request)
        except http.HttpError as error:
            raise BotError(str(error), retry_after=error.retry_after) from None
        found = _table(answer.body)
        if answer.status == 200 and found.get("ok") is True:
            return found.get("result")
        if answer.status == 200 and answer.body.lstrip().startswith(b'{"ok":true'):
            return None
        raise self._refusal(answer, found)

    def _refusal(self, answer: Answer, found: Mapping[str, Any]) -> BotError:
        """What it means that Telegram answered so (its errors have `description` and sometimes `parameters`)."""
        status = answer.status
        description = found.get("description")
        secrets = (self._account.token, self._account.token.partition(":")[2])
        said = http.excerpt((description if isinstance(description, str) else "").encode("utf-8", "replace"), secrets)
        words = f"Telegram answered with status {status}" + (f": {said}" if said else ".")
        asked, moved_to = _parameters(found.get("parameters"))
        if status in (401, 404):
            return BotError(f"{words} Is the token right?", status, retry_after=OWNERS_PAUSE)
        if status == 429 or status >= 500:
            return BotError(words, status, retry_after=answer.retry_after if asked is None else asked)
        if status == 409:
            return BotError(words, status, retry_after=CONFLICT_PAUSE)
        if status == 400 and any(part in said.lower() for part in _ABOUT_TEXT):
            return BotError(words, status, permanent=True)
        return BotError(words, status, retry_after=OWNERS_PAUSE, moved_to=moved_to)


def _parameters(found: object) -> tuple[float | None, int | None]:
    """How long to wait, and the number that a group has now (ResponseParameters)."""
    table = found if isinstance(found, dict) else {}
    seconds, moved_to = table.get("retry_after"), table.get("migrate_to_chat_id")
    return (
        min(float(seconds), http.LONGEST_PAUSE) if is_number(seconds) and seconds >= 0 else None,
        moved_to if is_number(moved_to) else None,
    )


def is_number(value: object) -> TypeGuard[int]:
    """Whether it is an integer as Telegram's are, of at most 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _table(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
