"""Whole files as they are to be, dial plan aside. After a change on purpose write them anew, and read the difference:

HOMELINE_GOLDENS=write pytest tests/render/test_goldens.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeline.render import render
from render.kit import CASES

GOLDEN = Path(__file__).parent / "golden"
DIAL_PLAN = "extensions.conf"


def text(name: str) -> dict[str, str]:
    case = CASES[name]
    return {file: found for file, found in render(case.config, case.facts).files.items() if file != DIAL_PLAN}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    folder, found = GOLDEN / name, text(name)
    if os.environ.get("HOMELINE_GOLDENS") == "write":
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for file, content in found.items():
            (folder / file).write_text(content)
    assert sorted(found) == sorted(path.name for path in folder.iterdir())
    for file, content in found.items():
        assert content == (folder / file).read_text(), f"{name}/{file}"


def test_no_golden_without_a_case() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(CASES)
