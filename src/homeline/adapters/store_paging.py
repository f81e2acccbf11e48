"""What all lists of the store share: how long a page is, which ids can be, and one index for each query."""

from __future__ import annotations

from collections.abc import Iterable

from homeline.adapters.store_base import MAX_ID

LARGEST_PAGE = 500


def one_indexed(*terms: tuple[str, object]) -> list[tuple[str, object]]:
    """The terms in use, all but the first with a + that keeps SQLite from choosing their index over a sharper one's."""
    used = [(term, value) for term, value in terms if value is not None]
    return [(f"+{term}" if place else term, value) for place, (term, value) in enumerate(used)]


def page_size(limit: int) -> int:
    """From 1 to `LARGEST_PAGE`."""
    return min(max(limit, 1), LARGEST_PAGE)


def bounded(before: int | None) -> int | None:
    """An id that SQLite can hold; one beyond is newer than all."""
    return None if before is None or before > MAX_ID else max(before, 0)


def possible(ids: Iterable[int]) -> list[int]:
    """The ids that a message or a call can have, each once: negative ones are not the owner's business."""
    return sorted({item for item in ids if 0 < item <= MAX_ID})
