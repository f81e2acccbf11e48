"""What is built, kept, replaced, started and ended when the configuration changes."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from homeline.config import Email
from homeline.config_automatic import Mailbox
from homeline.config_channels import Command, Sms, Webhook
from homeline.errors import ConfigError
from homeline.service.accounts import Accounts
from homeline.service.channels import Made, World
from service.kit import CONFIG, Service

MAIL = Email("mail", to=("a@example.org",), sender="b@example.org", host="mail.example.org", port=25, tls="none")


class Recorder(Made):
    """A channel that works by itself, and writes down when it begins and ends."""

    concurrency = 1
    timeout = 1.0
    begun: list[str]
    changed: asyncio.Event

    def __init__(self, account: Any, _world: World) -> None:
        self.account = account
        if getattr(account, "timeout", 30) == 7:
            raise ConfigError(account.name, "timeout", "7", "is unlucky")

    async def run(self) -> None:
        self.begun.append(f"+{self.account.name} {getattr(self.account, 'timeout', '')}".strip())
        self.changed.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.begun.append(f"-{self.account.name}")
            self.changed.set()


async def until(count: int) -> list[str]:
    async with asyncio.timeout(5):
        while len(Recorder.begun) < count:
            Recorder.changed.clear()
            await Recorder.changed.wait()
    return Recorder.begun


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    Recorder.begun, Recorder.changed = [], asyncio.Event()
    for name in ("command", "mailbox"):
        module = ModuleType(name)
        module.build = Recorder  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"homeline.service.channels.{name}", module)
    async with Service(tmp_path) as made:
        made.paths.run.mkdir(parents=True)
        yield made


async def test_only_what_changed_is_replaced(service: Service) -> None:
    accounts = Accounts(service.world())
    config = replace(CONFIG, emails=(MAIL,), accounts=(Command("one", "x"), Command("two", "x")))
    service.context.config = config
    before = accounts.apply()
    assert list(before) == ["mail", "one", "two"]
    await until(2)
    service.context.config = replace(config, accounts=(Command("one", "x"), Command("two", "x", timeout=9)))
    after = accounts.apply()
    assert after["mail"] is before["mail"]
    assert after["one"] is before["one"]
    assert after["two"] is not before["two"]
    assert await until(4) == ["+one 30", "+two 30", "-two", "+two 9"]
    service.context.config = CONFIG
    assert accounts.apply() == {}
    assert sorted((await until(6))[4:]) == ["-one", "-two"]
    await accounts.close()


async def test_the_new_one_begins_when_the_old_one_has_ended(service: Service) -> None:
    accounts = Accounts(service.world())
    for timeout in (1, 2, 3):
        service.context.config = replace(CONFIG, accounts=(Command("one", "x", timeout=timeout),))
        accounts.apply()
        await until(2 * timeout - 1)
    assert Recorder.begun == ["+one 1", "-one", "+one 2", "-one", "+one 3"]
    await accounts.close()
    assert Recorder.begun[-1] == "-one"


async def test_what_is_no_channel_works_beside_them(service: Service) -> None:
    accounts = Accounts(service.world())
    service.context.config = replace(CONFIG, mailboxes=(Mailbox("box"), Mailbox("off", enabled=False)))
    assert accounts.apply() == {}
    assert await until(1) == ["+box"]
    await accounts.close()


async def test_what_cannot_be_is_said_until_it_can(service: Service) -> None:
    accounts = Accounts(service.world())
    service.context.config = replace(CONFIG, accounts=(Command("one", "x", timeout=7),))
    assert accounts.apply() == {}
    (problem,) = service.said.all()
    assert problem.where == "command one"
    assert "is unlucky" in problem.text
    service.context.config = replace(CONFIG, accounts=(Command("one", "x", timeout=8),))
    assert list(accounts.apply()) == ["one"]
    assert service.said.all() == []
    await until(1)
    service.context.config = replace(CONFIG, accounts=(Command("one", "x", timeout=7),))
    assert accounts.apply() == {}
    assert await until(2) == ["+one 8", "-one"]
    service.context.config = CONFIG
    accounts.apply()
    assert service.said.all() == []
    await accounts.close()


@pytest.mark.parametrize(
    ("section", "package"), [(Webhook("hook", "http://h"), "homeline-channels"), (Sms("other"), "homeline")]
)
async def test_a_package_that_is_not_installed(
    section: Any, package: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(section).__name__.lower()
    monkeypatch.setitem(sys.modules, f"homeline.service.channels.{kind}", None)
    accounts = Accounts(service.world())
    service.context.config = replace(CONFIG, accounts=(section,))
    assert accounts.apply() == {}
    (problem,) = service.said.all()
    assert problem.advice == f"Install the package {package}."
    await accounts.close()
