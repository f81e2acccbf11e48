"""The page host: LuCI's addresses on loopback, with the shipped views unchanged, over the bus of a lab's router.

What it serves of ours is `htdocs/`, `root/usr/share/luci/menu.d` and `root/usr/share/rpcd/acl.d` as they are. LuCI's
client library is the lab's small stand-in (`client/`), or the real one of a checkout of LuCI.
"""

from __future__ import annotations

import html
import json
import mimetypes
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl

from homeline.adapters.bus import Bus, Method, Request
from homeline.errors import BusError, NotFound, PermissionDenied
from homeline.protocol.blobmsg import Type
from homeline.protocol.ubus_arguments import SESSION, Param
from homeline_lab.pages import words
from homeline_lab.pages.access import Access, Login
from homeline_lab.pages.calls import Calls
from homeline_lab.pages.http import Asked, HttpServer, Reply
from homeline_lab.pages.menu import Menu
from homeline_lab.router import Router

SHIPPED = Path(__file__).parents[3]
CLIENT = Path(__file__).with_name("client")
ENTRY = "/cgi-bin/luci"
STATIC = "/luci-static"
COOKIE = "sysauth_http"
LOGINS = {"root": Login("homeline"), "guest": Login("guest", writes=False)}
LUCI_CONFIG = "config core 'main'\n\toption lang 'auto'\n"  # LuCI's own configuration, which its library reads
ROLLBACK = 90  # seconds; LuCI takes no less
HTTP_STATUS = {2: 400, 4: 404, 5: 204, 6: 403, 7: 504}  # of ubus' statuses, as LuCI's dispatcher has them


async def _nothing(_request: Request) -> dict[str, Any]:
    return {}


# What LuCI's library asks for when a page begins: features, and modules to load before others. The lab has none.
LUCI_OBJECTS = {
    "luci": {"getFeatures": Method(_nothing)},
    "file": {"list": Method(_nothing, {"path": Param(Type.STRING)})},
}

Action = Callable[[Asked, str], Awaitable[Reply]]  # with the session


