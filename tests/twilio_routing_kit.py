"""The table of calls at Twilio, and its accounts as the configuration makes them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from homeline import config
from homeline.core.twilio_account import Account, account

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "twilio/routing.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = TABLE["cases"]
NAMES: list[str] = [case["name"] for case in CASES]

PASSWORDS = {
    "trunk": "config trunk 'trunk'\n\toption password 'Router-correct-horse-1'\n",
    "desk": "config phone 'desk'\n\toption password 'desk-correct-horse'\n",
}


@cache
def account_of(name: str) -> Account:
    """An account of the table."""
    row = TABLE["accounts"][name]
    return account(configured(name), byoc=row["byoc"], after=row["after"])


def configured(name: str) -> config.Config:
    main = "\n".join(TABLE["accounts"][name]["uci"]) + "\n"
    return config.read(main, "".join(text for section, text in PASSWORDS.items() if f"'{section}'\n" in main))
