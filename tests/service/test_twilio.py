"""The account at Twilio, asked about by a process, with what comes of it in UCI: by root's real helper."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

import twilio_kit
from homeline import config
from homeline.adapters.resolve import Resolver
from homeline.adapters.twilio_process import Answer, TwilioProcess
from homeline.config import Config
from homeline.errors import HomelineError
from homeline.protocol import blobmsg
from homeline.service.committing import Committer
from homeline.service.reloading import Reloader
from homeline.service.twilio import TwilioSetup
from homeline.twilio.shapes import Question, What
from hostile import HOSTILE
from service.kit import Service

HELPER = Path(__file__).parents[2] / "files/usr/libexec/homeline/root-helper"
MAIN = """config homeline 'main'
	option enabled '1'

config sip 'sip'
	option enabled '1'
	option external_address '198.51.100.7'

config twilio 'twilio'
	option account_sid 'AC00112233445566778899aabbccddeeff'

config trunk 'cloud'
	option type 'twilio'

config phone 'anna'
	option where 'twilio'
"""
PASSWORD = "Ab3" * 8
RESULTS: dict[str, Any] = {
    "made": ["sip_domain=SD1", "password:CR1=00ff"],
    "options": {"cloud": {"mode": "registered", "host": "home.sip.twilio.com", "username": "router"}},
    "secrets": {"cloud": {"password": PASSWORD}, "anna": {"password": PASSWORD[::-1]}},
}
STEP = {
    "action": "create",
    "kind": "sip_domain",
    "name": "home",
    "sid": "",
    "changes": {"secure": ["", "true"]},
    "why": "",
}


class Process(TwilioProcess):
    """Answers with what it is told, and keeps what it was asked."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        super().__init__()
        self.answers, self.asked = list(answers), list[Question]()

    async def ask(self, question: Question, timeout: float = 0) -> Answer:
        self.asked.append(question)
        await asyncio.sleep(0)
        return {"steps": [STEP], "advice": ["do"], "results": RESULTS, **self.answers.pop(0)}


class Router:
    """Root's helper, run as procd runs it, and a daemon that takes what it copied."""

    def __init__(self, service: Service) -> None:
        self.service, self.works, root = service, True, service.paths.root
        for folder in (service.paths.etc_config, service.paths.run, root / "bin"):
            folder.mkdir(parents=True)
        (service.paths.etc_config / "homeline").write_text(MAIN)
        (service.paths.etc_config / "homeline_secret").write_text("")
        script = root / "bin/uci"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m homeline_lab uci "$@"\n')
        script.chmod(0o755)

    async def until(self, holds: Callable[[Config], bool], _timeout: float) -> bool:
        if self.works:
            root = self.service.paths.root
            environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}
            command = ["sh", str(HELPER), str(root), str(os.getgid())]
            child = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
            _, self.errors = await child.communicate()
            self.service.context.config = config.load(self.service.paths.config)
        return holds(self.service.context.config)

    def setup(self, *answers: Mapping[str, Any], resolver: Resolver | None = None) -> tuple[TwilioSetup, Process]:
        process = Process(*answers)
        committer = Committer(self.service.paths, cast(Reloader, self))
        return TwilioSetup(self.service.context, self.service.paths, committer, process, resolver), process


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    async with Service(tmp_path) as service:
        router = Router(service)
        await router.until(lambda _: True, 0)
        yield router


async def test_what_was_made_is_kept(router: Router) -> None:
    setup, process = router.setup({})
    reply = await setup.run(What.APPLY, account_wide=True)
    changed = {**STEP, "changes": [{"field": "secure", "old": "", "new": "true"}]}
    assert reply == {"steps": [changed], "more": False, "advice": ["do"], "kept": True}
    now = router.service.context.config
    assert (now.trunks[0].host, now.trunks[0].password) == ("home.sip.twilio.com", PASSWORD)
    assert now.twilio.made == ("sip_domain=SD1", "password:CR1=00ff")
    assert now.phones[0].password == PASSWORD[::-1]
    assert PASSWORD not in json.dumps(reply)
    (question,) = process.asked
    assert (question.main, question.account_wide, question.public_address) == (MAIN, True, "198.51.100.7")


