"""The webhook behind a real reverse proxy: what it adds does not matter, and what it sends is understood."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from homeline.webhook.endpoints import Endpoints, House
from homeline.webhook.limits import Limits, Rate
from homeline.webhook.server import Server
from webhook.kit import MESSAGE, NOW, config, exchange, request, status
from webhook.test_endpoints import Ears

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIG = """
user root; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 20m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream webhook {{ server 127.0.0.1:{port}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{public};
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto ftp;
    location /twilio/ {{ proxy_pass http://127.0.0.1:{port}/; }}
    location /whole/ {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; }}
    location /kept/ {{ proxy_pass http://webhook/; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def proxied(folder: Path, path: str) -> AsyncIterator[tuple[int, Ears, str]]:
    """A proxy's port, what is told behind it, and its public address."""
    public, none = free_port(), Rate(10_000, 10_000)
    ears, address = Ears(), f"http://127.0.0.1:{public}{path}"
    server = Server(Endpoints(House.of(config(public_url=address)), ears, lambda: NOW).answer, Limits(none, none))
    port = await server.listen("127.0.0.1", 0, None)
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, public=public))
    assert NGINX is not None
    argv = (NGINX, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf"))
    nginx = await asyncio.create_subprocess_exec(*argv)
    try:
        await until_open(public)
        yield public, ears, address
    finally:
        nginx.terminate()
        await asyncio.wait_for(nginx.wait(), 30)
        await server.close()


async def until_open(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


def asked(address: str, path: str, parameters: dict[str, str], **more: Any) -> bytes:
    """A request to the proxy, signed for its address."""
    prefix = "/" + address.partition("://")[2].partition("/")[2]
    return request(path, parameters, public=address, **more).replace(b"POST ", b"POST " + prefix.encode(), 1)


@pytest.mark.parametrize("path", ["/twilio", "/whole", "/kept"])
async def test_requests_through_a_proxy(tmp_path: Path, path: str) -> None:
    async with proxied(tmp_path, path) as (port, ears, address):
        for number in range(12):
            sms = {"MessageSid": f"SM{number:032x}", "From": "+41791112233", "Body": "grüezi + & ="}
            assert status(await exchange(port, asked(address, "/sms", sms))) == 200
        assert [event.sid for event in ears.told] == [f"SM{number:032x}" for number in range(12)]
        callback = "/recording?caller=%2B41791112233&called=a%20b"
        done = {"CallSid": "CA" + "1b" * 16, "RecordingSid": "RE" + "1b" * 16, "RecordingStatus": "completed"}
        assert status(await exchange(port, asked(address, callback, done))) == 204
        told = ears.told[-1]
        assert (getattr(told, "caller", ""), getattr(told, "called", "")) == ("+41791112233", "a b")


async def test_a_proxy_vouches_for_nobody(tmp_path: Path) -> None:
    async with proxied(tmp_path, "/twilio") as (port, ears, address):
        sms = {"MessageSid": MESSAGE, "From": "+41791112233"}
        headers = {"X-Forwarded-Host": "evil.example"}
        forged = request("/sms", sms, public="http://evil.example", headers=headers)
        assert status(await exchange(port, forged.replace(b"POST ", b"POST /twilio", 1))) == 403
        large = asked(address, "/sms", {**sms, "Body": "x" * (10 << 20)})
        assert status(await exchange(port, large)) == 413
        assert status(await exchange(port, asked(address, "/voice", {"To": "x"}))) == 200
        assert not ears.told
