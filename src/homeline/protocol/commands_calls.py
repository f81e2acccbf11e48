"""The AT commands of calls (3GPP TS 27.007 6), as in `commands`."""

from __future__ import annotations

import re

from homeline.protocol import at_fields as f
from homeline.protocol.at import Command, nothing


def dial(number: str) -> Command[None]:
    """ATD…;: a voice call. Raises EncodeError unless `number` is digits, * and #, with + in front or not."""
    f.digits(re.sub(r"[*#]", "0", number.removeprefix("+")), "number", 1, 40)
    return Command(f"ATD{number};", nothing, masked="ATD…;", dials=True, timeout=30)


def hang_up() -> Command[None]:
    """AT+CHUP: ends all calls, where ATH would leave a voice call alone."""
    return Command("AT+CHUP", nothing, timeout=30)
