"""What `homeline twilio …` prints for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from homeline.tables import columns, plain

Table = dict[str, Any]

_UNDONE = {"create": "to create", "change": "to change", "remove": "to remove"}
_DONE = {"create": "created", "change": "changed", "remove": "removed"}


def steps(reply: Table, what: str) -> str:
    """The account, a line for each thing. `what`: plan, apply, destroy or status."""
    words = _DONE if what in ("apply", "destroy") else _UNDONE
    shown = [step for step in reply["steps"] if step["action"] != "keep" or what == "status"]
    kept = len(reply["steps"]) - len(shown)
    rows = [
        (words.get(step["action"], step["action"]), step["kind"].replace("_", " "), step["name"], _why(step))
        for step in shown
    ]
    parts = [columns(rows, ("", "WHAT", "NAME", ""))] if rows else []
    parts += ["1 more is as it should be." if kept == 1 else f"{kept} more are as they should be."] if kept else []
    parts += ["There is nothing to do."] if what == "plan" and not rows and "error" not in reply else []
    parts += ["There is more than a reply holds."] if reply.get("more") else []
    return "\n\n".join([*parts, *_notes(reply)])


def progress(told: Table) -> str:
    """How far it is, in one line."""
    return plain(f"{told['done']}/{told['of']} {told['step']}")


def _why(step: Table) -> str:
    changes = [
        f"{change['field']}: {change['old']} -> {change['new']}"
        if change["old"]
        else f"{change['field']}: {change['new']}"
        for change in step["changes"]
        if step["action"] != "create"
    ]
    return "; ".join([*changes, *filter(None, [step["why"]])])


def _notes(reply: Table) -> Iterator[str]:
    yield from (plain(words) for words in reply["advice"])
    if error := reply.get("error"):
        where = f" ({error['step']})" if error["step"] else ""
        yield plain(f"It failed{where}: {error['text']}")
        if error["code"]:
            yield f"https://www.twilio.com/docs/api/errors/{int(error['code'])}"
    if problem := reply.get("problem"):
        yield plain(problem)
