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
    """What is rendered for a house at this address, or at that of `uci` with free ports.

    Each trunk's host is `host`, so that nobody asks the network for a name. The house's certificate is for its address,
    with files in etc/homeline: peer.crt, peer.key are another one of the same authority, ca.pem, for `host`.
    """
    place = f"port '{free_port()}'\n\toption tls_port '{free_port()}" if "option bind" in uci else f"bind '{address}"
    at = f"option enabled '1'\n\toption {place}'\n\toption ami_port '{free_port()}'"
    uci = _NAMES.sub(host or address, uci).replace(
        "config sip 'sip'\n\toption enabled '1'", f"config sip 'sip'\n\t{at}"
    )
    _certificates(root / "etc/homeline", address, host or address)
    own = uci.replace("option certificate", "option ca_file '/etc/homeline/ca.pem'\n\toption certificate")
    facts = replace(facts, root=str(root))
    wanted = config.read(own, SECRETS)
    assert all(problem.where.startswith("homeline_secret.") for problem in wanted.problems), wanted.problems
    return render(wanted, facts), facts


def _certificates(folder: Path, address: str, host: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, identity in (("sip", address), ("peer", host)):
        own = authority.issue_cert(identity)
        own.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
        own.private_key_pem.write_to_path(folder / f"{name}.key")


def included(rendered: Rendered, owners: Mapping[str, str] = {}) -> dict[str, str]:
    """Files for etc/asterisk: ours in their folder, and the owner's with the lines that include ours.

    The log goes to where the lab looks for it as well.
    """
    files = {f"homeline/{name}": text for name, text in rendered.files.items()}
    for name in rendered.files:
        line, head = f'#tryinclude "homeline/{name}"\n', f"[{INCLUDED_BELOW.get(name, '')}]\n"
        below = head + line.replace("/", "//")
        own = owners.get(name, "")
        files[name] = (own.replace(head, below, 1) if name in INCLUDED_BELOW else own) + line
    files["logger.conf"] += "[logfiles](+)\nfull => notice,warning,error,verbose(3)\n"
    return files


def asterisk(root: Path, rendered: Rendered, files: Mapping[str, str] | None = None) -> Asterisk:
    """Not started yet. `files` take the place of those that include ours. No hep.conf: no modules for it."""
    (root / "var/spool/asterisk/homeline").mkdir(parents=True, exist_ok=True)
    without = () if "hep.conf" in rendered.files else ("res_hep", "res_hep_pjsip")
    return Asterisk(root, files={**included(rendered), **(files or {})}, without=without)
