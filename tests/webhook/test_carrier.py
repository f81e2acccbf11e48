"""Events on their way: to a socket as the daemon's, and recordings from a server as Twilio's."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.http import Client
from homeline.adapters.resolve import Resolver
from homeline.adapters.webhook_socket import WebhookSocket
from homeline.config_sip import Twilio
from homeline.core.twilio_events import Recorded, Spoken, Text
from homeline.webhook import carrier
from homeline.webhook.carrier import KEPT, UNFETCHED, Carrier
from homeline.webhook.daemon import NotTaken, tell
from homeline.webhook.recordings import LARGEST, Recordings, address
from homeline_lab.web import Heard, Reply, WebServer
from webhook.kit import ACCOUNT, CALL, MESSAGE, NOW, RECORDING, TRANSCRIPTION, TWILIO, config

TEXT = Text(MESSAGE, "+41791112233", "+15005550006", "hello")
SPOKEN = Spoken(TRANSCRIPTION, RECORDING, "call me")
SOUND = b"\xff\xfb" + b"sound" * 1000


def recorded(**others: Any) -> Recorded:
    return Recorded(RECORDING, CALL, "+41791112233", "+15005550006", NOW, 7, **others)


class House:
    """A carrier between a daemon's socket and Twilio. `now` may be set."""

    def __init__(self, folder: Path, server: WebServer, **options: Any) -> None:
        self.now = NOW
        self.server = server
        self.told: list[Any] = []
        self.answer: Mapping[str, Any] = {"ok": True}
        self.news = asyncio.Event()
        self.folder = folder / "files"
        self.folder.mkdir(exist_ok=True)
        self.socket = WebhookSocket(folder / "daemon.sock", self._hear)
        self.twilio = config(**options).twilio
        recordings = Recordings(Client(Resolver().resolve, 2), self.folder, lambda: self.twilio, server.url)
        told = partial(tell, folder / "daemon.sock")
        self.carrier = Carrier(self.folder, told, recordings, lambda: self.twilio, lambda: self.now)

    async def _hear(self, question: object) -> Mapping[str, Any]:
        self.told.append((question, sorted(path.name for path in self.folder.iterdir())))
        self.news.set()
        return self.answer

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def living(folder: Path, *, daemon: bool = True, **options: Any) -> AsyncIterator[House]:
    async with WebServer(lambda heard: sound(heard)) as server:
        house = House(folder, server, **options)
        if daemon:
            await house.socket.open()
        running = asyncio.ensure_future(house.carrier.run())
        try:
            yield house
        finally:
            running.cancel()
            await house.carrier.close()
            await house.socket.close()


def sound(heard: Heard) -> Reply:
    return Reply(204) if heard.method == "DELETE" else Reply(200, SOUND)


async def test_an_event_is_told(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        assert await house.carrier.take(TEXT)
        ((told, _),) = house.told
        assert told["event"] == "message" and told["text"] == "hello"
        assert house.files == []


async def test_an_event_waits_for_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "PAUSE", 0.05)
    async with living(tmp_path, daemon=False) as house:
        assert not await house.carrier.take(TEXT)
        assert house.files == [f"{MESSAGE}.json"]
        assert (house.folder / house.files[0]).stat().st_mode & 0o777 == 0o600
        await house.socket.open()
        await house.until(lambda: house.told != [])
        await house.until(lambda: house.files == [])
        assert house.told[0][0]["text"] == "hello"


async def test_an_event_outlives_the_process(tmp_path: Path) -> None:
    async with living(tmp_path, daemon=False) as house:
        assert not await house.carrier.take(TEXT)
    files = tmp_path / "files"
    for left in (f"{RECORDING}.mp3", f"{MESSAGE}.part", "broken.json"):
        (files / left).write_bytes(b"{")
    async with living(tmp_path) as house:
        await house.until(lambda: house.told != [])
        await house.until(lambda: house.files == [])
        assert house.told[0][0]["text"] == "hello"


async def test_what_the_daemon_never_takes_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with living(tmp_path) as house:
        house.answer = {"error": "it is none", "never": True}
        assert await house.carrier.take(TEXT)
        assert house.files == []
    assert "is given up: it is none" in caplog.text


async def test_a_day_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "PAUSE", 0.05)
    async with living(tmp_path) as house:
        house.answer = {"error": "no room"}
        assert not await house.carrier.take(TEXT)
        house.now += KEPT
        await house.until(lambda: house.files == [])


async def test_no_more_wait_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "MOST", 3)
    async with living(tmp_path, daemon=False) as house:
        for number in range(6):
            assert not await house.carrier.take(Text(f"SM{number:032x}", "+41791112233", "", ""))
        assert len(house.files) == 3


async def test_asked_twice_at_once_it_is_told_once(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        assert await asyncio.gather(*(house.carrier.take(TEXT) for _ in range(5))) == [True] * 5
        assert len(house.told) == 1


# -- recordings -------------------------------------------------------------------------------------------------------


async def test_a_recording_is_fetched_told_and_deleted_at_twilio(tmp_path: Path) -> None:
    async with living(tmp_path, delete_recordings=True) as house:
        assert await house.carrier.take(recorded())
        ((told, files),) = house.told
        assert told["event"] == "voicemail" and files == [f"{RECORDING}.mp3"]
        fetched, deleted = await house.server.wait_for(2, 30)
        await house.until(lambda: house.files == [])
    at = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}"
    assert (fetched.method, fetched.path) == ("GET", f"{at}.mp3")
    assert (deleted.method, deleted.path) == ("DELETE", f"{at}.json")
    login = base64.b64decode(fetched.headers["authorization"].removeprefix("Basic ")).decode()
    assert login == f"{TWILIO.api_key}:{TWILIO.api_secret}"


