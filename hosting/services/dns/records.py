"""What a record may say: text that somebody typed becomes the one form in which it is stored.

dnspython reads and writes the values, so what is stored is what a name server reads. It takes more
than what should stand in a zone, so each type is looked at before.
"""

import ipaddress
import re

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import idna
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import APEX, RecordType

LONGEST_TEXT = 4000
_STRING = 255  # RFC 1035, section 3.3.14
_IN = dns.rdataclass.IN
# Where the names stand in a value, by type.
NAME_AT = {"CNAME": 0, "NS": 0, "PTR": 0, "MX": 1, "SRV": 3, "HTTPS": 1}
# The numbers in front of it, and how many words there are (None: at least two).
_NUMBERS = {"MX": 1, "SRV": 3, "HTTPS": 1, "CAA": 1, "TLSA": 3, "DS": 3}
_WORDS = {"CNAME": 1, "NS": 1, "PTR": 1, "MX": 2, "SRV": 4, "CAA": 3, "TLSA": 4, "DS": 4}
_MAY_BE_ROOT = {"MX", "SRV", "HTTPS"}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_HEX = re.compile(r"[0-9A-Fa-f]+\Z")
_TAG = re.compile(r"[a-z0-9]{1,15}\Z")
# What is quoted from end to end is strings already; anything else is text, quotes and all.
_STRINGS = re.compile(r'"(\\.|[^"\\])*"(\s+"(\\.|[^"\\])*")*\Z')
# The parameters of HTTPS that name servers know by name; PowerDNS refuses others.
_PARAMETER = re.compile(
    r"(mandatory|alpn|no-default-alpn|port|ipv4hint|ipv6hint|ech)"
    r'(=("[^"\\;]*"|[^"\\;]*))?\Z'
)
_DIGESTS = {1: 64, 2: 128}  # TLSA: letters of SHA-256 and SHA-512

HINTS: dict[str, str | Promise] = {
    "A": _("An IPv4 address, as in 203.0.113.7."),
    "AAAA": _("An IPv6 address, as in 2001:db8::7."),
    "CNAME": _("The one name that this host is another name of."),
    "MX": _("Priority and mail server, as in 10 mail.example.com."),
    "NS": _("The name of a name server."),
    "TXT": _("Any text; it is quoted by itself."),
    "SRV": _("Priority, weight, port and host, as in 10 5 443 server.example.com."),
    "CAA": _("Flags, tag and value, as in 0 issue “ca.example.net”."),
    "TLSA": _("Usage, selector, matching type and data, as in 3 1 1 and 64 hexadecimal digits."),
    "DS": _("Key tag, algorithm, digest type and digest, all of them numbers but the last."),
    "HTTPS": _("Priority, host and parameters, as in 1 . alpn=h2."),
    "PTR": _("The name that the address belongs to."),
}
_NO_HOST = _("This is not a host name. Letters, digits, dashes and underscores, parted by dots.")


def origin_of(zone: str) -> dns.name.Name:
    """The zone's name as dnspython has it."""
    return dns.name.from_text(f"{zone}.")


def clean_host(text: str, zone: str) -> str:
    """The owner of a record, relative to the zone; ValidationError if it is none of its names.

    Empty and `@` are the zone itself. The zone's own name behind it may be typed or left out.
    """
    text = text.strip()
    if text in {"", APEX}:
        return APEX
    name = _labels(text.removesuffix("."), wildcard=True)
    if name == zone:
        return APEX
    if name.endswith(f".{zone}"):
        name = name[: -len(zone) - 1]
    elif text.endswith("."):
        raise ValidationError(_("This name is outside the zone."))
    if len(name) + 1 + len(zone) > 253:
        raise ValidationError(_("With the zone's name it has at most 253 characters."))
    return name


def _labels(text: str, *, wildcard: bool = False) -> str:
    """Each part in ASCII and lower case; ValidationError if one is no part of a host name."""
    labels = text.split(".")
    found = []
    for position, label in enumerate(labels):
        if label == "*" and wildcard and position == 0:
            found.append(label)
            continue
        found.append(_label(label))
    return ".".join(found)


def _label(label: str) -> str:
    ascii_label = label.lower()
    if not label.isascii() or ascii_label.startswith("xn--"):
        try:
            ascii_label = idna.encode(label, uts46=True, std3_rules=True).decode("ascii").lower()
            idna.decode(ascii_label)
        except (idna.IDNAError, UnicodeError) as error:
            raise ValidationError(_NO_HOST) from error
    if not _LABEL.match(ascii_label):
        raise ValidationError(_NO_HOST)
    return ascii_label


def clean_target(text: str, zone: str) -> str:
    """A name that a record points to, with its final dot.

    One word is a name in the zone. With a dot in it, it is whole, whether or not a final dot was
    typed: `mail.example.net` never means a name below this zone.
    """
    if text == APEX:
        return f"{zone}."
    name = _labels(text.removesuffix("."))
    if "." not in text:
        name = f"{name}.{zone}"
    if len(name) > 253:
        raise ValidationError(_("A name has at most 253 characters."))
    return f"{name}."


def clean_value(type_: str, text: str, zone: str) -> str:
    """A value as it is stored; ValidationError with the reason if it is none of this type."""
    if any(ord(c) < 32 or ord(c) == 127 or c in "\x85\u2028\u2029" for c in text.strip()):
        raise ValidationError(_("Line breaks and control characters are not allowed here."))
    if len(text) > LONGEST_TEXT:
        raise ValidationError(_("At most %(n)s characters."), params={"n": LONGEST_TEXT})
    if type_ not in RecordType.values:
        raise ValidationError(_("There are no records of this type here."))
    text = text.strip()
    if type_ == RecordType.TXT:
        return _read(type_, _quoted(text), zone)
    if type_ in {RecordType.A, RecordType.AAAA}:
        return _address(type_, text)
    return _read(type_, _words(type_, text, zone), zone)


