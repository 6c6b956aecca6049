"""What a record says, in the form in which PowerDNS keeps it: the one place that writes contents.

A value comes as a zone file has it, with whole names and their final dots. Each type is read by a
grammar of its own and written anew from what was read; what does not belong is refused.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable

from hosting.agent.protocol import invalid

MAX_VALUE = 16_384
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_OWNER = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.ASCII)
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.ASCII)
_CAA = re.compile(r'(0|128) ([a-z0-9]{1,15}) "([!#-\[\]-~ ]+)"', re.ASCII)
_PARAMETER = re.compile(r'([a-z0-9-]+)(?:=(?:"([^"\\]*)"|([^"\\ ]*)))?', re.ASCII)
_PROTOCOLS = re.compile(r"[A-Za-z0-9._/+-]{1,60}(?:,[A-Za-z0-9._/+-]{1,60})*", re.ASCII)
_KEYS = re.compile(r"[a-z0-9-]{1,20}(?:,[a-z0-9-]{1,20})*", re.ASCII)
# Longest string of a text, and how long all of them together may be (RFC 1035, section 3.3.14).
_LONGEST_STRING, _LONGEST_TEXT = 255, 8192

# Content, and the priority, which PowerDNS keeps in a column of its own.
Written = tuple[str, int]


def name(value: object, what: str) -> str:
    """Return a name of a zone, without a final dot."""
    if type(value) is not str or len(value) > 253 or not _NAME.fullmatch(value):
        raise invalid(f"{what} is not a name: {str(value)[:80]!r}")
    return value


def owner(host: object, zone: str) -> str:
    """Return the whole name of a host that is given relative to its zone."""
    if host == "@":
        return zone
    if type(host) is not str or not _OWNER.fullmatch(host) or len(host) + 1 + len(zone) > 253:
        if host == "*" and len(zone) <= 251:
            return f"*.{zone}"
        raise invalid(f"{str(host)[:80]!r} is not a host of {zone}")
    return f"{host}.{zone}"


def written(type_: str, value: object) -> Written:
    """Return content and priority of a record; AgentError with the reason if it is not sound."""
    if type(value) is not str or not 0 < len(value) <= MAX_VALUE or not value.isascii():
        raise invalid("is not a text of ASCII letters")
    if not value.isprintable():
        raise invalid("holds control characters")
    if type_ not in _WRITERS:
        raise invalid("is of an unknown type")
    return _WRITERS[type_](value)


def _plain(content: str) -> Written:
    return content, 0


def _ipv4(value: str) -> Written:
    try:
        return _plain(str(ipaddress.IPv4Address(value)))
    except ValueError:
        raise invalid(f"is not an IPv4 address: {value[:40]!r}") from None


def _ipv6(value: str) -> Written:
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        raise invalid(f"is not an IPv6 address: {value[:60]!r}") from None
    if address.scope_id is not None:
        raise invalid(f"is not an IPv6 address: {value[:60]!r}")
    return _plain(str(address))


def _target(value: str, may_be_root: bool = False) -> str:
    if value == "." and may_be_root:
        return value
    if not value.endswith(".") or len(value) > 254 or not _NAME.fullmatch(value[:-1]):
        raise invalid(f"does not lead to a whole name: {value[:80]!r}")
    return value[:-1]


def _numbers(words: list[str], count: int, most: int = 65535) -> list[int]:
    found = words[:count]
    if len(found) < count or not all(_NUMBER.fullmatch(word) for word in found):
        raise invalid("does not begin with its numbers")
    numbers = [int(word) for word in found]
    if max(numbers) > most:
        raise invalid(f"has a number above {most}")
    return numbers


def _words(value: str, count: int) -> list[str]:
    words = value.split(" ")
    if len(words) != count:
        raise invalid(f"does not have {count} parts")
    return words


def _one_name(value: str) -> Written:
    return _plain(_target(value))


def _mail(value: str) -> Written:
    words = _words(value, 2)
    return _target(words[1], may_be_root=True), _numbers(words, 1)[0]


def _service(value: str) -> Written:
    words = _words(value, 4)
    priority, weight, port = _numbers(words, 3)
    return f"{weight} {port} {_target(words[3], may_be_root=True)}", priority


def _text(value: str) -> Written:
    strings: list[bytes] = []
    at = 0
    while at < len(value):
        found = _STRING.match(value, at)
        if not found:
            raise invalid("is not a text in quotes")
        strings.append(_unescaped(found[1]))
        at = found.end()
        if at < len(value):
            if value[at] != " ":
                raise invalid("is not a text in quotes")
            at += 1
    if any(len(each) > _LONGEST_STRING for each in strings):
        raise invalid(f"has a string of more than {_LONGEST_STRING} characters")
    if sum(map(len, strings)) > _LONGEST_TEXT:
        raise invalid(f"is a text of more than {_LONGEST_TEXT} characters")
    return _plain(" ".join(f'"{"".join(map(_escaped, each))}"' for each in strings))


def _unescaped(text: str) -> bytes:
    def one(found: re.Match[str]) -> str:
        if not found[1].isdigit():
            return found[1]
        if len(found[1]) != 3 or int(found[1]) > 255:
            raise invalid("has an escape that is none")
        return chr(int(found[1]))

    return _ESCAPE.sub(one, text).encode("latin-1")


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{chr(byte)}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03d}"


def _authority(value: str) -> Written:
    found = _CAA.fullmatch(value)
    if not found:
        raise invalid("does not have flags, tag and a quoted value")
    return _plain(f'{found[1]} {found[2]} "{found[3]}"')


def _digest(value: str) -> Written:
    words = value.split(" ")
    numbers, data = _numbers(words, 3), "".join(words[3:])
    if max(numbers[1:]) > 255 or not _HEX.fullmatch(data):
        raise invalid("does not have three numbers and hexadecimal digits")
    return _plain(f"{numbers[0]} {numbers[1]} {numbers[2]} {data.lower()}")


def _service_binding(value: str) -> Written:
    words = value.split(" ", 2)
    (priority,) = _numbers(words, 1)
    if len(words) < 2:
        raise invalid("names no host")
    parts = [str(priority), _target(words[1], may_be_root=True)]
    seen: set[str] = set()
    for piece in words[2].split(" ") if len(words) > 2 else ():
        found = _PARAMETER.fullmatch(piece)
        if not found or found[1] in seen:
            raise invalid(f"has a parameter that is none: {piece[:40]!r}")
        seen.add(found[1])
        parts.append(_parameter(found[1], found[2] or found[3] or ""))
    return _plain(" ".join(parts))


def _parameter(key: str, value: str) -> str:
    """Return a parameter as PowerDNS reads it: without quotes."""
    if key == "no-default-alpn":
        is_sound = value == ""
        return _checked(is_sound, key, key)
    if key == "alpn":
        return _checked(_PROTOCOLS.fullmatch(value), key, f"{key}={value}")
    if key == "mandatory":
        return _checked(_KEYS.fullmatch(value), key, f"{key}={value}")
    if key == "port":
        return _checked(_NUMBER.fullmatch(value) and int(value) < 65536, key, f"{key}={value}")
    if key in ("ipv4hint", "ipv6hint"):
        reader = _ipv4 if key == "ipv4hint" else _ipv6
        return f"{key}={','.join(reader(each)[0] for each in value.split(','))}"
    if key == "ech":
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        return _checked(data, key, f'{key}="{value}"')
    raise invalid(f"has an unknown parameter: {key[:40]!r}")


def _checked(is_sound: object, key: str, text: str) -> str:
    if not is_sound:
        raise invalid(f"has a value of {key} that is none")
    return text


_WRITERS: dict[str, Callable[[str], Written]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CNAME": _one_name,
    "NS": _one_name,
    "PTR": _one_name,
    "MX": _mail,
    "SRV": _service,
    "TXT": _text,
    "CAA": _authority,
    "TLSA": _digest,
    "DS": _digest,
    "HTTPS": _service_binding,
}
