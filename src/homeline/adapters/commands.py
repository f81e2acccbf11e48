"""The owner's programs in `Paths.commands`: which may be run, and what they say when they fail."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from homeline.errors import DeliveryError

ERROR_LIMIT = 300  # characters of a program's output in an error text
OWNERS_PAUSE = 300.0  # seconds; only the owner can mend a wrong password, and servers lock out who tries too often


def last_words(output: bytes, secrets: Sequence[str] = ()) -> str:
    """The end of what a program printed, as one line of printable characters in which no secret occurs."""
    text = output.decode("utf-8", "replace")
    for secret in secrets:
        text = text.replace(secret, "***")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= ERROR_LIMIT else "… " + text[-ERROR_LIMIT:]


def allowed_command(folder: Path, name: str) -> str:
    """The path of an owner's command, once it is sure that nobody but the owner decided what it does.

    Raises DeliveryError: it is a base name in `folder`; folder and file belong to root (or both to the daemon's own
    user, as in the lab), and no group and no other can write either.
    """
    path = folder / name
    if not name or "/" in name or "\0" in name or name.startswith("."):
        raise _refused(path, "its name is not that of a file in this folder")
    try:
        holder = folder.stat()
        target = path.resolve(strict=True)
        found = target.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: symbolic links in a circle, before Python 3.13
        raise _refused(path, getattr(error, "strerror", None) or "it is a circle of links") from None
    reason = _reason_against(holder, found)
    if target.parent != folder.resolve():
        reason = "it is a link that leads out of the folder"
    if reason or not os.access(target, os.X_OK):
        raise _refused(path, reason or "it is not executable")
    return str(path)  # not the target: a program may behave by the name that it is called by


def _reason_against(holder: os.stat_result, found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a plain file"
    if holder.st_uid not in (0, os.geteuid()):
        return "its folder does not belong to root"
    if found.st_uid not in (0, holder.st_uid):
        return "it does not belong to root"
    if holder.st_mode & 0o022:
        return "its folder can be written by others (chmod go-w)"
    if found.st_mode & 0o022:
        return "it can be written by others (chmod go-w)"
    return ""


def _refused(path: Path, reason: str) -> DeliveryError:
    return DeliveryError(f"{path} is not run: {reason}.", retry_after=OWNERS_PAUSE)
