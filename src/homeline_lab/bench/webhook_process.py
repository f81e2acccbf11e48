"""`python -m homeline_lab.bench.webhook_process ROOT`: the webhook's process as it is shipped, with limits on requests
that a measurement does not reach. It loads nothing of the bench's, since its memory is measured.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main(root: Path) -> int:
    from homeline.footprint import import_asyncio_without_ssl

    import_asyncio_without_ssl()
    import asyncio
    import signal

    from homeline import config
    from homeline.paths import Paths
    from homeline.webhook.limits import Limits, Rate
    from homeline.webhook.running import Webhook

    paths, none = Paths(root), Rate(1e9, 1e9)

    async def run() -> int:
        webhook = Webhook(paths, config.load(paths.config), lambda: int(time.time()), limits=Limits(none, none))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, webhook.stop)
        return await webhook.run()

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
