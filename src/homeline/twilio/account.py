"""The owner's account at Twilio: the only door to the network. What it gives is checked, what it says is cleaned.

REST is asked with an API key; the auth token never goes out. Keys are of one region, and so is what they make
(www.twilio.com/docs/global-infrastructure/manage-regional-api-credentials).
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homeline.config_sip import Twilio
from homeline.core.twilio_addresses import HOME, api_place
from homeline.twilio import library
from homeline.twilio.kinds import BY_NAME, GLOBAL, PRODUCTS, Found, Kind, Value, text
from homeline.twilio.transport import Reply, Transport
from homeline.twilio.trouble import Lost, Trouble, shown

_MOST = 1000  # of one kind: an account with more is not a home's
_PAGE = 100
_UPLOAD = "https://serverless-upload.twilio.com/v1/Services/{}/Functions/{}/Versions"
_TAKEN = 21248  # Twilio's code for the name of an Elastic SIP trunk's domain that is taken
_TAKEN_WORDS = ("taken", "already", "in use", "exists")  # that of a SIP domain is not documented
_AGAIN = 3  # times that something is made anew which was not there after its answer was lost


class Account:
    """One account by one key. Every method raises Trouble; those that make something never make it twice."""

    def __init__(
        self, twilio: Twilio, bases: Mapping[str, str] | None = None, transport: Transport | None = None
    ) -> None:
        """Nothing is asked yet. `bases`: see Transport. Trouble where the key is missing."""
        for option, value in (
            ("account_sid", twilio.account_sid),
            ("api_key", twilio.api_key),
            ("api_secret", twilio.api_secret),
        ):
            if not value:
                raise Trouble(f"twilio.{option} is not set: an API key is made in Twilio's console, at its region.")
        self.sid, self.region = twilio.account_sid, twilio.region or HOME
        self._key = twilio.api_key
        self._secrets = [twilio.api_secret, twilio.auth_token]
        self.transport = transport or Transport(bases)
        self._clients = {False: self._client(twilio, {}), True: self._client(twilio, _place(twilio))}
        self._versions: dict[str, Any] = {}

    def _client(self, twilio: Twilio, place: Mapping[str, str]) -> Any:
        return library.client(
            username=twilio.api_key,
            password=twilio.api_secret,
            account_sid=twilio.account_sid,
            http_client=self.transport,
            **place,
        )

    def keep_secret(self, value: str) -> None:
        """This is never shown, whoever says it."""
        self._secrets.append(value)

    def listed(self, kind: Kind, chain: Sequence[str] = ()) -> list[Found]:
        """Everything of a kind, below the parents with these SIDs."""
        with self.asking(f"What the account has ({kind.words}) cannot be read"):
            instances = self._list(kind, chain).list(limit=_MOST, page_size=_PAGE)
            return [_found(kind, instance, chain) for instance in instances]

    def made(self, kind: Kind, chain: Sequence[str], name: str, fields: Mapping[str, Value]) -> Found:
        """Makes one. Where an answer is lost, what was made by it is looked for first."""
        for _ in range(_AGAIN):
            try:
                with self.asking(f"The {kind.words} '{name}' cannot be made"), self.transport.once():
                    return _found(kind, self._list(kind, chain).create(**{kind.identity: name}, **fields), chain)
            except Lost as error:
                lost = error
            except Trouble as error:
                raise _taken(kind, error) from None
            if found := next((found for found in self.listed(kind, chain) if found.name == name), None):
                return found
        raise lost

    def changed(self, kind: Kind, chain: Sequence[str], sid: str, fields: Mapping[str, Value]) -> None:
        with self.asking(f"The {kind.words} {sid} cannot be changed"):
            self._list(kind, chain)(sid).update(**fields)

    def removed(self, kind: Kind, chain: Sequence[str], sid: str) -> None:
        """Removes one, if it is still there."""
        try:
            with self.asking(f"The {kind.words} {sid} cannot be removed"):
                self._list(kind, chain)(sid).delete()
        except Trouble as error:
            if error.status != 404:
                raise

    def routed(self, domain: str) -> str | None:
        """The region in which a SIP domain is in force: "" where that was never said, None where the key may not know.

        The routes are kept in us1, whatever region they lead to, so a key of another region may be refused.
        """
        try:
            with self.asking(f"Where '{domain}' is in force cannot be read"):
                return text(self._list(BY_NAME["region"], ())(domain).fetch().voice_region)
        except Trouble as error:
            if error.status not in (401, 403, 404):
                raise
            return "" if error.status == 404 else None

    def resource(self, where: str, *arguments: str) -> Any:
        """A resource of the library's that is no `Kind`; for calls within `asking`."""
        return library.resource(where)(self._version(where.partition(".")[0]), *arguments)

    def about(self) -> Mapping[str, str]:
        """What the account is, cleaned: `name`, `status`, `type`, `owner`; {} where the key may not know it."""
        address = f"https://api.twilio.com/2010-04-01/Accounts/{self.sid}.json"
        with self.asking("The account cannot be read"):
            reply = self._clients[True].request("GET", address)
            if reply.status_code in (401, 403, 404):  # standard keys may not; wrong ones are refused at the next step
                return {}
            found = _object(reply)
        names = {"name": "friendly_name", "status": "status", "type": "type", "owner": "owner_account_sid"}
        return {name: self._clean(found.get(field, "")) for name, field in names.items()}

    def uploaded(self, service: str, function: str, path: str, code: str) -> str:
        """Uploads a function's code as a protected version; its SID.

        In no OpenAPI document; www.twilio.com/docs/serverless/api/resource/function-version: multipart/form-data with
        Content, Path and Visibility.
        """
        boundary = secrets.token_hex(16)
        body = _form(boundary, code, {"Path": path, "Visibility": "protected"})
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
        with self.asking("The function's code cannot be uploaded"):
            auth = self._clients[False].auth
            reply = self.transport.request("POST", _UPLOAD.format(service, function), None, body, headers, auth)
            return str(_object(reply)["sid"])

    def close(self) -> None:
        self.transport.close()

    def _list(self, kind: Kind, chain: Sequence[str]) -> Any:
        """The library's object for all of a kind below these parents."""
        arguments = (self.sid, *chain) if kind.product == "api" else () if kind.product == "routes" else chain
        return library.resource(kind.where)(self._version(kind.product), *arguments)

    def _version(self, product: str) -> Any:
        if product not in self._versions:
            self._versions[product] = library.version(self._clients[product not in GLOBAL], product, PRODUCTS[product])
        return self._versions[product]

    @contextlib.contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Whatever goes wrong within is a Trouble that begins with `what`; no secret is in it, nor in its causes."""
        try:
            yield
        except Lost as error:
            raise Lost(f"{self._clean(what)}: {self._clean(error)}", status=error.status) from None
        except Trouble as error:
            raise Trouble(f"{self._clean(what)}: {self._clean(error)}", status=error.status, code=error.code) from None
        except library.error() as error:
            raise self._refused(what, error) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Trouble(f"{self._clean(what)}: the answer makes no sense ({type(error).__name__}).") from None

    def _refused(self, what: str, error: Exception) -> Trouble:
        status, told, said = library.told(error)
        code = _number(told)
        reason = self._reason(status, code, self._clean(said))
        return Trouble(f"{self._clean(what)}: {reason}", status=status, code=code)

    def _reason(self, status: int, code: int, said: str) -> str:
        """Twilio's refusal in words that say what to do. Codes: www.twilio.com/docs/api/errors."""
        if status == 401 or code == 20003:
            return (
                f"Twilio does not take the API key {self._key}. Check account_sid, api_key and api_secret, and that"
                f" the key was made in the region {self.region} and not revoked."
            )
        if status == 403:
            return f"the API key or the account may not do this ({said})."
        if status == 429:
            return "Twilio is asked too often just now. Run it again in some minutes: it goes on where it ended."
        if status >= 500:
            return f"Twilio fails (HTTP {status}). Run it again later: it goes on where it ended."
        return f"Twilio says: {said or f'HTTP {status}'}" + (f" (code {code})." if code else ".")

    def _clean(self, words: object) -> str:
        return shown(words, tuple(self._secrets))


