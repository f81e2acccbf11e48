"""When a SIM's storage is nearly full, and how much to delete then (storage policy `when_full`)."""

from __future__ import annotations


def spare(total: int) -> int:
    """How many slots are kept free: a tenth, at least two, for long messages come in several parts."""
    return max(2, total // 10)


def few_left(used: int, total: int) -> bool:
    """Whether the storage is nearly full. False where its size is not known."""
    return total > 0 and total - used <= spare(total)


def to_free(used: int, total: int) -> int:
    """How many messages to delete, the oldest first, so that it is not nearly full any more."""
    return max(0, spare(total) + 1 - (total - used)) if few_left(used, total) else 0
