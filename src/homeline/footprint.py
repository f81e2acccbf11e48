"""What keeps the daemon's resident memory down before anything else is loaded."""

from __future__ import annotations

import sys


def import_asyncio_without_ssl() -> None:
    """Import asyncio as it is where Python has no `ssl`: 4 MB less of memory and a quicker start.

    asyncio imports `ssl` for TLS on its own transports, which the daemon does not use: mail goes through msmtp, and
    whoever needs TLS later imports `ssl` as usual. Does nothing where asyncio is there already.
    """
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # an import of it now raises ImportError, which asyncio expects
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
