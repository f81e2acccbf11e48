"""The reply of `status`: everything that is known now, and what to do about what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homeline import __version__
from homeline.adapters.bus import Bus
from homeline.adapters.store import Store, Summary
from homeline.errors import NotFound, StoreError
from homeline.model import DongleState, DongleStatus, Problem, Reason
from homeline.protocol.blobmsg import Int64
from homeline.service import shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.picking import HasStatus
from homeline.service.troubles import Troubles

# What to do about a dongle's state; the driver's `detail` says what it saw.
ADVICE = {
    Reason.NO_PORT: "Plug it in; if it is, check that usb_modeswitch knows it and kmod-usb-serial-option is there.",
    Reason.UNPLUGGED: "Plug the dongle in again; one that goes away by itself often needs a powered hub.",
    Reason.NOT_CONFIGURED: "More than one dongle is there: give this section an imei or a usb_path.",
    Reason.PORT_OWNED: "Stop the other program, or give it another port.",
    Reason.NO_PERMISSION: "The user homeline must be in the group dialout, which must own the port.",
    Reason.OPEN_TIMEOUT: "The port hangs: unplug the dongle and plug it in again.",
    Reason.NOT_A_MODEM: "Choose another of the dongle's ports, or leave `port` out.",
    Reason.SIM_MISSING: "Put a SIM in, gold side to the contacts.",
    Reason.SIM_PIN: "Set the SIM's PIN in the configuration, or enter it.",
    Reason.SIM_PIN_WRONG: "Correct the PIN and enter it by hand; it is not tried again by itself.",
    Reason.SIM_PIN_FEW_TRIES: "Enter the PIN by hand: a wrong one now may lock the SIM.",
    Reason.SIM_PUK: "Put the SIM into a phone and unlock it there with its PUK.",
    Reason.SIM_BUSY: "Wait: it is asked again every few seconds.",
    Reason.SIM_FAILURE: "Clean the SIM's contacts, or try it in a phone.",
    Reason.REGISTRATION_DENIED: "The network refuses this SIM: ask the provider whether it is active.",
    Reason.NO_NETWORK: "Check the antenna and the place of the dongle.",
    Reason.MUTE: "It is being reset; if that does not help, unplug it and plug it in again.",
    Reason.GARBAGE: "If another program talks to the port too, stop it; else unplug the dongle and plug it in again.",
    Reason.ASTERISK_DOWN: "See that Asterisk runs and that sip.enabled is on; messages wait on the SIM meanwhile.",
    Reason.DRIVER_MISSING: "Install Asterisk's driver for it (asterisk-chan-dongle), or set its driver to serial.",
    Reason.NOT_LOADED: "See in `problems` whether Asterisk's configuration was applied; or start it at its console.",
    Reason.STEP_FAILED: "It is tried again and the modem restarted. If it stays so: docs/modems.md, and an issue.",
}
# Where `status` shows what is done regularly, by the type of its section.
REGULAR = {"schedule": "schedules", "balance": "balances"}
HEALTHY = (DongleState.READY, DongleState.DISABLED, DongleState.OPENING, DongleState.STARTING)
CLOCK_FLOOR = 1_700_000_000  # a clock before 2023-11 was never set


@dataclass(slots=True)
class StatusReport:
    """Builds the reply from the live parts of the service."""

    context: Context
    alerts: Alerts
    dongles: Mapping[str, HasStatus]
    started: float  # monotonic seconds
    troubles: Troubles
    bus: Bus
    asterisk: Callable[[], dict[str, Any]] = lambda: {"running": False, "configuration": "off"}
    outbounds: Callable[[], list[dict[str, Any]]] = list  # outbound sections and what they have left
    things: Callable[[], list[tuple[str, str, Any]]] = list  # `Accounts.things`

    async def build(self, dongle: str = "") -> dict[str, Any]:
        """The reply, of all dongles or of one. NotFound for a dongle that is not configured."""
        if dongle and dongle not in self.dongles:
            raise NotFound(f"There is no dongle '{dongle[:40]}'.")
        shown = [item.status for name, item in self.dongles.items() if dongle in ("", name)]
        reply: dict[str, Any] = {
            "version": __version__,
            "api": 1,
            "uptime": int(time.monotonic() - self.started),
            "time": Int64(self.context.clock()),
            "enabled": self.context.config.main.enabled,
            "dongles": [shapes.dongle(status) for status in shown],
            "asterisk": self.asterisk(),
        }
        try:
            summaries, channels, unseen = await self.context.database(_overview)
        except StoreError:
            summaries, channels, unseen = {}, {}, {}
        reply["rules"] = [
            self._rule(rule.name, rule.enabled, summaries.get(rule.name)) for rule in self.context.config.rules
        ]
        self._show_things(reply, channels)
        if outbounds := self.outbounds():
            reply["outbounds"] = outbounds
        reply |= unseen
        reply["problems"] = shapes.problems(self.problems(shown))
        return reply

    def _show_things(self, reply: dict[str, Any], summaries: Mapping[str, Summary]) -> None:
        """Channels, and what is done regularly."""
        reply["channels"] = []
        things = self.things()
        for kind, name, thing in things:
            if kind in REGULAR:
                if thing is not None:
                    reply.setdefault(REGULAR[kind], []).append(thing.status())
            else:
                reply["channels"].append(self._channel(kind, name, thing, summaries.get(name)))
        known = {name for _, name, _ in things}
        reply["channels"] += [
            {"name": name, "type": "", "gone": True} | _fares(summary)
            for name, summary in summaries.items()
            if summary.pending and name not in known
        ]

    @staticmethod
    def _channel(kind: str, name: str, thing: Any, summary: Summary | None) -> dict[str, Any]:
        connected = getattr(thing, "connected", None)
        shown = {"name": name, "type": kind} | _fares(summary)
        return shown if connected is None else shown | {"connected": bool(connected)}

    @staticmethod
    def _rule(name: str, enabled: bool, summary: Summary | None) -> dict[str, Any]:
        return {"name": name, "enabled": enabled} | _fares(summary)

    def problems(self, statuses: Sequence[DongleStatus] | None = None) -> list[Problem]:
        """All that is wrong now."""
        if statuses is None:
            statuses = [item.status for item in self.dongles.values()]
        found = list(self.context.config.problems)
        found += self.troubles.all()
        found += [Problem("bus", words) for words in self.bus.problems]
        found += self.alerts.problems()
        found += [_dongle_problem(status) for status in statuses if status.state not in HEALTHY]
        if not self.context.config.dongles:
            found.append(Problem("dongle", "No dongle is configured.", "Add a section: uci set homeline.d1=dongle"))
        if self.context.clock() < CLOCK_FLOOR:
            found.append(Problem("clock", "The clock is not set.", "Give the router a time server (sysntpd)."))
        return found


def _overview(store: Store) -> tuple[dict[str, Summary], dict[str, Summary], dict[str, int]]:
    calls = store.unseen()
    unseen = {"unread": store.unread(), "missed": calls.missed, "voicemail": calls.voicemail}
    return store.rule_summaries(), store.channel_summaries(), unseen


def _fares(summary: Summary | None) -> dict[str, Any]:
    """How the deliveries of a rule or channel fare."""
    if summary is None:
        return {"pending": 0, "failed": 0}
    shown: dict[str, Any] = {"pending": summary.pending, "failed": summary.failed}
    if summary.success_at is not None:
        shown["last_success"] = Int64(summary.success_at)
    if summary.error_at is not None:
        shown |= {"last_error": summary.error, "last_error_at": Int64(summary.error_at)}
    return shown


def _dongle_problem(status: DongleStatus) -> Problem:
    reason = f" ({status.reason.value.replace('_', ' ')})" if status.reason else ""
    detail = f": {status.detail}" if status.detail else ""
    return Problem(f"dongle {status.name}", f"{status.state.value}{reason}{detail}", ADVICE.get(status.reason, ""))
