"""rpcd's objects `session` and `uci` for the lab's bus."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeline.adapters.bus_method import Method, Request
from homeline.errors import InvalidArgument, NoData, NotFound, PermissionDenied
from homeline.protocol.blobmsg import Table, Type
from homeline.protocol.ubus_arguments import Param
from homeline_lab.uci import Change, Uci, Value

_STRING = Param(Type.STRING)
_NEEDED = Param(Type.STRING, required=True)
_TABLE = Param(Type.TABLE)


class Sessions:
    """rpcd's `session`, as much as a page and a test need.

    `check(user, password)` says who may log in: who knows the one password. Who logs in may do what `allow(user, scope,
    object, function)` allows, and is told so by `grants(user)`: everything, until the page host sets both.
    """

    TIMEOUT = 300  # seconds, told to the client; a session of the lab ends with the lab

    def __init__(self, password: str = "") -> None:
        self._users: dict[str, str] = {}
        self.check: Callable[[str, str], bool] = lambda user, given: secrets.compare_digest(given, password)
        self.allow: Callable[[str, str, str, str], bool] = lambda user, scope, name, function: True
        self.grants: Callable[[str], Table] = lambda user: {"ubus": {"*": ["*"]}, "uci": {"*": ["read", "write"]}}

    def methods(self) -> dict[str, Method]:
        """For `Ubusd.add_local`."""
        session = {"username": _STRING, "password": _STRING, "timeout": Param(Type.INT32)}
        return {
            "login": Method(self._login, session),
            "access": Method(self._access, {"scope": _STRING, "object": _STRING, "function": _STRING}),
            "list": Method(self._list),
            "destroy": Method(self._destroy),
        }

    def user(self, session: str) -> str:
        """Who logged in. NotFound if the session does not exist."""
        if session not in self._users:
            raise NotFound("there is no such session")
        return self._users[session]

    def login(self, user: str, password: str) -> str:
        """A new session. PermissionDenied."""
        if not self.check(user, password):
            raise PermissionDenied("wrong password")
        session = secrets.token_hex(16)
        self._users[session] = user
        return session

    def may(self, session: str, scope: str, name: str, function: str) -> bool:
        """Whether a session allows that; a session that does not exist is nobody's."""
        return self.allow(self._users.get(session, ""), scope, name, function)

    async def _login(self, request: Request) -> Table:
        return self._shown(self.login(request.args.get("username", "root"), request.args.get("password", "")))

    async def _access(self, request: Request) -> Table:
        user = self.user(request.session)
        if "object" not in request.args:
            return self.grants(user)
        words = (request.args.get("scope", "ubus"), request.args["object"], request.args.get("function", ""))
        return {"access": self.allow(user, *words)}

    async def _list(self, request: Request) -> Table:
        self.user(request.session)
        return self._shown(request.session)

    async def _destroy(self, request: Request) -> None:
        self.user(request.session)
        del self._users[request.session]

    def _shown(self, session: str) -> Table:
        return {
            "ubus_rpc_session": session,
            "timeout": self.TIMEOUT,
            "expires": self.TIMEOUT,
            "data": {"username": self._users[session]},
        }


@dataclass(slots=True)
class Applied:
    """Changes that are in force and go back by themselves unless they are confirmed."""

    session: str
    before: dict[str, tuple[str, list[Change]]]  # by configuration: its file, and what was staged
    timer: asyncio.Task[None]


