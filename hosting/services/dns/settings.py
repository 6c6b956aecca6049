"""What an administrator sets about DNS: who serves zones, and what new ones say of themselves."""

import ipaddress
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import LONGEST_TTL, Zone
from hosting.validators import to_ascii
from panel.core import setting

setting.section(
    "dns",
    _("DNS"),
    _("What zones say about themselves, and which other name servers have copies of them."),
    order=30,
)


# An address with the port behind it: 203.0.113.9:5300 or [2001:db8::9]:5300.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})\Z")
_DNS_PORT = 53


def clean_secondary(text: str) -> str:
    """The address of a name server that fetches zones, with its port where it is not 53."""
    found = _WITH_PORT.match(text)
    address, port = (found[1] or found[2], int(found[3])) if found else (text, _DNS_PORT)
    try:
        read = ipaddress.ip_address(address)
        is_wrong = found is not None and (found[2] is not None) != (read.version == 4)
        if is_wrong or port > 65535 or "%" in address:
            raise ValueError(text)
    except ValueError as error:
        raise ValidationError(_("An address, as in 203.0.113.9 or 2001:db8::9.")) from error
    if port == _DNS_PORT:
        return str(read)
    return f"{read}:{port}" if read.version == 4 else f"[{read}]:{port}"


def catalog_name(node_id: int) -> str:
    """The zone in which a node lists its zones for the secondaries (RFC 9432)."""
    return f"node-{node_id}.catalog.invalid"


def _all_zones_changed() -> None:
    Zone.objects.unscoped("every zone names the name servers").raise_serial()


def _secondaries_changed() -> None:
    Zone.objects.unscoped("every zone says who may fetch it").deploy()


NAME_SERVERS = setting.declare(
    setting.Lines(
        "dns_name_servers",
        "dns",
        _("Name servers"),
        (),
        _("One a line, as ns1.example.com. Every zone names all of them; the first is in its SOA."),
        clean=to_ascii,
    ),
    after=_all_zones_changed,
)

SECONDARIES = setting.declare(
    setting.Lines(
        "dns_secondaries",
        "dns",
        _("Secondary name servers"),
        (),
        _(
            "Addresses, one a line, that may fetch all zones and are told of changes. What to fetch"
            " they learn from the catalog zone of each node, node-1.catalog.invalid for node 1."
        ),
        clean=clean_secondary,
    ),
    after=_secondaries_changed,
)


def _seconds(name: str, label: Any, default: int, help_text: Any) -> setting.Number:
    return setting.declare(
        setting.Number(f"dns_{name}", "dns", label, default, help_text, least=30, most=LONGEST_TTL)
    )


_SOA = {
    name: _seconds(name, label, default, help_text)
    for name, label, default, help_text in (
        ("ttl", _("Default TTL (seconds)"), 3600, _("Of records that have none of their own.")),
        ("refresh", _("Refresh (seconds)"), 10800, _("How often secondaries ask for changes.")),
        ("retry", _("Retry (seconds)"), 3600, _("When they ask again after no answer.")),
        ("expire", _("Expire (seconds)"), 1209600, _("When they give up without an answer.")),
        ("minimum", _("Negative TTL (seconds)"), 3600, _("How long “no such name” is remembered.")),
    )
}


def soa_values() -> dict[str, int]:
    """What the SOA of a new zone says."""
    with setting.read_once():
        return {name: one.get() for name, one in _SOA.items()}
