"""A maildir (cr.yp.to/proto/maildir.html): what nobody has seen yet, and marking what was taken as seen."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from homeline.mailbox.question import BATCH, BODY_LIMIT, HEADER_LIMIT, MailboxTrouble, Question, found


def read(question: Question) -> dict[str, Any]:
    """The mails with tokens among those that are not seen. Raises MailboxTrouble.

    Files that are no mails for us are looked at again each time; the first BATCH with a token are given.
    """
    mails: list[dict[str, Any]] = []
    for path in _unseen(Path(question.path)):
        unique = path.name.partition(":")[0]
        item = found(question, unique, _content(path, HEADER_LIMIT), partial(_content, path, BODY_LIMIT))
        mails += [item] if item else []
        if len(mails) >= BATCH:
            break
    return {"mails": mails, "validity": "", "after": 0, "more": len(mails) >= BATCH}


def mark(question: Question) -> dict[str, Any]:
    """Move mails to `cur` with the flag S. Those that are gone are left. Raises MailboxTrouble."""
    folder, wanted = Path(question.path), set(question.mark)
    for path in _unseen(folder):
        unique, _, info = path.name.partition(":")
        if unique not in wanted:
            continue
        flags = "".join(sorted({*info.removeprefix("2,"), "S"}))
        try:
            path.rename(folder / "cur" / f"{unique}:2,{flags}")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise MailboxTrouble(f"A mail in {folder} cannot be marked: {error.strerror}.", owners=True) from None
    return {}


def _unseen(folder: Path) -> Iterator[Path]:
    """Files in `new`, and those in `cur` without the flag S, oldest name first."""
    for part in ("new", "cur"):
        try:
            names = sorted(each.name for each in (folder / part).iterdir())
        except OSError as error:
            raise MailboxTrouble(f"{folder / part} cannot be read: {error.strerror}.", owners=True) from None
        for name in names:
            if not name.startswith(".") and "S" not in name.partition(":2,")[2]:
                yield folder / part / name


def _content(path: Path, limit: int) -> bytes:
    """A mail's beginning; nothing for what is no file, or gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)
