"""A real Asterisk that runs what we render, on an address of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import trustme

from homeline import config
from homeline.render import render
from homeline.telephony import INCLUDED_BELOW, Facts, Rendered
from homeline_lab.asterisk import Asterisk, free_port
from render.kit import FACTS, SECRETS

_NAMES = re.compile(r"(?<=option host ')[^']*[a-z][^']*")


def house(root: Path, address: str, uci: str, *, host: str = "", facts: Facts = FACTS) -> tuple[Rendered, Facts]:
    """What is rendered for a house at this address. Each trunk's host is `host`: nobody asks the network for a name."""
    at = f"option enabled '1'\n\toption bind '{address}'\n\toption ami_port '{free_port()}'"
    uci = _NAMES.sub(host or address, uci).replace(
        "config sip 'sip'\n\toption enabled '1'", f"config sip 'sip'\n\t{at}"
    )
    authority = _certificates(root)
    own = uci.replace("option certificate", f"option ca_file '{authority}'\n\toption certificate")
    facts = replace(facts, root=str(root))
    return render(config.read(own, SECRETS), facts), facts


def _certificates(root: Path) -> str:
    """The router's certificate and key; the authority's path in the configuration."""
    folder = root / "etc/homeline"
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own = authority.issue_cert("router.example.org")
    own.cert_chain_pems[0].write_to_path(folder / "sip.crt")
    own.private_key_pem.write_to_path(folder / "sip.key")
    return "/etc/homeline/ca.pem"


def included(rendered: Rendered, owners: Mapping[str, str] = {}) -> dict[str, str]:
    """Files for etc/asterisk: ours in their folder, and the owner's with the line that includes ours.

    The log goes to where the lab looks for it as well.
    """
    files = {f"homeline/{name}": text for name, text in rendered.files.items()}
    for name in rendered.files:
        line, head = f'#tryinclude "homeline/{name}"\n', f"[{INCLUDED_BELOW.get(name, '')}]\n"
        own = owners.get(name, "")
        files[name] = own.replace(head, head + line, 1) if name in INCLUDED_BELOW and head in own else own + line
    files["logger.conf"] += "[logfiles](+)\nfull => notice,warning,error,verbose(3)\n"
    return files


def asterisk(root: Path, rendered: Rendered, files: Mapping[str, str] | None = None) -> Asterisk:
    """Not started yet. `files` take the place of those that include ours."""
    (root / "var/spool/asterisk/homeline").mkdir(parents=True, exist_ok=True)
    return Asterisk(root, files={**included(rendered), **(files or {})})
