"""What a page of messages shows beside each."""

from __future__ import annotations

from pathlib import Path

from homeline.adapters.store import Store
from homeline.service import details
from service.kit import ANN, BOB, Service, parts

TEXTS = {ANN: "Your code is 482913. Do not share it.", BOB: "See you on Sunday at 12"}


async def test_codes_and_how_far_each_was_forwarded(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        for sender, text in TEXTS.items():
            await service.database(Store.receive, parts(text, sender), service.now, service.context.plan)
        page = await service.database(Store.list_messages)
        _, second = page.messages
        deliveries = await service.database(Store.list_deliveries, event=second.id)
        await service.database(Store.delivery_done, deliveries[0].id, service.now)
        assert await service.database(details.of, page.messages) == [
            {"deliveries": {"pending": 1}},
            {"code": "482913", "deliveries": {"done": 1}},
        ]


async def test_no_messages_have_no_details(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        assert await service.database(details.of, []) == []
