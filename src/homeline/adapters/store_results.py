"""How the deliveries of each rule and each channel fare, as `status` shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from homeline.adapters.store_base import StoreBase
from homeline.adapters.store_rows import ChannelSummary, RuleSummary


class Results(StoreBase):
    """The tables `rule_result` and `channel_result`."""

    def _note_success(self, delivery: int, now: int) -> None:
        for of in ("rule", "channel"):
            self._run(
                f"INSERT INTO {of}_result({of}, success_at) SELECT {of}, ? FROM delivery WHERE id = ? "  # noqa: S608
                f"ON CONFLICT ({of}) DO UPDATE SET success_at = excluded.success_at",
                *(now, delivery),
            )

    def _note_error(self, delivery: int, error: str, now: int) -> None:
        for of in ("rule", "channel"):
            self._run(
                f"INSERT INTO {of}_result({of}, error_at, error) SELECT {of}, ?, ? FROM delivery "  # noqa: S608
                f"WHERE id = ? ON CONFLICT ({of}) DO UPDATE SET error_at = excluded.error_at, error = excluded.error",
                *(now, error, delivery),
            )

    def rule_summaries(self) -> dict[str, RuleSummary]:
        """How the deliveries of each rule fare, by the rule's name; rules that never matched are not in it."""
        summaries = {
            row[0]: RuleSummary(row[0], 0, 0, *row[1:])
            for row in self._all("SELECT rule, success_at, error_at, error FROM rule_result")
        }
        for rule, counts in self._counts("rule"):
            summaries[rule] = replace(summaries.get(rule, RuleSummary(rule)), **counts)
        return summaries

    def channel_summaries(self) -> dict[str, ChannelSummary]:
        """How the deliveries of each channel fare, by the channel's name; those that never had one are not in it."""
        summaries = {
            row[0]: ChannelSummary(0, 0, *row[1:])
            for row in self._all("SELECT channel, success_at, error_at, error FROM channel_result")
        }
        for channel, counts in self._counts("channel"):
            summaries[channel] = replace(summaries.get(channel, ChannelSummary()), **counts)
        return summaries

    def _counts(self, of: str) -> list[tuple[str, dict[str, Any]]]:
        """How many deliveries each has in the states that have an index, each a query of its own for that."""
        return [
            (row[0], {state: row[1]})
            for state in ("pending", "failed")
            for row in self._all(
                f"SELECT {of}, count(*) FROM delivery WHERE state = '{state}' GROUP BY {of}"  # noqa: S608 - ours
            )
        ]
