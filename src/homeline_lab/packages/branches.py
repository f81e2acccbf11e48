"""The branches of OpenWrt that packages are made for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """What of a branch the packages depend on."""

    name: str  # such as 24.10
    python: str  # its Python's version, major and minor
    manager: str  # opkg or apk


BRANCHES = (Branch("23.05", "3.11", "opkg"), Branch("24.10", "3.11", "opkg"), Branch("25.12", "3.13", "apk"))


def branch(name: str) -> Branch:
    """Raises KeyError."""
    return {each.name: each for each in BRANCHES}[name]
