"""The channel of a `webhook` section: one HTTP request for each event (docs/webhook.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from homeline.adapters import http
from homeline.adapters.http import OWNERS_PAUSE, Answer, Client, Request
from homeline.adapters.resolve import Resolver
from homeline.config_channels import Webhook
from homeline.errors import ConfigError, DeliveryError
from homeline.model import Delivery, Event
from homeline.service.channels import Made, World
from homeline.service.channels import webhook_presets as presets
from homeline.service.note import Note

GRACE = 5.0  # seconds: the request ends by its own deadline before the attempt does
LONG = 8  # characters: a part of a secret URL that is not a common word
_AGAIN = (408, 425, 429)  # passing states besides those from 500 on
# Only the owner can mend it: credentials, the address or the method is wrong, what was there has gone.
_OWNERS = (401, 402, 403, 404, 405, 407, 410)


class WebhookChannel(Made):
    """Done when the server answers with a status from 200 to 299."""

    def __init__(self, account: Webhook, world: World, client: Client) -> None:
        self.account, self._world, self._client = account, world, client
        self._preset = presets.PRESETS.get(account.preset)
        self.timeout = account.timeout + GRACE

    @property
    def concurrency(self) -> int:
        """In a chat the order counts; programs have ids and times."""
        return 4 if self._preset is None else 1

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Send it once. Raises DeliveryError."""
        request = self._request(self._world.wording.note(delivery, event))
        try:
            url = http.parse(request.url)
        except ValueError:  # what a template made of it
            raise DeliveryError("The body makes no URL of this event.", permanent=True) from None
        answer = await self._client.request(request)
        if not 200 <= answer.status < 300:
            raise self._refused(url.host, answer)

    # -- the request --------------------------------------------------------------------------------------------------

    def _request(self, note: Note) -> Request:
        account = self.account
        url, body, content_type = self._content(note)
        headers = {
            "User-Agent": "Homeline",
            "Idempotency-Key": note.key,
            "X-Homeline-Event": str(note.event.id),
            "X-Homeline-Kind": str(note.document["kind"]),
        }
        if body:
            headers["Content-Type"] = content_type
        headers.update(presets.token_header(self._preset, account.token))
        if account.signing_key:
            headers["X-Homeline-Signature"] = signature(account.signing_key, self._world.context.clock(), body)
        return Request(
            self._preset.method if self._preset else account.method,
            url,
            _with_own(headers, (*account.headers, *account.secret_headers)),
            body,
            account.timeout,
            account.tls_verify,
            str(self._world.paths.inside(account.ca_file)) if account.ca_file else "",
            account.allow_local,
        )

    def _content(self, note: Note) -> tuple[str, bytes, str]:
        """URL, body and its type."""
        account, preset = self.account, self._preset
        url = account.secret_url or account.url
        if preset is not None:
            text = note.text if note.own_words else note.brief
            alone = note.own_words and not preset.title and text.strip()  # the owner's words need no heading
            subject = "" if alone else note.subject
            body = presets.body(preset, subject, text, note.priority, account.target, account.token)
            return presets.url(preset, url, account.target, note.key), body, presets.content_type(preset)
        if account.method == "GET":
            return f"{url}{'&' if '?' in url else '?'}{self._query(note)}", b"", ""
        if account.preset == "template":
            return (
                url,
                self._filled(note).encode("utf-8", "replace"),
                account.content_type or "text/plain; charset=utf-8",
            )
        return url, json.dumps(note.document).encode(), "application/json"

    def _query(self, note: Note) -> str:
        if self.account.preset == "template":
            return self._filled(note)
        plain = {name: value for name, value in note.document.items() if isinstance(value, str | int)}
        return presets.form(plain)

    def _filled(self, note: Note) -> str:
        if note.event.digest:  # what waited goes out together: {text} is all of it
            note = replace(note, event=replace(note.event, text=note.brief))
        return self._world.wording.fill(self.account.body, note)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _refused(self, host: str, answer: Answer) -> DeliveryError:
        """What it means that a server answered otherwise than 2xx."""
        account, preset, status = self.account, self._preset, answer.status
        said = http.excerpt(answer.body, _secrets(account))
        words = f"{host} answered with status {status}" + (f": {said}" if said else ".")
        if status in _AGAIN or status >= 500:
            asked = answer.retry_after
            if asked is None and preset is not None:
                asked = presets.pause(preset, answer.body)
            return DeliveryError(words, retry_after=asked)
        if status in _OWNERS or status < 400 or (preset and status == 400 and presets.is_owners(preset, answer.body)):
            return DeliveryError(words, retry_after=OWNERS_PAUSE)
        return DeliveryError(words, permanent=True)


def signature(key: str, now: int, body: bytes) -> str:
    """The value of X-Homeline-Signature: HMAC-SHA256 (RFC 2104) of `NOW.` and the body, in hexadecimal."""
    import hmac  # brings OpenSSL, 3 MB, which a webhook in the house may do without

    return f"t={now},v1={hmac.digest(key.encode(), b'%d.' % now + body, 'sha256').hex()}"


def _with_own(headers: Mapping[str, str], own: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The owner's headers (`Name: value`) in place of ours of the same name."""
    given = [(name, value.strip()) for name, _, value in (line.partition(":") for line in own)]
    replaced = {name.lower() for name, _ in given}
    return (*((name, value) for name, value in headers.items() if name.lower() not in replaced), *given)


def _secrets(account: Webhook) -> tuple[str, ...]:
    """What no text may show: a server may say again what it was sent. The longest first."""
    values = [line.partition(":")[2].strip() for line in account.secret_headers]
    # `Authorization: Bearer …`: the word alone is the secret, as each part of the URL that is long enough may be.
    words = (value.rpartition(" ")[2] for value in values)
    found = {account.token, account.signing_key, account.secret_url, *values, *words}
    if account.secret_url:
        path = http.parse(account.secret_url).path
        found |= {path, *path.split("/")[-2:], *(part for part in re.split("[/?&=]", path) if len(part) >= LONG)}
    return tuple(sorted((each for each in found if len(each) > 3), key=len, reverse=True))


def build(section: Webhook, world: World) -> WebhookChannel:
    """Raises ConfigError."""
    preset = presets.PRESETS.get(section.preset)
    option = "secret_url" if section.secret_url else "url"
    base = section.secret_url or section.url or (preset.url if preset else "")
    try:
        http.parse(base)
    except ValueError as error:
        raise ConfigError(section.name, option, "" if section.secret_url else base, str(error)) from None
    if preset is not None and preset.path and "?" in base:
        raise ConfigError(section.name, option, "", f"has a query, to which {section.preset} adds a path")
    slots = 1 if preset else 4
    return WebhookChannel(section, world, Client(Resolver().resolve, slots))
