"""The reading process against Dovecot, and against servers that misbehave: what is found, marked, and said."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from homeline.adapters import mailbox_process
from homeline.adapters.mailbox_process import Found, MailboxError
from homeline.mailbox.imap import LITERAL_LIMIT, _folder
from homeline_lab.dovecot import PASSWORD, USER, Dovecot
from mailbox_mails import ADDRESS, KEY, OWNER, TOKEN, mail

SEEN = {r"\Seen"}

needs_dovecot = pytest.mark.skipif(
    Dovecot.program() is None, reason="dovecot is not installed (apt-get install dovecot-imapd)"
)


def question(port: int, **options: Any) -> dict[str, Any]:
    return {
        "mailbox": "me",
        "type": "imap",
        "address": ADDRESS,
        "senders": [OWNER],
        "key": KEY.hex(),
        "host": "localhost",
        "port": port,
        "tls": "none",
        "user": USER,
        "password": PASSWORD,
        **options,
    }


async def ask(port: int, timeout: float = 60.0, **options: Any) -> Found:
    return await mailbox_process.ask(question(port, **options), timeout)


async def trouble(port: int, timeout: float = 60.0, **options: Any) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        await ask(port, timeout, **options)
    assert PASSWORD not in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.fixture
async def server() -> AsyncIterator[Dovecot]:
    async with Dovecot() as server:
        yield server


# -- Dovecot ----------------------------------------------------------------------------------------------------------


@needs_dovecot
async def test_what_is_new_is_found_once_and_nothing_is_changed(server: Dovecot) -> None:
    server.append(b"Subject: seen before\r\n\r\nx", flags=r"(\Seen)")
    server.append(b"Subject: none of our business\r\n\r\nx")
    uid = server.append(mail("Grüße, um acht. 🙂"))
    found = await ask(server.port)
    assert [(each.id, each.token, each.sender, each.text) for each in found.mails] == [
        (str(uid), TOKEN, OWNER, "Grüße, um acht. 🙂")
    ]
    assert found.after == uid
    assert not found.more
    assert all(flags <= SEEN for flags in server.flags().values())
    assert server.flags()[uid] == set()
    state = {"validity": found.validity, "after": found.after}
    again = await ask(server.port, **state)
    assert (again.mails, again.after, again.validity) == ((), found.after, found.validity)
    later = server.append(mail("And bread", 2), flags=r"(\Seen)")  # its owner was faster than we
    new = await ask(server.port, **state)
    assert [(each.id, each.text) for each in new.mails] == [(str(later), "And bread")]


@needs_dovecot
async def test_what_was_taken_is_marked_and_nothing_else(server: Dovecot) -> None:
    uids = [server.append(mail(number=number)) for number in range(3)]
    found = await ask(server.port)
    marked = [found.mails[0].id, found.mails[2].id, "99", "x; DELETE"]
    assert await ask(server.port, validity=found.validity, mark=marked) == Found()
    assert server.flags() == {uids[0]: SEEN, uids[1]: set(), uids[2]: SEEN}
    await ask(server.port, validity="1", mark=[str(uids[1])])  # of a folder that was made anew
    assert server.flags()[uids[1]] == set()


@needs_dovecot
async def test_a_first_look_leaves_a_full_mailbox_alone(server: Dovecot) -> None:
    server.append(*(mail(number=number) for number in range(30)), flags=r"(\Seen)")
    found = await ask(server.port)
    assert (found.mails, found.more) == ((), False)
    assert (await ask(server.port, validity=found.validity, after=found.after)).mails == ()


@needs_dovecot
async def test_many_are_read_in_pieces(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    server.append(*(mail(str(n), n) if n % 50 == 2 else b"Subject: x\r\n\r\nx" for n in range(203)))
    found = await ask(server.port)
    assert found.more
    rest = await ask(server.port, validity=found.validity, after=found.after)
    assert not rest.more
    assert [each.text for each in (*found.mails, *rest.mails)] == ["2", "52", "102", "152", "202"]


@needs_dovecot
async def test_a_mail_of_megabytes_is_read_from_its_beginning(server: Dovecot) -> None:
    server.append(mail("Yes\r\n\r\n> " + "x" * 3_000_000))
    assert [each.text for each in (await ask(server.port)).mails] == ["Yes"]


@needs_dovecot
@pytest.mark.parametrize("mechanisms", ["plain", "login"])
async def test_ways_to_log_in(mechanisms: str) -> None:
    async with Dovecot(mechanisms=f"plain {mechanisms}") as server:
        server.append(mail())
        assert len((await ask(server.port)).mails) == 1


@needs_dovecot
async def test_a_wrong_password_and_a_folder_that_is_not_there(server: Dovecot) -> None:
    error = await trouble(server.port, password="wrong")
    assert "User name or password was refused: [AUTHENTICATIONFAILED]" in str(error)
    assert error.owners
    error = await trouble(server.port, folder="Answers")
    assert "The folder Answers cannot be opened" in str(error)
    assert error.owners


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def secured(folder: Path, authority: trustme.CA, *names: str, **options: Any) -> AsyncIterator[Dovecot]:
    certificate = authority.issue_cert(*(names or ("localhost",)), **options)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    async with Dovecot(certificate=folder / "cert.pem") as server:
        yield server


@needs_dovecot
async def test_secured_connections(tmp_path: Path, authority: trustme.CA) -> None:
    async with secured(tmp_path, authority) as server:
        server.append(mail())
        ca = {"ca_file": str(tmp_path / "ca.pem")}
        assert len((await ask(server.secure_port, tls="tls", **ca)).mails) == 1
        assert len((await ask(server.port, tls="starttls", **ca)).mails) == 1
        assert len((await ask(server.secure_port, tls="tls", tls_verify=False)).mails) == 1
        error = await trouble(server.secure_port, tls="tls")
        assert "certificate is refused" in str(error)
        assert error.owners
        assert "No secured connection" in str(await trouble(server.port, tls="tls", **ca))


@needs_dovecot
@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_certificate_of_another_name_or_time(tmp_path: Path, authority: trustme.CA, tls: str) -> None:
    import datetime

    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    ca = {"ca_file": str(tmp_path / "ca.pem")}
    async with secured(tmp_path, authority, "other.example") as server:
        port = server.secure_port if tls == "tls" else server.port
        assert "Hostname mismatch" in str(await trouble(port, tls=tls, **ca))
    async with secured(tmp_path, authority, not_after=past) as server:
        port = server.secure_port if tls == "tls" else server.port
        assert "certificate has expired" in str(await trouble(port, tls=tls, **ca))


@needs_dovecot
async def test_a_server_without_starttls(server: Dovecot) -> None:
    error = await trouble(server.port, tls="starttls")
    assert str(error) == "The server does not offer STARTTLS."
    assert error.owners


@needs_dovecot
async def test_a_frozen_server_is_given_up_and_works_again(server: Dovecot) -> None:
    server.append(mail())
    with server.frozen():
        assert str(await trouble(server.port, 2.0)) == "It could not be read within 2 s."
    assert len((await ask(server.port)).mails) == 1


# -- servers that misbehave -------------------------------------------------------------------------------------------

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def script(*answers: bytes, greeting: bytes = b"* OK hello\r\n", capability: bytes = b"IMAP4rev1 AUTH=PLAIN") -> Talk:
    """A server that takes any login and answers each further command with the next of `answers`, the last for ever.

    `TAG` in an answer is the command's tag.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = list(answers)
        writer.write(greeting)
        while line := await reader.readline():
            tag, _, command = line.partition(b" ")
            if command.startswith(b"CAPABILITY"):
                writer.write(b"* CAPABILITY " + capability + b"\r\nTAG OK x\r\n".replace(b"TAG", tag))
            elif command.startswith(b"AUTHENTICATE"):
                writer.write(b"+ \r\n")
                await reader.readline()
                writer.write(tag + b" OK x\r\n")
            elif command.startswith(b"LOGIN"):
                writer.write(tag + b" OK x\r\n")
            elif command.startswith(b"LOGOUT"):
                return
            else:
                answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                writer.write(answer.replace(b"TAG", tag))
            await writer.drain()

    return talk


