"""Fills the templates. What a template prints is escaped without its asking: `{{ x }}` can never gain a line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

from homeline.render.conf import Section, value


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701 - HTML's escaping would spoil these files; `finalize` has theirs
        undefined=StrictUndefined,
        finalize=_written,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _written(item: object) -> object:
    """Every `{{ }}` goes through here. What is undefined goes on, so that StrictUndefined raises."""
    return item if isinstance(item, Undefined) else value(str(item))


def fill(template: str, **values: object) -> str:
    """The text of `templates/TEMPLATE.j2`. RenderError for a value that the file's syntax cannot hold."""
    return _environment().get_template(f"{template}.j2").render(**values)


def sections(file: str, items: Iterable[Section], about: str = "") -> str:
    """A file of sections. `about` is a sentence of its head."""
    return fill("sections.conf", file=file, about=about, sections=tuple(items))
