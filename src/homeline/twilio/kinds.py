"""The kinds of things at Twilio that Homeline makes: where the library has them, and what tells one from another.

In the order in which they are made; what is removed goes in the reverse order, so nothing goes while it is in use.
Source: Twilio's OpenAPI documents (github.com/twilio/twilio-oai).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PRODUCTS = {"api": "2010-04-01", "voice": "v1", "serverless": "v1", "routes": "v2", "trunking": "v1"}  # with versions
GLOBAL = ("serverless", "routes")  # only at their plain names: regions have none of their own

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `identity` is the field that tells one from another among those of the same parent."""

    name: str
    words: str  # for people
    product: str
    where: str  # module and class below `twilio.rest`
    identity: str
    fields: tuple[str, ...] = ()  # that may be changed afterwards
    extra: tuple[str, ...] = ()  # that Twilio chooses, and others are made of
    secret: str = ""  # a field that is given and never read
    parent: str = ""
    label: str = ""  # the field in which our mark stands; "" of what belongs to a parent
    by_sid: bool = False  # it is a mapping: its SID is that of the thing that is mapped, given by `identity`
    alone: bool = False  # nobody else may have this identity, in this account or anywhere


_SIP = "api.v2010.account.sip"
_AUTH = f"{_SIP}.domain.auth_types"
_CALLS = f"{_AUTH}.auth_type_calls.auth_calls"
_SERVICE = "serverless.v1.service"

KINDS = (
    Kind(
        "credential_list",
        "list of credentials",
        "api",
        f"{_SIP}.credential_list:CredentialListList",
        "friendly_name",
        label="friendly_name",
    ),
    Kind(
        "credential",
        "credential",
        "api",
        f"{_SIP}.credential_list.credential:CredentialList",
        "username",
        secret="password",  # noqa: S106  the name of a field
        parent="credential_list",
    ),
    Kind(
        "access_list",
        "list of addresses",
        "api",
        f"{_SIP}.ip_access_control_list:IpAccessControlListList",
        "friendly_name",
        label="friendly_name",
    ),
    Kind(
        "address",
        "address",
        "api",
        f"{_SIP}.ip_access_control_list.ip_address:IpAddressList",
        "ip_address",
        ("friendly_name", "cidr_prefix_length"),
        parent="access_list",
    ),
    Kind(
        "policy",
        "connection policy",
        "voice",
        "voice.v1.connection_policy:ConnectionPolicyList",
        "friendly_name",
        label="friendly_name",
    ),
    Kind(
        "target",
        "target",
        "voice",
        "voice.v1.connection_policy.connection_policy_target:ConnectionPolicyTargetList",
        "target",
        ("friendly_name", "priority", "weight", "enabled"),
        parent="policy",
    ),
    Kind(
        "service",
        "service of functions",
        "serverless",
        f"{_SERVICE}:ServiceList",
        "unique_name",
        ("friendly_name", "include_credentials"),
        label="friendly_name",
        alone=True,
    ),
    Kind(
        "environment",
        "environment",
        "serverless",
        f"{_SERVICE}.environment:EnvironmentList",
        "unique_name",
        extra=("domain_name", "build_sid"),
        parent="service",
    ),
    Kind("function", "function", "serverless", f"{_SERVICE}.function:FunctionList", "friendly_name", parent="service"),
    Kind(
        "byoc_trunk",
        "BYOC trunk",
        "voice",
        "voice.v1.byoc_trunk:ByocTrunkList",
        "friendly_name",
        ("voice_url", "voice_method", "status_callback_url", "status_callback_method", "connection_policy_sid"),
        label="friendly_name",
    ),
    Kind("deployment", "function's code", "serverless", "", "name", ("code",), parent="environment"),
    Kind(
        "sip_domain",
        "SIP domain",
        "api",
        f"{_SIP}.domain:DomainList",
        "domain_name",
        (
            "friendly_name",
            "voice_url",
            "voice_method",
            "voice_status_callback_url",
            "voice_status_callback_method",
            "sip_registration",
            "secure",
            "byoc_trunk_sid",
        ),
        label="friendly_name",
        alone=True,
    ),
    Kind(
        "calls_list",
        "credentials for calls",
        "api",
        f"{_CALLS}_credential_list_mapping:AuthCallsCredentialListMappingList",
        "credential_list_sid",
        parent="sip_domain",
        by_sid=True,
    ),
    Kind(
        "calls_addresses",
        "addresses for calls",
        "api",
        f"{_CALLS}_ip_access_control_list_mapping:AuthCallsIpAccessControlListMappingList",
        "ip_access_control_list_sid",
        parent="sip_domain",
        by_sid=True,
    ),
    Kind(
        "registrations_list",
        "credentials for registration",
        "api",
        f"{_AUTH}.auth_type_registrations.auth_registrations_credential_list_mapping"
        ":AuthRegistrationsCredentialListMappingList",
        "credential_list_sid",
        parent="sip_domain",
        by_sid=True,
    ),
    Kind(
        "region",
        "region in force",
        "routes",
        "routes.v2.sip_domain:SipDomainList",
        "sip_domain",
        ("voice_region",),
        parent="sip_domain",
    ),
    Kind(
        "trunk",
        "Elastic SIP trunk",
        "trunking",
        "trunking.v1.trunk:TrunkList",
        "friendly_name",
        ("domain_name", "secure"),
        label="friendly_name",
    ),
    Kind(
        "origination",
        "origination address",
        "trunking",
        "trunking.v1.trunk.origination_url:OriginationUrlList",
        "sip_url",
        ("friendly_name", "priority", "weight", "enabled"),
        parent="trunk",
    ),
    Kind(
        "trunk_list",
        "credentials for calls",
        "trunking",
        "trunking.v1.trunk.credential_list:CredentialListList",
        "credential_list_sid",
        parent="trunk",
        by_sid=True,
    ),
    Kind(
        "trunk_addresses",
        "addresses for calls",
        "trunking",
        "trunking.v1.trunk.ip_access_control_list:IpAccessControlListList",
        "ip_access_control_list_sid",
        parent="trunk",
        by_sid=True,
    ),
    Kind(
        "number",
        "phone number",
        "api",
        "api.v2010.account.incoming_phone_number:IncomingPhoneNumberList",
        "phone_number",
        ("voice_url", "voice_method", "status_callback", "status_callback_method", "sms_url", "sms_method"),
        extra=("voice_application_sid", "sms_application_sid", "trunk_sid"),
        label="friendly_name",
        alone=True,
    ),
    Kind(
        "trunk_number",
        "phone number of the trunk",
        "trunking",
        "trunking.v1.trunk.phone_number:PhoneNumberList",
        "phone_number_sid",
        parent="trunk",
        by_sid=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
RANK = {kind.name: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that is at Twilio. Its texts may be anybody's. `chain` are the SIDs of its parents, the topmost first."""

    kind: str
    sid: str
    name: str  # the value of `identity`
    fields: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    chain: tuple[str, ...] = ()


def text(value: object) -> str:
    """A field's value as it is compared and shown: Twilio has both null and "" for nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