SELECTED = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 9] x\r\nTAG OK x\r\n"
FOUND = b"* SEARCH 8\r\nTAG OK x\r\n"
HEAD = b"From: me@example.org\r\nTo: line+" + TOKEN.encode() + b"@home.example\r\n\r\n"


def fetched(content: bytes, before: bytes = b"UID 8 ", after: bytes = b"") -> bytes:
    return b"* 1 FETCH (%sBODY[X] {%d}\r\n%s%s)\r\nTAG OK x\r\n" % (before, len(content), content, after)


async def test_a_server_in_a_script() -> None:
    async with talking(script(SELECTED, FOUND, fetched(HEAD), fetched(HEAD + b"Yes"))) as port:
        found = await ask(port)
    assert [(each.id, each.text) for each in found.mails] == [("8", "Yes")]
    assert (found.validity, found.after) == ("5", 8)


async def test_the_uid_may_stand_behind_the_text() -> None:
    async with talking(script(SELECTED, FOUND, fetched(HEAD, b"", b" UID 8"), fetched(HEAD + b"Yes"))) as port:
        assert [each.id for each in (await ask(port)).mails] == ["8"]


@pytest.mark.parametrize(
    "answers",
    [
        (b"TAG OK x\r\n",),
        (SELECTED, b"* SEARCH x y -1 99999999999999999999 8.5\r\nTAG OK x\r\n"),
        (SELECTED, b"* SEARCH 8\r\nTAG BAD no\r\n"),
        (SELECTED, FOUND, b"* 1 FETCH ()\r\nTAG OK x\r\n"),
        (SELECTED, FOUND, b"* 1 FETCH (UID 8 BODY[X] NIL)\r\nTAG OK x\r\n"),
        (SELECTED, FOUND, fetched(HEAD, b"UID 7 ")),  # one that was not asked for
        (SELECTED, FOUND, fetched(HEAD), b"TAG OK x\r\n"),
        (SELECTED, FOUND, b"TAG NO x\r\n"),
        (b"\xff\xfe\r\n" * 3,),
        (b"TAG OK x\r\nTAG OK x\r\nTAG OK x\r\n",),
        (b"* OK [UIDVALIDITY x] x\r\nTAG OK x\r\n", b"* SEARCH\r\nTAG OK x\r\n"),
        (SELECTED, FOUND, b"* 1 FETCH (BODY[X] {%d}\r\n" % (LITERAL_LIMIT + 1)),
        (SELECTED, FOUND, b"* 1 FETCH (BODY[X] {99999999999999999999}\r\n"),
        (b"* BYE\r\n",),
        (b"* " + b"x" * 2_000_000,),
    ],
    ids=range(15),
)
async def test_nonsense_is_words_or_nothing(answers: tuple[bytes, ...]) -> None:
    async with talking(script(*answers)) as port:
        try:
            found = await ask(port, 30.0)
        except MailboxError as error:
            assert str(error).endswith(".")
            assert "Traceback" not in str(error)
            assert "reader failed" not in str(error)
        else:
            assert not [each for each in found.mails if each.text]


