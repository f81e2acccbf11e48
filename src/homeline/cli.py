"""The command `homeline`: the daemon itself (`run`), the webhook, and questions to a running daemon over the bus.

Exit codes: 0 done; 1 refused or failed (the reason is on standard error); 2 wrong usage; 3 the service, or the
package with the command, is not there; 4 a wait ran out.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence

from homeline import __version__

_NO_TOOLS = "this command is in the package homeline-tools, which is not installed (ubus call homeline does the same)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if argv[:1] == ["run"]:
        # A reload that comes before the daemon can listen must not end it: it reads the configuration anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # The daemon stays for months: it does without argparse and everything else that only a command needs.
        from homeline.footprint import import_asyncio_without_ssl

        import_asyncio_without_ssl()
        from homeline import daemon

        return daemon.main(argv[1:])
    if argv[:1] == ["webhook"] and argv[1:] not in (["-h"], ["--help"]):
        return _webhook(argv[1:])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal of another character set gets \u2026
    try:
        return _command(argv)
    except ImportError as error:
        if str(error.name).partition(".")[0] != "homeline":
            raise
        print(f"homeline: {_NO_TOOLS}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads has enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _webhook(argv: list[str]) -> int:
    try:
        from homeline.webhook.__main__ import main
    except ModuleNotFoundError:
        print("homeline: the webhook is in the package homeline-twilio, which is not installed", file=sys.stderr)
        return 3
    return main(argv)


def _command(argv: list[str]) -> int:
    if argv == ["--version"]:
        print(f"homeline {__version__}")
        return 0
    if argv[:1] in (["decode-pdu"], ["encode-pdu"]):
        from homeline import pdu_tool

        return pdu_tool.main(argv)
    from homeline import client

    return client.main(argv)