def _address(type_: str, text: str) -> str:
    try:
        version = ipaddress.IPv4Address if type_ == RecordType.A else ipaddress.IPv6Address
        address = version(text)
        if getattr(address, "scope_id", None):
            raise ValueError(text)
    except ValueError as error:
        raise ValidationError(HINTS[type_]) from error
    return _read(type_, str(address), "invalid")


def _quoted(text: str) -> str:
    """Text of a TXT record in the strings that a zone file has; what is quoted already stays."""
    if not text:
        raise ValidationError(_("A text is needed."))
    if _STRINGS.match(text):
        return text
    data = text.encode()
    pieces = [data[start : start + _STRING] for start in range(0, len(data), _STRING)]
    return dns.rdtypes.ANY.TXT.TXT(_IN, dns.rdatatype.TXT, pieces).to_text()


def _words(type_: str, text: str, zone: str) -> str:
    """The words of a value, each looked at, in the form in which dnspython reads them."""
    words = text.split(" ", 2) if type_ == RecordType.CAA else text.split()
    expected = _WORDS.get(type_)
    if type_ in {RecordType.TLSA, RecordType.DS} and len(words) > 4:
        words = [*words[:3], "".join(words[3:])]
    if (expected and len(words) != expected) or len(words) < (1 if expected else 2):
        raise ValidationError(HINTS[type_])
    for word in words[: _NUMBERS.get(type_, 0)]:
        # `+1`, `0x1` and `²` are numbers to some who read them.
        if not (word.isascii() and word.isdigit() and len(word) <= 5 and int(word) < 65536):
            raise ValidationError(HINTS[type_])
    if type_ in NAME_AT:
        place = NAME_AT[type_]
        is_root = words[place] == "." and type_ in _MAY_BE_ROOT
        words[place] = "." if is_root else clean_target(words[place], zone)
    if type_ == RecordType.CAA:
        words = _authority(words)
    if type_ in {RecordType.TLSA, RecordType.DS}:
        _refuse_wrong_digest(type_, words)
    if type_ == RecordType.HTTPS and not all(map(_PARAMETER.match, words[2:])):
        raise ValidationError(HINTS[type_])
    return " ".join(words)


def _authority(words: list[str]) -> list[str]:
    """CAA: flags, tag, and what the authority is called, which is quoted by itself."""
    flags, tag, value = words[0], words[1].lower(), words[2].strip()
    if flags not in {"0", "128"} or not _TAG.match(tag):
        raise ValidationError(HINTS["CAA"])
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    if not value or not value.isascii() or '"' in value or "\\" in value:
        raise ValidationError(HINTS["CAA"])
    return [flags, tag, f'"{value}"']


def _refuse_wrong_digest(type_: str, words: list[str]) -> None:
    numbers, data = [int(word) for word in words[:3]], words[3]
    if not _HEX.match(data) or len(data) % 2:
        raise ValidationError(_("The last part is made of pairs of hexadecimal digits."))
    if type_ == RecordType.TLSA:
        usage, selector, matching = numbers
        if usage > 3 or selector > 1 or matching > 2:
            raise ValidationError(_("Usage is 0 to 3, selector 0 or 1, matching type 0 to 2."))
        if len(data) != _DIGESTS.get(matching, len(data)):
            raise ValidationError(_("The data has not the length that its matching type has."))


def _read(type_: str, text: str, zone: str) -> str:
    """What dnspython makes of a value: relative to the zone, in its one form."""
    origin = origin_of(zone)
    try:
        rdata = dns.rdata.from_text(_IN, type_, text, origin=origin, relativize=True)
        stored = rdata.to_text()
        again = dns.rdata.from_text(_IN, type_, stored, origin=origin, relativize=True)
        # SECURITY: what is stored is read back as the same; else it is not stored.
        if again != rdata or "\n" in stored:
            raise ValueError(stored)
    except (dns.exception.DNSException, ValueError, IndexError, KeyError) as error:
        raise ValidationError(HINTS[type_]) from error
    return stored


def whole_value(type_: str, value: str, zone: str) -> str:
    """A stored value with its names written out, as people read it."""
    if type_ not in NAME_AT:
        return value
    origin = origin_of(zone)
    rdata = dns.rdata.from_text(_IN, type_, value, origin=origin, relativize=False)
    return str(rdata.to_text())


def moved_value(type_: str, value: str, zone: str, below: str) -> str:
    """A stored value of `zone` as it is stored below one of its hosts (`shop`)."""
    if type_ not in NAME_AT:
        return value
    origin = origin_of(zone)
    rdata = dns.rdata.from_text(_IN, type_, value, origin=origin, relativize=False)
    return str(rdata.to_text(origin=origin_of(f"{below}.{zone}"), relativize=True))


def renamed_text(value: str, old: str, new: str) -> str:
    """A TXT value in which the name `old`, where it stands as a whole name, is `new`."""
    pattern = rf"(?<![A-Za-z0-9_-]){re.escape(old)}(?![A-Za-z0-9_-]|\.[A-Za-z0-9_])"
    changed = re.sub(pattern, lambda _match: new, value, flags=re.IGNORECASE)
    if changed == value:
        return value
    try:
        return _read("TXT", changed, "invalid")
    except ValidationError:
        # Longer than a string of it may be: it stays as it was.
        return value
