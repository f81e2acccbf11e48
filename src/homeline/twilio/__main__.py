"""The process that sets up the account at Twilio: one question on standard input, lines of JSON on standard output.

`shapes` says what both are. Exit code 0, or 1 where the answer has an `error`. Secrets come by standard input only.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time

from homeline.twilio.run import answered
from homeline.twilio.shapes import Answer, Failure, Question, Step

MEMORY = 160 << 20  # octets of our own: answers that never end take this process, not the router's others


_WATCH = 0.5  # seconds between two looks at who waits for the answer


def main() -> int:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with contextlib.suppress(ImportError, OSError, ValueError):  # it is a guard, not needed to work
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        question = Question.from_json(json.load(sys.stdin))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        answer = Answer(error=Failure(f"The question cannot be read: {type(error).__name__}."))
    else:
        answer = answered(question, _tell)
    print(json.dumps(answer.to_json()), flush=True)
    return 1 if answer.error else 0


def _end_with(parent: int) -> None:
    """Ends this process once its parent is gone: what it made then could not be written down, and another may begin."""
    while os.getppid() == parent:
        time.sleep(_WATCH)
    os._exit(1)


def _tell(step: Step, done: int, of: int) -> None:
    print(json.dumps({"step": f"{step.action} {step.kind} {step.name}", "done": done, "of": of}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
