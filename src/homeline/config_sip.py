"""What every configuration has about calls, also where there are none: the two singletons, by their defaults."""

from __future__ import annotations

from dataclasses import dataclass

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
    """`config twilio 'twilio'`: the owner's account."""

    account_sid: str = ""
