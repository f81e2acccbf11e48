"""Where a real Asterisk is on this machine, and how its programs are run (`asterisk_get` is what brings them)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CACHED = "asterisk-2"  # the number grows when what is kept changes
KEPT = "packages.txt"  # written last of all: the packages that it is made of
VARIABLE = "HOMELINE_ASTERISK"  # names a folder with usr/sbin/asterisk as Debian lays it, used instead of the cache
HOW = f"`scripts/setup dev` gets a real Asterisk; or set {VARIABLE} to a folder with one"

# Modules of Debian that no router of ours has: databases, calendars, telephony cards, other protocols. Each costs time
# at every start and complains that it is not configured.
UNWANTED = (
    "_odbc", "_pgsql", "_tds", "_radius", "_ldap", "_sqlite3", "_curl", "_snmp", "_xmpp", "_fax", "_hep", "_calendar",
    "_phoneprov", "_prometheus", "_statsd", "_smdi", "_corosync", "_adsi", "_unistim", "_motif", "_console", "_iax2",
    "_dundi", "_festival", "_minivm", "_voicemail", "_jack", "_alarmreceiver", "_geolocation", "_stir_shaken", "_aeap",
    "_ari", "_websocket", "_lua", "_ael", "_realtime", "_speech", "_agent_pool", "_queue", "_followme", "_confbridge",
    "_page", "_sla", "_directory", "_vmcount", "_http_", "_test", "_enum", "_srv", "_iconv", "_cel", "cel_", "_amr",
    "_codec2", "_stasis", "_mp3", "_ogg_", "_sms", "_resolver_unbound", "_stun", "_parking", "cdrel_", "_publish",
    "cdr_", "_agi", "_getcpeid", "_amd", "_musiconhold",
)  # fmt: skip
WANTED = ("res_pjsip_outbound_publish.so", "res_hep.so", "res_hep_pjsip.so")  # in spite of that: others need them


@dataclass(frozen=True, slots=True)
class Programs:
    """A tree of Debian's layout with Asterisk and SIPp in it."""

    root: Path

    programs = ("usr/sbin/asterisk", "usr/bin/sipp")

    @property
    def libraries(self) -> Path:
        return self.modules.parents[1]

    @property
    def modules(self) -> Path:
        return next(iter(sorted(self.root.glob("usr/lib/*/asterisk/modules"))), self.root / "usr/lib/asterisk/modules")

    @property
    def loader(self) -> Path:
        return next(iter(sorted(self.libraries.glob("ld-linux*.so.*"))), self.libraries / "ld-linux.so")

    @property
    def documentation(self) -> Path:
        """Asterisk reads the meaning of its own options from there, and does not start well without."""
        return self.root / "usr/share/asterisk/documentation"

    @property
    def sounds(self) -> Path:
        """English prompts, laid flat as OpenWrt's package asterisk-sounds lays them."""
        return self.root / "usr/share/asterisk/sounds"

    @property
    def samples(self) -> Path:
        """The configuration that comes with Asterisk, which OpenWrt's packages install as well; it may not be there."""
        return self.root / "etc/asterisk"

    @property
    def version(self) -> str:
        """Asterisk's, such as 22.10.1."""
        line = subprocess.run([*self.asterisk(), "-V"], capture_output=True, text=True, timeout=10, check=True).stdout
        return line.removeprefix("Asterisk").strip().partition("+")[0]

    def asterisk(self) -> list[str]:
        return self._command("usr/sbin/asterisk")

    def sipp(self) -> list[str]:
        return self._command("usr/bin/sipp")

    def _command(self, program: str) -> list[str]:
        """Through its own loader, since the machine's C library may be older."""
        return [str(self.loader), "--library-path", str(self.libraries), str(self.root / program)]

    @staticmethod
    def wanted(module: str) -> bool:
        return module in WANTED or not any(part in module for part in UNWANTED)


def cache_folder() -> Path:
    """Survives the clone that filled it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "homeline"


@cache
def find() -> Programs | None:
    """What is there, complete; None where nothing is."""
    named = os.environ.get(VARIABLE)
    root = Path(named) if named else cache_folder() / CACHED
    if not named and not (root / KEPT).exists():
        return None
    return None if report(root) else Programs(root)


def report(root: Path) -> str:
    """Why a tree cannot be used; empty if it can."""
    programs = Programs(root)
    needed = (*map(root.joinpath, Programs.programs), programs.loader, programs.modules / "chan_pjsip.so")
    for path in (*needed, programs.modules / "res_srtp.so", programs.documentation, programs.sounds):
        if not path.exists():
            return f"{path} is missing"
    try:
        return "" if programs.version else "it does not tell its version"
    except (OSError, subprocess.SubprocessError) as e:
        return f"it does not run: {e}"
