"""A method that we offer on ubus: its declaration, and how one call of it becomes an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from homeline.errors import DecodeError, EncodeError, HomelineError, InvalidArgument
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table
from homeline.protocol.ubus import Attributes, Frame, Status
from homeline.protocol.ubus_arguments import SESSION, Params, check_arguments

log = logging.getLogger("homeline.bus")


class UnsendableError(Exception):
    """A handler gave what blobmsg cannot say, or too much of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a method of ours. `args` are checked and complete with the declaration's types."""

    object: str
    method: str
    args: Table
    user: str = ""  # the caller's, as ubusd knows them; rpcd and uhttpd call as root
    group: str = ""
    session: str = ""  # LuCI's session, when the call came through uhttpd


Handler = Callable[[Request], Awaitable[Table | None]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method to publish. The handler's HomelineError becomes the reply's status; None is a reply without data."""

    handler: Handler
    params: Params = field(default_factory=dict)
    timeout: float = 18.0  # s; LuCI gives up after 20, the `ubus` command after 30


async def answer(name: str, method: Method, obj: int, frame: Frame, call: Attributes) -> bytes:
    """Carry out one call of the object `name`, whose id is `obj`: the messages that answer it.

    Whatever goes wrong becomes a status and a line in the log; only CancelledError is raised.
    """
    what = f"{name} {call.method}"
    try:
        return _reply(await _run(name, method, call), obj, frame)
    except UnsendableError as error:
        log.error("%s: the reply cannot be sent: %s", what, error)
        status: int = Status.UNKNOWN_ERROR
    except HomelineError as error:
        log.info("%s: %s", what, error)
        status = error.status
    except TimeoutError:
        log.warning("%s: not done within %g s", what, method.timeout)
        status = Status.TIMEOUT
    except Exception:
        log.exception("%s: failed", what)
        status = Status.UNKNOWN_ERROR
    return ubus.status(frame.seq, frame.peer, status, obj)


def _reply(reply: Table | None, obj: int, frame: Frame) -> bytes:
    """Raises UnsendableError: our mistake, where an EncodeError of the handler is about the caller's arguments."""
    try:
        table = b"" if reply is None else ubus.data(frame.seq, frame.peer, obj, blobmsg.encode(reply))
    except EncodeError as error:
        raise UnsendableError(str(error)) from error
    return table + ubus.status(frame.seq, frame.peer, Status.OK, obj)


async def _run(name: str, method: Method, call: Attributes) -> Table | None:
    try:
        given = blobmsg.decode(call.data or b"")
    except DecodeError as error:
        raise InvalidArgument(f"the arguments cannot be read: {error}") from None
    session = given.get(SESSION, "")
    args = check_arguments(method.params, given)
    request = Request(
        name, call.method or "", args, call.user or "", call.group or "", session if isinstance(session, str) else ""
    )
    async with asyncio.timeout(method.timeout):
        return await method.handler(request)
