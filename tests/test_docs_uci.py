"""`docs/uci.md` shows exactly the options that the code has, with their kinds and defaults."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from homeline import config, config_drivers
from homeline.config_types import Option, SectionType

SECTIONS = config.sections()
DOC = Path(__file__).parents[1] / "docs/uci.md"


def default(kind: SectionType, option: Option) -> str:
    """The default in UCI's words, as the table shows it."""
    (field,) = [field for field in dataclasses.fields(kind.build) if field.name == option.attribute]
    value = field.default
    if option.required:
        return "required"
    if value in ("", 0, ()) and not isinstance(value, bool) and not (value == 0 and option.name == "retention_days"):
        return ""
    items = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"`{int(item) if isinstance(item, bool) else item}`" for item in items)


def table(kind: SectionType) -> list[str]:
    rows = ["| option | value | default | |", "| --- | --- | --- | --- |"]
    for option in kind.options:
        name = f"`list {option.name}`" if option.many else f"`{option.name}`"
        doc = option.doc + (" In `homeline_secret`." if option.secret else "")
        rows.append(f"| {name} | {option.kind.words} | {default(kind, option)} | {doc} |")
    return rows


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.name)
def test_the_table_of_a_section(kind: SectionType) -> None:
    name = f"{kind.name} '{kind.singleton}'" if kind.singleton else f"{kind.name} NAME"
    text = DOC.read_text()
    assert f"\n## `config {name}`\n\n{kind.doc}" in text
    after = text.split(f"\n## `config {name}`\n", 1)[1].split("\n## ", 1)[0]
    shown = after[after.index(table(kind)[0]) :]
    assert [line for line in shown.splitlines() if line.startswith("|")] == table(kind)


def test_no_section_beyond_those_of_the_code() -> None:
    found = re.findall(r"^## `config (\w+)", DOC.read_text(), re.MULTILINE)
    assert found == [kind.name for kind in SECTIONS]


BLOCKS = re.findall(r"^```uci\n(.*?)^```", DOC.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("main", "secret"), list(zip(BLOCKS[::2], BLOCKS[1::2], strict=True)))
def test_an_example_works(main: str, secret: str) -> None:
    read = config.read(main, secret)
    assert read.problems == ()
    attributes = {kind.attribute for kind in SECTIONS if not kind.singleton}  # some have one in common
    found = sum(len(getattr(read, attribute)) for attribute in attributes)
    singletons = sum(f"config {kind.name} '{kind.singleton}'" in main for kind in SECTIONS if kind.singleton)
    assert found + singletons == len(re.findall("^config ", main, re.MULTILINE))
    for section in re.findall(r"^config \w+ '\w+'", secret, re.MULTILINE):
        assert section in main


def test_every_section_has_an_example() -> None:
    shown = re.findall(r"^config (\w+)", "".join(BLOCKS), re.MULTILINE)
    assert {kind.name for kind in SECTIONS} <= set(shown)


def test_the_options_of_the_drivers_are_all_named() -> None:
    text = DOC.read_text()
    for name in config_drivers.OPTIONS:
        assert f"`{name}`" in text or name.startswith("jb"), name


if __name__ == "__main__":  # prints the tables for docs/uci.md
    for kind in SECTIONS:
        print(kind.name, *table(kind), "", sep="\n")
