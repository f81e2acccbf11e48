"""The figures as the table of docs/bench.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from homeline_lab.bench.measure import Figures

Cell = Callable[[Figures], str]
MISSING = "–"


def number(name: str, form: str = "{:.0f}") -> Cell:
    """One figure."""

    def cell(figures: Figures) -> str:
        value = figures.get(name)
        return MISSING if value is None else form.format(value)

    return cell


def together(*cells: Cell, between: str = " / ") -> Cell:
    """Several figures in one cell; none where the first is missing."""

    def cell(figures: Figures) -> str:
        parts = [c(figures) for c in cells]
        return MISSING if parts[0] == MISSING else between.join(parts)

    return cell


def seconds_or_no(name: str) -> Cell:
    """How long it took, or that it did not come."""

    def cell(figures: Figures) -> str:
        if name not in figures:
            return MISSING
        value = figures[name]
        return "no" if value is None else f"{float(value):.1f} s"

    return cell


ONE, TWO, THREE = "{:.1f}", "{:.2f}", "{:.3f}"
LATENCY = together(number("latency_p50_ms", ONE), number("latency_p95_ms", ONE))
MEMORY = together(number("memory_idle_mb", ONE), number("memory_after_mb", ONE), between="; ")
IDLE = together(number("idle_cpu_s", THREE), number("idle_commands"), between="; ")
PAGES = together(number("page_p50_ms", ONE), number("page_deep_p50_ms", ONE))
SCREEN = together(number("screen_p50_ms"), number("screen_slow_p50_ms"))
DIALPLAN = together(number("dialplan_p50_ms"), number("dialplan_p95_ms"))
RENDERED = together(number("rendered_kb", ONE), number("rendered_files"), number("render_p50_ms"), between="; ")
PUBLISHED = together(number("mqtt_p50_ms", ONE), number("mqtt_p99_ms", ONE))
POSTED = together(number("webhook_p50_ms", ONE), number("webhook_p99_ms", ONE))
CHANNELS = together(number("channels_idle_mb", ONE), number("channels_after_mb", ONE), between="; ")
ASKED = together(number("voice_p50_ms", ONE), number("voice_p99_ms", ONE))
TEXTED = together(number("text_p50_ms", ONE), number("text_p99_ms", ONE))
ASKED_MEMORY = together(number("voice_idle_mb", ONE), number("voice_after_mb", ONE), between="; ")
KILLS = together(number("kill_lost"), number("kill_doubled"))

# what is measured, how it is shown, Homeline's budget
ROWS: tuple[tuple[str, Cell, str], ...] = (
    ("+CMTI to the handler started, p50 / p95, ms", LATENCY, "≤ 6 / 12"),
    ("burst of 200 on the SIM, messages/s", number("burst_per_s"), "≥ 120"),
    ("500 arriving at once, messages/s", number("flood_per_s"), "≥ 80"),
    ("send request to AT+CMGS final, p50, ms", number("send_p50_ms", ONE), "≤ 8"),
    ("resident memory idle; after many messages, MB", MEMORY, "≤ 27; ≤ 2 more"),
    ("CPU of an idle minute, s; AT commands", IDLE, "≤ 0.05; ≤ 12"),
    ("start to first message handled, s", number("start_s", TWO), "≤ 0.8"),
    ("kill -9 amid 40 messages: lost / doubled", KILLS, "0 / 0"),
    ("unplugged for 3 s: back alone", seconds_or_no("replugged_s"), "≤ 10 s"),
    ("re-enumerated under another name: back alone", seconds_or_no("renamed_s"), "≤ 10 s"),
    ("mute for a while: back alone", seconds_or_no("mute_s"), "≤ 10 s"),
    ("sender or text runs code", number("runs_code", "{}"), "no"),
    ("status over the bus, p50, ms", number("status_p50_ms", TWO), "≤ 1"),
    ("a page of an inbox of 100,000, first / middle, p50, ms", PAGES, "≤ 10"),
    ("LuCI: reply with 50 messages to the screen, PC / six times slower, p50, ms", SCREEN, "≤ 300"),
    ("commit of the configuration to its effect, p50, ms", number("commit_p50_ms"), "≤ 500"),
    ("+CMTI to a subscriber of MQTT, p50 / p99, ms", PUBLISHED, ""),
    ("+CMTI to a webhook's request, p50 / p99, ms", POSTED, ""),
    ("many at once to MQTT, webhook and mail, messages/s", number("channels_per_s"), ""),
    ("resident memory with these, idle; afterwards, MB", CHANNELS, "≤ 34; ≤ 2 more"),
    ("commit to Asterisk running the new dial plan, p50 / p95, ms", DIALPLAN, "≤ 500"),
    ("Asterisk's files, kB; how many; rendering, p50, ms", RENDERED, ""),
    ("where a call at Twilio goes, p50 / p99, ms", ASKED, "≤ 10 / 50"),
    ("a text to a number at Twilio, committed, p50 / p99, ms", TEXTED, ""),
    ("many calls at Twilio at once, replies/s", number("voice_per_s"), ""),
    ("resident memory of that process, idle; afterwards, MB", ASKED_MEMORY, "≤ 24; ≤ 2 more"),
)


def table(results: Mapping[str, Figures]) -> str:
    """Text columns: one a program, the budget last."""
    head = ["", *results, "budget"]
    body = [[title, *(cell(f) for f in results.values()), budget] for title, cell, budget in ROWS]
    return _columns([head, *body])


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
