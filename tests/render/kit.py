"""Configurations that stand for the ways in which Homeline is used, and what is known around each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from homeline import config
from homeline.config_options import Config
from homeline.telephony import Facts

SID = "AC0123456789abcdef0123456789abcdef"
ADDRESSES = {
    "home.example.org": ("203.0.113.7", "2001:db8::7"),
    "sip.provider.example": ("198.51.100.20", "198.51.100.21", "2001:db8::20"),
    "gateway.example.net": ("198.51.100.40",),
    "example.sip.twilio.com": ("54.172.60.1", "54.172.60.2"),
}
MODULES = (
    *("app_dial", "bridge_simple", "chan_dongle", "chan_pjsip", "codec_alaw", "codec_g722", "codec_gsm", "codec_ulaw"),
    *("codec_opus_open_source", "pbx_config", "res_pjsip", "res_pjsip_nat", "res_pjsip_session", "res_rtp_asterisk"),
    "res_srtp",
)
FACTS = Facts(addresses=ADDRESSES, ami_secret="2b7e151628aed2a6abf7158809cf4f3c", version=(22, 10, 1), modules=MODULES)

SIP = """
config homeline 'main'
	option enabled '1'
	option country 'CH'

config sip 'sip'
	option enabled '1'
"""
PUBLIC = """	option external_address 'home.example.org'
	list transports 'udp'
	list transports 'tls'
	option certificate '/etc/homeline/sip.crt'
	option key '/etc/homeline/sip.key'
"""
PHONES = """
config phone 'kitchen'
	option number '21'
	option display 'Küche'

config phone 'mobile'
	option number '22'
	option devices '2'
	list allow_from '192.168.9.0/24'
	list codecs 'g722'
	list codecs 'alaw'
	option dtmf 'info'

config phone 'away'
	option enabled '0'
"""
TEXTS = """
config phone 'texter'
	option sms '1'
	list sms_to '+41*'

config sip_message 'softphones'
	list phones 'texter'
	list phones 'kitchen'
"""
SAFE_PHONE = """
config phone 'safe'
	option secure '1'
"""
TWILIO = f"""
config twilio 'twilio'
	option account_sid '{SID}'
"""
BYOC = """
config trunk 'twilio_in'
	option type 'twilio'
	option mode 'byoc'
	option host 'example.sip.twilio.com'
	list edges 'frankfurt'
	list edges 'dublin'
	option username 'house'
	option inbound_username 'twilio'
	option max_calls '4'
"""
ELASTIC = """
config trunk 'elastic'
	option type 'twilio'
	option mode 'elastic'
	option host 'example.pstn.twilio.com'
	option username 'house'
	option session_timers 'always'
	option privacy '1'
"""
ROAMING = """
config trunk 'roaming'
	option type 'twilio'
	option mode 'registered'
	option host 'example.sip.twilio.com'
	option username 'router'
	option qualify '25'
"""
REGISTERED = """
config trunk 'voip'
	option host 'sip.provider.example'
	option port '5065'
	option transport 'tcp'
	option username '41441112233'
	option realm 'provider.example'
	option from_user '41441112233'
	option from_domain 'provider.example'
	option send_pai '0'
	option trust_pai '1'
	option expiry '600'
"""
PEER = """
config trunk 'carrier'
	option mode 'peer'
	option host 'gateway.example.net'
	list allowed '198.51.100.32/28'
	list allowed '2001:db8:40::/48'
	option username 'house'
	option inbound_username 'carrier.example'
"""
NOMAD = """
config trunk 'nomad'
	option mode 'peer'
	option host '198.51.100.99'
	option username 'house'
	option inbound_username 'nomad-7'
"""
DONGLE = """
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '351234567890123'
	list driver_options 'rxgain=-3'
	list driver_options 'interval=5'

config dongle 'second'
	option driver 'chan_dongle'
	option data '/dev/ttyUSB2'
	option audio '/dev/ttyUSB1'
	list driver_options 'interval=30'

config line 'home'
	option dongle 'stick'
	list ring 'kitchen'
	option voicemail '1'
"""
QUECTEL = """
config dongle 'modem'
	option driver 'chan_quectel'
	option data '/dev/ttyUSB7'
	list driver_options 'quec_uac=1'
	list driver_options 'alsadev=hw:CARD=Android,DEV=0'

config line 'office'
	option dongle 'modem'
	list ring 'kitchen'
"""
OUTBOUND = """
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
"""
SECRETS = """
config phone 'kitchen'
	option password 'boil; "the" [water] => ${now} #1'

config phone 'mobile'
	option password 'walking-about-2'

config phone 'safe'
	option password 'behind-a-door-3'

config phone 'texter'
	option password 'taps-away-for-hours-9'

config trunk 'twilio_in'
	option password 'Calls-out-4'
	option inbound_password 'Calls-in-5'

config trunk 'elastic'
	option password 'Stretches-6'

config trunk 'roaming'
	option password 'Travels-7'

config trunk 'voip'
	option password 'Registers-8'

config trunk 'carrier'
	option password 'Carries-9'
	option inbound_password 'Is-carried-10'

config trunk 'nomad'
	option password 'Wanders-11'
	option inbound_password 'Wonders-12'
"""
TCP = "	list transports 'udp'\n	list transports 'tcp'\n"
ALL_TRANSPORTS = PUBLIC.replace("	list transports 'tls'\n", "	list transports 'tls'\n	list transports 'tcp'\n")

OWNERS = {
    "pjsip.conf": ("global", "type=global", "6001"),
    "rtp.conf": ("general", "ice_host_candidates"),
    "logger.conf": ("general", "logfiles"),
    "manager.conf": ("general",),
    "modules.conf": ("modules",),
    "dongle.conf": ("general", "defaults"),
    "extensions.conf": ("general", "globals", "default"),
}  # what files of the owner have in which the same sections are


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration, and what is known besides."""

    uci: str
    facts: Facts = field(default=FACTS)

    @property
    def config(self) -> Config:
        """Without a mistake, or the test is wrong."""
        read = config.read(self.uci, SECRETS)
        assert all(problem.where.startswith("homeline_secret.") for problem in read.problems), read.problems
        return read


EVERYTHING = "".join(
    (*(SIP, ALL_TRANSPORTS, TWILIO, BYOC, ROAMING, REGISTERED, PEER, NOMAD), PHONES, TEXTS, SAFE_PHONE, DONGLE, QUECTEL)
)
CASES = {
    "phones": Case(SIP + PHONES),
    "messages": Case(SIP + PHONES + TEXTS),
    "twilio_byoc": Case(SIP + PUBLIC + TWILIO + BYOC),
    "twilio_elastic": Case(SIP + PUBLIC + TWILIO + ELASTIC),
    "twilio_registered": Case(SIP + TWILIO + ROAMING),
    "provider_registered": Case(SIP + TCP + REGISTERED),
    "provider_peer": Case(SIP + PUBLIC + PEER + NOMAD),
    "ipv6": Case(SIP + "\toption bind '::1'\n" + PUBLIC + REGISTERED.replace("'tcp'", "'udp'") + PEER + PHONES),
    "dongle": Case(SIP + PHONES + DONGLE + OUTBOUND),
    "quectel": Case(SIP + PHONES + QUECTEL),
    "everything": Case(EVERYTHING + OUTBOUND),
    "owners_sections": Case(SIP + PHONES + DONGLE, replace(FACTS, sections=OWNERS)),
    "nothing_known": Case(SIP + TCP + REGISTERED + PHONES, Facts(ami_secret=FACTS.ami_secret)),
}