async def test_it_is_not_deleted_before_its_words_are_here(tmp_path: Path) -> None:
    async with living(tmp_path, delete_recordings=True) as house:
        assert await house.carrier.take(recorded(transcribed=True))
        assert await house.carrier.take(SPOKEN)
        heard = await house.server.wait_for(3, 30)
    assert [(each.method, each.path.rpartition("/")[2]) for each in heard] == [
        ("GET", f"{RECORDING}.mp3"),
        ("DELETE", f"{RECORDING}.json"),
        ("DELETE", f"{TRANSCRIPTION}.json"),
    ]


async def test_nothing_is_deleted_unless_wanted_or_before_it_is_stored(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        assert await house.carrier.take(recorded())
        house.twilio = config(delete_recordings=True).twilio
        house.answer = {"error": "no room"}
        assert not await house.carrier.take(recorded())
        assert house.files == [f"{RECORDING}.json", f"{RECORDING}.mp3"]
        assert [each.method for each in house.server.heard] == ["GET", "GET"]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(404, b"{}"),
        Reply(401, b"{}"),
        Reply(500),
        Reply(200, b""),
        Reply(200, b"x" * (LARGEST + 10)),
        Reply(302, headers=(("Location", "http://127.0.0.1:1/else"),)),
        Reply(reset=True),
    ],
    ids=["gone", "denied", "broken", "empty", "large", "redirect", "reset"],
)
async def test_a_recording_that_cannot_be_fetched(
    tmp_path: Path, answer: Reply, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Is tried again, and after an hour the message is told without it."""
    monkeypatch.setattr(carrier, "PAUSE", 0.05)
    async with living(tmp_path, delete_recordings=True) as house:
        house.server.answer = lambda _heard: answer
        assert not await house.carrier.take(recorded(), held=30)
        assert not house.told
        assert house.files == [f"{RECORDING}.json"]
        house.now += UNFETCHED
        await house.until(lambda: house.told != [])
        assert RECORDING in house.told[0][0]["missing"]
        await house.until(lambda: house.files == [])
        assert {each.method for each in house.server.heard} == {"GET"}  # what is not here is not deleted
    for secret in (TWILIO.api_secret, base64.b64encode(TWILIO.api_secret.encode()).decode()[:-4]):
        assert secret not in caplog.text + json.dumps(house.told)


async def test_a_recording_that_takes_long_goes_on_behind_the_answer(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        go_on = asyncio.Event()

        async def late(_heard: Heard) -> Reply:
            await go_on.wait()
            return Reply(200, SOUND)

        house.server.answer = late
        assert not await house.carrier.take(recorded(), held=0.05)
        go_on.set()
        assert await house.carrier.take(recorded(), held=30)
        assert len(house.told) == 1


@pytest.mark.parametrize(
    ("region", "edge", "host"),
    [
        ("", "", "api.twilio.com"),
        ("ie1", "", "api.dublin.ie1.twilio.com"),
        ("au1", "", "api.sydney.au1.twilio.com"),
        ("ie1", "dublin", "api.dublin.ie1.twilio.com"),
        ("", "frankfurt", "api.frankfurt.us1.twilio.com"),
    ],
)
def test_addresses(region: str, edge: str, host: str) -> None:
    """As Twilio's own library makes them."""
    from twilio.rest import Client as Library

    twilio = Twilio(region=region, edge=edge)
    assert address(twilio) == f"https://{host}"
    nearest = {"ie1": "dublin", "au1": "sydney"}.get(region)  # without one it makes a name that Twilio gave up
    library = Library("AC", "x", region=region or None, edge=edge or nearest, http_client=object())
    assert str(library.get_hostname("https://api.twilio.com")).rstrip("/") == address(twilio)


# -- the daemon's end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [b"", b"\n", b"{", b"[]\n", b'"ok"\n', b"\xff\xfe\n", b'{"ok": false}\n', b"x" * 300_000]
)
async def test_answers_that_cannot_be_read(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"):
        with pytest.raises(NotTaken):
            await tell(tmp_path / "s", {})


async def test_a_daemon_that_is_silent_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match="not there"):
        await tell(tmp_path / "s", {})

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_unix_server(silent, tmp_path / "s"):
        with pytest.raises(NotTaken, match="within"):
            await tell(tmp_path / "s", {}, 0.1)


# -- defects, and many at once ----------------------------------------------------------------------------------------


async def test_a_defect_about_one_event_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(carrier, "PAUSE", 0.05)
    poison = Text(f"SM{'0' * 32}", "+41791112233", "", "poison")
    async with living(tmp_path, daemon=False) as house:
        for event in (poison, TEXT):
            assert not await house.carrier.take(event)
        told = house.carrier._tell

        async def broken(event: Mapping[str, Any]) -> None:
            if event["text"] == "poison":
                raise RuntimeError("a defect")
            await told(event)

        monkeypatch.setattr(house.carrier, "_tell", broken)
        await house.socket.open()
        words = "could not be told; it is tried again"
        await house.until(lambda: house.files == [f"{poison.sid}.json"] and words in caplog.text)
        assert [question["text"] for question, _ in house.told] == ["hello"]


async def test_many_at_once_are_all_taken(tmp_path: Path) -> None:
    async with living(tmp_path) as house:
        texts = [Text(f"SM{number:032x}", "+41791112233", "", str(number)) for number in range(100)]
        assert all(await asyncio.gather(*map(house.carrier.take, texts)))
        assert {question["text"] for question, _ in house.told} == {str(number) for number in range(100)}
