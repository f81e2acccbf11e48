"""What is on which serial port, and who holds it (`list_ports`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeline.adapters import owner, usb
from homeline.paths import Paths
from homeline.service.picking import HasStatus


@dataclass(slots=True)
class Ports:
    """Looks at sysfs and /proc when asked."""

    paths: Paths
    dongles: Mapping[str, HasStatus]

    async def look(self) -> list[dict[str, Any]]:
        """One table for each serial port of a USB device."""
        ours = {item.status.port: name for name, item in self.dongles.items() if item.status.port}
        return await asyncio.to_thread(self._all, ours)

    def _all(self, ours: dict[str, str]) -> list[dict[str, Any]]:
        return [self._port(candidate, ours) for candidate in usb.candidates(self.paths.sys, self.paths.dev)]

    def _port(self, candidate: usb.Candidate, ours: dict[str, str]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "port": str(candidate.port),
            "usb_path": candidate.usb_path,
            "vendor_id": candidate.vendor_id,
            "product_id": candidate.product_id,
            "manufacturer": candidate.manufacturer,
            "product": candidate.product,
        }
        if candidate.interface is not None:
            shown["interface"] = candidate.interface
        if str(candidate.port) in ours:
            return shown | {"dongle": ours[str(candidate.port)]}
        holder = owner.holder(candidate.port, self.paths.locks, self.paths.proc)
        if holder is not None:
            shown["holder"] = str(holder)
        if trouble := owner.permission(candidate.port):
            shown["trouble"] = trouble
        return shown
