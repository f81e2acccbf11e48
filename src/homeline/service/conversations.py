"""What is done to a whole conversation, which may have a hundred thousand messages."""

from __future__ import annotations

from homeline.adapters.store import Store
from homeline.service.database import Database

STEP = 500  # messages in one transaction: what arrives meanwhile is stored after it, not after all of them


async def delete(database: Database, peer: str, before: int | None, now: int) -> dict[str, int]:
    """Delete the messages from and to a peer, older than the id `before` if that is given: `{"count": …}`.

    One that is being sent stays. Raises StoreError; the older ones are still there then.
    """
    count = 0
    while messages := (await database(Store.list_messages, peer=peer, before=before, limit=STEP)).messages:
        count += await database(Store.delete_messages, [message.id for message in messages], now)
        before = messages[-1].id
    return {"count": count}
