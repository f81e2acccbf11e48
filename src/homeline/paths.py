"""Where things lie on the router, and below another root in the lab and in tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path that Homeline uses, below `root` ("/" on a router)."""

    root: Path = Path("/")

    @property
    def etc_config(self) -> Path:
        """UCI's committed files; the daemon may list the folder but not read its own files there."""
        return self.root / "etc/config"

    @property
    def config(self) -> Path:
        """The readable copy of the committed configuration: what root's helper writes."""
        return self.root / "var/run/homeline/uci"

    @property
    def run(self) -> Path:
        """Runtime files of the daemon (RAM; OpenWrt 23.05 has no /run): msmtp's configuration."""
        return self.root / "var/run/homeline"

    @property
    def state(self) -> Path:
        """What must last (flash): the database's default folder."""
        return self.root / "etc/homeline"

    @property
    def commands(self) -> Path:
        """The only folder from which an owner's executables are run; root's, writable by no other."""
        return self.root / "etc/homeline/commands.d"

    @property
    def bus(self) -> Path:
        """ubusd's socket."""
        return self.root / "var/run/ubus/ubus.sock"

    @property
    def acl(self) -> Path:
        """What lets the daemon, which is not root, publish its object."""
        return self.root / "usr/share/acl.d/homeline.json"

    @property
    def asterisk(self) -> Path:
        """Asterisk's own configuration: the owner's files, to which root's helper adds one include line each."""
        return self.root / "etc/asterisk"

    @property
    def rendered(self) -> Path:
        """The files that Homeline writes for Asterisk (2750 homeline:asterisk, made by root's helper)."""
        return self.root / "etc/asterisk/homeline"

    @property
    def recordings(self) -> Path:
        """Where Asterisk records voicemail (RAM; 2770 asterisk:asterisk, made by root's helper)."""
        return self.root / "var/spool/asterisk/homeline"

    @property
    def greetings(self) -> Path:
        """The owner's announcements (flash)."""
        return self.root / "etc/homeline/greetings"

    @property
    def asterisk_request(self) -> Path:
        """A file by which the daemon asks root's helper to `start` Asterisk or to `restart` it: that word is in it."""
        return self.run / "restart-asterisk"

    @property
    def secrets_request(self) -> Path:
        """What root's helper shall commit, a line each: SECTION-TYPE NAME OPTION VALUE. It deletes the file."""
        return self.run / "commit-secrets"

    @property
    def webhook_socket(self) -> Path:
        """Where the webhook tells the daemon what happened at Twilio (0600)."""
        return self.run / "webhook.sock"

    @property
    def webhook_files(self) -> Path:
        """What the webhook has not handed over yet (RAM; 0700): events, and recordings that it fetched."""
        return self.run / "webhook"

    @property
    def dev(self) -> Path:
        return self.root / "dev"

    @property
    def sys(self) -> Path:
        return self.root / "sys"

    @property
    def proc(self) -> Path:
        """Always the machine's own: the lab has no processes of its own."""
        return Path("/proc")

    @property
    def locks(self) -> Path:
        """UUCP-style lock files (LCK..ttyUSB0)."""
        return self.root / "var/lock"

    def inside(self, path: str) -> Path:
        """An absolute path from the configuration, placed below `root`."""
        return self.root / path.lstrip("/")
