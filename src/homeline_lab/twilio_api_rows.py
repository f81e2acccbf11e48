"""What Twilio's REST API has, as far as Homeline asks it: one row for each kind of resource.

By hand after Twilio's OpenAPI documents (github.com/twilio/twilio-oai), against which tests check every request and
every answer of the double. A field's default says its type: what a form brings is read as that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | bool | None | list[object] | dict[str, object]

_ACCOUNT = "/2010-04-01/Accounts/{account_sid}"
_SIP = f"{_ACCOUNT}/SIP"
_DOMAIN = f"{_SIP}/Domains/{{domain_sid}}"
_SERVICE = "/v1/Services/{service_sid}"
_VOICE = {"voice_url": None, "voice_method": "POST", "voice_fallback_url": None, "voice_fallback_method": "POST"}


@dataclass(frozen=True, slots=True)
class Row:
    """`path` is that of the list; `{…_sid}` in it are the parents' SIDs. `maps`: the SID is given, by this field."""

    kind: str
    path: str
    key: str  # of the list in an answer
    prefix: str  # of SIDs
    required: tuple[str, ...] = ()
    fields: Mapping[str, Value] = field(default_factory=dict)
    unique: str = ""  # a field that only one has, among those of the same parent
    maps: str = ""
    hidden: tuple[str, ...] = ()  # fields that are never given back
    updatable: bool = True
    creatable: bool = True

    @property
    def old(self) -> bool:
        """Whether it is of the API of 2010, which pages and ends its paths in another way."""
        return self.path.startswith("/2010")

    @property
    def product(self) -> str:
        if self.old:
            return "api"
        kind = self.path.split("/")[2]
        return {"Services": "serverless", "Trunks": "trunking"}.get(kind, "voice")


