"""A stateful double of the parts of Twilio's REST API that Homeline asks, on loopback: it keeps what is made.

Its rules are Twilio's as documented, or as stated in the rows: names of domains are unique, a list that is mapped and
a policy that is used cannot be deleted, a build takes a while. No document describes errors; their shape is that of
www.twilio.com/docs/usage/twilios-response, with codes where they are documented.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from homeline_lab.twilio_api_rows import BY_KIND, ROWS, Row

Check = Callable[["Request", "Response"], None]
ROUTE = "/v2/SipDomains/"
COUNTRY = "/v1/DialingPermissions/Countries/"
_FLAGS = ("low_risk_numbers_enabled", "high_risk_special_numbers_enabled", "high_risk_tollfraud_numbers_enabled")
_OLD_TIME, _NEW_TIME = "Mon, 16 Feb 2026 08:00:00 +0000", "2026-02-16T08:00:00Z"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: Any = None  # JSON; None is no content
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An error of Twilio's."""

    def __init__(self, status: int, message: str, code: int = 0) -> None:
        super().__init__(message)
        more = f"https://www.twilio.com/docs/errors/{code}"
        self.response = Response(status, {"code": code, "message": message, "more_info": more, "status": status})


@dataclass(slots=True)
class Resource:
    row: Row
    sid: str
    parents: tuple[str, ...]
    fields: dict[str, Any]


