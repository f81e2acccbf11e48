"""How the deliveries of each rule and each channel fare, as `status` shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from homeline.adapters.store_base import StoreBase
from homeline.adapters.store_rows import Summary


class Results(StoreBase):
    """The tables `rule_result` and `channel_result`."""

    def _note_success(self, rule: str, channel: str, now: int) -> None:
        for of, name in (("rule", rule), ("channel", channel)):
            self._run(
                f"INSERT INTO {of}_result({of}, success_at) VALUES (?, ?) "  # noqa: S608 - ours
                f"ON CONFLICT ({of}) DO UPDATE SET success_at = excluded.success_at",
                *(name, now),
            )

    def _note_error(self, rule: str, channel: str, error: str, now: int) -> None:
        for of, name in (("rule", rule), ("channel", channel)):
            self._run(
                f"INSERT INTO {of}_result({of}, error_at, error) VALUES (?, ?, ?) "  # noqa: S608 - ours
                f"ON CONFLICT ({of}) DO UPDATE SET error_at = excluded.error_at, error = excluded.error",
                *(name, now, error),
            )

    def rule_summaries(self) -> dict[str, Summary]:
        """How the deliveries of each rule fare, by the rule's name; rules that never matched are not in it."""
        return self._summaries("rule")

    def channel_summaries(self) -> dict[str, Summary]:
        """How the deliveries of each channel fare, by the channel's name; those that never had one are not in it."""
        return self._summaries("channel")

    def _summaries(self, of: str) -> dict[str, Summary]:
        rows = self._all(f"SELECT {of}, success_at, error_at, error FROM {of}_result")  # noqa: S608 - ours
        summaries = {row[0]: Summary(row[0], 0, 0, *row[1:]) for row in rows}
        for name, counts in self._counts(of):
            summaries[name] = replace(summaries.get(name, Summary(name)), **counts)
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
