"""The reading process and a maildir: what is found in it, what is marked, and what is no mail."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters import mailbox_process
from homeline.adapters.mailbox_process import Found, MailboxError
from hostile import HOSTILE
from mailbox_mails import ADDRESS, KEY, TOKEN, mail


async def ask(path: Path, **options: Any) -> Found:
    question = {
        "mailbox": "me",
        "type": "maildir",
        "address": ADDRESS,
        "senders": ["me@example.org"],
        "key": KEY.hex(),
        "path": str(path),
        **options,
    }
    return await mailbox_process.ask(question, 30)


@pytest.fixture
def folder(tmp_path: Path) -> mailbox.Maildir:
    return mailbox.Maildir(tmp_path / "mails", create=True)


def path_of(folder: mailbox.Maildir) -> Path:
    return Path(folder._path)  # type: ignore[attr-defined]


async def test_what_is_new_is_found_until_it_is_marked(folder: mailbox.Maildir) -> None:
    folder.add(b"Subject: none of our business\n\nx")
    name = folder.add(mail("Yes"))
    moved = folder.add(mail("And bread", 2))
    message = folder[moved]
    message.set_subdir("cur")
    message.set_flags("F")
    folder[moved] = message
    found = await ask(path_of(folder))
    assert {each.id: each.text for each in found.mails} == {name: "Yes", moved: "And bread"}
    assert (await ask(path_of(folder))).mails == found.mails
    assert await ask(path_of(folder), mark=[name, moved, "../x", "nothing"]) == Found()
    assert (await ask(path_of(folder))).mails == ()
    assert (folder[name].get_subdir(), folder[name].get_flags()) == ("cur", "S")
    assert folder[moved].get_flags() == "FS"
    assert len(list((path_of(folder) / "new").iterdir())) == 1


async def test_what_is_no_mail_is_left(folder: mailbox.Maildir, tmp_path: Path) -> None:
    new = path_of(folder) / "new"
    (tmp_path / "secret").write_bytes(mail("From outside"))
    (new / "link").symlink_to(tmp_path / "secret")
    (new / "folder").mkdir()
    os.mkfifo(new / "fifo")
    (new / ".hidden").write_bytes(mail())
    (new / "empty").touch()
    (new / "octets").write_bytes(bytes(range(256)) * 100)
    (new / "-rf * ; $(reboot)").write_bytes(mail("Yes"))
    found = await ask(path_of(folder))
    assert [(each.id, each.text) for each in found.mails] == [("-rf * ; $(reboot)", "Yes")]
    await ask(path_of(folder), mark=["-rf * ; $(reboot)"])
    assert (path_of(folder) / "cur/-rf * ; $(reboot):2,S").exists()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_texts(folder: mailbox.Maildir, text: str) -> None:
    folder.add(mail(text))
    (found,) = (await ask(path_of(folder))).mails
    assert (found.token, found.trouble) == (TOKEN, "")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("x")])
async def test_a_folder_that_is_none(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "mails")
    with pytest.raises(MailboxError, match="cannot be read") as caught:
        await ask(tmp_path / "mails")
    assert caught.value.owners


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written(folder: mailbox.Maildir) -> None:
    name = folder.add(mail())
    (path_of(folder) / "cur").chmod(0o555)
    with pytest.raises(MailboxError, match="cannot be marked"):
        await ask(path_of(folder), mark=[name])
