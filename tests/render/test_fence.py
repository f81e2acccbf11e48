"""The hand-made recipe and our files together, in a real Asterisk: strangers get no call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline.config import read
from homeline.core import audit
from homeline.render import render
from homeline.render.fence import NAME, fence
from homeline.telephony import Facts
from homeline_lab.asterisk import Asterisk, free_port, own_address
from homeline_lab.sip_raw import Stranger, request
from render.live import asterisk, included

__all__ = ["asterisk_programs"]
RECIPE = {path.name: path.read_text() for path in (Path(__file__).parents[1] / "asterisk_recipe").glob("*.conf")}
SECRETS = "config phone 'anna'\n\toption password 'gLb7-tQz4-w9Xe'\n"


def uci(address: str, *more: str) -> str:
    return (
        f"config sip 'sip'\n\toption enabled '1'\n\toption bind '{address}'\n\toption ami_port '{free_port()}'\n"
        "\tlist local_networks '192.168.1.0/24'\n" + "".join(more)
    )


CALLED = "the dongle would call"
PHONE = "config phone 'anna'\n"


def recipe(address: str, remote: str) -> dict[str, str]:
    """The recipe at an address of the test's: its provider is `remote`, and its dongle a line in the log."""
    files = {
        name: text.replace("REMOTE", remote).replace("0.0.0.0:5060", f"{address}:5080") for name, text in RECIPE.items()
    }
    for dial in ("Dial(${GSM}/${EXTEN})", "Dial(Dongle/dongle0/${EXTEN})"):
        files["extensions.conf"] = files["extensions.conf"].replace(dial, f"Log(NOTICE,{CALLED} by ${{CHANNEL}})")
    files["manager.conf"] = files["manager.conf"].replace("5038", str(free_port())).replace("0.0.0.0", "127.0.0.1")
    return files


@asynccontextmanager
async def home(root: Path, address: str, remote: str, accepted: Sequence[str]) -> AsyncIterator[Asterisk]:
    """The recipe in an Asterisk that has our files as well."""
    settings = read(uci(address, *(f"\tlist accepted '{key}'\n" for key in accepted), PHONE), SECRETS)
    assert settings.problems == ()
    findings = audit.audit(RECIPE, settings)
    owners = recipe(address, remote)
    facts = Facts(
        root=str(root),
        ami_secret="0123456789abcdef",
        sections={
            "pjsip.conf": ("global", "type=global"),
            "manager.conf": ("general",),
            "extensions.conf": ("general", "globals"),
        },
        closed=audit.closed(findings),
        fence=audit.fence(findings, owners),
    )
    rendered = render(settings, facts)
    files = {**owners, **included(rendered, owners)}
    async with asterisk(root, rendered, files) as running:
        yield running


@pytest.mark.usefixtures("asterisk_programs")
@pytest.mark.parametrize("accepted", [True, False])
async def test_strangers_get_no_call_from_the_recipe(tmp_path: Path, accepted: bool) -> None:
    """Where the owner accepts what the audit found, they do: so it is the fence that keeps them out."""
    address, provider, nowhere = own_address(), own_address(), own_address()
    keys = ["pjsip.conf:byoc", "pjsip_wizard.conf:twilio"] if accepted else []
    answers = {}
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(home(tmp_path, address, provider, keys))
        for place in (nowhere, provider):
            stranger = await stack.enter_async_context(Stranger(place))
            for user in ("byoc", "twilio", "6001", "anna", "nobody"):
                packet = request("INVITE", "0791112233", (address, 5080), source=stranger.source, from_user=user)
                answers[place == provider, user] = await stranger.ask(packet, (address, 5080))
        expected = 7 if accepted else 5
        async with asyncio.timeout(5):  # the last one's line may be written after its answer was sent
            while (calls := sum(CALLED in line and "NOTICE[" in line for line in running.log.splitlines())) < expected:
                await asyncio.sleep(0.02)
    outside = {answer for (known, _), answer in answers.items() if not known}
    assert outside == ({"INVITE 603", "INVITE 401"} if accepted else {"INVITE 403"})
    # The wizard's own provider is known by its address, whatever it writes into From.
    assert calls == expected


def test_the_fence_has_room_for_everybody_we_know() -> None:
    settings = read(
        uci("127.0.0.1", "config phone 'anna'\n\tlist allow_from '10.8.0.0/24'\n",
            "config trunk 'sky'\n\toption mode 'peer'\n\toption host '192.0.2.9'\n\tlist allowed '192.0.2.0/28'\n"),
        SECRETS,
    )  # fmt: skip
    facts = Facts(fence=("198.51.100.7",))
    (section,) = fence(settings, facts)
    assert section.name == NAME
    permitted = [value for option, value in section.options if option == "permit"]
    assert permitted == ["192.168.1.0/24", "10.8.0.0/24", "192.0.2.0/28", "198.51.100.7"]
    assert fence(settings, replace(facts, fence=None)) == []


def test_there_is_no_fence_around_everywhere() -> None:
    settings = read(uci("127.0.0.1", "config phone 'anna'\n\tlist allow_from '0.0.0.0/0'\n"), SECRETS)
    assert fence(settings, Facts(fence=())) == []