OLD = {"made": ["before:PN1.voice_url=aHR0cHM6Ly9h"], "options": {}, "secrets": {}}


async def test_what_is_to_be_overwritten_is_in_uci_before(router: Router) -> None:
    setup, process = router.setup({"again": True, "results": OLD, "steps": []}, {})
    reply = await setup.run(What.APPLY)
    assert (len(reply["steps"]), reply["kept"]) == (1, True)
    first, second = process.asked
    assert "before:PN1" not in first.main and "before:PN1.voice_url=aHR0cHM6Ly9h" in second.main


async def test_without_root_s_helper_nothing_is_overwritten(router: Router) -> None:
    setup, process = router.setup({"again": True, "results": OLD, "steps": []}, {})
    router.works = False
    with pytest.raises(HomelineError, match="Nothing was changed at Twilio"):
        await setup.run(What.APPLY)
    assert len(process.asked) == 1


async def test_what_changes_all_the_time_is_left_alone(router: Router) -> None:
    more = {**OLD, "made": [*OLD["made"], "dialing:CH=100"]}
    setup, _ = router.setup({"again": True, "results": OLD}, {"again": True, "results": more})
    with pytest.raises(HomelineError, match="nothing was done"):
        await setup.run(What.DESTROY)


async def test_after_a_failure_what_there_is_is_kept(router: Router) -> None:
    error = {"text": "Twilio says no", "code": 20429, "step": "SIP domain"}
    part = {"made": ["sip_domain=SD1"], "options": {}, "secrets": {}}
    setup, _ = router.setup({"error": error, "results": part}, {}, {"results": {**RESULTS, "made": []}})
    reply = await setup.run(What.APPLY)
    assert (reply["error"], reply["kept"]) == (error, True)
    assert router.service.context.config.twilio.made == ("sip_domain=SD1",)
    assert (await setup.run(What.APPLY))["kept"]
    assert (await setup.run(What.DESTROY))["kept"]
    assert router.service.context.config.twilio.made == ()


@pytest.mark.parametrize("what", [What.PLAN, What.STATUS])
async def test_looking_keeps_nothing(router: Router, what: What) -> None:
    setup, _ = router.setup({})
    assert "kept" not in await setup.run(what)
    assert (router.service.paths.etc_config / "homeline").read_text() == MAIN


async def test_nothing_new_needs_no_helper(router: Router) -> None:
    setup, _ = router.setup({"results": {"made": [], "options": {}, "secrets": {}}})
    router.works = False
    assert (await setup.run(What.APPLY))["kept"]


async def test_a_helper_that_does_nothing(router: Router) -> None:
    setup, _ = router.setup({})
    router.works = False
    reply = await setup.run(What.APPLY)
    assert reply["kept"] is False
    assert "root's helper" in reply["problem"]
    assert PASSWORD not in json.dumps(reply)
    assert list(router.service.paths.run.iterdir()) == [router.service.paths.config]


@pytest.mark.parametrize(
    ("results", "where"),
    [
        ({"made": ["odd"]}, "twilio.made"),
        ({"options": {"cloud": {"host": "sip.example.org"}}}, "cloud.host"),
        ({"options": {"main": {"enabled": "0"}}}, "main.enabled"),
        ({"options": {"nobody": {"host": "home.sip.twilio.com"}}}, "nobody.host"),
        ({"secrets": {"anna": {"password": "short"}}}, "anna.password"),
        ({"made": ["a=1\nphone anna password x"]}, "cannot be kept"),
        ({"made": ["a=é"]}, "cannot be kept"),
    ],
)
async def test_what_the_helper_refuses_is_said(router: Router, results: dict[str, Any], where: str) -> None:
    setup, _ = router.setup({"results": {**RESULTS, **results}})
    reply = await setup.run(What.APPLY)
    assert (reply["kept"], where in reply["problem"]) == (False, True)
    assert "sip.example.org" not in (router.service.paths.etc_config / "homeline").read_text()


