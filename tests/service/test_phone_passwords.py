"""A phone's new password: asked of root's helper by a file that only we can read, and shown only when it counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from homeline.config import Config
from homeline.config_calls import Phone
from homeline.errors import NotFound, NotSupported, PermissionDenied, TimedOut
from homeline.paths import Paths
from homeline.service import committing
from homeline.service.committing import Committer
from homeline.service.phone_passwords import PhonePasswords
from homeline.service.reloading import Reloader
from hostile import HOSTILE
from service.kit import CONFIG

MAIN = """config homeline 'main'
config phone 'desk'
config phone 'away'
	option where 'twilio'
config trunk 'peer'
	option host 'sip.example.org'
"""


class Helper:
    """Stands for reloader and root's helper: commits what is asked for, if it does anything."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.works, self.config = paths, True, CONFIG
        self.requests: list[str] = []

    async def until(self, holds: Callable[[Config], bool], timeout: float) -> bool:
        request = self.paths.secrets_request
        assert request.stat().st_mode & 0o777 == 0o600
        self.requests.append(request.read_text())
        await asyncio.sleep(0)
        if self.works:
            _, name, _, word = request.read_text().split()
            request.unlink()
            self.config = replace(CONFIG, phones=(Phone(name, password=word),))
        return holds(self.config)


@asynccontextmanager
async def asking(root: Path) -> AsyncIterator[tuple[PhonePasswords, Helper]]:
    paths = Paths(root)
    paths.config.mkdir(parents=True)
    (paths.config / "homeline").write_text(MAIN)
    helper = Helper(paths)
    yield PhonePasswords(paths, Committer(paths, cast(Reloader, helper))), helper
    assert [path.name for path in paths.run.iterdir()] == ["uci"]


async def test_a_password_is_shown_when_it_is_in_force(tmp_path: Path) -> None:
    async with asking(tmp_path) as (passwords, helper):
        replies = await asyncio.gather(passwords.renew("desk"), passwords.renew("desk"))
        words = [reply["password"] for reply in replies]
        assert len(set(words)) == 2
        assert helper.requests == [f"phone desk password {word}\n" for word in words]
        assert replies[0] == {"phone": "desk", "username": "desk", "password": words[0]}


async def test_a_helper_that_does_nothing(tmp_path: Path) -> None:
    async with asking(tmp_path) as (passwords, helper):
        helper.works = False
        with pytest.raises(TimedOut) as failed:
            await passwords.renew("desk")
        assert helper.requests[0].split()[-1] not in str(failed.value)


@pytest.mark.parametrize("phone", ["", "nobody", "peer", "main", "../desk", *HOSTILE.values()])
async def test_phones_that_are_none(tmp_path: Path, phone: str) -> None:
    async with asking(tmp_path) as (passwords, helper):
        with pytest.raises(NotFound):
            await passwords.renew(phone)
        assert helper.requests == []


async def test_a_phone_elsewhere(tmp_path: Path) -> None:
    async with asking(tmp_path) as (passwords, _):
        with pytest.raises(NotSupported):
            await passwords.renew("away")


async def test_a_wish_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(committing, "_write", refuse)
    async with asking(tmp_path) as (passwords, _):
        with pytest.raises(PermissionDenied, match="commit-secrets"):
            await passwords.renew("desk")


async def test_no_link_is_written_through(tmp_path: Path) -> None:
    async with asking(tmp_path) as (passwords, helper):
        target = tmp_path / "target"
        target.write_text("mine")
        for name in ("commit-secrets", "commit-secrets.new"):
            (helper.paths.run / name).symlink_to(target)
        await passwords.renew("desk")
        assert target.read_text() == "mine"


async def test_without_a_configuration(tmp_path: Path) -> None:
    async with asking(tmp_path) as (passwords, helper):
        (helper.paths.config / "homeline").write_text("config 'broken\n")
        with pytest.raises(NotFound):
            await passwords.renew("desk")
