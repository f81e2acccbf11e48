"""`homeline-lab uci …`: the `uci` command for a lab root, given by --root or HOMELINE_LAB_ROOT.

Also as scripts on a router call it: -c FOLDER is the etc/config of the root, -t FOLDER has what is staged, -q leaves
errors to the exit status.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from homeline.errors import HomelineError
from homeline_lab.uci import COMMANDS, Uci


def main(arguments: Sequence[str]) -> int:
    """0, or 1 with a line on standard error, as `uci` does."""
    arguments = list(arguments)
    root = os.environ.get("HOMELINE_LAB_ROOT", "")
    quiet, staged = False, None
    while arguments[:1] and arguments[0] in ("--root", "-c", "-t", "-q"):
        if arguments[0] == "-q":
            quiet, arguments = True, arguments[1:]
            continue
        given = Path("".join(arguments[1:2]))
        if arguments[0] == "-t":
            staged = given
        else:
            root = str(given if arguments[0] == "--root" else given.parents[1])
        arguments = arguments[2:]
    work, least = COMMANDS.get(arguments[0] if arguments else "", (None, 0))
    if not root or work is None or len(arguments) <= least:
        print("usage: homeline-lab uci [--root DIR] COMMAND …\ncommands:", ", ".join(COMMANDS), file=sys.stderr)
        return 1
    try:
        print(*(f"{line}\n" for line in work(Uci(Path(root), staged=staged), arguments[1:])), sep="", end="")
    except (HomelineError, OSError) as error:
        if not quiet:
            print(f"uci: {error}", file=sys.stderr)
        return 1
    return 0
