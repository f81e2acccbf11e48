"""What the commands print for people. Whatever came over the air is shown as mere text, without control characters."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

Table = dict[str, Any]

# What would move the cursor, colour the terminal or turn the reading direction is shown as its code point.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def plain(text: object) -> str:
    """One line of text that a terminal shows as it is; a line end becomes a visible mark."""
    shown = str(text).replace("\r\n", "\n").replace("\n", "⏎")
    if shown.isprintable():
        return shown
    return "".join(
        f"<{ord(char):04X}>" if unicodedata.category(char) in _HIDDEN and char not in "\u200c\u200d" else char
        for char in shown
    )


def as_json(value: object, indent: int | None = None) -> str:
    """JSON that people can read as well: only what a terminal would not show as it is, is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _block(text: object) -> str:
    """Text of several lines, each plain."""
    return "\n".join(plain(line) for line in str(text).replace("\r\n", "\n").split("\n"))


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def columns(rows: Iterable[Sequence[object]], heads: Sequence[str]) -> str:
    """A table with aligned columns; the last one is as long as it is."""
    lines = [list(heads)] + [[plain(cell) for cell in row] for row in rows]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def clock(seconds: int | None) -> str:
    """Local time of a reply's seconds since 1970."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "-"


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    return (
        f"{days} d {hours} h" if days else f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    )


def _fields(pairs: Iterable[tuple[str, object]], indent: str = "  ") -> str:
    filled = [(name, plain(value)) for name, value in pairs if value not in ("", None)]
    wide = max((len(name) for name, _ in filled), default=0)
    return "\n".join(f"{indent}{name:<{wide}}  {value}" for name, value in filled)


def status(reply: Table) -> str:
    parts = [f"Homeline {plain(reply.get('version', ''))}, up {_duration(int(reply.get('uptime', 0)))}"]
    parts += [_dongle(dongle) for dongle in reply.get("dongles", [])]
    if (asterisk := reply.get("asterisk", {})).get("configuration", "off") != "off":
        parts.append(_asterisk(asterisk))
    parts += _outbounds(reply.get("outbounds", []))
    parts += _forwarding(reply)
    counts = (("Unread messages", "unread"), ("missed calls", "missed"), ("new on the voicemail", "voicemail"))
    new = [f"{words}: {reply[key]}" for words, key in counts if reply.get(key) or (key == "unread" and key in reply)]
    parts += [", ".join(new)] if new else []
    problems = [
        f"! {plain(p.get('where', ''))}: {plain(p.get('text', ''))}{_advice(p)}" for p in reply.get("problems", [])
    ]
    return "\n\n".join(parts + (["\n".join(problems)] if problems else []))


def _forwarding(reply: Table) -> list[str]:
    """Rules, channels, and what is done regularly."""
    parts = []
    last = ("PENDING", "FAILED", "LAST SUCCESS", "LAST ERROR")
    if rules := reply.get("rules"):
        parts.append(columns([[rule["name"], *_went(rule)] for rule in rules], ("RULE", *last)))
    if channels := reply.get("channels"):
        parts.append(columns([[_channel(item), *_went(item)] for item in channels], ("CHANNEL", *last)))
    rows = [
        [f"schedule {item['name']}", item["action"], clock(item.get("last_success")), *_comes(item)]
        for item in reply.get("schedules", [])
    ]
    rows += [
        [f"balance {item['name']}", _amount(item), clock(item.get("last_success")), *_comes(item)]
        for item in reply.get("balances", [])
    ]
    return parts + ([columns(rows, ("REGULARLY", "WHAT", "LAST", "NEXT", ""))] if rows else [])


def _went(item: Table) -> list[object]:
    """How a rule's or channel's deliveries went."""
    return [item["pending"], item["failed"], clock(item.get("last_success")), item.get("last_error", "")]


def _channel(item: Table) -> str:
    if item.get("gone"):
        return f"{item['name']} (gone)"
    return f"{item['type']} {item['name']}" + (" (not connected)" if item.get("connected") is False else "")


def _amount(item: Table) -> str:
    amount = " ".join(filter(None, (item.get("amount", ""), item.get("unit", ""))))
    return f"{amount} (low)" if item.get("low") else amount if item.get("amount") else ""


def _comes(item: Table) -> list[object]:
    return [clock(item.get("next_at")), item.get("waits") or item.get("error", "")]


def _advice(table: Table) -> str:
    return f"\n  -> {plain(table['advice'])}" if table.get("advice") else ""


def _dongle(dongle: Table) -> str:
    state = dongle["state"] + (f" ({dongle['reason']})" if dongle.get("reason") else "")
    signal = f"{dongle['signal_dbm']} dBm" if "signal_dbm" in dongle else ""
    network = " ".join(str(dongle[key]) for key in ("operator", "technology") if dongle.get(key))
    storage = f"{dongle['storage_used']} of {dongle['storage_size']}" if "storage_size" in dongle else ""
    pairs = [
        ("state", f"{state} since {clock(dongle.get('since'))}"),
        ("detail", dongle.get("detail", "")),
        ("port", dongle.get("port", "")),
        ("modem", " ".join(str(dongle[key]) for key in ("manufacturer", "model", "firmware") if dongle.get(key))),
        ("imei", dongle.get("imei", "")),
        ("sim", dongle.get("iccid", "")),
        ("number", dongle.get("number", "")),
        ("network", f"{network} ({dongle.get('registration', '')})"),
        ("signal", signal),
        ("storage", storage),
    ]
    return f"Dongle {plain(dongle['name'])}\n" + _fields(pairs)


def _asterisk(asterisk: Table) -> str:
    running = f"{asterisk.get('version', '')} since {clock(asterisk.get('since'))}"
    pairs = [
        ("state", running if asterisk.get("running") else "not there"),
        ("configuration", str(asterisk["configuration"]).replace("_", " ")),
    ]
    parts = [f"Asterisk\n{_fields(pairs)}"]
    sides = [("trunk", item, item.get("contact", "")) for item in asterisk.get("trunks", [])]
    for item in asterisk.get("phones", []):
        where = [str(contact.get("address", "")) for contact in item.get("contacts", [])]
        sides.append(("phone", item, ", ".join(where)))
    rows = [[f"{kind} {item['name']}", item["state"], item.get("calls", 0), where] for kind, item, where in sides]
    parts += [columns(rows, ("SIP", "STATE", "CALLS", "AT"))] if rows else []
    legs = [
        [item["channel"], item["state"], _duration(item["seconds"]), item.get("number", ""), item.get("other", "")]
        for item in asterisk.get("channels", [])
    ]
    parts += [columns(legs, ("CHANNEL", "STATE", "SINCE", "NUMBER", "WITH"))] if legs else []
    return "\n\n".join(parts)


def _outbounds(outbounds: Sequence[Table]) -> list[str]:
    """What may still be called today, of the sections whose minutes are counted."""
    rows = [[item["name"], _duration(item["seconds_left"])] for item in outbounds if "seconds_left" in item]
    return [columns(rows, ("OUTBOUND", "LEFT TODAY"))] if rows else []


def rendered(reply: Table) -> str:
    """What rendering changes, or changed."""
    changed = [file for file in reply.get("files", []) if file.get("changed")]
    parts = [_block(file["diff"]) if file.get("diff") else f"{plain(file['name'])}: changed" for file in changed]
    parts += [] if changed else ["No file changes."]
    parts += [f"! {plain(p['where'])}: {plain(p['text'])}{_advice(p)}" for p in reply.get("problems", [])]
    parts.append(f"Asterisk: {plain(str(reply.get('asterisk', '')).replace('_', ' '))}")
    return "\n\n".join(parts + ([f"! {plain(reply['error'])}"] if reply.get("error") else []))


def inbox(reply: Table) -> str:
    rows = [
        [
            ("*" if m.get("unread") else "") + str(m["id"]),
            clock(m.get("sent_at") or m.get("at")),
            "<" if m["direction"] == "in" else ">",
            m.get("name") or m.get("peer", "?"),
            m["state"],
            _shown_text(m),
        ]
        for m in reply.get("messages", [])
    ]
    if not rows:
        return "No messages."
    table = columns(rows, ("ID", "TIME", "", "PEER", "STATE", "TEXT"))
    return table + (f"\n… more: --before {reply['messages'][-1]['id']}" if reply.get("more") else "")


def calls(reply: Table) -> str:
    rows = [
        [
            ("*" if call.get("unread") else "") + str(call["id"]),
            clock(call.get("started_at")),
            {"in": "<", "out": ">"}.get(call["direction"], "-"),
            " ".join(filter(None, (call.get("name"), call.get("peer", "withheld")))),
            call["state"],
            call.get("through", ""),
            _duration(call["ended_at"] - call["answered_at"]) if "answered_at" in call else "",
            call.get("reason") or call.get("recording", ""),
        ]
        for call in reply.get("calls", [])
    ]
    if not rows:
        return "No calls."
    table = columns(rows, ("ID", "TIME", "", "PEER", "STATE", "PHONE", "LASTED", ""))
    return table + (f"\n… more: --before {reply['calls'][-1]['id']}" if reply.get("more") else "")


def _shown_text(message: Table) -> str:
    if message.get("text"):
        return str(message["text"])
    if message.get("data"):
        return f"[{len(message['data']) // 2} octets of data] {message['data']}"
    return f"[{message.get('note') or message.get('error') or 'no text'}]"


def one_message(reply: Table) -> str:
    message = reply["message"]
    skip = ("text", "parts")
    times = ("at", "sent_at", "delivered_at")
    pairs = [(key, clock(value) if key in times else value) for key, value in message.items() if key not in skip]
    blocks = [_fields(pairs, ""), _block(_shown_text(message))]
    rows = [[p["number"], p.get("state", ""), p.get("reference", ""), p["pdu"]] for p in reply.get("parts", [])]
    blocks += [columns(rows, ("PART", "STATE", "REF", "PDU"))] if rows else []
    rows = [
        [d["id"], d["rule"], d["channel"], d["state"], d["attempts"], d.get("error", "")]
        for d in reply.get("deliveries", [])
    ]
    blocks += [columns(rows, ("DELIVERY", "RULE", "CHANNEL", "STATE", "TRIES", "ERROR"))] if rows else []
    return "\n\n".join(blocks)


def sent(reply: Table) -> str:
    error = f": {plain(reply['error'])}" if reply.get("error") else ""
    return f"Message {reply['id']}: {reply['state']}{error}"


def ussd(reply: Table) -> str:
    return _block(reply.get("text", "")) + ("\n(answer with: homeline ussd …)" if reply.get("more") else "")


def event(name: str, data: Table) -> str:
    """One line for `watch`."""
    head = f"{time.strftime('%H:%M:%S')}  {name.removeprefix('homeline.'):<18}"
    who = data.get("peer") or data.get("name") or data.get("channel") or data.get("dongle") or ""
    what = data.get("text") or data.get("error") or data.get("reason") or ""
    number = f"#{data['id']} " if "id" in data else ""
    state = f"[{data['state']}] " if "state" in data else ""
    return plain(f"{head} {number}{state}{who}  {what}")


def explained(reply: Table, whole: bool = False) -> str:
    """Per rule whether it matches, what hinders it, and what would go out; with `whole` what each criterion found."""
    parts = [_explained(rule, whole) for rule in reply.get("rules", [])]
    if preview := reply.get("preview"):
        parts.append("Preview\n" + _said(preview) if "error" not in preview else f"! {plain(preview['error'])}")
    return "\n\n".join(parts) or "No rules."


def _explained(rule: Table, whole: bool) -> str:
    to = ", ".join(map(plain, rule.get("channels", [])))
    head = f"{plain(rule['rule'])}: " + (f"matches, goes to {to or 'nobody'}" if rule["matches"] else "does not match")
    criteria = [item for item in rule.get("criteria", []) if whole or not item["matched"]]
    lines = [
        f"  {' ' if item['matched'] else '!'} {plain(item['criterion'])}: {plain(item['words'])}" for item in criteria
    ]
    return "\n".join([head, *lines] + ([_said(rule)] if rule["matches"] and "text" in rule else []))


def _said(item: Table) -> str:
    """Heading and text, set off."""
    return "\n".join(f"  | {line}" for part in ("subject", "text") for line in _block(item.get(part, "")).split("\n"))


def tested(reply: Table) -> str:
    rows = [[item["channel"], "ok" if item["ok"] else "FAILED", item.get("error", "")] for item in reply["results"]]
    return columns(rows, ("CHANNEL", "", "ERROR")) if rows else "The rule has no channel."


def deliveries(reply: Table) -> str:
    rows = [
        [item["id"], item["event"], item["rule"], item["channel"], item["state"], item["attempts"], *_when(item)]
        for item in reply.get("deliveries", [])
    ]
    if not rows:
        return "No deliveries."
    table = columns(rows, ("ID", "EVENT", "RULE", "CHANNEL", "STATE", "TRIES", "AT", ""))
    return table + (f"\n… more: --before {reply['deliveries'][-1]['id']}" if reply.get("more") else "")


def _when(item: Table) -> list[object]:
    """When it went out, was given up or is tried next; and what there is to say."""
    return [clock(item.get("done_at") or item.get("next_at")), item.get("error") or item.get("note", "")]


def retried(reply: Table) -> str:
    return f"Tried now: {reply['count']}"


def alerts(reply: Table) -> str:
    shown = [
        f"{item['id']}  {clock(item['raised_at'])}  {item['severity']}  {plain(item['key'])}{_gone(item)}"
        f"\n  {plain(item['text'])}{_advice(item)}"
        for item in reply.get("alerts", [])
    ]
    more = [f"… more: --before {reply['alerts'][-1]['id']}"] if reply.get("more") else []
    return "\n\n".join(shown + more) or "No alerts."


def _gone(item: Table) -> str:
    cleared = f", cleared {clock(item['cleared_at'])}" if "cleared_at" in item else ""
    return cleared + (", acknowledged" if item["acknowledged"] else "")
