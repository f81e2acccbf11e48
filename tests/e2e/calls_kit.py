"""What the tests of calls share: a home with an Asterisk, phones and providers around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trustme

from e2e.kit import Events, Home
from homeline_lab.asterisk import Asterisk
from homeline_lab.house_asterisk import HouseAsterisk
from homeline_lab.models import MODELS
from homeline_lab.sip_calls import Call
from homeline_lab.sip_peer import Account, Phone, Tls

ACCOUNT = "AC0123456789abcdef0123456789abcdef"  # the owner's at Twilio
OTHER_ACCOUNT = "ACfedcba9876543210fedcba9876543210"
SID = "X-Twilio-AccountSid"
OURS = ((SID, ACCOUNT),)
PASSWORDS = {"desk": "desk-correct-horse", "mobile": "mobile-correct-horse"}
PROVIDER = Account("homeline41", "provider-correct-horse")  # ours at the provider
THEIRS = Account("provider", "theirs-correct-horse")  # the provider's with us
ROUTER = Account("router", "Router-correct-horse-1")  # ours at the owner's SIP domain at Twilio
DID = "+41441234567"  # the number of the line
GSM_HZ, SIP_HZ = 440, 620  # what each side says

# Trunks are not asked whether they are there: Asterisk does so at a random moment after its start, a provider of the
# lab may come later, and one that did not answer gets no calls for a minute.
UCI = {
    "phones": """
config phone 'desk'
	option number '11'
	option display 'Desk'
{phone}

config phone 'mobile'
	option number '12'
{phone}
""",
    "line": """
config line 'home'
	option dongle 'stick'
	option ring_timeout '20'
{line}
""",
    "outbound": """
config outbound 'abroad'
	option via 'home'
	list countries 'CH'
	list countries 'GB'
	option daily_minutes '0'
{outbound}
""",
    "limited": """
config outbound 'limited'
	option via 'home'
	list countries 'CH'
{outbound}
""",
    "twilio": """
config twilio 'twilio'
	option account_sid '{account}'

config trunk 'byoc'
	option type 'twilio'
	option mode 'byoc'
	option host '{provider}'
	list allowed '{provider}/32'
	option secure '{secure}'
	option max_calls '10'
	option qualify '0'
""",
    "softphones": """
config twilio 'twilio'
	option account_sid '{account}'
	option domain 'homeline-demo'
	option caller_id '+15005550006'

config dongle 'stick'
	option number '+41441234567'

config phone 'alice'
	option where 'twilio'

config trunk 'softphones'
	option type 'twilio'
	option mode '{mode}'
	option host '{provider}'
	list allowed '{provider}/32'
	option username '{router}'
	option secure '0'
	option qualify '0'
{trunk}
""",
    "peer": """
config trunk 'peer'
	option type 'sip'
	option mode 'peer'
	option host '{provider}'
	list allowed '{provider}/32'
	option username '{username}'
	option inbound_username '{inbound}'
	option qualify '0'
{trunk}
""",
    "away": """
config outbound 'away'
	option via 'peer'
	list countries 'GB'
	option daily_minutes '0'
""",
    "registered": """
