"""What an administrator sets about DNS: who serves zones, and what new ones say of themselves."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import LONGEST_TTL, Zone
from hosting.validators import to_ascii
from panel.core import setting

setting.section(
    "dns",
    _("DNS"),
    _(
        "Zones are kept here and not served yet: no name server of this installation answers for"
        " them."
    ),
    order=30,
)


def _all_zones_changed() -> None:
    Zone.objects.unscoped("every zone names the name servers").raise_serial()


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
