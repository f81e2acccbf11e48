"""What the idle daemon has loaded, how much memory it takes, and that it sleeps while nothing happens (DESIGN 8).

Figures of speed are `make bench`'s: they say little on a machine that does other things too.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from e2e.kit import Home, living
from homeline.model import DongleState
from homeline.service.host import Timing
from homeline_lab.bench import procfs
from homeline_lab.bench.ours import Homeline, compile_daemon
from homeline_lab.bench.scene import scene
from homeline_lab.dongle import Dongle
from service.dongle_kit import Host, driving

SRC = Path(__file__).parents[2] / "src"

# Each costs memory for good, and nothing that the daemon does all day needs it.
UNWANTED = {
    *("_ssl", "http", "email", "xml", "urllib.request", "urllib.error", "hashlib", "secrets"),
    *("argparse", "gettext", "decimal", "tempfile", "shutil", "pprint", "unittest", "multiprocessing"),
    *("logging.handlers", "logging.config", "importlib.metadata", "unicodedata", "zoneinfo", "csv", "optparse"),
    *("phonenumbers", "jinja2", "twilio", "paho", "homeline_lab"),
    *("homeline.client", "homeline.doctor", "homeline.pdu_tool", "homeline.tables"),
    *("homeline.config_automatic", "homeline.config_channels", "homeline.service.explaining"),
    *("homeline.protocol.wap", "homeline.protocol.template"),
    # What is about calls, while nobody has any: half a megabyte, and with Asterisk's side more than one.
    *("homeline.config_calls", "homeline.config_checks_calls", "homeline.config_drivers", "homeline.core.call_log"),
    *("homeline.service.calls", "homeline.service.api_calls", "homeline.service.ringing", "homeline.service.voice"),
    *("homeline.service.telephony", "homeline.service.voicemail", "homeline.adapters.ami", "homeline.telephony"),
}
# Packages beyond the standard library. The module `copy` tries Jython's `org`, and failed imports are named too.
ALLOWED_OTHERS = {"serial", "homeline", "org"}
# Whoever adds some should know what they cost. Of what all channels share, accounts, wording, documents, times and
# alerts of channels are needed with the first message.
OUR_MODULES = 129
MEMORY = 7.0  # MB above an interpreter that has loaded nothing but what everybody loads
GROWTH = 2.0  # MB after 1,000 messages
BARE = """
from homeline.footprint import import_asyncio_without_ssl
import_asyncio_without_ssl()
import asyncio, dataclasses, json, logging, pathlib, random, serial, sqlite3, sys
sqlite3.connect(":memory:").execute("SELECT 1").fetchone()
print(flush=True)
sys.stdin.read()
"""


async def loaded(home: Home) -> set[str]:
    """The modules that the daemon has imported until now: `-X importtime` names them as it goes."""
    compile_daemon()
    command = [*home.command(["-X", "importtime", "-m", "homeline", "run", "--root", str(home.root)])]
    await home.start(command=command)
    await home.warm_up()
    sent = await home.call("send_message", to="+41791234567", text="hello", wait=10)
    assert sent["state"] in ("sent", "delivered")
    lines = [line for line in home.log.splitlines() if line.startswith("import time:")]
    names = [line.rpartition("|")[2].strip() for line in lines]
    return set(names[names.index("site") + 1 :])  # before that come the interpreter's own, and the machine's hooks


async def test_modules_of_the_idle_daemon(tmp_path: Path) -> None:
    """After a message came and one went: what the start leaves out, the work must not bring in."""
    async with living(tmp_path, start=False) as home:
        modules = await loaded(home)
    assert {"asyncio", "sqlite3", "homeline.daemon", "homeline.service.mailtext"} <= modules
    packages = {".".join(name.split(".")[:depth]) for name in modules for depth in (1, 2, 3)}
    assert packages & UNWANTED == set()
    others = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - ALLOWED_OTHERS
    assert {name for name in others if not name.startswith("_")} == set()
    ours = sorted(name for name in modules if name.startswith("homeline"))
    assert len(ours) <= OUR_MODULES, ours


def test_asyncio_without_ssl_leaves_ssl_importable() -> None:
    program = (
        "from homeline.footprint import import_asyncio_without_ssl as light; light(); import asyncio.sslproto, sys;"
        "assert asyncio.sslproto.ssl is None; assert 'ssl' not in sys.modules;"
        "import ssl; ssl.create_default_context(); light(); assert sys.modules['ssl'] is ssl"
    )
    pytest.importorskip("ssl", reason="this Python has no ssl")
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20, env=os.environ | {"PYTHONPATH": str(SRC)})


def bare_memory() -> float:
    """MB of an interpreter with the modules that the daemon cannot do without."""
    environment = os.environ | {"PYTHONPATH": str(SRC)}
    with subprocess.Popen(
        [sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        return procfs.memory([process.pid])


async def test_memory_idle_and_after_a_thousand_messages(tmp_path: Path) -> None:
    """Against a bare interpreter, because what that takes differs from build to build."""
    async with scene(Homeline, 255) as s:
        await s.program.start()
        await s.program.settled()
        idle = procfs.memory(s.program.pids())
        assert idle - bare_memory() <= MEMORY
        handled = len(s.bell.times)
        s.deliver(s.pdus(1000))
        await s.bell.wait(handled + 1000, 45.0)
        await s.drained()
        await asyncio.sleep(0.2)  # the last deliveries are being committed
        assert procfs.memory(s.program.pids()) - idle <= GROWTH


async def test_idle_minute_has_few_commands(tmp_path: Path) -> None:
    """With looks and drains a thousand times as often, in their true relation: what one look's time costs."""
    shipped = Timing()
    assert shipped.monitor == 60.0
    quick = replace(shipped, monitor=shipped.monitor / 1000, drain=shipped.drain / 1000)
    host = Host()
    async with Dongle("e1750", tmp_path, every_port=True) as dongle, driving(tmp_path, host, quick):
        await host.state(DongleState.READY)
        await dongle.seen("+CSQ", 2)
        before = dongle.count()
        await dongle.seen("+CSQ", 20)
        assert (dongle.count() - before) / 20 <= 12


def wake_ups(pid: int) -> int:
    """How often the threads of a process have gone to sleep, and so were woken."""
    files = Path(f"/proc/{pid}/task").glob("*/status")
    lines = (line for file in files for line in file.read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))


async def test_idle_daemon_sleeps(tmp_path: Path) -> None:
    """Between two looks at the dongle nothing happens at all: no timer fires and no command is sent."""
    async with living(tmp_path) as home:
        await home.warm_up()
        assert home.router.daemon is not None
        pid = home.router.daemon.pid
        await asyncio.sleep(1.0)  # let the last events and deliveries end
        before, commands = wake_ups(pid), home.dongle.count()
        await asyncio.sleep(5.0)
        assert home.dongle.count() == commands
        assert wake_ups(pid) - before <= 3