config trunk 'registered'
	option type 'sip'
	option mode 'registered'
	option host '{provider}'
	option qualify '0'
	option username '{username}'
{registering}
""",
}  # fmt: skip


GAPS = {
    "phone": "",
    "line": "",
    "outbound": "",
    "trunk": "",
    "provider": "127.0.0.1",
    "secure": "0",
    "registering": "",
    "account": ACCOUNT,
    "mode": "byoc",
    "router": ROUTER.username,
    "username": PROVIDER.username,
    "inbound": THEIRS.username,
}  # what the parts of UCI have in these places unless a test says otherwise


def secrets() -> str:
    """UCI of the passwords; one for a section that is not there does nothing."""
    phones = "".join(f"config phone '{name}'\n\toption password '{word}'\n" for name, word in PASSWORDS.items())
    ours, theirs = f"\toption password '{PROVIDER.password}'\n", f"\toption inbound_password '{THEIRS.password}'\n"
    router = f"config trunk 'softphones'\n\toption password '{ROUTER.password}'\n"
    return f"{phones}config trunk 'peer'\n{ours}{theirs}config trunk 'registered'\n{ours}{router}"


def uci(**options: str | Sequence[str]) -> str:
    """Options, and lists where the value is one, as UCI writes them."""
    return "".join(
        f"\toption {name} '{value}'\n" if isinstance(value, str) else "".join(f"\tlist {name} '{v}'\n" for v in value)
        for name, value in options.items()
    )


class CallHome(Home):
    """A home whose Asterisk follows the daemon."""

    parts: tuple[str, ...] = ()
    within: Sequence[str] = ()  # a command that runs the daemon's
    gaps: Mapping[str, str] = {}

    @property
    def calls(self) -> HouseAsterisk:
        """The house's Asterisk with the telephone network behind it."""
        assert self.asterisk
        return self.asterisk

    @property
    def pbx(self) -> Asterisk:
        """Asterisk itself: its command line and its log."""
        return self.calls.asterisk

    @property
    def gsm(self) -> list[Call]:
        """Every call that has left through a dongle."""
        return self.calls.exchange.calls

    def command(self, program: Sequence[str]) -> list[str]:
        return [*self.within, *super().command(program)]

    async def changed(self, **gaps: str) -> None:
        """Commits other values for the gaps, and waits until Asterisk follows them."""
        self.gaps = {**self.gaps, **gaps}
        self.events.heard.clear()
        self.router.configure(self.configuration(sections(self.parts, self.gaps)))
        await self.follows()

    async def follows(self) -> None:
        """Until the daemon says that Asterisk has what is configured."""
        await self.events.wait("config.applied", lambda data: data.get("asterisk") == "applied", 30.0)

    async def processed(self) -> int:
        """How many calls have ever entered the dial plan."""
        return int((await self.pbx.cli("core show channels")).rpartition(" call")[0].split()[-1])

    async def quiet(self) -> None:
        """Until no channel is up any more. TimeoutError names those that are."""
        channels: list[str] = []
        try:
            async with asyncio.timeout(5):
                while channels := await self.pbx.channels():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"still up: {channels}") from None


def sections(parts: Sequence[str], gaps: Mapping[str, str]) -> str:
    return "".join(UCI[part].format(**{**GAPS, **gaps}) for part in parts)


@asynccontextmanager
async def calling(
    root: Path,
    *parts: str,
    sip: str = "",
    files: Mapping[str, str] | None = None,
    address: str = "",
    within: Sequence[str] = (),
    **gaps: str,
) -> AsyncIterator[CallHome]:
    """A home with these parts of `UCI`, its dial plan in force. `gaps` fill theirs; `files` are the owner's.

    `address` is the house's, `within` a command within which the daemon and Asterisk run.
    """
    asterisk = HouseAsterisk(root, files=files, address=address, within=within)
    dongle = {"driver": "chan_dongle", "imei": MODELS["e1750"].imei}
    home = CallHome(root, asterisk=asterisk, sip=sip, secret=secrets(), dongle_options=dongle)
    home.parts, home.gaps, home.within = parts, gaps, within
    async with home:
        home.router.configure(home.configuration(sections(parts, gaps)))
        home.events = Events(home)
        await home.bus.wait_ready(10)
        try:
            await home.run(state="")
            await home.follows()
            await home.calls.ready()
            yield home
        finally:
            print(home.log)
            print(home.pbx.log[-20000:])


def certificates(root: Path, *addresses: str) -> Tls:
    """One certificate for the house and all its peers, where the house may have its own."""
    folder = root / "etc/homeline"
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    own = authority.issue_cert(*addresses)
    files = Tls(folder / "sip.pem", folder / "sip.key", folder / "ca.pem")
    own.cert_chain_pems[0].write_to_path(str(files.certificate))
    own.private_key_pem.write_to_path(str(files.key))
    authority.cert_pem.write_to_path(str(files.ca))
    return files


TLS = """	list transports 'udp'
	list transports 'tls'
	option certificate '/etc/homeline/sip.pem'
	option key '/etc/homeline/sip.key'
	option ca_file '/etc/homeline/ca.pem'
"""


async def talk(caller: Call, called: Call) -> None:
    """Each hears the other, whatever was said before."""
    caller.play(GSM_HZ)
    called.play(SIP_HZ)
    await asyncio.gather(caller.hears(SIP_HZ), called.hears(GSM_HZ))


@asynccontextmanager
async def phone(home: CallHome, name: str, **options: Any) -> AsyncIterator[Phone]:
    """One of the house's phones, registered."""
    at = home.calls.at("tls" if options.get("tls") else "udp")
    async with Phone(home.root / f"phone-{name}", at, name=name, password=PASSWORDS[name], **options) as found:
        await found.registered()
        yield found
