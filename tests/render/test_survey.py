"""The owner's files, read from a folder: their sections, what the audit says, and what is not ours to read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from homeline.config import Config, Dongle
from homeline.config_calls import Sip
from homeline.model import Driver
from homeline.render import survey
from homeline.telephony import Facts

RECIPE = Path(__file__).parents[1] / "asterisk_recipe"
CONFIG = Config(sip=Sip(enabled=True), dongles=(Dongle("stick", driver=Driver.CHAN_DONGLE, imei="356938035643809"),))


def test_the_recipe_closes_calls_out(tmp_path: Path) -> None:
    shutil.copytree(RECIPE, tmp_path, dirs_exist_ok=True)
    facts, written, problems = survey.surveyed(tmp_path, CONFIG, Facts())
    assert set(written.files) == {path.name for path in RECIPE.glob("*.conf")}
    assert facts.closed.startswith("/etc/asterisk/extensions.conf line ")
    assert any("strangers get in" in problem.text for problem in problems)
    assert facts.sections["pjsip.conf"][:2] == ("global", "transport-udp")
    assert facts.sections["manager.conf"] == ("general", "admin")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[mine]\ntype=global\n", ("mine", "type=global")),
        ("[t](!)\ntype=global\n", ()),
        ("[6001]\ntype=aor\n[6001]\ntype=auth\n", ("6001",)),
        ("[broken\n", None),
    ],
)
def test_sections_that_are_there_before_ours(tmp_path: Path, text: str, names: tuple[str, ...] | None) -> None:
    (tmp_path / "pjsip.conf").write_text(text)
    facts, _, problems = survey.surveyed(tmp_path, CONFIG, Facts())
    assert facts.sections.get("pjsip.conf") == names
    assert bool(problems) == (names is None)
    assert facts.closed == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[modules]\nautoload=yes\n", ("modules", "autoload=yes")),
        ("[modules]\nautoload = 1\nautoload = no\n", ("modules", "autoload=yes")),  # the first counts
        ("[modules]\nload = chan_pjsip.so\nautoload = no\n", ("modules",)),
        ("[modules]\n", ("modules",)),
        ("", ()),
    ],
)
def test_whether_all_modules_are_loaded(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    (tmp_path / "modules.conf").write_text(text)
    assert survey.surveyed(tmp_path, CONFIG, Facts())[0].sections["modules.conf"] == names


def test_only_the_owners_files_of_asterisk_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "asterisk"
    (folder / "homeline").mkdir(parents=True)
    (folder / "more").mkdir()
    (tmp_path / "secret.conf").write_text("[x]\n")
    for name in ("homeline/pjsip.conf", "more/a.conf", "extensions.ael", "astdb.sqlite3"):
        (folder / name).write_text("\n")
    (folder / "elsewhere.conf").symlink_to(tmp_path / "secret.conf")
    assert sorted(survey.read(folder).files) == ["extensions.ael", "more/a.conf"]
    assert survey.read(tmp_path / "nowhere").files == {}


def test_a_file_too_long_to_look_at_is_said_and_closes(tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(";" * (survey.MAX_SIZE + 1))
    facts, written, problems = survey.surveyed(tmp_path, CONFIG, Facts())
    assert set(written.unread) == {"pjsip.conf"}
    assert "nobody looked" in problems[0].text
    assert "pjsip.conf" in facts.closed
