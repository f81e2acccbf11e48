"""Prism, a server that knows Twilio's OpenAPI documents and nothing else, takes every request that we make.

It keeps no state, so what goes to it was recorded before, of whole lives against the double. Prism comes from npm, into
a folder that goes with the test.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

import twilio_openapi
from homeline_lab.twilio_api import Request
from twilio_kit import Rig

PACKAGE = "@stoplight/prism-cli@5"
PATIENCE = 120  # seconds

pytestmark = [
    pytest.mark.skipif(not twilio_openapi.there(), reason="Twilio's OpenAPI documents are not at hand"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> str:
    if found := shutil.which("prism"):
        return found
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("neither prism nor npm is there")
    folder = tmp_path_factory.mktemp("prism")
    install = [npm, "install", "--no-fund", "--no-audit", "--silent", "--prefix", str(folder), PACKAGE]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"npm does not give {PACKAGE}: {type(error).__name__}")
    return str(folder / "node_modules" / ".bin" / "prism")


@contextlib.contextmanager
def serving(prism: str, document: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [prism, "mock", "-h", "127.0.0.1", "-p", str(port), str(document)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + PATIENCE
            while True:
                assert server.poll() is None and time.monotonic() < end, "Prism does not come up"
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)  # nothing tells when it listens
            yield port
        finally:
            server.terminate()


@functools.cache
def lives() -> tuple[Request, ...]:
    """Every request of some lives that together have all kinds of things, changed and removed too."""
    import twilio_kit

    recorded: list[Request] = []
    for rig in twilio_kit.rig():
        for step in (_registered, _webhook, _function, _elastic, _static, _region):
            step(rig)
            assert rig.ask("apply", account_wide=True).error is None
        assert rig.ask("destroy", account_wide=True).error is None
        recorded += rig.server.asked
    unique = {(each.method, each.path, str(each.query), each.body): each for each in recorded}
    return tuple(
        each for each in unique.values() if not twilio_openapi.UPLOAD.fullmatch(each.path) or each.method == "GET"
    )


def _registered(rig: Rig) -> None:
    rig.twilio.dialing = {"CH": "001"}
    rig.twilio.add("number", phone_number="+41445556677", friendly_name="office", voice_url="https://old.example/v")
    rig.house.set("twilio", caller_id="+41445556677", adopt=["+41445556677"])


def _webhook(rig: Rig) -> None:
    hook = {"routing": "webhook", "webhook": "1", "inbound_sms": "1", "public_url": "https://hook.example.org"}
    rig.house.byoc(mode="byoc", host=None).set("twilio", **hook)
    rig.house.set("cloud", edges=["frankfurt", "dublin"])


def _function(rig: Rig) -> None:
    rig.house.set("twilio", routing="function", secure="0").drop("ben").set("cloud", edges=["dublin"])


def _elastic(rig: Rig) -> None:
    rig.house.set("cloud", mode="elastic", host=None)


def _static(rig: Rig) -> None:
    rig.house.set("twilio", static_address="1")


def _region(rig: Rig) -> None:
    rig.house.set("twilio", region="ie1", routing="none")


@pytest.mark.parametrize("name", twilio_openapi.NAMES)
def test_prism_takes_every_request(prism: str, name: str) -> None:
    document = twilio_openapi.DOCUMENTS / f"twilio_{name}.json"
    mine = [request for request in lives() if twilio_openapi.document_of(request) == name]
    assert {request.method for request in mine} >= (
        {"GET", "POST"} if name == "routes_v2" else {"GET", "POST", "DELETE"}
    )
    with serving(prism, document) as port:
        for request in mine:
            status, body = _sent(port, request)
            told = f"{request.method} {request.path} {request.body!r}: {status} {body!r}"
            assert status < 300 or (status == 422 and _only_clears(request, body)), told


def _only_clears(request: Request, body: bytes) -> bool:
    """Whether all that Prism minds is that an address is taken away, for which the documents have no word.

    Twilio takes an empty one for that, which is no "uri".
    """
    wrong = {(each["location"][-1], each["code"]) for each in json.loads(body)["validation"]}
    cleared = {
        (name, "format")
        for name, values in request.form.items()
        if name.endswith(("Url", "Callback")) and values == [""]
    }
    return bool(wrong) and wrong <= cleared


def _sent(port: int, request: Request) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    kept = {
        name: value for name, value in request.headers.items() if name in ("authorization", "content-type", "accept")
    }
    query = f"?{urlencode(request.query, doseq=True)}" if request.query else ""
    connection.request(request.method, request.path + query, request.body or None, kept)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body