class Twilio:
    """One account. `check` is called with every request and its answer, and raises what is wrong with them."""

    def __init__(self, account: str, key: str, secret: str, check: Check | None = None) -> None:
        self.account, self.check = account, check
        self._login = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
        self.about = {"friendly_name": "Home", "status": "active", "type": "Full", "owner_account_sid": account}
        self.resources: list[Resource] = []
        self.taken: set[str] = set()  # names of domains that others have
        self.routes: dict[str, str] = {}  # by domain
        self.dialing: dict[str, str] = {}  # flags by country
        self.inherits = False
        self.looks = 1  # at a build, until it is done
        self._made = 0

    def add(self, kind: str, parents: tuple[str, ...] = (), **fields: Any) -> str:
        """Puts something there, as the owner would by hand; its SID."""
        row = BY_KIND[kind]
        sid = fields.pop(row.maps) if row.maps else self._sid(row.prefix)
        self.resources.append(Resource(row, sid, parents, {**_copied(row.fields), **fields}))
        return str(sid)

    def of(self, kind: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.row.kind == kind]

    def answer(self, request: Request) -> Response:
        """Never raises but what `check` does."""
        try:
            if request.headers.get("authorization") != self._login:
                raise Refused(401, "Authenticate", 20003)
            response = self._answer(request)
        except Refused as error:
            response = error.response
        if self.check:
            self.check(request, response)
        return response

    def _answer(self, request: Request) -> Response:
        if f"/Accounts/{self.account}" not in request.path and request.path.startswith("/2010"):
            raise Refused(404, f"The requested resource {request.path} was not found", 20404)
        if request.path == f"/2010-04-01/Accounts/{self.account}.json":
            return Response(200, {"sid": self.account, **self.about})
        if request.path.startswith(ROUTE):
            return self._route(request)
        if "/DialingPermissions/" in request.path or request.path == "/v1/Settings":
            return self._dialing(request)
        if found := re.fullmatch(r"(/v1/Services/\w+/Builds/\w+)/Status", request.path):
            return self._build_status(found[1])
        if found := re.fullmatch(r"(/v1/Services/\w+/Functions/\w+/Versions/\w+)/Content", request.path):
            version = self._one(found[1])
            shown = {name: value for name, value in self._shown(version).items() if name.endswith("sid")}
            return Response(200, {**shown, "content": version.fields["content"]})
        for row in ROWS:
            if (parents := _match(row, request.path)) is not None:
                return self._collection(row, parents, request)
        return self._item(request)

    def _collection(self, row: Row, parents: tuple[str, ...], request: Request) -> Response:
        for sid in parents:
            self._find(sid)
        if request.method == "GET":
            return self._page(row, parents, request)
        if request.method != "POST" or not row.creatable:
            raise Refused(405, "Method not allowed")
        return Response(201, self._shown(self._create(row, parents, request)))

    def _page(self, row: Row, parents: tuple[str, ...], request: Request) -> Response:
        found = [each for each in self.resources if each.row is row and each.parents == parents]
        size = int(request.query.get("PageSize", ["50"])[0])
        page = int(request.query.get("Page", ["0"])[0])
        shown = [self._shown(each) for each in found[page * size : (page + 1) * size]]
        more = len(found) > (page + 1) * size
        following = f"{request.path}?PageSize={size}&Page={page + 1}&PageToken=PA{page}" if more else None
        here = f"{request.path}?PageSize={size}&Page={page}"
        if row.old:
            paging = {"page": page, "page_size": size, "uri": here, "first_page_uri": here, "start": page * size}
            return Response(200, {row.key: shown, **paging, "next_page_uri": following})
        host = f"https://{row.product}.twilio.com"
        meta = {"key": row.key, "page": page, "page_size": size, "url": host + here, "first_page_url": host + here}
        meta |= {"next_page_url": host + following if following else None, "previous_page_url": None}
        return Response(200, {row.key: shown, "meta": meta})

    def _create(self, row: Row, parents: tuple[str, ...], request: Request) -> Resource:
        given = self._upload(request) if row.kind == "version" else _form(row, request)
        for name in row.required:
            if not given.get(name) and given.get(name) is not False:
                raise Refused(400, f"Required parameter {name} was not given")
        fields = {**_copied(row.fields), **given}
        self._rules(row, parents, fields)
        sid = fields[row.maps] if row.maps else self._sid(row.prefix)
        resource = Resource(row, sid, parents, fields)
        self._made_known(resource)
        self.resources.append(resource)
        return resource

    def _upload(self, request: Request) -> dict[str, Any]:
        """A form with a file. Its only description is the documentation of function versions."""
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = {}
        for part in message_from_bytes(head + request.body).walk():
            if name := part.get_param("name", header="content-disposition"):
                content = part.get_payload(decode=True)
                parts[str(name)] = content.decode() if isinstance(content, bytes) else ""
        if set(parts) != {"Content", "Path", "Visibility"} or not parts["Path"].startswith("/"):
            raise Refused(400, "Content, Path and Visibility are wanted")
        return {"path": parts["Path"], "visibility": parts["Visibility"], "content": parts["Content"]}

    def _rules(self, row: Row, parents: tuple[str, ...], fields: dict[str, Any], of: Resource | None = None) -> None:
        """What Twilio holds a new or changed resource to."""
        others = [each for each in self.of(row.kind) if each.parents == parents and each is not of]
        if row.unique and any(each.fields[row.unique] == fields[row.unique] for each in others):
            raise Refused(409, f"{row.unique} must be unique")
        if row.maps:
            self._find(fields[row.maps])
            if any(each.sid == fields[row.maps] for each in others):
                raise Refused(400, "It is mapped already")
        if row.kind in ("sip_domain", "trunk"):
            self._domain(row, fields, others)
        if "password" in fields:
            _password(fields["password"])
        for name in ("connection_policy_sid", "byoc_trunk_sid", "build_sid"):
            if fields.get(name):
                self._find(fields[name])

    def _domain(self, row: Row, fields: dict[str, Any], others: list[Resource]) -> None:
        name, end = fields["domain_name"] or "", ".sip.twilio.com" if row.kind == "sip_domain" else ".pstn.twilio.com"
        if not re.fullmatch(rf"[A-Za-z0-9-]{{1,63}}{re.escape(end)}", name):
            raise Refused(400, f"A domain's name must end with {end}")
        if name in self.taken or any(each.fields["domain_name"] == name for each in others):
            raise Refused(400, "Domain name is already taken", 21248)
        if len(fields["friendly_name"] or "") > 64:
            raise Refused(400, "Friendly name is longer than 64 characters")

    def _made_known(self, resource: Resource) -> None:
        """What Twilio fills in, and what else comes of it."""
        fields = resource.fields
        if resource.row.kind == "sip_domain":
            self.routes.setdefault(fields["domain_name"], "us1")
        elif resource.row.kind == "environment":
            fields["domain_name"] = f"{self._find(resource.parents[0]).fields['unique_name']}-1234.twil.io"
        elif resource.row.kind == "build":
            versions = [self._find(sid) for sid in fields["function_versions"]]
            names = ("path", "visibility", "service_sid", "function_sid", "sid")
            fields["function_versions"] = [{name: self._shown(each)[name] for name in names} for each in versions]
            given = json.loads(fields["dependencies"] or "[]")
            fields["dependencies"] = given or [{"name": "@twilio/runtime-handler", "version": "2.0.1"}]
            fields["looks"] = self.looks
        elif resource.row.kind == "deployment":
            build = self._find(fields["build_sid"])
            if build.fields["status"] != "completed":
                raise Refused(400, "The build is not completed")
            self._find(resource.parents[1]).fields["build_sid"] = build.sid

    def _item(self, request: Request) -> Response:
        resource = self._one(request.path)
        if request.method == "GET":
            return Response(200, self._shown(resource))
        if request.method == "DELETE":
            self._delete(resource)
            return Response(204)
        if not resource.row.updatable:
            raise Refused(405, "Method not allowed")
        given = _form(resource.row, request)
        self._rules(resource.row, resource.parents, {**resource.fields, **given}, resource)
        resource.fields |= given
        return Response(200, self._shown(resource))

    def _delete(self, resource: Resource) -> None:
        """Deletes it with what belongs to it; 409 while something else needs it."""
        for other in self.resources:
            uses = (other.fields.get("connection_policy_sid"), other.fields.get("byoc_trunk_sid"))
            if (other.row.maps and other.sid == resource.sid and not resource.row.maps) or resource.sid in uses:
                raise Refused(409, f"It is in use by {other.row.kind}")
        if not resource.row.maps:
            self.resources = [each for each in self.resources if resource.sid not in each.parents]
        self.resources = [each for each in self.resources if each is not resource]

    def _build_status(self, path: str) -> Response:
        build = self._one(path)
        build.fields["looks"] -= 1
        if build.fields["looks"] < 0 and build.fields["status"] == "building":
            build.fields["status"] = "completed"
        shown = self._shown(build)
        return Response(200, {name: shown[name] for name in ("sid", "account_sid", "service_sid", "status")})

    def _route(self, request: Request) -> Response:
        domain = request.path.removeprefix(ROUTE)
        if domain not in self.routes:
            raise Refused(404, f"The requested resource {request.path} was not found", 20404)
        if request.method == "POST":
            self.routes[domain] = request.form["VoiceRegion"][0]
        sid = "QQ" + "0" * 32
        return Response(
            200,
            {"sip_domain": domain, "sid": sid, "account_sid": self.account, "voice_region": self.routes[domain]},
        )

    def _dialing(self, request: Request) -> Response:
        if request.path == "/v1/Settings":
            return Response(200, {"dialing_permissions_inheritance": self.inherits, "url": "https://voice.twilio.com"})
        if request.method == "POST":
            asked = request.form["UpdateRequest"][0]
            for country in json.loads(asked):
                flags = "".join("1" if country[name] == "true" else "0" for name in _FLAGS)
                self.dialing[country["iso_code"]] = flags
            return Response(201, {"update_count": len(json.loads(asked)), "update_request": asked})
        code = request.path.removeprefix(COUNTRY)
        if code not in self.dialing:
            raise Refused(404, f"The requested resource {request.path} was not found", 20404)
        allowed = {name: flag == "1" for name, flag in zip(_FLAGS, self.dialing[code], strict=True)}
        return Response(200, {"iso_code": code, "name": code, "continent": "", "country_codes": ["+41"], **allowed})

    def _find(self, sid: str) -> Resource:
        found = next((each for each in self.resources if each.sid == sid and not each.row.maps), None)
        if found is None:
            raise Refused(404, f"The requested resource {sid} was not found", 20404)
        return found

    def _one(self, path: str) -> Resource:
        """The resource with a path of its own."""
        head, _, sid = path.removesuffix(".json").rpartition("/")
        collection = head + ".json" if path.startswith("/2010") else head
        for each in self.resources:
            if each.sid == sid and _match(each.row, collection) == each.parents:
                return each
        raise Refused(404, f"The requested resource {path} was not found", 20404)

    def _shown(self, resource: Resource) -> dict[str, Any]:
        names = re.findall(r"{(\w+)}", resource.row.path)
        parents = dict(zip([name for name in names if name != "account_sid"], resource.parents, strict=True))
        time = _OLD_TIME if resource.row.old else _NEW_TIME
        hidden = (*resource.row.hidden, "looks", *([resource.row.maps] if resource.row.maps else []))
        fields = {name: value for name, value in resource.fields.items() if name not in hidden}
        shown = {**fields, "sid": resource.sid, "account_sid": self.account, "date_created": time, **parents}
        if resource.row.kind in ("calls_list", "calls_addresses", "registrations_list"):
            del shown["domain_sid"]
        return shown

    def _sid(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:032x}"


