"""The process that renders: one JSON object on standard input, one on standard output.

In: {"main": UCI text, "secrets": UCI text, "facts": Facts}. Out: Rendered, and exit code 0; or {"error": words}, and 1.
With "owner" (Asterisk's folder) the owner's files there are read: the facts get their sections, what is wrong with them
is in "findings" ([where, text, advice], …) and may close outgoing calls, and "unincluded" names files of ours that they
do not include. With "before" (name: text) "differences" tells what changes (name: lines).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from homeline import config, telephony
from homeline.errors import HomelineError
from homeline.render import render, survey


def main() -> int:
    try:
        answer = _answer(json.load(sys.stdin))
    except HomelineError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(json.dumps({"error": f"the request to render cannot be read: {type(error).__name__}"}))
        return 1
    print(json.dumps(answer, sort_keys=True))
    return 0


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    facts = telephony.Facts.from_json(asked["facts"])
    wanted = config.read(asked["main"], asked["secrets"])
    if "owner" not in asked or not wanted.sip.enabled:
        return render(wanted, facts).to_json()
    facts, written, problems = survey.surveyed(Path(asked["owner"]), wanted, facts)
    rendered = render(wanted, facts)
    answer = rendered.to_json()
    answer["findings"] = [(problem.where, problem.text, problem.advice) for problem in problems]
    answer["unincluded"] = survey.unincluded(written.files, rendered.files)
    if "before" in asked:
        from homeline.render.difference import differences  # difflib, for the few who ask

        answer["differences"] = differences(asked["before"], rendered.files)
    return answer


if __name__ == "__main__":
    sys.exit(main())
