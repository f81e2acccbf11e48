"""docs/telegram.md against the code: its example and its numbers."""

from __future__ import annotations

import re
from pathlib import Path

from homeline import config
from homeline.adapters.store_requests import KEPT_DAYS
from homeline.service.channels import telegram_chats as chats
from homeline.service.channels import telegram_replies as replies
from homeline_lab.telegram import TOKEN

TEXT = (Path(__file__).parents[2] / "docs/telegram.md").read_text()


def test_the_example() -> None:
    (example,) = re.findall(r"^```\n(config .*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    found = config.read(
        f"config homeline 'main'\n\toption enabled '1'\n\n{example}",
        f"config telegram 'bot'\n\toption token '{TOKEN}'\n",
    )
    assert found.problems == ()
    assert [account.name for account in found.accounts] == ["bot"]


def test_the_numbers() -> None:
    words = " ".join(TEXT.split())
    assert chats.MOST_MESSAGES == 4
    for sentence in (
        f"({chats.LIMIT} units of UTF-16) is split into up to four messages",
        f"more than {replies.MOST_PARTS} SMS",
        f"answered for {KEPT_DAYS} days",
        f"every {replies.POLL} seconds",
    ):
        assert sentence in words
