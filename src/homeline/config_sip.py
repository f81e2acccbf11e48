"""What every configuration has about calls, also where there are none: the two singletons, by their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

LOCAL_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")


@dataclass(frozen=True, slots=True)
class Sip:
    """`config sip 'sip'`: Asterisk as a whole. Without `enabled` nothing of Asterisk's is written or touched."""

    enabled: bool = False
    transports: tuple[str, ...] = ("udp",)  # udp, tcp, tls
    bind: str = ""  # "" is every address of the router
    port: int = 5060  # udp and tcp
    tls_port: int = 5061
    certificate: str = ""  # PEM, below Paths.root
    key: str = ""
    ca_file: str = ""  # "" is the system's store
    external_address: str = ""  # address or host name by which the internet reaches the router; "" is not at all
    local_networks: tuple[str, ...] = LOCAL_NETWORKS
    rtp_start: int = 10000
    rtp_end: int = 10199
    ami_port: int = 5038
    log_level: str = "notice"
    language: str = "en"
    restart: str = "idle"  # idle: when no call is up; manual
    voicemail_folder: str = "/etc/homeline/voicemail"  # below Paths.root
    voicemail_quota: int = 16  # MiB
    voicemail_format: str = "wav49"  # gsm, wav49
    accepted: tuple[str, ...] = ()  # findings of the audit that the owner accepts, as FILE:SECTION


@dataclass(frozen=True, slots=True)
class Twilio:
    """`config twilio 'twilio'`: the owner's account, what Homeline keeps there, and the webhook."""

    account_sid: str = ""
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    auth_token: str = field(default="", repr=False)  # signatures only
    region: str = ""  # "" is us1
    edge: str = ""
    domain: str = ""  # of softphones; "" is derived: `domain_name`
    trunk_domain: str = ""  # "" is derived: `trunk_domain_name`
    caller_id: str = ""  # E.164, verified at Twilio
    static_address: bool = False  # an IP access list for BYOC instead of credentials
    secure: bool = True  # softphones by TLS only
    routing: str = "function"  # webhook, function, none
    adopt: tuple[str, ...] = ()  # SIDs, names or numbers
    webhook: bool = False  # the server runs
    public_url: str = ""  # without a slash at its end
    bind: str = "127.0.0.1"
    port: int = 8443
    certificate: str = ""  # PEM, below Paths.root; "" is plain HTTP
    key: str = ""
    voicemail: bool = False
    transcribe: bool = False
    delete_recordings: bool = False
    inbound_sms: bool = False
    made: tuple[str, ...] = ()  # KIND=SID, or KIND:WHICH=OLD VALUE for what is the account's; root's helper writes it

    @property
    def domain_name(self) -> str:
        """The name of the softphones' SIP domain, without `.sip.twilio.com`: such names are one for all of Twilio.

        Derived of the account's SID, so that it is nobody else's and stays the same; "" without an account.
        """
        if self.domain or not self.account_sid:
            return self.domain
        return f"homeline-{_sha256(self.account_sid.encode())[:8]}"

    @property
    def trunk_domain_name(self) -> str:
        """The name of the BYOC trunk's SIP domain, and of an Elastic SIP trunk; likewise."""
        name = self.domain_name
        return self.trunk_domain or (f"{name}-trunk" if name else "")


def _sha256(octets: bytes) -> str:
    """In hexadecimal. Python's own, for hashlib would load OpenSSL's libcrypto, some 4 MB on a router."""
    from contextlib import suppress
    from importlib import import_module

    for name in ("_sha2", "_sha256", "hashlib"):  # from Python 3.12 on; before; one that builds it under another name
        with suppress(ImportError):
            return str(import_module(name).sha256(octets).hexdigest())
    raise ImportError("Python has no SHA-256")
