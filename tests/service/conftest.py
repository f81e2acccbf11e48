"""What many tests of the service begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from service.kit import Service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose database is open."""
    async with Service(tmp_path) as service:
        await service.database(Store.unread)
        yield service
