"""Configuration -> Asterisk's files, as a pure function.

It runs as a process that ends again (`python3 -m homeline.render`), as it needs Jinja2: the daemon imports none of it.
"""

from __future__ import annotations

from homeline.config_options import Config
from homeline.core import texts
from homeline.render import dialplan, drivers, pjsip, system
from homeline.render.dialplan import Dialplan
from homeline.render.part import Part, digest
from homeline.render.template import sections
from homeline.telephony import MARK, Facts, Rendered


def render(config: Config, facts: Facts) -> Rendered:
    """Asterisk's files for this configuration; none where `sip.enabled` is off. Equal arguments give equal octets.

    RenderError says which section and option cannot be written.
    """
    if not config.sip.enabled:
        return Rendered()
    plan = dialplan.extensions(config, facts)
    needed = {*plan.needed, *pjsip.needed(config), *map(str, system.driven(config))}
    parts = _parts(config, facts, needed)
    sip, modules = parts["pjsip.conf"].sections, parts["modules.conf"].sections
    return Rendered(
        files={**{file: sections(file, part.sections) for file, part in parts.items()}, "extensions.conf": plan.text},
        objects=_objects(pjsip.objects(sip), plan),
        restart=digest(repr([*pjsip.restart(sip), *modules])),
        needed=tuple(sorted(needed)),
        problems=(*(problem for part in parts.values() for problem in part.problems), *plan.problems),
    )


def _parts(config: Config, facts: Facts, needed: set[str]) -> dict[str, Part]:
    """The files of sections, by name."""
    return {
        "pjsip.conf": pjsip.pjsip(config, facts),
        "rtp.conf": system.rtp(config, facts),
        "logger.conf": system.logger(config, facts),
        "manager.conf": system.manager(config, facts),
        "modules.conf": system.modules(needed, facts),
        **({"hep.conf": system.capture(config, facts)} if texts.by_message(config) else {}),
        **{drivers.FILES[driver]: drivers.devices(driver, config, facts) for driver in sorted(system.driven(config))},
    }


def _objects(found: dict[str, tuple[str, ...]], plan: Dialplan) -> dict[str, tuple[str, ...]]:
    return {**found, "context": plan.contexts, MARK: (f"extensions.conf={plan.digest}", *found[MARK])}
