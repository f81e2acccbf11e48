"""What Asterisk has read of its files, as its manager shows it: a reload's own answer says nothing about that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused
from homeline.protocol import ami_state
from homeline.protocol.ami import Message
from homeline.protocol.ami_state import Endpoint
from homeline.telephony import MARK, MARKER

TIMEOUT = 10.0  # s for each list
UNKNOWN = "unknown transport"  # a kind beside those: transports of which Asterisk does not tell whether it has them
_TRANSPORT = "AST_SORCERY(res_pjsip,transport,{},protocol)"  # func_sorcery; "" where there is no such transport


async def read(ami: Ami, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The names of all that Asterisk has, by the kinds of `telephony.Rendered.objects`; the owner's are among them.

    Some are only known by being asked for. Of the transports in `wanted` those are named that an endpoint uses or that
    Asterisk's module func_sorcery confirms; without the module the others are `UNKNOWN`. A context with nothing in it
    is named if it is in `wanted`.
    Raises TimedOut, ConnectionLost, ProtocolError.
    """
    names = _objects(await listed(ami, "PJSIPShowEndpoints"), "EndpointList")
    found = [ami_state.endpoint(await listed(ami, "PJSIPShowEndpoint", Endpoint=name)) for name in names]
    endpoints = [item for item in found if item is not None]
    transports, unknown = await _transports(ami, endpoints, wanted.get("transport", ()))
    registrations = await listed(ami, "PJSIPShowRegistrationsOutbound")
    return {
        "endpoint": _sorted(item.name for item in endpoints),
        "identify": _sorted(name for item in endpoints for name in item.identifies),
        "aor": _objects(await listed(ami, "PJSIPShowAors"), "AorList"),
        "auth": _objects(await listed(ami, "PJSIPShowAuths"), "AuthList"),
        "registration": _objects(registrations, "OutboundRegistrationDetail"),
        "transport": transports,
        UNKNOWN: unknown,
        "context": await _contexts(ami, wanted.get("context", ())),
        MARK: await _marks(ami, endpoints),
    }


async def listed(ami: Ami, action: str, **fields: str) -> list[Message]:
    """A list; [] where Asterisk refuses it, since it does not have what is asked for or its module is not loaded."""
    try:
        return await ami.list(action, TIMEOUT, **fields)
    except ActionRefused:
        return []


async def _contexts(ami: Ami, wanted: tuple[str, ...]) -> tuple[str, ...]:
    found = {item.get("Context") for item in await listed(ami, "ShowDialPlan")}
    return _sorted(found | {name for name in wanted if name not in found and await _has_context(ami, name)})


async def _has_context(ami: Ami, name: str) -> bool:
    try:
        await ami.list("ShowDialPlan", TIMEOUT, Context=name)
    except ActionRefused:
        return False
    return True


async def _transports(
    ami: Ami, endpoints: list[Endpoint], wanted: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that are there, and those of `wanted` of which nothing can be known."""
    used = {name for item in endpoints for name in item.transports}
    unused = {name for name in wanted if name not in used}
    confirmed = {name for name in unused if await _getvar(ami, _TRANSPORT.format(name))}
    lost = unused - confirmed
    told = not lost or await _loaded(ami, "func_sorcery")
    return _sorted(used | confirmed), () if told else _sorted(lost)


async def _loaded(ami: Ami, module: str) -> bool:
    try:
        await ami.call("ModuleCheck", Module=module)
    except ActionRefused:
        return False
    return True


async def _marks(ami: Ami, endpoints: list[Endpoint]) -> tuple[str, ...]:
    marks = {item.name: ami_state.variable(item.variables, MARKER) for item in endpoints}
    marks["extensions.conf"] = await _getvar(ami, MARKER)
    return _sorted(f"{name}={mark}" for name, mark in marks.items() if mark)


async def _getvar(ami: Ami, name: str) -> str:
    """A global variable, or what a function of the dial plan comes to; "" where there is none."""
    try:
        return (await ami.call("Getvar", Variable=name)).get("Value")
    except ActionRefused:
        return ""


def _objects(items: list[Message], event: str) -> tuple[str, ...]:
    return _sorted(item.get("ObjectName") for item in items if item.event == event)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
