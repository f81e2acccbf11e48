"""Whether a request is Twilio's: HMAC-SHA1 of the URL and of all parameters, under the account's auth token.

(Twilio documentation, "Webhooks security: validating signatures".) Tested against Twilio's own library, which is not
loaded: its import takes more memory than all of this process. Nor are `hmac` and `hashlib`, which bring OpenSSL.
"""

from __future__ import annotations

from _operator import _compare_digest as compare_digest  # what `hmac` has where there is no OpenSSL
from base64 import b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import sha1
else:
    try:
        from _sha1 import sha1
    except ImportError:  # pragma: no cover - a Python that builds it under another name
        from hashlib import sha1

_BLOCK = 64  # octets (RFC 2104 2)


def of(url: str, parameters: Iterable[tuple[str, str]], token: str) -> str:
    """The signature of a request by POST. A parameter that comes twice with the same value counts once."""
    text = url + "".join(name + value for name, value in sorted(set(parameters)))
    return b64encode(_hmac(token.encode(), text.encode("utf-8", "surrogatepass"))).decode()


def is_valid(signature: str, url: str, parameters: Iterable[tuple[str, str]], token: str) -> bool:
    """Whether the signature is that of the request; takes the same time wherever they differ. Never with no token."""
    given = signature.encode("utf-8", "replace")
    known = list(parameters)
    valid = [compare_digest(given, of(form, known, token).encode()) for form in _forms(url)]
    return bool(token) and any(valid)


def _hmac(key: bytes, text: bytes) -> bytes:
    """RFC 2104."""
    if len(key) > _BLOCK:
        key = sha1(key, usedforsecurity=False).digest()
    inner, outer = (bytes(octet ^ pad for octet in key.ljust(_BLOCK, b"\0")) for pad in (0x36, 0x5C))
    return sha1(outer + sha1(inner + text, usedforsecurity=False).digest(), usedforsecurity=False).digest()


def _forms(url: str) -> tuple[str, ...]:
    """With the port and without: Twilio signs one or the other."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition(":")
    if colon and port.isdigit():
        return url, f"{scheme}://{host}{slash}{path}"
    return url, f"{scheme}://{authority}:{443 if scheme == 'https' else 80}{slash}{path}"
