"""The webhook that Twilio asks: how fast it answers with and without the daemon's commit, and what it takes."""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from homeline.webhook import signature
from homeline_lab.bench import procfs
from homeline_lab.bench.measure import Effort, Figures, percentile
from homeline_lab.bench.ours import Homeline, compile_daemon
from homeline_lab.bench.program import Program
from homeline_lab.house import House

PUBLIC = "https://bench.lab"
TOKEN = "0123456789abcdef" * 2
ACCOUNT = "AC" + "0" * 32
AT_ONCE = 8  # clients
NUMBER = "+15005550006"
EXTRA = f"""
config twilio 'twilio'
	option account_sid '{ACCOUNT}'
	option routing 'webhook'
	option webhook '1'
	option public_url '{PUBLIC}'
	option port '{{port}}'
	option inbound_sms '1'

config phone 'alice'
	option where 'twilio'
"""
SECRET = f"""
config twilio 'twilio'
	option auth_token '{TOKEN}'
"""


async def twilio_webhook(kind: type[Program], effort: Effort) -> Figures:
    """`/voice` and `/sms`, one at a time, then many; memory idle, and after them."""
    if kind is not Homeline:
        return {}
    compile_daemon()
    with tempfile.TemporaryDirectory(prefix="homeline-bench-") as folder:
        port = _free_port()
        async with House(Path(folder), level="error", extra=EXTRA.format(port=port), secret=SECRET) as house:
            await house.start()
            async with _process(Path(folder), port) as process:
                await asyncio.sleep(1.0)
                idle = procfs.memory([process.pid])
                voice = await _one_at_a_time(port, effort.singles * 3, _voice)
                texts = await _one_at_a_time(port, effort.singles, _text)
                rate = await _many(port, effort.many)
                return {
                    "voice_p50_ms": statistics.median(voice) * 1000,
                    "voice_p99_ms": percentile(voice, 0.99) * 1000,
                    "text_p50_ms": statistics.median(texts) * 1000,
                    "text_p99_ms": percentile(texts, 0.99) * 1000,
                    "voice_per_s": rate,
                    "voice_idle_mb": idle,
                    "voice_after_mb": procfs.memory([process.pid]),
                }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _process(root: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "homeline_lab.bench.webhook_process", str(root)
    )
    try:
        await asyncio.wait_for(_until_it_listens(port), 30.0)
        yield process
    finally:
        process.terminate()
        await process.wait()


async def _until_it_listens(port: int) -> None:
    for pause in itertools.repeat(0.05):
        with suppress(OSError):
            await _ask(port, _voice(0))
            return
        await asyncio.sleep(pause)


def _voice(number: int) -> bytes:
    """A call to a number at Twilio, which rings a softphone."""
    return _request("/voice", {"CallSid": f"CA{number:032x}", "From": "+41791112233", "To": NUMBER})


def _text(number: int) -> bytes:
    return _request("/sms", {"MessageSid": f"SM{number:032x}", "From": "+41791112233", "To": NUMBER, "Body": "hello"})


def _request(path: str, parameters: Mapping[str, str]) -> bytes:
    body = urlencode(parameters)
    signed = signature.of(PUBLIC + path, parameters.items(), TOKEN)
    head = f"POST {path} HTTP/1.1\r\nHost: bench.lab\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return (
        f"{head}Content-Length: {len(body)}\r\nX-Twilio-Signature: {signed}\r\nConnection: close\r\n\r\n{body}".encode()
    )


async def _ask(port: int, octets: bytes) -> bytes:
    """A connection for each request, as Twilio has it. Raises OSError unless it is taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        answer = await asyncio.wait_for(reader.read(), 30.0)
    finally:
        writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"The webhook answers {answer[:40]!r}")
    return answer


async def _one_at_a_time(port: int, count: int, made: Callable[[int], bytes]) -> list[float]:
    found = []
    for number in range(1, count + 1):
        octets = made(number)
        asked = time.perf_counter()
        await _ask(port, octets)
        found.append(time.perf_counter() - asked)
    return found


async def _many(port: int, count: int) -> float:
    """Replies a second to calls, by some clients at once."""
    waiting = [_voice(1_000_000 + number) for number in range(count)]

    async def client() -> None:
        while waiting:
            await _ask(port, waiting.pop())

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - begun)
