"""The benchmark: its arithmetic, its table, and that it runs with what is always there."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from homeline_lab import mosquitto
from homeline_lab.bench import procfs
from homeline_lab.bench.bare import Bare
from homeline_lab.bench.command import main
from homeline_lab.bench.forwarding import forwarding
from homeline_lab.bench.gammu import GammuSmsd
from homeline_lab.bench.measure import QUICK, percentile
from homeline_lab.bench.ours import Homeline
from homeline_lab.bench.scene import scene
from homeline_lab.bench.table import ROWS, table
from homeline_lab.bench.telephony import telephony
from homeline_lab.bench.twilio_webhook import twilio_webhook


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0], 0.95, 1.0), ([float(n) for n in range(100)], 0.95, 95.0)],
)
def test_percentile(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_table_tells_not_measured_from_did_not_come_back() -> None:
    lines = table({"one": {"replugged_s": None, "latency_p50_ms": 2.04, "latency_p95_ms": 3.0}, "two": {}}).splitlines()
    assert len(lines) == len(ROWS) + 2
    (replugged,) = [line for line in lines if line.startswith("unplugged")]
    (latency,) = [line for line in lines if line.startswith("+CMTI to the handler")]
    assert " no " in replugged
    assert "–" in replugged
    assert "2.0 / 3.0" in latency
    assert "–" in latency


async def test_the_bare_reader_handles_and_sends(tmp_path: Path) -> None:
    async with scene(Bare, 20) as s:
        await s.begin()
        handled = len(s.bell.times)
        delivered = s.deliver(s.pdus(3))
        assert await s.bell.wait(handled + 3, 10.0) > delivered
        await s.drained()
        await s.program.send("+41791234567", "hello")
        await s.dongle.wait(lambda: len(s.dongle.sent) == 1)


def test_homeline_runs_in_it_and_is_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "bench.json"
    assert main(["--quick", "--programs", "homeline", "--rows", "hostility", "flood", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["results"]["homeline"]
    assert figures["runs_code"] == "no"
    assert figures["flood_per_s"] > 0
    assert "sender or text runs code" in capsys.readouterr().out


@pytest.mark.skipif(mosquitto.PROGRAM is None, reason="mosquitto is not installed")
async def test_messages_go_to_three_channels() -> None:
    figures = await forwarding(Homeline, replace(QUICK, singles=2, many=10))
    for name in ("mqtt", "webhook"):
        assert 0 < float(str(figures[f"{name}_p50_ms"])) <= float(str(figures[f"{name}_p99_ms"]))
    assert float(str(figures["channels_per_s"])) > 0
    assert 10 < float(str(figures["channels_idle_mb"])) < 100
    assert await forwarding(GammuSmsd, QUICK) == {}


@pytest.mark.usefixtures("asterisk_programs")
async def test_asterisk_follows_a_commit() -> None:
    figures = await telephony(Homeline, replace(QUICK, singles=2))
    assert 0 < float(str(figures["dialplan_p50_ms"])) <= float(str(figures["dialplan_p95_ms"]))
    assert float(str(figures["render_p50_ms"])) > 0
    assert figures["rendered_files"] == 7
    assert 10 < float(str(figures["rendered_kb"])) < 100
    lines = table({"homeline": figures}).splitlines()
    assert any(line.startswith("Asterisk's files") and "; 7; " in line for line in lines)
    assert await telephony(GammuSmsd, QUICK) == {}


async def test_calls_at_twilio_find_their_way() -> None:
    figures = await twilio_webhook(Homeline, replace(QUICK, singles=2, many=20))
    for name in ("voice", "text"):
        assert 0 < float(str(figures[f"{name}_p50_ms"])) <= float(str(figures[f"{name}_p99_ms"]))
    assert float(str(figures["voice_per_s"])) > 0
    assert 10 < float(str(figures["voice_idle_mb"])) < 100
    assert any(line.startswith("where a call at Twilio goes") for line in table({"homeline": figures}).splitlines())
    assert await twilio_webhook(GammuSmsd, QUICK) == {}


def test_a_program_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(GammuSmsd, "needs", "a-program-that-nobody-has")
    assert main(["--quick", "--programs", "gammu-smsd"]) == 1
    assert "a-program-that-nobody-has is not installed" in capsys.readouterr().out


def test_a_process_that_has_gone_takes_no_memory() -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    assert procfs.memory([ended.pid, ended.pid]) == 0.0
    assert procfs.cpu([ended.pid]) == 0.0
    assert procfs.memory([os.getpid()]) > 5.0