ROWS = (
    Row("credential_list", f"{_SIP}/CredentialLists.json", "credential_lists", "CL", ("friendly_name",)),
    Row(
        "credential",
        f"{_SIP}/CredentialLists/{{credential_list_sid}}/Credentials.json",
        "credentials",
        "CR",
        ("username", "password"),
        unique="username",
        hidden=("password",),
    ),
    Row("access_list", f"{_SIP}/IpAccessControlLists.json", "ip_access_control_lists", "AL", ("friendly_name",)),
    Row(
        "address",
        f"{_SIP}/IpAccessControlLists/{{ip_access_control_list_sid}}/IpAddresses.json",
        "ip_addresses",
        "IP",
        ("friendly_name", "ip_address"),
        {"cidr_prefix_length": 32},
    ),
    Row(
        "sip_domain",
        f"{_SIP}/Domains.json",
        "domains",
        "SD",
        ("domain_name",),
        {
            **_VOICE,
            "friendly_name": None,
            "auth_type": "",
            "voice_status_callback_url": None,
            "voice_status_callback_method": "POST",
            "sip_registration": False,
            "secure": False,
            "emergency_calling_enabled": False,
            "byoc_trunk_sid": None,
            "emergency_caller_sid": None,
        },
    ),
    Row(
        "calls_list",
        f"{_DOMAIN}/Auth/Calls/CredentialListMappings.json",
        "contents",
        "CL",
        ("credential_list_sid",),
        maps="credential_list_sid",
        updatable=False,
    ),
    Row(
        "calls_addresses",
        f"{_DOMAIN}/Auth/Calls/IpAccessControlListMappings.json",
        "contents",
        "AL",
        ("ip_access_control_list_sid",),
        maps="ip_access_control_list_sid",
        updatable=False,
    ),
    Row(
        "registrations_list",
        f"{_DOMAIN}/Auth/Registrations/CredentialListMappings.json",
        "contents",
        "CL",
        ("credential_list_sid",),
        maps="credential_list_sid",
        updatable=False,
    ),
    Row(
        "number",
        f"{_ACCOUNT}/IncomingPhoneNumbers.json",
        "incoming_phone_numbers",
        "PN",
        (),
        {
            **_VOICE,
            "phone_number": "",
            "friendly_name": "",
            "status_callback": None,
            "status_callback_method": "POST",
            "sms_url": None,
            "sms_method": "POST",
            "voice_application_sid": None,
            "sms_application_sid": None,
            "trunk_sid": None,
        },
        creatable=False,
    ),
    Row("policy", "/v1/ConnectionPolicies", "connection_policies", "NY", (), {"friendly_name": None}),
    Row(
        "target",
        "/v1/ConnectionPolicies/{connection_policy_sid}/Targets",
        "targets",
        "NE",
        ("target",),
        {"friendly_name": None, "priority": 10, "weight": 10, "enabled": True},
    ),
    Row(
        "byoc_trunk",
        "/v1/ByocTrunks",
        "byoc_trunks",
        "BY",
        (),
        {
            **_VOICE,
            "friendly_name": None,
            "status_callback_url": None,
            "status_callback_method": "POST",
            "cnam_lookup_enabled": False,
            "connection_policy_sid": None,
            "from_domain_sid": None,
        },
    ),
    Row(
        "trunk",
        "/v1/Trunks",
        "trunks",
        "TK",
        (),
        {
            "friendly_name": None,
            "domain_name": None,
            "secure": False,
            "cnam_lookup_enabled": False,
            "transfer_mode": "disable-all",
            "transfer_caller_id": "from-transferee",
        },
    ),
    Row(
        "origination",
        "/v1/Trunks/{trunk_sid}/OriginationUrls",
        "origination_urls",
        "OU",
        ("weight", "priority", "enabled", "friendly_name", "sip_url"),
        {"priority": 0, "weight": 0, "enabled": True},
    ),
    Row(
        "trunk_list",
        "/v1/Trunks/{trunk_sid}/CredentialLists",
        "credential_lists",
        "CL",
        ("credential_list_sid",),
        maps="credential_list_sid",
        updatable=False,
    ),
    Row(
        "trunk_addresses",
        "/v1/Trunks/{trunk_sid}/IpAccessControlLists",
        "ip_access_control_lists",
        "AL",
        ("ip_access_control_list_sid",),
        maps="ip_access_control_list_sid",
        updatable=False,
    ),
    Row(
        "trunk_number",
        "/v1/Trunks/{trunk_sid}/PhoneNumbers",
        "phone_numbers",
        "PN",
        ("phone_number_sid",),
        maps="phone_number_sid",
        updatable=False,
    ),
    Row(
        "service",
        "/v1/Services",
        "services",
        "ZS",
        ("unique_name", "friendly_name"),
        {"include_credentials": True, "ui_editable": False, "domain_base": ""},
        unique="unique_name",
    ),
    Row(
        "environment",
        f"{_SERVICE}/Environments",
        "environments",
        "ZE",
        ("unique_name",),
        {"domain_suffix": None, "domain_name": "", "build_sid": None},
        unique="unique_name",
        updatable=False,
    ),
    Row("function", f"{_SERVICE}/Functions", "functions", "ZH", ("friendly_name",)),
    Row(
        "version",
        f"{_SERVICE}/Functions/{{function_sid}}/Versions",
        "function_versions",
        "ZN",
        (),
        {"path": "", "visibility": "public", "content": ""},
        hidden=("content",),
        updatable=False,
    ),
    Row(
        "build",
        f"{_SERVICE}/Builds",
        "builds",
        "ZB",
        (),
        {"function_versions": [], "asset_versions": [], "dependencies": [], "runtime": "node22", "status": "building"},
        updatable=False,
    ),
    Row(
        "deployment",
        f"{_SERVICE}/Environments/{{environment_sid}}/Deployments",
        "deployments",
        "ZD",
        (),
        {"build_sid": None},
        updatable=False,
    ),
)
BY_KIND = {row.kind: row for row in ROWS}