@pytest.mark.parametrize("text", HOSTILE.values())
async def test_what_strangers_say_is_text(router: Router, text: str) -> None:
    step = {**STEP, "name": text, "why": text, "changes": {text: [text, text]}}
    error = {"text": text, "code": 1, "step": text}
    setup, _ = router.setup({"steps": [step], "advice": [text], "error": error})
    reply = await setup.run(What.PLAN)
    assert reply["steps"][0]["name"].isprintable()
    blobmsg.encode(reply)


async def test_many_steps_fit_into_a_reply(router: Router) -> None:
    setup, _ = router.setup({"steps": [{**STEP, "why": "x" * 500}] * 1000})
    reply = await setup.run(What.PLAN)
    assert reply["more"]
    assert len(blobmsg.encode(reply)) < 300_000


async def test_one_question_at_a_time(router: Router) -> None:
    setup, process = router.setup({}, {})
    await asyncio.gather(setup.run(What.APPLY), setup.run(What.STATUS))
    assert "sip.twilio.com" in process.asked[1].main  # what the first one made


async def test_an_address_that_is_not_found_stops_a_plan(router: Router) -> None:
    """Else it would be the plan of a router that cannot be reached."""
    named = MAIN.replace("198.51.100.7", "home.example")
    (router.service.paths.etc_config / "homeline").write_text(named)
    await router.until(lambda _: True, 0)

    def lookup(_host: str) -> tuple[str, ...]:
        if found:
            return found
        raise OSError("no such name")

    found: tuple[str, ...] = ()
    setup, process = router.setup({}, {}, resolver=Resolver(lookup))
    with pytest.raises(HomelineError, match=r"home\.example"):
        await setup.run(What.PLAN)
    await setup.run(What.DESTROY)
    found = ("192.0.2.9", "2001:db8::9")
    await setup.run(What.PLAN)
    assert [question.public_address for question in process.asked] == ["", "192.0.2.9"]


async def test_without_a_configuration(router: Router) -> None:
    (router.service.paths.config / "homeline").unlink()
    setup, _ = router.setup()
    with pytest.raises(HomelineError, match="cannot be read"):
        await setup.run(What.PLAN)


async def test_the_whole_way_with_the_real_process(router: Router) -> None:
    """Bus to process to Twilio's double, and back into UCI by root's helper: the next plan is empty."""
    paths = router.service.paths
    (paths.etc_config / "homeline").write_text(twilio_kit.MAIN)
    (paths.etc_config / "homeline_secret").write_text(twilio_kit.SECRETS)
    await router.until(lambda _: True, 0)
    committer = Committer(paths, cast(Reloader, router))
    for account in twilio_kit.rig():
        setup = TwilioSetup(router.service.context, paths, committer, base=account.server.url)
        planned = await setup.run(What.PLAN)
        assert not account.twilio.resources
        applied = await setup.run(What.APPLY)
        assert (applied.get("error"), applied["kept"], router.errors) == (None, True, b"")
        assert len(applied["steps"]) == len(planned["steps"])
        now = router.service.context.config
        assert now.problems == ()
        assert (now.trunks[0].host, now.trunks[0].username) == (f"{twilio_kit.DOMAIN}.sip.twilio.com", "router")
        assert all(phone.password for phone in now.phones)
        assert now.twilio.made
        again = await setup.run(What.PLAN)
        assert {step["action"] for step in again["steps"]} <= {"keep", "report"}
        assert (await setup.run(What.DESTROY))["kept"]
        assert router.service.context.config.twilio.made == ()
        assert not account.twilio.resources
        assert not account.server.wrong
