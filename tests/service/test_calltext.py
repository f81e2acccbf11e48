"""Mails about calls: word for word, with the recording attached as it is, and no stranger's text out of its place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.adapters import recordings
from homeline.adapters.mail import Mailer
from homeline.config import Email
from homeline.model import Call, CallDirection, CallState, Delivery, Event, EventKind
from homeline.paths import Paths
from homeline.service import mailtext
from homeline.service.eventtext import LINE_LIMIT, body, subject
from homeline.service.mailtext import Attachment, MailChannel, compose, pieces
from homeline_lab.smtp import MailServer, install_command
from hostile import HOSTILE
from wording_kit import noted, wording

CAPTURES = Path(__file__).parents[1] / "captures/asterisk"
ACCOUNT = Email("me", ("me@example.org",), "line@example.org")
DELIVERY = Delivery(12, 7, "all", "me")
AT = 1_714_564_980  # 2024-05-01 12:03:00 UTC
FILE = "voicemail-1714564980-5f3a09c1.wav"
MISSED = Call(
    *(7, CallDirection.IN, CallState.MISSED, "u", "stick", "home", "+41791234567", "0791234567", "Ann", "+41790000001"),
    started_at=AT, ended_at=AT + 95, cause=16, unread=True,
)  # fmt: skip
MESSAGE = replace(MISSED, state=CallState.VOICEMAIL, recording=FILE, recording_seconds=17, recording_size=2465)
ANSWERED = replace(MISSED, state=CallState.ANSWERED, through="desk", answered_at=AT + 5)
OUT = replace(ANSWERED, direction=CallDirection.OUT, peer_name="", dialled="", rule="swiss", peer_raw="0791234567")


def event(call: Call, text: str = "") -> Event:
    kind = EventKind.VOICEMAIL if call.state is CallState.VOICEMAIL else EventKind.CALL
    return Event(7, kind, AT + 100, call.dongle, call.peer, text, call=call)


def parsed(mail: bytes) -> EmailMessage:
    assert b"\r" not in mail
    assert max(map(len, mail.split(b"\n"))) <= 998
    return cast(EmailMessage, message_from_bytes(mail, policy=policy.default))


def test_a_missed_call_word_for_word() -> None:
    assert compose(ACCOUNT, noted(DELIVERY, event(MISSED))).decode() == (
        "From: line@example.org\n"
        "To: me@example.org\n"
        "Subject: Missed call from Ann (+41791234567), 2024-05-01 12:03:00 +00:00\n"
        "Date: Wed, 01 May 2024 12:03:00 +0000\n"
        "Message-ID: <7.all.me.0-5f3a@homeline>\n"
        "Auto-Submitted: auto-generated\n"
        "X-Homeline-Event: 7\n"
        "X-Homeline-Kind: call\n"
        "X-Homeline-Dongle: stick\n"
        "X-Homeline-From: +41791234567\n"
        "X-Homeline-Time: 2024-05-01T12:03:00+00:00\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "It rang for 1 min 35 s; nobody answered.\n"
        "\n"
        "-- \n"
        "Event: Missed call 7\n"
        "From: Ann (+41791234567)\n"
        "Dongle: stick\n"
        "Time: 2024-05-01 12:03:00 +00:00\n"
        "As the network wrote it: 0791234567\n"
        "Line: home\n"
        "Called number: +41790000001\n"
    )


@pytest.mark.parametrize(
    ("call", "heading", "first", "details"),
    [
        (ANSWERED, "Call from Ann (+41791234567)", "It was answered after 5 s and lasted 1 min 30 s.",
         ["From: Ann (+41791234567)", "Answered by: desk"]),
        (OUT, "Call to +41791234567", "It was answered after 5 s and lasted 1 min 30 s.",
         ["To: +41791234567", "Called from: desk", "Allowed by: swiss"]),
        (replace(OUT, state=CallState.FAILED, answered_at=None, reason="busy"), "Failed call to +41791234567",
         "It was not answered.", ["Reason: busy"]),
        (replace(OUT, state=CallState.REFUSED, answered_at=None, reason="no"), "Refused call to +41791234567",
         "It was not allowed.", ["Reason: no"]),
        (replace(MISSED, peer="", peer_raw="", peer_name=""), "Missed call from a withheld number",
         "It rang for 1 min 35 s; nobody answered.", ["Line: home"]),
        (replace(MESSAGE), "Voicemail from Ann (+41791234567)", "A message of 17 s was left.", [f"Recording: {FILE}"]),
        (replace(MESSAGE, recording=""), "Voicemail from Ann (+41791234567)", "A message was left.", []),
        (replace(MISSED, started_at=AT, ended_at=AT - 5), "Missed call from Ann (+41791234567)",
         "It rang for 0 s; nobody answered.", []),
    ],
)  # fmt: skip
def test_words(call: Call, heading: str, first: str, details: list[str]) -> None:
    assert subject(event(call)) == f"{heading}, 2024-05-01 12:03:00 +00:00"
    lines = body(event(call)).split("\n")
    assert lines[0] == first
    assert set(details) <= set(lines)
    assert not [line for line in lines if line.endswith(": ")]


def test_a_record_that_cannot_be_read_is_shown() -> None:
    text = body(event(replace(MISSED, reason="the record of this call cannot be read"), "1.1 v1,nonsense"))
    assert "1.1 v1,nonsense\n" in text
    assert "Reason: the record of this call cannot be read\n" in text


# -- attachments ----------------------------------------------------------------------------------------------------


def attached(content: bytes, name: str = FILE, text: str = "") -> EmailMessage:
    size = mailtext.ATTACHMENT_CHUNK
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    found = parsed(b"".join(pieces(ACCOUNT, noted(DELIVERY, event(MESSAGE, text)), [Attachment(name, chunks)])))
    assert not found.defects
    return found


@pytest.mark.parametrize(("name", "kind"), [(FILE, "audio/x-wav"), (FILE.replace(".wav", ".gsm"), "audio/x-gsm")])
def test_a_recording_is_attached(name: str, kind: str) -> None:
    mail = attached(b"\0\xff\r\n.\r\n--", name)
    text, sound = mail.iter_parts()
    assert (mail.get_content_type(), text.get_content_type(), sound.get_content_type()) == (
        "multipart/mixed", "text/plain", kind,
    )  # fmt: skip
    assert (sound.get_content_disposition(), sound.get_filename()) == ("attachment", name)
    assert sound.get_payload(decode=True) == b"\0\xff\r\n.\r\n--"
    assert cast(EmailMessage, text).get_content().startswith("A message of 17 s was left.\n")


@given(st.binary(max_size=5000), st.integers(1, 60))
def test_any_content_comes_out_as_it_was(content: bytes, chunk: int) -> None:
    chunks = [content[at : at + 57 * chunk] for at in range(0, len(content), 57 * chunk)]
    mail = parsed(b"".join(pieces(ACCOUNT, noted(DELIVERY, event(MESSAGE)), [Attachment(FILE, chunks)])))
    *_, sound = mail.iter_parts()
    assert sound.get_payload(decode=True) == content


@pytest.mark.parametrize("text", [*HOSTILE.values(), "--=_homeline-5f3a-7\n\nx\n--=_homeline-5f3a-7--\n"])
def test_no_text_ends_a_part(text: str) -> None:
    first, *others = attached(b"sound", text=text).iter_parts()
    assert len(others) == 1
    content = cast(EmailMessage, first).get_content().replace("\r\n", "\n")
    assert text.encode("utf-8", "replace").decode().replace("\r\n", "\n") in content


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_callers_stay_in_their_lines(text: str) -> None:
    call = replace(MESSAGE, peer=text, peer_raw=text, peer_name=text, dialled=text)
    mail = parsed(compose(ACCOUNT, noted(DELIVERY, event(call))))
    assert not mail.defects
    assert mail["To"] == "me@example.org"
    assert "Bcc" not in mail
    assert len(mail["Subject"]) <= LINE_LIMIT
    details = cast(EmailMessage, mail).get_content().replace("\r\n", "\n").rpartition("\n\n-- \n")[2]
    assert [line.partition(":")[0] for line in details.split("\n") if line] == [
        *("Event", "From", "Dongle", "Time", "Line", "Called number", "Recording"),
    ]


# -- the channel ----------------------------------------------------------------------------------------------------


async def delivered(tmp_path: Path, call: Call, *others: Call) -> EmailMessage:
    """The mail that the channel hands to a real mail program."""
    paths = Paths(tmp_path)
    paths.run.mkdir(parents=True)
    async with MailServer() as server:
        command = install_command(paths.commands, server.port)
        account = Email("me", ("me@example.org",), "line@example.org", "localhost", server.port, command=command)
        channel = MailChannel(account, Mailer(account, paths), wording(), lambda: tmp_path / "vm")
        digest = tuple(event(each) for each in (call, *others)) if others else ()
        await channel.deliver(DELIVERY, replace(event(call), digest=digest))
        (mail,) = server.mails
    return cast(EmailMessage, message_from_bytes(mail.content, policy=policy.default))


def recorded(tmp_path: Path) -> Path:
    (tmp_path / "vm").mkdir()
    return Path(shutil.copy(CAPTURES / "voicemail.WAV", tmp_path / "vm" / FILE))


async def test_the_recording_arrives(tmp_path: Path) -> None:
    recorded(tmp_path)
    mail = await delivered(tmp_path, MESSAGE)
    *_, sound = mail.iter_parts()
    assert sound.get_payload(decode=True) == (CAPTURES / "voicemail.WAV").read_bytes()


@pytest.mark.parametrize("fault", ["gone", "link", "too large"])
async def test_a_recording_that_cannot_be_attached_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    path = recorded(tmp_path)
    if fault == "too large":
        monkeypatch.setattr(mailtext, "LARGEST_ATTACHMENT", 2000)
    else:
        path.unlink()
    if fault == "link":
        path.symlink_to(CAPTURES / "voicemail.WAV")
    mail = await delivered(tmp_path, MESSAGE)
    assert not mail.is_multipart()
    text = mail.get_content()
    assert "The recording is not attached. " in text
    assert FILE in text


async def test_a_digest_has_all_recordings_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = recorded(tmp_path)
    size = first.stat().st_size
    names = [FILE, FILE.replace("c1", "c2"), FILE.replace("c1", "c3"), FILE.replace("c1", "c4")]
    shutil.copy(first, tmp_path / "vm" / names[2])
    shutil.copy(first, tmp_path / "vm" / names[3])
    monkeypatch.setattr(mailtext, "LARGEST_ATTACHMENT", 2 * size)
    calls = [replace(MESSAGE, recording=name) for name in names]
    mail = await delivered(tmp_path, MISSED, *calls)
    text, *sounds = mail.iter_parts()
    assert [sound.get_filename() for sound in sounds] == [names[0], names[2]]
    assert {sound.get_payload(decode=True) for sound in sounds} == {first.read_bytes()}
    said = cast(EmailMessage, text).get_content()
    assert f"The recording is not attached. {names[1]}: " in said
    assert f"{names[3]}: It has {size // 1000} kB, too many for a mail." in said


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    recorded(tmp_path)
    await delivered(tmp_path, MESSAGE)
    before = len(list(Path("/proc/self/fd").iterdir()))
    (tmp_path / "again").mkdir()
    recorded(tmp_path / "again")
    await delivered(tmp_path / "again", MESSAGE)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_recordings_name_is_the_adapters() -> None:
    assert recordings.is_kept_name(FILE)