class PageHost:
    """`async with PageHost(router) as host:`, then `host.url`.

    `luci` is a checkout of LuCI whose library it serves, `htdocs` another folder with our scripts than the sources'.
    """

    def __init__(
        self,
        router: Router,
        *,
        port: int = 0,
        luci: Path | None = None,
        htdocs: Path = SHIPPED / "htdocs",
        logins: Mapping[str, Login] = LOGINS,
    ) -> None:
        self.router = router
        self._http = HttpServer(self.answer, port)
        self._bus = Bus(router.paths.bus)
        self.access = Access([CLIENT / "acl.json", *_files("root/usr/share/rpcd/acl.d")], logins)
        self._menu = Menu([CLIENT / "menu.json", *_files("root/usr/share/luci/menu.d")], self.access, self._has_config)
        self._calls = Calls(self._bus, router.bus.names, lambda *asked: self._may(asked[0], "ubus", *asked[1:]))
        self._folders = [htdocs / "luci-static", *_library(luci)]
        self._tokens: dict[str, str] = {}  # by session, against forged posts
        self._actions: dict[str, Action] = {
            "admin/menu": self._show_menu,
            "admin/logout": self._log_out,
            "admin/uci/apply_rollback": self._apply_checked,
            "admin/uci/apply_unchecked": self._apply,
            "admin/uci/confirm": self._confirm,
            "admin/uci/revert": self._revert,
        }

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self._http.port}"

    async def __aenter__(self) -> PageHost:
        sessions = self.router.sessions
        sessions.check, sessions.allow, sessions.grants = self._knows, self.access.allows, self.access.grants
        for name, methods in LUCI_OBJECTS.items():
            self.router.bus.add_local(name, methods)
        if not self._has_config("luci"):
            self.router.uci.write("luci", LUCI_CONFIG)
        self._bus.start()
        await self._bus.wait_ready(10)
        await self._http.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.stop()
        await self._bus.close()
        for name in LUCI_OBJECTS:
            self.router.bus.remove_local(name)

    def _knows(self, user: str, password: str) -> bool:
        login = self.access.logins.get(user)
        return login is not None and secrets.compare_digest(password, login.password)

    def _may(self, session: str, scope: str, name: str, function: str) -> bool:
        return self.router.sessions.may(session, scope, name, function)

    def _has_config(self, name: str) -> bool:
        return name in self.router.uci.configs()

    # --- addresses ---

    async def answer(self, asked: Asked) -> Reply:
        """One request."""
        if asked.path.startswith(f"{STATIC}/"):
            return self._file(asked.path.removeprefix(f"{STATIC}/"))
        if asked.path.rstrip("/") == "/ubus":
            return Reply(await self._calls.answer(asked.body), "application/json")
        if asked.path == "/cgi-bin/cgi-download":
            return self._download(asked)
        if asked.path == "/":
            return _moved(f"{ENTRY}/")
        if asked.path == ENTRY or asked.path.startswith(f"{ENTRY}/"):
            return await self._dispatch(asked, asked.path.removeprefix(ENTRY).strip("/"))
        return _failed(404)

    def _file(self, path: str) -> Reply:
        for folder in self._folders:
            found = (folder / path).resolve()
            if found.is_relative_to(folder.resolve()) and found.is_file():
                kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
                return Reply(found.read_bytes(), kind, headers={"Cache-Control": "no-cache"})
        return _failed(404)

    def _download(self, asked: Asked) -> Reply:
        """A file of the router's, as cgi-io gives it: with the right to the program and to the file."""
        form = asked.form()
        session, path = form.get("sessionid", ""), form.get("path", "")
        if not self._may(session, "cgi-io", "download", "read") or not self._may(session, "file", path, "read"):
            return _failed(403)
        root = self.router.paths.root.resolve()
        found = (root / path.lstrip("/")).resolve()
        if not found.is_relative_to(root) or not found.is_file():
            return _failed(404)
        return Reply(found.read_bytes(), form.get("mimetype", "application/octet-stream"))

    async def _dispatch(self, asked: Asked, path: str) -> Reply:
        if path.startswith("admin/translations"):
            return Reply(words.script(path.rpartition("/")[2]), "application/javascript; charset=UTF-8")
        session = asked.cookie(COOKIE)
        try:
            user = self.router.sessions.user(session)
        except NotFound:
            return self._log_in(asked)
        action = self._actions.get(path)
        return await action(asked, session) if action else self._page(asked, user, session, path)

    # --- pages ---

    def _log_in(self, asked: Asked) -> Reply:
        form = asked.form() if asked.method == "POST" else {}
        trouble = ""
        if "luci_username" in form:
            try:
                session = self.router.sessions.login(form["luci_username"], form.get("luci_password", ""))
            except PermissionDenied:
                trouble = "Invalid username and/or password! Please try again."
            else:
                self._tokens[session] = secrets.token_hex(16)
                cookie = f"{COOKIE}={session}; path={ENTRY}/; SameSite=strict; HttpOnly"
                return _moved(asked.path, {"Set-Cookie": cookie})
        page = Template((CLIENT / "login.html").read_text()).substitute(words=trouble)
        return Reply(page.encode(), status=403, headers={"X-LuCI-Login-Required": "yes"})

    def _page(self, asked: Asked, user: str, session: str, path: str) -> Reply:
        wanted = path.split("/") if path else []
        found = self._menu.find(user, wanted)
        if found is None:
            return _failed(404)
        place, node = found
        if node.get("action", {}).get("type") != "view":
            return _failed(404)
        environment = {
            "media": f"{STATIC}/bootstrap",
            "resource": f"{STATIC}/resources",
            "scriptname": ENTRY,
            "pathinfo": f"/{path}",
            "documentroot": "/www",
            "requestpath": wanted,
            "dispatchpath": place,
            "pollinterval": 5,
            "ubuspath": "/ubus/",
            "sessionid": session,
            "token": self._tokens.get(session, ""),
            "nodespec": node,
            "apply_rollback": ROLLBACK,
            "apply_holdoff": 1,
            "apply_timeout": 5,
            "apply_display": 0.5,
        }
        page = Template((CLIENT / "page.html").read_text()).substitute(
            title=html.escape(str(node.get("title", ""))),
            place="-".join(place),
            environment=json.dumps(environment).replace("/", "\\/"),
            view=json.dumps(node["action"]["path"].replace("/", ".")),
            language=words.chosen(self._language(), asked.headers.get("accept-language", "")),
        )
        return Reply(page.encode(), headers={"Cache-Control": "no-cache"})

    def _language(self) -> str:
        options = self.router.uci.section("luci", "main").options
        return str(options.get("lang", "auto"))

    # --- LuCI's own actions ---

    async def _show_menu(self, _asked: Asked, session: str) -> Reply:
        return Reply(json.dumps(self._menu.tree(self.router.sessions.user(session))).encode(), "application/json")

    async def _log_out(self, _asked: Asked, session: str) -> Reply:
        await self._bus.call("session", "destroy", {SESSION: session})
        self._tokens.pop(session, None)
        return _moved(f"{ENTRY}/", {"Set-Cookie": f"{COOKIE}=; path={ENTRY}/; Max-Age=0"})

    async def _apply_checked(self, asked: Asked, session: str) -> Reply:
        reply = await self._uci(asked, session, "apply", {"rollback": True, "timeout": ROLLBACK})
        if reply.status != 200:
            return reply
        return Reply(json.dumps({"token": self._tokens[session]}).encode(), "application/json; charset=UTF-8")

    async def _apply(self, asked: Asked, session: str) -> Reply:
        return await self._uci(asked, session, "apply", {"rollback": False})

    async def _confirm(self, asked: Asked, session: str) -> Reply:
        return await self._uci(asked, session, "confirm")

    async def _revert(self, asked: Asked, session: str) -> Reply:
        for config in (await self._bus.call("uci", "changes", {SESSION: session}))["changes"]:
            reply = await self._uci(asked, session, "revert", {"config": config})
            if reply.status != 200:
                return reply
        return Reply()

    async def _uci(self, asked: Asked, session: str, method: str, arguments: Mapping[str, Any] | None = None) -> Reply:
        """A call of rpcd's `uci` for a posted form with the right token."""
        given = {**asked.query, **dict(parse_qsl(asked.body.decode(errors="replace")))}
        if asked.method != "POST" or not secrets.compare_digest(given.get("token", ""), self._tokens.get(session, "-")):
            return _failed(403)
        try:
            await self._bus.call("uci", method, {**(arguments or {}), SESSION: session})
        except BusError as error:
            return _failed(HTTP_STATUS.get(error.status, 500))
        return Reply()


def _files(folder: str) -> list[Path]:
    return sorted((SHIPPED / folder).glob("*.json"))


def _library(luci: Path | None) -> list[Path]:
    """The folders that LuCI's client library and theme are served from."""
    if luci is None:
        return [CLIENT / "static"]
    folders = [luci / "modules/luci-base/htdocs/luci-static", luci / "themes/luci-theme-bootstrap/htdocs/luci-static"]
    for folder in folders:
        if not folder.is_dir():
            raise NotFound(f"{luci} is no checkout of LuCI: it has no {folder.relative_to(luci)}")
    return folders


def _moved(where: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status=302, headers={"Location": where, **(headers or {})})


def _failed(status: int) -> Reply:
    return Reply(b"" if status == 204 else str(status).encode(), "text/plain", status)
