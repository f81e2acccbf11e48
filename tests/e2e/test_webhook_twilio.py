"""The webhook's process beside the real daemon: what Twilio asks and tells, from its request to the owner's mail."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trustme

from e2e.kit import Home, body, living, parsed
from homeline import config
from homeline.webhook.running import BEGIN_ANEW, Webhook
from homeline_lab.web import Heard, Reply, WebServer
from hostile import HOSTILE
from webhook.kit import CALL, MESSAGE, PUBLIC, RECORDING, TOKEN, TRANSCRIPTION, TWILIO, exchange, request, status

ANN, OURS = "+41791112233", "+15005550006"
SOUND = b"\xff\xfb" + b"sound" * 6000
SECRET = f"""
config twilio 'twilio'
	option auth_token '{TOKEN}'
	option api_secret '{TWILIO.api_secret}'
"""
EXTRA = f"""
config twilio 'twilio'
	option account_sid '{TWILIO.account_sid}'
	option api_key '{TWILIO.api_key}'
	option routing 'webhook'
	option webhook '1'
	option public_url '{PUBLIC}'
	option port '{{port}}'
	option voicemail '1'
	option transcribe '1'
	option delete_recordings '1'
	option inbound_sms '1'
{{more}}

config phone 'alice'
	option where 'twilio'

config rule 'voicemail'
	list events 'voicemail'
	list channels 'owner'
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def extra(port: int, more: str = "") -> str:
    return EXTRA.format(port=port, more=more)


def sms(text: str, sid: str = MESSAGE) -> bytes:
    return request("/sms", {"MessageSid": sid, "From": ANN, "To": OURS, "Body": text, "NumMedia": "0"})


async def answered(port: int, octets: bytes) -> bytes:
    """The reply, as soon as somebody listens there."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await exchange(port, octets)
            except OSError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def webhook(home: Home) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process as procd starts it."""
    argv = home.command(["-m", "homeline", "webhook", "--root", str(home.root)])
    process = await asyncio.create_subprocess_exec(*argv)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def commit(home: Home, process: asyncio.subprocess.Process, main: str, secret: str = SECRET) -> None:
    """Another configuration, with the signal that the init script sends once root's helper has copied it."""
    home.events.heard.clear()
    home.router.configure(main, secret)
    await home.events.wait("config.applied", timeout=30)
    process.send_signal(signal.SIGHUP)


async def test_a_text_to_a_number_at_twilio(tmp_path: Path) -> None:
    port = free_port()
    async with living(tmp_path, extra=extra(port), secret=SECRET) as home, webhook(home):
        reply = await answered(port, sms(HOSTILE["html"]))
        assert status(reply) == 200
        assert ET.fromstring(reply.partition(b"\r\n\r\n")[2]).tag == "Response"
        assert [message["text"] for message in await home.messages()] == [HOSTILE["html"]]  # committed before the reply
        assert status(await answered(port, sms(HOSTILE["html"]))) == 200
        forged = sms("forged", f"SM{'2c' * 16}").replace(b"X-Twilio-Signature: ", b"X-Twilio-Signature: A")
        assert status(await answered(port, forged)) == 403
        (mail,) = await home.mail.wait_for(1, 30)
        assert body(parsed(mail)) == HOSTILE["html"]
        assert len(await home.texts()) == 1
        for secret in (TOKEN, TWILIO.api_secret):
            assert secret not in home.log + json.dumps(await home.call("get_config"), default=str)


async def test_the_daemon_dies_and_calls_go_on_and_no_text_is_lost(tmp_path: Path) -> None:
    port = free_port()
    async with living(tmp_path, extra=extra(port), secret=SECRET) as home:
        async with webhook(home) as process:
            assert status(await answered(port, sms("first"))) == 200
            await home.killed()
            voice = request("/voice", {"CallSid": CALL, "From": ANN, "To": OURS, "CallStatus": "ringing"})
            reply = await answered(port, voice)
            assert status(reply) == 200
            assert b">sip:alice@" in reply
            assert status(await answered(port, sms("second", f"SM{'2c' * 16}"))) == 503
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await home.run()
        async with webhook(home):
            await home.events.wait("message.received", lambda m: m["text"] == "second", 60)
            assert status(await answered(port, sms("second", f"SM{'2c' * 16}"))) == 200
            assert await home.texts() == ["first", "second"]


