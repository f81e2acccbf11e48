"""One way from the configuration to Asterisk: what cannot be done is said, and what was there before stays."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.adapters import asterisk_files
from homeline.adapters.render_process import NoRenderer, Question, Reply
from homeline.adapters.resolve import Resolver
from homeline.config import Config
from homeline.errors import RenderError
from homeline.paths import Paths
from homeline.service import telephony_apply, telephony_round
from homeline.service.asterisk_view import AsteriskView
from homeline.service.telephony_apply import Applier, Outcome
from homeline.service.telephony_names import Names
from homeline.service.telephony_round import ABSENT, CONFIGURATION, FILES_KEY, INCLUDES, VERSION, Rounds
from service.telephony_kit import Pbx, pbx, rendered

BASE = {"manager.conf": "", "pjsip.conf": "endpoint desk\n"}
MORE = BASE | {"pjsip.conf": "endpoint desk\nendpoint mobile\n"}


class Round:
    """Rounds below a root, with a renderer that says what `reply` is."""

    def __init__(self, root: Path, found: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pbx, self.paths = found, Paths(root)
        for folder in (self.paths.config, self.paths.rendered, root / "usr/lib/asterisk/modules"):
            folder.mkdir(parents=True)
        (self.paths.config / "homeline").write_text("config homeline 'main'\n")
        self.reply: Reply | RenderError = Reply(rendered(BASE))
        self.asked: list[Question] = []
        self.said: dict[str, tuple[str, str]] = {}
        self.announced = 0
        view = AsteriskView(found.ami, Config)
        names = Names(root / "names.json", Resolver(), lambda: None, self.say)
        found.folder = self.paths.rendered
        applier = Applier(found.ami, found.shown, found.folder, found.logs, found.record)
        self.rounds = Rounds(self.paths, found.ami, view, names, applier, self._announce, self.say)
        monkeypatch.setattr(telephony_round, "render", self._render)
        monkeypatch.setattr(telephony_apply, "LOOK_PAUSE", 0.001)

    async def _render(self, question: Question) -> Reply:
        self.asked.append(question)
        if isinstance(self.reply, RenderError):
            raise self.reply
        return self.reply

    async def _announce(self) -> None:
        self.announced += 1

    def say(self, key: str, text: str, advice: str) -> None:
        self.said[key] = (text, advice)

    def problem(self, key: str) -> str:
        return self.said.get(key, ("", ""))[0]

    async def go(self, files: dict[str, str], *, force: bool = False) -> Outcome:
        self.reply = Reply(rendered(files))
        return (await self.rounds.go(force=force)).outcome


@pytest.fixture
async def round_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Round]:
    """BASE is in force."""
    async with pbx(tmp_path) as found:
        made = Round(tmp_path, found, monkeypatch)
        assert await made.go(BASE) is Outcome.WAITING
        await found.connect()
        found.start()
        assert (await made.rounds.look()).outcome is Outcome.APPLIED
        yield made


async def test_what_cannot_be_rendered_changes_nothing(round_: Round) -> None:
    round_.reply = RenderError("phone.desk.display: has a line break")
    assert (await round_.rounds.go()).outcome is Outcome.REFUSED
    assert round_.said[CONFIGURATION] == (
        "It cannot be made: phone.desk.display: has a line break.",
        "The configuration before stays in force.",
    )
    assert asterisk_files.present(round_.paths.rendered) == BASE
    assert (await round_.rounds.look()).outcome is Outcome.REFUSED  # what is in force is still not what is wanted
    assert await round_.go(MORE) is Outcome.APPLIED
    assert round_.problem(CONFIGURATION) == ""


async def test_without_jinja_it_is_said_what_to_install(round_: Round) -> None:
    round_.reply = NoRenderer("Python's module jinja2 is not installed")
    await round_.rounds.go()
    assert "python3-jinja2" in round_.said[CONFIGURATION][1]


async def test_a_configuration_that_cannot_be_read_is_said(round_: Round) -> None:
    (round_.paths.config / "homeline").unlink()
    assert (await round_.rounds.go()).outcome is Outcome.REFUSED
    assert "the configuration cannot be read: No such file" in round_.problem(CONFIGURATION)


async def test_files_that_cannot_be_written_are_said(round_: Round) -> None:
    shutil.rmtree(round_.paths.rendered)
    assert await round_.go(MORE) is Outcome.REFUSED
    text, advice = round_.said[FILES_KEY]
    assert text.startswith("Asterisk's files cannot be written: No such file or directory.")
    assert "/etc/init.d/homeline reload" in advice
    round_.paths.rendered.mkdir()
    await round_.go(BASE)
    assert round_.problem(FILES_KEY) == ""


async def test_what_was_not_taken_is_left_alone_until_something_is_new(round_: Round) -> None:
    round_.pbx.broken = {"pjsip.conf"}
    assert await round_.go(MORE) is Outcome.ROLLED_BACK
    assert "Asterisk does not take it: endpoint missing: mobile." in round_.problem(CONFIGURATION)
    reloads = len(round_.pbx.reloaded)
    assert await round_.go(MORE) is Outcome.ROLLED_BACK
    assert (await round_.rounds.look()).outcome is Outcome.ROLLED_BACK
    assert len(round_.pbx.reloaded) == reloads
    assert "mobile" in round_.problem(CONFIGURATION)
    round_.pbx.broken = set()
    assert await round_.go(MORE, force=True) is Outcome.APPLIED
    assert round_.problem(CONFIGURATION) == ""


async def test_another_asterisk_gets_another_try(round_: Round) -> None:
    round_.pbx.broken = {"pjsip.conf"}
    assert await round_.go(MORE) is Outcome.ROLLED_BACK
    assert not round_.rounds.again
    round_.pbx.broken = set()
    round_.pbx.ami.version = "22.10.1"
    assert round_.rounds.again
    assert await round_.go(MORE) is Outcome.APPLIED


async def test_files_with_which_asterisk_does_not_start_are_given_up(round_: Round) -> None:
    await round_.pbx.fake.stop()
    while round_.pbx.ami.connected:
        await asyncio.sleep(0)
    assert await round_.go(MORE) is Outcome.WAITING
    assert (await round_.rounds.give_up()).outcome is Outcome.ROLLED_BACK
    assert asterisk_files.present(round_.paths.rendered) == BASE
    assert "Asterisk does not start with it" in round_.problem(CONFIGURATION)
    assert await round_.go(MORE) is Outcome.ROLLED_BACK  # not again before something is new
    assert asterisk_files.present(round_.paths.rendered) == BASE


async def test_problems_come_and_go_with_their_cause(round_: Round) -> None:
    problem, finding = ("trunk.peer", "has no address", "wait"), ("/etc/asterisk/pjsip.conf line 3", "strangers", "x")
    base = rendered(BASE)
    reply = type(base)(base.files, base.objects, base.restart, problems=(problem,))
    round_.reply = Reply(reply, (finding,))
    await round_.rounds.go()
    assert round_.said["trunk.peer"] == problem[1:]
    assert round_.said[finding[0]] == finding[1:]
    await round_.go(BASE)
    assert round_.problem("trunk.peer") == round_.problem(finding[0]) == ""


async def test_files_that_nobody_includes_are_root_s_helpers(round_: Round) -> None:
    round_.reply = Reply(rendered(BASE), unincluded=("pjsip.conf",))
    await round_.rounds.go()
    assert round_.announced == 1
    assert round_.problem(INCLUDES) == "Asterisk's own files do not include ours: pjsip.conf."
    await round_.go(BASE)
    assert (round_.announced, round_.problem(INCLUDES)) == (1, "")


async def test_the_secret_is_made_once_and_read_back(round_: Round) -> None:
    await round_.rounds.go()
    made = round_.asked[-1].facts.ami_secret
    assert len(made) == 48
    await round_.rounds.go()
    assert round_.asked[-1].facts.ami_secret == made  # not written yet, and the same
    (round_.paths.rendered / "manager.conf").write_text("[homeline]\nsecret = abcdef0123\n")
    await round_.rounds.go()
    assert round_.asked[-1].facts.ami_secret == "abcdef0123"


async def test_facts_are_those_of_this_router(round_: Round) -> None:
    (round_.paths.inside("/usr/lib/asterisk/modules") / "res_srtp.so").touch()
    await round_.rounds.go()
    question = round_.asked[-1]
    assert question.facts.version == (20, 8, 1)
    assert question.facts.modules == ("res_srtp",)
    assert question.owner == str(round_.paths.asterisk)
    assert (question.main, question.secrets) == ("config homeline 'main'\n", "")


@pytest.mark.parametrize(("version", "old"), [("16.30.0", True), ("18.0.0", False), ("22.10.1+dfsg", False)])
async def test_an_asterisk_that_is_too_old_is_said(round_: Round, version: str, old: bool) -> None:
    round_.pbx.ami.version = version
    await round_.go(BASE)
    assert bool(round_.problem(VERSION)) == old


async def test_without_asterisk_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pbx(tmp_path) as found:
        made = Round(tmp_path, found, monkeypatch)
        shutil.rmtree(tmp_path / "usr")
        base = rendered(BASE)
        made.reply = Reply(type(base)(base.files, base.objects, base.restart, needed=("res_pjsip", "res_srtp")))
        assert (await made.rounds.go()).outcome is Outcome.WAITING
        text, advice = made.said[ABSENT]
        assert text == "Asterisk is not installed, so there are no calls."
        assert "asterisk asterisk-pjsip asterisk-res-srtp" in advice
        assert asterisk_files.present(made.paths.rendered) == {}
        (tmp_path / "usr/sbin").mkdir(parents=True)
        (tmp_path / "usr/sbin/asterisk").touch()
        await made.rounds.go()
        assert made.problem(ABSENT) == ""


async def test_all_can_be_taken_back(round_: Round) -> None:
    round_.reply = Reply(rendered(BASE), (("x", "y", "z"),), unincluded=("pjsip.conf",))
    await round_.rounds.go()
    round_.reply = RenderError("no")
    await round_.rounds.go()
    round_.rounds.silence()
    assert [text for text, _ in round_.said.values() if text] == []
