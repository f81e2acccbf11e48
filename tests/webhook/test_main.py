"""The command line of the webhook's process; what it serves is in tests/e2e."""

from __future__ import annotations

import pytest

from homeline import __version__, cli


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["webhook", "--version"]) == 0
    assert capsys.readouterr() == (f"homeline {__version__}\n", "")


@pytest.mark.parametrize("words", [["--root"], ["--version", "--root"], ["run"], [""]])
def test_what_it_does_not_know_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["webhook", *words]) == 2
    assert capsys.readouterr() == ("", "usage: homeline webhook [--root DIR | --version]\n")
