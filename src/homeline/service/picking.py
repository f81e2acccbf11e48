"""Which dongle a caller means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from homeline.errors import NotFound
from homeline.model import DongleState, DongleStatus


class HasStatus(Protocol):
    status: DongleStatus


D = TypeVar("D", bound=HasStatus)


def pick(dongles: Mapping[str, D], name: str) -> D:
    """The named dongle; without a name the first that is ready, else the first. NotFound where there is none."""
    if name:
        if name not in dongles:
            raise NotFound(f"There is no dongle '{name[:40]}'.")
        return dongles[name]
    if not dongles:
        raise NotFound("No dongle is configured.")
    ready = (dongle for dongle in dongles.values() if dongle.status.state is DongleState.READY)
    return next(ready, next(iter(dongles.values())))
