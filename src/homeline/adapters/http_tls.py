"""TLS for requests: what is trusted, and in words what is wrong with a server's certificate."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

# OpenSSL's verification results (x509_vfy.h).
_WORDS = {
    9: "its certificate is not valid yet: is the router's clock right",
    10: "its certificate has expired",
    18: "its certificate is signed by nobody but itself",
    19: "its certificate comes from an authority that is not trusted",
    20: "its certificate comes from an authority that is not trusted",
    21: "its certificate comes from an authority that is not trusted",
    23: "its certificate was revoked",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
_UNTRUSTED = (18, 19, 20, 21)


def context(verify: bool, ca_file: str) -> ssl.SSLContext:
    """What to secure a connection with; `ca_file` "" is the system's store. Raises OSError (ssl.SSLError is one).

    One is kept for each choice: it may hold some hundred certificates, which take time and memory to read.
    """
    changed = Path(ca_file).stat().st_mtime_ns if verify and ca_file else 0
    return _context(verify, ca_file, changed)


@functools.lru_cache(4)
def _context(verify: bool, ca_file: str, _changed: int) -> ssl.SSLContext:
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif ca_file:
        made.load_verify_locations(cafile=ca_file)
    else:
        made.load_default_certs()
    return made


def words(error: OSError, made: ssl.SSLContext) -> str:
    """What is wrong, for people, in words of ours or of OpenSSL's."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        found = _WORDS.get(error.verify_code, f"its certificate was not accepted ({error.verify_message})")
        return found + ("" if error.verify_code not in _UNTRUSTED or _has_store(made) else _ADVICE)
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return f"TLS failed ({str(reason).replace('_', ' ').lower()})"


_ADVICE = ", and the router trusts none: install the package ca-bundle"


def _has_store(made: ssl.SSLContext) -> bool:
    """Whether any authority is trusted: one that was loaded, or a folder of them that is looked into when needed."""
    import ssl

    folder = ssl.get_default_verify_paths().capath
    return bool(made.cert_store_stats()["x509_ca"]) or bool(folder and any(Path(folder).glob("*.0")))
