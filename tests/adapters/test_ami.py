"""The client of Asterisk's manager against a peer that misbehaves on the octet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from homeline.adapters import ami as ami_module
from homeline.adapters import ami_connection
from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused, ConnectionLost, EncodeError, ProtocolError, TimedOut
from homeline.protocol.ami import Message, Parser

Answer = Callable[["Session", Message], Awaitable[None]]
SECRET = "0123456789abcdef-secret"
GREETING = b"Asterisk Call Manager/9.0.0\r\n"
BOOTED = b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 100\r\nStatus: Fully Booted\r\n\r\n"


class Session:
    """One connection as Asterisk has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, torn: bool) -> None:
        self.reader, self.writer, self.torn = reader, writer, torn
        self.received = b""

    async def send(self, data: bytes) -> None:
        if not self.torn:
            self.writer.write(data)
            return
        for octet in data:
            self.writer.write(bytes([octet]))
            await self.writer.drain()
            await asyncio.sleep(0)

    async def reply(self, to: Message, *lines: str, response: str = "Success") -> None:
        head = f"Response: {response}\r\nActionID: {to.action_id}\r\n"
        await self.send((head + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode())

    async def event(self, name: str, *lines: str) -> None:
        await self.send((f"Event: {name}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode())

    async def listing(self, to: Message, event: str, *items: str) -> None:
        await self.reply(to, "EventList: start", "Message: will follow")
        for item in items:
            await self.event(event, f"ActionID: {to.action_id}", f"ObjectName: {item}")
        await self.event(f"{event}Complete", "EventList: Complete", f"ActionID: {to.action_id}", "ListItems: 1")


class Fake:
    """A manager on loopback. `answers` has what is done for an action; those of the login are there."""

    def __init__(self) -> None:
        self.port, self.torn = 0, False
        self.greeting, self.booted = GREETING, BOOTED
        self.sessions: list[Session] = []
        self.actions: list[Message] = []
        self.answers: dict[str, Answer] = {
            "Challenge": lambda session, asked: session.reply(asked, "Challenge: 193203991"),
            "Login": self._login,
            "CoreSettings": lambda session, asked: session.reply(asked, "AsteriskVersion: 20.8.1"),
        }
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.drop()

    def drop(self) -> None:
        for session in self.sessions:
            session.writer.transport.abort()

    async def _login(self, session: Session, asked: Message) -> None:
        await session.reply(asked, "Message: Authentication accepted")
        await session.send(self.booted)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer, self.torn)
        self.sessions.append(session)
        await session.send(self.greeting)
        parser = Parser()
        while data := await reader.read(65536):
            session.received += data
            for asked in parser.feed(data):
                self.actions.append(asked)
                if answer := self.answers.get(asked.get("Action")):
                    await answer(session, asked)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "BACK_OFF", ami_module.retry.Policy(first=0.01, longest=0.05))


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    running = Fake()
    await running.start()
    yield running
    await running.stop()


class Told:
    """What the client says of itself."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.states: list[bool] = []
        self.changed = asyncio.Event()

    def say(self, key: str, text: str, advice: str) -> None:
        assert key == "asterisk" and bool(text) == bool(advice)
        self.words.append(text)
        self.changed.set()

    async def until(self, words: str) -> str:
        async with asyncio.timeout(10):
            while not (found := [said for said in self.words if words in said]):
                self.changed.clear()
                await self.changed.wait()
        return found[-1]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def ami(fake: Fake, told: Told) -> AsyncIterator[Ami]:
    """Running, connected as soon as the fake lets it."""
    client = Ami(fake.port, "homeline", lambda: SECRET, say=told.say)
    client.on_state(told.states.append)
    task = asyncio.create_task(client.run())
    yield client
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def unanswered(fake: Fake) -> Callable[[str], asyncio.Future[tuple[Session, Message]]]:
    """Have an action arrive and not be answered; what is returned tells of its arrival."""

    def leave(action: str) -> asyncio.Future[tuple[Session, Message]]:
        arrived: asyncio.Future[tuple[Session, Message]] = asyncio.get_running_loop().create_future()

        async def answer(session: Session, asked: Message) -> None:
            if not arrived.done():
                arrived.set_result((session, asked))

        fake.answers[action] = answer
        return arrived

    return leave


async def test_it_logs_in_without_telling_the_secret(ami: Ami, fake: Fake, told: Told) -> None:
    await ami.wait_connected(5)
    assert ami.connected and ami.version == "20.8.1" and told.states == [True]
    login = next(item for item in fake.actions if item.get("Action") == "Login")
    assert (login.get("Username"), login.get("AuthType")) == ("homeline", "MD5")
    assert login.get("Key") == "d7532c722100f499d560433d636b3d58"  # md5sum of the challenge and the secret
    assert SECRET.encode() not in fake.sessions[0].received


async def test_torn_octets_make_no_difference(ami: Ami, fake: Fake) -> None:
    fake.torn = True
    fake.answers["Names"] = lambda session, asked: session.listing(asked, "Name", "é", "two")
    await ami.wait_connected(5)
    assert [item.get("ObjectName") for item in await ami.list("Names")] == ["é", "two"]


async def test_an_action_is_refused_with_asterisks_words(ami: Ami, fake: Fake) -> None:
    fake.answers["Getvar"] = lambda session, asked: session.reply(asked, "Message: Permission denied", response="Error")
    await ami.wait_connected(5)
    with pytest.raises(ActionRefused, match="Getvar: Permission denied"):
        await ami.call("Getvar", Variable="X")


async def test_a_line_break_never_leaves(ami: Ami, fake: Fake) -> None:
    await ami.wait_connected(5)
    with pytest.raises(EncodeError, match="Variable"):
        await ami.call("Getvar", Variable="X\r\n\r\nAction: Originate")
    assert b"Originate" not in fake.sessions[0].received


async def test_many_in_flight_are_answered_in_any_order(ami: Ami, fake: Fake) -> None:
    asked: list[Message] = []

    async def answer(session: Session, message: Message) -> None:
        asked.append(message)
        if len(asked) == 50:
            for item in reversed(asked):
                await session.reply(item, f"Value: {item.get('Variable')}")

    fake.answers["Getvar"] = answer
    await ami.wait_connected(5)
    replies = await asyncio.gather(*(ami.call("Getvar", Variable=str(number)) for number in range(50)))
    assert [reply.get("Value") for reply in replies] == [str(number) for number in range(50)]


async def test_two_lists_at_once_keep_apart(ami: Ami, fake: Fake) -> None:
    asked: list[Message] = []

    async def answer(session: Session, message: Message) -> None:
        asked.append(message)
        if len(asked) < 2:
            return
        for item in asked:
            await session.reply(item, "EventList: start")
        for name in ("1", "2"):
            for item in asked:
                await session.event("Entry", f"ActionID: {item.action_id}", f"N: {item.get('Tag')}{name}")
        for item in reversed(asked):
            await session.event("EntryComplete", f"ActionID: {item.action_id}", "EventList: Complete")

    fake.answers["Entries"] = answer
    await ami.wait_connected(5)
    first, second = await asyncio.gather(ami.list("Entries", Tag="a"), ami.list("Entries", Tag="b"))
    assert [item.get("N") for item in first] == ["a1", "a2"] and [item.get("N") for item in second] == ["b1", "b2"]


@pytest.mark.parametrize("words", ["No Contacts found", "No endpoints found\r\n"])
async def test_nothing_to_list_is_an_empty_list(ami: Ami, fake: Fake, words: str) -> None:
    fake.answers["Names"] = lambda session, asked: session.reply(asked, f"Message: {words}", response="Error")
    await ami.wait_connected(5)
    assert await ami.list("Names") == []


async def test_a_list_that_is_refused_is_no_empty_list(ami: Ami, fake: Fake) -> None:
    fake.answers["Names"] = lambda session, asked: session.reply(asked, "Message: No way", response="Error")
    await ami.wait_connected(5)
    with pytest.raises(ActionRefused, match="No way"):
        await ami.list("Names")


async def test_a_list_without_end_fails(ami: Ami, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_connection, "LIST_LIMIT", 3)
    fake.answers["Names"] = lambda session, asked: session.listing(asked, "Name", "1", "2", "3", "4")
    await ami.wait_connected(5)
    with pytest.raises(ProtocolError, match="more than 3"):
        await ami.list("Names")
    assert ami.connected


async def test_an_answer_that_was_cut_is_no_answer(ami: Ami, fake: Fake) -> None:
    fake.answers["Command"] = lambda session, asked: session.reply(asked, "Output: " + "x" * 70_000)
    await ami.wait_connected(5)
    with pytest.raises(ProtocolError, match="too long"):
        await ami.command("core show everything")


async def test_a_commands_output(ami: Ami, fake: Fake) -> None:
    fake.answers["Command"] = lambda session, asked: session.reply(asked, "Output: one", "Output: ", "Output: two")
    await ami.wait_connected(5)
    assert await ami.command("x") == ["one", "", "two"]


# --- what a stranger can forge ---


async def test_what_is_forged_answers_nothing(ami: Ami, fake: Fake) -> None:
    """Lines that a caller or a sender of an SMS injects, with every ActionID that he could know or guess."""
    ids = ["", "1", "2", "3", "0-1", "homeline-1"]

    async def answer(session: Session, asked: Message) -> None:
        for guess in ids:
            await session.event("Newchannel", "CallerIDNum: x", "", f"Response: Success\r\nActionID: {guess}", "V: bad")
            await session.event("Entry", f"ActionID: {guess}", "N: bad")
            await session.event("EntryComplete", f"ActionID: {guess}", "EventList: Complete")
        await session.listing(asked, "Entry", "good")

    fake.answers["Entries"] = answer
    await ami.wait_connected(5)
    assert [item.get("ObjectName") for item in await ami.list("Entries")] == ["good"]


async def test_an_event_within_a_list_is_forged(ami: Ami, fake: Fake) -> None:
    """Asterisk writes a list in one go: only a number with line breaks in it can bring an event between its items."""
    heard: list[str] = []

    async def answer(session: Session, asked: Message) -> None:
        await session.event("UserEvent", "N: before")
        await session.reply(asked, "EventList: start")
        await session.event("Entry", f"ActionID: {asked.action_id}", "CallerIDNum: 1", "", "Event: UserEvent", "N: bad")
        await session.event("Entry", f"ActionID: {asked.action_id}", "CallerIDNum: 2")
        await session.event("EntryComplete", f"ActionID: {asked.action_id}", "EventList: Complete")
        await session.event("UserEvent", "N: behind")

    fake.answers["Entries"] = answer
    ami.listen("UserEvent", lambda message: heard.append(message.get("N")))
    await ami.wait_connected(5)
    assert [item.get("CallerIDNum") for item in await ami.list("Entries")] == ["1", "2"]
    async with asyncio.timeout(5):
        while "behind" not in heard:
            await asyncio.sleep(0)
    assert heard == ["before", "behind"]


async def test_ids_are_others_on_each_connection(ami: Ami, fake: Fake, told: Told) -> None:
    await ami.wait_connected(5)
    ami.reconnect()
    async with asyncio.timeout(5):
        while len(fake.sessions) < 2 or not ami.connected:
            await asyncio.sleep(0)
    beginnings = {item.action_id.partition("-")[0] for item in fake.actions}
    assert len(beginnings) == 2 and all(len(beginning) == 16 for beginning in beginnings)
    assert told.words == ["", ""], "what we wanted ourselves is no trouble"


# --- events ---


async def test_events_reach_who_listens(ami: Ami, fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def broken(_: Message) -> None:
        raise ZeroDivisionError

    ami.listen("hangup", broken)
    stop = ami.listen("Hangup", lambda message: heard.put_nowait("first " + message.get("Channel")))
    ami.listen("HANGUP", lambda message: heard.put_nowait("second " + message.get("Channel")))
    await ami.wait_connected(5)
    with caplog.at_level(logging.CRITICAL, "homeline.ami"):
        await fake.sessions[0].event("Hangup", "Channel: a")
        async with asyncio.timeout(5):
            assert [await heard.get(), await heard.get()] == ["first a", "second a"]
            stop()
            await fake.sessions[0].event("Newchannel", "Channel: no")
            await fake.sessions[0].event("Hangup", "Channel: b")
            assert await heard.get() == "second b"
    assert ami.connected


async def test_an_event_with_the_id_of_an_answered_action_is_heard(ami: Ami, fake: Fake) -> None:
    """OriginateResponse comes after the action was answered, and has its ActionID."""
    heard: asyncio.Queue[Message] = asyncio.Queue()
    ami.listen("OriginateResponse", heard.put_nowait)

    async def answer(session: Session, asked: Message) -> None:
        await session.reply(asked, "Message: Originate successfully queued")
        await session.event("OriginateResponse", f"ActionID: {asked.action_id}", "Response: Failure")

    fake.answers["Originate"] = answer
    await ami.wait_connected(5)
    reply = await ami.call("Originate", Channel="x")
    async with asyncio.timeout(5):
        assert (await heard.get()).action_id == reply.action_id


# --- silence, and ends ---


async def test_an_action_has_a_deadline_and_a_late_answer_is_nobodys(
    ami: Ami, unanswered: Callable[[str], asyncio.Future[tuple[Session, Message]]], fake: Fake
) -> None:
    arrived = unanswered("Getvar")
    await ami.wait_connected(5)
    with pytest.raises(TimedOut, match=r"Getvar: no answer from Asterisk within 0.01 s"):
        await ami.call("Getvar", 0.01, Variable="late")
    session, asked = await arrived
    await session.reply(asked, "Value: late")
    fake.answers["Getvar"] = lambda session, asked: session.reply(asked, "Value: right")
    assert (await ami.call("Getvar", Variable="x")).get("Value") == "right"


async def test_a_lost_connection_fails_all_that_wait_and_comes_back(
    ami: Ami, told: Told, fake: Fake, unanswered: Callable[[str], asyncio.Future[tuple[Session, Message]]]
) -> None:
    arrived = unanswered("Getvar")
    await ami.wait_connected(5)
    waiting = [asyncio.ensure_future(ami.call("Getvar")), asyncio.ensure_future(ami.list("Getvar"))]
    await arrived
    fake.drop()
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, ConnectionLost)
    assert not ami.connected, "who learns of the loss finds the client disconnected"
    with pytest.raises(ConnectionLost, match="Getvar: "):
        await ami.call("Getvar")
    await ami.wait_connected(5)
    assert told.states == [True, False, True] and told.words[-1] == ""


async def test_nobody_there_is_said_and_asterisk_found_when_it_comes(ami: Ami, told: Told, fake: Fake) -> None:
    await ami.wait_connected(5)
    await fake.stop()
    assert "not running" in await told.until(f"Nobody listens at port {fake.port}")
    with pytest.raises(TimedOut, match=r"not connected to Asterisk within 0\.01 s: Nobody listens"):
        await ami.wait_connected(0.01)
    with pytest.raises(ConnectionLost, match="Nobody listens"):
        await ami.call("Ping")
    await fake.start()
    await ami.wait_connected(5)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ({"greeting": b""}, "says nothing"),
        ({"greeting": b"SSH-2.0-OpenSSH_9.2\r\n"}, "not Asterisk's manager"),
        ({"greeting": b"\xff" * 100_000}, "says nothing"),
        ({"booted": b""}, "has not finished loading"),
        ({"Challenge": None}, "Challenge: no answer"),
        ({"Login": None}, "Login: no answer"),
        ({"CoreSettings": None}, "CoreSettings: no answer"),
    ],
)
async def test_a_login_that_stops_is_said_and_tried_again(
    fake: Fake, told: Told, monkeypatch: pytest.MonkeyPatch, break_it: dict[str, bytes | None], words: str
) -> None:
    for name in ("GREETING_DEADLINE", "LOGIN_DEADLINE", "BOOT_DEADLINE"):
        monkeypatch.setattr(ami_module, name, 0.1)
    kept = dict(fake.answers), fake.greeting, fake.booted
    for name, value in break_it.items():
        if isinstance(value, bytes):
            setattr(fake, name, value)
        else:
            del fake.answers[name]
    client = Ami(fake.port, "homeline", lambda: SECRET, say=told.say)
    task = asyncio.create_task(client.run())
    await told.until(words)
    assert not client.connected
    for name in ("GREETING_DEADLINE", "LOGIN_DEADLINE", "BOOT_DEADLINE"):
        monkeypatch.setattr(ami_module, name, 10)
    fake.answers, fake.greeting, fake.booted = kept
    await client.wait_connected(10)
    task.cancel()


async def test_it_waits_for_asterisk_to_be_booted(fake: Fake, told: Told) -> None:
    fake.booted = b""
    client = Ami(fake.port, "homeline", lambda: SECRET, say=told.say)
    logged_in = asyncio.Event()
    original = fake.answers["Login"]

    async def login(session: Session, asked: Message) -> None:
        await original(session, asked)
        logged_in.set()

    fake.answers["Login"] = login
    task = asyncio.create_task(client.run())
    await logged_in.wait()
    assert not client.connected and "CoreSettings" not in [item.get("Action") for item in fake.actions]
    await fake.sessions[0].send(BOOTED)
    await client.wait_connected(5)
    task.cancel()


async def test_a_wrong_secret_is_said_once_and_tried_again_slowly(
    fake: Fake, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = asyncio.Semaphore(0)
    accept = fake.answers["Login"]

    async def refuse(session: Session, asked: Message) -> None:
        await session.reply(asked, "Message: Authentication failed", response="Error")
        session.writer.close()
        tries.release()

    fake.answers["Login"] = refuse
    rests: list[float] = []
    original = Ami._rest

    async def rest(self: Ami, delay: float) -> None:
        rests.append(delay)
        await original(self, delay)

    monkeypatch.setattr(Ami, "_rest", rest)
    client = Ami(fake.port, "homeline", lambda: SECRET, say=told.say)
    task = asyncio.create_task(client.run())
    await tries.acquire()
    said = await told.until("refuses the account 'homeline'")
    assert "Authentication failed" in said and SECRET not in said
    fake.answers["Login"] = accept
    client.reconnect()
    await client.wait_connected(5)
    assert rests == [ami_module.REFUSED_DELAY] and told.words == [said, ""]
    task.cancel()


async def test_without_an_account_nothing_is_tried(fake: Fake, told: Told) -> None:
    secrets = [SECRET]
    asked = asyncio.Event()

    def secret() -> str:
        asked.set()
        return secrets[0]

    secrets[0] = ""
    client = Ami(fake.port, "homeline", secret, say=told.say)
    task = asyncio.create_task(client.run())
    await asked.wait()
    with pytest.raises(TimedOut, match="account is not written yet"):
        await client.wait_connected(0.01)
    assert fake.sessions == [] and told.words == []
    secrets[0] = SECRET
    client.reconnect()
    await client.wait_connected(5)
    task.cancel()


async def test_a_mute_asterisk_is_left(ami: Ami, told: Told, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "QUIET", 0.05)
    monkeypatch.setattr(ami_module, "PING_DEADLINE", 0.05)
    await ami.wait_connected(5)
    assert "has not answered for 0.1 s" in await told.until("has not answered")
    assert "Ping" in [item.get("Action") for item in fake.actions]


async def test_one_that_answers_is_kept(ami: Ami, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami_module, "QUIET", 0.02)
    pings = asyncio.Semaphore(0)

    async def answer(session: Session, asked: Message) -> None:
        await session.reply(asked, "Ping: Pong")
        pings.release()

    fake.answers["Ping"] = answer
    await ami.wait_connected(5)
    for _ in range(3):
        await pings.acquire()
    assert ami.connected and len(fake.sessions) == 1


async def test_one_that_reads_nothing_is_left(ami: Ami, monkeypatch: pytest.MonkeyPatch, fake: Fake) -> None:
    async def deaf(session: Session, asked: Message) -> None:
        await asyncio.Event().wait()

    fake.answers["UserEvent"] = deaf
    await ami.wait_connected(5)
    attempt = ami._attempt
    waiting = []
    async with asyncio.timeout(20):
        while attempt is not None and not attempt.lost.done():
            waiting.append(asyncio.ensure_future(ami.call("UserEvent", Many=["x" * 1000] * 100)))
            await asyncio.sleep(0)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {ConnectionLost}
    assert any("does not read" in str(result) for result in results)


async def test_who_gives_up_leaves_nothing_behind(
    ami: Ami, unanswered: Callable[[str], asyncio.Future[tuple[Session, Message]]]
) -> None:
    arrived = unanswered("Getvar")
    await ami.wait_connected(5)
    call = asyncio.ensure_future(ami.call("Getvar"))
    await arrived
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert ami._attempt is not None and ami._attempt._pending == {}
