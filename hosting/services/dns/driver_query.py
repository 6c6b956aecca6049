"""A question to a name server and as much of the answer as a probe needs (RFC 1035, section 4)."""

import struct
from dataclasses import dataclass

TYPES = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "DS": 43,
    "TLSA": 52,
    "HTTPS": 65,
    "CAA": 257,
}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_POINTER = 0xC0


@dataclass(frozen=True)
class Reply:
    """What came back: its code in words, and the serial of a SOA record in the answer."""

    code: str
    serial: int | None = None


def question(number: int, name: str, type_: str) -> bytes:
    """Return the message that asks for this."""
    labels = b"".join(bytes([len(each)]) + each.encode("ascii") for each in name.split("."))
    header = struct.pack(">6H", number, 0, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack(">2H", TYPES[type_], 1)


def reply(number: int, data: bytes | None) -> Reply | None:
    """Return what a message says; None if it is none, or not the answer to this question."""
    try:
        if data is None:
            return None
        found, flags, questions, answers = struct.unpack(">4H", data[:8])
        if found != number or not flags & 0x8000:
            return None
        code = CODES.get(flags & 15, str(flags & 15))
        at = 12
        for _ in range(questions):
            at = _behind_name(data, at) + 4
        for _ in range(answers):
            at = _behind_name(data, at)
            type_, _class, _ttl, length = struct.unpack(">2HIH", data[at : at + 10])
            at += 10
            if type_ == TYPES["SOA"]:
                after = _behind_name(data, _behind_name(data, at))
                return Reply(code, struct.unpack(">I", data[after : after + 4])[0])
            at += length
        return Reply(code)
    except (struct.error, IndexError):
        return None


def _behind_name(data: bytes, at: int) -> int:
    while length := data[at]:
        if length & _POINTER == _POINTER:
            return at + 2
        at += length + 1
    return at + 1


def is_older(serial: int, than: int) -> bool:
    """Say whether a serial is behind another one, in the arithmetic of serials (RFC 1982)."""
    return serial != than and (than - serial) % 2**32 < 2**31
