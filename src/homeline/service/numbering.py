"""Numbers without holding up the loop: the first national number makes Python load phonenumbers, in a thread."""

from __future__ import annotations

import asyncio
import sys

from homeline.core import numbers


async def normalize(text: str, country: str) -> numbers.Number:
    """`numbers.normalize`."""
    if "phonenumbers" in sys.modules:
        return numbers.normalize(text, country)
    return await asyncio.to_thread(numbers.normalize, text, country)


async def peer(text: str, country: str, sender_type: str = "") -> str:
    """`numbers.peer`."""
    if text.startswith("+") or sender_type == "alphanumeric" or "phonenumbers" in sys.modules:
        return numbers.peer(text, country, sender_type)
    return await asyncio.to_thread(numbers.peer, text, country, sender_type)
