"""What is said of a certificate, and what is trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from homeline.adapters import http_tls


def wrong(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def empty() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "its certificate is not valid yet: is the router's clock right"),
        (10, "its certificate has expired"),
        (23, "its certificate was revoked"),
        (62, "its certificate is for another name"),
        (64, "its certificate is for another address"),
        (99, "its certificate was not accepted (something new)"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, words: str) -> None:
    assert http_tls.words(wrong(code, "something new"), empty()) == words


@pytest.mark.parametrize("code", [18, 19, 20, 21])
def test_a_router_that_trusts_nobody_is_told_what_it_lacks(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ssl.get_default_verify_paths()._replace(cafile=None, capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert "install the package ca-bundle" in http_tls.words(wrong(code), empty())
    (tmp_path / "1234abcd.0").touch()  # a folder of certificates, looked into when one is needed
    assert "ca-bundle" not in http_tls.words(wrong(code), empty())
    known = empty()
    known.load_verify_locations(cadata=trustme.CA().cert_pem.bytes().decode())
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere._replace(capath=None))
    assert "ca-bundle" not in http_tls.words(wrong(code), known)


def test_other_failures_have_openssls_words() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    assert http_tls.words(error, empty()) == "TLS failed (wrong version number)"


def test_one_context_for_each_choice(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    own = http_tls.context(True, str(path))
    assert own is http_tls.context(True, str(path))
    assert own is not http_tls.context(True, "")
    assert own.verify_mode is ssl.CERT_REQUIRED
    assert own.check_hostname
    assert own.minimum_version is ssl.TLSVersion.TLSv1_2
    unchecked = http_tls.context(False, str(tmp_path / "missing.pem"))
    assert unchecked.verify_mode is ssl.CERT_NONE
