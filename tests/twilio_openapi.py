"""Holds requests and answers against Twilio's OpenAPI documents, as far as they are at hand (../shared/data/twilio).

The upload of a function's code is in none of them: `UPLOAD` describes it, after
www.twilio.com/docs/serverless/api/resource/function-version.
"""

from __future__ import annotations

import functools
import json
import re
from email import message_from_bytes
from pathlib import Path
from typing import Any

import jsonschema

from homeline_lab.twilio_api import Request, Response

DOCUMENTS = Path(__file__).parents[2] / "shared" / "data" / "twilio"
NAMES = ("api_v2010", "voice_v1", "serverless_v1", "routes_v2", "trunking_v1")
METHODS = ("get", "post", "delete")
UPLOAD = re.compile(r"/v1/Services/ZS[0-9a-f]{32}/Functions/ZH[0-9a-f]{32}/Versions")
_UPLOAD_FORM = {
    "type": "object",
    "properties": {
        "Content": {"type": "string", "minLength": 1, "maxLength": 1 << 20},
        "Path": {"type": "string", "pattern": "^/[^ ]{0,254}$"},
        "Visibility": {"enum": ["public", "protected", "private"]},
    },
    "required": ["Content", "Path", "Visibility"],
    "additionalProperties": False,
}


def there() -> bool:
    return all(path.is_file() for path in paths())


def paths() -> list[Path]:
    return [DOCUMENTS / f"twilio_{name}.json" for name in NAMES]


@functools.cache
def _operations() -> list[tuple[re.Pattern[str], str, dict[str, Any], dict[str, Any], str]]:
    """Pattern of the path, method, operation, schemas of its document, and which one that is."""
    found = []
    for name, path in zip(NAMES, paths(), strict=True):
        document = json.loads(path.read_text())
        for template, operations in document["paths"].items():
            pattern = re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(template)))
            schemas = document["components"]["schemas"]
            found += [
                (pattern, method, operations[method], schemas, name) for method in METHODS if method in operations
            ]
    return found


def document_of(request: Request) -> str:
    return _operation(request)[2]


def _operation(request: Request) -> tuple[dict[str, Any], dict[str, Any], str]:
    for pattern, method, found, schemas, name in _operations():
        if method == request.method.lower() and pattern.fullmatch(request.path):
            return found, schemas, name
    raise AssertionError(f"no document has {request.method} {request.path}")


def check(request: Request, response: Response) -> None:
    """AssertionError where either does not fit. Of errors only that they are: no document describes them."""
    if request.method == "POST" and UPLOAD.fullmatch(request.path):
        _valid(_upload(request), _UPLOAD_FORM, request)
        found, schemas, _ = _operation(Request("GET", f"{request.path}/ZN", {}, {}, b""))
        answer = found["responses"]["200"]
    else:
        found, schemas, _ = _operation(request)
        _check_query(request, found)
        _check_form(request, found, schemas)
        if response.status >= 400:
            return
        assert str(response.status) in found["responses"], f"{request.path} {response.status}"
        answer = found["responses"][str(response.status)]
    if content := answer.get("content"):
        schema = _inlined(content["application/json"]["schema"], schemas)
        _valid(response.body, schema, request)
        _known(response.body, schema, request)
    else:
        assert response.body is None


def _check_query(request: Request, found: dict[str, Any]) -> None:
    names = {each["name"] for each in found.get("parameters", []) if each["in"] == "query"}
    assert set(request.query) <= names, f"{request.path}: {set(request.query) - names}"


def _check_form(request: Request, found: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "requestBody" not in found:
        assert not request.body
        return
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    schema = _inlined(found["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"], schemas)
    assert set(request.form) <= set(schema["properties"]), f"{request.path}: {request.form.keys()}"
    form = {name: _typed(values, schema["properties"][name]) for name, values in request.form.items()}
    _valid(form, schema, request)


def _typed(values: list[str], schema: dict[str, Any]) -> Any:
    """A form's values as the schema's type, as a server reads them."""
    if schema.get("type") == "array":
        return values
    assert len(values) == 1
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}[values[0]]
    return int(values[0]) if schema.get("type") == "integer" else values[0]


def _upload(request: Request) -> dict[str, str]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: dict[str, str] = {}
    for part in message_from_bytes(head + request.body).get_payload():
        content = part.get_payload(decode=True)
        parts[part.get_param("name", header="content-disposition")] = content.decode()
    return parts


def _inlined(schema: Any, schemas: dict[str, Any]) -> Any:
    """A schema of OpenAPI 3.0 as one of JSON Schema: references in place, `nullable` as a type."""
    if isinstance(schema, list):
        return [_inlined(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    made = {name: _inlined(value, schemas) for name, value in schema.items() if name not in ("example", "examples")}
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


def _known(body: Any, schema: dict[str, Any], request: Request) -> None:
    """The double says nothing that Twilio does not."""
    assert set(body) <= set(schema["properties"]), f"{request.path}: {set(body) - set(schema['properties'])}"
    for name, value in body.items():
        items = schema["properties"][name].get("items", {})
        for each in value if isinstance(value, list) and "properties" in items else []:
            _known(each, items, request)


def _valid(value: Any, schema: dict[str, Any], request: Request) -> None:
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    assert not errors, f"{request.method} {request.path}: {errors[0].message[:300]} at {list(errors[0].path)}"
