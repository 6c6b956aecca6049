"""Host names, document roots: what may be typed, and how it is stored."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

import idna
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from publicsuffixlist import PublicSuffixList

from panel.core import setting

# Below each domain these are its own services'; `www` comes with each domain and alias.
RESERVED_LABELS = frozenset({"www", "mail", "webmail", "ftp", "autoconfig", "autodiscover"})


@lru_cache(maxsize=1)
def suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def to_ascii(value: str) -> str:
    """The name as machines write it: lower case, IDNA 2008, no final dot; ValidationError if none.

    RFC 1123 labels, at least two of them, 253 characters at most. An `xn--` label typed by hand
    must decode and encode back to itself.
    """
    # UTS 46 takes these for a dot; here and not later, or a final one would stay.
    value = value.strip().translate(dict.fromkeys(map(ord, "\u3002\uff0e\uff61"), "."))
    text = unicodedata.normalize("NFC", value).removesuffix(".")
    if not text or ".." in value or value.startswith("."):
        raise ValidationError(_("This is not a domain name."))
    _refuse_addresses(text)
    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
        idna.decode(name)
    except (idna.IDNAError, UnicodeError) as error:
        raise ValidationError(_("This is not a domain name.")) from error
    if "." not in name:
        raise ValidationError(_("A domain name has at least two parts, as in example.com."))
    if len(name) > 253:
        raise ValidationError(_("A domain name has at most 253 characters."))
    last = name.rsplit(".", 1)[1]
    # A browser reads a name that ends in a number, as 1.2.3.0x4 does, as an address.
    if last.isdigit() or last.startswith("0x"):
        raise ValidationError(_("This is not a domain name."))
    return name


def _refuse_addresses(text: str) -> None:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return
    raise ValidationError(_("This is an IP address; a domain name is needed."))


def to_unicode(name: str) -> str:
    """The name as people read it."""
    try:
        return idna.decode(name)
    except (idna.IDNAError, UnicodeError):
        return name


def restricted_entry(value: str) -> str:
    """A name, or a single label as in "corp", as machines write it."""
    return to_ascii(f"x.{value}").removeprefix("x.")


setting.section(
    "names",
    _("Domain names"),
    _("The panel's own hosts and public suffixes, as co.uk is one, are never hosted here."),
    order=20,
)
# Mail for them would be kept from the real ones.
RESTRICTED_NAMES = setting.declare(
    setting.Lines(
        "restricted_names",
        "names",
        _("Restricted names"),
        (
            *("gmail.com", "googlemail.com", "google.com", "outlook.com", "hotmail.com"),
            *("live.com", "msn.com", "microsoft.com", "yahoo.com", "ymail.com", "aol.com"),
            *("icloud.com", "me.com", "mac.com", "apple.com", "gmx.net", "gmx.de", "gmx.at"),
            *("gmx.ch", "web.de", "t-online.de", "freenet.de", "mail.ru", "yandex.ru"),
            *("yandex.com", "proton.me", "protonmail.com", "fastmail.com", "zoho.com"),
            *("mail.com", "qq.com", "163.com", "126.com", "sina.com", "naver.com", "daum.net"),
            *("orange.fr", "free.fr", "laposte.net", "libero.it", "tiscali.it", "seznam.cz"),
            *("wp.pl", "onet.pl", "o2.pl", "comcast.net", "verizon.net", "att.net", "cox.net"),
            *("amazon.com", "facebook.com", "paypal.com", "github.com"),
        ),
        _(
            "One a line. Neither they nor anything below them can be added here; what is hosted"
            " already stays."
        ),
        clean=restricted_entry,
    )
)


def apex_of(name: str) -> str:
    """The registrable domain above a name (or itself)."""
    return suffixes().privatesuffix(name) or name


def clean_host_name(value: str) -> str:
    """A name that may be hosted here, in ASCII; ValidationError with the reason otherwise."""
    name = to_ascii(value)
    first = name.split(".", 1)[0]
    if first in RESERVED_LABELS and name != apex_of(name):
        if first == "www":
            raise ValidationError(_("Leave out www: it belongs to each domain by itself."))
        raise ValidationError(
            _("%(label)s below a domain is reserved for its services."), params={"label": first}
        )
    if is_restricted(name):
        raise ValidationError(_("This name cannot be hosted here."))
    return name


def is_restricted(name: str) -> bool:
    """The panel's own hosts, public suffixes, and well-known names with all below them."""
    if name in own_hosts() or suffixes().publicsuffix(name, accept_unknown=False) == name:
        return True
    labels = name.split(".")
    above = {".".join(labels[i:]) for i in range(len(labels))}
    return not above.isdisjoint(RESTRICTED_NAMES.get())


def own_hosts() -> set[str]:
    """Names of the panel itself. (Of a first look it is localhost, and the sites *.localhost: a
    word alone is no name here.)"""
    hosts = {host.strip("[].").lower() for host in settings.ALLOWED_HOSTS}
    return {host for host in hosts if "." in host and not host[-1].isdigit()}


def clean_document_root(value: str) -> str:
    """A relative path below the subscription's home: plain parts, no way out."""
    parts = value.strip().strip("/").split("/")
    for part in parts:
        good = part and part not in {".", ".."} and not part.startswith(("-", "."))
        if not good or not all(c.isascii() and (c.isalnum() or c in "._-") for c in part):
            raise ValidationError(
                _("A path below the home, of letters, digits, dot, dash and underscore.")
            )
    path = "/".join(parts)
    if len(path) > 200:
        raise ValidationError(_("At most 200 characters."))
    return path


# What may stand unencoded in a path, a query and a fragment (RFC 3986); a percent sign only
# where it begins an escape. Apostrophes and dollar signs mean something to some configurations.
_PLAIN = "/:@!&()*+,;=~%"
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def clean_address(value: str) -> str:
    """An address of the web to lead visitors to, in ASCII: http or https, a host, maybe a page."""
    wrong = ValidationError(_("This is not an address like https://example.com/page."))
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"}:
        raise ValidationError(_("It has to begin with http:// or https://."))
    if not parts.hostname or "@" in parts.netloc or port == 0:
        raise wrong
    host = _host_of_address(parts.hostname)
    path, query, fragment = (
        quote(_NO_ESCAPE.sub("%25", text), safe=_PLAIN + more)
        for text, more in ((parts.path, ""), (parts.query, "?"), (parts.fragment, "?"))
    )
    if path == "/" and not query and not fragment:
        path = ""
    found = urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", path, query, ""))
    found += f"#{fragment}" if fragment else ""
    if len(found) > 500:
        raise ValidationError(_("At most 500 characters."))
    return found


def _host_of_address(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        return to_ascii(host)


def host_of(address: str) -> str:
    """The host of a stored address."""
    return urlsplit(address).hostname or ""
