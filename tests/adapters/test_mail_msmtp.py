"""Debian's msmtp between our adapter and a real SMTP server: what arrives, and what each fault of a server becomes."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import trustme

from homeline.adapters.mail import Mailer
from homeline.config import Email
from homeline.errors import DeliveryError
from homeline.paths import Paths
from homeline_lab.smtp import MailServer, install_command

needs_msmtp = pytest.mark.skipif(
    shutil.which("msmtp") is None, reason="msmtp is not installed (apt-get install msmtp); make test as root does it"
)

# aiosmtpd warns of a login without STARTTLS; it does not know that the connection began with TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

MAIL = (
    "From: line@example.org\nTo: me@example.org,\n you@example.org\nSubject: hello\nX-Test: kept\n\n"
    "first line\n.\n..two dots\nFrom here\ntrailing space \nümlaut €\n"
).encode()
USERS = {"line": 'pass "word" # ü'}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority.issue_cert("localhost"))


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def paths(tmp_path: Path, authority: trustme.CA) -> Paths:
    lab = Paths(tmp_path)
    lab.run.mkdir(parents=True)
    store = lab.inside("/etc/ssl")
    store.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(store / "ca.pem"))
    return lab


def account(server: MailServer, **options: object) -> Email:
    plain = Email("home", ("me@example.org",), "line@example.org", "localhost", server.port, "none", timeout=20)
    return replace(plain, **options)  # type: ignore[arg-type]


def secure(server: MailServer, tls: str = "starttls") -> Email:
    return account(server, tls=tls, ca_file="/etc/ssl/ca.pem", user="line", password=USERS["line"])


@needs_msmtp
async def test_a_mail_arrives_as_it_was_written(paths: Paths) -> None:
    async with MailServer(maildir=paths.root / "mails") as server:
        await Mailer(account(server), paths).send(MAIL)
    mail = server.mails[0]
    assert (mail.sender, mail.recipients) == ("line@example.org", ("me@example.org", "you@example.org"))
    came = message_from_bytes(mail.content, policy=policy.default)
    sent = message_from_bytes(MAIL, policy=policy.default)
    assert {name: came[name] for name in sent} == dict(sent.items())
    assert mail.content.split(b"\r\n\r\n", 1)[1] == MAIL.split(b"\n\n", 1)[1].replace(b"\n", b"\r\n")
    assert len(list((paths.root / "mails/new").iterdir())) == 1


@needs_msmtp
@pytest.mark.parametrize("kind", ["starttls", "tls"])
async def test_a_mail_goes_through_tls_with_a_login(paths: Paths, tls: ssl.SSLContext, kind: str) -> None:
    async with MailServer(tls=tls, implicit=kind == "tls", users=USERS) as server:
        await Mailer(secure(server, kind), paths).send(MAIL)
    assert [mail.user for mail in server.mails] == ["line"]


@needs_msmtp
@pytest.mark.parametrize("kind", ["starttls", "tls"])
async def test_a_wrong_password_is_the_owners_matter_and_is_not_shown(
    paths: Paths, tls: ssl.SSLContext, kind: str
) -> None:
    async with MailServer(tls=tls, implicit=kind == "tls", users=USERS) as server:
        mailer = Mailer(replace(secure(server, kind), password="wrong-s3cret"), paths)
        with pytest.raises(DeliveryError, match=r"user name or password was refused .*535") as caught:
            await mailer.send(MAIL)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 300)
    assert "s3cret" not in str(caught.value)
    assert server.mails == []


@needs_msmtp
async def test_a_login_that_is_missing_is_the_owners_matter(paths: Paths, tls: ssl.SSLContext) -> None:
    async with MailServer(tls=tls, users=USERS) as server:
        mailer = Mailer(account(server, tls="starttls", ca_file="/etc/ssl/ca.pem"), paths)
        with pytest.raises(DeliveryError, match="530") as caught:
            await mailer.send(MAIL)
    assert (caught.value.permanent, caught.value.retry_after) == (False, 300)


@needs_msmtp
async def test_a_password_is_never_sent_in_the_clear(paths: Paths) -> None:
    async with MailServer(users=USERS) as server:
        mailer = Mailer(replace(secure(server), tls="none"), paths)
        with pytest.raises(DeliveryError) as caught:
            await mailer.send(MAIL)
    assert not caught.value.permanent
    assert server.mails == []


@needs_msmtp
@pytest.mark.parametrize("fault", ["another authority", "another name"])
@pytest.mark.parametrize("kind", ["starttls", "tls"])
async def test_a_wrong_certificate_keeps_the_mail(paths: Paths, authority: trustme.CA, fault: str, kind: str) -> None:
    certificate = (
        trustme.CA().issue_cert("localhost")
        if fault == "another authority"
        else authority.issue_cert("mail.example.com")
    )
    async with MailServer(tls=server_context(certificate), implicit=kind == "tls", users=USERS) as server:
        with pytest.raises(DeliveryError, match="certificate") as caught:
            await Mailer(secure(server, kind), paths).send(MAIL)
        assert not caught.value.permanent
        assert server.mails == []
        await Mailer(replace(secure(server, kind), tls_verify=False), paths).send(MAIL)
    assert len(server.mails) == 1


@needs_msmtp
async def test_a_missing_ca_file_is_the_owners_matter(paths: Paths, tls: ssl.SSLContext) -> None:
    async with MailServer(tls=tls, users=USERS) as server:
        with pytest.raises(DeliveryError, match=r"gone\.pem") as caught:
            await Mailer(replace(secure(server), ca_file="/etc/ssl/gone.pem"), paths).send(MAIL)
    assert not caught.value.permanent


@needs_msmtp
async def test_a_server_without_starttls_gets_nothing(paths: Paths) -> None:
    async with MailServer() as server:
        with pytest.raises(DeliveryError, match="STARTTLS") as caught:
            await Mailer(secure(server), paths).send(MAIL)
    assert not caught.value.permanent
    assert server.mails == []


@needs_msmtp
@pytest.mark.parametrize(
    ("stage", "reply", "permanent"),
    [
        ("CONNECT", "421 4.3.2 too busy", False),
        ("CONNECT", "554 5.7.1 go away", False),
        ("MAIL", "451 4.3.0 later", False),
        ("MAIL", "550 5.7.1 not you", True),
        ("RCPT", "450 4.2.1 mailbox busy", False),
        ("RCPT", "452 4.2.2 mailbox full", False),
        ("RCPT", "550 5.1.1 no such user", True),
        ("DATA", "451 4.7.1 greylisted", False),
        ("DATA", "554 5.7.1 spam", True),
    ],
)
async def test_what_a_server_says_decides(paths: Paths, stage: str, reply: str, permanent: bool) -> None:
    async with MailServer(replies={stage: reply}) as server:
        with pytest.raises(DeliveryError) as caught:
            await Mailer(account(server), paths).send(MAIL)
    assert caught.value.permanent is permanent
    assert caught.value.retry_after is None
    assert stage == "CONNECT" or reply in str(caught.value)
    assert server.mails == []


@needs_msmtp
async def test_a_server_that_dies_in_the_middle_of_a_mail(paths: Paths) -> None:
    async with MailServer(hang_up=True) as server:
        with pytest.raises(DeliveryError) as caught:
            await Mailer(account(server), paths).send(MAIL)
        assert not caught.value.permanent
        server.hang_up = False
        await Mailer(account(server), paths).send(MAIL)
    assert len(server.mails) == 1


@needs_msmtp
async def test_a_silent_server_ends_by_deadline(paths: Paths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailer = Mailer(account(MailServer(port=silent.getsockname()[1]), timeout=1), paths)
        begin = asyncio.get_running_loop().time()
        with pytest.raises(DeliveryError) as caught:
            await mailer.send(MAIL)
        assert asyncio.get_running_loop().time() - begin < 5
    assert not caught.value.permanent


@needs_msmtp
@pytest.mark.parametrize(("host", "words"), [("localhost", "cannot connect"), ("no-such-host.invalid", "no-such-host")])
async def test_no_server_at_all(paths: Paths, host: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DeliveryError, match=words) as caught:
        await Mailer(account(MailServer(port=port), host=host), paths).send(MAIL)
    assert not caught.value.permanent


@needs_msmtp
async def test_the_owners_own_msmtprc_is_not_used(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    (paths.root / ".msmtprc").write_text("account default\nhost wrong.invalid\nfrom wrong@example.org\n")
    (paths.root / ".netrc").write_text("machine localhost login x password y\n")
    monkeypatch.setenv("HOME", str(paths.root))
    async with MailServer() as server:
        await Mailer(account(server), paths).send(MAIL)
    assert server.mails[0].sender == "line@example.org"


@needs_msmtp
async def test_a_burst_goes_out_side_by_side(paths: Paths) -> None:
    async with MailServer() as server:
        mailer = Mailer(account(server), paths)
        await asyncio.gather(*(mailer.send(MAIL) for _ in range(8)))
    assert len(server.mails) == 8


async def test_the_labs_own_command_sends_without_msmtp(paths: Paths) -> None:
    async with MailServer() as server:
        name = install_command(paths.commands, server.port)
        await Mailer(account(server, command=name), paths).send(MAIL)
    assert server.mails[0].recipients == ("me@example.org", "you@example.org")
    assert "X-Test: kept" in server.mails[0].content.decode()