def _match(row: Row, path: str) -> tuple[str, ...] | None:
    """The parents' SIDs where a path is that of a row's list."""
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>\\w+)", re.escape(row.path).replace(r"\{", "{").replace(r"\}", "}"))
    found = re.fullmatch(pattern, path)
    return None if found is None else tuple(sid for name, sid in found.groupdict().items() if name != "account_sid")


def _form(row: Row, request: Request) -> dict[str, Any]:
    """A form's fields by the names that answers have for them, as values of their types."""
    given: dict[str, Any] = {}
    for name, values in request.form.items():
        field_name = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        default = row.fields.get(field_name)
        if isinstance(default, bool):
            given[field_name] = values[0].lower() == "true"
        elif isinstance(default, int):
            given[field_name] = int(values[0])
        elif isinstance(default, list) and field_name.endswith("versions"):
            given[field_name] = values
        else:
            given[field_name] = values[0]
    return given


def _password(password: str) -> None:
    """www.twilio.com/docs/voice/sip/api/sip-credential-resource."""
    classes = (r"[a-z]", r"[A-Z]", r"[0-9]")
    if len(password) < 12 or not all(re.search(each, password) for each in classes):
        raise Refused(400, f"Password {password} is too weak")


def _copied(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, list) else value for name, value in fields.items()}


def request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request as HTTP brings it."""
    url = urlsplit(target)
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method, quote(url.path, safe="/%+."), parse_qs(url.query), lower, body)
