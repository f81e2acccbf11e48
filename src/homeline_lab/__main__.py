"""`python -m homeline_lab COMMAND`, also installed as `homeline-lab`."""

from __future__ import annotations

import importlib
import sys

# command: the module with `main(arguments) -> exit code`, and what it does
COMMANDS = {
    "demo": ("homeline_lab.demo", "all of it at once, to look at and play with (make demo)"),
    "dongle": ("homeline_lab.dongle_command", "a simulated GSM dongle"),
    "uci": ("homeline_lab.uci_command", "set, get, commit … as on the router, for a lab root"),
    "asterisk": ("homeline_lab.asterisk_get", "get a real Asterisk out of Debian's packages, without installing"),
    "python": ("homeline_lab.python_get", "get the routers' Pythons out of Debian's packages, without installing"),
    "screenshots": ("homeline_lab.pages.screenshots", "pictures of the pages of LuCI (make screenshots)"),
    "packages": ("homeline_lab.packages.command", "OpenWrt packages (make ipk, make apk, make sizes)"),
    "bench": ("homeline_lab.bench.command", "Homeline measured beside gammu-smsd and smstools"),
}


def main() -> int:
    """The exit code; 2 for a command that does not exist."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        print("usage: homeline-lab COMMAND …\n", *(f"  {n:8} {what}" for n, (_, what) in COMMANDS.items()), sep="\n")
        return 0 if name in ("-h", "--help") else 2
    code: int = importlib.import_module(COMMANDS[name][0]).main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