class UciObject:
    """rpcd's `uci`. Changes of a LuCI session are staged apart from the command's, and a commit tells procd.

    `may(session, config, "read" or "write")` is asked for each call that comes from a session.
    """

    APPLY_TIMEOUT = 60  # seconds, rpcd's own

    def __init__(
        self,
        root: Path,
        committed: Callable[[str], Coroutine[Any, Any, None]],
        may: Callable[[str, str, str], bool] = lambda session, config, right: True,
    ) -> None:
        self._root = root
        self._committed = committed
        self._may = may
        self._applied: Applied | None = None

    def methods(self) -> dict[str, Method]:
        """For `Ubusd.add_local`."""
        place = {"config": _NEEDED, "section": _STRING, "option": _STRING, "type": _STRING}
        config = {"config": _NEEDED}
        return {
            "configs": Method(self._configs),
            "get": Method(self._get, place),
            "state": Method(self._get, place),
            "set": Method(self._set, {"config": _NEEDED, "section": _NEEDED, "type": _STRING, "values": _TABLE}),
            "add": Method(self._add, {"config": _NEEDED, "type": _NEEDED, "name": _STRING, "values": _TABLE}),
            "delete": Method(self._delete, {**place, "options": Param(Type.ARRAY)}),
            "changes": Method(self._changes, {"config": _STRING}),
            "revert": Method(self._revert, config),
            "commit": Method(self._commit, config),
            "order": Method(self._order, {"config": _NEEDED, "sections": Param(Type.ARRAY, required=True)}),
            "apply": Method(self._apply, {"rollback": Param(Type.INT8), "timeout": Param(Type.INT32)}),
            "confirm": Method(self._confirm),
            "rollback": Method(self._rollback),
        }

    def _store(self, request: Request, right: str = "") -> Uci:
        """PermissionDenied where the session lacks the right to the configuration that the call names."""
        if right and request.session and not self._may(request.session, request.args["config"], right):
            raise PermissionDenied(f"this session may not {right} {request.args['config']}")
        return Uci(self._root, request.session)

    async def _configs(self, request: Request) -> Table:
        return {"configs": self._store(request).configs()}

    async def _get(self, request: Request) -> Table:
        store, config = self._store(request, "read"), request.args["config"]
        sections = store.sections(config)
        shown = {section.name: self._shown(index, section) for index, section in enumerate(sections)}
        name, wanted = request.args.get("section"), request.args.get("type")
        if name is None:
            return {"values": {k: v for k, v in shown.items() if wanted in (None, v[".type"])}}
        found = shown[store.section(config, name).name]
        option = request.args.get("option")
        if option is None:
            return {"values": found}
        if option not in found:
            raise NotFound(f"{config}.{name} has no option {option}")
        return {"value": found[option]}

    @staticmethod
    def _shown(index: int, section: Any) -> Table:
        names = {".anonymous": section.anonymous, ".type": section.type, ".name": section.name, ".index": index}
        return {**names, **section.options}

    async def _set(self, request: Request) -> None:
        store, config, section = self._store(request, "write"), request.args["config"], request.args["section"]
        if "type" in request.args and not any(known.name == section for known in store.sections(config)):
            store.add(config, request.args["type"], section)
        self._set_values(store, config, section, request.args.get("values", {}))

    async def _add(self, request: Request) -> Table:
        store, config = self._store(request, "write"), request.args["config"]
        section = store.add(config, request.args["type"], request.args.get("name", ""))
        self._set_values(store, config, section, request.args.get("values", {}))
        return {"section": section}

    @staticmethod
    def _set_values(store: Uci, config: str, section: str, values: Table) -> None:
        for option, value in values.items():
            text = _text(value)
            if text:
                store.set(config, section, option, text)
            elif option in store.section(config, section).options:  # an empty value deletes
                store.delete(config, section, option)

    async def _delete(self, request: Request) -> None:
        store, config = self._store(request, "write"), request.args["config"]
        section = request.args.get("section")
        if section is None:
            raise InvalidArgument("delete wants a section")
        options = [*request.args.get("options", ()), *([request.args["option"]] if "option" in request.args else [])]
        for option in options or [""]:
            store.delete(config, section, option)

    async def _changes(self, request: Request) -> Table:
        if "config" in request.args:
            return {"changes": _listed(self._store(request, "read").changes(request.args["config"]))}
        store = self._store(request)
        seen = [name for name in store.configs() if not request.session or self._may(request.session, name, "read")]
        return {"changes": {config: _listed(found) for config in seen if (found := store.changes(config))}}

    async def _revert(self, request: Request) -> None:
        self._store(request, "write").revert(request.args["config"])

    async def _commit(self, request: Request) -> None:
        config = request.args["config"]
        if self._store(request, "write").commit(config):
            await self._committed(config)

    async def _order(self, request: Request) -> None:
        store = self._store(request, "write")
        for place, name in enumerate(request.args["sections"]):
            store.order(request.args["config"], name, place)

    # --- what is applied goes back unless it is confirmed (rpcd, uci.c) ---

    async def _apply(self, request: Request) -> None:
        if not request.session:
            raise InvalidArgument("apply wants a session")
        if self._applied:
            raise PermissionDenied("other changes wait to be confirmed")
        store = self._store(request)
        configs = [config for config in store.configs() if store.changes(config)]
        for config in configs:
            if not self._may(request.session, config, "write"):
                raise PermissionDenied(f"this session may not write {config}")
        before = {config: (store.text(config), store.changes(config)) for config in configs}
        for config in configs:
            store.commit(config)
            await self._committed(config)
        if request.args.get("rollback"):
            seconds = request.args.get("timeout", self.APPLY_TIMEOUT)
            timer = asyncio.get_running_loop().create_task(self._go_back_after(seconds))
            self._applied = Applied(request.session, before, timer)

    async def _confirm(self, request: Request) -> None:
        self._mine(request).timer.cancel()
        self._applied = None

    async def _rollback(self, request: Request) -> None:
        self._mine(request).timer.cancel()
        await self._go_back()

    def _mine(self, request: Request) -> Applied:
        if self._applied is None:
            raise NoData("nothing waits to be confirmed")
        if self._applied.session != request.session:
            raise PermissionDenied("another session applied the changes")
        return self._applied

    async def _go_back_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._go_back()

    async def _go_back(self) -> None:
        applied, self._applied = self._applied, None
        if applied is not None:
            store = Uci(self._root, applied.session)
            for config, (text, changes) in applied.before.items():
                store.write(config, text)
                store.stage(config, changes)
                await self._committed(config)


def _listed(changes: list[Change]) -> list[Change]:
    """Staged changes as rpcd lists them: a list is removed and its items are added, one by one."""
    shown: list[Change] = []
    for change in changes:
        if change[0] == "set" and isinstance(change[-1], list):
            shown.append(["remove", *change[1:-1]])
            shown += [["list-add", *change[1:-1], item] for item in change[-1]]
        else:
            shown.append(change)
    return shown


def _text(value: Any) -> Value:
    """UCI's text of an argument: booleans are 1 and 0, as rpcd writes them."""
    if isinstance(value, list):
        return [str(_text(item)) for item in value]
    if isinstance(value, dict):
        raise InvalidArgument("a value is text, a number, or a list of them")
    return str(int(value)) if isinstance(value, bool) else str(value)
