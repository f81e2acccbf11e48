"""UCI becomes frozen dataclasses once, here."""

from __future__ import annotations

from .config_options import Config, Dongle, Email, Main, Rule

__all__ = ["Config", "Dongle", "Email", "Main", "Rule"]