@pytest.mark.parametrize(
    "greeting", [b"", b"\r\n", b"HTTP/1.1 400\r\n\r\n", b"* BYE go away\r\n", b"* OK" + b"x" * 5000000]
)
async def test_greetings_that_are_none(greeting: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    async with talking(talk) as port:
        assert "reader failed" not in str(await trouble(port))


async def test_a_server_that_drips_is_given_up() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"* OK\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with talking(talk) as port:
        assert "could not be read within 2 s" in str(await trouble(port, 2.0))


async def test_a_server_without_end_fills_no_memory() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK\r\n")
        await reader.readline()
        while True:
            writer.write(b"* CAPABILITY " + b"x" * 60000 + b"\r\n")
            await writer.drain()

    async with talking(talk) as port:
        assert "more than can be held" in str(await trouble(port))


async def test_nobody_listens_and_a_name_that_is_not_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "The connection failed: Connection refused." in str(await trouble(port))
    assert "is not known" in str(await trouble(port, host="mail.invalid"))


async def test_a_password_that_cannot_be_sent() -> None:
    login = script(SELECTED, capability=b"IMAP4rev1")
    async with talking(login) as port:
        error = await trouble(port, password="ü")
        assert "only ASCII" in str(error)
    async with talking(script(SELECTED, capability=b"IMAP4rev1 LOGINDISABLED STARTTLS")) as port:
        assert "takes no password on a connection that is not secured" in str(await trouble(port))


async def test_a_server_that_tells_the_password_back() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK\r\n")
        while line := await reader.readline():
            tag, _, command = line.partition(b" ")
            if command.startswith(b"CAPABILITY"):
                writer.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK x\r\n")
            else:
                writer.write(tag + b" NO I heard " + command)

    async with talking(talk) as port:
        error = await trouble(port, user='a "b" \\', password="s3cret-word")
        assert "s3cret-word" not in str(error)
        assert r'LOGIN "a \"b\" \\" "***"' in str(error)


@pytest.mark.parametrize("question", ["", "[]", "{}", '{"key": "zz"}', '{"key": "", "type": "imap", "x": 1}'])
async def test_a_question_that_is_none(question: str) -> None:
    with pytest.raises(MailboxError, match="question cannot be read"):
        await mailbox_process.ask(json.loads(question) if question else "", 20)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("INBOX", "INBOX"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("A&B", "A&-B"),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 5.1.3
        ("🙂", "&2D3eQg-"),
    ],
)
def test_names_of_folders(name: str, coded: str) -> None:
    assert _folder(name) == coded
