"""Another reader of Asterisk's files finds nothing in ours but what it does not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asterisklint import FileConfigParser, FileDialplanParser
from asterisklint.defines import MessageDefManager

from homeline.render import render
from render.kit import CASES

# What it says of a dial plan that is right: its tables end with Asterisk 11 or so, and it knows no substring whose
# start is a variable, no parentheses that are text, and no file that is included by another.
BLANKS = r"W_WSH_VARSET: "  # with a blank behind the equals sign a value may begin with >
UNKNOWING = (
    BLANKS,
    r"E_FUNC_MISSING: function '(DB_KEYCOUNT|JITTERBUFFER|LOCK|UNLOCK|PJSIP_HEADERS|PJSIP_DIAL_CONTACTS)'",
    r"E_APP_MISSING: app 'MSet'",
    r"E_VAR_SUBSTR_START: bad substring start value 'None'",
    r"W_FUNC_BALANCE: function data '\(+\$\{HL_TEXT:0:\d+\}'",
    r"W_APP_BAD_CASE: app 'Playtones'",
    r"E_APP_MISSING: app 'MessageSend'",  # an application since Asterisk 10, as the tests with a real one show
    r"H_PAT_NON_CANONICAL: ",
    r"H_DP_(GLOBALS|GENERAL)_MISPLACED: ",
)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What asterisklint has to say since the last time."""

    def take() -> list[str]:
        found = [
            f"{name}: {message.message.format(**message.fmtkwargs)} ({message.where})"
            for name, messages in MessageDefManager.raised.items()
            for message in messages
        ]
        MessageDefManager.reset()
        return found

    monkeypatch.setattr(MessageDefManager, "muted", True)
    MessageDefManager.reset()
    yield take
    MessageDefManager.reset()


@pytest.mark.parametrize("name", CASES)
def test_sections(name: str, said: Callable[[], list[str]], tmp_path: Path) -> None:
    case = CASES[name]
    for file, text in render(case.config, case.facts).files.items():
        if file == "extensions.conf":
            continue
        (tmp_path / file).write_text(text.replace("](+)", "]"))  # which it does not know
        parser = FileConfigParser()
        parser.include(str(tmp_path / file))
        assert len(list(parser)) >= len(re.findall(r"^\[", text, re.MULTILINE)), file
        assert not [line for line in said() if not line.startswith(BLANKS)], file


@pytest.mark.parametrize("name", CASES)
def test_dial_plan(name: str, said: Callable[[], list[str]], tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "extensions.conf"
    path.write_text(render(case.config, case.facts).files["extensions.conf"].replace("[globals](+)", "[globals]"))
    parser = FileDialplanParser()
    parser.include(str(path))
    next(iter(parser)).walk_jump_destinations()
    unknown = [line for line in said() if not any(re.match(known, line) for known in UNKNOWING)]
    assert not unknown


def test_it_does_read(said: Callable[[], list[str]], tmp_path: Path) -> None:
    path = tmp_path / "extensions.conf"
    path.write_text("[default]\nexten => s,1,NoSuchThing()\n same => n,Goto(nowhere,s,1)\n")
    parser = FileDialplanParser()
    parser.include(str(path))
    next(iter(parser)).walk_jump_destinations()
    assert any(line.startswith("E_APP_MISSING") for line in said())
