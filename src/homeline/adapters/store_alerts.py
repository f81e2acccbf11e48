"""Alerts: one open one for each key, raised as an event so that rules can forward it."""

from __future__ import annotations

from homeline.adapters.store_base import MAX_ID, Planner
from homeline.adapters.store_deliveries import Deliveries, conditions
from homeline.adapters.store_rows import ALERT, alert_of
from homeline.core.joining import whole_characters
from homeline.errors import NotFound
from homeline.model import Alert, Event, EventKind


class Alerts(Deliveries):
    """The table `alert`."""

    def raise_alert(
        self, key: str, text: str, advice: str, severity: str, dongle: str, now: int, plan: Planner
    ) -> tuple[Alert, bool, Event | None]:
        """The open alert of this key, whether it is new, and its event then.

        An open one is refreshed, without a write where nothing changed. One that the owner has acknowledged stands for
        what it said then: other words are a new alert, and end it.
        """
        text, advice = whole_characters(text), whole_characters(advice)
        open_one = self._open_alert(key)
        if open_one is not None and not (open_one.acknowledged and open_one.text != text):
            return self._refreshed(open_one, text, advice, severity), False, None
        with self._writing():
            if open_one is not None:
                self._run("UPDATE alert SET cleared_at = ? WHERE id = ?", now, open_one.id)
            alert = Alert(0, key, text, advice, severity, dongle, now)
            alert.id = self._insert(
                "INSERT INTO alert(key, text, advice, severity, dongle, raised_at) VALUES (?, ?, ?, ?, ?, ?)",
                *(key, text, advice, severity, dongle, now),
            )
            fields = {"alert": str(alert.id), "key": key, "severity": severity, "advice": advice}
            event = self._add_event(EventKind.ALERT, now, dongle, "", text, fields, plan)
            self._run("UPDATE alert SET event = ? WHERE id = ?", event.id, alert.id)
            alert.event = event.id
            return alert, True, event

    def _refreshed(self, alert: Alert, text: str, advice: str, severity: str) -> Alert:
        if (alert.text, alert.advice, alert.severity) != (text, advice, severity):
            self._run(
                "UPDATE alert SET text = ?, advice = ?, severity = ? WHERE id = ?", text, advice, severity, alert.id
            )
            alert.text, alert.advice, alert.severity = text, advice, severity
        return alert

    def _open_alert(self, key: str) -> Alert | None:
        row = self._one(f"SELECT {ALERT} FROM alert WHERE key = ? AND cleared_at IS NULL", key)  # noqa: S608
        return None if row is None else alert_of(row)

    def clear_alert(self, key: str, now: int) -> Alert | None:
        """Its cause is gone; the alert as it is then, None if it was not open."""
        alert = self._open_alert(key)
        if alert is not None:
            self._run("UPDATE alert SET cleared_at = ? WHERE id = ?", now, alert.id)
            alert.cleared_at = now
        return alert

    def list_alerts(self, open_only: bool = True, before: int | None = None, limit: int = 100) -> list[Alert]:
        """Alerts older than the id `before`, newest first."""
        terms, values = conditions(("id < ?", before), also=("cleared_at IS NULL",) if open_only else ())
        rows = self._all(f"SELECT {ALERT} FROM alert{terms} ORDER BY id DESC LIMIT ?", *values, limit)  # noqa: S608
        return [alert_of(row) for row in rows]

    def acknowledge_alert(self, alert: int) -> None:
        """The owner has seen it. Raises NotFound."""
        known = 0 < alert <= MAX_ID and self._run("UPDATE alert SET acknowledged = 1 WHERE id = ?", alert).rowcount
        if not known:
            raise NotFound(f"There is no alert {alert}.")