async def test_the_configuration_changes(tmp_path: Path) -> None:
    """Another token counts at once, another port is listened at, and TLS begins with a new process."""
    first, second = free_port(), free_port()
    voice = request("/voice", {"CallSid": CALL, "From": ANN, "To": OURS})
    async with living(tmp_path, extra=extra(first), secret=SECRET) as home, webhook(home) as process:
        assert status(await answered(first, voice)) == 200
        await commit(home, process, home.configuration().replace(f"'{first}'", f"'{second}'"))
        assert status(await answered(second, voice)) == 200
        other = SECRET.replace(TOKEN, "0123456789abcdef" * 2)
        await commit(home, process, home.configuration().replace(f"'{first}'", f"'{second}'"), other)
        async with asyncio.timeout(30):
            while status(await answered(second, voice)) != 403:
                await asyncio.sleep(0.05)
        issued = trustme.CA().issue_cert("home.example.org")
        for name, content in (("cert.pem", issued.cert_chain_pems[0]), ("key.pem", issued.private_key_pem)):
            content.write_to_path(str(home.router.paths.state / name))
        tls = "\toption certificate '/etc/homeline/cert.pem'\n\toption key '/etc/homeline/key.pem'\n"
        await commit(home, process, home.configuration().replace("\toption public_url", tls + "\toption public_url"))
        assert await asyncio.wait_for(process.wait(), 30) == BEGIN_ANEW
        async with webhook(home):
            await home.logged(f"port {first} by TLS", 30)


async def test_what_is_missing_is_in_the_log(tmp_path: Path) -> None:
    given = free_port()
    async with living(tmp_path, extra=extra(given)) as home, webhook(home) as process:
        await home.logged("The webhook does not serve: twilio.auth_token is not set", 30)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            await commit(home, process, home.configuration().replace(f"'{given}'", f"'{port}'"))
            await home.logged(f"port {port}: Address already in use", 30)
            async with asyncio.timeout(30):
                while "webhook server" not in await home.problems():
                    await asyncio.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        voice = request("/voice", {"CallSid": CALL, "From": ANN, "To": OURS})
        assert status(await answered(port, voice)) == 200
        async with asyncio.timeout(30):
            while "webhook server" in await home.problems():
                await asyncio.sleep(0.05)


async def test_a_message_on_the_voicemail_from_the_call_to_the_mail(tmp_path: Path) -> None:
    """With a server as Twilio's API: the process's parts run here, since its address is Twilio's own."""

    def api(heard: Heard) -> Reply:
        return Reply(204) if heard.method == "DELETE" else Reply(200, SOUND)

    port = free_port()
    async with WebServer(api) as twilio, living(tmp_path, extra=extra(port), secret=SECRET) as home:
        paths = home.router.paths
        serving = Webhook(paths, config.load(paths.config), lambda: int(time.time()), twilio.url)
        running = asyncio.ensure_future(serving.run())
        try:
            await asyncio.wait_for(serving.listening.wait(), 30)
            call = {"CallSid": CALL, "From": ANN, "To": OURS}
            asked = await exchange(port, request("/voicemail", {**call, "DialCallStatus": "no-answer"}))
            (record,) = ET.fromstring(asked.partition(b"\r\n\r\n")[2]).iter("Record")
            callback = record.attrib["recordingStatusCallback"].removeprefix(PUBLIC)
            done = {
                "CallSid": CALL,
                "RecordingSid": RECORDING,
                "RecordingStatus": "completed",
                "RecordingDuration": "7",
            }
            assert status(await exchange(port, request(callback, done))) == 204
            (message,) = (await home.call("list_voicemail"))["calls"]
            assert (message["peer"], message["dialled"], message["seconds"]) == (ANN, OURS, 7)
            assert (paths.state / "voicemail" / message["recording"]).read_bytes() == SOUND
            words = {"TranscriptionSid": TRANSCRIPTION, "TranscriptionStatus": "completed", "RecordingSid": RECORDING}
            said = request("/transcription", {**words, "TranscriptionText": "please call me back"})
            assert status(await exchange(port, said)) == 204
            (mail,) = await home.mail.wait_for(1, 30)
            whole = parsed(mail)
            (sound,) = whole.iter_attachments()
            assert (sound.get_content_type(), sound.get_content()) == ("audio/mpeg", SOUND)
            text = whole.get_body(("plain",))
            assert text is not None
            assert "please call me back" in text.get_content()
            heard = await twilio.wait_for(3, 30)
            assert [each.method for each in heard] == ["GET", "DELETE", "DELETE"]
            async with asyncio.timeout(30):
                while list(paths.webhook_files.iterdir()):
                    await asyncio.sleep(0.02)
        finally:
            serving.stop()
            assert await asyncio.wait_for(running, 30) == 0


async def test_what_the_process_loads(tmp_path: Path) -> None:
    """Neither Twilio's library nor what only TLS, mail and rendering need."""
    heavy = {"twilio", "requests", "jinja2", "ssl", "_ssl", "email", "http", "sqlite3", "argparse", "_hashlib"}
    program = (
        "import sys\nfrom homeline.footprint import import_asyncio_without_ssl as f\nf()\n"
        "import homeline.webhook.__main__, homeline.webhook.running\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(made.communicate(), 30)
    assert out.decode().strip() == "[]"
