"""A house with everything in it, as `status` and its like would tell it; the words may be a stranger's."""

from __future__ import annotations

import time
from typing import Any

NOW = int(time.time())


def replies(words: str = "") -> dict[str, dict[str, Any]]:
    """By method. With `words` every text that is not a name of ours or a known value holds them."""

    def told(text: str) -> str:
        return words or text

    dongle = {
        "name": told("home"), "driver": "serial", "state": "ready", "reason": "", "since": NOW - 90_000,
        "registration": "roaming", "port": told("/dev/ttyUSB0"), "manufacturer": told("huawei"), "model": told("E1750"),
        "firmware": told("11.126"), "imei": told("354369047238739"), "iccid": told("8941010000000000001"),
        "number": told("+41790000001"), "operator": told("Swisscom"), "technology": told("lte"), "signal_dbm": -97,
        "voice": True, "storage_used": 18, "storage_size": 20, "detail": told("nothing"),
    }  # fmt: skip
    locked = {**dongle, "name": "spare", "state": "locked", "reason": "sim_pin_few_tries", "pin_tries": 1}
    strange = {**dongle, "name": "strange", "state": told("dreaming"), "reason": told("asleep")}
    phone = {"state": "reachable", "address": told("192.168.1.20:5060"), "user_agent": told("Linphone"), "rtt_ms": 4}
    asterisk = {
        "running": True, "version": told("20.11.1"), "since": NOW - 4000, "configuration": "rolled_back",
        "error": told("endpoint desk is missing"), "missing_modules": [told("codec_opus")],
        "trunks": [{"name": told("byoc"), "state": "reachable", "calls": 1, "contact": told("sip:54.172.60.0:5061")}],
        "phones": [{"name": told("desk"), "state": told("registered"), "calls": 0, "contacts": [phone]}],
        "channels": [],
    }  # fmt: skip
    failing = {"last_error": told("chat not found"), "last_error_at": NOW - 30, "pending": 3, "failed": 2}
    again = {"dongle": told("home"), "every": 7, "next_at": NOW + 90_000, "last_success": NOW - 90_000}
    status = {
        "version": told("0.1.0"), "api": 1, "uptime": 93_211, "time": NOW, "enabled": False,
        "dongles": [dongle, locked, strange], "asterisk": asterisk, "rules": [],
        "unread": 3, "missed": 1, "voicemail": 2,
        "channels": [
            {"name": told("owner"), "type": told("email"), "pending": 0, "failed": 0, "last_success": NOW - 600},
            {"name": told("broker"), "type": "mqtt", "connected": False, **failing},
        ],
        "schedules": [{"name": told("alive"), "action": told("sms"), "waits": told("it is roaming"), **again}],
        "balances": [{"name": told("prepaid"), "amount": told("3.20"), "unit": told("EUR"), "low": True, **again}],
        "problems": [{"where": told("typo.events"), "text": told("must be another"), "advice": told("put it right")}],
    }  # fmt: skip
    alert = {
        "id": 4, "key": f"archived.{told('1')}", "text": told("Old messages were found"), "severity": told("info"),
        "acknowledged": False, "raised_at": NOW - 1800, "advice": told("Take them"), "dongle": told("home"),
    }  # fmt: skip
    samples = [{"at": NOW - 86_400 + 600 * i, "dbm": -90 + i % 7} for i in range(144) if not 60 < i < 70]
    return {
        "status": status,
        "list_alerts": {"alerts": [alert], "more": False},
        "signal_history": {"dongle": "home", "samples": samples},
    }
