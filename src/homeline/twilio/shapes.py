"""What the process is asked and what it answers, as JSON carries it. Standard library only: the daemon imports this.

The process reads one question from standard input and prints lines: progress, `{"step": words, "done": n, "of": m}`,
and as its last line the answer. Secrets come and go by these two alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class What(StrEnum):
    """What is asked. `plan` and `status` change nothing and cost nothing."""

    PLAN = "plan"
    APPLY = "apply"
    DESTROY = "destroy"
    STATUS = "status"  # as plan, for who only looks: no values of options are proposed


class Do(StrEnum):
    """What a step does."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    KEEP = "keep"  # it is as it should be
    REPORT = "report"  # it is not ours to change, or only with `account_wide`


@dataclass(frozen=True, slots=True)
class Question:
    """`main` and `secrets` are the texts of the two UCI files. `public_address`: by which the router is reached, or "".

    `base` sends every request to a server on this machine, "http://127.0.0.1:PORT", instead of Twilio (lab, tests).
    """

    what: What
    main: str
    secrets: str = field(default="", repr=False)
    account_wide: bool = False
    public_address: str = ""
    base: str = ""

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Question:
        """Raises KeyError, TypeError, ValueError for what is no question."""
        texts = {name: str(asked.get(name, "")) for name in ("secrets", "public_address", "base")}
        return cls(What(asked["what"]), str(asked["main"]), account_wide=asked.get("account_wide") is True, **texts)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing at Twilio and what is, or was, done about it. Names and values come from Twilio and may be hostile.

    `changes` is {field: [old, new]}; a secret's values are shown as "…".
    """

    action: Do
    kind: str
    name: str
    sid: str = ""
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "changes": {name: list(pair) for name, pair in self.changes.items()}}


@dataclass(slots=True)
class Results:
    """What belongs into UCI afterwards. After a failure it is what had been done until then.

    `made` replaces the list of that name: `KIND=SID`; `password:SID=DIGEST`, by which a changed password is known; and
    what was there before Homeline changed it, `dialing:COUNTRY=FLAGS` and `before:SID.FIELD=VALUE` in base64url.
    """

    made: list[str] = field(default_factory=list)
    options: dict[str, dict[str, str]] = field(default_factory=dict)  # section: {option: value}
    secrets: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it ended early: words for the owner, Twilio's code (0: none) and the step that it happened in."""

    text: str
    code: int = 0
    step: str = ""


@dataclass(slots=True)
class Answer:
    """`again`: nothing is done yet. `results` must be kept first, as what is to be changed cannot be seen afterwards;
    then the question is to be asked again."""

    steps: list[Step] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    results: Results = field(default_factory=Results)
    error: Failure | None = None
    again: bool = False

    def to_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "steps": [step.to_json() for step in self.steps],
            "advice": self.advice,
            "results": asdict(self.results),
        }
        answer |= {"again": True} if self.again else {}
        return answer if self.error is None else answer | {"error": asdict(self.error)}
