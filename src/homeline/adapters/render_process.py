"""The process that renders Asterisk's files: asked with one JSON object, it answers with one and ends.

Jinja2 and what it brings are gone from memory with it. It gets this process's own module path and nothing else of the
environment; the configuration goes through a file in memory, so no secret is ever an argument.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeline.adapters import process
from homeline.errors import RenderError
from homeline.telephony import Facts, Rendered

TIMEOUT = 30.0  # seconds; a slow router needs two
_SHOWN = 300  # characters of an unexpected end
_MISSING = "No module named 'jinja2'"


class NoRenderer(RenderError):
    """What rendering needs is not installed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was rendered, what is wrong with the owner's files (where, text, advice), and how files differ (lines).

    `unincluded` are files of ours that the owner's files do not include.
    """

    rendered: Rendered
    findings: tuple[tuple[str, str, str], ...] = ()
    differences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unincluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """The two files of UCI as they are, the facts, and Asterisk's folder; `before` are files to compare with."""

    main: str
    secrets: str
    facts: Facts
    owner: str
    before: Mapping[str, str] | None = None

    def encode(self) -> bytes:
        asked: dict[str, Any] = {
            "main": self.main,
            "secrets": self.secrets,
            "facts": self.facts.to_json(),
            "owner": self.owner,
        }
        if self.before is not None:
            asked["before"] = dict(self.before)
        return json.dumps(asked, sort_keys=True).encode()


async def render(question: Question) -> Reply:
    """Render in a process of its own. Raises RenderError in the renderer's words, NoRenderer where it cannot run."""
    argv = [sys.executable, "-s", "-m", "homeline.render"]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        status, answer, errors = await process.ask(argv, question.encode(), TIMEOUT, {"PYTHONPATH": path})
    except TimeoutError:
        raise RenderError(f"rendering took longer than {TIMEOUT:g} s") from None
    except OSError as error:
        raise RenderError(f"the renderer cannot be run: {error.strerror or error}") from None
    return _reply(status, answer, errors.decode("utf-8", "replace"))


def _reply(status: int, answer: bytes, errors: str) -> Reply:
    if _MISSING in errors:
        raise NoRenderer("Python's module jinja2 is not installed")
    try:
        data = json.loads(answer)
        if status != 0:
            raise RenderError(str(data["error"]))
        return Reply(
            Rendered.from_json(data),
            tuple((str(where), str(text), str(advice)) for where, text, advice in data.get("findings", ())),
            {str(name): tuple(map(str, lines)) for name, lines in data.get("differences", {}).items()},
            tuple(map(str, data.get("unincluded", ()))),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        last = errors.strip().rpartition("\n")[2][:_SHOWN]
        raise RenderError(f"the renderer failed (status {status}): {last or 'without a word'}") from None