def _taken(kind: Kind, error: Trouble) -> Trouble:
    """The refusal to make something; of a domain that is somebody's, with what that means."""
    domain = kind.name in ("sip_domain", "trunk") and error.status in (400, 409)
    if not domain or not (error.code == _TAKEN or any(word in str(error).lower() for word in _TAKEN_WORDS)):
        return error
    more = (
        "Names of domains are one for all of Twilio, and one that was given up is held back for up to 30 days:"
        " set twilio.domain or twilio.trunk_domain to another."
    )
    return Trouble(f"{error} {more}", status=error.status, code=error.code)


def _place(twilio: Twilio) -> dict[str, str]:
    """By which edge location and in which region the key's products are asked; the plain names for neither."""
    edge, region = api_place(twilio.region, twilio.edge)
    return {"region": region, "edge": edge} if region else {}


def _found(kind: Kind, instance: Any, chain: Sequence[str]) -> Found:
    """What the library made of one answer. TypeError where it has no SID: it is none."""
    if not isinstance(instance.sid, str) or not instance.sid:
        raise TypeError
    fields = {name: text(getattr(instance, name, None)) for name in (*kind.fields, *kind.extra)}
    name = instance.sid if kind.by_sid else text(getattr(instance, kind.identity))
    label = text(getattr(instance, kind.label)) if kind.label else ""
    return Found(kind.name, instance.sid, name, fields, label, tuple(chain))


def _object(reply: Reply) -> dict[str, Any]:
    """An answer's JSON. The library's own error for one that says no."""
    if not reply.ok:
        raise library.refusal(reply)
    found = json.loads(reply.text)
    if not isinstance(found, dict):
        raise TypeError
    return found


def _number(code: object) -> int:
    return int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdigit() and len(code) < 9) else 0


def _form(boundary: str, code: str, fields: Mapping[str, str]) -> bytes:
    """A form with one file (RFC 7578)."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    file = 'Content-Disposition: form-data; name="Content"; filename="voice.js"\r\nContent-Type: application/javascript'
    parts.append(f"{file}\r\n\r\n{code}")
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"{body}--{boundary}--\r\n".encode()
