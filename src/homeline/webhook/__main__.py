"""`homeline webhook [--root DIR | --version]`: serves until SIGTERM, and reads its configuration again on SIGHUP.

What keeps it from serving is in the log, and tried again: a configuration that is not complete, a port that is taken.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homeline import __version__, config
from homeline.config import Config
from homeline.footprint import import_asyncio_without_ssl
from homeline.paths import Paths
from homeline.service import logs

if TYPE_CHECKING:
    from homeline.webhook.running import Webhook


def main(argv: Sequence[str]) -> int:
    """`argv`: what follows `webhook`."""
    root = Path("/")
    if list(argv) == ["--version"]:
        print(f"homeline {__version__}")
        return 0
    if list(argv[:1]) == ["--root"] and len(argv) == 2:
        root = Path(argv[1])
    elif argv:
        print("usage: homeline webhook [--root DIR | --version]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # one that comes too early: the configuration is read anyway
    logs.to_procd()
    paths = Paths(root)
    loaded = config.load(paths.config)
    if not loaded.twilio.certificate:
        import_asyncio_without_ssl()
    import asyncio

    return asyncio.run(_run(paths, loaded))


async def _run(paths: Paths, loaded: Config) -> int:
    import asyncio

    from homeline.webhook.running import Webhook

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of each connection that breaks off
    webhook: Webhook = Webhook(paths, loaded, lambda: int(time.time()))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, webhook.stop)
    loop.add_signal_handler(signal.SIGHUP, webhook.reload)
    return await webhook.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
