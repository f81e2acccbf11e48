"""SMS PDUs: the names that the rest of Homeline uses. The codec is in the `pdu_*` modules beside this one."""

from homeline.protocol.address import Address
from homeline.protocol.pdu_coding import Coding
from homeline.protocol.pdu_decode import Deliver, StatusReport, Submit, UserData, decode
from homeline.protocol.pdu_encode import Encoded, encode_deliver, encode_status_report, encode_submit
from homeline.protocol.pdu_receive import note, received_part, status_report
from homeline.protocol.pdu_text import Content, Preview, preview
from homeline.protocol.pdu_time import Timestamp, Validity

__all__ = [
    "Address",
    "Coding",
    "Content",
    "Deliver",
    "Encoded",
    "Preview",
    "StatusReport",
    "Submit",
    "Timestamp",
    "UserData",
    "Validity",
    "decode",
    "encode_deliver",
    "encode_status_report",
    "encode_submit",
    "note",
    "preview",
    "received_part",
    "status_report",
]
