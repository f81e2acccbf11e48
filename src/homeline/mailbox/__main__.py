"""The process that reads a mailbox: one JSON object on standard input, one on standard output.

In: the fields of `question.Question`, `key` in hexadecimal. Out: {"mails": […], "validity", "after", "more"} (an empty
object after marking) and exit code 0; or {"error": words, "owners": bool} and 1. Secrets come by standard input only.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from homeline.mailbox.question import MailboxTrouble, Question

MEMORY = 96 << 20  # octets of our own: a server that never ends its answer ends this process, not the router's others


def main() -> int:
    with contextlib.suppress(ImportError, OSError, ValueError):  # it is a guard, not needed to work
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    try:
        answer = _answer(Question.from_json(json.load(sys.stdin)))
    except MailboxTrouble as error:
        return _fail(str(error), error.owners)
    except MemoryError:
        return _fail("The server sends more than can be held.", False)
    except OSError as error:
        return _fail(f"It cannot be read: {error.strerror or type(error).__name__}.", False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _fail(f"The question cannot be read: {type(error).__name__}.", False)
    print(json.dumps(answer))
    return 0


def _answer(question: Question) -> dict[str, Any]:
    if question.type == "maildir":
        from homeline.mailbox import maildir

        return maildir.mark(question) if question.mark else maildir.read(question)
    from homeline.mailbox import imap

    return imap.mark(question) if question.mark else imap.read(question)


def _fail(words: str, owners: bool) -> int:
    print(json.dumps({"error": words, "owners": owners}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
