"""The function at Twilio: function.js with the account's tables in it.

They stand in the source because a variable of an environment holds 450 bytes at most (Twilio's OpenAPI document
`twilio_serverless_v1`, `CreateVariableRequest`).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from homeline.core.twilio_account import Account

_PLACE = '"@account@"'


def source(account: Account) -> str:
    """JavaScript for Twilio's Node.js, ASCII, that needs nothing but its runtime. Equal accounts give equal texts."""
    code = Path(__file__).with_name("function.js").read_text(encoding="ascii")
    head, _, rest = code.partition(_PLACE)
    return head + json.dumps(json.dumps(asdict(account), separators=(",", ":"))) + rest
