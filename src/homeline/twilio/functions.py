"""The function at Twilio: its code as it is deployed, and how another is. Source: Twilio's OpenAPI, serverless v1."""

from __future__ import annotations

import hashlib

from homeline.twilio.account import Account
from homeline.twilio.trouble import Trouble

RUNTIME = "node22"
_BUILD = "serverless.v1.service.build"
_VERSION = "serverless.v1.service.function.function_version"
_LOOK = 2.0  # seconds between looks at a build


def digest(code: str) -> str:
    """By which code is compared and shown."""
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def deployed(account: Account, service: str, build: str, path: str) -> str:
    """The code that is deployed at a path, protected; "" where there is none, or one that anybody may call."""
    try:
        return _deployed(account, service, build, path)
    except Trouble as error:
        if error.status != 404:
            raise
        return ""


def _deployed(account: Account, service: str, build: str, path: str) -> str:
    with account.asking("The function's code cannot be read"):
        versions = account.resource(f"{_BUILD}:BuildContext", service, build).fetch().function_versions or []
        found = next((version for version in versions if version["path"] == path), None)
        if found is None or str(found["visibility"]).lower() != "protected":
            return ""
        where = f"{_VERSION}.function_version_content:FunctionVersionContentContext"
        return str(account.resource(where, service, found["function_sid"], found["sid"]).fetch().content)


def deploy(account: Account, service: str, environment: str, function: str, path: str, code: str) -> None:
    """Uploads, builds and deploys. What an earlier try left behind does no harm: only what is deployed runs.

    No dependencies are named: every build has Twilio's own (…/docs/serverless/functions-assets/functions/dependencies),
    and of a version that is named Twilio may think otherwise any day.
    """
    version = account.uploaded(service, function, path, code)
    with account.asking("The function cannot be built"):
        build = account.resource(f"{_BUILD}:BuildList", service).create(function_versions=[version], runtime=RUNTIME)
        _wait(account, service, str(build.sid))
    with account.asking("The function cannot be deployed"):
        where = "serverless.v1.service.environment.deployment:DeploymentList"
        account.resource(where, service, environment).create(build_sid=build.sid)


def _wait(account: Account, service: str, build: str) -> None:
    """Until a build has ended well; the transport's deadline ends it otherwise."""
    status = account.resource(f"{_BUILD}.build_status:BuildStatusContext", service, build)
    while (state := str(status.fetch().status)) != "completed":
        if state == "failed":
            raise Trouble("Twilio could not build it; its console has the log under Functions, Services.")
        account.transport.wait(_LOOK)
